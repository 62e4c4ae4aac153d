// SPDX-License-Identifier: Apache-2.0
/* The blob of a preloaded layer, which the system image keeps only unpacked. */
#include "lib/image/internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/image/pack.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct rebuild {
	struct sha256 hash;
	int fd;
};

static int put(void *ctx, const void *p, size_t n, struct err *e)
{
	struct rebuild *b = ctx;

	sha256_update(&b->hash, p, n);
	int r = write_all(b->fd, p, n);
	return r < 0 ? err_set(e, -r, "write") : 0;
}

static int rebuild_to(struct store *s, const struct digest *d, const char *hex, const char *tmp, struct err *e)
{
	struct rebuild b = {.fd = -1};
	struct pack_sink sink = {put, &b};
	char path[8 + DIGEST_HEX_SIZE];
	struct digest have;

	(void)snprintf(path, sizeof(path), "layers/%s", hex); /* fits */
	owned_fd int tree = openat(s->builtin_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree < 0)
		return err_set(e, errno, "open");
	owned_fd int fd = openat(s->tmp_fd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "create");
	b.fd = fd;
	sha256_init(&b.hash);
	int r = pack_tree(tree, PACK_PRELOADED, &sink, e);
	if (r < 0)
		return r;
	sha256_final(&b.hash, &have);
	if (!digest_eq(&have, d))
		return err_set(e, E_DIGEST, "does not come out as it was");
	return fsync(fd) < 0 || renameat(s->tmp_fd, tmp, s->blobs_fd, hex) < 0 || fsync(s->blobs_fd) < 0
		       ? err_set(e, errno, "keep it")
		       : 0;
}

int store_layer_blob_open(struct store *s, const struct digest *d, struct err *e)
{
	const struct store_layer *l = layer_find(s, d);
	char hex[DIGEST_HEX_SIZE], tmp[32];

	int fd = store_blob_open(s, d, e);
	if (fd != -ENOENT || l == NULL || !l->is_builtin)
		return fd;
	(void)snprintf(tmp, sizeof(tmp), "gone-%u", ++s->work_serial); /* a name that is swept if we do not get to use it */
	int r = rebuild_to(s, d, digest_hex(d, hex), tmp, e);
	if (r < 0) {
		s->want_sweep = true;
		return err_wrap(e, r, "preloaded layer sha256:%s", hex);
	}
	return store_blob_open(s, d, e);
}
