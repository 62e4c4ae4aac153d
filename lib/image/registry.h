/* lib/image/registry.h - one registry, as the distribution specification has it: documents, authorization, redirects, retries.
 *
 *   r = registry_open(http, &conf, &e)          finds out whether it speaks TLS, and what it asks for
 *   registry_manifest(r, path, "latest", ...)   a manifest or index, its digest checked
 *   registry_blob(r, path, &digest, ...)        a small blob, its digest checked
 *   registry_ask(r, ...)                        one request that the caller runs itself (layers)
 *
 * Credentials and tokens go to the registry and to the token server it names, never to where a redirect leads, and into no
 * message. For the helper `userctr fetch`: everything blocks.
 */
#ifndef IMAGE_REGISTRY_H
#define IMAGE_REGISTRY_H

#include "lib/codec/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct http;
struct http_xfer;
struct registry; /* opaque */

#define REGISTRY_TRIES	   6
#define REGISTRY_REDIRECTS 5
#define REGISTRY_URL_SIZE  4096

struct registry_conf {
	const char *host;     /* "docker.io", "127.0.0.1:5000" */
	const char *user, *password; /* "" = none, like the others */
	const char *identity; /* refresh token */
	const char *token;    /* ready bearer token */
	const char *actions;  /* "pull", "pull,push" */
	bool is_insecure;     /* any certificate, and HTTP if there is no TLS */
};

int registry_open(struct http *http, const struct registry_conf *conf, struct registry **ret, struct err *e);
void registry_free(struct registry *r);

/* The status an API reply for the last error should have: 404, 401, 500. */
int registry_status(const struct registry *r);

/*
 * Get a manifest or an index.
 *
 *   what       tag or digest; a digest is checked
 *   text       the document is appended
 *   ret_type   its media type, as the registry says; 128 bytes
 *   ret        its digest
 *
 * Errors   -ENOENT there is none   -EACCES   -E_DIGEST   -E_LIMIT   -E_REGISTRY
 */
int registry_manifest(struct registry *r, const char *path, const char *what, struct buf *text, char ret_type[128],
		      struct digest *ret, struct err *e);
int registry_blob(struct registry *r, const char *path, const struct digest *d, uint64_t size, struct buf *text, struct err *e);

/* Check the credentials: fails as a login does. */
int registry_login(struct registry *r, struct err *e);

/* A request to start: its URL and whether the headers with credentials may go there. */
struct registry_step {
	char url[REGISTRY_URL_SIZE];
	unsigned redirects;
	bool has_authorized;
};
void registry_blob_step(const struct registry *r, const char *path, const struct digest *d, struct registry_step *ret);
int registry_start(struct registry *r, struct registry_step *s, struct http_xfer *x, uint64_t from,
		   int (*data)(void *ctx, const void *p, size_t n), void *ctx, struct err *e);

/* A request with a method of its own; what it takes to get an answer is done. */
struct registry_call {
	const char *method, *url, *type; /* type: of the body; NULL = none */
	const void *body;
	size_t len;
	int fd; /* -1: body is in memory */
};

/* On 0 the answer is in x, to be ended by http_end(). */
int registry_call(struct registry *r, const char *path, const struct registry_call *c, struct http_xfer *x, struct err *e);

/* The URL of a place: "<base>/v2/<path>/<rest>". */
const char *registry_url(const struct registry *r, const char *path, const char *rest, char out[REGISTRY_URL_SIZE]);

/* Where an upload goes on: what the last answer's Location means. Errors: -E_REGISTRY */
int registry_next_url(struct registry *r, const struct http_xfer *x, char out[REGISTRY_URL_SIZE], struct err *e);

enum registry_next {
	REGISTRY_FINAL = 1, /* x is the answer */
	REGISTRY_AGAIN,	    /* start it again: a redirect, or a new token */
	REGISTRY_LATER,	    /* likewise, after a pause: *ret_ms */
};

/* Judge a finished one. path: for the token's scope. */
int registry_judge(struct registry *r, const char *path, struct registry_step *s, const struct http_xfer *x, unsigned attempt,
		   int *ret_ms, struct err *e);

/* What an answer that is no success says. */
int registry_error(struct registry *r, const struct http_xfer *x, const char *what, struct err *e);

#endif
