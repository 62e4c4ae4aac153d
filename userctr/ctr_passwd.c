// SPDX-License-Identifier: Apache-2.0
/* passwd and group of a container, read through its layers without mounting them. */
#include "userctr/ctr_internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define TEXT_MAX (1u << 20)

/* A name that overlayfs takes for "not there, nor below". */
static bool is_whiteout(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

static bool is_opaque(int root, const char *name)
{
	char v = '\0';

	owned_fd int fd = path_open_in(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, NULL);
	return fd >= 0 && fgetxattr(fd, "trusted.overlay.opaque", &v, 1) == 1 && v == 'y';
}

/* Returns 1 found (in b), 0 look further down, -1 it is not there. */
static int look(const char *layer, const char *file, struct buf *b)
{
	char path[64];
	struct stat st;

	owned_fd int root = open(layer, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return 0;
	(void)snprintf(path, sizeof(path), "etc/%s", file); /* fits */
	owned_fd int fd = path_open_in(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, NULL);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		char *p = buf_reserve(b, TEXT_MAX);
		ssize_t n = p != NULL ? read(fd, p, TEXT_MAX) : -1; /* more than this is not looked at */
		if (n > 0)
			b->len += (size_t)n;
		return 1;
	}
	return is_whiteout(root, "etc") || is_whiteout(root, path) || is_opaque(root, "etc") ? -1 : 0;
}

/* Layers from the top, the container's own first. */
static void read_file(const struct ctr *c, const char *lower, const char *file, struct buf *b)
{
	char path[PATH_MAX];

	int r = look(ctr_dir(c, "diff", path), file, b);
	for (const char *p = lower; r == 0 && *p != '\0';) {
		size_t n = strcspn(p, ":");
		if (n > 0 && n < sizeof(path)) {
			memcpy(path, p, n);
			path[n] = '\0';
			r = look(path, file, b);
		}
		p += n + (p[n] == ':');
	}
}

int ctr_user_of(const struct ctr *c, const char *lower, const char *text, struct ctr_user *ret, struct err *e)
{
	owned_buf struct buf passwd = BUF_INIT(TEXT_MAX + 1);
	owned_buf struct buf group = BUF_INIT(TEXT_MAX + 1);

	read_file(c, lower, "passwd", &passwd);
	read_file(c, lower, "group", &group);
	int r = ctr_user_find(text, buf_str(&passwd), passwd.len, buf_str(&group), group.len, ret, e);
	return r < 0 ? r : ctr_user_add_groups(ret, &c->conf, buf_str(&group), group.len, e);
}
