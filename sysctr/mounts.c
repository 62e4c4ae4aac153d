// SPDX-License-Identifier: Apache-2.0
/* The container's mounts, in its own mount namespace. Targets are found by descriptor below the root, never by a joined
 * path; bind mounts are prepared detached and attached complete, so no one sees them half-configured. */
#include "sysctr/internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/oci_spec.h"
#include "lib/sys/io.h"
#include "lib/sys/path.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <linux/magic.h>

#define DATA_MAX 4096

struct option {
	const char *name;
	unsigned long set, clear; /* MS_* */
	uint64_t attr_set, attr_clear; /* MOUNT_ATTR_*, for the recursive forms */
};

static const struct option options[] = {
	{"bind", MS_BIND, 0, 0, 0}, {"rbind", MS_BIND | MS_REC, 0, 0, 0}, {"defaults", 0, 0, 0, 0},
	{"ro", MS_RDONLY, 0, 0, 0}, {"rw", 0, MS_RDONLY, 0, 0},
	{"nosuid", MS_NOSUID, 0, 0, 0}, {"suid", 0, MS_NOSUID, 0, 0},
	{"nodev", MS_NODEV, 0, 0, 0}, {"dev", 0, MS_NODEV, 0, 0},
	{"noexec", MS_NOEXEC, 0, 0, 0}, {"exec", 0, MS_NOEXEC, 0, 0},
	{"sync", MS_SYNCHRONOUS, 0, 0, 0}, {"async", 0, MS_SYNCHRONOUS, 0, 0},
	{"dirsync", MS_DIRSYNC, 0, 0, 0}, {"mand", MS_MANDLOCK, 0, 0, 0}, {"nomand", 0, MS_MANDLOCK, 0, 0},
	{"noatime", MS_NOATIME, 0, 0, 0}, {"atime", 0, MS_NOATIME, 0, 0},
	{"nodiratime", MS_NODIRATIME, 0, 0, 0}, {"diratime", 0, MS_NODIRATIME, 0, 0},
	{"relatime", MS_RELATIME, 0, 0, 0}, {"norelatime", 0, MS_RELATIME, 0, 0},
	{"strictatime", MS_STRICTATIME, 0, 0, 0}, {"nostrictatime", 0, MS_STRICTATIME, 0, 0},
	{"silent", MS_SILENT, 0, 0, 0}, {"loud", 0, MS_SILENT, 0, 0},
	{"iversion", MS_I_VERSION, 0, 0, 0}, {"noiversion", 0, MS_I_VERSION, 0, 0},
	{"nosymfollow", 256 /* MS_NOSYMFOLLOW */, 0, 0, 0}, {"symfollow", 0, 256, 0, 0},
	{"rro", 0, 0, MOUNT_ATTR_RDONLY, 0}, {"rrw", 0, 0, 0, MOUNT_ATTR_RDONLY},
	{"rnosuid", 0, 0, MOUNT_ATTR_NOSUID, 0}, {"rsuid", 0, 0, 0, MOUNT_ATTR_NOSUID},
	{"rnodev", 0, 0, MOUNT_ATTR_NODEV, 0}, {"rdev", 0, 0, 0, MOUNT_ATTR_NODEV},
	{"rnoexec", 0, 0, MOUNT_ATTR_NOEXEC, 0}, {"rexec", 0, 0, 0, MOUNT_ATTR_NOEXEC},
};

static const struct {
	const char *name;
	unsigned long flags;
} propagations[] = {
	{"private", MS_PRIVATE}, {"rprivate", MS_PRIVATE | MS_REC}, {"shared", MS_SHARED}, {"rshared", MS_SHARED | MS_REC},
	{"slave", MS_SLAVE}, {"rslave", MS_SLAVE | MS_REC}, {"unbindable", MS_UNBINDABLE},
	{"runbindable", MS_UNBINDABLE | MS_REC},
};

struct want {
	unsigned long flags, propagation;
	uint64_t rec_set, rec_clear;
	char data[DATA_MAX]; /* what is left: the file system's own options, comma-separated */
};

static bool known_option(struct want *w, const char *o)
{
	for (size_t i = 0; i < countof(options); i++)
		if (strcmp(o, options[i].name) == 0) {
			w->flags = (w->flags & ~options[i].clear) | options[i].set;
			w->rec_set = (w->rec_set & ~options[i].attr_clear) | options[i].attr_set;
			w->rec_clear |= options[i].attr_clear;
			return true;
		}
	for (size_t i = 0; i < countof(propagations); i++)
		if (strcmp(o, propagations[i].name) == 0) {
			w->propagation = propagations[i].flags;
			return true;
		}
	return false;
}

static int read_options(const struct oci_mount *m, struct want *w, struct err *e)
{
	size_t len = 0;

	*w = (struct want){0};
	for (const char **o = m->options; *o != NULL; o++) {
		if (known_option(w, *o))
			continue;
		int n = snprintf(w->data + len, sizeof(w->data) - len, "%s%s", len > 0 ? "," : "", *o);
		if (n < 0 || (size_t)n >= sizeof(w->data) - len)
			return err_set(e, E_SPEC, "mount '%s': options are too long", m->destination);
		len += (size_t)n;
	}
	if (m->type != NULL && strcmp(m->type, "bind") == 0)
		w->flags |= (w->flags & MS_BIND) != 0 ? 0 : MS_BIND | MS_REC;
	if ((w->flags & MS_BIND) != 0 && len > 0)
		return err_set(e, E_SPEC, "mount '%s': option '%s' is not known", m->destination, w->data);
	return 0;
}

static uint64_t attrs_of(unsigned long flags)
{
	return ((flags & MS_RDONLY) != 0 ? MOUNT_ATTR_RDONLY : 0) | ((flags & MS_NOSUID) != 0 ? MOUNT_ATTR_NOSUID : 0) |
	       ((flags & MS_NODEV) != 0 ? MOUNT_ATTR_NODEV : 0) | ((flags & MS_NOEXEC) != 0 ? MOUNT_ATTR_NOEXEC : 0) |
	       ((flags & MS_NOATIME) != 0 ? MOUNT_ATTR_NOATIME : 0) |
	       ((flags & MS_NODIRATIME) != 0 ? MOUNT_ATTR_NODIRATIME : 0) |
	       ((flags & 256) != 0 ? MOUNT_ATTR_NOSYMFOLLOW : 0);
}

static int set_attrs(int fd, uint64_t set, uint64_t clear, bool recursive)
{
	struct mount_attr a = {.attr_set = set, .attr_clr = clear};

	if (set == 0 && clear == 0)
		return 0;
	/* access times are one value, not bits: to set one the old has to be cleared */
	if ((set & MOUNT_ATTR_NOATIME) != 0)
		a.attr_clr |= MOUNT_ATTR__ATIME;
	return sys_mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a, sizeof(a)) < 0 ? -errno : 0;
}

/* Attach a detached mount at a target's descriptor. */
static int attach(int mnt, int target)
{
	return sys_move_mount(mnt, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ? -errno : 0;
}

/* ---- the root ---- */

static int annotation_rootfs(const struct stage *s, struct sysctr_rootfs *ret)
{
	*ret = s->cfg->rootfs;
	if (ret->lower == NULL) {
		ret->lower = oci_spec_annotation(s->spec, "io.slipway.rootfs.lower");
		ret->upper = oci_spec_annotation(s->spec, "io.slipway.rootfs.upper");
		ret->work = oci_spec_annotation(s->spec, "io.slipway.rootfs.work");
	}
	return ret->lower != NULL;
}

/* A private tmpfs at the mount point with directories for upper and work; the overlay is then mounted over it. */
static int tmpfs_upper(const struct stage *s, const char *spec, char *upper, char *work, size_t size, struct err *e)
{
	char data[128];

	const char *limit = spec[5] == ':' ? spec + 6 : "50%";
	int n = snprintf(data, sizeof(data), "mode=0755,size=%s", limit);
	if (n < 0 || (size_t)n >= sizeof(data))
		return err_set(e, E_SPEC, "io.slipway.rootfs.upper: '%.40s'", spec);
	if (mount("tmpfs", s->mountpoint, "tmpfs", 0, data) < 0)
		return err_set(e, errno, "mount a tmpfs for the writable layer");
	if ((size_t)snprintf(upper, size, "%s/upper", s->mountpoint) >= size ||
	    (size_t)snprintf(work, size, "%s/work", s->mountpoint) >= size)
		return err_set(e, ENAMETOOLONG, "'%s'", s->mountpoint);
	if (mkdir(upper, 0755) < 0 || mkdir(work, 0755) < 0)
		return err_set(e, errno, "make the writable layer");
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

static int overlay_root(struct stage *s, const struct sysctr_rootfs *fs, struct err *e)
{
	char upper[PATH_MAX] = "", work[PATH_MAX] = "";
	int r = 0;

	/* one layer and nothing to write: the layer itself, without an overlay over it */
	if (fs->upper == NULL && strchr(fs->lower, ':') == NULL) {
		owned_fd int tree = sys_open_tree(AT_FDCWD, fs->lower, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (tree < 0)
			return err_set(e, errno, "layer '%s'", fs->lower);
		r = set_attrs(tree, MOUNT_ATTR_RDONLY, 0, /* recursive */ false);
		if (r == 0 && sys_move_mount(tree, "", AT_FDCWD, s->mountpoint, MOVE_MOUNT_F_EMPTY_PATH) < 0)
			r = -errno;
		return r < 0 ? err_set(e, -r, "mount layer '%s'", fs->lower) : 0;
	}
	if (fs->upper != NULL && strncmp(fs->upper, "tmpfs", 5) == 0 && (fs->upper[5] == '\0' || fs->upper[5] == ':'))
		r = tmpfs_upper(s, fs->upper, upper, work, sizeof(upper), e);
	else if (fs->upper != NULL && fs->work != NULL)
		(void)(snprintf(upper, sizeof(upper), "%s", fs->upper) + snprintf(work, sizeof(work), "%s", fs->work));
	if (r < 0)
		return r;
	owned_fd int ctx = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	if (ctx < 0)
		return err_set(e, errno, "overlay");
	r = set_lowers(ctx, fs->lower, e);
	if (r == 0 && upper[0] != '\0')
		r = fs_string(ctx, "upperdir", upper, e);
	if (r == 0 && work[0] != '\0')
		r = fs_string(ctx, "workdir", work, e);
	if (r < 0)
		return r;
	if (sys_fsconfig(ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(e, errno, "mount overlay of '%.300s'", fs->lower);
	owned_fd int mnt = sys_fsmount(ctx, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0 || sys_move_mount(mnt, "", AT_FDCWD, s->mountpoint, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "mount overlay at '%s'", s->mountpoint);
	return 0;
}

int mounts_root(struct stage *s, struct err *e)
{
	struct sysctr_rootfs fs;
	unsigned long prop = MS_SLAVE | MS_REC;

	if (s->spec->rootfs_propagation != NULL && s->spec->rootfs_propagation[0] != '\0') {
		prop = 0;
		for (size_t i = 0; i < countof(propagations); i++)
			if (strcmp(s->spec->rootfs_propagation, propagations[i].name) == 0)
				prop = propagations[i].flags;
		if (prop == 0)
			return err_set(e, E_SPEC, "linux.rootfsPropagation: '%s' is not known", s->spec->rootfs_propagation);
	}
	if (mount(NULL, "/", NULL, prop, NULL) < 0)
		return err_set(e, errno, "set propagation of '/'");
	if (annotation_rootfs(s, &fs)) {
		int r = overlay_root(s, &fs, e);
		if (r < 0)
			return r;
	} else {
		owned_fd int tree = sys_open_tree(AT_FDCWD, s->root_path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
		if (tree < 0)
			return err_set(e, errno, "root.path '%s'", s->root_path);
		if (sys_move_mount(tree, "", AT_FDCWD, s->mountpoint, MOVE_MOUNT_F_EMPTY_PATH) < 0)
			return err_set(e, errno, "mount root.path '%s'", s->root_path);
	}
	/* pivot_root wants the new root's parent not to be shared */
	if (mount(NULL, s->mountpoint, NULL, MS_PRIVATE, NULL) < 0)
		return err_set(e, errno, "make the root private");
	s->rootfd = open(s->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return s->rootfd < 0 ? err_set(e, errno, "open the root") : 0;
}

/* ---- mounts ---- */

static int bind_one(struct stage *s, const struct oci_mount *m, const struct want *w, struct err *e)
{
	char source[PATH_MAX];
	struct stat st;

	if (m->source == NULL || m->source[0] == '\0')
		return err_set(e, E_SPEC, "mount '%s': source is missing", m->destination);
	int n = m->source[0] == '/' ? snprintf(source, sizeof(source), "%s", m->source)
				    : snprintf(source, sizeof(source), "%s/%s", s->cfg->bundle, m->source);
	if (n < 0 || (size_t)n >= sizeof(source))
		return err_set(e, ENAMETOOLONG, "mount '%s'", m->destination);
	bool rec = (w->flags & MS_REC) != 0;
	owned_fd int tree = sys_open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (rec ? AT_RECURSIVE : 0));
	if (tree < 0 || fstat(tree, &st) < 0)
		return err_set(e, errno, "bind source '%s'", source);
	owned_fd int target = S_ISDIR(st.st_mode) ? path_mkdir_in(s->rootfd, m->destination, 0755, e)
						  : path_touch_in(s->rootfd, m->destination, 0644, e);
	if (target < 0)
		return target;
	int r = set_attrs(tree, attrs_of(w->flags), 0, /* recursive */ false);
	if (r == 0)
		r = set_attrs(tree, w->rec_set, w->rec_clear, /* recursive */ true);
	if (r == 0)
		r = attach(tree, target);
	return r < 0 ? err_set(e, -r, "bind '%s'", source) : 0;
}

/* proc and sysfs belong at their places only, and only on real directories: a link there would move them (CVE-2019-19921). */
static int check_special(struct stage *s, const struct oci_mount *m, struct err *e)
{
	struct stat st;

	if (strcmp(m->type, "proc") != 0 && strcmp(m->type, "sysfs") != 0)
		return 0;
	owned_fd int fd = openat(s->rootfd, m->destination + strspn(m->destination, "/"), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode)))
		return err_set(e, E_SPEC, "'%s' of the root file system is not a directory", m->destination);
	return 0;
}

static int fs_one(struct stage *s, const struct oci_mount *m, const struct want *w, struct err *e)
{
	char link[32];

	if (m->type == NULL || m->type[0] == '\0')
		return err_set(e, E_SPEC, "mount '%s': type is missing", m->destination);
	int r = check_special(s, m, e);
	if (r < 0)
		return r;
	owned_fd int target = path_mkdir_in(s->rootfd, m->destination, 0755, e);
	if (target < 0)
		return target;
	bool is_cgroup = strcmp(m->type, "cgroup") == 0;
	const char *type = is_cgroup ? "cgroup2" : m->type;
	const char *source = m->source != NULL ? m->source : type;
	const char *data = is_cgroup || w->data[0] == '\0' ? NULL : w->data;
	if (mount(source, path_of_fd(target, link), type, w->flags, data) == 0)
		return 0;
	/* without a network or cgroup namespace of its own a user namespace may not mount these: bind the host's */
	if (errno == EPERM && (strcmp(type, "sysfs") == 0 || is_cgroup)) {
		struct oci_mount b = *m;
		struct want bw = {.flags = MS_BIND | MS_REC | (w->flags & ~(unsigned long)MS_REC), .rec_set = attrs_of(w->flags)};
		b.source = is_cgroup ? "/sys/fs/cgroup" : "/sys";
		return bind_one(s, &b, &bw, e);
	}
	return err_set(e, errno, "mount %s", type);
}

static int propagate(struct stage *s, const struct oci_mount *m, unsigned long how, struct err *e)
{
	char link[32];

	owned_fd int fd = path_open_in(s->rootfd, m->destination, O_PATH, 0, e);
	if (fd < 0)
		return fd;
	if (mount(NULL, path_of_fd(fd, link), NULL, how, NULL) < 0)
		return err_set(e, errno, "set propagation");
	return 0;
}

int mounts_all(struct stage *s, struct err *e)
{
	static struct want w;

	for (size_t i = 0; i < s->spec->mount_count; i++) {
		const struct oci_mount *m = &s->spec->mounts[i];
		int r = read_options(m, &w, e);
		if (r < 0)
			return r;
		r = (w.flags & MS_BIND) != 0 ? bind_one(s, m, &w, e) : fs_one(s, m, &w, e);
		if (r == 0 && w.propagation != 0)
			r = propagate(s, m, w.propagation, e);
		if (r < 0)
			return err_wrap(e, r, "mount '%s'", m->destination);
	}
	return 0;
}

/* ---- masked and read-only paths ---- */

/* The host's null device, proven to be it (CVE-2025-31133). */
static int open_null(struct err *e)
{
	struct stat st;

	owned_fd int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '/dev/null'");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(e, EINVAL, "'/dev/null' is not the null device");
	return take_fd(fd);
}

static int mask_one(struct stage *s, const char *path, struct err *e)
{
	struct stat st;
	char link[32];

	owned_fd int fd = path_open_in(s->rootfd, path, O_PATH, 0, NULL);
	if (fd < 0)
		return 0; /* nothing to hide */
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "mask '%s'", path);
	if (S_ISDIR(st.st_mode)) {
		if (mount("tmpfs", path_of_fd(fd, link), "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "nr_inodes=1,size=4k") < 0)
			return err_set(e, errno, "mask '%s'", path);
		return 0;
	}
	owned_fd int null = open_null(e);
	if (null < 0)
		return null;
	owned_fd int tree = sys_open_tree(null, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	int r = tree < 0 ? -errno : attach(tree, fd);
	return r < 0 ? err_set(e, -r, "mask '%s'", path) : 0;
}

static int readonly_one(struct stage *s, const char *path, struct err *e)
{
	owned_fd int fd = path_open_in(s->rootfd, path, O_PATH, 0, NULL);
	if (fd < 0)
		return 0;
	owned_fd int tree = sys_open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	int r = tree < 0 ? -errno : set_attrs(tree, MOUNT_ATTR_RDONLY, 0, /* recursive */ true);
	if (r == 0)
		r = attach(tree, fd);
	return r < 0 ? err_set(e, -r, "make '%s' read-only", path) : 0;
}

int mounts_paths(struct stage *s, struct err *e)
{
	int r = 0;

	for (const char **p = s->spec->readonly_paths; r == 0 && p != NULL && *p != NULL; p++)
		r = readonly_one(s, *p, e);
	for (const char **p = s->spec->masked_paths; r == 0 && p != NULL && *p != NULL; p++)
		r = mask_one(s, *p, e);
	return r;
}

int mounts_enter(struct stage *s, struct err *e)
{
	if (s->spec->root_readonly) {
		owned_fd int fd = open(s->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
		int r = fd < 0 ? -errno : set_attrs(fd, MOUNT_ATTR_RDONLY, 0, /* recursive */ false);
		if (r < 0)
			return err_set(e, -r, "make the root read-only");
	}
	if (fchdir(s->rootfd) < 0)
		return err_set(e, errno, "enter the root");
	if (s->no_pivot) {
		if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
			return err_set(e, errno, "move the root");
	} else {
		/* the old root ends up over the new one and is taken away: no directory is needed for it */
		if (sys_pivot_root(".", ".") < 0)
			return err_set(e, errno, "pivot_root");
		if (umount2(".", MNT_DETACH) < 0)
			return err_set(e, errno, "unmount the old root");
	}
	return chdir("/") < 0 ? err_set(e, errno, "enter '/'") : 0;
}
