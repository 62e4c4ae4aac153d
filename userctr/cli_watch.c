// SPDX-License-Identifier: Apache-2.0
/* stats: what containers use, once or until interrupted. */
#include "userctr/cli.h"
#include "userctr/human.h"

#include "lib/base/owned.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WATCHED 64

static const struct cli_col cols_stats[] = {
	{"Container", "CONTAINER"}, {"Name", "NAME"}, {"ID", "CONTAINER ID"}, {"CPUPerc", "CPU %"}, {"MemUsage", "MEM USAGE / LIMIT"},
	{"MemPerc", "MEM %"}, {"NetIO", "NET I/O"}, {"BlockIO", "BLOCK I/O"}, {"PIDs", "PIDS"}, {0},
};
#define TABLE \
	"{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}"

static double number(const struct json *v, const char *a, const char *b)
{
	const struct json *x = json_get(v, a);
	return (double)json_int(b != NULL ? json_get(x, b) : x, 0);
}

static double cpu_share(const struct json *s)
{
	const struct json *now = json_get(s, "cpu_stats"), *before = json_get(s, "precpu_stats");
	double used = number(now, "cpu_usage", "total_usage") - number(before, "cpu_usage", "total_usage");
	double all = number(now, "system_cpu_usage", NULL) - number(before, "system_cpu_usage", NULL);
	double cpus = number(now, "online_cpus", NULL);

	if (cpus == 0)
		cpus = (double)json_len(json_get(json_get(now, "cpu_usage"), "percpu_usage"));
	return all > 0 && used > 0 ? used / all * cpus * 100 : 0;
}

/* What could be given back at once is not in use. */
static double memory_in_use(const struct json *mem)
{
	const struct json *stats = json_get(mem, "stats");
	double usage = number(mem, "usage", NULL), cache = number(stats, "total_inactive_file", NULL);

	if (cache > 0 && cache < usage)
		return usage - cache;
	cache = number(stats, "inactive_file", NULL);
	return cache < usage ? usage - cache : usage;
}

static void put_io(struct json_writer *w, const char *key, double in, double out)
{
	char a[HUMAN_MAX], b[HUMAN_MAX], cell[2 * HUMAN_MAX + 8];

	(void)snprintf(cell, sizeof(cell), "%s / %s", human_size(in, 3, a), human_size(out, 3, b));
	jw_kstr(w, key, cell);
}

static void put_percent(struct json_writer *w, const char *key, double v)
{
	char cell[HUMAN_MAX];

	(void)snprintf(cell, sizeof(cell), "%.2f%%", v);
	jw_kstr(w, key, cell);
}

static void put_disks(struct json_writer *w, const struct json *s)
{
	struct json_iter it = json_iter(json_get(json_get(s, "blkio_stats"), "io_service_bytes_recursive"));
	double in = 0, out = 0;

	while (json_next(&it)) {
		const char *op = json_str_or(json_get(it.value, "op"), "");
		if (op[0] == 'r' || op[0] == 'R')
			in += number(it.value, "value", NULL);
		else if (op[0] == 'w' || op[0] == 'W')
			out += number(it.value, "value", NULL);
	}
	put_io(w, "BlockIO", in, out);
}

/* A row that could not be filled in has dashes. */
static void put_unknown(struct json_writer *w, const char *name)
{
	jw_obj(w);
	jw_kstr(w, "BlockIO", "--");
	jw_kstr(w, "CPUPerc", "--");
	jw_kstr(w, "Container", name);
	jw_kstr(w, "ID", "");
	jw_kstr(w, "MemPerc", "--");
	jw_kstr(w, "MemUsage", "-- / --");
	jw_kstr(w, "Name", "--");
	jw_kstr(w, "NetIO", "--");
	jw_kstr(w, "PIDs", "--");
	jw_end_obj(w);
}

static void put_row(struct json_writer *w, const char *asked, const struct json *s, bool is_whole)
{
	const char *id = json_str_or(json_get(s, "id"), ""), *name = json_str_or(json_get(s, "name"), "");
	const struct json *mem = json_get(s, "memory_stats");
	double used = memory_in_use(mem), limit = number(mem, "limit", NULL), in = 0, out = 0;
	char a[HUMAN_MAX], b[HUMAN_MAX], cell[2 * HUMAN_MAX + 8];
	struct json_iter it = json_iter(json_get(s, "networks"));

	if (id[0] == '\0') {
		put_unknown(w, asked);
		return;
	}
	jw_obj(w);
	put_disks(w, s);
	put_percent(w, "CPUPerc", cpu_share(s));
	jw_kstr(w, "Container", asked);
	jw_key(w, "ID");
	jw_strn(w, id, is_whole || strlen(id) < 12 ? strlen(id) : 12);
	put_percent(w, "MemPerc", limit > 0 ? used / limit * 100 : 0);
	(void)snprintf(cell, sizeof(cell), "%s / %s", human_bytes(used, a), human_bytes(limit, b));
	jw_kstr(w, "MemUsage", cell);
	jw_kstr(w, "Name", name + (name[0] == '/'));
	while (json_next(&it)) {
		in += number(it.value, "rx_bytes", NULL);
		out += number(it.value, "tx_bytes", NULL);
	}
	put_io(w, "NetIO", in, out);
	(void)snprintf(cell, sizeof(cell), "%lld", (long long)number(s, "pids_stats", "current"));
	jw_kstr(w, "PIDs", cell);
	jw_end_obj(w);
}

/* One container that is asked about. */
struct asked {
	const char *name;
	struct cli c;
	struct buf path;
	struct cli_request q;
	struct cli_reply r;
	int sent;
};

/* Names of what runs (or of all) into x. Returns their number, or -1. */
static int list_names(struct cli *c, bool is_all, struct asked *x)
{
	struct json_doc *d = cli_fetch(c, is_all ? "/containers/json?all=1" : "/containers/json");
	struct json_iter it = json_iter(json_root(d));
	int n = 0;

	if (d == NULL)
		return -1;
	while (n < WATCHED && json_next(&it)) {
		const char *id = json_str_or(json_get(it.value, "Id"), "");
		x[n].name = arena_copy(c->mem, id, strlen(id) < 12 ? strlen(id) : 12);
		n += x[n].name != NULL;
	}
	json_free(d);
	return n;
}

/* Ask about all at once: each answer takes the daemon a second. Returns 0, or 1 after saying what failed. */
static int sample(struct cli *c, struct asked *x, int n, struct buf *rows, bool is_whole, bool is_strict)
{
	struct json_writer w;
	struct err e = {0};
	int code = 0;

	for (int i = 0; i < n; i++) {
		x[i].path = (struct buf)BUF_INIT(4096);
		cli_second(c, &x[i].c);
		buf_puts(&x[i].path, "/containers/");
		cli_encode(&x[i].path, x[i].name);
		buf_puts(&x[i].path, "/stats?stream=0");
		x[i].q = (struct cli_request){.method = "GET", .path = buf_str(&x[i].path), .body_fd = -1};
		x[i].sent = cli_send(&x[i].c, &x[i].q, &x[i].r, &e);
	}
	jw_init(&w, rows);
	jw_arr(&w);
	for (int i = 0; i < n; i++) {
		struct json_doc *d = NULL;
		if (x[i].sent < 0 || cli_finish(&x[i].c, &e) < 0) {
			cli_say(c, "%s", e.msg);
			code = 1;
		} else if (x[i].r.status >= 300 && is_strict) {
			cli_say_error(c, &x[i].r);
			code = 1;
		} else if (x[i].r.status < 300 && json_parse(buf_str(&x[i].r.body), x[i].r.body.len, &d, NULL) == 0) {
			put_row(&w, x[i].name, json_root(d), is_whole);
		}
		json_free(d);
		cli_reply_release(&x[i].r);
		buf_release(&x[i].path);
		cli_close(&x[i].c);
	}
	jw_end_arr(&w);
	return code;
}

static int run_stats(struct cli *c, struct cli_args *a)
{
	static struct asked x[WATCHED];
	bool is_terminal = isatty(1) != 0;
	int code = 0;

	if (a->argc > WATCHED) {
		cli_say(c, "no more than %d containers are watched at once", WATCHED);
		return 1;
	}
	do {
		struct buf rows = BUF_INIT(4u << 20);
		struct arena round = ARENA_INIT(32u << 20), *mem = c->mem;
		int n = a->argc;
		c->mem = &round; /* what one round makes */
		for (int i = 0; i < a->argc; i++)
			x[i].name = a->argv[i];
		if (n == 0)
			n = list_names(c, cli_on(a, "all"), x);
		code = n < 0 ? 1 : sample(c, x, n, &rows, cli_on(a, "no-trunc"), a->argc > 0);
		if (code == 0) {
			if (is_terminal && !cli_on(a, "no-stream"))
				printf("\x1b[2J\x1b[H");
			code = cli_print_rows(c, &rows, cols_stats, cli_text(a, "format"), TABLE) < 0;
		}
		buf_release(&rows);
		arena_release(&round);
		c->mem = mem;
		if (n == 0 && !cli_on(a, "no-stream"))
			(void)sleep(1); /* nothing took its time */
	} while (code == 0 && !cli_on(a, "no-stream"));
	return code;
}

static const struct cli_flag flags_stats[] = {
	{"all", 'a', CLI_BOOL, "Show all containers (default shows just running)", NULL},
	{"format", 0, CLI_STRING, "Format output: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE", NULL},
	{"no-stream", 0, CLI_BOOL, "Disable streaming stats and only pull the first result", NULL},
	{"no-trunc", 0, CLI_BOOL, "Do not truncate output", NULL},
	{0},
};

const struct cli_verb cli_verbs_watch[] = {
	{"container stats, stats", run_stats, "[CONTAINER...]", 0, -1,
	 "Display a live stream of container(s) resource usage statistics", flags_stats, "stats --no-stream", false, false},
	{0},
};
