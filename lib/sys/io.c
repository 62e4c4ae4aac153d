// SPDX-License-Identifier: Apache-2.0
/* Whole reads and writes, small files and trees of our own. Paths under a foreign root belong to path.c. */
#include "lib/sys/io.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TREE_MAX_DEPTH 512

int write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t w = write(fd, at, n);
		if (w < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

ssize_t read_full(int fd, void *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, (char *)p + got, n - got);
		if (r < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

int read_all(int fd, struct buf *b)
{
	for (;;) {
		/* one byte more than allowed tells a full buffer from an overlong file */
		char probe;
		size_t room = b->max - b->len;
		size_t want = room < 4096 ? room : 4096;
		char *to = want > 0 ? buf_reserve(b, want) : &probe;
		if (to == NULL)
			return buf_error(b);
		ssize_t r = read(fd, to, want > 0 ? want : 1);
		if (r < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (r == 0)
			return 0;
		if (want == 0) {
			b->error = E_LIMIT;
			return -E_LIMIT;
		}
		b->len += (size_t)r;
		b->data[b->len] = '\0';
	}
}

int file_read(int dir, const char *path, struct buf *b, struct err *e)
{
	owned_fd int fd = openat(dir, path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	int r = read_all(fd, b);
	if (r == -E_LIMIT)
		return err_set(e, E_LIMIT, "file '%s' is larger than %zu bytes", path, b->max);
	if (r < 0)
		return err_set(e, -r, "read '%s'", path);
	return 0;
}

int file_write_at(int dir, const char *path, const char *s, struct err *e)
{
	owned_fd int fd = openat(dir, path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	ssize_t w;
	do
		w = write(fd, s, strlen(s));
	while (w < 0 && errno == EINTR);
	if (w < 0)
		return err_set(e, errno, "write '%.80s' to '%s'", s, path);
	return 0;
}

int file_replace(int dir, const char *name, const void *buf, size_t len, mode_t mode, struct err *e)
{
	owned_fd int fd = -1;
	char tmp[NAME_MAX + 1];

	int r = snprintf(tmp, sizeof(tmp), ".%s.new", name);
	if (r < 0 || (size_t)r >= sizeof(tmp))
		return err_set(e, ENAMETOOLONG, "file '%s'", name);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return err_set(e, errno, "create '%s'", tmp);
	r = write_all(fd, buf, len);
	if (r < 0) {
		r = err_set(e, -r, "write '%s'", tmp);
		goto undo;
	}
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || renameat(dir, tmp, dir, name) < 0) {
		r = err_set(e, errno, "commit '%s'", name);
		goto undo;
	}
	/* AT_FDCWD has no descriptor to sync; such callers keep nothing that must survive a power cut */
	if (dir >= 0 && fsync(dir) < 0)
		return err_set(e, errno, "sync directory of '%s'", name);
	return 0;

undo:
	(void)unlinkat(dir, tmp, 0); /* the error already tells the story */
	return r;
}

int dir_make_all(int dir, const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(part))
		return err_set(e, len == 0 ? ENOENT : ENAMETOOLONG, "make directory '%.200s'", path);
	memcpy(part, path, len + 1);
	for (char *p = part + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdirat(dir, part, mode) < 0 && errno != EEXIST)
			return err_set(e, errno, "make directory '%s'", part);
		*p = '/';
	}
	if (mkdirat(dir, part, mode) < 0) {
		struct stat st;
		if (errno != EEXIST)
			return err_set(e, errno, "make directory '%s'", part);
		if (fstatat(dir, part, &st, 0) < 0 || !S_ISDIR(st.st_mode))
			return err_set(e, ENOTDIR, "make directory '%s'", part);
	}
	return 0;
}

static int remove_below(int dir, const char *path, dev_t dev, unsigned depth, struct err *e)
{
	struct stat st;
	int r = 0;

	if (unlinkat(dir, path, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_set(e, errno, "remove '%s'", path);
	if (depth >= TREE_MAX_DEPTH)
		return err_set(e, ELOOP, "remove '%s': nested too deep", path);
	owned_fd int sub = openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0)
		return err_set(e, errno, "open '%s'", path);
	if (fstat(sub, &st) < 0 || st.st_dev != dev)
		return err_set(e, EXDEV, "remove '%s': another file system is mounted there", path);
	int fd = fcntl(sub, F_DUPFD_CLOEXEC, 3);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		r = err_set(e, errno, "read directory '%s'", path);
		if (fd >= 0)
			close(fd);
		return r;
	}
	for (struct dirent *de; r == 0 && (de = readdir(d)) != NULL;)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			r = remove_below(sub, de->d_name, dev, depth + 1, e);
	closedir(d);
	if (r == 0 && unlinkat(dir, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = err_set(e, errno, "remove directory '%s'", path);
	return r;
}

int tree_remove(int dir, const char *path, struct err *e)
{
	struct stat st;

	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "remove '%s'", path);
	return remove_below(dir, path, st.st_dev, 0, e);
}
