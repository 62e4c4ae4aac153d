/* userctr/image_fetch.h - jobs of the helper that talks to registries (fetch_main.c).
 *
 *   {"op": "pull|describe|login|push", "host": "docker.io", "ref": "docker.io/library/bb:1", "os", "arch", "variant",
 *    "manifest": digest, "has_platform", "insecure": bool, "user", "password", "identity", "token"}
 */
#ifndef USERCTR_IMAGE_FETCH_H
#define USERCTR_IMAGE_FETCH_H

#include "lib/codec/ref.h"

#include <stdbool.h>
#include <stddef.h>

struct conf;
struct digest;
struct err;
struct json;
struct req;

#define FETCH_JOB_MAX ((size_t)56 << 10) /* fits into a pipe whose reader is not there yet */

struct fetch_platform {
	char os[32], arch[32], variant[16];
	bool is_asked; /* somebody named it */
};

/* "linux/arm64/v8", "arm64", "linux"; NULL and "" are this machine's. Errors: -EINVAL */
int fetch_platform_parse(const char *text, struct fetch_platform *ret, struct err *e);

/*
 * Start the helper.
 *
 *   auth       object with username, password...; NULL = none. From X-Registry-Auth or a login's body.
 *   host       registry; NULL = the reference's
 *   folder     as in fetch_main.c
 *   to         where the archive goes; -1 = nowhere
 *   ret_sock   its messages, caller owns
 *
 * Returns  a pidfd, caller owns
 */
struct fetch_start {
	const char *op, *host, *folder;
	const struct ref *ref;		      /* NULL = none */
	const struct fetch_platform *platform; /* NULL = none */
	const struct digest *manifest;	      /* to be pushed; NULL = none */
	const struct json *auth;
	int to;
};
int fetch_start(const struct conf *conf, const struct fetch_start *s, int *ret_sock, struct err *e);

/* The credentials of a request: X-Registry-Auth undone. NULL: none, or not readable, which docker ignores. Free the document. */
struct json_doc *fetch_auth(const struct req *q);

#endif
