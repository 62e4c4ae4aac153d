/* lib/codec/mime.h - the parts of a MIME multipart message (RFC 2045, 2046). Pure.
 *
 * What cloud-init's tools write: one level of multipart/mixed or a single part, with the transfer encodings 7bit, 8bit, binary,
 * base64 and quoted-printable. A part that is itself multipart is given as it is, with its type.
 */
#ifndef CODEC_MIME_H
#define CODEC_MIME_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"

struct err;

#define MIME_PARTS_MAX 64
#define MIME_TYPE_MAX  64
#define MIME_NAME_MAX  64

struct mime_part {
	char type[MIME_TYPE_MAX]; /* "text/cloud-config", lower case; "text/plain" when not said */
	char name[MIME_NAME_MAX]; /* of the attachment, printable; "" when not said */
	struct buf body;	  /* owned, decoded */
};

struct mime {
	struct mime_part *parts; /* owned */
	size_t count;
};

/* Does the text begin as a MIME message does: header lines, with "MIME-Version:" or "Content-Type: multipart/" among them? */
bool mime_is(const char *text, size_t len);

/*
 * Take a message apart.
 *
 *   max   bytes of all decoded bodies
 *
 * Returns  0, ret to be released with mime_release()
 * Errors   -E_SPEC with the line   -E_LIMIT   -ENOMEM
 */
int mime_parse(const char *text, size_t len, size_t max, struct mime *ret, struct err *e);
void mime_release(struct mime *m);

#endif
