// SPDX-License-Identifier: Apache-2.0
/* Replies: whole ones and chunked streams. Every reply carries the headers that docker clients negotiate by. */
#include "userctr/conn.h"
#include "userctr/req.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/http1.h"
#include "lib/codec/json.h"
#include "userctr/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void req_free(struct req *q)
{
	if (q == NULL)
		return;
	sink_free(q->sink);
	json_free(q->doc);
	http1_query_release(&q->query);
	free(q->var);
	http1_free(q->http);
	free(q);
}

/* ---- what was asked ---- */

const char *req_header(const struct req *q, const char *name)
{
	const struct http1 *h = q->conn != NULL ? q->conn->http : q->http;

	return h != NULL ? http1_header(h, name) : NULL;
}

const char *req_query(const struct req *q, const char *name)
{
	return http1_query_get(&q->query, name);
}

bool req_flag(const struct req *q, const char *name)
{
	const char *v = req_query(q, name);

	if (v == NULL)
		return false;
	v += strspn(v, " \t");
	size_t n = strcspn(v, " \t");
	static const char *const no[] = {"0", "no", "false", "none"};
	for (size_t i = 0; i < countof(no); i++)
		if (strlen(no[i]) == n && strncasecmp(v, no[i], n) == 0)
			return false;
	return n > 0;
}

int req_int(const struct req *q, const char *name, int64_t fallback, int64_t *ret, struct err *e)
{
	const char *v = req_query(q, name);
	char *end;

	if (v == NULL || *v == '\0') {
		*ret = fallback;
		return 0;
	}
	errno = 0;
	long long n = strtoll(v, &end, 10);
	if (*end != '\0' || end == v || *v == ' ' || errno != 0)
		return err_say(e, EINVAL, "strconv.Atoi: parsing \"%s\": %s", v,
			       errno == ERANGE ? "value out of range" : "invalid syntax");
	*ret = n;
	return 0;
}

/* ---- whole replies ---- */

void reply_head(struct conn *c, struct buf *out, int status, const char *type, int64_t length)
{
	buf_printf(out,
		   "HTTP/1.1 %d %s\r\nApi-Version: 1.%d\r\nDocker-Experimental: false\r\nOstype: linux\r\n"
		   "Server: Docker/%s (linux)\r\n",
		   status, http1_reason(status), API_MINOR_MAX, SLIPWAY_VERSION);
	if (type != NULL)
		buf_printf(out, "Content-Type: %s\r\n", type);
	buf_put(out, buf_str(&c->extra), c->extra.len);
	buf_clear(&c->extra);
	if (length >= 0)
		buf_printf(out, "Content-Length: %lld\r\n", (long long)length);
	if (!c->keep_alive)
		buf_puts(out, "Connection: close\r\n");
}

void reply_header(struct req *q, const char *name, const char *value)
{
	if (q->conn != NULL && strpbrk(value, "\r\n") == NULL)
		buf_printf(&q->conn->extra, "%s: %s\r\n", name, value);
}

/* length < 0: no body and no word about one */
static void send_whole(struct req *q, int status, const char *type, const char *p, int64_t length)
{
	struct conn *c = q->conn;

	if (c == NULL) {
		req_free(q);
		return;
	}
	reply_head(c, &c->out, status, type, length);
	buf_put(&c->out, "\r\n", 2);
	if (length > 0 && !c->is_head)
		buf_put(&c->out, p, (size_t)length);
	(void)conn_forget(c);
	req_free(q);
	conn_reply_done(c);
}

void reply_json(struct req *q, int status, struct buf *body)
{
	buf_putc(body, '\n');
	if (buf_error(body) < 0)
		reply_error(q, 500, "the reply does not fit into memory");
	else
		send_whole(q, status, TYPE_JSON, buf_str(body), (int64_t)body->len);
	buf_release(body);
}

void reply_text(struct req *q, int status, const char *type, const char *text)
{
	send_whole(q, status, type, text, (int64_t)strlen(text));
}

void reply_empty(struct req *q, int status)
{
	send_whole(q, status, NULL, NULL, status == 204 || status == 304 ? -1 : 0);
}

void reply_error(struct req *q, int status, const char *fmt, ...)
{
	struct buf body = BUF_INIT(65536);
	struct json_writer w;
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut rather than lost */
	va_end(ap);
	jw_init(&w, &body);
	jw_obj(&w);
	jw_kstr(&w, "message", text);
	jw_end_obj(&w);
	buf_putc(&body, '\n');
	send_whole(q, status, TYPE_JSON, buf_str(&body), (int64_t)body.len);
	buf_release(&body);
}

int status_of(int code)
{
	switch (code) {
	case ENOENT: return 404;
	case EEXIST:
	case EBUSY:
	case ESRCH: return 409;
	case EINVAL:
	case ERANGE:
	case EPROTO:
	case E_SPEC:
	case E_LIMIT: return 400;
	case EPERM:
	case EACCES: return 403;
	case ENOSYS: return 501;
	case EAGAIN: return 503;
	default: return 500;
	}
}

void reply_err(struct req *q, const struct err *e)
{
	reply_error(q, status_of(e->code), "%s", e->msg);
}

/* ---- streams ---- */

void stream_open(struct req *q, int status, const char *type)
{
	struct conn *c = q->conn;

	q->is_stream = true;
	if (c == NULL)
		return;
	c->is_chunked = http1_head(c->http)->minor >= 1;
	if (!c->is_chunked)
		c->keep_alive = false; /* HTTP/1.0: the end of the connection is the end of the stream */
	if (c->state == CONN_BUSY)
		c->state = CONN_STREAM;
	reply_head(c, &c->out, status, type, -1);
	buf_puts(&c->out, c->is_chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
	conn_flush(c);
	conn_deadline(c);
}

void stream_put(struct req *q, const void *p, size_t n)
{
	struct conn *c = q->conn;

	if (c == NULL || n == 0 || c->is_head)
		return;
	if (conn_backlog(c) + n > STREAM_BACKLOG + STREAM_FULL) {
		/* a reader this slow is given up, whoever produces must go on */
		buf_clear(&c->out);
		c->out.error = E_LIMIT;
	} else if (c->is_chunked) {
		http1_chunk(&c->out, p, n);
	} else {
		buf_put(&c->out, p, n);
	}
	conn_flush(c);
}

bool stream_is_full(const struct req *q)
{
	if (q->conn == NULL || conn_backlog(q->conn) < STREAM_FULL)
		return false;
	q->conn->was_full = true;
	return true;
}

void stream_close(struct req *q)
{
	struct conn *c = q->conn;

	if (c != NULL) {
		if (c->is_chunked && !c->is_head)
			http1_chunk(&c->out, NULL, 0);
		(void)conn_forget(c);
		conn_reply_done(c);
	}
	req_free(q);
}

void stream_abort(struct req *q)
{
	struct conn *c = q->conn;

	if (c != NULL) {
		c->keep_alive = false;
		(void)conn_forget(c);
		conn_reply_done(c);
	}
	req_free(q);
}
