// SPDX-License-Identifier: Apache-2.0
/* system df, events, dial-stdio. */
#include "userctr/cli.h"
#include "userctr/human.h"
#include "userctr/template.h"

#include "lib/base/clock.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* ---- df ---- */

static const struct cli_col cols_df[] = {
	{"Type", "TYPE"}, {"TotalCount", "TOTAL"}, {"Active", "ACTIVE"}, {"Size", "SIZE"}, {"Reclaimable", "RECLAIMABLE"}, {0},
};

struct use {
	int64_t total, active, size, reclaimable;
};

static void put_use(struct json_writer *w, const char *type, const struct use *u, bool with_share)
{
	char n[32], text[HUMAN_MAX], cell[2 * HUMAN_MAX];

	jw_obj(w);
	(void)snprintf(n, sizeof(n), "%lld", (long long)u->active);
	jw_kstr(w, "Active", n);
	(void)human_size((double)u->reclaimable, 4, text);
	if (with_share && u->size > 0)
		(void)snprintf(cell, sizeof(cell), "%s (%lld%%)", text, (long long)(u->reclaimable * 100 / u->size));
	else
		(void)snprintf(cell, sizeof(cell), "%s", text);
	jw_kstr(w, "Reclaimable", cell);
	jw_kstr(w, "Size", human_size((double)u->size, 4, text));
	(void)snprintf(n, sizeof(n), "%lld", (long long)u->total);
	jw_kstr(w, "TotalCount", n);
	jw_kstr(w, "Type", type);
	jw_end_obj(w);
}

static struct use use_of_images(const struct json *df)
{
	struct use u = {.size = json_int(json_get(df, "LayersSize"), 0)};
	struct json_iter it = json_iter(json_get(df, "Images"));
	int64_t used = 0;

	while (json_next(&it)) {
		int64_t size = json_int(json_get(it.value, "Size"), 0), shared = json_int(json_get(it.value, "SharedSize"), 0);
		u.total++;
		if (json_int(json_get(it.value, "Containers"), 0) == 0)
			continue;
		u.active++;
		if (size != -1 && shared != -1)
			used += size - shared;
	}
	u.reclaimable = u.size > used ? u.size - used : 0;
	return u;
}

static struct use use_of_containers(const struct json *df)
{
	struct use u = {0};
	struct json_iter it = json_iter(json_get(df, "Containers"));

	while (json_next(&it)) {
		const char *state = json_str_or(json_get(it.value, "State"), "");
		int64_t size = json_int(json_get(it.value, "SizeRw"), 0);
		bool is_active = strcmp(state, "running") == 0 || strcmp(state, "paused") == 0 || strcmp(state, "restarting") == 0;
		u.total++;
		u.active += is_active;
		u.size += size;
		u.reclaimable += is_active ? 0 : size;
	}
	return u;
}

static struct use use_of_volumes(const struct json *df)
{
	struct use u = {0};
	struct json_iter it = json_iter(json_get(df, "Volumes"));

	while (json_next(&it)) {
		const struct json *data = json_get(it.value, "UsageData");
		int64_t size = json_int(json_get(data, "Size"), -1), refs = json_int(json_get(data, "RefCount"), 0);
		u.total++;
		u.active += refs != 0;
		if (size < 0)
			continue;
		u.size += size;
		u.reclaimable += refs == 0 ? size : 0;
	}
	return u;
}

static int df_short(struct cli *c, const struct json *df, const char *format)
{
	struct buf rows = BUF_INIT(65536);
	struct use images = use_of_images(df), ctrs = use_of_containers(df), volumes = use_of_volumes(df), none = {0};
	struct json_writer w;

	jw_init(&w, &rows);
	jw_arr(&w);
	put_use(&w, "Images", &images, true);
	put_use(&w, "Containers", &ctrs, true);
	put_use(&w, "Local Volumes", &volumes, true);
	put_use(&w, "Build Cache", &none, false);
	jw_end_arr(&w);
	int r = cli_print_rows(c, &rows, cols_df, format, "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}");
	buf_release(&rows);
	return r;
}

static const struct cli_col cols_df_images[] = {
	{"Repository", "REPOSITORY"}, {"Tag", "TAG"}, {"ID", "IMAGE ID"}, {"CreatedSince", "CREATED"}, {"Size", "SIZE"},
	{"SharedSize", "SHARED SIZE"}, {"UniqueSize", "UNIQUE SIZE"}, {"Containers", "CONTAINERS"}, {0},
};
static const struct cli_col cols_df_ctrs[] = {
	{"ID", "CONTAINER ID"}, {"Image", "IMAGE"}, {"Command", "COMMAND"}, {"LocalVolumes", "LOCAL VOLUMES"}, {"Size", "SIZE"},
	{"RunningFor", "CREATED"}, {"Status", "STATUS"}, {"Names", "NAMES"}, {0},
};
static const struct cli_col cols_df_volumes[] = {
	{"Name", "VOLUME NAME"}, {"Links", "LINKS"}, {"Size", "SIZE"}, {0},
};

static void put_df_image(struct json_writer *w, const struct json *im)
{
	struct json_iter it = json_iter(json_get(im, "RepoTags"));
	const char *tag = json_next(&it) ? json_str_or(it.value, "") : "", *colon = strrchr(tag, ':');
	const char *id = json_str_or(json_get(im, "Id"), "");
	int64_t size = json_int(json_get(im, "Size"), 0), shared = json_int(json_get(im, "SharedSize"), 0);
	char text[HUMAN_MAX];

	jw_obj(w);
	jw_key(w, "Repository");
	jw_strn(w, colon != NULL ? tag : "<none>", colon != NULL ? (size_t)(colon - tag) : 6);
	jw_kstr(w, "Tag", colon != NULL ? colon + 1 : "<none>");
	id = strchr(id, ':') != NULL ? strchr(id, ':') + 1 : id;
	jw_key(w, "ID");
	jw_strn(w, id, strlen(id) < 12 ? strlen(id) : 12);
	jw_kstr(w, "CreatedSince", cli_ago(json_int(json_get(im, "Created"), 0), text));
	jw_kstr(w, "Size", human_size((double)size, 3, text));
	jw_kstr(w, "SharedSize", human_size((double)shared, 4, text));
	jw_kstr(w, "UniqueSize", human_size((double)(size - shared), 4, text));
	(void)snprintf(text, sizeof(text), "%lld", (long long)json_int(json_get(im, "Containers"), 0));
	jw_kstr(w, "Containers", text);
	jw_end_obj(w);
}

static void put_df_volume(struct json_writer *w, const struct json *v)
{
	const struct json *data = json_get(v, "UsageData");
	char text[HUMAN_MAX];

	jw_obj(w);
	jw_kstr(w, "Name", json_str_or(json_get(v, "Name"), ""));
	(void)snprintf(text, sizeof(text), "%lld", (long long)json_int(json_get(data, "RefCount"), 0));
	jw_kstr(w, "Links", text);
	jw_kstr(w, "Size", human_size((double)json_int(json_get(data, "Size"), 0), 4, text));
	jw_end_obj(w);
}

static int df_list(struct cli *c, const struct json *list, const char *title, const struct cli_col *cols, const char *table)
{
	struct buf rows = BUF_INIT(64u << 20);
	struct json_iter it = json_iter(list);
	struct json_writer w;

	jw_init(&w, &rows);
	jw_arr(&w);
	while (json_next(&it)) {
		if (cols == cols_df_images)
			put_df_image(&w, it.value);
		else if (cols == cols_df_ctrs)
			cli_put_ctr(&w, c->mem, it.value, false, false);
		else
			put_df_volume(&w, it.value);
	}
	jw_end_arr(&w);
	printf("%s space usage:\n\n", title);
	int r = cli_print_rows(c, &rows, cols, "", table);
	buf_release(&rows);
	return r;
}

static int df_long(struct cli *c, const struct json *df)
{
	int r = df_list(c, json_get(df, "Images"), "Images", cols_df_images,
			"{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t"
			"{{.Containers}}");
	puts("");
	if (r == 0)
		r = df_list(c, json_get(df, "Containers"), "Containers", cols_df_ctrs,
			    "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}");
	puts("");
	if (r == 0)
		r = df_list(c, json_get(df, "Volumes"), "Local Volumes", cols_df_volumes, "{{.Name}}\t{{.Links}}\t{{.Size}}");
	printf("\nBuild cache usage: 0B\n\nCACHE ID   CACHE TYPE   SIZE      CREATED   LAST USED   USAGE     SHARED\n");
	return r;
}

static int run_df(struct cli *c, struct cli_args *a)
{
	struct json_doc *d = cli_fetch(c, "/system/df");
	int code = 1;

	if (d != NULL)
		code = (cli_on(a, "verbose") && cli_text(a, "format")[0] == '\0' ? df_long(c, json_root(d))
									     : df_short(c, json_root(d), cli_text(a, "format"))) < 0;
	json_free(d);
	return code;
}

/* ---- events ---- */

struct watcher {
	struct cli *c;
	struct tmpl *t;
	bool is_json, failed;
	struct buf line;
};

static int by_key(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	return strcmp(*x, *y);
}

static void put_event(struct buf *b, const struct json *v)
{
	const struct json *actor = json_get(v, "Actor"), *attributes = json_get(actor, "Attributes");
	int64_t ns = json_int(json_get(v, "timeNano"), 0);
	time_t sec = ns != 0 ? (time_t)(ns / 1000000000) : (time_t)json_int(json_get(v, "time"), 0);
	const char *key[64];
	char when[64] = "", zone[16] = "";
	struct json_iter it = json_iter(attributes);
	struct tm tm;
	size_t n = 0;

	if (localtime_r(&sec, &tm) != NULL) {
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
		(void)strftime(zone, sizeof(zone), "%z", &tm);
	}
	buf_printf(b, "%s.%09lld", when, (long long)(ns % 1000000000));
	buf_printf(b, strcmp(zone, "+0000") == 0 ? "Z" : "%.3s:%.2s", zone, zone + 3);
	buf_printf(b, " %s %s %s", json_str_or(json_get(v, "Type"), ""), json_str_or(json_get(v, "Action"), ""),
		   json_str_or(json_get(actor, "ID"), ""));
	while (n < countof(key) && json_next(&it))
		key[n++] = it.key;
	qsort(key, n, sizeof(key[0]), by_key);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s%s=%s%s", i == 0 ? " (" : ", ", key[i], json_str_or(json_get(attributes, key[i]), ""),
			   i + 1 == n ? ")" : "");
}

static int take_event(struct watcher *x)
{
	struct buf text = BUF_INIT(1u << 20), out = BUF_INIT(4u << 20);
	struct json_doc *d = NULL;
	struct err e = {0};
	int r = 0;

	if (json_parse(buf_str(&x->line), x->line.len, &d, &e) == 0) {
		struct json_writer w;
		jw_init(&w, &out);
		if (x->is_json)
			jw_value(&w, json_root(d));
		else if (x->t != NULL)
			r = tmpl_run(x->t, json_root(d), TMPL_SAFE, &out, &e);
		else
			put_event(&text, json_root(d));
	}
	cli_put_safe(&out, buf_str(&text), text.len);
	buf_putc(&out, '\n');
	if (r < 0) {
		cli_say(x->c, "%s", e.msg);
		x->failed = true;
	} else {
		r = cli_out(&out);
	}
	json_free(d);
	buf_release(&text);
	buf_release(&out);
	return r;
}

static int on_events(void *ctx, const char *p, size_t n)
{
	struct watcher *x = ctx;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n' && p[i] != '\r') {
			buf_putc(&x->line, p[i]);
			continue;
		}
		int r = x->line.len > 0 ? take_event(x) : 0;
		buf_clear(&x->line);
		if (r < 0)
			return -EPIPE;
	}
	return 0;
}

static int run_events(struct cli *c, struct cli_args *a)
{
	const char *format = cli_text(a, "format");
	struct watcher x = {.c = c, .is_json = strcmp(format, "json") == 0, .line = BUF_INIT(1u << 20)};
	struct buf path = BUF_INIT(65536);
	char when[HUMAN_MAX];
	struct cli_reply r;
	struct err e = {0};
	static const char *const times[] = {"since", "until"};

	if (format[0] != '\0' && !x.is_json && tmpl_parse(c->mem, format, strlen(format), &x.t, &e) < 0) {
		cli_say(c, "error parsing format: %s", e.msg);
		return 64;
	}
	buf_puts(&path, "/events");
	cli_query_filters(&path, cli_get(a, "filter"), NULL);
	for (size_t i = 0; i < countof(times); i++) {
		if (cli_text(a, times[i])[0] == '\0')
			continue;
		if (human_parse_moment(cli_text(a, times[i]), clock_real_ns(), when) < 0) {
			cli_say(c, "invalid value for \"%s\": failed to parse value as time or duration: \"%s\"", times[i],
				cli_text(a, times[i]));
			return 1;
		}
		cli_query(&path, times[i], when);
	}
	struct cli_request q = {.method = "GET", .path = buf_str(&path), .body_fd = -1, .on_body = on_events, .ctx = &x};
	int code = 1;
	if (cli_call(c, &q, &r, &e) < 0) {
		if (!x.failed)
			cli_say(c, "%s", e.msg);
	} else if (r.status >= 300) {
		cli_say_error(c, &r);
	} else {
		code = 0;
	}
	cli_reply_release(&r);
	buf_release(&x.line);
	buf_release(&path);
	return code;
}

/* ---- dial-stdio ---- */

/* Copy what is there; returns false at the end. */
static bool copy_some(int from, int to)
{
	char b[16384];
	ssize_t n = read(from, b, sizeof(b));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && write_all(to, b, (size_t)n) == 0;
}

/* The far end of "docker -H ssh://": standard streams and the daemon's socket are one. */
static int run_dial(struct cli *c, struct cli_args *a)
{
	struct err e = {0};
	bool in_open = true;

	(void)a;
	if (cli_dial(c, &e) < 0) {
		cli_say(c, "failed to open the raw stream connection: %s", e.msg);
		return 1;
	}
	for (;;) {
		struct pollfd pf[2] = {{.fd = c->fd, .events = POLLIN}, {.fd = in_open ? 0 : -1, .events = POLLIN}};
		if (poll(pf, 2, -1) < 0 && errno != EINTR)
			return 1;
		if (pf[1].revents != 0 && !copy_some(0, c->fd)) {
			in_open = false;
			(void)shutdown(c->fd, SHUT_WR); /* the daemon may be gone */
		}
		if (pf[0].revents != 0 && !copy_some(c->fd, 1))
			return 0;
	}
}

static const struct cli_flag flags_df[] = {
	{"format", 0, CLI_STRING, "Format output: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE", NULL},
	{"verbose", 'v', CLI_BOOL, "Show detailed information on space usage", NULL},
	{0},
};
static const struct cli_flag flags_events[] = {
	{"filter", 'f', CLI_FILTER, "Filter output based on conditions provided", NULL},
	{"format", 0, CLI_STRING, "Format output: 'json' or a Go TEMPLATE", NULL},
	{"since", 0, CLI_STRING, "Show all events created since timestamp", NULL},
	{"until", 0, CLI_STRING, "Stream events until this timestamp", NULL},
	{0},
};

const struct cli_verb cli_verbs_system[] = {
	{"system df", run_df, "", 0, 0, "Show docker disk usage", flags_df, "system df -v", false, false},
	{"system dial-stdio", run_dial, "", 0, 0, "Proxy the stdio stream to the daemon connection", NULL, "system dial-stdio", false,
	 false},
	{"system events, events", run_events, "", 0, 0, "Get real time events from the server", flags_events,
	 "events --since 10m --filter type=container", false, false},
	{0},
};
