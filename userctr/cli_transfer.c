// SPDX-License-Identifier: Apache-2.0
/* pull, push, search: images and registries. The daemon does the work, the client shows it and lends its credentials. */
#include "userctr/cli.h"

#include "lib/base/owned.h"
#include "lib/codec/ref.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int cli_pull(struct cli *c, const char *image, const char *platform, bool is_quiet, bool to_stderr, bool all_tags)
{
	static struct cli_progress p;
	struct buf path = BUF_INIT(65536), header = BUF_INIT(65536);
	struct cli_reply r;
	struct ref ref;
	struct err e = {0};
	char digest[DIGEST_TEXT_SIZE];
	int code = -1;

	if (ref_parse(image, strlen(image), &ref, &e) < 0) {
		cli_say(c, "%s", e.msg);
		return -1;
	}
	if (!all_tags && ref.tag[0] == '\0' && !ref.has_digest) {
		ref_default_tag(&ref);
		if (!is_quiet && !to_stderr)
			printf("Using default tag: latest\n");
	}
	if (all_tags && (ref.tag[0] != '\0' || ref.has_digest)) {
		cli_say(c, "tag can't be used with --all-tags/-a");
		return -1;
	}
	(void)fflush(stdout);
	buf_puts(&path, "/images/create");
	cli_query(&path, "fromImage", ref.name);
	if (platform[0] != '\0')
		cli_query(&path, "platform", platform);
	cli_query(&path, "tag", all_tags ? "" : ref.has_digest ? digest_text(&ref.digest, digest) : ref.tag);
	(void)cli_auth_header(c, image, &header);
	struct cli_request q = {.method = "POST", .path = buf_str(&path), .body_fd = -1, .header = buf_str(&header),
				.on_body = cli_progress, .ctx = &p};
	cli_progress_begin(&p, to_stderr);
	p.is_quiet = is_quiet;
	if (cli_call(c, &q, &r, &e) < 0)
		cli_say(c, "%s", e.msg);
	else if (r.status >= 300)
		cli_say_error(c, &r);
	else
		code = p.failed ? -1 : 0;
	cli_progress_end(&p);
	cli_reply_release(&r);
	buf_release(&path);
	buf_release(&header);
	return code;
}

static int run_pull(struct cli *c, struct cli_args *a)
{
	struct ref ref;
	char shown[REF_TEXT_SIZE];

	if (cli_pull(c, a->argv[0], cli_text(a, "platform"), cli_on(a, "quiet"), false, cli_on(a, "all-tags")) < 0)
		return 1;
	if (ref_parse(a->argv[0], strlen(a->argv[0]), &ref, NULL) == 0) {
		if (!cli_on(a, "all-tags"))
			ref_default_tag(&ref);
		printf("%s\n", ref_text(&ref, shown));
	}
	return 0;
}

static int run_push(struct cli *c, struct cli_args *a)
{
	static struct cli_progress p;
	struct buf path = BUF_INIT(65536), header = BUF_INIT(65536);
	struct cli_reply r;
	struct ref ref;
	struct err e = {0};
	char shown[REF_TEXT_SIZE];
	int code = 1;

	if (ref_parse(a->argv[0], strlen(a->argv[0]), &ref, &e) < 0) {
		cli_say(c, "%s", e.msg);
		return 1;
	}
	if (cli_on(a, "all-tags") && ref.tag[0] != '\0') {
		cli_say(c, "tag can't be used with --all-tags/-a");
		return 1;
	}
	if (!cli_on(a, "all-tags") && ref.tag[0] == '\0') {
		ref_default_tag(&ref);
		if (!cli_on(a, "quiet"))
			printf("Using default tag: latest\n");
	}
	buf_printf(&path, "/images/%s/push", ref.name);
	if (!cli_on(a, "all-tags"))
		cli_query(&path, "tag", ref.tag);
	(void)cli_auth_header(c, a->argv[0], &header);
	if (header.len == 0)
		buf_puts(&header, "X-Registry-Auth: e30=\r\n");
	struct cli_request q = {.method = "POST", .path = buf_str(&path), .body_fd = -1, .header = buf_str(&header),
				.on_body = cli_progress, .ctx = &p};
	cli_progress_begin(&p, false);
	p.is_quiet = cli_on(a, "quiet");
	if (cli_call(c, &q, &r, &e) < 0)
		cli_say(c, "%s", e.msg);
	else if (r.status >= 300)
		cli_say_error(c, &r);
	else
		code = p.failed ? 1 : 0;
	if (code == 0 && p.is_quiet)
		printf("%s\n", ref_text(&ref, shown));
	cli_progress_end(&p);
	cli_reply_release(&r);
	buf_release(&path);
	buf_release(&header);
	return code;
}

static const struct cli_col cols_search[] = {
	{"Name", "NAME"}, {"Description", "DESCRIPTION"}, {"StarCount", "STARS"}, {"IsOfficial", "OFFICIAL"}, {0},
};

static void put_hit(struct json_writer *w, const struct json *hit, bool is_whole)
{
	char stars[32];
	struct buf text = BUF_INIT(65536);

	jw_obj(w);
	for (const char *s = json_str_or(json_get(hit, "description"), ""); *s != '\0'; s++)
		buf_putc(&text, *s == '\n' || *s == '\r' ? ' ' : *s);
	if (!is_whole && text.len > 45) {
		text.len = 44;
		while (text.len > 0 && ((unsigned char)text.data[text.len] & 0xc0) == 0x80)
			text.len--; /* not in the middle of a character */
		text.data[text.len] = '\0';
		buf_puts(&text, "\xe2\x80\xa6");
	}
	jw_kstr(w, "Description", buf_str(&text));
	jw_kstr(w, "IsOfficial", json_bool(json_get(hit, "is_official"), false) ? "[OK]" : "");
	jw_kstr(w, "Name", json_str_or(json_get(hit, "name"), ""));
	(void)snprintf(stars, sizeof(stars), "%lld", (long long)json_int(json_get(hit, "star_count"), 0));
	jw_kstr(w, "StarCount", stars);
	jw_end_obj(w);
	buf_release(&text);
}

static int run_search(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(65536), rows = BUF_INIT(16u << 20);
	struct json_writer w;

	buf_puts(&path, "/images/search");
	cli_query_filters(&path, cli_get(a, "filter"), NULL);
	if (cli_get(a, "limit")->num > 0)
		cli_query(&path, "limit", cli_text(a, "limit"));
	cli_query(&path, "term", a->argv[0]);
	struct json_doc *d = cli_fetch(c, buf_str(&path));
	int code = 1;
	if (d != NULL) {
		struct json_iter it = json_iter(json_root(d));
		jw_init(&w, &rows);
		jw_arr(&w);
		while (json_next(&it))
			put_hit(&w, it.value, cli_on(a, "no-trunc"));
		jw_end_arr(&w);
		code = cli_print_rows(c, &rows, cols_search, cli_text(a, "format"),
				      "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}") < 0;
	}
	json_free(d);
	buf_release(&rows);
	buf_release(&path);
	return code;
}

static const struct cli_flag flags_pull[] = {
	{"all-tags", 'a', CLI_BOOL, "Download all tagged images in the repository", NULL},
	{"disable-content-trust", 0, CLI_BOOL, "Skip image verification", "true"},
	{"platform", 0, CLI_STRING, "Set platform if server is multi-platform capable", NULL},
	{"quiet", 'q', CLI_BOOL, "Suppress verbose output", NULL},
	{0},
};
static const struct cli_flag flags_push[] = {
	{"all-tags", 'a', CLI_BOOL, "Push all tags of an image to the repository", NULL},
	{"disable-content-trust", 0, CLI_BOOL, "Skip image signing", "true"},
	{"platform", 0, CLI_STRING, "Accepted and ignored", NULL},
	{"quiet", 'q', CLI_BOOL, "Suppress verbose output", NULL},
	{0},
};
static const struct cli_flag flags_search[] = {
	{"filter", 'f', CLI_FILTER, "Filter output based on conditions provided", NULL},
	{"format", 0, CLI_STRING, "Pretty-print search using a Go template", NULL},
	{"limit", 0, CLI_INT, "Max number of search results", NULL},
	{"no-trunc", 0, CLI_BOOL, "Don't truncate output", NULL},
	{0},
};

const struct cli_verb cli_verbs_transfer[] = {
	{"image pull, pull", run_pull, "NAME[:TAG|@DIGEST]", 1, 1, "Download an image from a registry", flags_pull, "pull busybox:1.36",
	 false, false},
	{"image push, push", run_push, "NAME[:TAG]", 1, 1, "Upload an image to a registry", flags_push,
	 "push registry.example.com/mine:1", false, false},
	{"search", run_search, "TERM", 1, 1, "Search Docker Hub for images", flags_search, "search --limit 5 busybox", false, false},
	{0},
};
