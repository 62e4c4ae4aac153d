/* lib/net/http_client.h - HTTP(S) requests, several at a time. The only includer of libcurl. For helpers: never in the daemon.
 *
 *   h = http_new(&conf, &e)
 *   http_start(h, &x, &e)...             headers and URL are copied
 *   while (http_wait(h, ms, &e) >= 0)    runs them; a finished one has is_done
 *   http_end(h, &x)                      free what x holds; ends it when it still runs
 *
 * Redirects are not followed: they are the caller's to judge. Nothing is read from files, and of the environment only what
 * names proxies. TLS 1.2 at least.
 */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http; /* opaque */

#define HTTP_VALUE_SIZE 4096
#define HTTP_NO_LENGTH	UINT64_MAX

struct http_conf {
	const char *agent;
	const char *ca, *cert, *key; /* PEM texts, borrowed while it lives; NULL = none */
	unsigned connect_ms, stall_s;
};

struct http_request {
	const char *method; /* "GET", "HEAD", "POST", "PUT", "PATCH" */
	const char *url;
	const char *const *headers; /* ended by NULL; may be NULL */
	uint64_t from;		    /* Range: bytes from here on */
	const void *body;	    /* of POST, PUT, PATCH; borrowed until it is done */
	size_t body_len;
	int body_fd;		    /* -1: body is in memory; else body_len bytes of this file */
	bool no_verify;		    /* any certificate will do */
	bool only_public;	    /* addresses of this machine and its link are refused */
	size_t max;		    /* bytes of a body that is collected */
	int (*data)(void *ctx, const void *p, size_t n); /* NULL collects; only of 200 and 206. A negative return ends it. */
	void *ctx;
};

struct http_xfer {
	/* valid from the first byte of the body on */
	int status;		  /* 0: no answer */
	uint64_t length;	  /* HTTP_NO_LENGTH */
	uint64_t range_from;	  /* of Content-Range; HTTP_NO_LENGTH */
	char type[256];
	char location[HTTP_VALUE_SIZE];	 /* of a redirect: absolute; else as it came */
	char challenge[HTTP_VALUE_SIZE];
	char digest[160];	  /* Docker-Content-Digest */
	char address[64];	  /* of the peer */
	unsigned retry_after_s;
	struct buf body;	  /* owned; collected */
	/* when is_done */
	bool is_done;
	int code;		  /* 0, or -errno: why there is no whole answer */
	bool is_tls;		  /* it failed in the handshake: no TLS there, or a certificate that is not trusted */
	char why[256];
	/* private */
	struct http_request q;
	void *easy, *headers; /* owned */
	const struct http *http;
	size_t sent;
	int stopped;
};

struct http *http_new(const struct http_conf *conf, struct err *e);
void http_free(struct http *h);

int http_start(struct http *h, struct http_xfer *x, const struct http_request *q, struct err *e);

/* Run for at most timeout_ms, or until one more is done. */
int http_wait(struct http *h, int timeout_ms, struct err *e);

void http_end(struct http *h, struct http_xfer *x);

/* Whether an address (of struct http_xfer) is one that only_public refuses. */
bool http_is_inner(const char *address);

#endif
