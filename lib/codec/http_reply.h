/* lib/codec/http_reply.h - an HTTP/1.1 reply as it arrives: status, the few headers a client needs, body pieces.
 *
 * Pure: bytes are pushed in, the body comes out through a callback. Follows RFC 9112; chunked coding is undone.
 */
#ifndef CODEC_HTTP_REPLY_H
#define CODEC_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct http_reply;

/* A piece of the body; borrowed. A negative return stops the parsing with that code. */
typedef int http_body_fn(void *ctx, const char *p, size_t n);

/*
 *   is_head   the request was HEAD: the reply has no body whatever its headers say
 *
 * Returns  NULL without memory; free with http_reply_free()
 */
struct http_reply *http_reply_new(bool is_head, http_body_fn *body, void *ctx);
void http_reply_free(struct http_reply *r);

/*
 * Take n bytes; n = 0 means that the peer closed.
 *
 *   ret_used   how many belong to this reply; fewer than n only when it is complete (101: what follows is the stream)
 *
 * Returns  1 complete, 0 more is wanted
 * Errors   -EPROTO malformed or cut off, -E_LIMIT head too large, or what the callback returned
 */
int http_reply_feed(struct http_reply *r, const char *p, size_t n, size_t *ret_used, struct err *e);

bool http_reply_has_head(const struct http_reply *r); /* the calls below are valid from then on */
int http_reply_status(const struct http_reply *r);
bool http_reply_is_upgrade(const struct http_reply *r);		 /* 101 */
const char *http_reply_content_type(const struct http_reply *r); /* "" when absent */
const char *http_reply_api_version(const struct http_reply *r);	 /* header Api-Version, "" when absent */

#endif
