// SPDX-License-Identifier: Apache-2.0
/* HTTP requests over http-parser. Queries, escapes and replies are in http1_text.c. */
#include "lib/codec/http1.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <http_parser.h>

#define TEXT_KEPT 2048 /* bytes of head memory worth keeping between requests */

struct http1 {
	http_parser parser;
	struct http1_head head;
	struct buf text; /* target, then header names and values, each NUL-ended */
	size_t target_len;
	size_t headers_at; /* where the first name is */
	unsigned headers;
	bool in_value, has_target, has_head, is_complete, has_begun;
	bool body_is_here;
	size_t head_bytes;
	const char *body;
	size_t body_len;
};

static struct http1 *of(http_parser *p)
{
	return p->data;
}

static int on_begin(http_parser *p)
{
	of(p)->has_begun = true;
	return 0;
}

static int on_url(http_parser *p, const char *at, size_t n)
{
	struct http1 *h = of(p);

	if (memchr(at, '\0', n) != NULL)
		return 1;
	buf_put(&h->text, at, n);
	h->target_len += n;
	return buf_error(&h->text) < 0;
}

/* A name or value that has ended gets its NUL. */
static void end_text(struct http1 *h)
{
	buf_putc(&h->text, '\0');
}

static int on_field(http_parser *p, const char *at, size_t n)
{
	struct http1 *h = of(p);

	if (h->has_head)
		return 0; /* trailers of a chunked body mean nothing to us */
	if (!h->has_target) {
		h->has_target = true;
		end_text(h);
		h->headers_at = h->text.len;
		h->headers++;
	} else if (h->in_value) {
		end_text(h);
		h->headers++;
	}
	h->in_value = false;
	buf_put(&h->text, at, n);
	return h->headers > HTTP1_HEADERS_MAX || buf_error(&h->text) < 0;
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	struct http1 *h = of(p);

	if (h->has_head)
		return 0;
	if (memchr(at, '\0', n) != NULL)
		return 1;
	if (!h->in_value) {
		end_text(h);
		h->in_value = true;
	}
	buf_put(&h->text, at, n);
	return buf_error(&h->text) < 0;
}

/* Whether a comma-separated header value has this token. */
static bool has_token(const char *list, const char *token)
{
	size_t len = strlen(token);

	while (list != NULL && *list != '\0') {
		list += strspn(list, " \t,");
		size_t n = strcspn(list, " \t,");
		if (n == len && strncasecmp(list, token, n) == 0)
			return true;
		list += n;
	}
	return false;
}

/* Cut the target in place into path and query; absolute form ("http://host/path") loses its front. */
static void cut_target(struct http1 *h)
{
	char *t = h->text.data;

	if (strncasecmp(t, "http://", 7) == 0) {
		char *slash = strchr(t + 7, '/');
		t = slash != NULL ? slash : t + strlen(t);
	}
	char *end = strpbrk(t, "?#");
	h->head.query = "";
	if (end != NULL) {
		if (*end == '?')
			h->head.query = end + 1;
		char *fragment = strchr(end, '#');
		if (fragment != NULL)
			*fragment = '\0';
		*end = '\0';
	}
	h->head.path = t;
}

static int on_head(http_parser *p)
{
	struct http1 *h = of(p);

	end_text(h);
	if (!h->in_value && h->has_target)
		end_text(h); /* a last header without a value */
	if (buf_error(&h->text) < 0)
		return -1;
	h->has_head = true;
	cut_target(h);
	bool is_chunked = (p->flags & F_CHUNKED) != 0;
	bool has_length = (p->flags & F_CONTENTLENGTH) != 0;
	h->head.method = http_method_str((enum http_method)p->method);
	h->head.minor = p->http_minor;
	h->head.keep_alive = http_should_keep_alive(p) != 0;
	h->head.want_upgrade =
		has_token(http1_header(h, "Connection"), "upgrade") && http1_header(h, "Upgrade") != NULL;
	h->head.expect_continue = has_token(http1_header(h, "Expect"), "100-continue");
	h->head.length = has_length && !is_chunked ? (int64_t)p->content_length : -1;
	h->head.has_body = is_chunked || (has_length && p->content_length > 0);
	http_parser_pause(p, 1);
	return 0;
}

static int on_body(http_parser *p, const char *at, size_t n)
{
	struct http1 *h = of(p);

	h->body_is_here = true;
	h->body = at;
	h->body_len = n;
	http_parser_pause(p, 1);
	return 0;
}

static int on_complete(http_parser *p)
{
	of(p)->is_complete = true;
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_message_begin = on_begin,
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

void http1_next(struct http1 *h)
{
	struct buf text = h->text;

	if (text.size > TEXT_KEPT)
		buf_release(&text);
	else
		buf_clear(&text);
	*h = (struct http1){.text = text};
	http_parser_init(&h->parser, HTTP_REQUEST);
	h->parser.data = h;
}

struct http1 *http1_new(void)
{
	struct http1 *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	buf_init(&h->text, HTTP1_HEAD_MAX);
	http1_next(h);
	return h;
}

void http1_free(struct http1 *h)
{
	if (h == NULL)
		return;
	buf_release(&h->text);
	free(h);
}

static int failed(const struct http1 *h, struct err *e)
{
	if (h->text.error == ENOMEM)
		return err_set(e, ENOMEM, "head of the request");
	if (h->text.error != 0 || (!h->has_head && h->head_bytes > HTTP1_HEAD_MAX))
		return err_set(e, E_LIMIT, "head of the request is larger than %d bytes", HTTP1_HEAD_MAX);
	if (h->headers > HTTP1_HEADERS_MAX)
		return err_set(e, E_LIMIT, "more than %d headers", HTTP1_HEADERS_MAX);
	return err_say(e, EPROTO, "malformed request: %s",
		       http_errno_description(HTTP_PARSER_ERRNO(&h->parser)));
}

int http1_feed(struct http1 *h, const char *p, size_t n, size_t *ret_used, const char **ret_body, size_t *ret_len,
	       struct err *e)
{
	bool had_head = h->has_head;

	*ret_used = 0;
	if (h->is_complete)
		return HTTP1_DONE;
	/* nothing to give the parser: it would take 0 bytes as the end of the connection */
	if (n == 0)
		return HTTP1_MORE;
	if (HTTP_PARSER_ERRNO(&h->parser) == HPE_PAUSED)
		http_parser_pause(&h->parser, 0);
	h->body_is_here = false;
	*ret_used = http_parser_execute(&h->parser, &settings, p, n);
	h->has_begun = h->has_begun || *ret_used > 0;
	enum http_errno why = HTTP_PARSER_ERRNO(&h->parser);
	if (!h->has_head && (h->head_bytes += *ret_used) > HTTP1_HEAD_MAX)
		return failed(h, e);
	if (why != HPE_OK && why != HPE_PAUSED)
		return failed(h, e);
	if (h->has_head && !had_head)
		return HTTP1_HEAD;
	if (h->body_is_here) {
		*ret_body = h->body;
		*ret_len = h->body_len;
		return HTTP1_BODY;
	}
	return h->is_complete ? HTTP1_DONE : HTTP1_MORE;
}

const struct http1_head *http1_head(const struct http1 *h)
{
	return &h->head;
}

bool http1_has_begun(const struct http1 *h)
{
	return h->has_begun;
}

const char *http1_header(const struct http1 *h, const char *name)
{
	const char *at = h->text.data + h->headers_at;

	if (!h->has_head)
		return NULL;
	for (unsigned i = 0; i < h->headers; i++) {
		const char *value = at + strlen(at) + 1;
		if (strcasecmp(at, name) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}
