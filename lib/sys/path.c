// SPDX-License-Identifier: Apache-2.0
/* Resolution below a foreign root. No string of a root is ever joined with a path. */
#include "lib/sys/path.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/path_walk.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define AGAIN_MAX 128 /* openat2 says EAGAIN when the tree is renamed under it; a hostile owner may insist */

/* No such call: an old kernel says ENOSYS, an old filter of system calls EPERM. The call itself says EPERM too, of a file that
 * may not be opened so; without room for its argument it says EINVAL wherever it is. */
static bool is_missing(int why)
{
	static bool is_known_missing;

	if (why == EPERM && !is_known_missing && sys_openat2(-1, "", NULL, 0) < 0 && errno == EPERM)
		is_known_missing = true;
	return is_known_missing || why == ENOSYS;
}

static int open_how(int root, const char *path, int flags, mode_t mode, uint64_t more)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
		.mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? mode : 0, /* O_TMPFILE has the bit of O_DIRECTORY */
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | more,
	};
	int fd;

	for (int i = 0; i < AGAIN_MAX; i++) {
		fd = sys_openat2(root, *path == '\0' ? "." : path, &how, sizeof(how));
		if (fd >= 0)
			return fd;
		int why = errno;
		if ((why == ENOSYS || why == EPERM) && is_missing(why))
			return path_walk(root, path, flags, mode, (more & RESOLVE_NO_SYMLINKS) == 0);
		if (why != EAGAIN && why != EINTR)
			return -why;
	}
	return -EAGAIN;
}

static int open_once(int root, const char *path, int flags, mode_t mode)
{
	return open_how(root, path, flags, mode, 0);
}

int path_open_in(int root, const char *path, int flags, mode_t mode, struct err *e)
{
	int fd = open_once(root, path, flags, mode);

	return fd >= 0 ? fd : err_set(e, -fd, "open '%s' inside the root", path);
}

/* Split path at its last part; parent gets at most PATH_MAX bytes. Dot parts at the end are refused. */
static int split(const char *path, char parent[PATH_MAX], char *ret_name, struct err *e)
{
	size_t len = strlen(path);

	while (len > 0 && path[len - 1] == '/')
		len--;
	size_t at = len;
	while (at > 0 && path[at - 1] != '/')
		at--;
	if (len - at > NAME_MAX || at >= PATH_MAX)
		return err_set(e, ENAMETOOLONG, "path '%.100s...'", path);
	memcpy(parent, path, at);
	parent[at] = '\0';
	memcpy(ret_name, path + at, len - at);
	ret_name[len - at] = '\0';
	if (strcmp(ret_name, ".") == 0 || strcmp(ret_name, "..") == 0)
		return err_set(e, EINVAL, "path '%s' ends in '%s'", path, ret_name);
	return 0;
}

int path_open_parent_in(int root, const char *path, char *ret_name, struct err *e)
{
	char parent[PATH_MAX];

	int r = split(path, parent, ret_name, e);
	if (r < 0)
		return r;
	return path_open_in(root, parent, O_PATH | O_DIRECTORY, 0, e);
}

/* The usual case: only the last part is missing. A name of dots, or one that somebody made meanwhile, is for the long way. */
static int make_last(int root, const char *path, mode_t mode, uint64_t more)
{
	char parent[PATH_MAX], name[NAME_MAX + 1];

	int r = split(path, parent, name, NULL);
	if (r < 0 || name[0] == '\0')
		return r < 0 ? r : -ENOENT;
	owned_fd int dir = open_how(root, parent, O_PATH | O_DIRECTORY, 0, more);
	if (dir < 0)
		return dir;
	if (mkdirat(dir, name, mode) < 0)
		return errno == EEXIST ? -ENOENT : -errno;
	int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int path_mkdir_plain_in(int root, const char *path, mode_t mode)
{
	int fd = open_how(root, path, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);

	return fd == -ENOENT ? make_last(root, path, mode, RESOLVE_NO_SYMLINKS) : fd;
}

int path_mkdir_in(int root, const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX], name[NAME_MAX + 1], parent[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return err_set(e, ENAMETOOLONG, "path '%.100s...'", path);
	int there = open_once(root, path, O_PATH | O_DIRECTORY, 0);
	if (there >= 0)
		return there;
	there = there == -ENOENT ? make_last(root, path, mode, 0) : there;
	if (there != -ENOENT)
		return there >= 0 ? there : err_set(e, -there, "make directory '%s' inside the root", path);
	/* shortest prefix first: each existing prefix is resolved by the kernel, links and all */
	for (size_t i = 1; i <= len; i++) {
		if (i < len && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		int fd = open_once(root, part, O_PATH | O_DIRECTORY, 0);
		if (fd >= 0) {
			close(fd);
			continue;
		}
		if (fd != -ENOENT)
			return err_set(e, -fd, "make directory '%s' inside the root", part);
		int r = split(part, parent, name, e);
		if (r < 0)
			return r;
		owned_fd int dir = path_open_in(root, parent, O_PATH | O_DIRECTORY, 0, e);
		if (dir < 0)
			return dir;
		if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
			return err_set(e, errno, "make directory '%s' inside the root", part);
	}
	return path_open_in(root, path, O_PATH | O_DIRECTORY, 0, e);
}

int path_touch_in(int root, const char *path, mode_t mode, struct err *e)
{
	char parent[PATH_MAX], name[NAME_MAX + 1];

	int fd = open_once(root, path, O_PATH, 0);
	if (fd >= 0)
		return fd;
	if (fd != -ENOENT)
		return err_set(e, -fd, "open '%s' inside the root", path);
	int r = split(path, parent, name, e);
	if (r < 0)
		return r;
	owned_fd int dir = path_mkdir_in(root, parent, 0755, e);
	if (dir < 0)
		return dir;
	/* O_NOFOLLOW: a dangling link is an error, not a file made wherever it points */
	fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0 && errno != EEXIST)
		return err_set(e, errno, "make file '%s' inside the root", path);
	if (fd >= 0)
		close(fd);
	return path_open_in(root, path, O_PATH, 0, e);
}

const char *path_of_fd(int fd, char out[32])
{
	(void)snprintf(out, 32, "/proc/self/fd/%d", fd); /* fits: an int has at most 11 characters */
	return out;
}
