// SPDX-License-Identifier: Apache-2.0
/* The textual parts of HTTP/1.1: escapes, queries, reason phrases, chunks. */
#include "lib/codec/http1.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int http1_decode(const char *p, size_t n, bool is_query, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];
		if (c == '+' && is_query) {
			c = ' ';
		} else if (c == '%') {
			int high = n - i > 2 ? hex_digit(p[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(p[i + 2]) : -1;
			if (low < 0 || (high == 0 && low == 0))
				return -EPROTO;
			c = (char)(high << 4 | low);
			i += 2;
		}
		out[len++] = c;
	}
	out[len] = '\0';
	return (int)len;
}

/* Decode one name or value in place. */
static int decode_part(char *at, char *end)
{
	return http1_decode(at, (size_t)(end - at), /* is_query= */ true, at);
}

int http1_query_parse(const char *query, struct http1_query *ret, struct err *e)
{
	struct http1_query q = {.text = strdup(query)};

	if (q.text == NULL)
		return err_set(e, ENOMEM, "query");
	int r = 0;
	for (char *at = q.text; at != NULL && *at != '\0' && r >= 0;) {
		char *end = strchr(at, '&');
		char *next = end != NULL ? end + 1 : NULL;
		if (end == NULL)
			end = at + strlen(at);
		char *eq = memchr(at, '=', (size_t)(end - at));
		char *value = eq != NULL ? eq + 1 : end;
		bool is_empty = end == at;
		if (!is_empty && q.n == HTTP1_QUERY_MAX) {
			r = err_set(e, E_LIMIT, "query has more than %d values", HTTP1_QUERY_MAX);
			break;
		}
		*end = '\0';
		r = decode_part(value, end);
		if (r >= 0)
			r = decode_part(at, eq != NULL ? eq : end);
		if (r < 0)
			r = err_say(e, EPROTO, "query has a broken escape");
		if (!is_empty) {
			q.pair[q.n].name = at;
			q.pair[q.n++].value = eq != NULL ? value : "";
		}
		at = next;
	}
	if (r < 0) {
		http1_query_release(&q);
		return r;
	}
	*ret = q;
	return 0;
}

void http1_query_release(struct http1_query *q)
{
	free(q->text);
	*q = (struct http1_query){0};
}

const char *http1_query_get(const struct http1_query *q, const char *name)
{
	for (size_t i = 0; i < q->n; i++)
		if (strcmp(q->pair[i].name, name) == 0)
			return q->pair[i].value;
	return NULL;
}

const char *http1_reason(int status)
{
	switch (status) {
	case 101: return "UPGRADED";
	case 200: return "OK";
	case 201: return "Created";
	case 204: return "No Content";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 406: return "Not Acceptable";
	case 408: return "Request Timeout";
	case 409: return "Conflict";
	case 413: return "Request Entity Too Large";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	default: return "Status";
	}
}

void http1_chunk(struct buf *b, const void *p, size_t n)
{
	buf_printf(b, "%zx\r\n", n);
	buf_put(b, p, n);
	buf_put(b, "\r\n", 2);
}
