// SPDX-License-Identifier: Apache-2.0
/* The container's root: a directory or an overlay, put over "/" of the new mount namespace. The old root below it goes
 * away with pivot_root(2), so no directory of the host is needed as a mount point. */
#include "sysctr/mounts.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/oci_spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int annotation_rootfs(const struct stage *s, struct sysctr_rootfs *ret)
{
	*ret = s->cfg->rootfs;
	if (ret->lower == NULL && s->spec->annotation_count > 0) {
		ret->lower = oci_spec_annotation(s->spec, "io.slipway.rootfs.lower");
		ret->upper = oci_spec_annotation(s->spec, "io.slipway.rootfs.upper");
		ret->work = oci_spec_annotation(s->spec, "io.slipway.rootfs.work");
	}
	return ret->lower != NULL;
}

/* The mount is private from here on: pivot_root(2) wants that, and what is mounted below must not show elsewhere. */
static int over_root(int mnt, struct err *e)
{
	struct mount_attr a = {.propagation = MS_PRIVATE};

	if (sys_mount_setattr(mnt, "", AT_EMPTY_PATH, &a, sizeof(a)) < 0)
		return err_set(e, errno, "make the root private");
	if (sys_move_mount(mnt, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "mount the root");
	return 0;
}

/* A private tmpfs with directories for upper and work, mounted over "/" because overlayfs takes only what is mounted. */
static int tmpfs_upper(const char *spec, char *upper, char *work, size_t size, int *ret_fd, struct err *e)
{
	owned_fd int ctx = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (ctx < 0)
		return err_set(e, errno, "tmpfs");
	if (sys_fsconfig(ctx, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
	    sys_fsconfig(ctx, FSCONFIG_SET_STRING, "size", spec[5] == ':' ? spec + 6 : "50%", 0) < 0)
		return err_set(e, E_SPEC, "io.slipway.rootfs.upper: '%.40s'", spec);
	if (sys_fsconfig(ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(e, errno, "make a tmpfs for the writable layer");
	owned_fd int mnt = sys_fsmount(ctx, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0)
		return err_set(e, errno, "make a tmpfs for the writable layer");
	int r = over_root(mnt, e);
	if (r < 0)
		return r;
	if (mkdirat(mnt, "upper", 0755) < 0 || mkdirat(mnt, "work", 0755) < 0)
		return err_set(e, errno, "make the writable layer");
	(void)(snprintf(upper, size, "/proc/self/fd/%d/upper", mnt) + snprintf(work, size, "/proc/self/fd/%d/work", mnt));
	*ret_fd = take_fd(mnt);
	return 0;
}

static int fs_string(int fs, const char *key, const char *value, struct err *e)
{
	if (sys_fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0)
		return err_set(e, errno, "overlay: %s '%s'", key, value);
	return 0;
}

static int set_lowers(int fs, const char *lower, struct err *e)
{
	char one[PATH_MAX];
	int r = 0;

	for (const char *p = lower; r == 0 && *p != '\0';) {
		size_t n = strcspn(p, ":");
		if (n >= sizeof(one) || *p != '/')
			return err_set(e, E_SPEC, "overlay layer '%.80s': must be an absolute path", p);
		memcpy(one, p, n);
		one[n] = '\0';
		r = fs_string(fs, "lowerdir+", one, e);
		p += n + (p[n] == ':');
	}
	return r;
}

static int overlay_mount(const struct sysctr_rootfs *fs, const char *upper, const char *work, struct err *e)
{
	owned_fd int ctx = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	if (ctx < 0)
		return err_set(e, errno, "overlay");
	int r = set_lowers(ctx, fs->lower, e);
	if (r == 0 && upper[0] != '\0')
		r = fs_string(ctx, "upperdir", upper, e);
	if (r == 0 && work[0] != '\0')
		r = fs_string(ctx, "workdir", work, e);
	if (r < 0)
		return r;
	if (sys_fsconfig(ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(e, errno, "mount overlay of '%.300s'", fs->lower);
	int mnt = sys_fsmount(ctx, FSMOUNT_CLOEXEC, 0);
	return mnt < 0 ? err_set(e, errno, "mount overlay of '%.300s'", fs->lower) : mnt;
}

static int overlay_root(const struct sysctr_rootfs *fs, struct err *e)
{
	char upper[PATH_MAX] = "", work[PATH_MAX] = "";
	owned_fd int tmpfs = -1;

	/* one layer and nothing to write: the layer itself, without an overlay over it */
	if (fs->upper == NULL && strchr(fs->lower, ':') == NULL) {
		owned_fd int tree = sys_open_tree(AT_FDCWD, fs->lower, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (tree < 0)
			return err_set(e, errno, "layer '%s'", fs->lower);
		int r = mount_attrs(tree, MOUNT_ATTR_RDONLY, 0, /* recursive */ false);
		return r < 0 ? err_set(e, -r, "mount layer '%s'", fs->lower) : take_fd(tree);
	}
	if (fs->upper != NULL && strncmp(fs->upper, "tmpfs", 5) == 0 && (fs->upper[5] == '\0' || fs->upper[5] == ':')) {
		int r = tmpfs_upper(fs->upper, upper, work, sizeof(upper), &tmpfs, e);
		if (r < 0)
			return r;
	} else if (fs->upper != NULL && fs->work != NULL) {
		if ((size_t)snprintf(upper, sizeof(upper), "%s", fs->upper) >= sizeof(upper) ||
		    (size_t)snprintf(work, sizeof(work), "%s", fs->work) >= sizeof(work))
			return err_set(e, ENAMETOOLONG, "overlay");
	}
	int mnt = overlay_mount(fs, upper, work, e);
	/* The overlay has its own hold on the tmpfs. Left where it is it would be what mounts_enter() takes away in place of the
	 * old root, which then stays on top of the new one: for all to see, and for setns(2) to enter. */
	if (mnt >= 0 && tmpfs >= 0 && umount2("/", MNT_DETACH) < 0) {
		int r = err_set(e, errno, "take the writable layer's mount away");
		close(mnt);
		return r;
	}
	return mnt;
}

int root_tree(struct stage *s, struct err *e)
{
	int fd = sys_open_tree(AT_FDCWD, s->root_path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	return fd < 0 ? err_set(e, errno, "root.path '%s'", s->root_path) : fd;
}

int mounts_root(struct stage *s, struct err *e)
{
	struct sysctr_rootfs fs;
	unsigned long prop = MS_SLAVE | MS_REC;

	if (s->spec->rootfs_propagation != NULL && s->spec->rootfs_propagation[0] != '\0') {
		s->propagation = prop = mount_propagation(s->spec->rootfs_propagation);
		if (prop == 0)
			return err_set(e, E_SPEC, "linux.rootfsPropagation: '%s' is not known", s->spec->rootfs_propagation);
		/* a root that cannot be bound is no place to bind from: only the new root becomes that, at the end */
		if ((prop & MS_UNBINDABLE) != 0)
			prop = MS_PRIVATE | MS_REC;
	}
	if (mount(NULL, "/", NULL, prop, NULL) < 0)
		return err_set(e, errno, "set propagation of '/'");
	/* pivot_root(2) wants the mount that the new root is on not to be shared */
	if ((prop & MS_SHARED) != 0 && mount(NULL, "/", NULL, MS_PRIVATE, NULL) < 0)
		return err_set(e, errno, "make '/' private");
	if (annotation_rootfs(s, &fs))
		s->rootfd = overlay_root(&fs, e);
	else if (s->trees != NULL)
		s->rootfd = s->trees[s->spec->mount_count];
	else
		s->rootfd = root_tree(s, e);
	return s->rootfd < 0 ? s->rootfd : over_root(s->rootfd, e);
}

int mounts_enter(struct stage *s, struct err *e)
{
	if (s->spec->root_readonly) {
		int r = mount_attrs(s->rootfd, MOUNT_ATTR_RDONLY, 0, /* recursive */ false);
		if (r < 0)
			return err_set(e, -r, "make the root read-only");
	}
	if (fchdir(s->rootfd) < 0)
		return err_set(e, errno, "enter the root");
	if (s->no_pivot) {
		if (chroot(".") < 0) /* it is on top of "/" already */
			return err_set(e, errno, "move the root");
	} else {
		/* the old root ends up over the new one and is taken away: no directory is needed for it */
		if (sys_pivot_root(".", ".") < 0)
			return err_set(e, errno, "pivot_root");
		if (umount2(".", MNT_DETACH) < 0)
			return err_set(e, errno, "unmount the old root");
	}
	if (s->propagation != 0 && mount(NULL, "/", NULL, s->propagation, NULL) < 0)
		return err_set(e, errno, "linux.rootfsPropagation '%s'", s->spec->rootfs_propagation);
	drop_fd(&s->rootfd); /* process.cwd must find no way to it */
	return chdir("/") < 0 ? err_set(e, errno, "enter '/'") : 0;
}
