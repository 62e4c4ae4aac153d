// SPDX-License-Identifier: Apache-2.0
/* HTTP replies over http-parser. Only headers that a client acts on are kept, each bounded. */
#include "lib/codec/http_reply.h"

#include "lib/base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <http_parser.h>

#define HEAD_MAX  65536
#define VALUE_MAX 128

struct http_reply {
	http_parser parser;
	http_body_fn *body;
	void *ctx;
	bool is_head_request, has_head, is_complete, in_value;
	size_t head_bytes;
	int body_error;
	char field[64];
	char content_type[VALUE_MAX], api_version[VALUE_MAX];
};

static struct http_reply *of(http_parser *p)
{
	return p->data;
}

static void append(char *to, size_t size, const char *p, size_t n)
{
	size_t len = strlen(to);

	if (n > size - 1 - len)
		n = size - 1 - len; /* too long to be one we know */
	memcpy(to + len, p, n);
	to[len + n] = '\0';
}

static int on_field(http_parser *p, const char *at, size_t n)
{
	struct http_reply *r = of(p);

	if (r->in_value)
		r->field[0] = '\0';
	r->in_value = false;
	append(r->field, sizeof(r->field), at, n);
	return 0;
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	struct http_reply *r = of(p);

	r->in_value = true;
	if (strcasecmp(r->field, "Content-Type") == 0)
		append(r->content_type, sizeof(r->content_type), at, n);
	else if (strcasecmp(r->field, "Api-Version") == 0)
		append(r->api_version, sizeof(r->api_version), at, n);
	return 0;
}

static int on_head(http_parser *p)
{
	struct http_reply *r = of(p);

	/* an interim reply (100 Continue) is not the reply */
	if (p->status_code == 101 || p->status_code >= 200)
		r->has_head = true;
	return r->is_head_request ? 1 : 0; /* 1: no body follows */
}

static int on_body(http_parser *p, const char *at, size_t n)
{
	struct http_reply *r = of(p);

	r->body_error = r->body != NULL ? r->body(r->ctx, at, n) : 0;
	return r->body_error < 0 ? 1 : 0;
}

static int on_complete(http_parser *p)
{
	struct http_reply *r = of(p);

	if (!r->has_head)
		return 0;
	r->is_complete = true;
	http_parser_pause(p, 1); /* what follows is not ours */
	return 0;
}

static const http_parser_settings settings = {
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

struct http_reply *http_reply_new(bool is_head, http_body_fn *body, void *ctx)
{
	struct http_reply *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	http_parser_init(&r->parser, HTTP_RESPONSE);
	r->parser.data = r;
	r->body = body;
	r->ctx = ctx;
	r->is_head_request = is_head;
	return r;
}

void http_reply_free(struct http_reply *r)
{
	free(r);
}

int http_reply_feed(struct http_reply *r, const char *p, size_t n, size_t *ret_used, struct err *e)
{
	*ret_used = 0;
	if (r->is_complete)
		return 1;
	if (!r->has_head && (r->head_bytes += n) > HEAD_MAX)
		return err_set(e, E_LIMIT, "head of the reply is larger than %d bytes", HEAD_MAX);
	*ret_used = http_parser_execute(&r->parser, &settings, p, n);
	enum http_errno why = HTTP_PARSER_ERRNO(&r->parser);
	if (r->is_complete && (why == HPE_PAUSED || why == HPE_OK))
		return 1;
	if (r->body_error < 0)
		return r->body_error;
	if (why != HPE_OK)
		return err_say(e, EPROTO, "reply: %s", http_errno_description(why));
	if (n == 0)
		return err_say(e, EPROTO, "reply was cut off");
	return 0;
}

bool http_reply_has_head(const struct http_reply *r)
{
	return r->has_head;
}

int http_reply_status(const struct http_reply *r)
{
	return r->parser.status_code;
}

bool http_reply_is_upgrade(const struct http_reply *r)
{
	return r->parser.status_code == 101;
}

const char *http_reply_content_type(const struct http_reply *r)
{
	return r->content_type;
}

const char *http_reply_api_version(const struct http_reply *r)
{
	return r->api_version;
}
