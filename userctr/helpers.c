// SPDX-License-Identifier: Apache-2.0
/* Short lives of this program for work that would hold the daemon up: filling volumes, removing trees. */
#include "userctr/helpers.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/image/confine.h"
#include "lib/image/pack.h"
#include "lib/image/unpack.h"
#include "lib/stream/stream.h"
#include "lib/sys/io.h"
#include "lib/sys/path.h"
#include "userctr/copy_tree.h"
#include "userctr/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int populate(int root, const char *path, const char *dest, struct err *e)
{
	owned_fd int from = path_open_in(root, path, O_RDONLY | O_DIRECTORY, 0, e);
	if (from == -ENOENT || from == -ENOTDIR)
		return 0; /* the image has nothing there */
	if (from < 0)
		return from;
	owned_fd int to = open(dest, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return err_set(e, errno, "open '%s'", dest);
	int r = copy_tree(from, to, e);
	if (r < 0)
		return err_wrap(e, r, "fill '%s'", dest);
	return syncfs(to) < 0 ? err_set(e, errno, "sync '%s'", dest) : 0;
}

int populate_main(int argc, char **argv)
{
	struct err e = {0};

	if (argc < 4 || argc % 2 != 0) {
		fprintf(stderr, "userctr populate: is started by the daemon: LOWER (PATH DEST)...\n");
		return 2;
	}
	owned_fd int root = layers_open(argv[1], NULL, NULL, &e);
	int r = root < 0 ? root : 0;
	for (int i = 2; r == 0 && i + 1 < argc; i += 2)
		r = populate(root, argv[i], argv[i + 1], &e);
	if (r < 0)
		fprintf(stderr, "%s\n", e.msg);
	return r < 0;
}

int remove_tree_main(int argc, char **argv)
{
	struct err e;
	int bad = 0;

	for (int i = 1; i < argc; i++)
		if (tree_remove(AT_FDCWD, argv[i], &e) < 0) {
			log_error("userctr", "%s", e.msg);
			bad = 1;
		}
	return bad;
}

static int put(void *ctx, const void *p, size_t n, struct err *e)
{
	int r = write_all(*(int *)ctx, p, n);

	return r < 0 ? err_set(e, -r, "write an archive") : 0;
}

int pack_main(int argc, char **argv)
{
	int out = STDOUT_FILENO;
	const struct pack_sink sink = {put, &out};
	struct err e;

	if (argc != 1 && argc != 3) {
		fprintf(stderr, "userctr pack: is started by the daemon: [NAME AS]\n");
		return 2;
	}
	int r = argc == 1 ? pack_tree(3, PACK_MERGED, &sink, &e) : pack_one(3, argv[1], argv[2], &sink, &e);
	if (r < 0 && r != -EPIPE) /* the client may have seen enough */
		log_error("userctr", "%s", e.msg);
	return r < 0;
}

/* ---- docker cp into a container ---- */

#define CAP(x)	   ((uint64_t)1 << (x))
#define MEMORY_MAX ((uint64_t)512 << 20)

static int no_opaque(void *ctx, const char *path, struct err *e)
{
	(void)ctx, (void)path, (void)e;
	return 0; /* only layers hide something */
}

int extract_main(int argc, char **argv)
{
	const struct stream_limits limits = {.max_bytes = (uint64_t)1 << 38, .free_bytes = 64u << 20, .max_ratio = 1000};
	const struct unpack_sink sink = {.opaque = no_opaque};
	struct err e = {0};
	uint64_t size;

	(void)argc, (void)argv;
	/* what the archive says is only ever done below the directory, with no more than writing takes */
	int r = confine_limits(MEMORY_MAX, &e);
	if (r == 0)
		r = confine_caps(CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER) | CAP(CAP_FSETID) | CAP(CAP_MKNOD) |
					 CAP(CAP_SETFCAP),
				 &e);
	if (r == 0)
		r = confine_syscalls(&e);
	if (r == 0)
		r = unpack_layer(stream_inflate(stream_fd(0, false), &limits), 3, &unpack_limits, &sink, &size, &e);
	if (r < 0)
		(void)write_all(STDOUT_FILENO, e.msg, strlen(e.msg)); /* the exit status tells it too */
	return r < 0;
}
