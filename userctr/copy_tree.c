// SPDX-License-Identifier: Apache-2.0
/* Copying a directory: by descriptors, so that nobody who owns the tree can lead it elsewhere. */
#include "userctr/copy_tree.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* Attributes of the overlay are the layer's business, all others belong to the file. */
static void copy_attrs(int from, int to)
{
	char names[4096], value[4096];

	ssize_t n = flistxattr(from, names, sizeof(names));
	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		if (strncmp(p, "trusted.overlay.", 16) == 0 || strncmp(p, "user.overlay.", 13) == 0)
			continue;
		ssize_t len = fgetxattr(from, p, value, sizeof(value));
		if (len >= 0)
			(void)fsetxattr(to, p, value, (size_t)len, 0); /* file systems without them do without */
	}
}

/* Owner first: changing it clears the set-id bits. */
static int copy_meta(int from, int to, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchown(to, st->st_uid, st->st_gid) < 0)
		return -errno;
	copy_attrs(from, to);
	if (fchmod(to, st->st_mode & 07777) < 0)
		return -errno;
	(void)futimens(to, times); /* a wrong time is no loss */
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	owned_fd int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (from < 0)
		return -errno;
	owned_fd int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	for (off_t left = st->st_size; left > 0;) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)left, 0);
		if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
			n = sendfile(to, from, NULL, (size_t)left);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		left -= n;
	}
	return copy_meta(from, to, st);
}

static int copy_other(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	char target[PATH_MAX];

	if (S_ISSOCK(st->st_mode))
		return 0; /* nobody can listen on a copy */
	if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);
		if (n < 0)
			return -errno;
		target[n] = '\0';
		if (symlinkat(target, to_dir, name) < 0)
			return -errno;
	} else if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0) {
		return -errno;
	}
	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!S_ISLNK(st->st_mode) && fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0))
		return -errno;
	(void)utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW); /* as above */
	return 0;
}

static int copy_dir(int from, int to, unsigned depth, struct err *e);

static int copy_entry(int from, int to, const char *name, unsigned depth, struct err *e)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "'%s'", name);
	if (S_ISDIR(st.st_mode)) {
		owned_fd int sub_from = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub_from < 0 || mkdirat(to, name, 0700) < 0)
			return err_set(e, errno, "directory '%s'", name);
		owned_fd int sub_to = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub_to < 0)
			return err_set(e, errno, "directory '%s'", name);
		r = copy_dir(sub_from, sub_to, depth + 1, e);
		return r < 0 ? err_wrap(e, r, "%s", name) : 0;
	}
	r = S_ISREG(st.st_mode) ? copy_file(from, to, name, &st) : copy_other(from, to, name, &st);
	return r < 0 ? err_set(e, -r, "copy '%s'", name) : 0;
}

static int copy_dir(int from, int to, unsigned depth, struct err *e)
{
	struct stat st;
	int r = 0;

	if (depth > COPY_DEPTH_MAX)
		return err_say(e, E_LIMIT, "directories are more than %d deep", COPY_DEPTH_MAX);
	int own = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	if (d == NULL) {
		r = err_set(e, errno, "read a directory");
		if (own >= 0)
			close(own);
		return r;
	}
	for (struct dirent *de; r == 0 && (de = readdir(d)) != NULL;)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			r = copy_entry(from, to, de->d_name, depth, e);
	closedir(d);
	if (r < 0)
		return r;
	if (fstat(from, &st) < 0)
		return err_set(e, errno, "a directory");
	r = copy_meta(from, to, &st);
	return r < 0 ? err_set(e, -r, "owner and mode of a directory") : 0;
}

int copy_tree(int from, int to, struct err *e)
{
	return copy_dir(from, to, 0, e);
}
