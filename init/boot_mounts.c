// SPDX-License-Identifier: Apache-2.0
/* The kernel's file systems, and cgroups with every controller passed on. What is mounted already stays. */
#include "init/boot.h"
#include "init/pid1.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef MQUEUE_MAGIC
#define MQUEUE_MAGIC 0x19800202
#endif

#define HARDENED (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static const struct base_mount {
	const char *fstype, *target, *options;
	unsigned long flags;
	unsigned long magic;
	bool is_optional; /* the system works without it; said in the log */
} base_mounts[] = {
	{"proc", "/proc", NULL, HARDENED, PROC_SUPER_MAGIC, false},
	{"sysfs", "/sys", NULL, HARDENED, SYSFS_MAGIC, false},
	{"devtmpfs", "/dev", "mode=0755", MS_NOSUID, TMPFS_MAGIC, false},
	{"devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666", MS_NOSUID | MS_NOEXEC, DEVPTS_SUPER_MAGIC, true},
	{"tmpfs", "/dev/shm", "mode=1777", HARDENED, TMPFS_MAGIC, true},
	{"mqueue", "/dev/mqueue", NULL, HARDENED, MQUEUE_MAGIC, true},
	{"tmpfs", "/run", "mode=0755", MS_NOSUID | MS_NODEV, TMPFS_MAGIC, false},
	{"tmpfs", "/tmp", "mode=1777", MS_NOSUID | MS_NODEV, TMPFS_MAGIC, true},
	{"cgroup2", "/sys/fs/cgroup", "nsdelegate,memory_recursiveprot", HARDENED, CGROUP2_SUPER_MAGIC, false},
};

/* Is this very directory the root of a mount of that kind? */
static bool is_mounted(const struct base_mount *m)
{
	char parent[64];
	struct stat here, above;
	struct statfs fs;

	(void)snprintf(parent, sizeof(parent), "%s/..", m->target); /* fits */
	return statfs(m->target, &fs) == 0 && (unsigned long)fs.f_type == m->magic && stat(m->target, &here) == 0 &&
	       stat(parent, &above) == 0 && here.st_dev != above.st_dev;
}

static int mount_one(const struct base_mount *m, struct err *e)
{
	if (is_mounted(m))
		return 0;
	if (mkdir(m->target, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "make directory '%s'", m->target);
	if (mount(m->fstype, m->target, m->fstype, m->flags, m->options) == 0)
		return 0;
	if (errno == EINVAL && mount(m->fstype, m->target, m->fstype, m->flags, NULL) == 0)
		return 0; /* a kernel that lacks an option of ours */
	return err_set(e, errno, "mount %s on '%s'", m->fstype, m->target);
}

/* One controller per write: one that cannot be passed on does not keep the others. */
static void delegate(const char *cgroup)
{
	char path[PATH_TEXT_MAX], names[256];
	struct err e;

	(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", cgroup); /* fits */
	owned_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, names, sizeof(names) - 1) : -1;
	names[n > 0 ? n : 0] = '\0';
	(void)snprintf(path, sizeof(path), "%s/cgroup.subtree_control", cgroup); /* fits */
	for (char *w = names; *w != '\0';) {
		char add[40];
		size_t len = strcspn(w, " \n");
		if (len > 0 && len < sizeof(add) - 2) {
			(void)snprintf(add, sizeof(add), "+%.*s", (int)len, w); /* fits */
			if (file_write_at(AT_FDCWD, path, add, &e) < 0)
				log_warn("slipway", "delegate cgroup controller: %s", e.msg);
		}
		w += len;
		w += strspn(w, " \n");
	}
}

static void make_links(void)
{
	static const char *const links[][2] = {
		{"/proc/self/fd", "/dev/fd"},
		{"/proc/self/fd/0", "/dev/stdin"},
		{"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"},
	};

	for (size_t i = 0; i < countof(links); i++)
		if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
			log_warn("slipway", "link '%s': %s", links[i][1], strerror(errno));
}

int boot_mounts(void *ctx, struct err *e)
{
	(void)ctx;
	for (size_t i = 0; i < countof(base_mounts); i++) {
		int r = mount_one(&base_mounts[i], e);
		if (r < 0 && !base_mounts[i].is_optional)
			return r;
	}
	make_links();
	if (mkdir("/sys/fs/cgroup/system", 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "make cgroup 'system'");
	delegate("/sys/fs/cgroup");
	delegate("/sys/fs/cgroup/system");
	return 0;
}
