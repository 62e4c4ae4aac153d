// SPDX-License-Identifier: Apache-2.0
/* Lines, header fields, boundaries and transfer encodings. Line ends may be CRLF or LF. */
#include "lib/codec/mime.h"

#include "lib/base/err.h"
#include "lib/codec/base64.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */
#define HEAD_MAX     64 /* lines */

struct head {
	char type[MIME_TYPE_MAX], boundary[BOUNDARY_MAX + 1], encoding[24], name[MIME_NAME_MAX];
	bool has_version;
};

struct text {
	const char *at, *end;
	unsigned line;
};

static bool next_line(struct text *t, const char **ret, size_t *ret_len)
{
	if (t->at == t->end)
		return false;
	const char *nl = memchr(t->at, '\n', (size_t)(t->end - t->at));
	*ret = t->at;
	*ret_len = (size_t)((nl != NULL ? nl : t->end) - t->at);
	t->at = nl != NULL ? nl + 1 : t->end;
	t->line++;
	if (*ret_len > 0 && (*ret)[*ret_len - 1] == '\r')
		--*ret_len;
	return true;
}

/* Copy the printable characters up to one of `stop`, in lower case when asked for. */
static void copy_word(char *out, size_t size, const char *s, const char *end, const char *stop, bool lower)
{
	size_t n = 0;

	for (; s < end && strchr(stop, *s) == NULL && n + 1 < size; s++)
		if (*s > 0x20 && *s < 0x7f)
			out[n++] = lower && *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s;
	out[n] = '\0';
}

/* name="value" or name=value behind a ';' */
static bool parameter(const char *s, const char *end, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);

	for (const char *p = s; (size_t)(end - p) > n + 1; p++) {
		if (*p != ';' && *p != ' ' && *p != '\t')
			continue;
		if (strncasecmp(p + 1, name, n) != 0 || p[n + 1] != '=')
			continue;
		p += n + 2;
		bool quoted = p < end && *p == '"';
		copy_word(out, size, p + quoted, end, quoted ? "\"" : "; \t", false);
		return true;
	}
	return false;
}

static bool field(const char *s, size_t len, const char *name, const char **value)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(s, name, n) != 0 || s[n] != ':')
		return false;
	for (n++; n < len && (s[n] == ' ' || s[n] == '\t'); n++)
		;
	*value = s + n;
	return true;
}

/* One field; its continuation lines have been joined by the caller's span of the text. */
static void take_field(struct head *h, const char *s, size_t len)
{
	const char *v, *end = s + len;

	if (field(s, len, "MIME-Version", &v)) {
		h->has_version = true;
	} else if (field(s, len, "Content-Type", &v)) {
		copy_word(h->type, sizeof(h->type), v, end, "; \t\r\n", true);
		(void)parameter(v, end, "boundary", h->boundary, sizeof(h->boundary));
		if (h->name[0] == '\0')
			(void)parameter(v, end, "name", h->name, sizeof(h->name));
	} else if (field(s, len, "Content-Transfer-Encoding", &v)) {
		copy_word(h->encoding, sizeof(h->encoding), v, end, "; \t\r\n", true);
	} else if (field(s, len, "Content-Disposition", &v)) {
		(void)parameter(v, end, "filename", h->name, sizeof(h->name));
	}
}

/* Header fields up to the empty line. Returns false when a line is no field. */
static bool read_head(struct text *t, struct head *h)
{
	const char *s, *start = NULL, *stop = NULL;
	size_t n;

	*h = (struct head){.type = "text/plain"};
	for (unsigned i = 0; next_line(t, &s, &n); i++) {
		bool folded = n > 0 && (*s == ' ' || *s == '\t');
		if (folded && start != NULL) {
			stop = s + n;
			continue;
		}
		if (start != NULL)
			take_field(h, start, (size_t)(stop - start));
		if (n == 0)
			return true;
		if (i >= HEAD_MAX || folded || memchr(s, ':', n) == NULL)
			return false;
		start = s;
		stop = s + n;
	}
	if (start != NULL)
		take_field(h, start, (size_t)(stop - start));
	return true;
}

bool mime_is(const char *text, size_t len)
{
	struct text t = {text, text + len, 0};
	struct head h;

	if (len == 0 || *text == '#' || *text == '{' || !read_head(&t, &h))
		return false;
	return strncmp(h.type, "multipart/", 10) == 0 || h.has_version;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode_printable(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] != '=') {
			buf_putc(out, s[i]);
			continue;
		}
		size_t k = i + 1;
		while (k < n && (s[k] == ' ' || s[k] == '\t' || s[k] == '\r'))
			k++;
		if (k < n && s[k] == '\n') {
			i = k; /* a line that goes on */
		} else if (i + 2 < n && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0) {
			buf_putc(out, (char)(hex(s[i + 1]) << 4 | hex(s[i + 2])));
			i += 2;
		} else {
			buf_putc(out, '=');
		}
	}
}

static int decode_base64(struct buf *out, const char *s, size_t n, struct err *e)
{
	owned_buf struct buf clean = BUF_INIT(n + 1);

	for (size_t i = 0; i < n; i++)
		if (strchr(" \t\r\n", s[i]) == NULL || s[i] == '\0')
			buf_putc(&clean, s[i]);
	if (buf_error(&clean) < 0)
		return err_set(e, ENOMEM, "decode a part");
	return base64_decode(out, buf_str(&clean), clean.len, BASE64_STD, e);
}

static int add_part(struct mime *m, const struct head *h, const char *s, size_t n, size_t *left, struct err *e)
{
	int r = 0;

	if (m->count == MIME_PARTS_MAX)
		return err_say(e, E_LIMIT, "more than %d parts", MIME_PARTS_MAX);
	struct mime_part *p = &m->parts[m->count];
	memcpy(p->type, h->type, sizeof(p->type));
	memcpy(p->name, h->name, sizeof(p->name));
	buf_init(&p->body, *left);
	m->count++;
	if (strcmp(h->encoding, "base64") == 0)
		r = decode_base64(&p->body, s, n, e);
	else if (strcmp(h->encoding, "quoted-printable") == 0)
		decode_printable(&p->body, s, n);
	else if (h->encoding[0] == '\0' || strcmp(h->encoding, "7bit") == 0 || strcmp(h->encoding, "8bit") == 0 ||
		 strcmp(h->encoding, "binary") == 0)
		buf_put(&p->body, s, n);
	else
		return err_say(e, E_SPEC, "part %zu: unknown transfer encoding '%s'", m->count, h->encoding);
	if (r < 0)
		return err_wrap(e, r, "part %zu", m->count);
	if (buf_error(&p->body) < 0)
		return err_say(e, -buf_error(&p->body), "part %zu: too large", m->count);
	*left -= p->body.len;
	return 0;
}

/* 1: "--boundary", 2: "--boundary--", 0: neither */
static int boundary_kind(const char *s, size_t n, const char *boundary)
{
	size_t b = strlen(boundary);

	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	if (n < b + 2 || s[0] != '-' || s[1] != '-' || memcmp(s + 2, boundary, b) != 0)
		return 0;
	return n == b + 2 ? 1 : n == b + 4 && s[n - 1] == '-' && s[n - 2] == '-' ? 2 : 0;
}

static int split(struct text *t, const char *boundary, struct mime *m, size_t *left, struct err *e)
{
	const char *s, *start = NULL;
	struct head h;
	size_t n;

	while (next_line(t, &s, &n)) {
		int kind = boundary_kind(s, n, boundary);
		if (kind == 0)
			continue;
		if (start != NULL) {
			/* the line end before a boundary belongs to the boundary */
			const char *stop = s;
			if (stop > start && stop[-1] == '\n')
				stop--;
			if (stop > start && stop[-1] == '\r')
				stop--;
			int r = add_part(m, &h, start, (size_t)(stop - start), left, e);
			if (r < 0)
				return r;
		}
		if (kind == 2)
			return 0;
		if (!read_head(t, &h))
			return err_say(e, E_SPEC, "line %u: not a header field of a part", t->line);
		start = t->at;
	}
	return err_say(e, E_SPEC, "line %u: the last boundary '--%s--' is missing", t->line, boundary);
}

int mime_parse(const char *text, size_t len, size_t max, struct mime *ret, struct err *e)
{
	struct text t = {text, text + len, 0};
	struct mime m = {0};
	struct head h;
	int r;

	if (!read_head(&t, &h))
		return err_say(e, E_SPEC, "line %u: not a header field", t.line);
	bool is_multi = strncmp(h.type, "multipart/", 10) == 0;
	if (is_multi && h.boundary[0] == '\0')
		return err_say(e, E_SPEC, "multipart without a boundary");
	m.parts = calloc(MIME_PARTS_MAX, sizeof(*m.parts));
	if (m.parts == NULL)
		return err_set(e, ENOMEM, "read a MIME message");
	r = is_multi ? split(&t, h.boundary, &m, &max, e) : add_part(&m, &h, t.at, (size_t)(t.end - t.at), &max, e);
	if (r < 0)
		mime_release(&m);
	else
		*ret = m;
	return r;
}

void mime_release(struct mime *m)
{
	for (size_t i = 0; i < m->count; i++)
		buf_release(&m->parts[i].body);
	free(m->parts);
	*m = (struct mime){0};
}
