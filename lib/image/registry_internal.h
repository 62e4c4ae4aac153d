/* lib/image/registry_internal.h - between registry.c and registry_auth.c. Not for others. */
#ifndef IMAGE_REGISTRY_INTERNAL_H
#define IMAGE_REGISTRY_INTERNAL_H

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/image/registry.h"
#include "lib/net/http_client.h"

struct registry {
	struct http *http; /* borrowed */
	struct registry_conf conf;
	char base[300];	   /* "https://registry-1.docker.io" */
	struct buf auth;   /* owned; the header Authorization; empty = none */
	bool no_verify, is_inner;
	int status;
};

/* Wait until x is done. */
int registry_run(struct registry *r, struct http_xfer *x, struct err *e);

/* Fail with this status for the API. */
int registry_fail(struct registry *r, int status, int code, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

bool registry_is_ours(const struct registry *r, const char *url); /* same scheme, host and port */

/* Get what a challenge asks for; scope "" takes the challenge's. */
int registry_authorize(struct registry *r, const char *challenge, const char *path, struct err *e);

#endif
