// SPDX-License-Identifier: Apache-2.0
/* The container's mounts, in its own mount namespace. Targets are found by descriptor below the root, never by a joined
 * path; bind mounts are prepared detached and attached complete, so no one sees them half-configured. */
#include "sysctr/mounts.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/oci_spec.h"
#include "lib/sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <linux/magic.h>

static int set_idmap(struct stage *s, int tree, const struct oci_mount *m, const struct want *w, struct err *e)
{
	owned_fd int userns = m->uid_map_count > 0 ? userns_make(m->uid_maps, m->uid_map_count, m->gid_maps, m->gid_map_count, e)
						   : userns_of_container(s, e);
	struct mount_attr a = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};

	if (userns < 0)
		return userns;
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH | (w->idmap == IDMAP_REC ? AT_RECURSIVE : 0), &a, sizeof(a)) < 0)
		return err_set(e, errno, "map ids of '%s'", m->source);
	return 0;
}

int bind_tree(struct stage *s, const struct oci_mount *m, const struct want *w, struct err *e)
{
	char source[PATH_MAX];
	bool rec = (w->flags & MS_REC) != 0;

	if (m->source == NULL || m->source[0] == '\0')
		return err_set(e, E_SPEC, "source is missing");
	int n = m->source[0] == '/' ? snprintf(source, sizeof(source), "%s", m->source)
				    : snprintf(source, sizeof(source), "%s/%s", s->cfg->bundle, m->source);
	if (n < 0 || (size_t)n >= sizeof(source))
		return err_set(e, ENAMETOOLONG, "source");
	owned_fd int tree = sys_open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (rec ? AT_RECURSIVE : 0));
	if (tree < 0)
		return err_set(e, errno, "bind source '%s'", source);
	int r = mount_attrs(tree, w->set, w->clear, /* recursive */ false);
	if (r == 0)
		r = mount_attrs(tree, w->rec_set, w->rec_clear, /* recursive */ true);
	if (r < 0)
		return err_set(e, -r, "set options of '%s'", source);
	if (w->idmap != IDMAP_NONE && (r = set_idmap(s, tree, m, w, e)) < 0)
		return r;
	return take_fd(tree);
}

/* Nothing may take the place of /proc but procfs, and inside it only what other runtimes let programs like lxcfs put there:
 * what is written to /proc by the runtime or for its security has to land there (CVE-2019-16884, CVE-2023-27561). */
static int guard_proc(struct stage *s, const struct oci_mount *m, int target, int source, struct err *e)
{
	static const char *const allowed[] = {
		"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg",
		"/proc/slabinfo", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
	};
	struct stat st, proc;
	struct statfs fs;

	if (fstatfs(target, &fs) < 0)
		return err_set(e, errno, "mount target");
	bool is_inside = fs.f_type == PROC_SUPER_MAGIC;
	/* once procfs is there, whatever leads below it is inside */
	bool is_top = !s->proc_is_mounted && fstat(target, &st) == 0 && fstatat(s->rootfd, "proc", &proc, AT_SYMLINK_NOFOLLOW) == 0 &&
		      proc.st_dev == st.st_dev && proc.st_ino == st.st_ino;
	if ((!is_inside && !is_top) || (source >= 0 && fstatfs(source, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC))
		return 0;
	for (size_t i = 0; is_inside && !is_top && i < countof(allowed); i++)
		if (strcmp(m->destination, allowed[i]) == 0)
			return 0;
	return err_set(e, E_SPEC, "only procfs may be mounted on or below '/proc'");
}

static int bind_one(struct stage *s, const struct oci_mount *m, const struct want *w, int prepared, struct err *e)
{
	struct stat st;

	stage_fd int tree = prepared >= 0 ? prepared : bind_tree(s, m, w, e);
	if (tree < 0)
		return tree;
	if (fstat(tree, &st) < 0)
		return err_set(e, errno, "bind source '%s'", m->source);
	stage_fd int target = S_ISDIR(st.st_mode) ? path_mkdir_in(s->rootfd, m->destination, 0755, e)
						  : path_touch_in(s->rootfd, m->destination, 0644, e);
	if (target < 0)
		return target;
	int r = guard_proc(s, m, target, tree, e);
	if (r < 0)
		return r;
	r = mount_attach(tree, target);
	return r < 0 ? err_set(e, -r, "bind '%s'", m->source) : 0;
}

/* proc and sysfs belong at their places only, and only on real directories: a link there would move them (CVE-2019-19921).
 * Elsewhere links are followed; only a path without any can be told from its words not to lead into /proc. */
static int fs_target(struct stage *s, const struct oci_mount *m, struct err *e)
{
	bool is_special = strcmp(m->type, "proc") == 0 || strcmp(m->type, "sysfs") == 0;
	bool may_be_proc = strncmp(m->destination + strspn(m->destination, "/."), "proc", 4) == 0 || strstr(m->destination, "..") != NULL;

	int plain = path_mkdir_plain_in(s->rootfd, m->destination, 0755);
	if (is_special && (plain == -ELOOP || plain == -ENOTDIR))
		return err_set(e, E_SPEC, "'%s' of the root file system is not a directory", m->destination);
	if (plain >= 0 && !may_be_proc)
		return plain;
	stage_fd int target = plain >= 0 ? plain : path_mkdir_in(s->rootfd, m->destination, 0755, e);
	int r = target < 0 || strcmp(m->type, "proc") == 0 ? target : guard_proc(s, m, target, -1, e);
	return r < 0 ? r : take_fd(target);
}

/* The container's own cgroup as a bind mount: where it has no cgroup namespace a mount of its own would show the host's. */
static int bind_cgroup(struct stage *s, const struct oci_mount *m, const struct want *w, struct err *e)
{
	struct oci_mount b = *m;
	struct want bw = *w;
	char path[PATH_MAX];

	const char *base = cgroup_mountpoint();
	if (base == NULL)
		return err_say(e, EOPNOTSUPP, "this host has no cgroup v2");
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", base, s->cgroup) >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "cgroup");
	b.source = path;
	bw.flags = MS_BIND;
	return bind_one(s, &b, &bw, -1, e);
}

static int mount_copied(int target, const struct want *w, struct err *e)
{
	char data[MOUNT_DATA_MAX], *save = NULL;

	owned_fd int ctx = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (ctx < 0)
		return err_set(e, errno, "tmpfs");
	memcpy(data, w->data, sizeof(data));
	for (char *o = strtok_r(data, ",", &save); o != NULL; o = strtok_r(NULL, ",", &save)) {
		char *value = strchr(o, '=');
		if (value != NULL)
			*value++ = '\0';
		if (sys_fsconfig(ctx, value != NULL ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, o, value, 0) < 0)
			return err_set(e, errno, "option '%s'", o);
	}
	if (sys_fsconfig(ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(e, errno, "make the tmpfs");
	owned_fd int mnt = sys_fsmount(ctx, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0)
		return err_set(e, errno, "make the tmpfs");
	int r = copy_up(target, mnt, e);
	if (r < 0)
		return err_wrap(e, r, "tmpcopyup");
	r = mount_attrs(mnt, w->set, w->clear, /* recursive */ false);
	if (r == 0)
		r = mount_attach(mnt, target);
	return r < 0 ? err_set(e, -r, "attach the tmpfs") : 0;
}

static int fs_one(struct stage *s, const struct oci_mount *m, const struct want *w, struct err *e)
{
	char link[32], label[MOUNT_DATA_MAX];

	if (m->type == NULL || m->type[0] == '\0')
		return err_set(e, E_SPEC, "type is missing");
	bool is_cgroup = strcmp(m->type, "cgroup") == 0 || strcmp(m->type, "cgroup2") == 0;
	if (is_cgroup && !s->has_cgroupns)
		return bind_cgroup(s, m, w, e);
	stage_fd int target = fs_target(s, m, e);
	if (target < 0)
		return target;
	if (w->want_copy)
		return mount_copied(target, w, e);
	const char *type = is_cgroup ? "cgroup2" : m->type;
	const char *source = m->source != NULL ? m->source : type;
	const char *data = is_cgroup || w->data[0] == '\0' ? NULL : w->data;
	if (s->spec->mount_label != NULL && s->spec->mount_label[0] != '\0' && strcmp(type, "proc") != 0 && strcmp(type, "sysfs") != 0) {
		int n = snprintf(label, sizeof(label), "%s%scontext=\"%s\"", data != NULL ? data : "", data != NULL ? "," : "",
				 s->spec->mount_label);
		if (n < 0 || (size_t)n >= sizeof(label))
			return err_set(e, E_SPEC, "linux.mountLabel is too long");
		data = label;
	}
	if (mount(source, path_of_fd(target, link), type, w->flags, data) == 0) {
		s->proc_is_mounted |= strcmp(type, "proc") == 0;
		return 0;
	}
	int why = errno;
	/* without a network namespace of its own a user namespace may not mount this: bind the host's */
	if (why == EPERM && strcmp(type, "sysfs") == 0) {
		struct oci_mount b = *m;
		struct want bw = {.flags = MS_BIND | MS_REC, .rec_set = w->set};
		b.source = "/sys";
		return bind_one(s, &b, &bw, -1, e);
	}
	return why == EPERM && is_cgroup ? bind_cgroup(s, m, w, e) : err_set(e, why, "mount %s", type);
}

/* Options and propagation of what is there already. */
static int change_one(struct stage *s, const struct oci_mount *m, const struct want *w, struct err *e)
{
	char link[32];

	stage_fd int fd = path_open_in(s->rootfd, m->destination, O_PATH, 0, e);
	if (fd < 0)
		return fd;
	if ((w->flags & MS_REMOUNT) != 0 && mount(NULL, path_of_fd(fd, link), NULL, w->flags, w->data[0] != '\0' ? w->data : NULL) < 0)
		return err_set(e, errno, "remount");
	if (w->propagation != 0 && mount(NULL, path_of_fd(fd, link), NULL, w->propagation, NULL) < 0)
		return err_set(e, errno, "set propagation");
	return 0;
}

static int one(struct stage *s, const struct oci_mount *m, const struct want *w, int prepared, struct err *e)
{
	int r = 0;

	if ((w->flags & MS_REMOUNT) != 0)
		return change_one(s, m, w, e);
	r = (w->flags & MS_BIND) != 0 ? bind_one(s, m, w, prepared, e) : fs_one(s, m, w, e);
	return r == 0 && w->propagation != 0 ? change_one(s, m, w, e) : r;
}

/* The socket of whoever waits for READY=1, at a place of its own. */
static int bind_notify(struct stage *s, struct want *w, struct err *e)
{
	struct oci_mount m = {.destination = NOTIFY_INSIDE, .source = s->cfg->notify_socket};

	*w = (struct want){.flags = MS_BIND};
	int r = bind_one(s, &m, w, -1, e);
	return r < 0 ? err_wrap(e, r, "NOTIFY_SOCKET at '" NOTIFY_INSIDE "'") : 0;
}

int mounts_all(struct stage *s, struct err *e)
{
	static struct want w;

	for (size_t i = 0; i < s->spec->mount_count; i++) {
		const struct oci_mount *m = &s->spec->mounts[i];
		int r = mount_options(m, &w, e);
		if (r == 0)
			r = one(s, m, &w, s->trees != NULL ? s->trees[i] : -1, e);
		if (r < 0)
			return err_wrap(e, r, "mount '%s'", m->destination);
	}
	return s->cfg->notify_socket != NULL ? bind_notify(s, &w, e) : 0;
}

/* A mount from outside must not carry what is mounted below it back there, unless that was asked for. */
static int cut_off(int tree, const struct want *w)
{
	struct mount_attr a = {.propagation = MS_SLAVE};

	if (w != NULL && (w->propagation & MS_SHARED) != 0)
		return 0;
	return sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &a, sizeof(a)) < 0 ? -errno : 0;
}

int mounts_prepare(struct stage *s, int *trees, struct err *e)
{
	static struct want w;
	size_t n = s->spec->mount_count;

	s->trees = trees;
	for (size_t i = 0; i < n; i++) {
		const struct oci_mount *m = &s->spec->mounts[i];
		int r = mount_options(m, &w, e);
		if (r == 0 && (w.flags & MS_BIND) != 0 && (w.flags & MS_REMOUNT) == 0)
			r = trees[i] = bind_tree(s, m, &w, e);
		if (r >= 0 && trees[i] >= 0 && (r = cut_off(trees[i], &w)) < 0)
			r = err_set(e, -r, "set propagation");
		if (r < 0)
			return err_wrap(e, r, "mount '%s'", m->destination);
	}
	if (s->cfg->rootfs.lower != NULL || oci_spec_annotation(s->spec, "io.slipway.rootfs.lower") != NULL)
		return 0;
	trees[n] = root_tree(s, e);
	int r = trees[n] < 0 ? trees[n] : cut_off(trees[n], NULL);
	return r < 0 && trees[n] >= 0 ? err_set(e, -r, "root.path '%s'", s->root_path) : r;
}

bool mounts_need_idmap(const struct oci_spec *spec)
{
	for (size_t i = 0; i < spec->mount_count; i++) {
		if (spec->mounts[i].uid_map_count > 0)
			return true;
		for (const char **o = spec->mounts[i].options; *o != NULL; o++)
			if (strcmp(*o, "idmap") == 0 || strcmp(*o, "ridmap") == 0)
				return true;
	}
	return false;
}
