// SPDX-License-Identifier: Apache-2.0
/* Archives of images: whatever the bytes, the loader ends, within its limits, and writes only below its folder. */
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/image/load.h"
#include "lib/stream/stream.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t n;
};

static ssize_t give(void *ctx, const void **ret, struct err *e)
{
	struct input *in = ctx;
	size_t n = in->n < 3000 ? in->n : 3000; /* pieces that fit no block */

	(void)e;
	*ret = in->p;
	in->p += n;
	in->n -= n;
	return (ssize_t)n;
}

static int on_opaque(void *ctx, const char *path, struct err *e)
{
	(void)ctx, (void)e;
	if (strncmp(path, "layers/", 7) != 0 || strstr(path, "/../") != NULL)
		abort();
	return 0;
}

static int on_image(void *ctx, const struct digest *manifest, const char *const *names, size_t n, struct err *e)
{
	(void)ctx, (void)manifest, (void)e;
	for (size_t i = 0; i < n; i++)
		if (names[i] == NULL)
			abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct load_limits limits = {
		.unpack = {.bytes = 1 << 20, .entries = 100, .depth = 16, .path = 512, .attrs = 1024},
		.archive_bytes = 4 << 20,
		.ratio = 100,
		.free_bytes = 1 << 20,
		.members = 32,
		.documents = 1 << 20,
	};
	static const struct load_sink sink = {.opaque = on_opaque, .image = on_image};
	static char top[] = "/tmp/load-fuzz-XXXXXX";
	static bool is_made;
	struct input in = {data, size};
	struct err e;

	if (!is_made && mkdtemp(top) == NULL)
		abort();
	is_made = true;
	int dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(dir, "blobs", 0700) < 0 || mkdirat(dir, "layers", 0700) < 0)
		abort();
	(void)load_archive(stream_call(give, &in), dir, "", 0, &limits, &sink, &e);
	if (tree_remove(dir, "blobs", NULL) < 0 || tree_remove(dir, "layers", NULL) < 0)
		abort();
	close(dir);
	return 0;
}
