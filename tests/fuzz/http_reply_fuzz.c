// SPDX-License-Identifier: Apache-2.0
/* Replies in two pieces: never more used than given, never a crash. */
#include "lib/codec/http_reply.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int body(void *ctx, const char *p, size_t n)
{
	(void)p;
	*(size_t *)ctx += n;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t got = 0, used = 0, cut = size > 0 ? data[0] % size : 0;
	struct http_reply *r = http_reply_new(/* is_head */ false, body, &got);

	if (r == NULL)
		return 0;
	int done = cut > 0 ? http_reply_feed(r, (const char *)data, cut, &used, NULL) : 0;
	if (used > cut)
		abort();
	if (done == 0)
		done = http_reply_feed(r, (const char *)data + cut, size - cut, &used, NULL);
	if (used > size || got > size)
		abort();
	http_reply_free(r);
	return 0;
}
