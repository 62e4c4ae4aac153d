// SPDX-License-Identifier: Apache-2.0
/* inspect of everything, by template or whole. */
#include "userctr/cli.h"
#include "userctr/template.h"

#include "lib/base/owned.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OUT_MAX (64u << 20)

/* In the order in which a name without a type is looked for. */
static const struct kind {
	const char *type, *prefix, *suffix;
	bool may_slash; /* names of images have slashes */
} kinds[] = {
	{"container", "/containers/", "/json", false},
	{"image", "/images/", "/json", true},
	{"network", "/networks/", "", false},
	{"volume", "/volumes/", "", false},
};

/* What inspect collects: documents, or what a template made of them. */
struct found {
	struct buf out;
	size_t n;
	struct tmpl *t;
	bool is_json; /* --format json: all on one line */
};

static int add(struct cli *c, struct found *f, const struct json *v)
{
	struct err e = {0};
	struct json_writer w;

	if (f->t != NULL) {
		int r = tmpl_run(f->t, v, isatty(1) ? TMPL_SAFE : 0, &f->out, &e);
		if (r < 0) {
			cli_say(c, "template parsing error: %s", e.msg);
			return -1;
		}
		buf_putc(&f->out, '\n');
	} else if (f->is_json) {
		if (f->n > 0)
			buf_putc(&f->out, ',');
		jw_init(&w, &f->out);
		jw_value(&w, v);
	} else {
		buf_puts(&f->out, f->n > 0 ? ",\n    " : "\n    ");
		cli_indent(&f->out, v, 1);
	}
	f->n++;
	return 0;
}

/* GET one. Returns 1 found, 0 there is none (its error is in r), -1 after saying why not. */
static int look(struct cli *c, const struct kind *k, const char *name, bool wants_size, struct cli_reply *r)
{
	struct buf path = BUF_INIT(65536);
	struct err e = {0};

	buf_puts(&path, k->prefix);
	if (k->may_slash && strpbrk(name, " ?#%\r\n") == NULL)
		buf_puts(&path, name);
	else
		cli_encode(&path, name);
	buf_puts(&path, k->suffix);
	if (wants_size && k == &kinds[0])
		cli_query(&path, "size", "1");
	struct cli_request q = {.method = "GET", .path = buf_str(&path), .body_fd = -1};
	int done = cli_call(c, &q, r, &e);
	buf_release(&path);
	if (done < 0) {
		cli_say(c, "%s", e.msg);
		cli_reply_release(r);
		return -1;
	}
	return r->status < 300;
}

/* Returns 0, or -1 after saying why not; -2: nothing more can be asked. */
static int inspect_one(struct cli *c, struct found *f, const char *type, const char *name, bool wants_size)
{
	struct json_doc *d = NULL;
	struct cli_reply r;
	int hit = 0, out = -1;

	for (size_t i = 0; hit == 0 && i < countof(kinds); i++) {
		if (type[0] != '\0' && strcmp(type, kinds[i].type) != 0)
			continue;
		hit = look(c, &kinds[i], name, wants_size, &r);
		if (hit < 0)
			return -2;
		if (hit == 0 && (type[0] != '\0' || (r.status != 404 && r.status != 400))) {
			cli_say_error(c, &r);
			cli_reply_release(&r);
			return -1;
		}
		if (hit == 0)
			cli_reply_release(&r);
	}
	if (hit == 0) {
		fprintf(stderr, "Error: No such object: %s\n", name);
		return -1;
	}
	if (json_parse(buf_str(&r.body), r.body.len, &d, NULL) < 0)
		cli_say(c, "the daemon's reply is not JSON");
	else
		out = add(c, f, json_root(d)) < 0 ? -2 : 0;
	json_free(d);
	cli_reply_release(&r);
	return out;
}

static int inspect(struct cli *c, struct cli_args *a, const char *type, bool wants_size)
{
	const char *format = cli_text(a, "format");
	struct found f = {.out = BUF_INIT(OUT_MAX), .is_json = strcmp(format, "json") == 0};
	struct err e = {0};
	int code = 0, r = 0;

	if (format[0] != '\0' && !f.is_json && tmpl_parse(c->mem, format, strlen(format), &f.t, &e) < 0) {
		cli_say(c, "template parsing error: %s", e.msg);
		return 64;
	}
	if (f.t == NULL)
		buf_putc(&f.out, '[');
	for (int i = 0; i < a->argc && r != -2; i++) {
		r = inspect_one(c, &f, type, a->argv[i], wants_size);
		code = r < 0 ? 1 : code;
	}
	if (f.t == NULL)
		buf_puts(&f.out, f.n > 0 && !f.is_json ? "\n]\n" : "]\n");
	if (f.t != NULL && f.n == 0)
		buf_putc(&f.out, '\n');
	if (cli_out(&f.out) < 0)
		code = 1;
	buf_release(&f.out);
	return code;
}

static int run_inspect(struct cli *c, struct cli_args *a)
{
	const char *type = cli_text(a, "type");

	for (size_t i = 0; i < countof(kinds); i++)
		if (type[0] == '\0' || strcmp(type, kinds[i].type) == 0)
			return inspect(c, a, type, cli_on(a, "size"));
	cli_say(c, "unknown type: \"%s\": must be one of \"container\", \"image\", \"network\", \"volume\"", type);
	return 1;
}

static int run_container(struct cli *c, struct cli_args *a)
{
	return inspect(c, a, "container", cli_on(a, "size"));
}

static int run_image(struct cli *c, struct cli_args *a)
{
	return inspect(c, a, "image", false);
}

static int run_network(struct cli *c, struct cli_args *a)
{
	return inspect(c, a, "network", false);
}

static int run_volume(struct cli *c, struct cli_args *a)
{
	return inspect(c, a, "volume", false);
}

#define FORMAT_FLAG {"format", 'f', CLI_STRING, "Format output: 'json' or a Go TEMPLATE", NULL}

static const struct cli_flag flags_inspect[] = {
	FORMAT_FLAG,
	{"size", 's', CLI_BOOL, "Display total file sizes if the type is container", NULL},
	{"type", 0, CLI_STRING, "Only inspect objects of the given type", NULL},
	{0},
};
static const struct cli_flag flags_container[] = {
	FORMAT_FLAG,
	{"size", 's', CLI_BOOL, "Display total file sizes", NULL},
	{0},
};
static const struct cli_flag flags_network[] = {
	FORMAT_FLAG,
	{"verbose", 'v', CLI_BOOL, "Accepted and ignored", NULL},
	{0},
};
static const struct cli_flag flags_plain[] = {FORMAT_FLAG, {0}};

const struct cli_verb cli_verbs_inspect[] = {
	{"inspect", run_inspect, "NAME|ID [NAME|ID...]", 1, -1, "Return low-level information on Docker objects", flags_inspect,
	 "inspect -f '{{.State.Status}}' web", false, false},
	{"container inspect", run_container, "CONTAINER [CONTAINER...]", 1, -1,
	 "Display detailed information on one or more containers", flags_container, "container inspect web", false, false},
	{"image inspect", run_image, "IMAGE [IMAGE...]", 1, -1, "Display detailed information on one or more images", flags_plain,
	 "image inspect busybox", false, false},
	{"network inspect", run_network, "NETWORK [NETWORK...]", 1, -1, "Display detailed information on one or more networks",
	 flags_network, "network inspect bridge", false, false},
	{"volume inspect", run_volume, "VOLUME [VOLUME...]", 1, -1, "Display detailed information on one or more volumes",
	 flags_plain, "volume inspect data", false, false},
	{0},
};
