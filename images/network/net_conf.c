// SPDX-License-Identifier: Apache-2.0
/* The network's keys of the command line. */
#include "images/network/net_conf.h"

#include "lib/codec/cmdline.h"
#include "lib/codec/dhcp4.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LINKS "network.interfaces."
#define KEY_MAX 160

struct parse {
	struct net_conf *c;
	net_conf_complain_fn *complain;
	void *arg;
};

bool net_conf_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *back = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			back = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star + 1;
			text = ++back;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* ---- lists: "a", "a,b", "[a, b]", each item perhaps quoted ----------------------------------------- */

struct items {
	const char *at;
	size_t left;
};

static bool is_between(char c)
{
	return c == ',' || c == ' ' || c == '[' || c == ']' || c == '"' || c == '\'';
}

static bool next_item(struct items *it, const char **ret, size_t *ret_len)
{
	while (it->left > 0 && is_between(*it->at)) {
		it->at++;
		it->left--;
	}
	*ret = it->at;
	while (it->left > 0 && !is_between(*it->at)) {
		it->at++;
		it->left--;
	}
	*ret_len = (size_t)(it->at - *ret);
	return *ret_len > 0;
}

/* ---- one link's fields ----------------------------------------------------------------------------- */

static const char *take_addresses(struct link_conf *l, const struct cmdline_arg *a)
{
	struct items it = {a->value, a->value_len};
	const char *s, *bad = NULL;
	struct ip_prefix p;
	size_t n;

	while (next_item(&it, &s, &n)) {
		if (ip_prefix_parse(s, n, &p) < 0 || ip_is_zero(&p.addr))
			bad = "an address with the length of its network, as 192.168.1.10/24";
		else if (l->addr_count == NET_CONF_ADDRS_MAX)
			bad = "not more than 8 addresses";
		else
			l->addrs[l->addr_count++] = p;
	}
	return bad;
}

static const char *take_gateway(struct ip *out, enum ip_family family, const struct cmdline_arg *a)
{
	struct ip ip;

	if (ip_parse(a->value, a->value_len, &ip) < 0 || ip_is_zero(&ip) || (family != IP_NONE && ip.family != family))
		return "the address of a gateway";
	*out = ip;
	return NULL;
}

static const char *take_gateway4(struct link_conf *l, const struct cmdline_arg *a)
{
	struct ip ip;
	const char *bad = take_gateway(&ip, IP_NONE, a);

	if (bad == NULL)
		*(ip.family == IP_V6 ? &l->gateway6 : &l->gateway) = ip;
	return bad;
}

static const char *take_gateway6(struct link_conf *l, const struct cmdline_arg *a)
{
	return take_gateway(&l->gateway6, IP_V6, a);
}

static const char *take_dhcp(struct link_conf *l, const struct cmdline_arg *a)
{
	int v = cmdline_parse_flag(a);

	if (v < 0)
		return "true or false";
	l->dhcp = v;
	return NULL;
}

static const char *take_mtu(struct link_conf *l, const struct cmdline_arg *a)
{
	uint32_t v;

	if (!cmdline_parse_number(a, 65535, &v) || v < 68)
		return "a number from 68 to 65535";
	l->mtu = v;
	return NULL;
}

static const char *take_match(struct link_conf *l, const struct cmdline_arg *a)
{
	char text[NET_CONF_SELECTOR_MAX];

	if (a->value_len == 0 || !cmdline_copy_value(a, text, sizeof(text)))
		return "a name, a glob or mac=ADDRESS";
	memcpy(l->selector, text, sizeof(text));
	return NULL;
}

static const struct field {
	const char *name;
	const char *(*take)(struct link_conf *l, const struct cmdline_arg *a);
} fields[] = {
	{"address", take_addresses}, {"addresses", take_addresses}, {"dhcp", take_dhcp},
	{"gateway", take_gateway4},  {"gateway_ipv6", take_gateway6}, {"match", take_match},
	{"mtu", take_mtu},
};

static struct link_conf *link_of(struct net_conf *c, const char *key)
{
	for (size_t i = 0; i < c->link_count; i++)
		if (strcmp(c->links[i].key, key) == 0)
			return &c->links[i];
	if (c->link_count == NET_CONF_LINKS_MAX)
		return NULL;
	struct link_conf *l = &c->links[c->link_count++];
	*l = (struct link_conf){.dhcp = -1};
	memcpy(l->key, key, strlen(key) + 1); /* the caller has checked its length */
	memcpy(l->selector, l->key, sizeof(l->selector));
	return l;
}

static const char *take_field(struct net_conf *c, const char *selector, const char *field, const struct cmdline_arg *a)
{
	const struct field *f = NULL;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].name, field) == 0)
			f = &fields[i];
	if (f == NULL)
		return "one of .dhcp .address .addresses .gateway .gateway_ipv6 .mtu .match";
	struct link_conf *l = link_of(c, selector);
	return l == NULL ? "not more than 32 links" : f->take(l, a);
}

/*
 * key: "SELECTOR.FIELD". The selector mac=ADDRESS has the line's first '=', so that the rest of it is in the value:
 * "mac" = "ADDRESS.FIELD=VALUE".
 */
static void take_link(struct parse *p, struct cmdline_arg a)
{
	char key[KEY_MAX], whole[KEY_MAX];
	const char *bad = "interfaces.LINK.FIELD=VALUE";

	int n = snprintf(key, sizeof(key), "%.*s", (int)a.key_len, a.key);
	if (strcmp(key, LINKS "mac") == 0) {
		const char *equals = memchr(a.value, '=', a.value_len);
		size_t left = equals != NULL ? (size_t)(equals - a.value) : a.value_len;
		n = snprintf(key, sizeof(key), LINKS "mac=%.*s", (int)left, a.value);
		a.has_value = equals != NULL;
		a.value = equals != NULL ? equals + 1 : "";
		a.value_len = equals != NULL ? a.value_len - left - 1 : 0;
	}
	if (n < 0 || (size_t)n >= sizeof(key)) {
		p->complain(LINKS "...", "a shorter key", p->arg);
		return;
	}
	memcpy(whole, key, sizeof(whole));
	char *selector = key + strlen(LINKS), *dot = strrchr(selector, '.');
	if (dot != NULL && dot != selector) {
		*dot = '\0';
		for (char *f = dot + 1; *f != '\0'; f++)
			if (*f == '-')
				*f = '_';
		bad = strlen(selector) < NET_CONF_SELECTOR_MAX ? take_field(p->c, selector, dot + 1, &a)
							       : "a shorter selector";
	}
	if (bad != NULL)
		p->complain(whole, bad, p->arg);
}

/* ---- names ------------------------------------------------------------------------------------------ */

static void take_dns(struct parse *p, const struct cmdline_arg *a)
{
	struct items it = {a->value, a->value_len};
	const char *s;
	struct ip ip;
	size_t n;

	while (next_item(&it, &s, &n)) {
		if (ip_parse(s, n, &ip) < 0 || ip_is_zero(&ip))
			p->complain("network.dns.nameservers", "addresses", p->arg);
		else if (p->c->dns_count == NET_CONF_DNS_MAX)
			p->complain("network.dns.nameservers", "not more than 3 addresses", p->arg);
		else
			p->c->dns[p->c->dns_count++] = ip;
	}
}

static void take_search(struct parse *p, const struct cmdline_arg *a)
{
	struct items it = {a->value, a->value_len};
	char *out = p->c->search;
	size_t n, len = strlen(out);
	const char *s;

	while (next_item(&it, &s, &n)) {
		if (!dhcp4_name_is_valid(s, n) || len + n + 2 > sizeof(p->c->search)) {
			p->complain("network.dns.search", "names of domains, 255 characters in all", p->arg);
			continue;
		}
		if (len > 0)
			out[len++] = ' ';
		memcpy(out + len, s, n);
		len += n;
		out[len] = '\0';
	}
}

void net_conf_parse(struct net_conf *c, const char *line, size_t len, net_conf_complain_fn *complain, void *arg)
{
	struct parse p = {.c = c, .complain = complain, .arg = arg};
	struct cmdline_iter it = cmdline_iter(line, len);
	struct cmdline_arg a;

	memset(c, 0, sizeof(*c));
	while (cmdline_next(&it, &a)) {
		if (!cmdline_strip_prefix(&a))
			continue;
		if (a.key_len > strlen(LINKS) && memcmp(a.key, LINKS, strlen(LINKS)) == 0)
			take_link(&p, a);
		else if (cmdline_key_is(&a, "network.dns.nameservers"))
			take_dns(&p, &a);
		else if (cmdline_key_is(&a, "network.dns.search"))
			take_search(&p, &a);
		else if (cmdline_key_is(&a, "hostname") && a.value_len < sizeof(c->hostname) &&
			 dhcp4_name_is_valid(a.value, a.value_len))
			(void)cmdline_copy_value(&a, c->hostname, sizeof(c->hostname)); /* it fits */
	}
}

/* ---- choosing ---------------------------------------------------------------------------------------- */

static bool mac_matches(const char *selector, const uint8_t mac[6])
{
	char text[18], want[NET_CONF_SELECTOR_MAX];

	if (strncmp(selector, "mac=", 4) != 0)
		return false;
	(void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		       mac[5]);
	size_t i = 0;
	for (const char *s = selector + 4; *s != '\0'; s++)
		want[i++] = *s >= 'A' && *s <= 'F' ? (char)(*s + 32) : *s;
	want[i] = '\0';
	return net_conf_glob(want, text);
}

const struct link_conf *net_conf_find(const struct net_conf *c, const char *name, const uint8_t mac[6], bool *ret_exact)
{
	*ret_exact = true;
	for (size_t i = 0; i < c->link_count; i++)
		if (mac_matches(c->links[i].selector, mac))
			return &c->links[i];
	for (size_t i = 0; i < c->link_count; i++)
		if (strcmp(c->links[i].selector, name) == 0)
			return &c->links[i];
	*ret_exact = false;
	for (size_t i = 0; i < c->link_count; i++)
		if (net_conf_glob(c->links[i].selector, name))
			return &c->links[i];
	return NULL;
}
