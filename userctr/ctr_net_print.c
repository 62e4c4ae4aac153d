// SPDX-License-Identifier: Apache-2.0
/* What inspect and lists show of a container's networks, and network inspect of its containers. */
#include "userctr/nets.h"

#include "lib/base/buf.h"
#include "lib/codec/json.h"

#include <stdio.h>
#include <string.h>

/* ---- names ---- */

struct names {
	const char *seen[ENDPOINTS_MAX];
	size_t n;
	endpoint_name_fn *each;
	void *arg;
};

static bool say_name(struct names *s, const char *name)
{
	if (name == NULL || *name == '\0')
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->seen[i], name) == 0)
			return false;
	if (s->n < ENDPOINTS_MAX)
		s->seen[s->n++] = name;
	return s->each(name, s->arg);
}

bool endpoint_names(const struct ctr_net *n, const struct endpoint *ep, endpoint_name_fn *each, void *arg)
{
	struct names s = {.each = each, .arg = arg};
	struct json_iter it = json_iter(json_get(ep->conf, "Aliases"));
	char short_id[13];

	(void)snprintf(short_id, sizeof(short_id), "%.12s", n->id); /* fits */
	if (say_name(&s, n->name))
		return true;
	while (json_next(&it))
		if (say_name(&s, json_str(it.value)))
			return true;
	return say_name(&s, short_id) || say_name(&s, n->hostname);
}

/* ---- an endpoint ---- */

static void put_or_null(struct json_writer *w, const struct endpoint *ep, const char *key)
{
	const struct json *v = json_get(ep->conf, key);

	jw_key(w, key);
	if (v != NULL)
		jw_value(w, v);
	else
		jw_null(w);
}

static bool print_name(const char *name, void *arg)
{
	jw_str(arg, name);
	return false;
}

static void print_v6(struct json_writer *w)
{
	jw_kstr(w, "GlobalIPv6Address", "");
	jw_kint(w, "GlobalIPv6PrefixLen", 0);
}

/* Address fields, as both an endpoint and (for the default network, in another order) the settings as a whole have them. */
static void print_addresses(struct json_writer *w, const struct endpoint *ep, bool is_whole)
{
	char text[IP_TEXT_MAX];
	bool is_up = ep != NULL && ep->net != NULL && ep->net->kind == NETWORK_BRIDGE;

	jw_kstr(w, "EndpointID", ep != NULL && ep->net != NULL ? ep->id : "");
	jw_kstr(w, "Gateway", is_up ? ip_text(&ep->at.gateway, text) : "");
	if (is_whole)
		print_v6(w);
	jw_kstr(w, "IPAddress", is_up ? ip_text(&ep->at.ip, text) : "");
	jw_kint(w, "IPPrefixLen", is_up ? ep->at.prefix_len : 0);
	jw_kstr(w, "IPv6Gateway", "");
	if (!is_whole)
		print_v6(w);
}

static void print_mac(struct json_writer *w, const struct endpoint *ep)
{
	char mac[NET_MAC_TEXT_MAX];
	bool is_up = ep != NULL && ep->net != NULL && ep->net->kind == NETWORK_BRIDGE;

	jw_kstr(w, "MacAddress", is_up ? net_mac_text(ep->at.mac, mac) : "");
}

void endpoint_print(const struct ctr_net *n, const struct endpoint *ep, struct json_writer *w, bool is_running)
{
	bool has_names = is_running && ep->net != NULL && ep->net->kind == NETWORK_BRIDGE && !ep->net->is_default;

	jw_obj(w);
	put_or_null(w, ep, "IPAMConfig");
	put_or_null(w, ep, "Links");
	put_or_null(w, ep, "Aliases");
	print_mac(w, is_running ? ep : NULL);
	put_or_null(w, ep, "DriverOpts");
	jw_kint(w, "GwPriority", ep->priority);
	jw_kstr(w, "NetworkID", ep->net_id);
	print_addresses(w, is_running ? ep : NULL, /* is_whole= */ false);
	jw_key(w, "DNSNames");
	if (has_names) {
		jw_arr(w);
		(void)endpoint_names(n, ep, print_name, w); /* never ends early */
		jw_end_arr(w);
	} else {
		jw_null(w);
	}
	jw_end_obj(w);
}

static void print_networks(const struct ctr_net *n, struct json_writer *w, bool is_running)
{
	jw_key(w, "Networks");
	jw_obj(w);
	for (size_t i = 0; i < n->n_eps; i++) {
		jw_key(w, n->eps[i]->net_name);
		endpoint_print(n, n->eps[i], w, is_running);
	}
	jw_end_obj(w);
}

void ctr_net_print_summary(const struct ctr_net *n, struct json_writer *w, bool is_running)
{
	jw_obj(w);
	print_networks(n, w, is_running);
	jw_end_obj(w);
}

/* ---- ports ---- */

static void print_binding(struct json_writer *w, const struct net_port *p)
{
	char text[IP_TEXT_MAX], port[8];

	(void)snprintf(port, sizeof(port), "%u", p->host_port); /* fits */
	jw_obj(w);
	jw_kstr(w, "HostIp", ip_is_set(&p->host_ip) ? ip_text(&p->host_ip, text) : "0.0.0.0");
	jw_kstr(w, "HostPort", port);
	jw_end_obj(w);
}

static bool is_of(const struct net_port *p, const struct port_spec *s)
{
	return p->proto == s->proto && p->port == s->port;
}

static void print_port(const struct ctr_net *n, const struct port_spec *s, struct json_writer *w)
{
	char key[16];
	bool is_open = false;

	(void)snprintf(key, sizeof(key), "%u/%s", s->port, port_proto_name(s->proto)); /* fits */
	jw_key(w, key);
	for (size_t i = 0; i < n->n_published; i++) {
		if (!is_of(&n->published[i], s))
			continue;
		if (!is_open)
			jw_arr(w);
		is_open = true;
		print_binding(w, &n->published[i]);
	}
	if (is_open)
		jw_end_arr(w);
	else
		jw_null(w);
}

/* The first of several specifications of one port. */
static bool is_first(const struct ctr_net *n, size_t i)
{
	return i == 0 || n->ports.v[i].port != n->ports.v[i - 1].port || n->ports.v[i].proto != n->ports.v[i - 1].proto;
}

static void print_port_map(const struct ctr_net *n, struct json_writer *w, bool is_running)
{
	jw_key(w, "Ports");
	jw_obj(w);
	for (size_t i = 0; is_running && i < n->ports.n; i++)
		if (is_first(n, i))
			print_port(n, &n->ports.v[i], w);
	jw_end_obj(w);
}

void ctr_net_print_ports(const struct ctr_net *n, struct json_writer *w, bool is_running)
{
	char text[IP_TEXT_MAX];

	jw_arr(w);
	for (size_t i = 0; is_running && i < n->ports.n; i++) {
		const struct port_spec *s = &n->ports.v[i];
		bool is_published = false;
		if (!is_first(n, i))
			continue;
		for (size_t k = 0; k < n->n_published; k++) {
			const struct net_port *p = &n->published[k];
			if (!is_of(p, s))
				continue;
			is_published = true;
			jw_obj(w);
			jw_kstr(w, "IP", ip_is_set(&p->host_ip) ? ip_text(&p->host_ip, text) : "0.0.0.0");
			jw_kint(w, "PrivatePort", s->port);
			jw_kint(w, "PublicPort", p->host_port);
			jw_kstr(w, "Type", port_proto_name(s->proto));
			jw_end_obj(w);
		}
		if (is_published)
			continue;
		jw_obj(w);
		jw_kint(w, "PrivatePort", s->port);
		jw_kstr(w, "Type", port_proto_name(s->proto));
		jw_end_obj(w);
	}
	jw_end_arr(w);
}

/* ---- the settings as a whole ---- */

void ctr_net_print(const struct ctr_net *n, struct json_writer *w, bool is_running)
{
	const struct endpoint *old = NULL; /* of the default network: what was there before there were several */
	char key[32] = "";

	for (size_t i = 0; is_running && i < n->n_eps; i++)
		if (n->eps[i]->net != NULL && n->eps[i]->net->is_default)
			old = n->eps[i];
	if (is_running && n->pid > 0 && n->mode != CTR_NET_SHARED)
		(void)snprintf(key, sizeof(key), "/proc/%d/ns/net", (int)n->pid); /* fits */
	jw_obj(w);
	jw_kstr(w, "Bridge", "");
	jw_kstr(w, "SandboxID", is_running ? n->sandbox : "");
	jw_kstr(w, "SandboxKey", key);
	print_port_map(n, w, is_running);
	jw_kbool(w, "HairpinMode", false);
	jw_kstr(w, "LinkLocalIPv6Address", "");
	jw_kint(w, "LinkLocalIPv6PrefixLen", 0);
	jw_key(w, "SecondaryIPAddresses");
	jw_null(w);
	jw_key(w, "SecondaryIPv6Addresses");
	jw_null(w);
	print_addresses(w, old, /* is_whole= */ true);
	print_mac(w, old);
	print_networks(n, w, is_running);
	jw_end_obj(w);
}

/* ---- network inspect ---- */

void network_print_endpoints(const struct network *net, struct json_writer *w)
{
	char text[IP_TEXT_MAX], at[IP_TEXT_MAX + 8] = "";

	list_for_each(it, &net->endpoints) {
		const struct endpoint *ep = (const struct endpoint *)(const void *)((const char *)it -
										    offsetof(struct endpoint, link));
		if (net->kind == NETWORK_BRIDGE)
			(void)snprintf(at, sizeof(at), "%s/%u", ip_text(&ep->at.ip, text), ep->at.prefix_len); /* fits */
		jw_key(w, ep->owner->id);
		jw_obj(w);
		jw_kstr(w, "Name", ep->owner->name);
		jw_kstr(w, "EndpointID", ep->id);
		print_mac(w, ep);
		jw_kstr(w, "IPv4Address", at);
		jw_kstr(w, "IPv6Address", "");
		jw_end_obj(w);
	}
}
