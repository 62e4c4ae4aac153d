// SPDX-License-Identifier: Apache-2.0
/* volume ls, create, rm. */
#include "userctr/cli.h"

#include "lib/base/owned.h"

#include <stdio.h>
#include <string.h>

static const struct cli_col cols_volumes[] = {
	{"Name", "VOLUME NAME"}, {"Driver", "DRIVER"}, {"Scope", "SCOPE"}, {"Mountpoint", "MOUNTPOINT"}, {"Labels", "LABELS"},
	{"Links", "LINKS"}, {"Size", "SIZE"}, {"Availability", "AVAILABILITY"}, {"Group", "GROUP"}, {"Status", "STATUS"}, {0},
};

static void put_volume(struct json_writer *w, const struct json *v)
{
	jw_obj(w);
	jw_kstr(w, "Availability", "N/A");
	jw_kstr(w, "Driver", json_str_or(json_get(v, "Driver"), ""));
	jw_kstr(w, "Group", "N/A");
	cli_put_labels(w, json_get(v, "Labels"));
	jw_kstr(w, "Links", "N/A");
	jw_kstr(w, "Mountpoint", json_str_or(json_get(v, "Mountpoint"), ""));
	jw_kstr(w, "Name", json_str_or(json_get(v, "Name"), ""));
	jw_kstr(w, "Scope", json_str_or(json_get(v, "Scope"), ""));
	jw_kstr(w, "Size", "N/A");
	jw_kstr(w, "Status", "N/A");
	jw_end_obj(w);
}

static int run_ls(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(65536), rows = BUF_INIT(64u << 20);
	const char *format = cli_text(a, "format");
	struct json_writer w;
	size_t n;

	buf_puts(&path, "/volumes");
	cli_query_filters(&path, cli_get(a, "filter"), NULL);
	struct json_doc *d = cli_fetch(c, buf_str(&path));
	buf_release(&path);
	if (d == NULL)
		return 1;
	const struct json **all = cli_sorted(c->mem, json_get(json_root(d), "Volumes"), &n);
	jw_init(&w, &rows);
	jw_arr(&w);
	for (size_t i = 0; i < n; i++)
		put_volume(&w, all[i]);
	jw_end_arr(&w);
	if (cli_on(a, "quiet") && (format[0] == '\0' || strcmp(format, "table") == 0))
		format = "{{.Name}}";
	int r = cli_print_rows(c, &rows, cols_volumes, format, "{{.Driver}}\t{{.Name}}");
	json_free(d);
	buf_release(&rows);
	return r < 0;
}

static int run_create(struct cli *c, struct cli_args *a)
{
	struct buf body = BUF_INIT(1u << 20);
	const char *name = cli_text(a, "name");
	struct json_doc *d = NULL;
	struct json_writer w;
	struct cli_reply r;
	int code = 1;

	if (a->argc == 1 && name[0] != '\0') {
		cli_say(c, "conflicting options: cannot specify a volume-name through both --name and as a positional arg");
		return 1;
	}
	jw_init(&w, &body);
	jw_obj(&w);
	jw_kstr(&w, "Driver", cli_text(a, "driver"));
	cli_put_pairs(&w, "DriverOpts", cli_get(a, "opt"));
	cli_put_pairs(&w, "Labels", cli_get(a, "label"));
	if (a->argc == 1 || name[0] != '\0')
		jw_kstr(&w, "Name", a->argc == 1 ? a->argv[0] : name);
	jw_end_obj(&w);
	if (cli_ask(c, "POST", "/volumes/create", buf_str(&body), 0, &r) >= 0) {
		if (json_parse(buf_str(&r.body), r.body.len, &d, NULL) == 0) {
			puts(json_str_or(json_get(json_root(d), "Name"), ""));
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
	return cli_each(c, a, "DELETE", "/volumes/", cli_on(a, "force") ? "?force=1" : "", 0, false);
}

static const struct cli_flag flags_ls[] = {
	{"filter", 'f', CLI_FILTER, "Provide filter values (e.g. \"dangling=true\")", NULL},
	{"format", 0, CLI_STRING, "Format output: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE", NULL},
	{"quiet", 'q', CLI_BOOL, "Only display volume names", NULL},
	{0},
};
static const struct cli_flag flags_create[] = {
	{"driver", 'd', CLI_STRING, "Specify volume driver name", "local"},
	{"label", 0, CLI_LIST, "Set metadata for a volume", NULL},
	{"name", 0, CLI_STRING, "Specify volume name", NULL},
	{"opt", 'o', CLI_PAIRS, "Set driver specific options", NULL},
	{0},
};
static const struct cli_flag flags_rm[] = {
	{"force", 'f', CLI_BOOL, "Force the removal of one or more volumes", NULL},
	{0},
};

const struct cli_verb cli_verbs_volume[] = {
	{"volume create", run_create, "[VOLUME]", 0, 1, "Create a volume", flags_create, "volume create data", false, false},
	{"volume ls, volume list", run_ls, "", 0, 0, "List volumes", flags_ls, "volume ls -f dangling=true", false, false},
	{"volume rm, volume remove", run_rm, "VOLUME [VOLUME...]", 1, -1, "Remove one or more volumes", flags_rm, "volume rm data",
	 false, false},
	{0},
};
