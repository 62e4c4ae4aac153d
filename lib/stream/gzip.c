// SPDX-License-Identifier: Apache-2.0
/* gzip by zlib, the only place that includes it. */
#include "lib/stream/internal.h"

#include <errno.h>
#include <stdlib.h>

#include <zlib.h>

static void *gzip_open(void)
{
	z_stream *z = calloc(1, sizeof(*z));

	if (z != NULL && inflateInit2(z, 15 + 16) != Z_OK) { /* largest window, gzip wrapper only */
		free(z);
		z = NULL;
	}
	return z;
}

static int gzip_step(void *d, const uint8_t *in, size_t *in_n, uint8_t *out, size_t *out_n, struct err *e)
{
	z_stream *z = d;

	z->next_in = (Bytef *)(uintptr_t)in; /* zlib does not write to it */
	z->avail_in = (uInt)*in_n;
	z->next_out = out;
	z->avail_out = (uInt)*out_n;
	int r = inflate(z, Z_NO_FLUSH);
	*in_n -= z->avail_in;
	*out_n -= z->avail_out;
	switch (r) {
	case Z_STREAM_END: return 1;
	case Z_OK:
	case Z_BUF_ERROR: return 0; /* the caller sees whether anything moved */
	case Z_MEM_ERROR: return err_set(e, ENOMEM, "undo gzip");
	default: return err_set(e, E_SPEC, "its gzip data is damaged: %s", z->msg != NULL ? z->msg : "error");
	}
}

static int gzip_reset(void *d)
{
	return inflateReset(d) == Z_OK ? 0 : -1;
}

static void gzip_close(void *d)
{
	(void)inflateEnd(d); /* only frees */
	free(d);
}

const struct decoder gzip_decoder = {"gzip", gzip_open, gzip_step, gzip_reset, gzip_close};
