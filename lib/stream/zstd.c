// SPDX-License-Identifier: Apache-2.0
/* zstd, the only place that includes it. */
#include "lib/stream/internal.h"

#include <stdlib.h>

#include <zstd.h>

#define WINDOW_LOG_MAX 27 /* 128 MiB: what the zstd program itself accepts unasked */

static void *unzstd_open(void)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();

	if (d != NULL && ZSTD_isError(ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
		ZSTD_freeDCtx(d);
		d = NULL;
	}
	return d;
}

static int unzstd_step(void *d, const uint8_t *in, size_t *in_n, uint8_t *out, size_t *out_n, struct err *e)
{
	ZSTD_inBuffer from = {in, *in_n, 0};
	ZSTD_outBuffer to = {out, *out_n, 0};

	size_t r = ZSTD_decompressStream(d, &to, &from);
	*in_n = from.pos;
	*out_n = to.pos;
	if (ZSTD_isError(r))
		return err_set(e, E_SPEC, "its zstd data is damaged: %s", ZSTD_getErrorName(r));
	return r == 0 ? 1 : 0;
}

static int unzstd_reset(void *d)
{
	return ZSTD_isError(ZSTD_DCtx_reset(d, ZSTD_reset_session_only)) ? -1 : 0;
}

static void unzstd_close(void *d)
{
	(void)ZSTD_freeDCtx(d); /* only frees */
}

const struct decoder zstd_decoder = {"zstd", unzstd_open, unzstd_step, unzstd_reset, unzstd_close};
