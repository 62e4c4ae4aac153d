// SPDX-License-Identifier: Apache-2.0
/* network ls, create, rm, connect, disconnect, prune. */
#include "userctr/cli.h"

#include "lib/base/owned.h"

#include <stdio.h>
#include <string.h>

static const struct cli_col cols_networks[] = {
	{"ID", "NETWORK ID"}, {"Name", "NAME"}, {"Driver", "DRIVER"}, {"Scope", "SCOPE"}, {"IPv4", "IPV4"}, {"IPv6", "IPV6"},
	{"Internal", "INTERNAL"}, {"Labels", "LABELS"}, {"CreatedAt", "CREATED AT"}, {0},
};

static int by_name(const void *a, const void *b)
{
	const struct json *const *x = a, *const *y = b;

	return strverscmp(json_str_or(json_get(*x, "Name"), ""), json_str_or(json_get(*y, "Name"), ""));
}

const struct json **cli_sorted(struct arena *mem, const struct json *list, size_t *ret_n)
{
	size_t n = json_len(list), i = 0;
	const struct json **all = arena_array(mem, n + 1, sizeof(*all));
	struct json_iter it = json_iter(list);

	while (all != NULL && i < n && json_next(&it))
		all[i++] = it.value;
	if (i > 1)
		qsort(all, i, sizeof(*all), by_name);
	*ret_n = i;
	return all;
}

/* "2026-11-23T01:32:43.32Z" as Go prints a time: "2026-11-23 01:32:43.32 +0000 UTC" */
static void put_created(struct json_writer *w, const char *s)
{
	char text[80];
	const char *t = strchr(s, 'T');
	size_t n = t != NULL ? strcspn(t + 1, "Z+") : 0;

	if (t == NULL || n > 30 || t - s != 10)
		(void)snprintf(text, sizeof(text), "%.79s", s);
	else if (t[1 + n] == 'Z')
		(void)snprintf(text, sizeof(text), "%.10s %.*s +0000 UTC", s, (int)n, t + 1);
	else
		(void)snprintf(text, sizeof(text), "%.10s %.*s %.3s%.2s", s, (int)n, t + 1, t + 1 + n, t + 5 + n);
	jw_kstr(w, "CreatedAt", text);
}

static void put_network(struct json_writer *w, const struct json *net, bool is_whole)
{
	const char *id = json_str_or(json_get(net, "Id"), "");

	jw_obj(w);
	put_created(w, json_str_or(json_get(net, "Created"), ""));
	jw_kstr(w, "Driver", json_str_or(json_get(net, "Driver"), ""));
	jw_key(w, "ID");
	jw_strn(w, id, is_whole || strlen(id) < 12 ? strlen(id) : 12);
	jw_kstr(w, "IPv4", json_bool(json_get(net, "EnableIPv4"), false) ? "true" : "false");
	jw_kstr(w, "IPv6", json_bool(json_get(net, "EnableIPv6"), false) ? "true" : "false");
	jw_kstr(w, "Internal", json_bool(json_get(net, "Internal"), false) ? "true" : "false");
	cli_put_labels(w, json_get(net, "Labels"));
	jw_kstr(w, "Name", json_str_or(json_get(net, "Name"), ""));
	jw_kstr(w, "Scope", json_str_or(json_get(net, "Scope"), ""));
	jw_end_obj(w);
}

static int run_ls(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(65536), rows = BUF_INIT(64u << 20);
	const char *format = cli_text(a, "format");
	struct json_writer w;
	size_t n;

	buf_puts(&path, "/networks");
	cli_query_filters(&path, cli_get(a, "filter"), NULL);
	struct json_doc *d = cli_fetch(c, buf_str(&path));
	buf_release(&path);
	if (d == NULL)
		return 1;
	const struct json **all = cli_sorted(c->mem, json_root(d), &n);
	jw_init(&w, &rows);
	jw_arr(&w);
	for (size_t i = 0; i < n; i++)
		put_network(&w, all[i], cli_on(a, "no-trunc"));
	jw_end_arr(&w);
	if (cli_on(a, "quiet") && (format[0] == '\0' || strcmp(format, "table") == 0))
		format = "{{.ID}}";
	int r = cli_print_rows(c, &rows, cols_networks, format, "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}");
	json_free(d);
	buf_release(&rows);
	return r < 0;
}

/* "a=b" members; what has no '=' is a name with an empty value */
void cli_put_pairs(struct json_writer *w, const char *key, const struct cli_value *v)
{
	char name[1024];

	if (v->n == 0)
		return;
	jw_key(w, key);
	jw_obj(w);
	for (size_t i = 0; i < v->n; i++) {
		const char *s = v->list[i], *eq = strchr(s, '=');
		(void)snprintf(name, sizeof(name), "%.*s", (int)(eq != NULL ? eq - s : (long)strlen(s)), s);
		jw_kstr(w, name, eq != NULL ? eq + 1 : "");
	}
	jw_end_obj(w);
}

/* Address ranges and gateways belong to the subnet with the same place in their list. */
static int put_ipam(struct json_writer *w, const struct cli_args *a, struct err *e)
{
	const struct cli_value *subnet = cli_get(a, "subnet"), *gateway = cli_get(a, "gateway"), *range = cli_get(a, "ip-range");

	if (gateway->n > subnet->n || range->n > subnet->n)
		return err_say(e, 22, "every ip-range or gateway must have a corresponding subnet");
	jw_key(w, "IPAM");
	jw_obj(w);
	jw_kstr(w, "Driver", cli_text(a, "ipam-driver"));
	cli_put_pairs(w, "Options", cli_get(a, "ipam-opt"));
	jw_key(w, "Config");
	jw_arr(w);
	for (size_t i = 0; i < subnet->n; i++) {
		jw_obj(w);
		jw_kstr(w, "Subnet", subnet->list[i]);
		if (i < range->n)
			jw_kstr(w, "IPRange", range->list[i]);
		if (i < gateway->n)
			jw_kstr(w, "Gateway", gateway->list[i]);
		if (i == 0)
			cli_put_pairs(w, "AuxiliaryAddresses", cli_get(a, "aux-address"));
		jw_end_obj(w);
	}
	jw_end_arr(w);
	jw_end_obj(w);
	return 0;
}

static int run_create(struct cli *c, struct cli_args *a)
{
	struct buf body = BUF_INIT(1u << 20);
	struct json_doc *d = NULL;
	struct json_writer w;
	struct cli_reply r;
	struct err e = {0};
	int code = 1;

	jw_init(&w, &body);
	jw_obj(&w);
	jw_kstr(&w, "Name", a->argv[0]);
	jw_kstr(&w, "Driver", cli_text(a, "driver"));
	if (cli_text(a, "scope")[0] != '\0')
		jw_kstr(&w, "Scope", cli_text(a, "scope"));
	if (cli_get(a, "ipv4")->is_set)
		jw_kbool(&w, "EnableIPv4", cli_on(a, "ipv4"));
	if (cli_get(a, "ipv6")->is_set)
		jw_kbool(&w, "EnableIPv6", cli_on(a, "ipv6"));
	jw_kbool(&w, "Internal", cli_on(a, "internal"));
	jw_kbool(&w, "Attachable", cli_on(a, "attachable"));
	cli_put_pairs(&w, "Options", cli_get(a, "opt"));
	cli_put_pairs(&w, "Labels", cli_get(a, "label"));
	int done = put_ipam(&w, a, &e);
	jw_end_obj(&w);
	if (done < 0) {
		cli_say(c, "%s", e.msg);
	} else if (cli_ask(c, "POST", "/networks/create", buf_str(&body), 0, &r) >= 0) {
		if (json_parse(buf_str(&r.body), r.body.len, &d, NULL) == 0) {
			const char *warning = json_str_or(json_get(json_root(d), "Warning"), "");
			if (warning[0] != '\0')
				fprintf(stderr, "WARNING: %s\n", warning);
			puts(json_str_or(json_get(json_root(d), "Id"), ""));
			code = 0;
		}
		json_free(d);
		cli_reply_release(&r);
	}
	buf_release(&body);
	return code;
}

static int run_rm(struct cli *c, struct cli_args *a)
{
	return cli_each(c, a, "DELETE", "/networks/", "", 0, cli_on(a, "force"));
}

static int run_connect(struct cli *c, struct cli_args *a)
{
	struct buf body = BUF_INIT(1u << 20), path = BUF_INIT(65536);
	struct json_writer w;
	static const struct {
		const char *flag, *key;
	} lists[] = {{"link", "Links"}, {"alias", "Aliases"}};

	jw_init(&w, &body);
	jw_obj(&w);
	jw_kstr(&w, "Container", a->argv[1]);
	jw_key(&w, "EndpointConfig");
	jw_obj(&w);
	jw_key(&w, "IPAMConfig");
	jw_obj(&w);
	if (cli_text(a, "ip")[0] != '\0')
		jw_kstr(&w, "IPv4Address", cli_text(a, "ip"));
	if (cli_text(a, "ip6")[0] != '\0')
		jw_kstr(&w, "IPv6Address", cli_text(a, "ip6"));
	jw_end_obj(&w);
	for (size_t i = 0; i < countof(lists); i++) {
		const struct cli_value *v = cli_get(a, lists[i].flag);
		if (v->n == 0)
			continue;
		jw_key(&w, lists[i].key);
		jw_arr(&w);
		for (size_t k = 0; k < v->n; k++)
			jw_str(&w, v->list[k]);
		jw_end_arr(&w);
	}
	cli_put_pairs(&w, "DriverOpts", cli_get(a, "driver-opt"));
	if (cli_get(a, "gw-priority")->is_set)
		jw_kint(&w, "GwPriority", cli_get(a, "gw-priority")->num);
	jw_end_obj(&w);
	jw_end_obj(&w);
	buf_puts(&path, "/networks/");
	cli_encode(&path, a->argv[0]);
	buf_puts(&path, "/connect");
	int code = cli_ask(c, "POST", buf_str(&path), buf_str(&body), 0, NULL) < 0;
	buf_release(&body);
	buf_release(&path);
	return code;
}

static int run_disconnect(struct cli *c, struct cli_args *a)
{
	struct buf body = BUF_INIT(65536), path = BUF_INIT(65536);
	struct json_writer w;

	jw_init(&w, &body);
	jw_obj(&w);
	jw_kstr(&w, "Container", a->argv[1]);
	jw_kbool(&w, "Force", cli_on(a, "force"));
	jw_end_obj(&w);
	buf_puts(&path, "/networks/");
	cli_encode(&path, a->argv[0]);
	buf_puts(&path, "/disconnect");
	int code = cli_ask(c, "POST", buf_str(&path), buf_str(&body), 0, NULL) < 0;
	buf_release(&body);
	buf_release(&path);
	return code;
}

static const struct cli_flag flags_ls[] = {
	{"filter", 'f', CLI_FILTER, "Provide filter values (e.g. \"driver=bridge\")", NULL},
	{"format", 0, CLI_STRING, "Format output: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE", NULL},
	{"no-trunc", 0, CLI_BOOL, "Do not truncate the output", NULL},
	{"quiet", 'q', CLI_BOOL, "Only display network IDs", NULL},
	{0},
};
static const struct cli_flag flags_create[] = {
	{"attachable", 0, CLI_BOOL, "Enable manual container attachment", NULL},
	{"aux-address", 0, CLI_PAIRS, "Auxiliary IPv4 or IPv6 addresses used by Network driver", NULL},
	{"driver", 'd', CLI_STRING, "Driver to manage the Network", "bridge"},
	{"gateway", 0, CLI_CSV, "IPv4 or IPv6 Gateway for the master subnet", NULL},
	{"internal", 0, CLI_BOOL, "Restrict external access to the network", NULL},
	{"ip-range", 0, CLI_CSV, "Allocate container ip from a sub-range", NULL},
	{"ipam-driver", 0, CLI_STRING, "IP Address Management Driver", "default"},
	{"ipam-opt", 0, CLI_PAIRS, "Set IPAM driver specific options", NULL},
	{"ipv4", 0, CLI_BOOL, "Enable or disable IPv4 address assignment", "true"},
	{"ipv6", 0, CLI_BOOL, "Enable or disable IPv6 address assignment", NULL},
	{"label", 0, CLI_LIST, "Set metadata on a network", NULL},
	{"opt", 'o', CLI_PAIRS, "Set driver specific options", NULL},
	{"scope", 0, CLI_STRING, "Control the network's scope", NULL},
	{"subnet", 0, CLI_CSV, "Subnet in CIDR format that represents a network segment", NULL},
	{0},
};
static const struct cli_flag flags_force[] = {
	{"force", 'f', CLI_BOOL, "Do not error if the network does not exist", NULL},
	{0},
};
static const struct cli_flag flags_connect[] = {
	{"alias", 0, CLI_CSV, "Add network-scoped alias for the container", NULL},
	{"driver-opt", 0, CLI_CSV, "driver options for the network", NULL},
	{"gw-priority", 0, CLI_INT, "Highest gw-priority provides the default gateway. Accepts positive and negative values", NULL},
	{"ip", 0, CLI_STRING, "IPv4 address (e.g., \"172.30.100.104\")", NULL},
	{"ip6", 0, CLI_STRING, "IPv6 address (e.g., \"2001:db8::33\")", NULL},
	{"link", 0, CLI_LIST, "Add link to another container", NULL},
	{"link-local-ip", 0, CLI_CSV, "Accepted and ignored", NULL},
	{0},
};
static const struct cli_flag flags_disconnect[] = {
	{"force", 'f', CLI_BOOL, "Force the container to disconnect from a network", NULL},
	{0},
};

const struct cli_verb cli_verbs_network[] = {
	{"network connect", run_connect, "NETWORK CONTAINER", 2, 2, "Connect a container to a network", flags_connect,
	 "network connect --alias db web c1", false, false},
	{"network create", run_create, "NETWORK", 1, 1, "Create a network", flags_create, "network create --subnet 10.1.0.0/24 web",
	 false, false},
	{"network disconnect", run_disconnect, "NETWORK CONTAINER", 2, 2, "Disconnect a container from a network", flags_disconnect,
	 "network disconnect web c1", false, false},
	{"network ls, network list", run_ls, "", 0, 0, "List networks", flags_ls, "network ls -f driver=bridge", false, false},
	{"network rm, network remove", run_rm, "NETWORK [NETWORK...]", 1, -1, "Remove one or more networks", flags_force,
	 "network rm web", false, false},
	{0},
};
