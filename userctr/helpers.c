// SPDX-License-Identifier: Apache-2.0
/* Short lives of this program for work that would hold the daemon up: filling volumes, removing trees. */
#include "userctr/helpers.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"
#include "lib/sys/path.h"
#include "lib/sys/syscalls.h"
#include "userctr/copy_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The image's root, as a mount that is attached nowhere. One layer needs no overlay. */
static int open_layers(const char *lower, struct err *e)
{
	char one[PATH_MAX];

	if (strchr(lower, ':') == NULL) {
		int fd = open(lower, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? err_set(e, errno, "layer '%s'", lower) : fd;
	}
	owned_fd int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0)
		return err_set(e, errno, "overlay");
	for (const char *p = lower; *p != '\0';) {
		size_t n = strcspn(p, ":");
		if (n >= sizeof(one))
			return err_set(e, ENAMETOOLONG, "overlay layer");
		memcpy(one, p, n);
		one[n] = '\0';
		if (sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", one, 0) < 0)
			return err_set(e, errno, "overlay layer '%s'", one);
		p += n + (p[n] == ':');
	}
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(e, errno, "make an overlay");
	int fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	return fd < 0 ? err_set(e, errno, "mount an overlay") : fd;
}

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
	owned_fd int root = open_layers(argv[1], &e);
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
