/* lib/codec/http1.h - HTTP/1.1 requests as they arrive, and the pieces of replies.
 *
 *   bytes ──► http1_feed() ──► HTTP1_HEAD   head complete: look at http1_head()
 *                          └─► HTTP1_BODY   a piece of the body, chunked coding undone
 *                          └─► HTTP1_DONE   the request is complete; what follows belongs to the next one
 *
 * Pure and push-driven: a request may be cut anywhere. Head size and header count are bounded; what is ambiguous (two
 * different lengths, a length beside chunked coding) is refused. Follows RFC 9112.
 */
#ifndef CODEC_HTTP1_H
#define CODEC_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct http1;

#define HTTP1_HEAD_MAX	  32768
#define HTTP1_HEADERS_MAX 100
#define HTTP1_QUERY_MAX	  64 /* pairs of a query */

enum http1_event {
	HTTP1_MORE = 1, /* everything given was used */
	HTTP1_HEAD = 2,
	HTTP1_BODY = 3,
	HTTP1_DONE = 4,
};

/* The head of a request. Strings are NUL-ended, borrowed from the parser until http1_next(). */
struct http1_head {
	const char *method;
	const char *path;  /* as sent: still percent-encoded, without query */
	const char *query; /* as sent, "" when there is none */
	unsigned minor;	   /* of HTTP/1.x */
	bool keep_alive;
	bool want_upgrade;    /* Connection: upgrade and an Upgrade header */
	bool expect_continue; /* Expect: 100-continue */
	bool has_body;	      /* chunked, or a length above 0 */
	int64_t length;	      /* of the body; -1 = chunked or none */
};

struct http1 *http1_new(void); /* NULL without memory */
void http1_free(struct http1 *p);

/* Begin with the next request of the connection. Keeps no memory of the last one but its buffers (small). */
void http1_next(struct http1 *p);

/*
 * Take bytes up to the next event.
 *
 *   ret_used   how many were taken; call again with the rest
 *   ret_body   for HTTP1_BODY: the piece, inside p
 *
 * Returns  enum http1_event
 * Errors   -EPROTO malformed   -E_LIMIT head too large or too many headers   -ENOMEM
 */
int http1_feed(struct http1 *h, const char *p, size_t n, size_t *ret_used, const char **ret_body, size_t *ret_len,
	       struct err *e);

/* Valid from HTTP1_HEAD on. */
const struct http1_head *http1_head(const struct http1 *h);

/* Has any byte of a request arrived? */
bool http1_has_begun(const struct http1 *h);

/* The value of a header (name without regard to case), NULL when absent. The first one counts. */
const char *http1_header(const struct http1 *h, const char *name);

/* Undo percent-encoding of n bytes into out (n + 1 bytes are enough), and '+' when in a query.
 * Returns the length, or -EPROTO for a broken escape or one that hides a NUL. */
int http1_decode(const char *p, size_t n, bool is_query, char *out);

/* A query, decoded. */
struct http1_query {
	char *text; /* owned */
	struct {
		const char *name, *value; /* into text */
	} pair[HTTP1_QUERY_MAX];
	size_t n;
};

/* Errors: -EPROTO broken escape   -E_LIMIT too many pairs   -ENOMEM. On failure there is nothing to release. */
int http1_query_parse(const char *query, struct http1_query *ret, struct err *e);
void http1_query_release(struct http1_query *q);

/* The first value of a name, NULL when absent. */
const char *http1_query_get(const struct http1_query *q, const char *name);

/* The reason phrase of a status. */
const char *http1_reason(int status);

/* Append one chunk of chunked coding; n = 0 appends the end of the body. */
void http1_chunk(struct buf *b, const void *p, size_t n);

#endif
