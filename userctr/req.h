/* userctr/req.h - one request of the API, as its handler sees it.
 *
 * A handler gets a struct req and ends it exactly once, now or later, by one of
 *
 *   reply_json / reply_empty / reply_error / reply_err     a whole reply
 *   stream_open, stream_put..., stream_close               a chunked reply, flushed per record
 *   hijack                                                 the connection becomes a byte stream of the caller's
 *
 * after which the req is gone. A client that leaves early does not end a request: without on_gone the work goes on and
 * its reply goes nowhere (a create is never half done); with on_gone that is called instead and the req is gone after it.
 */
#ifndef USERCTR_REQ_H
#define USERCTR_REQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/codec/http1.h"

struct buf;
struct conn;
struct daemon;
struct err;
struct json;
struct json_doc;
struct req;
struct route;
struct sink;

#define API_MINOR_MIN 24
#define API_MINOR_MAX 51
#define REQ_BODY_MAX  ((size_t)4 << 20) /* bodies that are collected: JSON */

#define STREAM_FULL	((size_t)256 << 10) /* producers with back-pressure stop here */
#define STREAM_BACKLOG	((size_t)1 << 20)   /* a slow reader is dropped here */
#define TYPE_JSON	"application/json"
#define TYPE_TAR	"application/x-tar"
#define TYPE_RAW_STREAM "application/vnd.docker.raw-stream"
#define TYPE_MUX_STREAM "application/vnd.docker.multiplexed-stream"

struct req {
	struct daemon *d;
	const struct route *route;
	unsigned api;		   /* minor of the API version asked for: 24..51 */
	char *var;		   /* owned; the variable part of the path, decoded; "" when the route has none */
	struct http1_query query;  /* owned */
	struct json_doc *doc;	   /* owned; ROUTE_JSON with a body */
	const struct json *body;   /* its root, an object; NULL for an empty body */
	size_t body_len;	   /* bytes of a collected body */
	bool want_upgrade;	   /* reply 101 rather than 200 on hijacking */

	/* for the handler's own use while it has the request */
	void *ctx;
	void (*on_gone)(struct req *q);	 /* the client went; see above */
	void (*on_drain)(struct req *q); /* a stream that was full (stream_is_full()) can take more */

	/* private to conn.c and reply.c */
	struct conn *conn; /* NULL: the client went */
	struct http1 *http; /* borrowed from the connection, owned once that is gone */
	struct sink *sink; /* where a streamed body goes */
	bool is_stream;
};

typedef void route_fn(struct req *q);

enum route_flag {
	ROUTE_JSON = 1u << 0, /* the body is a JSON object or empty */
	ROUTE_BODY = 1u << 1, /* called before the body arrives; takes it with req_body_to() */
};

/* A row of the route table. In a pattern '*' stands for the variable part: at least one character, '/' included. */
struct route {
	const char *method;
	const char *pattern; /* without the version: "/containers" + "/ * /json" */
	route_fn *handle;
	unsigned flags;
	unsigned min_api, max_api; /* 0 = any */
};

/* ---- what was asked ---- */

const char *req_header(const struct req *q, const char *name); /* NULL when absent */
const char *req_query(const struct req *q, const char *name);  /* NULL when absent */

/* A boolean as docker reads it: "", 0, no, false, none are false, everything else is true. */
bool req_flag(const struct req *q, const char *name);

/* An integer of the query; absent or empty gives fallback. Errors: -EINVAL with Go's sentence. */
int req_int(const struct req *q, const char *name, int64_t fallback, int64_t *ret, struct err *e);

/*
 * Send the body (ROUTE_BODY), as it arrives and with back-pressure, to fd; then call done.
 *
 *   fd     owned from here on: a pipe or socket; closed before done() is called
 *   done   r = 0 when the whole body was written, else -errno (the client went, or fd's reader did: -EPIPE)
 *
 * done() is called exactly once unless the request is ended before.
 */
void req_body_to(struct req *q, int fd, void (*done)(struct req *q, int r));

/* ---- whole replies ---- */

/* body: its content is sent with a newline at the end; it is released. A sticky error of it becomes a 500. */
void reply_json(struct req *q, int status, struct buf *body);
void reply_text(struct req *q, int status, const char *type, const char *text);
void reply_empty(struct req *q, int status); /* 204, 304, and 200 without a body */
void reply_error(struct req *q, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* An error, its status chosen by its code (see status_of()). */
void reply_err(struct req *q, const struct err *e);

/* ENOENT 404, EEXIST EBUSY ESRCH 409, EINVAL ERANGE E_SPEC E_LIMIT 400, EPERM EACCES 403, ENOSYS 501, EAGAIN 503, others 500. */
int status_of(int code);

/* A header that the next reply of this request carries as well; name and value without control characters. */
void reply_header(struct req *q, const char *name, const char *value);

/* ---- streams ---- */

void stream_open(struct req *q, int status, const char *type);
void stream_put(struct req *q, const void *p, size_t n); /* one record, sent at once */
bool stream_is_full(const struct req *q);
void stream_close(struct req *q);
void stream_abort(struct req *q); /* end without the end mark: the client sees that something is missing */

/*
 * Take the connection over: sends the 101 (or 200 for clients that did not ask for an upgrade) and ends the request.
 *
 * Returns  the socket, non-blocking, caller owns; nothing of the stream has been read from it yet
 * Errors   -EPIPE the client is gone; the request is ended all the same
 */
int hijack(struct req *q, const char *type);

#endif
