// SPDX-License-Identifier: Apache-2.0
/* The walk in user space that stands in for openat2(2). */
#include "lib/sys/path_walk.h"

#include "lib/base/owned.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#define DEPTH_MAX 256
#define LINKS_MAX 40 /* as the kernel */
#define AGAIN_MAX 128

struct walk {
	int root;	     /* borrowed */
	int dirs[DEPTH_MAX]; /* owned: the directories that the walk came through, below the root */
	size_t depth;
	char rest[PATH_MAX]; /* what is to be walked yet */
	size_t links;
};

static int top(const struct walk *w)
{
	return w->depth > 0 ? w->dirs[w->depth - 1] : w->root;
}

static void pop_to(struct walk *w, size_t depth)
{
	while (w->depth > depth)
		close(w->dirs[--w->depth]);
}

/* Put the target of a link before what is left. fd is the link itself, so that nobody can exchange it. */
static int take_link(struct walk *w, int fd, const char *rest)
{
	char target[PATH_MAX];
	struct statfs fs;

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	/* magic links lead wherever the process has something open; they are on procfs only */
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type == PROC_SUPER_MAGIC)
		return -ELOOP;
	ssize_t n = readlinkat(fd, "", target, sizeof(target));
	if (n <= 0)
		return n < 0 ? -errno : -ENOENT;
	size_t len = strlen(rest);
	if ((size_t)n + len + 1 > sizeof(w->rest))
		return -ENAMETOOLONG;
	memmove(w->rest + n, rest, len + 1);
	memcpy(w->rest, target, (size_t)n);
	if (target[0] == '/')
		pop_to(w, 0);
	return 0;
}

/* The last part, in a held directory. Returns a descriptor, or -EAGAIN when it became a link meanwhile. */
static int open_last(const struct walk *w, int last, const char *name, int flags, mode_t mode)
{
	struct stat st;

	if (last >= 0 && (flags & O_PATH) != 0) {
		if ((flags & O_DIRECTORY) != 0 && (fstat(last, &st) < 0 || !S_ISDIR(st.st_mode)))
			return -ENOTDIR;
		return fcntl(last, F_DUPFD_CLOEXEC, 0);
	}
	int fd = openat(top(w), name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd >= 0)
		return fd;
	return errno == ELOOP && (flags & O_NOFOLLOW) == 0 ? -EAGAIN : -errno;
}

/* One part of w->rest. Returns 0 to go on, with *ret set at the end, or -errno. */
static int step(struct walk *w, int flags, mode_t mode, bool links, int *ret)
{
	char name[NAME_MAX + 1];
	struct stat st;

	const char *at = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(at, "/");
	const char *rest = at + len;
	bool is_last = rest[strspn(rest, "/")] == '\0', has_slash = *rest == '/';
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, at, len);
	name[len] = '\0';
	if (len == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		if (len == 2 && w->depth > 0)
			pop_to(w, w->depth - 1);
		if (!is_last) {
			memmove(w->rest, rest, strlen(rest) + 1);
			return 0;
		}
		int fd = openat(top(w), ".", flags | O_CLOEXEC, mode);
		return fd < 0 ? -errno : (*ret = fd, 0);
	}
	if (is_last && has_slash) {
		if ((flags & O_CREAT) != 0)
			return -EISDIR;
		flags |= O_DIRECTORY;
	}
	bool is_followed = !is_last || has_slash || ((flags & O_NOFOLLOW) == 0 && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL));
	owned_fd int fd = openat(top(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && !(is_last && errno == ENOENT && (flags & O_CREAT) != 0))
		return -errno;
	if (fd >= 0 && fstat(fd, &st) < 0)
		return -errno;
	if (fd >= 0 && S_ISLNK(st.st_mode) && is_followed)
		return links ? take_link(w, fd, rest) : -ELOOP;
	if (is_last) {
		int last = open_last(w, fd, name, flags, mode);
		return last < 0 ? last : (*ret = last, 0);
	}
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (w->depth == DEPTH_MAX)
		return -ENAMETOOLONG;
	w->dirs[w->depth++] = take_fd(fd);
	memmove(w->rest, rest, strlen(rest) + 1);
	return 0;
}

int path_walk(int root, const char *path, int flags, mode_t mode, bool links)
{
	struct walk w = {.root = root};
	size_t len = strlen(path);
	int fd = -1, r = 0;

	if (len >= sizeof(w.rest))
		return -ENAMETOOLONG;
	memcpy(w.rest, path, len + 1);
	for (int again = 0; r == 0 && fd < 0;) {
		r = step(&w, flags, mode, links, &fd);
		if (r == -EAGAIN && ++again < AGAIN_MAX)
			r = 0; /* the part is still the first of the rest */
	}
	pop_to(&w, 0);
	return r < 0 ? r : fd;
}
