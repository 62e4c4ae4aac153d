// SPDX-License-Identifier: Apache-2.0
/* Masked and read-only paths: the last mounts, since earlier ones may have been made below them. */
#include "sysctr/mounts.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/oci_spec.h"
#include "lib/sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct masks {
	int null, empty; /* made when first needed */
};

/* The host's null device, proven to be it (CVE-2025-31133). */
static int open_null(struct err *e)
{
	struct stat st;

	owned_fd int fd = openat(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '/dev/null'");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(e, EINVAL, "'/dev/null' is not the null device");
	return take_fd(fd);
}

/* One empty read-only tmpfs; each masked directory gets a mount of it. */
static int make_empty(struct err *e)
{
	stage_fd int ctx = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (ctx < 0 || sys_fsconfig(ctx, FSCONFIG_SET_STRING, "nr_inodes", "1", 0) < 0 || /* for who may make it writable again */
	    sys_fsconfig(ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(e, errno, "make an empty tmpfs");
	int fd = sys_fsmount(ctx, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? err_set(e, errno, "make an empty tmpfs") : fd;
}

static int mask_one(struct stage *s, struct masks *m, const char *path, struct err *e)
{
	struct stat st;

	stage_fd int fd = path_open_in(s->rootfd, path, O_PATH, 0, NULL);
	if (fd < 0)
		return 0; /* nothing to hide */
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "mask '%s'", path);
	bool is_dir = S_ISDIR(st.st_mode);
	int *what = is_dir ? &m->empty : &m->null;
	if (*what < 0)
		*what = is_dir ? make_empty(e) : open_null(e);
	if (*what < 0)
		return *what;
	stage_fd int tree = sys_open_tree(*what, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0 && is_dir && (errno == EINVAL || errno == EPERM)) { /* before Linux 6.15 a detached mount has no copies */
		owned_fd int own = take_fd(m->empty);
		int r = mount_attach(own, fd);
		return r < 0 ? err_set(e, -r, "mask '%s'", path) : 0;
	}
	int r = tree < 0 ? -errno : mount_attach(tree, fd);
	return r < 0 ? err_set(e, -r, "mask '%s'", path) : 0;
}

static int readonly_one(struct stage *s, const char *path, struct err *e)
{
	stage_fd int fd = path_open_in(s->rootfd, path, O_PATH, 0, NULL);
	if (fd < 0)
		return 0;
	stage_fd int tree = sys_open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	int r = tree < 0 ? -errno : mount_attrs(tree, MOUNT_ATTR_RDONLY, 0, /* recursive */ true);
	if (r == 0)
		r = mount_attach(tree, fd);
	return r < 0 ? err_set(e, -r, "make '%s' read-only", path) : 0;
}

int mounts_paths(struct stage *s, struct err *e)
{
	struct masks m = {-1, -1};
	int r = 0;

	for (const char **p = s->spec->readonly_paths; r == 0 && p != NULL && *p != NULL; p++)
		r = readonly_one(s, *p, e);
	for (const char **p = s->spec->masked_paths; r == 0 && p != NULL && *p != NULL; p++)
		r = mask_one(s, &m, *p, e);
	return r;
}
