// SPDX-License-Identifier: Apache-2.0
/* What user-data is, told by its first bytes or by the MIME type around it. */
#include "lib/config/userdata.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/mime.h"
#include "lib/stream/stream.h"

#include <stdio.h>
#include <string.h>

#define RATIO_MAX 100

struct whole {
	const char *p;
	size_t n;
};

static ssize_t give(void *ctx, const void **ret, struct err *e)
{
	struct whole *w = ctx;
	size_t n = w->n < STREAM_BLOCK ? w->n : STREAM_BLOCK;

	(void)e;
	*ret = w->p;
	w->p += n;
	w->n -= n;
	return (ssize_t)n;
}

int userdata_inflate(const char *text, size_t len, struct buf *out, struct err *e)
{
	static const struct stream_limits limits = {USERDATA_MAX, USERDATA_MAX, RATIO_MAX};
	struct whole w = {text, len};
	struct stream *s = stream_inflate(stream_call(give, &w), &limits);
	const void *p;
	ssize_t n;

	if (s == NULL)
		return err_set(e, ENOMEM, "unpack");
	while ((n = stream_next(s, &p, e)) > 0)
		buf_put(out, p, (size_t)n);
	stream_free(s);
	if (n == 0 && buf_error(out) < 0)
		return err_say(e, -buf_error(out), "unpacked, it is larger than %zu bytes", USERDATA_MAX);
	return (int)n;
}

struct take {
	struct userdata *to;
	schema_say_fn *say;
	void *ctx;
};

static void tell(const struct take *t, const char *name, const char *what)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%.120s: ignored: %.100s", name, what); /* cut is fine */
	t->say(t->ctx, text);
}

static int add(const struct take *t, enum userdata_kind kind, const char *text, size_t len, const char *name, struct err *e)
{
	if (t->to->parts == NULL)
		t->to->parts = calloc(USERDATA_PARTS_MAX, sizeof(*t->to->parts));
	if (t->to->parts == NULL)
		return err_set(e, ENOMEM, "read user-data");
	if (t->to->count == USERDATA_PARTS_MAX) {
		tell(t, name, "there are too many parts");
		return 0;
	}
	struct userdata_part *p = &t->to->parts[t->to->count++];
	p->kind = kind;
	(void)snprintf(p->name, sizeof(p->name), "%s", name); /* for messages */
	buf_init(&p->text, USERDATA_MAX);
	buf_put(&p->text, text, len);
	return buf_error(&p->text) < 0 ? err_set(e, ENOMEM, "read user-data") : 0;
}

static bool starts(const char *text, size_t len, const char *with)
{
	size_t n = strlen(with);

	return len >= n && memcmp(text, with, n) == 0;
}

static int take(const struct take *t, const char *text, size_t len, const char *name, const char *type, unsigned depth, struct err *e);

static int take_mime(const struct take *t, const char *text, size_t len, const char *name, unsigned depth, struct err *e)
{
	struct mime m;
	struct err why;
	int r = mime_parse(text, len, USERDATA_MAX, &m, &why);

	if (r < 0) {
		tell(t, name, why.msg);
		return 0;
	}
	for (size_t i = 0; i < m.count && r == 0; i++) {
		char part[96];
		struct mime_part *p = &m.parts[i];
		if (p->name[0] != '\0')
			(void)snprintf(part, sizeof(part), "%.50s: part '%.30s'", name, p->name); /* for messages */
		else
			(void)snprintf(part, sizeof(part), "%.50s: part %zu", name, i + 1);
		r = take(t, buf_str(&p->body), p->body.len, part, p->type, depth + 1, e);
	}
	mime_release(&m);
	return r;
}

/* 0: not told by the type */
static enum userdata_kind kind_of_type(const char *type)
{
	if (strcmp(type, "text/cloud-config") == 0)
		return USERDATA_CONFIG;
	if (strcmp(type, "text/x-shellscript") == 0 || strcmp(type, "text/x-shellscript-per-instance") == 0)
		return USERDATA_SCRIPT;
	if (strcmp(type, "text/cloud-boothook") == 0 || strcmp(type, "text/x-shellscript-per-boot") == 0)
		return USERDATA_BOOTHOOK;
	return 0;
}

static int take(const struct take *t, const char *text, size_t len, const char *name, const char *type, unsigned depth, struct err *e)
{
	static const char *const others[] = {"#include", "#compose", "#part-handler", "#upstart-job", "#cloud-config-archive",
					     "#cloud-config-jsonp", "## template: jinja", "{\"ignition\""};
	owned_buf struct buf plain = BUF_INIT(USERDATA_MAX);
	struct err why;

	if (starts(text, len, "\x1f\x8b")) {
		if (depth >= USERDATA_NEST_MAX)
			tell(t, name, "packed too often");
		else if (userdata_inflate(text, len, &plain, &why) < 0)
			tell(t, name, why.msg);
		else
			return take(t, buf_str(&plain), plain.len, name, type, depth + 1, e);
		return 0;
	}
	for (; len > 0 && (*text == '\n' || *text == '\r'); len--)
		text++;
	if (len == 0)
		return 0;
	for (size_t i = 0; i < countof(others); i++)
		if (starts(text, len, others[i])) {
			char what[80];
			(void)snprintf(what, sizeof(what), "user-data of the form '%s' is not supported", others[i]); /* fits */
			tell(t, name, what);
			return 0;
		}
	if (starts(text, len, "#cloud-config"))
		return add(t, USERDATA_CONFIG, text, len, name, e);
	enum userdata_kind kind = kind_of_type(type);
	if (starts(text, len, "#cloud-boothook") && len > 16) {
		const char *nl = memchr(text, '\n', len);
		return nl == NULL ? 0 : add(t, USERDATA_BOOTHOOK, nl + 1, len - (size_t)(nl + 1 - text), name, e);
	}
	if (starts(text, len, "#!"))
		return add(t, kind == USERDATA_BOOTHOOK ? kind : USERDATA_SCRIPT, text, len, name, e);
	if (kind != 0)
		return add(t, kind, text, len, name, e);
	if (depth < USERDATA_NEST_MAX && mime_is(text, len))
		return take_mime(t, text, len, name, depth, e);
	tell(t, name, "its first line is neither '#cloud-config' nor '#!'");
	return 0;
}

int userdata_take(struct userdata *ret, const char *text, size_t len, const char *name, schema_say_fn *say, void *ctx,
		  struct err *e)
{
	struct take t = {ret, say, ctx};

	return take(&t, text, len, name, "", 0, e);
}

void userdata_release(struct userdata *u)
{
	for (size_t i = 0; i < u->count; i++)
		buf_release(&u->parts[i].text);
	free(u->parts);
	*u = (struct userdata){0};
}
