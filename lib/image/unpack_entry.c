// SPDX-License-Identifier: Apache-2.0
/* Making one entry: what was there goes, the new thing is made under no name a link could have, then owner, mode, attributes and
 * times in the order in which one does not undo the other. */
#include "lib/image/unpack_entry.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/image/tar.h"
#include "lib/sys/io.h"
#include "lib/sys/path.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* Remove what has the name, unless it is a directory and one is wanted.
 * Returns 0 nothing is there any more, 1 a directory stays, 2 it was a whiteout and is gone. */
static int make_way(struct unpack_out *o, const char *name, bool want_dir, struct err *e)
{
	struct stat st;

	if (fstatat(o->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "look at it");
	if (S_ISDIR(st.st_mode)) {
		if (want_dir)
			return 1;
		o->tree_changed = true;
		return tree_remove(o->dir, name, e);
	}
	o->tree_changed = true;
	if (unlinkat(o->dir, name, 0) < 0)
		return err_set(e, errno, "replace it");
	return S_ISCHR(st.st_mode) && st.st_rdev == 0 ? 2 : 0;
}

/* Attributes that mean something inside a container. Others belong to the host: overlay's own, labels, signatures. */
static bool attr_is_wanted(const char *name)
{
	if (strncmp(name, "user.", 5) == 0)
		return strncmp(name, "user.overlay.", 13) != 0;
	return strcmp(name, "security.capability") == 0;
}

static int set_attrs(struct unpack_out *o, int fd, struct archive_entry *entry, struct err *e)
{
	size_t sum = 0;

	for (int left = archive_entry_xattr_reset(entry); left > 0; left--) {
		const char *name;
		const void *value;
		size_t size;
		if (archive_entry_xattr_next(entry, &name, &value, &size) != ARCHIVE_OK || name == NULL)
			break;
		sum += size + strlen(name);
		if (sum > o->max_attrs)
			return err_say(e, E_LIMIT, "has more than %u bytes of extended attributes", o->max_attrs);
		if (!attr_is_wanted(name))
			continue;
		/* a file system without them is the user's choice; a file without its capability would be another file */
		if (fsetxattr(fd, name, value, size, 0) < 0 && !(errno == ENOTSUP && name[0] == 'u'))
			return err_set(e, errno, "set attribute '%.100s'", name);
	}
	return 0;
}

static int set_meta(struct unpack_out *o, int fd, struct archive_entry *entry, struct err *e)
{
	la_int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);

	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return err_say(e, E_SPEC, "has an owner that is none");
	/* the mode after the owner, who would take set-user-id away; attributes after both, for the same reason */
	if (fchown(fd, (uid_t)uid, (gid_t)gid) < 0 || fchmod(fd, archive_entry_perm(entry) & 07777) < 0)
		return err_set(e, errno, "set owner and mode");
	return set_attrs(o, fd, entry, e);
}

static int write_at(int fd, const void *p, size_t n, uint64_t offset)
{
	const char *at = p;

	while (n > 0) {
		ssize_t w = pwrite(fd, at, n, (off_t)offset);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? -errno : -EIO;
		at += w;
		offset += (uint64_t)w;
		n -= (size_t)w;
	}
	return 0;
}

static int write_content(struct unpack_out *o, int fd, struct archive_entry *entry, struct err *e)
{
	uint64_t size = (uint64_t)archive_entry_size(entry), offset = 0, end = 0;
	const void *p;
	ssize_t n;

	if (archive_entry_size(entry) < 0 || size > o->max_bytes - o->bytes)
		return err_say(e, E_LIMIT, "makes the layer larger than %llu bytes", (unsigned long long)o->max_bytes);
	o->bytes += size;
	while ((n = tar_data(o->tar, &p, &offset, e)) > 0) {
		if (offset + (uint64_t)n > size)
			return err_say(e, E_SPEC, "has more content than it said");
		int r = write_at(fd, p, (size_t)n, offset);
		if (r < 0)
			return err_set(e, -r, "write");
		end = offset + (uint64_t)n;
	}
	if (n < 0)
		return (int)n;
	return end < size && ftruncate(fd, (off_t)size) < 0 ? err_set(e, errno, "set size") : 0;
}

static int make_file(struct unpack_out *o, const char *name, struct archive_entry *entry, struct err *e)
{
	struct timespec t[2];

	owned_fd int fd = openat(o->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "create");
	int r = write_content(o, fd, entry, e);
	if (r == 0)
		r = set_meta(o, fd, entry, e);
	if (r < 0)
		return r;
	t[1].tv_sec = archive_entry_mtime(entry);
	t[1].tv_nsec = archive_entry_mtime_nsec(entry);
	t[0] = t[1];
	return futimens(fd, t) < 0 ? err_set(e, errno, "set times") : 0;
}

static int make_dir(struct unpack_out *o, const char *name, struct archive_entry *entry, struct err *e)
{
	if (mkdirat(o->dir, name, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "make directory");
	owned_fd int fd = openat(o->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open directory") : set_meta(o, fd, entry, e);
}

/* Things that cannot be opened without effects: their metadata is set by name, in a directory nobody else writes to. */
static int finish_by_name(struct unpack_out *o, const char *name, struct archive_entry *entry, bool is_link, struct err *e)
{
	la_int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);
	struct timespec t[2];

	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return err_say(e, E_SPEC, "has an owner that is none");
	if (fchownat(o->dir, name, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "set owner");
	if (!is_link && fchmodat(o->dir, name, archive_entry_perm(entry) & 07777, 0) < 0)
		return err_set(e, errno, "set mode");
	t[1].tv_sec = archive_entry_mtime(entry);
	t[1].tv_nsec = archive_entry_mtime_nsec(entry);
	t[0] = t[1];
	return utimensat(o->dir, name, t, AT_SYMLINK_NOFOLLOW) < 0 ? err_set(e, errno, "set times") : 0;
}

static int make_symlink(struct unpack_out *o, const char *name, struct archive_entry *entry, struct err *e)
{
	const char *target = archive_entry_symlink(entry);

	if (target == NULL || *target == '\0')
		return err_say(e, E_SPEC, "is a symbolic link to nothing");
	if (symlinkat(target, o->dir, name) < 0)
		return err_set(e, errno, "make symbolic link");
	return finish_by_name(o, name, entry, /* is_link= */ true, e);
}

static int make_node(struct unpack_out *o, const char *name, struct archive_entry *entry, struct err *e)
{
	mode_t type = archive_entry_filetype(entry);
	dev_t dev = type == AE_IFIFO ? 0
				     : makedev((unsigned)archive_entry_rdevmajor(entry), (unsigned)archive_entry_rdevminor(entry));

	if (mknodat(o->dir, name, type | 0600, dev) < 0)
		return err_set(e, errno, "make node");
	return finish_by_name(o, name, entry, /* is_link= */ false, e);
}

int entry_make(struct unpack_out *o, const char *name, const char *path, struct archive_entry *entry, struct err *e)
{
	mode_t type = archive_entry_filetype(entry);

	int way = make_way(o, name, type == AE_IFDIR, e);
	if (way < 0)
		return way;
	switch (type) {
	case AE_IFREG: return make_file(o, name, entry, e);
	case AE_IFLNK: return make_symlink(o, name, entry, e);
	case AE_IFCHR:
	case AE_IFBLK:
	case AE_IFIFO: return make_node(o, name, entry, e);
	case AE_IFDIR: break;
	default: return err_say(e, E_SPEC, "is of a kind that no layer has");
	}
	int r = make_dir(o, name, entry, e);
	/* removed and made again in one layer: what lower layers have in it is not seen */
	return r == 0 && way == 2 ? o->sink->opaque(o->sink->ctx, path, e) : r;
}

int entry_root(struct unpack_out *o, struct archive_entry *entry, struct err *e)
{
	owned_fd int fd = openat(o->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_set(e, errno, "open the root") : set_meta(o, fd, entry, e);
}

int entry_link(struct unpack_out *o, const char *name, const char *target, struct err *e)
{
	char last[NAME_MAX + 1];
	struct stat to, at;

	owned_fd int dir = path_open_parent_in(o->root, target, last, NULL);
	if (dir < 0 || fstatat(dir, last, &to, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, dir < 0 ? -dir : errno, "hard link to '%.100s', which this layer does not have", target);
	if (S_ISDIR(to.st_mode))
		return err_say(e, E_SPEC, "hard link to the directory '%.100s'", target);
	/* to itself: removing the old name first would remove what it should mean */
	if (fstatat(o->dir, name, &at, AT_SYMLINK_NOFOLLOW) == 0 && at.st_ino == to.st_ino && at.st_dev == to.st_dev)
		return 0;
	int way = make_way(o, name, /* want_dir= */ false, e);
	if (way < 0)
		return way;
	return linkat(dir, last, o->dir, name, 0) < 0 ? err_set(e, errno, "hard link to '%.100s'", target) : 0;
}

int entry_whiteout(struct unpack_out *o, const char *name, const char *path, struct err *e)
{
	struct stat st;

	/* what this layer itself brings is not meant; a directory of it stands for all there is */
	if (fstatat(o->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode) ? o->sink->opaque(o->sink->ctx, path, e) : 0;
	if (errno != ENOENT)
		return err_set(e, errno, "look at it");
	return mknodat(o->dir, name, S_IFCHR, makedev(0, 0)) < 0 ? err_set(e, errno, "make whiteout") : 0;
}
