// SPDX-License-Identifier: Apache-2.0
/* What a container wants of networks: from its create body, from and to its record. No effect outside the process. */
#include "userctr/nets.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/ctr_conf.h"
#include "userctr/daemon.h"
#include "userctr/dns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_MAX 65536 /* bytes of one endpoint's settings */

/* ---- one endpoint ---- */

void endpoint_free(struct endpoint *ep)
{
	if (ep == NULL)
		return;
	list_del(&ep->link);
	json_free(ep->doc);
	free(ep);
}

static int parse_mac(const char *s, uint8_t mac[6])
{
	unsigned v[6];
	int end = 0;

	if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%n", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &end) != 6 ||
	    s[end] != '\0' || strlen(s) != 17 || (v[0] & 1) != 0)
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)v[i];
	return 0;
}

static int check_strings(const struct json *list, const char *what, struct err *e)
{
	struct json_iter it = json_iter(list);

	while (json_next(&it)) {
		const char *s = json_str(it.value);
		if (s == NULL || *s == '\0' || strlen(s) > 255 || strpbrk(s, " \t\r\n") != NULL)
			return err_say(e, EINVAL, "%s: '%.100s' is not a name", what, s != NULL ? s : "");
	}
	return 0;
}

/* Only the first error is told where dockerd joins several. */
static int check_address(struct endpoint *ep, const struct network *n, const struct json *ipam, struct err *e)
{
	const char *v4 = json_str_or(json_iget(ipam, "IPv4Address"), ""), *v6 = json_str_or(json_iget(ipam, "IPv6Address"), "");

	if (*v6 != '\0')
		return err_say(e, EINVAL, "IPv6Address: networks of IP version 6 are not supported");
	if (json_len(json_iget(ipam, "LinkLocalIPs")) > 0)
		return err_say(e, EINVAL, "LinkLocalIPs are not supported");
	if (*v4 == '\0')
		return 0;
	if (ip_parse(v4, strlen(v4), &ep->want_ip) < 0 || ep->want_ip.family != IP_V4)
		return err_say(e, EINVAL, "invalid endpoint settings:\ninvalid IPv4 address: %.100s", v4);
	if (n->kind != NETWORK_BRIDGE || n->is_default)
		return err_say(e, EINVAL,
			       "invalid endpoint settings:\nuser specified IP address is supported on user defined networks only");
	if (!n->has_subnet)
		return err_say(e, EINVAL,
			       "invalid endpoint settings:\nuser specified IP address is supported only when connecting to "
			       "networks with user configured subnets");
	if (!ip_prefix_has(&n->drv.subnet, &ep->want_ip))
		return err_say(e, EINVAL,
			       "invalid endpoint settings:\nno configured subnet or ip-range contain the IP address %s", v4);
	return 0;
}

/* Keep the settings as inspect shows them: what was sent, in our own document. */
static int keep_settings(struct endpoint *ep, const struct json *settings, struct err *e)
{
	static const char *const kept[] = {"IPAMConfig", "Links", "Aliases", "MacAddress", "DriverOpts", "GwPriority"};
	owned_buf struct buf b = BUF_INIT(SETTINGS_MAX);
	struct json_writer w;

	jw_init(&w, &b);
	jw_obj(&w);
	for (size_t i = 0; i < countof(kept); i++) {
		const struct json *v = json_iget(settings, kept[i]);
		if (v != NULL && json_type(v) != JSON_NULL) {
			jw_key(&w, kept[i]);
			jw_value(&w, v);
		}
	}
	jw_end_obj(&w);
	if (buf_error(&b) < 0)
		return err_say(e, EINVAL, "invalid endpoint settings:\nmore than %d bytes", SETTINGS_MAX);
	int r = json_parse(buf_str(&b), b.len, &ep->doc, e);
	ep->conf = r == 0 ? json_root(ep->doc) : NULL;
	return r;
}

static int check_settings(struct endpoint *ep, const struct network *n, struct err *e)
{
	const struct json *aliases = json_get(ep->conf, "Aliases"), *links = json_get(ep->conf, "Links");
	const char *mac = json_str_or(json_get(ep->conf, "MacAddress"), "");

	int r = check_address(ep, n, json_get(ep->conf, "IPAMConfig"), e);
	if (r == 0 && json_len(aliases) > 0 && (n->is_default || n->kind != NETWORK_BRIDGE))
		r = err_say(e, EINVAL, "invalid endpoint settings:\nnetwork-scoped alias is supported only for containers in "
				       "user defined networks");
	if (r == 0 && json_len(links) > 0 && (n->is_default || n->kind != NETWORK_BRIDGE))
		r = err_say(e, EINVAL, "Links are supported in user defined networks only");
	if (r == 0)
		r = check_strings(aliases, "Aliases", e);
	if (r == 0)
		r = check_strings(links, "Links", e);
	if (r == 0 && *mac != '\0' && parse_mac(mac, ep->want_mac) < 0)
		r = err_say(e, EINVAL, "invalid MAC address: %.100s", mac);
	ep->priority = json_int(json_get(ep->conf, "GwPriority"), 0);
	return r;
}

int endpoint_make(struct daemon *d, const char *network, const struct json *settings, struct endpoint **ret, struct err *e)
{
	struct network *n;

	int r = nets_find(d, network, &n, e);
	if (r < 0)
		return r;
	struct endpoint *ep = calloc(1, sizeof(*ep));
	if (ep == NULL)
		return err_set(e, ENOMEM, "endpoint");
	list_init(&ep->link);
	(void)snprintf(ep->net_name, sizeof(ep->net_name), "%s", n->drv.name); /* same sizes */
	(void)snprintf(ep->net_id, sizeof(ep->net_id), "%s", n->drv.id);
	if (json_type(settings) == JSON_OBJ)
		r = keep_settings(ep, settings, e);
	if (r == 0)
		r = check_settings(ep, n, e);
	if (r < 0) {
		endpoint_free(ep);
		return r;
	}
	*ret = ep;
	return 0;
}

/* ---- the set of a container's ---- */

int ctr_net_put_endpoint(struct ctr_net *n, struct endpoint *ep, struct err *e)
{
	struct endpoint **more = n->n_eps < ENDPOINTS_MAX ? realloc(n->eps, (n->n_eps + 1) * sizeof(struct endpoint *)) : NULL;

	if (more == NULL) {
		endpoint_free(ep);
		return err_say(e, E_LIMIT, "a container can be in at most %d networks", ENDPOINTS_MAX);
	}
	n->eps = more;
	n->eps[n->n_eps++] = ep;
	ep->owner = n;
	return 0;
}

struct endpoint *ctr_net_endpoint(const struct ctr_net *n, const struct network *net)
{
	for (size_t i = 0; i < n->n_eps; i++)
		if (strcmp(n->eps[i]->net_id, net->drv.id) == 0)
			return n->eps[i];
	return NULL;
}

void ctr_net_drop_endpoint(struct ctr_net *n, struct endpoint *ep)
{
	size_t i = 0;

	while (i < n->n_eps && n->eps[i] != ep)
		i++;
	if (i == n->n_eps)
		return;
	memmove(n->eps + i, n->eps + i + 1, (n->n_eps - i - 1) * sizeof(struct endpoint *));
	n->n_eps--;
	endpoint_free(ep);
}

bool ctr_net_has(const struct ctr_net *n, const char *network)
{
	for (size_t i = 0; i < n->n_eps; i++)
		if (strcmp(n->eps[i]->net_name, network) == 0 ||
		    (*network != '\0' && strncmp(n->eps[i]->net_id, network, strlen(network)) == 0))
			return true;
	return false;
}

bool ctr_net_is_private(const struct ctr_net *n)
{
	return n->mode != CTR_NET_HOST && n->mode != CTR_NET_SHARED;
}

void ctr_net_free(struct ctr_net *n)
{
	if (n == NULL)
		return;
	dns_close(n);
	for (size_t i = 0; i < n->n_eps; i++)
		endpoint_free(n->eps[i]);
	free(n->eps);
	free(n->name);
	free(n->hostname);
	free(n->domainname);
	free(n->shared_with);
	free(n->published);
	port_specs_release(&n->ports);
	free(n);
}

/* ---- from the create body ---- */

static char *copy(const char *s)
{
	return strdup(s != NULL ? s : "");
}

static int check_shared(const struct ctr_conf *c, const struct json *networking, struct err *e)
{
	const struct json *h = c->host;

	if (json_len(json_get(h, "ExtraHosts")) > 0)
		return err_say(e, EINVAL, "conflicting options: custom host-to-IP mapping and the network mode");
	if (json_len(json_get(h, "Dns")) > 0)
		return err_say(e, EINVAL, "conflicting options: dns and the network mode");
	if (json_len(json_get(h, "PortBindings")) > 0 || json_bool(json_get(h, "PublishAllPorts"), false))
		return err_say(e, EINVAL, "conflicting options: port publishing and the container type network mode");
	if (json_len(json_iget(networking, "EndpointsConfig")) > 0)
		return err_say(e, EINVAL, "container sharing network namespace with another container or host cannot be "
					  "connected to any other network");
	return 0;
}

static void keep_servers(struct ctr_net *n, const struct ctr_conf *c)
{
	struct json_iter it = json_iter(json_get(c->host, "Dns"));

	while (n->n_servers < RESOLV_SERVERS_MAX && json_next(&it)) {
		const char *s = json_str_or(it.value, "");
		if (ip_parse(s, strlen(s), &n->servers[n->n_servers]) == 0)
			n->n_servers++;
	}
}

static int check_names(const struct ctr_conf *c, struct err *e)
{
	struct json_iter it = json_iter(json_get(c->host, "ExtraHosts"));
	struct ip ip;

	while (json_next(&it))
		if (!hosts_extra_is_valid(json_str_or(it.value, "")))
			return err_say(e, EINVAL, "bad format for add-host: \"%.200s\"", json_str_or(it.value, ""));
	it = json_iter(json_get(c->host, "Dns"));
	while (json_next(&it)) {
		const char *s = json_str_or(it.value, "");
		if (ip_parse(s, strlen(s), &ip) < 0)
			return err_say(e, EINVAL, "bad nameserver address %.100s: not an IP address", s);
	}
	return 0;
}

/* The empty container: mode and ports. */
static int begin(const struct ctr_conf *c, struct ctr_net **ret, struct err *e)
{
	const char *mode = c->network_mode;
	struct ctr_net *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return err_set(e, ENOMEM, "network settings");
	n->pidfd = -1;
	n->mode = strcmp(mode, "host") == 0 ? CTR_NET_HOST : strcmp(mode, "none") == 0 ? CTR_NET_NONE :
		  strncmp(mode, "container:", 10) == 0 ? CTR_NET_SHARED : CTR_NET_NETWORKS;
	n->hostname = copy(json_str(json_get(c->config, "Hostname")));
	n->domainname = copy(json_str(json_get(c->config, "Domainname")));
	if (n->mode == CTR_NET_SHARED)
		n->shared_with = copy(mode + 10);
	int r = n->hostname == NULL || n->domainname == NULL || (n->mode == CTR_NET_SHARED && n->shared_with == NULL) ?
			err_set(e, ENOMEM, "network settings") :
			0;
	keep_servers(n, c);
	/* of the host's network a container has every port anyway; docker says nothing either */
	bool wants_ports = n->mode == CTR_NET_NETWORKS || n->mode == CTR_NET_NONE;
	if (r == 0)
		r = port_specs_make(wants_ports ? json_get(c->config, "ExposedPorts") : NULL,
				    json_get(c->host, "PortBindings"), json_bool(json_get(c->host, "PublishAllPorts"), false),
				    &n->ports, e);
	if (!wants_ports)
		port_specs_release(&n->ports);
	if (r < 0) {
		ctr_net_free(n);
		return r;
	}
	*ret = n;
	return 0;
}

static const char *mode_network(const struct ctr_conf *c)
{
	const char *mode = c->network_mode;

	return *mode == '\0' || strcmp(mode, "default") == 0 ? "bridge" : mode;
}

/* Does this key of EndpointsConfig mean the network of the mode? By name, id, or its old name. */
static bool is_mode(struct daemon *d, const char *key, const struct network *primary)
{
	struct network *n;

	if (strcmp(key, "default") == 0)
		return primary->is_default;
	return nets_find(d, key, &n, NULL) == 0 && n == primary;
}

static int wrap_create(struct err *e, int r, const char *network)
{
	return r == -ENOENT ? r : err_wrap(e, r, "invalid config for network %s", network);
}

static int make_endpoints(struct daemon *d, const struct ctr_conf *c, const struct json *all, struct ctr_net *n, struct err *e)
{
	const char *mode = mode_network(c);
	const struct json *settings = NULL;
	struct network *primary;
	struct endpoint *ep;

	int r = nets_find(d, mode, &primary, e);
	if (r < 0)
		return r;
	struct json_iter it = json_iter(all);
	while (json_next(&it))
		if (is_mode(d, it.key, primary))
			settings = it.value;
		else if (n->mode != CTR_NET_NETWORKS)
			return err_say(e, EINVAL, "conflicting options: cannot attach both user-defined and non-user-defined "
						  "network-modes");
	r = endpoint_make(d, mode, settings, &ep, e);
	if (r < 0)
		return wrap_create(e, r, mode);
	/* the container-wide address of clients before API 1.44 */
	const char *mac = json_str_or(json_get(c->config, "MacAddress"), "");
	static const uint8_t none[6];
	if (*mac != '\0' && memcmp(ep->want_mac, none, 6) == 0 && parse_mac(mac, ep->want_mac) < 0)
		r = err_say(e, EINVAL, "invalid MAC address: %.100s", mac);
	if (r < 0) {
		endpoint_free(ep);
		return r;
	}
	r = ctr_net_put_endpoint(n, ep, e);
	it = json_iter(all);
	while (r == 0 && json_next(&it)) {
		if (it.value == settings || is_mode(d, it.key, primary))
			continue;
		r = endpoint_make(d, it.key, it.value, &ep, e);
		if (r == 0 && ctr_net_has(n, ep->net_id)) {
			endpoint_free(ep); /* the same one by another of its names */
			continue;
		}
		r = r < 0 ? wrap_create(e, r, it.key) : ctr_net_put_endpoint(n, ep, e);
	}
	return r;
}

/* Clients of then did not know that they could, and ask for the others by connecting. */
static int check_one(const struct json *endpoints, struct err *e)
{
	struct json_iter it = json_iter(endpoints);
	owned_buf struct buf names = BUF_INIT(300);

	if (json_len(endpoints) <= 1)
		return 0;
	while (json_next(&it))
		buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", it.key);
	return err_say(e, EINVAL, "Container cannot be created with multiple network endpoints: %s", buf_str(&names));
}

int ctr_net_make(struct daemon *d, const struct ctr_conf *c, const struct json *networking, unsigned api,
		 struct ctr_net **ret, struct err *e)
{
	struct ctr_net *n;

	int r = api < 44 ? check_one(json_iget(networking, "EndpointsConfig"), e) : 0;
	if (r == 0)
		r = begin(c, &n, e);
	if (r < 0)
		return r;
	if (n->mode == CTR_NET_SHARED)
		r = check_shared(c, networking, e);
	else
		r = check_names(c, e);
	if (r == 0 && n->mode != CTR_NET_SHARED)
		r = make_endpoints(d, c, json_iget(networking, "EndpointsConfig"), n, e);
	if (r < 0) {
		ctr_net_free(n);
		return r;
	}
	*ret = n;
	return 0;
}

/* ---- records ---- */

static void save_endpoint(const struct endpoint *ep, struct json_writer *w)
{
	char text[IP_TEXT_MAX], mac[NET_MAC_TEXT_MAX];

	jw_obj(w);
	jw_kstr(w, "name", ep->net_name);
	jw_kstr(w, "network", ep->net_id);
	if (ep->conf != NULL) {
		jw_key(w, "settings");
		jw_value(w, ep->conf);
	}
	jw_kstr(w, "want_mac", net_mac_text(ep->want_mac, mac));
	if (ep->net != NULL) {
		jw_kstr(w, "id", ep->id);
		jw_kstr(w, "ip", ip_text(&ep->at.ip, text));
		jw_kint(w, "prefix_len", ep->at.prefix_len);
		jw_kstr(w, "gateway", ip_text(&ep->at.gateway, text));
		jw_kstr(w, "mac", net_mac_text(ep->at.mac, mac));
		jw_kstr(w, "ifname", ep->at.ifname);
		jw_kstr(w, "veth", ep->at.veth);
	}
	jw_end_obj(w);
}

static void save_port(const struct net_port *p, struct json_writer *w)
{
	char text[IP_TEXT_MAX];

	jw_obj(w);
	jw_kstr(w, "proto", port_proto_name(p->proto));
	jw_kstr(w, "host_ip", ip_text(&p->host_ip, text));
	jw_kint(w, "host_port", p->host_port);
	jw_kstr(w, "ip", ip_text(&p->ip, text));
	jw_kint(w, "port", p->port);
	jw_end_obj(w);
}

void ctr_net_save(const struct ctr_net *n, struct json_writer *w)
{
	jw_obj(w);
	jw_kstr(w, "sandbox", n->sandbox);
	jw_key(w, "endpoints");
	jw_arr(w);
	for (size_t i = 0; i < n->n_eps; i++)
		save_endpoint(n->eps[i], w);
	jw_end_arr(w);
	jw_key(w, "published");
	jw_arr(w);
	for (size_t i = 0; i < n->n_published; i++)
		save_port(&n->published[i], w);
	jw_end_arr(w);
	jw_end_obj(w);
}

static void load_ip(const struct json *v, struct ip *ret)
{
	const char *s = json_str_or(v, "");

	if (ip_parse(s, strlen(s), ret) < 0)
		*ret = (struct ip){0};
}

static void load_text(const struct json *v, char *out, size_t size)
{
	const char *s = json_str_or(v, "");

	(void)snprintf(out, size, "%s", strlen(s) < size ? s : "");
}

/* Mildly: a network that is gone is told at the start, not now. */
static int load_endpoint(const struct json *v, struct endpoint **ret, struct err *e)
{
	struct endpoint *ep = calloc(1, sizeof(*ep));
	int r = 0;

	if (ep == NULL)
		return err_set(e, ENOMEM, "endpoint");
	list_init(&ep->link);
	load_text(json_get(v, "name"), ep->net_name, sizeof(ep->net_name));
	load_text(json_get(v, "network"), ep->net_id, sizeof(ep->net_id));
	if (json_get(v, "settings") != NULL)
		r = keep_settings(ep, json_get(v, "settings"), e);
	if (r < 0) {
		endpoint_free(ep);
		return r;
	}
	load_ip(json_get(json_get(ep->conf, "IPAMConfig"), "IPv4Address"), &ep->want_ip);
	(void)parse_mac(json_str_or(json_get(v, "want_mac"), ""), ep->want_mac); /* absent: by address */
	ep->priority = json_int(json_get(ep->conf, "GwPriority"), 0);
	load_text(json_get(v, "id"), ep->id, sizeof(ep->id));
	load_ip(json_get(v, "ip"), &ep->at.ip);
	load_ip(json_get(v, "gateway"), &ep->at.gateway);
	ep->at.prefix_len = (uint8_t)json_int(json_get(v, "prefix_len"), 0);
	(void)parse_mac(json_str_or(json_get(v, "mac"), ""), ep->at.mac);
	load_text(json_get(v, "ifname"), ep->at.ifname, sizeof(ep->at.ifname));
	load_text(json_get(v, "veth"), ep->at.veth, sizeof(ep->at.veth));
	*ret = ep;
	return 0;
}

static int load_ports(struct ctr_net *n, const struct json *list, struct err *e)
{
	struct json_iter it = json_iter(list);
	size_t count = json_len(list);

	if (count == 0)
		return 0;
	n->published = calloc(count, sizeof(*n->published));
	if (n->published == NULL)
		return err_set(e, ENOMEM, "published ports");
	while (json_next(&it)) {
		struct net_port *p = &n->published[n->n_published++];
		uint16_t low, high;
		char text[16];
		(void)snprintf(text, sizeof(text), "1/%.8s", json_str_or(json_get(it.value, "proto"), "tcp")); /* fits */
		if (port_parse(text, &low, &high, &p->proto) < 0)
			return err_say(e, E_SPEC, "record: published port");
		load_ip(json_get(it.value, "host_ip"), &p->host_ip);
		load_ip(json_get(it.value, "ip"), &p->ip);
		p->host_port = (uint16_t)json_int(json_get(it.value, "host_port"), 0);
		p->port = (uint16_t)json_int(json_get(it.value, "port"), 0);
	}
	return 0;
}

int ctr_net_load(struct daemon *d, const struct ctr_conf *c, const struct json *saved, struct ctr_net **ret, struct err *e)
{
	struct ctr_net *n;
	struct endpoint *ep = NULL;

	(void)d;
	int r = begin(c, &n, e);
	if (r < 0)
		return r;
	struct json_iter it = json_iter(json_get(saved, "endpoints"));
	while (r == 0 && json_next(&it)) {
		r = load_endpoint(it.value, &ep, e);
		if (r == 0)
			r = ctr_net_put_endpoint(n, ep, e);
	}
	if (r == 0)
		r = load_ports(n, json_get(saved, "published"), e);
	load_text(json_get(saved, "sandbox"), n->sandbox, sizeof(n->sandbox));
	if (r < 0) {
		ctr_net_free(n);
		return r;
	}
	*ret = n;
	return 0;
}
