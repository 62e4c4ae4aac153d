// SPDX-License-Identifier: Apache-2.0
/* version and info. */
#include "userctr/cli.h"
#include "userctr/human.h"
#include "userctr/template.h"

#include "lib/base/owned.h"
#include "lib/base/version.h"

#include <stdio.h>
#include <string.h>

#define OUT_MAX (4u << 20)

/* ---- by template ---- */

static int print_format(struct cli *c, const char *format, const struct buf *text)
{
	struct json_doc *d = NULL;
	struct buf out = BUF_INIT(OUT_MAX);
	struct tmpl *t = NULL;
	struct err e = {0};
	int code = 1;

	if (strcmp(format, "json") == 0) {
		buf_puts(&out, buf_str(text));
		buf_putc(&out, '\n');
		code = cli_out(&out) < 0;
	} else if (tmpl_parse(c->mem, format, strlen(format), &t, &e) < 0) {
		cli_say(c, "template parsing error: %s", e.msg);
		code = 64;
	} else if (json_parse(buf_str(text), text->len, &d, &e) < 0 || tmpl_run(t, json_root(d), TMPL_SAFE, &out, &e) < 0) {
		cli_say(c, "%s", e.msg);
	} else {
		buf_putc(&out, '\n');
		code = cli_out(&out) < 0;
	}
	json_free(d);
	buf_release(&out);
	return code;
}

/* ---- version ---- */

static void put_client(struct json_writer *w)
{
	jw_obj(w);
	jw_kstr(w, "Version", SLIPWAY_VERSION);
	jw_kstr(w, "ApiVersion", "1.51");
	jw_kstr(w, "DefaultAPIVersion", "1.51");
	jw_kstr(w, "GitCommit", "");
	jw_kstr(w, "GoVersion", "");
	jw_kstr(w, "Os", "linux");
	jw_kstr(w, "Arch", "amd64");
	jw_kstr(w, "BuildTime", "");
	jw_kstr(w, "Context", "default");
	jw_end_obj(w);
}

static void line(struct buf *b, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	buf_printf(b, " %-18s ", name);
	cli_put_safe(b, value, strlen(value));
	buf_putc(b, '\n');
}

static const char *text_of(const struct json *v, const char *key)
{
	return json_str_or(json_get(v, key), "");
}

static void version_component(struct buf *b, const struct json *part)
{
	const struct json *detail = json_get(part, "Details");
	char os[64], api[64];
	const char *name = text_of(part, "Name");

	buf_printf(b, " %s:\n", name);
	line(b, " Version:", text_of(part, "Version"));
	if (strcmp(name, "Engine") == 0) {
		(void)snprintf(api, sizeof(api), "%.20s (minimum version %.20s)", text_of(detail, "ApiVersion"),
			       text_of(detail, "MinAPIVersion"));
		line(b, " API version:", api);
		line(b, " Go version:", text_of(detail, "GoVersion"));
		line(b, " Git commit:", text_of(detail, "GitCommit"));
		line(b, " Built:", text_of(detail, "BuildTime"));
		(void)snprintf(os, sizeof(os), "%.20s/%.20s", text_of(detail, "Os"), text_of(detail, "Arch"));
		line(b, " OS/Arch:", os);
		line(b, " Experimental:", text_of(detail, "Experimental"));
		return;
	}
	struct json_iter it = json_iter(detail);
	while (json_next(&it)) {
		char key[64];
		(void)snprintf(key, sizeof(key), " %.50s:", strcmp(it.key, "GitCommit") == 0 ? "GitCommit" : it.key);
		line(b, key, json_str_or(it.value, ""));
	}
}

static int run_version(struct cli *c, struct cli_args *a)
{
	const char *format = cli_text(a, "format");
	struct buf out = BUF_INIT(OUT_MAX), text = BUF_INIT(OUT_MAX);
	struct json_writer w;

	struct json_doc *d = NULL;
	if (format[0] == '\0') {
		buf_puts(&out, "Client:\n");
		line(&out, "Version:", SLIPWAY_VERSION);
		line(&out, "API version:", "1.51");
		line(&out, "OS/Arch:", "linux/amd64");
		line(&out, "Context:", "default");
		if (cli_out(&out) < 0)
			return 1;
		buf_clear(&out);
		d = cli_fetch(c, "/version");
		if (d != NULL) {
			const char *platform = text_of(json_get(json_root(d), "Platform"), "Name");
			buf_printf(&out, "\nServer:%s%s\n", platform[0] != '\0' ? " " : "", platform);
			struct json_iter it = json_iter(json_get(json_root(d), "Components"));
			while (json_next(&it))
				version_component(&out, it.value);
		}
		int failed = cli_out(&out) < 0 || d == NULL;
		json_free(d);
		buf_release(&out);
		return failed;
	}
	d = cli_fetch(c, "/version");
	jw_init(&w, &text);
	jw_obj(&w);
	jw_key(&w, "Client");
	put_client(&w);
	jw_key(&w, "Server");
	if (d != NULL)
		jw_value(&w, json_root(d));
	else
		jw_null(&w);
	jw_end_obj(&w);
	int code = print_format(c, format, &text);
	code = d == NULL ? 1 : code;
	json_free(d);
	buf_release(&text);
	return code;
}

/* ---- info ---- */

enum shape { S_TEXT = 1, S_NUM, S_BOOL, S_BYTES, S_LIST, S_PAIRS, S_KEYS, S_TITLE };

static const struct {
	const char *title;
	enum shape shape;
	const char *at[3]; /* the path of the value */
	unsigned depth;	   /* of the indentation */
} info_lines[] = {
	{"Containers", S_NUM, {"Containers"}, 0},
	{"Running", S_NUM, {"ContainersRunning"}, 1},
	{"Paused", S_NUM, {"ContainersPaused"}, 1},
	{"Stopped", S_NUM, {"ContainersStopped"}, 1},
	{"Images", S_NUM, {"Images"}, 0},
	{"Server Version", S_TEXT, {"ServerVersion"}, 0},
	{"Storage Driver", S_TEXT, {"Driver"}, 0},
	{NULL, S_PAIRS, {"DriverStatus"}, 1},
	{"Logging Driver", S_TEXT, {"LoggingDriver"}, 0},
	{"Cgroup Driver", S_TEXT, {"CgroupDriver"}, 0},
	{"Cgroup Version", S_TEXT, {"CgroupVersion"}, 0},
	{"Plugins", S_TITLE, {NULL}, 0},
	{"Volume", S_LIST, {"Plugins", "Volume"}, 1},
	{"Network", S_LIST, {"Plugins", "Network"}, 1},
	{"Log", S_LIST, {"Plugins", "Log"}, 1},
	{"Swarm", S_TEXT, {"Swarm", "LocalNodeState"}, 0},
	{"Runtimes", S_KEYS, {"Runtimes"}, 0},
	{"Default Runtime", S_TEXT, {"DefaultRuntime"}, 0},
	{"Init Binary", S_TEXT, {"InitBinary"}, 0},
	{"containerd version", S_TEXT, {"ContainerdCommit", "ID"}, 0},
	{"runc version", S_TEXT, {"RuncCommit", "ID"}, 0},
	{"init version", S_TEXT, {"InitCommit", "ID"}, 0},
	{"Kernel Version", S_TEXT, {"KernelVersion"}, 0},
	{"Operating System", S_TEXT, {"OperatingSystem"}, 0},
	{"OSType", S_TEXT, {"OSType"}, 0},
	{"Architecture", S_TEXT, {"Architecture"}, 0},
	{"CPUs", S_NUM, {"NCPU"}, 0},
	{"Total Memory", S_BYTES, {"MemTotal"}, 0},
	{"Name", S_TEXT, {"Name"}, 0},
	{"ID", S_TEXT, {"ID"}, 0},
	{"Docker Root Dir", S_TEXT, {"DockerRootDir"}, 0},
	{"Debug Mode", S_BOOL, {"Debug"}, 0},
	{"HTTP Proxy", S_TEXT, {"HttpProxy"}, 0},
	{"HTTPS Proxy", S_TEXT, {"HttpsProxy"}, 0},
	{"No Proxy", S_TEXT, {"NoProxy"}, 0},
	{"Experimental", S_BOOL, {"ExperimentalBuild"}, 0},
	{"Live Restore Enabled", S_BOOL, {"LiveRestoreEnabled"}, 0},
	{"Firewall Backend", S_TEXT, {"FirewallBackend", "Driver"}, 0},
};

static void put_names(struct buf *b, const struct json *v, bool of_keys)
{
	struct json_iter it = json_iter(v);

	while (json_next(&it)) {
		const char *s = of_keys ? it.key : json_str_or(it.value, "");
		buf_putc(b, ' ');
		cli_put_safe(b, s, strlen(s));
	}
	buf_putc(b, '\n');
}

static void put_pairs(struct buf *b, const struct json *v)
{
	struct json_iter it = json_iter(v);

	while (json_next(&it)) {
		struct json_iter pair = json_iter(it.value);
		const char *k = json_next(&pair) ? json_str_or(pair.value, "") : "";
		const char *s = json_next(&pair) ? json_str_or(pair.value, "") : "";
		buf_puts(b, "  ");
		cli_put_safe(b, k, strlen(k));
		buf_puts(b, ": ");
		cli_put_safe(b, s, strlen(s));
		buf_putc(b, '\n');
	}
}

static void info_line(struct buf *b, const struct json *info, size_t i)
{
	const struct json *v = info;
	char text[HUMAN_MAX];

	for (size_t k = 0; k < countof(info_lines[i].at) && info_lines[i].at[k] != NULL; k++)
		v = json_get(v, info_lines[i].at[k]);
	enum shape shape = info_lines[i].shape;
	const char *s = json_str_or(v, "");
	if (shape == S_PAIRS) {
		put_pairs(b, v);
		return;
	}
	if ((shape == S_TEXT && s[0] == '\0') || (shape == S_LIST && json_len(v) == 0))
		return;
	buf_printf(b, " %s%s:", info_lines[i].depth > 0 ? " " : "", info_lines[i].title);
	switch (shape) {
	case S_TEXT:
		buf_putc(b, ' ');
		cli_put_safe(b, s, strlen(s));
		buf_putc(b, '\n');
		break;
	case S_NUM: buf_printf(b, " %lld\n", (long long)json_int(v, 0)); break;
	case S_BOOL: buf_puts(b, json_bool(v, false) ? " true\n" : " false\n"); break;
	case S_BYTES: buf_printf(b, " %s\n", human_bytes((double)json_int(v, 0), text)); break;
	case S_LIST:
	case S_KEYS: put_names(b, v, shape == S_KEYS); break;
	case S_TITLE:
	case S_PAIRS: buf_puts(b, " \n"); break;
	}
}

static int run_info(struct cli *c, struct cli_args *a)
{
	const char *format = cli_text(a, "format");
	struct buf out = BUF_INIT(OUT_MAX);
	int code = 1;

	if (format[0] != '\0') {
		struct json_doc *d = cli_fetch(c, "/info");
		struct json_writer w;
		jw_init(&w, &out);
		if (d != NULL) {
			jw_value(&w, json_root(d));
			code = print_format(c, format, &out);
		}
		json_free(d);
		buf_release(&out);
		return code;
	}
	buf_puts(&out, "Client:\n");
	line(&out, "Version:   ", SLIPWAY_VERSION);
	buf_clear(&out);
	buf_puts(&out, "Client:\n Version:    " SLIPWAY_VERSION "\n Context:    default\n Debug Mode: false\n\nServer:\n");
	if (cli_out(&out) < 0)
		return 1;
	buf_clear(&out);
	struct json_doc *d = cli_fetch(c, "/info");
	if (d != NULL) {
		for (size_t i = 0; i < countof(info_lines); i++)
			info_line(&out, json_root(d), i);
		struct json_iter it = json_iter(json_get(json_root(d), "SecurityOptions"));
		if (json_len(json_get(json_root(d), "SecurityOptions")) > 0)
			buf_puts(&out, " Security Options:\n");
		while (json_next(&it)) {
			const char *s = json_str_or(it.value, "");
			buf_puts(&out, "  ");
			cli_put_safe(&out, strncmp(s, "name=", 5) == 0 ? s + 5 : s, strlen(s) - (strncmp(s, "name=", 5) == 0 ? 5 : 0));
			buf_putc(&out, '\n');
		}
		code = cli_out(&out) < 0;
		it = json_iter(json_get(json_root(d), "Warnings"));
		while (json_next(&it))
			fprintf(stderr, "%s\n", json_str_or(it.value, ""));
	}
	json_free(d);
	buf_release(&out);
	return code;
}

static const struct cli_flag flags_format[] = {
	{"format", 'f', CLI_STRING, "Format output: 'json' or a Go TEMPLATE", NULL},
	{0},
};

const struct cli_verb cli_verbs_info[] = {
	{"version", run_version, "", 0, 0, "Show the Docker version information", flags_format, "version -f '{{.Server.Version}}'",
	 false, false},
	{"system info, info", run_info, "", 0, 0, "Display system-wide information", flags_format, "info -f '{{.ID}}'", false, false},
	{0},
};
