/* lib/codec/ref.h - image references: [registry/]path[:tag][@digest], in their full and their familiar spelling.
 *
 *   "bb"                          docker.io/library/bb
 *   "me/web:2"                    docker.io/me/web:2
 *   "127.0.0.1:5000/lib/bb@sha256:..."
 *
 * The grammar and its messages are those docker clients know. Only sha256 digests are accepted.
 */
#ifndef CODEC_REF_H
#define CODEC_REF_H

#include "lib/codec/digest.h"

#include <stdbool.h>
#include <stddef.h>

struct err;

#define REF_DOMAIN_MAX 255
#define REF_PATH_MAX   255
#define REF_TAG_MAX    128
#define REF_NAME_SIZE  (REF_DOMAIN_MAX + 1 + REF_PATH_MAX + 1)
#define REF_TEXT_SIZE  (REF_NAME_SIZE + 1 + REF_TAG_MAX + 1 + DIGEST_TEXT_SIZE)

struct ref {
	char name[REF_NAME_SIZE]; /* "docker.io/library/bb": registry and path, always both */
	size_t domain_len;	  /* of it, the registry */
	char tag[REF_TAG_MAX + 1]; /* "" = none given */
	bool has_digest;
	struct digest digest;
};

/*
 * Parse n bytes and fill in what short names leave out, except the tag.
 *
 * Errors  -EINVAL, the message being the one a docker client expects
 */
int ref_parse(const char *text, size_t n, struct ref *ret, struct err *e);

/* Give it the tag "latest" when it has neither tag nor digest. */
void ref_default_tag(struct ref *r);

bool ref_tag_is_valid(const char *tag, size_t n);

/* "docker.io/library/bb:1@sha256:..." and "bb:1@sha256:..."; with the familiar spelling ref_parse() gives the same again.
 * Both return out. */
const char *ref_text(const struct ref *r, char out[REF_TEXT_SIZE]);
const char *ref_familiar(const struct ref *r, char out[REF_TEXT_SIZE]);

/* The familiar name alone, without tag and digest. Returns a place inside r. */
const char *ref_familiar_name(const struct ref *r);

#endif
