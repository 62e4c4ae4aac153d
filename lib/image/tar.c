// SPDX-License-Identifier: Apache-2.0
/* libarchive over a stream, and its errors as ours. */
#include "lib/image/tar.h"

#include "lib/base/err.h"
#include "lib/stream/stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>

struct tar {
	struct archive *a;  /* owned */
	struct stream *src; /* owned */
	struct err why;	    /* of the stream, when it failed */
	int code;
};

static la_ssize_t on_read(struct archive *a, void *ctx, const void **ret)
{
	struct tar *t = ctx;

	(void)a;
	ssize_t n = stream_next(t->src, ret, &t->why);
	if (n < 0)
		t->code = (int)n;
	return n < 0 ? ARCHIVE_FATAL : n;
}

struct tar *tar_open(struct stream *src)
{
	struct tar *t = src != NULL ? calloc(1, sizeof(*t)) : NULL;

	if (t == NULL) {
		stream_free(src);
		return NULL;
	}
	t->src = src;
	t->a = archive_read_new();
	if (t->a == NULL || archive_read_support_format_tar(t->a) < ARCHIVE_OK ||
	    archive_read_open2(t->a, t, NULL, on_read, NULL, NULL) < ARCHIVE_OK) {
		/* an empty stream fails here, and is told as such by the first tar_next() */
		if (t->a != NULL)
			archive_read_free(t->a);
		t->a = NULL;
	}
	return t;
}

void tar_free(struct tar *t)
{
	if (t == NULL)
		return;
	if (t->a != NULL)
		archive_read_free(t->a);
	stream_free(t->src);
	free(t);
}

static int failure(struct tar *t, struct err *e)
{
	if (t->code < 0) {
		if (e != NULL)
			*e = t->why;
		return t->code;
	}
	const char *text = t->a != NULL ? archive_error_string(t->a) : NULL;
	if (t->a != NULL && archive_errno(t->a) == ENOMEM)
		return err_set(e, ENOMEM, "read a tar archive");
	return err_say(e, E_SPEC, "not a tar archive, or a damaged one%s%.200s", text != NULL ? ": " : "",
		       text != NULL ? text : "");
}

int tar_next(struct tar *t, struct archive_entry **ret, struct err *e)
{
	int r = t->a != NULL ? archive_read_next_header(t->a, ret) : ARCHIVE_FATAL;

	/* a warning is a name or an attribute that could not be understood: better no image than another one */
	if (r == ARCHIVE_OK)
		return 1;
	if (r != ARCHIVE_EOF || t->code < 0)
		return failure(t, e);
	return stream_drain(t->src, e);
}

ssize_t tar_data(struct tar *t, const void **ret, uint64_t *ret_offset, struct err *e)
{
	la_int64_t offset = 0;
	size_t n = 0;
	int r;

	do
		r = archive_read_data_block(t->a, ret, &n, &offset);
	while (r == ARCHIVE_OK && n == 0);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK || offset < 0)
		return failure(t, e);
	*ret_offset = (uint64_t)offset;
	return (ssize_t)n;
}

const char *tar_name(struct archive_entry *entry)
{
	return archive_entry_pathname(entry);
}
