// SPDX-License-Identifier: Apache-2.0
/* ps, images, port, top, diff: lists. */
#include "userctr/cli.h"
#include "userctr/human.h"

#include "lib/base/clock.h"
#include "lib/base/owned.h"
#include "lib/codec/ref.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ROWS_MAX (64u << 20)
#define NS	 1000000000LL

/* "2026-11-23 01:36:11 +0000 UTC" of unix seconds */
static const char *local_time(int64_t sec, char out[HUMAN_MAX])
{
	struct tm tm;
	time_t t = sec;
	size_t n = localtime_r(&t, &tm) != NULL ? strftime(out, HUMAN_MAX, "%Y-%m-%d %H:%M:%S %z %Z", &tm) : 0;

	out[n] = '\0';
	return out;
}

const char *cli_ago(int64_t sec, char *out)
{
	char d[HUMAN_MAX];

	(void)snprintf(out, HUMAN_MAX, "%.40s ago", human_duration(clock_real_ns() / NS - sec, d));
	return out;
}

/* The first n characters of text, with an ellipsis for the last when there are more. */
static void put_cut(struct buf *b, const char *s, size_t max)
{
	size_t chars = 0, at = 0, cut = 0;

	for (; s[at] != '\0'; at++) {
		if (((unsigned char)s[at] & 0xc0) == 0x80)
			continue;
		if (chars == max - 1)
			cut = at;
		if (++chars > max)
			break;
	}
	if (chars <= max) {
		buf_puts(b, s);
		return;
	}
	buf_put(b, s, cut);
	buf_puts(b, "\xe2\x80\xa6");
}

void cli_put_labels(struct json_writer *w, const struct json *labels)
{
	struct buf b = BUF_INIT(1u << 20);
	struct json_iter it = json_iter(labels);

	while (json_next(&it))
		buf_printf(&b, "%s%s=%s", b.len > 0 ? "," : "", it.key, json_str_or(it.value, ""));
	jw_kstr(w, "Labels", buf_str(&b));
	buf_release(&b);
}

/* ---- ports ---- */

struct port {
	const char *ip, *proto;
	int64_t private, public;
};

static int port_order(const void *a, const void *b)
{
	const struct port *x = a, *y = b;
	int c = (x->private > y->private) - (x->private < y->private);

	if (c == 0)
		c = strcmp(x->ip, y->ip);
	if (c == 0)
		c = (x->public > y->public) - (x->public < y->public);
	return c != 0 ? c : strcmp(x->proto, y->proto);
}

/* Ports first..last of both sides, which are the same, or without a host's. */
static void put_run(struct buf *b, const struct port *first, int64_t last)
{
	char range[48];

	(void)snprintf(range, sizeof(range), last != first->private ? "%lld-%lld" : "%lld", (long long)first->private,
		       (long long)last);
	if (b->len > 0)
		buf_puts(b, ", ");
	if (first->ip[0] != '\0')
		buf_printf(b, strchr(first->ip, ':') != NULL ? "[%s]:%s->" : "%s:%s->", first->ip, range);
	buf_printf(b, "%s/%s", range, first->proto);
}

static void put_mapping(struct buf *b, const struct port *p)
{
	if (b->len > 0)
		buf_puts(b, ", ");
	buf_printf(b, strchr(p->ip, ':') != NULL ? "[%s]:%lld->%lld/%s" : "%s:%lld->%lld/%s", p->ip, (long long)p->public,
		   (long long)p->private, p->proto);
}

/* Ports that follow each other are written as a range when host and container have the same. */
static void put_ports(struct json_writer *w, struct arena *mem, const struct json *ports)
{
	struct buf runs = BUF_INIT(1u << 20), maps = BUF_INIT(1u << 20);
	struct json_iter it = json_iter(ports);
	size_t max = json_len(ports), n = 0;
	struct port *p = arena_array(mem, max + 1, sizeof(*p));
	bool *done = arena_array(mem, max + 1, sizeof(*done));

	while (p != NULL && done != NULL && n < max && json_next(&it))
		p[n++] = (struct port){.ip = json_str_or(json_get(it.value, "IP"), ""),
				       .proto = json_str_or(json_get(it.value, "Type"), "tcp"),
				       .private = json_int(json_get(it.value, "PrivatePort"), 0),
				       .public = json_int(json_get(it.value, "PublicPort"), 0)};
	if (n > 0)
		qsort(p, n, sizeof(*p), port_order);
	for (size_t i = 0; i < n; i++) {
		if (p[i].ip[0] != '\0' && p[i].public != p[i].private) {
			put_mapping(&maps, &p[i]);
			continue;
		}
		if (done[i])
			continue;
		int64_t last = p[i].private;
		for (size_t k = i + 1; k < n; k++)
			if (!done[k] && strcmp(p[k].ip, p[i].ip) == 0 && strcmp(p[k].proto, p[i].proto) == 0 &&
			    p[k].private == last + 1 && (p[k].ip[0] == '\0' || p[k].public == p[k].private)) {
				done[k] = true;
				last++;
			}
		put_run(&runs, &p[i], last);
	}
	if (runs.len > 0 && maps.len > 0)
		buf_puts(&runs, ", ");
	buf_puts(&runs, buf_str(&maps));
	jw_kstr(w, "Ports", buf_str(&runs));
	buf_release(&runs);
	buf_release(&maps);
}

/* ---- ps ---- */

static const struct cli_col cols_ps[] = {
	{"ID", "CONTAINER ID"}, {"Image", "IMAGE"}, {"Command", "COMMAND"}, {"CreatedAt", "CREATED AT"},
	{"RunningFor", "CREATED"}, {"Ports", "PORTS"}, {"State", "STATE"}, {"Status", "STATUS"}, {"Size", "SIZE"},
	{"Names", "NAMES"}, {"Labels", "LABELS"}, {"Mounts", "MOUNTS"}, {"LocalVolumes", "LOCAL VOLUMES"},
	{"Networks", "NETWORKS"}, {"Platform", "PLATFORM"}, {0},
};

/* Names without their slash; links of other containers ("/other/alias") only untruncated. */
static void put_names(struct json_writer *w, const struct json *names, bool is_whole)
{
	struct buf b = BUF_INIT(65536);
	struct json_iter it = json_iter(names);

	while (json_next(&it)) {
		const char *s = json_str_or(it.value, "");
		s += s[0] == '/';
		if (!is_whole && strchr(s, '/') != NULL)
			continue;
		buf_printf(&b, "%s%s", b.len > 0 ? "," : "", s);
	}
	jw_kstr(w, "Names", buf_str(&b));
	buf_release(&b);
}

static void put_mounts(struct json_writer *w, const struct json *mounts, bool is_whole)
{
	struct buf b = BUF_INIT(65536);
	struct json_iter it = json_iter(mounts);

	while (json_next(&it)) {
		const char *s = json_str_or(json_get(it.value, "Name"), "");
		if (s[0] == '\0')
			s = json_str_or(json_get(it.value, "Source"), "");
		if (b.len > 0)
			buf_putc(&b, ',');
		if (is_whole)
			buf_puts(&b, s);
		else
			put_cut(&b, s, 15);
	}
	jw_kstr(w, "Mounts", buf_str(&b));
	buf_release(&b);
}

static void put_keys(struct json_writer *w, const char *name, const struct json *obj)
{
	struct buf b = BUF_INIT(65536);
	struct json_iter it = json_iter(obj);

	while (json_next(&it))
		buf_printf(&b, "%s%s", b.len > 0 ? "," : "", it.key);
	jw_kstr(w, name, buf_str(&b));
	buf_release(&b);
}

/* COMMAND is quoted as Go does; what it would escape is. */
static void put_command(struct json_writer *w, const char *s, bool is_whole)
{
	struct buf cut = BUF_INIT(1u << 20), q = BUF_INIT(4u << 20);
	struct json_writer quote;

	if (is_whole)
		buf_puts(&cut, s);
	else
		put_cut(&cut, s, 20);
	jw_init(&quote, &q);
	jw_strn(&quote, buf_str(&cut), cut.len);
	jw_kstr(w, "Command", buf_str(&q));
	buf_release(&cut);
	buf_release(&q);
}

static void put_size(struct json_writer *w, const struct json *ctr, bool with_virtual)
{
	char rw[HUMAN_MAX], all[HUMAN_MAX], out[2 * HUMAN_MAX + 16];
	int64_t root = json_int(json_get(ctr, "SizeRootFs"), 0);

	(void)human_size((double)json_int(json_get(ctr, "SizeRw"), 0), 3, rw);
	(void)snprintf(out, sizeof(out), with_virtual && root > 0 ? "%s (virtual %s)" : "%s", rw, human_size((double)root, 3, all));
	jw_kstr(w, "Size", out);
}

void cli_put_ctr(struct json_writer *w, struct arena *mem, const struct json *ctr, bool is_whole, bool with_virtual)
{
	const char *image = json_str_or(json_get(ctr, "Image"), ""), *id = json_str_or(json_get(ctr, "Id"), "");
	int64_t created = json_int(json_get(ctr, "Created"), 0), local = 0;
	char text[HUMAN_MAX];
	struct json_iter it = json_iter(json_get(ctr, "Mounts"));

	jw_obj(w);
	put_command(w, json_str_or(json_get(ctr, "Command"), ""), is_whole);
	jw_kstr(w, "CreatedAt", local_time(created, text));
	jw_key(w, "ID");
	jw_strn(w, id, is_whole || strlen(id) < 12 ? strlen(id) : 12);
	if (image[0] == '\0') {
		image = "<no image>";
	} else if (!is_whole && strncmp(image, "sha256:", 7) == 0 && strlen(image) == 71) {
		char *cut = arena_copy(mem, image + 7, 12);
		image = cut != NULL ? cut : image;
	} else if (!is_whole && strchr(image, '@') != NULL && strstr(image, "@sha256:") != NULL) {
		struct ref ref;
		if (ref_parse(image, strlen(image), &ref, NULL) == 0 && ref.tag[0] != '\0') {
			char shown[REF_TEXT_SIZE];
			ref.has_digest = false;
			(void)ref_familiar(&ref, shown);
			char *kept = arena_copy(mem, shown, strlen(shown));
			image = kept != NULL ? kept : image;
		}
	}
	jw_kstr(w, "Image", image);
	cli_put_labels(w, json_get(ctr, "Labels"));
	while (json_next(&it))
		local += strcmp(json_str_or(json_get(it.value, "Driver"), ""), "local") == 0;
	(void)snprintf(text, sizeof(text), "%lld", (long long)local);
	jw_kstr(w, "LocalVolumes", text);
	put_mounts(w, json_get(ctr, "Mounts"), is_whole);
	put_names(w, json_get(ctr, "Names"), is_whole);
	put_keys(w, "Networks", json_get(json_get(ctr, "NetworkSettings"), "Networks"));
	jw_key(w, "Platform");
	jw_null(w);
	put_ports(w, mem, json_get(ctr, "Ports"));
	jw_kstr(w, "RunningFor", cli_ago(created, text));
	put_size(w, ctr, with_virtual);
	jw_kstr(w, "State", json_str_or(json_get(ctr, "State"), ""));
	jw_kstr(w, "Status", json_str_or(json_get(ctr, "Status"), ""));
	jw_end_obj(w);
}

static int run_ps(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(65536), rows = BUF_INIT(ROWS_MAX);
	const char *format = cli_text(a, "format");
	int64_t last = cli_get(a, "last")->num;
	struct json_writer w;

	if (cli_on(a, "latest") && last == -1)
		last = 1;
	bool wants_size = cli_on(a, "size") || strstr(format, ".Size") != NULL;
	buf_puts(&path, "/containers/json");
	if (cli_on(a, "all"))
		cli_query(&path, "all", "1");
	cli_query_filters(&path, cli_get(a, "filter"), NULL);
	if (last > 0)
		buf_printf(&path, "%climit=%lld", strchr(buf_str(&path), '?') != NULL ? '&' : '?', (long long)last);
	if (wants_size)
		cli_query(&path, "size", "1");
	struct json_doc *d = cli_fetch(c, buf_str(&path));
	buf_release(&path);
	if (d == NULL)
		return 1;
	jw_init(&w, &rows);
	jw_arr(&w);
	struct json_iter it = json_iter(json_root(d));
	while (json_next(&it))
		cli_put_ctr(&w, c->mem, it.value, cli_on(a, "no-trunc"), true);
	jw_end_arr(&w);
	const char *table = cli_on(a, "size")
		? "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}\t{{.Size}}"
		: "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
	if (cli_on(a, "quiet") && (format[0] == '\0' || strcmp(format, "table") == 0))
		format = "{{.ID}}";
	int r = cli_print_rows(c, &rows, cols_ps, format, table);
	json_free(d);
	buf_release(&rows);
	return r < 0 ? 1 : 0;
}

/* ---- images ---- */

static const struct cli_col cols_images[] = {
	{"Repository", "REPOSITORY"}, {"Tag", "TAG"}, {"Digest", "DIGEST"}, {"ID", "IMAGE ID"},
	{"CreatedSince", "CREATED"}, {"CreatedAt", "CREATED AT"}, {"Size", "SIZE"}, {"Containers", "CONTAINERS"},
	{"VirtualSize", "SIZE"}, {"SharedSize", "SHARED SIZE"}, {"UniqueSize", "UNIQUE SIZE"}, {0},
};

struct image_row {
	const char *repo, *tag, *digest;
};

static void put_count(struct json_writer *w, const char *key, int64_t n)
{
	char text[HUMAN_MAX];

	(void)snprintf(text, sizeof(text), "%lld", (long long)n);
	jw_kstr(w, key, n < 0 ? "N/A" : text);
}

static void put_image(struct json_writer *w, const struct json *im, const struct image_row *row, bool is_whole)
{
	const char *id = json_str_or(json_get(im, "Id"), ""), *colon = strchr(id, ':');
	int64_t created = json_int(json_get(im, "Created"), 0), shared = json_int(json_get(im, "SharedSize"), -1);
	int64_t size = json_int(json_get(im, "Size"), 0);
	char text[HUMAN_MAX];

	jw_obj(w);
	put_count(w, "Containers", json_int(json_get(im, "Containers"), -1));
	jw_kstr(w, "CreatedAt", local_time(created, text));
	jw_kstr(w, "CreatedSince", created > 0 ? cli_ago(created, text) : "N/A");
	jw_kstr(w, "Digest", row->digest);
	jw_key(w, "ID");
	if (!is_whole && colon != NULL)
		id = colon + 1;
	jw_strn(w, id, is_whole || strlen(id) < 12 ? strlen(id) : 12);
	jw_kstr(w, "Repository", row->repo);
	jw_kstr(w, "SharedSize", shared < 0 ? "N/A" : human_size((double)shared, 3, text));
	jw_kstr(w, "Size", human_size((double)size, 3, text));
	jw_kstr(w, "Tag", row->tag);
	jw_kstr(w, "UniqueSize", shared < 0 ? "N/A" : human_size((double)(size - shared), 3, text));
	jw_kstr(w, "VirtualSize", human_size((double)size, 4, text));
	jw_end_obj(w);
}

/* The digest of a repository among RepoDigests, or NULL. */
static const char *digest_of_repo(const struct json *im, const char *repo)
{
	struct json_iter it = json_iter(json_get(im, "RepoDigests"));
	size_t n = strlen(repo);

	while (json_next(&it)) {
		const char *s = json_str_or(it.value, "");
		if (strncmp(s, repo, n) == 0 && s[n] == '@')
			return s + n + 1;
	}
	return NULL;
}

/* One row per tag (and digest, when shown); untagged images have one too. */
static void put_image_rows(struct json_writer *w, struct arena *mem, const struct json *im, const struct cli_args *a)
{
	bool is_whole = cli_on(a, "no-trunc"), has_digests = cli_on(a, "digests") || strstr(cli_text(a, "format"), ".Digest") != NULL;
	struct json_iter it = json_iter(json_get(im, "RepoTags"));
	size_t n = 0;

	while (json_next(&it)) {
		const char *s = json_str_or(it.value, ""), *colon = strrchr(s, ':');
		if (colon == NULL || strncmp(s, "<none>", 6) == 0)
			continue;
		char *repo = arena_copy(mem, s, (size_t)(colon - s));
		const char *digest = has_digests && repo != NULL ? digest_of_repo(im, repo) : NULL;
		struct image_row row = {repo != NULL ? repo : "", colon + 1, digest != NULL ? digest : "<none>"};
		put_image(w, im, &row, is_whole);
		n++;
	}
	if (n > 0)
		return;
	it = json_iter(json_get(im, "RepoDigests"));
	while (json_next(&it)) {
		const char *s = json_str_or(it.value, ""), *at = strchr(s, '@');
		if (at == NULL || strncmp(s, "<none>", 6) == 0)
			continue;
		char *repo = arena_copy(mem, s, (size_t)(at - s));
		put_image(w, im, &(struct image_row){repo != NULL ? repo : "", "<none>", has_digests ? at + 1 : "<none>"}, is_whole);
		n++;
	}
	if (n == 0)
		put_image(w, im, &(struct image_row){"<none>", "<none>", "<none>"}, is_whole);
}

static int run_images(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(65536), rows = BUF_INIT(ROWS_MAX), reference = BUF_INIT(4096);
	const char *format = cli_text(a, "format");
	struct json_writer w;

	buf_puts(&path, "/images/json");
	if (cli_on(a, "all"))
		cli_query(&path, "all", "1");
	if (a->argc == 1)
		buf_printf(&reference, "reference=%s", a->argv[0]);
	cli_query_filters(&path, cli_get(a, "filter"), a->argc == 1 ? buf_str(&reference) : NULL);
	struct json_doc *d = cli_fetch(c, buf_str(&path));
	buf_release(&path);
	buf_release(&reference);
	if (d == NULL)
		return 1;
	jw_init(&w, &rows);
	jw_arr(&w);
	struct json_iter it = json_iter(json_root(d));
	while (json_next(&it))
		put_image_rows(&w, c->mem, it.value, a);
	jw_end_arr(&w);
	const char *table = cli_on(a, "digests")
		? "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
		: "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
	if (cli_on(a, "quiet") && (format[0] == '\0' || strcmp(format, "table") == 0))
		format = "{{.ID}}";
	int r = cli_print_rows(c, &rows, cols_images, format, table);
	json_free(d);
	buf_release(&rows);
	return r < 0 ? 1 : 0;
}

/* ---- history ---- */

static const struct cli_col cols_history[] = {
	{"ID", "IMAGE"}, {"CreatedSince", "CREATED"}, {"CreatedAt", "CREATED AT"}, {"CreatedBy", "CREATED BY"},
	{"Size", "SIZE"}, {"Comment", "COMMENT"}, {0},
};

static void put_history(struct json_writer *w, const struct json *h, const struct cli_args *a)
{
	const char *id = json_str_or(json_get(h, "Id"), ""), *by = json_str_or(json_get(h, "CreatedBy"), "");
	int64_t created = json_int(json_get(h, "Created"), 0), size = json_int(json_get(h, "Size"), 0);
	bool is_whole = cli_on(a, "no-trunc"), is_human = cli_on(a, "human");
	struct buf text = BUF_INIT(1u << 20);
	char cell[HUMAN_MAX];
	struct tm tm;
	time_t t = created;

	jw_obj(w);
	jw_kstr(w, "Comment", json_str_or(json_get(h, "Comment"), ""));
	(void)(localtime_r(&t, &tm) != NULL && strftime(cell, sizeof(cell), "%Y-%m-%dT%H:%M:%S", &tm) > 0);
	buf_puts(&text, cell);
	if (strftime(cell, sizeof(cell), "%z", &tm) == 5)
		buf_printf(&text, strcmp(cell, "+0000") == 0 ? "Z" : "%.3s:%.2s", cell, cell + 3);
	jw_kstr(w, "CreatedAt", buf_str(&text));
	buf_clear(&text);
	for (const char *s = by; *s != '\0'; s++)
		buf_putc(&text, *s == '\t' ? ' ' : *s);
	struct buf cut = BUF_INIT(1u << 20);
	if (is_whole)
		buf_puts(&cut, buf_str(&text));
	else
		put_cut(&cut, buf_str(&text), 45);
	jw_kstr(w, "CreatedBy", buf_str(&cut));
	buf_release(&cut);
	jw_kstr(w, "CreatedSince", !is_human ? "" : created > 0 ? cli_ago(created, cell) : "N/A");
	jw_key(w, "ID");
	if (!is_whole && strchr(id, ':') != NULL)
		id = strchr(id, ':') + 1;
	jw_strn(w, id, is_whole || strlen(id) < 12 ? strlen(id) : 12);
	if (is_human)
		(void)human_size((double)size, 3, cell);
	else
		(void)snprintf(cell, sizeof(cell), "%lld", (long long)size);
	jw_kstr(w, "Size", cell);
	jw_end_obj(w);
	buf_release(&text);
}

static int run_history(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(65536), rows = BUF_INIT(ROWS_MAX);
	const char *format = cli_text(a, "format");
	struct json_writer w;

	buf_printf(&path, "/images/%s/history", a->argv[0]);
	struct json_doc *d = cli_fetch(c, buf_str(&path));
	buf_release(&path);
	if (d == NULL)
		return 1;
	jw_init(&w, &rows);
	jw_arr(&w);
	struct json_iter it = json_iter(json_root(d));
	while (json_next(&it))
		put_history(&w, it.value, a);
	jw_end_arr(&w);
	if (cli_on(a, "quiet") && (format[0] == '\0' || strcmp(format, "table") == 0))
		format = "{{.ID}}";
	int r = cli_print_rows(c, &rows, cols_history, format,
			       cli_on(a, "human") ? "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
						  : "{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}");
	json_free(d);
	buf_release(&rows);
	return r < 0 ? 1 : 0;
}

/* ---- port, top, diff ---- */

static void put_bindings(struct buf *out, const char *port, const struct json *list)
{
	struct json_iter it = json_iter(list);

	while (json_next(&it)) {
		const char *ip = json_str_or(json_get(it.value, "HostIp"), "");
		if (port != NULL)
			buf_printf(out, "%s -> ", port);
		buf_printf(out, strchr(ip, ':') != NULL ? "[%s]:%s\n" : "%s:%s\n", ip, json_str_or(json_get(it.value, "HostPort"), ""));
	}
}

static int run_port(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(65536), out = BUF_INIT(1u << 20);
	int code = 0;

	buf_puts(&path, "/containers/");
	cli_encode(&path, a->argv[0]);
	buf_puts(&path, "/json");
	struct json_doc *d = cli_fetch(c, buf_str(&path));
	buf_clear(&path);
	const struct json *ports = json_get(json_get(json_root(d), "NetworkSettings"), "Ports");
	if (d == NULL) {
		code = 1;
	} else if (a->argc == 2) {
		buf_printf(&path, "%s%s", a->argv[1], strchr(a->argv[1], '/') == NULL ? "/tcp" : "");
		put_bindings(&out, NULL, json_get(ports, buf_str(&path)));
		if (out.len == 0) {
			cli_say(c, "Error: No public port '%s' published for %s", a->argv[1], a->argv[0]);
			code = 1;
		}
	} else {
		struct json_iter it = json_iter(ports);
		while (json_next(&it))
			put_bindings(&out, it.key, it.value);
	}
	if (code == 0 && cli_out(&out) < 0)
		code = 1;
	json_free(d);
	buf_release(&path);
	buf_release(&out);
	return code;
}

static int run_top(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(65536), args = BUF_INIT(4096), text = BUF_INIT(ROWS_MAX), out = BUF_INIT(ROWS_MAX);

	buf_puts(&path, "/containers/");
	cli_encode(&path, a->argv[0]);
	buf_puts(&path, "/top");
	for (int i = 1; i < a->argc; i++)
		buf_printf(&args, "%s%s", i > 1 ? " " : "", a->argv[i]);
	if (args.len > 0)
		cli_query(&path, "ps_args", buf_str(&args));
	struct json_doc *d = cli_fetch(c, buf_str(&path));
	struct json_iter it = json_iter(json_get(json_root(d), "Titles"));
	for (bool is_first = true; json_next(&it); is_first = false)
		buf_printf(&text, "%s%s", is_first ? "" : "\t", json_str_or(it.value, ""));
	struct json_iter rows = json_iter(json_get(json_root(d), "Processes"));
	while (json_next(&rows)) {
		buf_putc(&text, '\n');
		it = json_iter(rows.value);
		for (bool is_first = true; json_next(&it); is_first = false) {
			const char *s = json_str_or(it.value, "");
			if (!is_first)
				buf_putc(&text, '\t');
			cli_put_safe(&text, s, strlen(s));
		}
	}
	buf_putc(&text, '\n');
	cli_align(buf_str(&text), text.len, 20, &out);
	int code = d == NULL || cli_out(&out) < 0 ? 1 : 0;
	json_free(d);
	buf_release(&path);
	buf_release(&args);
	buf_release(&text);
	buf_release(&out);
	return code;
}

static int run_diff(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(65536), out = BUF_INIT(ROWS_MAX);

	buf_puts(&path, "/containers/");
	cli_encode(&path, a->argv[0]);
	buf_puts(&path, "/changes");
	struct json_doc *d = cli_fetch(c, buf_str(&path));
	struct json_iter it = json_iter(json_root(d));
	while (json_next(&it)) {
		const char *p = json_str_or(json_get(it.value, "Path"), "");
		int64_t kind = json_int(json_get(it.value, "Kind"), 0);
		buf_printf(&out, "%c ", kind == 1 ? 'A' : kind == 2 ? 'D' : 'C');
		cli_put_safe(&out, p, strlen(p));
		buf_putc(&out, '\n');
	}
	int code = d == NULL || cli_out(&out) < 0 ? 1 : 0;
	json_free(d);
	buf_release(&path);
	buf_release(&out);
	return code;
}

#define FORMAT_FLAG {"format", 0, CLI_STRING, "Format output: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE", NULL}
#define FILTER_FLAG {"filter", 'f', CLI_FILTER, "Filter output based on conditions provided", NULL}

static const struct cli_flag flags_ps[] = {
	{"all", 'a', CLI_BOOL, "Show all containers (default shows just running)", NULL},
	FILTER_FLAG,
	FORMAT_FLAG,
	{"last", 'n', CLI_INT, "Show n last created containers (includes all states)", "-1"},
	{"latest", 'l', CLI_BOOL, "Show the latest created container (includes all states)", NULL},
	{"no-trunc", 0, CLI_BOOL, "Don't truncate output", NULL},
	{"quiet", 'q', CLI_BOOL, "Only display container IDs", NULL},
	{"size", 's', CLI_BOOL, "Display total file sizes", NULL},
	{0},
};
static const struct cli_flag flags_images[] = {
	{"all", 'a', CLI_BOOL, "Show all images (default hides intermediate images)", NULL},
	{"digests", 0, CLI_BOOL, "Show digests", NULL},
	FILTER_FLAG,
	FORMAT_FLAG,
	{"no-trunc", 0, CLI_BOOL, "Don't truncate output", NULL},
	{"quiet", 'q', CLI_BOOL, "Only show image IDs", NULL},
	{0},
};
static const struct cli_flag flags_history[] = {
	FORMAT_FLAG,
	{"human", 'H', CLI_BOOL, "Print sizes and dates in human readable format", "true"},
	{"no-trunc", 0, CLI_BOOL, "Don't truncate output", NULL},
	{"quiet", 'q', CLI_BOOL, "Only show image IDs", NULL},
	{0},
};

const struct cli_verb cli_verbs_list[] = {
	{"container ls, container list, container ps, ps", run_ps, "", 0, 0, "List containers", flags_ps, "ps -a --filter status=exited",
	 false, false},
	{"image ls, image list, images", run_images, "[REPOSITORY[:TAG]]", 0, 1, "List images", flags_images,
	 "images --format '{{.Repository}}:{{.Tag}}'", false, false},
	{"image history, history", run_history, "IMAGE", 1, 1, "Show the history of an image", flags_history, "history busybox", false,
	 false},
	{"container port, port", run_port, "CONTAINER [PRIVATE_PORT[/PROTO]]", 1, 2,
	 "List port mappings or a specific mapping for the container", NULL, "port web 80", false, false},
	{"container top, top", run_top, "CONTAINER [ps OPTIONS]", 1, -1, "Display the running processes of a container", NULL,
	 "top web aux", true, false},
	{"container diff, diff", run_diff, "CONTAINER", 1, 1, "Inspect changes to files or directories on a container's filesystem",
	 NULL, "diff web", false, false},
	{0},
};
