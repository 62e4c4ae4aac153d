// SPDX-License-Identifier: Apache-2.0
/* tmpcopyup: a tmpfs starts with what the image has in its place. Only names below descriptors are opened, no link is
 * followed; depth and count are bounded. */
#include "sysctr/mounts.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define DEPTH_MAX 64

static int copy_attributes(int from, int to, const struct stat *st)
{
	char names[4096], value[4096];
	struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return -errno;
	ssize_t n = flistxattr(from, names, sizeof(names));
	for (char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		ssize_t len = fgetxattr(from, p, value, sizeof(value));
		if (len >= 0)
			(void)fsetxattr(to, p, value, (size_t)len, 0); /* a tmpfs takes few kinds */
	}
	return futimens(to, times) < 0 ? -errno : 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	owned_fd int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	owned_fd int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n;

	if (from < 0 || to < 0)
		return -errno;
	while ((n = sendfile(to, from, NULL, 1 << 20)) > 0)
		;
	return n < 0 ? -errno : copy_attributes(from, to, st);
}

static int copy_special(int from, int to, const char *name, const struct stat *st)
{
	char target[PATH_MAX];

	if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);
		if (n < 0)
			return -errno;
		target[n] = '\0';
		if (symlinkat(target, to, name) < 0)
			return -errno;
	} else if (mknodat(to, name, st->st_mode, st->st_rdev) < 0 || fchmodat(to, name, st->st_mode & 07777, 0) < 0) {
		return -errno;
	}
	return fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_dir(int from, int to, int depth, struct err *e)
{
	int r = 0;

	if (depth > DEPTH_MAX)
		return err_set(e, E_LIMIT, "more than %d directories deep", DEPTH_MAX);
	int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	if (d == NULL)
		return err_set(e, errno, "read the directory");
	for (struct dirent *de; r == 0 && (de = readdir(d)) != NULL;) {
		const char *name = de->d_name;
		struct stat st;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (fstatat(again, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			r = err_set(e, errno, "'%s'", name);
		} else if (S_ISDIR(st.st_mode)) {
			owned_fd int sub = openat(again, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			owned_fd int made = mkdirat(to, name, 0700) == 0 ? openat(to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
			r = sub < 0 || made < 0 ? err_set(e, errno, "'%s'", name) : copy_dir(sub, made, depth + 1, e);
			if (r == 0 && (r = copy_attributes(sub, made, &st)) < 0)
				r = err_set(e, -r, "'%s'", name);
		} else {
			r = S_ISREG(st.st_mode) ? copy_file(again, to, name, &st) : copy_special(again, to, name, &st);
			if (r < 0)
				r = err_set(e, -r, "'%s'", name);
		}
	}
	closedir(d);
	return r;
}

int copy_up(int from, int to, struct err *e)
{
	return copy_dir(from, to, 0, e);
}
