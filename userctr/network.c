// SPDX-License-Identifier: Apache-2.0
/* One network's record: what may be asked for, how it is kept, how it is shown. */
#include "userctr/network.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OPT_BRIDGE "com.docker.network.bridge."
#define OPT_NET	   "com.docker.network."

static const char *const drivers[] = {[NETWORK_BRIDGE] = "bridge", [NETWORK_HOST] = "host", [NETWORK_NULL] = "null"};

const char *network_driver(const struct network *n)
{
	return drivers[n->kind];
}

const struct json *network_labels(const struct network *n)
{
	return json_get(n->record, "Labels");
}

/* ---- what may be asked for ---- */


static int check_name(const char *name, struct err *e)
{
	if (name == NULL || name[strspn(name, " \t\n\r")] == '\0')
		return err_say(e, EINVAL, "invalid name: name is empty");
	if (strlen(name) >= NET_NAME_MAX)
		return err_say(e, EINVAL, "invalid name: more than %d characters", NET_NAME_MAX - 1);
	for (const char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p < 32 || *p == 127)
			return err_say(e, EINVAL, "invalid name: control characters");
	static const char *const own[] = {"bridge", "host", "none", "default"};
	for (size_t i = 0; i < countof(own); i++)
		if (strcmp(name, own[i]) == 0)
			return err_say(e, EACCES, "operation is not permitted on predefined %s network ", name);
	return 0;
}

static int check_driver(const char *driver, struct err *e)
{
	if (*driver == '\0' || strcmp(driver, "bridge") == 0)
		return 0;
	if (strcmp(driver, "host") == 0 || strcmp(driver, "null") == 0)
		return err_say(e, EACCES, "only one instance of \"%s\" network is allowed", driver);
	return err_say(e, ENOENT, "plugin \"%.200s\" not found", driver);
}

/* What other drivers and swarms have, and what there is not yet: refused by its name rather than ignored. */
static int check_flags(const struct json *body, struct err *e)
{
	if (json_bool(json_iget(body, "EnableIPv6"), false))
		return err_say(e, EINVAL, "EnableIPv6: networks of IP version 6 are not supported");
	if (!json_bool(json_iget(body, "EnableIPv4"), true))
		return err_say(e, EINVAL, "EnableIPv4: a network without IP version 4 is not supported");
	if (json_bool(json_iget(body, "Ingress"), false))
		return err_say(e, EINVAL, "Ingress: ingress networks are of swarms, which are not supported");
	if (json_bool(json_iget(body, "ConfigOnly"), false) ||
	    json_str_len(json_iget(json_iget(body, "ConfigFrom"), "Network")) > 0)
		return err_say(e, EINVAL, "ConfigOnly, ConfigFrom: configuration-only networks are not supported");
	const char *scope = json_str_or(json_iget(body, "Scope"), "local");
	if (*scope != '\0' && strcmp(scope, "local") != 0)
		return err_say(e, EINVAL, "Scope: '%.100s' is not supported, only 'local'", scope);
	return 0;
}

/* The options that are understood; each with what its value must be. */
enum form { FORM_BOOL = 1, FORM_IFNAME, FORM_MTU, FORM_IP4, FORM_NAT, FORM_FALSE, FORM_ANY };

static const struct {
	const char *name;
	enum form form;
} options[] = {
	{OPT_BRIDGE "name", FORM_IFNAME},
	{OPT_BRIDGE "enable_icc", FORM_BOOL},
	{OPT_BRIDGE "enable_ip_masquerade", FORM_BOOL},
	{OPT_BRIDGE "host_binding_ipv4", FORM_IP4},
	{OPT_BRIDGE "default_bridge", FORM_FALSE},
	{OPT_BRIDGE "inhibit_ipv4", FORM_FALSE},
	{OPT_BRIDGE "gateway_mode_ipv4", FORM_NAT},
	{OPT_BRIDGE "gateway_mode_ipv6", FORM_ANY}, /* there is no version 6 it could speak of */
	{OPT_NET "driver.mtu", FORM_MTU},
	{OPT_NET "container_iface_prefix", FORM_IFNAME},
	{OPT_NET "enable_ipv4", FORM_BOOL},
	{OPT_NET "enable_ipv6", FORM_FALSE},
};

/* Go's strconv.ParseBool: 1, 0 or -1. */
static int bool_of(const char *s)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

	for (size_t i = 0; i < countof(yes); i++)
		if (strcmp(s, yes[i]) == 0)
			return 1;
	for (size_t i = 0; i < countof(no); i++)
		if (strcmp(s, no[i]) == 0)
			return 0;
	return -1;
}

static bool is_ifname(const char *s, size_t max)
{
	if (*s == '\0' || strlen(s) > max || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		return false;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || *s == '/' || *s == ':' || (unsigned char)*s >= 127)
			return false;
	return true;
}

static bool has_form(enum form form, const char *name, const char *v)
{
	struct ip ip;
	char *end;

	switch (form) {
	case FORM_BOOL: return bool_of(v) >= 0;
	case FORM_FALSE: return bool_of(v) == 0;
	case FORM_IFNAME: return is_ifname(v, strstr(name, "prefix") != NULL ? 10 : IFNAMSIZ - 1);
	case FORM_MTU: return strtoul(v, &end, 10) <= 65535 && *end == '\0' && (atoi(v) == 0 || atoi(v) >= 68);
	case FORM_IP4: return ip_parse(v, strlen(v), &ip) == 0 && ip.family == IP_V4;
	case FORM_NAT: return strcmp(v, "nat") == 0 || *v == '\0';
	case FORM_ANY: return true;
	}
	return false;
}

static int check_options(const struct json *o, struct err *e)
{
	struct json_iter it = json_iter(o);

	while (json_next(&it)) {
		const char *v = json_str(it.value);
		if (v == NULL)
			return err_say(e, EINVAL, "Options: '%.100s' is no string", it.key);
		size_t i = 0;
		while (i < countof(options) && strcmp(options[i].name, it.key) != 0)
			i++;
		if (i == countof(options) && strncmp(it.key, OPT_NET, strlen(OPT_NET)) == 0)
			return err_say(e, EINVAL, "Options: '%.100s' is not supported", it.key);
		if (i < countof(options) && !has_form(options[i].form, it.key, v))
			return err_say(e, EINVAL, "Options: value '%.100s' of '%s' is not supported", v, it.key);
	}
	return 0;
}

static int check_labels(const struct json *labels, struct err *e)
{
	struct json_iter it = json_iter(labels);

	while (json_next(&it))
		if (json_str(it.value) == NULL)
			return err_say(e, EINVAL, "Labels: '%.100s' is no string", it.key);
	return 0;
}

/* ---- addresses ---- */

static int check_subnet(const char *s, struct ip_prefix *ret, struct err *e)
{
	char text[IP_PREFIX_TEXT_MAX];

	if (strchr(s, '/') == NULL || ip_prefix_parse(s, strlen(s), ret) < 0)
		return err_say(e, EINVAL, "invalid network config:\ninvalid subnet %.100s: invalid CIDR block notation", s);
	if (ret->addr.family != IP_V4)
		return err_say(e, EINVAL, "invalid network config:\ninvalid subnet %s: IPv6 has not been enabled for this network",
			       s);
	struct ip_prefix network = ip_prefix_network(ret);
	if (!ip_equal(&network.addr, &ret->addr))
		return err_say(e, EINVAL, "invalid network config:\ninvalid subnet %s: it should be %s", s,
			       ip_prefix_text(&network, text));
	if (ret->len < 8 || ret->len > 30)
		return err_say(e, EINVAL, "invalid network config:\ninvalid subnet %s: its length must be from 8 to 30", s);
	return 0;
}

static int check_inside(const char *what, const char *s, const struct ip_prefix *subnet, struct err *e)
{
	struct ip ip;
	char text[IP_PREFIX_TEXT_MAX];

	if (ip_parse(s, strlen(s), &ip) < 0)
		return err_say(e, EINVAL, "invalid network config:\ninvalid %s %.100s: invalid address", what, s);
	if (!ip_prefix_has(subnet, &ip))
		return err_say(e, EINVAL, "invalid network config:\ninvalid %s %s: parent subnet %s doesn't contain this address",
			       what, s, ip_prefix_text(subnet, text));
	return 0;
}

static int check_range(const char *s, const struct ip_prefix *subnet, struct err *e)
{
	struct ip_prefix range;
	char text[IP_PREFIX_TEXT_MAX];

	if (strchr(s, '/') == NULL || ip_prefix_parse(s, strlen(s), &range) < 0)
		return err_say(e, EINVAL, "invalid network config:\ninvalid ip-range %.100s: invalid CIDR block notation", s);
	struct ip_prefix network = ip_prefix_network(&range);
	if (!ip_equal(&network.addr, &range.addr))
		return err_say(e, EINVAL, "invalid network config:\ninvalid ip-range %s: it should be %s", s,
			       ip_prefix_text(&network, text));
	if (range.len < subnet->len || !ip_prefix_has(subnet, &range.addr))
		return err_say(e, EINVAL,
			       "invalid network config:\ninvalid ip-range %s: parent subnet %s doesn't contain ip-range", s,
			       ip_prefix_text(subnet, text));
	return 0;
}

/* One element of IPAM.Config, and its copy in the record with what is set. */
static int put_config(struct json_writer *w, const struct json *c, struct err *e)
{
	const char *subnet = json_str_or(json_iget(c, "Subnet"), ""), *range = json_str_or(json_iget(c, "IPRange"), "");
	const char *gateway = json_str_or(json_iget(c, "Gateway"), "");
	const struct json *aux = json_iget(c, "AuxiliaryAddresses");
	struct ip_prefix p;

	if (*subnet == '\0') /* a range or a gateway of nothing */
		return *range == '\0' && *gateway == '\0' && json_len(aux) == 0 ?
			       0 :
			       err_say(e, EINVAL, "invalid network config:\ninvalid subnet : invalid CIDR block notation");
	int r = check_subnet(subnet, &p, e);
	if (r == 0 && *range != '\0')
		r = check_range(range, &p, e);
	if (r == 0 && *gateway != '\0')
		r = check_inside("gateway", gateway, &p, e);
	struct json_iter it = json_iter(aux);
	if (r == 0 && json_len(aux) > NETWORK_AUX_MAX)
		r = err_say(e, EINVAL, "AuxiliaryAddresses: more than %d", NETWORK_AUX_MAX);
	while (r == 0 && json_next(&it))
		r = check_inside("auxiliary address", json_str_or(it.value, ""), &p, e);
	if (r < 0)
		return r;
	jw_obj(w);
	jw_kstr(w, "Subnet", subnet);
	if (*range != '\0')
		jw_kstr(w, "IPRange", range);
	if (*gateway != '\0')
		jw_kstr(w, "Gateway", gateway);
	if (json_len(aux) > 0) {
		jw_key(w, "AuxiliaryAddresses");
		jw_value(w, aux);
	}
	jw_end_obj(w);
	return 0;
}

static int put_ipam(struct json_writer *w, const struct json *ipam, struct err *e)
{
	const char *driver = json_str_or(json_iget(ipam, "Driver"), "default");
	const struct json *config = json_iget(ipam, "Config"), *opts = json_iget(ipam, "Options");

	if (*driver != '\0' && strcmp(driver, "default") != 0)
		return err_say(e, ENOENT, "plugin \"%.200s\" not found", driver);
	if (json_len(opts) > 0)
		return err_say(e, EINVAL, "IPAM.Options: the default driver has none");
	if (json_len(config) > 1)
		return err_say(e, EINVAL, "bridge driver doesn't support multiple subnets");
	jw_obj(w);
	jw_kstr(w, "Driver", "default");
	jw_key(w, "Options");
	if (json_type(opts) == JSON_OBJ)
		jw_value(w, opts);
	else
		jw_null(w);
	jw_key(w, "Config");
	jw_arr(w);
	struct json_iter it = json_iter(config);
	int r = 0;
	while (r == 0 && json_next(&it))
		r = put_config(w, it.value, e);
	jw_end_arr(w);
	jw_end_obj(w);
	return r;
}

/* ---- records ---- */

static void put_object(struct json_writer *w, const char *key, const struct json *v)
{
	jw_key(w, key);
	if (json_type(v) == JSON_OBJ) {
		jw_value(w, v);
	} else {
		jw_obj(w);
		jw_end_obj(w);
	}
}

int network_make(const struct json *body, const char *id, const char *created, struct buf *record, struct err *e)
{
	const struct json *opts = json_iget(body, "Options"), *labels = json_iget(body, "Labels");
	struct json_writer w;

	int r = check_name(json_str(json_iget(body, "Name")), e);
	if (r == 0)
		r = check_driver(json_str_or(json_iget(body, "Driver"), ""), e);
	if (r == 0)
		r = check_flags(body, e);
	if (r == 0)
		r = check_options(opts, e);
	if (r == 0)
		r = check_labels(labels, e);
	if (r < 0)
		return r;
	jw_init(&w, record);
	jw_obj(&w);
	jw_kstr(&w, "Name", json_str(json_iget(body, "Name")));
	jw_kstr(&w, "Id", id);
	jw_kstr(&w, "Created", created);
	jw_kstr(&w, "Driver", "bridge");
	jw_kbool(&w, "Internal", json_bool(json_iget(body, "Internal"), false));
	jw_kbool(&w, "Attachable", json_bool(json_iget(body, "Attachable"), false));
	jw_key(&w, "IPAM");
	r = put_ipam(&w, json_iget(body, "IPAM"), e);
	put_object(&w, "Options", opts);
	put_object(&w, "Labels", labels);
	jw_end_obj(&w);
	if (r == 0 && buf_error(record) < 0)
		r = err_say(e, EINVAL, "labels and options are more than %d bytes", NETWORK_RECORD_MAX);
	return r;
}

static void put_bridge_options(struct json_writer *w)
{
	jw_kstr(w, OPT_BRIDGE "default_bridge", "true");
	jw_kstr(w, OPT_BRIDGE "enable_icc", "true");
	jw_kstr(w, OPT_BRIDGE "enable_ip_masquerade", "true");
	jw_kstr(w, OPT_BRIDGE "host_binding_ipv4", "0.0.0.0");
	jw_kstr(w, OPT_BRIDGE "name", "docker0");
	jw_kstr(w, OPT_NET "driver.mtu", "1500");
}

void network_make_default(const char *name, const char *id, const char *created, const char *subnet, struct buf *record)
{
	struct json_writer w;
	bool is_bridge = strcmp(name, "bridge") == 0;
	struct ip_prefix p;
	char text[IP_TEXT_MAX];

	jw_init(&w, record);
	jw_obj(&w);
	jw_kstr(&w, "Name", name);
	jw_kstr(&w, "Id", id);
	jw_kstr(&w, "Created", created);
	jw_kstr(&w, "Driver", is_bridge ? "bridge" : strcmp(name, "host") == 0 ? "host" : "null");
	jw_kbool(&w, "Predefined", true);
	jw_key(&w, "IPAM");
	jw_obj(&w);
	jw_kstr(&w, "Driver", "default");
	jw_key(&w, "Options");
	jw_null(&w);
	jw_key(&w, "Config");
	if (is_bridge && ip_prefix_parse(subnet, strlen(subnet), &p) == 0) {
		struct ip gateway = ip4(ip4_host(&p.addr) + 1);
		jw_arr(&w);
		jw_obj(&w);
		jw_kstr(&w, "Subnet", subnet);
		jw_kstr(&w, "Gateway", ip_text(&gateway, text));
		jw_end_obj(&w);
		jw_end_arr(&w);
	} else {
		jw_null(&w);
	}
	jw_end_obj(&w);
	jw_key(&w, "Options");
	jw_obj(&w);
	if (is_bridge)
		put_bridge_options(&w);
	jw_end_obj(&w);
	put_object(&w, "Labels", NULL);
	jw_end_obj(&w);
}

/* ---- loading ---- */

static int bad(struct err *e, const char *what)
{
	return err_say(e, E_SPEC, "network record: '%s' is missing or malformed", what);
}

static int copy(char *out, size_t size, const struct json *v, const char *what, struct err *e)
{
	const char *s = json_str(v);

	if (s == NULL || *s == '\0' || strlen(s) >= size || strlen(s) != json_str_len(v))
		return bad(e, what);
	strcpy(out, s);
	return 0;
}

static const char *option(const struct network *n, const char *name, const char *fallback)
{
	const char *v = json_str_or(json_get(json_get(n->record, "Options"), name), "");

	return *v != '\0' ? v : fallback;
}

static int load_ipam(struct network *n, const struct json *c, struct err *e)
{
	const char *subnet = json_str(json_get(c, "Subnet")), *range = json_str(json_get(c, "IPRange"));
	const char *gateway = json_str(json_get(c, "Gateway"));
	struct net *d = &n->drv;

	if (subnet == NULL || ip_prefix_parse(subnet, strlen(subnet), &d->subnet) < 0)
		return bad(e, "Subnet");
	if (range != NULL && ip_prefix_parse(range, strlen(range), &d->range) < 0)
		return bad(e, "IPRange");
	if (gateway != NULL && ip_parse(gateway, strlen(gateway), &d->gateway) < 0)
		return bad(e, "Gateway");
	struct json_iter it = json_iter(json_get(c, "AuxiliaryAddresses"));
	while (json_next(&it) && n->n_aux < NETWORK_AUX_MAX) {
		const char *s = json_str_or(it.value, "");
		if (ip_parse(s, strlen(s), &n->aux[n->n_aux++]) < 0)
			return bad(e, "AuxiliaryAddresses");
	}
	return 0;
}

static int load_bridge(struct network *n, struct err *e)
{
	const struct json *config = json_get(json_get(n->record, "IPAM"), "Config");
	struct net *d = &n->drv;
	const char *binding = option(n, OPT_BRIDGE "host_binding_ipv4", "0.0.0.0");
	struct json_iter it = json_iter(config);
	char made_up[IFNAMSIZ];

	(void)snprintf(made_up, sizeof(made_up), "br-%.12s", d->id); /* fits */
	(void)snprintf(d->ifname, sizeof(d->ifname), "%s", option(n, OPT_BRIDGE "name", made_up)); /* checked when made */
	(void)snprintf(n->prefix, sizeof(n->prefix), "%s", option(n, OPT_NET "container_iface_prefix", "eth"));
	d->mtu = (uint32_t)strtoul(option(n, OPT_NET "driver.mtu", "0"), NULL, 10);
	d->is_internal = json_bool(json_get(n->record, "Internal"), false);
	d->no_icc = bool_of(option(n, OPT_BRIDGE "enable_icc", "true")) == 0;
	d->no_masquerade = bool_of(option(n, OPT_BRIDGE "enable_ip_masquerade", "true")) == 0;
	n->is_default = n->is_predefined;
	if (ip_parse(binding, strlen(binding), &n->binding) < 0)
		return bad(e, "host_binding_ipv4");
	n->has_subnet = json_next(&it);
	if (n->has_subnet)
		return load_ipam(n, it.value, e);
	/* one that was picked */
	const char *subnet = json_str(json_get(n->record, "Picked"));
	if (subnet != NULL && ip_prefix_parse(subnet, strlen(subnet), &d->subnet) < 0)
		return bad(e, "Picked");
	return 0;
}

int network_load(const char *record, size_t len, struct network **ret, struct err *e)
{
	struct network *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return err_set(e, ENOMEM, "network");
	list_init(&n->link);
	list_init(&n->endpoints);
	int r = json_parse(record, len, &n->doc, e);
	n->record = r == 0 ? json_root(n->doc) : NULL;
	if (r == 0)
		r = copy(n->drv.name, sizeof(n->drv.name), json_get(n->record, "Name"), "Name", e);
	if (r == 0)
		r = copy(n->drv.id, sizeof(n->drv.id), json_get(n->record, "Id"), "Id", e);
	if (r == 0)
		r = copy(n->created, sizeof(n->created), json_get(n->record, "Created"), "Created", e);
	const char *driver = json_str_or(json_get(n->record, "Driver"), "");
	for (enum network_kind k = NETWORK_BRIDGE; k <= NETWORK_NULL; k++)
		if (strcmp(driver, drivers[k]) == 0)
			n->kind = k;
	n->is_predefined = json_bool(json_get(n->record, "Predefined"), false);
	if (r == 0 && n->kind == 0)
		r = bad(e, "Driver");
	if (r == 0 && n->kind == NETWORK_BRIDGE)
		r = load_bridge(n, e);
	if (r < 0) {
		network_free(n);
		return r;
	}
	*ret = n;
	return 0;
}

void network_free(struct network *n)
{
	if (n == NULL)
		return;
	json_free(n->doc);
	free(n);
}

/* ---- showing ---- */

static void print_ipam(const struct network *n, struct json_writer *w)
{
	const struct json *ipam = json_get(n->record, "IPAM");
	char text[IP_PREFIX_TEXT_MAX];

	jw_key(w, "IPAM");
	if (n->kind != NETWORK_BRIDGE || n->has_subnet) {
		jw_value(w, ipam);
		return;
	}
	jw_obj(w);
	jw_kstr(w, "Driver", "default");
	jw_key(w, "Options");
	jw_value(w, json_get(ipam, "Options"));
	jw_key(w, "Config");
	jw_arr(w);
	jw_obj(w);
	jw_kstr(w, "Subnet", ip_prefix_text(&n->drv.subnet, text));
	jw_kstr(w, "Gateway", ip_text(&n->drv.gateway, text));
	jw_end_obj(w);
	jw_end_arr(w);
	jw_end_obj(w);
}

void network_print(const struct network *n, struct json_writer *w, network_endpoints_fn *endpoints)
{
	jw_obj(w);
	jw_kstr(w, "Name", n->drv.name);
	jw_kstr(w, "Id", n->drv.id);
	jw_kstr(w, "Created", n->created);
	jw_kstr(w, "Scope", "local");
	jw_kstr(w, "Driver", network_driver(n));
	jw_kbool(w, "EnableIPv4", true);
	jw_kbool(w, "EnableIPv6", false);
	print_ipam(n, w);
	jw_kbool(w, "Internal", n->drv.is_internal);
	jw_kbool(w, "Attachable", json_bool(json_get(n->record, "Attachable"), false));
	jw_kbool(w, "Ingress", false);
	jw_key(w, "ConfigFrom");
	jw_obj(w);
	jw_kstr(w, "Network", "");
	jw_end_obj(w);
	jw_kbool(w, "ConfigOnly", false);
	jw_key(w, "Containers");
	jw_obj(w);
	if (endpoints != NULL)
		endpoints(n, w);
	jw_end_obj(w);
	put_object(w, "Options", json_get(n->record, "Options"));
	put_object(w, "Labels", network_labels(n));
	jw_end_obj(w);
}
