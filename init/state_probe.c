// SPDX-License-Identifier: Apache-2.0
/* Runs in a child with a deadline: a sick disk may block any of these calls for ever. */
#include "init/state_probe.h"

#include "init/boot_clock.h"
#include "init/fsmount.h"
#include "init/limits.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/superblock.h"
#include "lib/sys/path.h"
#include "lib/sys/syscalls.h"
#include "lib/sys/unixsock.h"

#include <dirent.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DEVICES_MAX 256

const struct state_dir state_dirs[STATE_DIRS] = {
	{"var/lib/slipway", 0700}, {"var/lib/userctr", 0700}, {"var/log", 0755}, {"home", 0755}, {"opt", 0755},
};

static const char *const default_specs[] = {"LABEL=SLIPWAY_STATE", "LABEL=RANCHER_STATE"};

struct found {
	unsigned rank; /* index into default_specs, or 0; lower is better */
	char device[64];
	struct superblock sb;
	char twin[64]; /* another device that answers as well */
};

static int read_superblock(const char *device, struct superblock *ret, struct err *e)
{
	unsigned char bytes[SUPERBLOCK_BYTES];

	owned_fd int fd = open(device, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", device);
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);
	if (n < 0)
		return err_set(e, errno, "read '%s'", device);
	if (!superblock_parse(bytes, (size_t)n, ret))
		return err_say(e, E_SPEC, "'%s' holds no file system that can keep state (ext4, vfat)", device);
	return 0;
}

static bool is_candidate(const char *name)
{
	static const char *const never[] = {".", "loop", "ram", "zram", "fd", "sr", "mtdblock"};

	for (size_t i = 0; i < countof(never); i++)
		if (strncmp(name, never[i], strlen(never[i])) == 0)
			return false;
	return strlen(name) < 40;
}

static void consider(const struct state_want *want, const char *name, struct found *best)
{
	struct superblock sb;
	char device[64];

	(void)snprintf(device, sizeof(device), "/dev/%s", name); /* is_candidate() bounds it */
	for (char *c = device + 5; *c != '\0'; c++)
		if (*c == '!') /* sysfs's spelling of a slash */
			*c = '/';
	if (read_superblock(device, &sb, NULL) < 0)
		return;
	const char *const *specs = default_specs;
	const char *one = want->spec;
	unsigned count = countof(default_specs);
	if (want->spec[0] != '\0') {
		specs = &one;
		count = 1;
	}
	for (unsigned rank = 0; rank < count; rank++) {
		if (!superblock_matches(&sb, specs[rank]))
			continue;
		bool is_better = best->device[0] == '\0' || rank < best->rank ||
				 (rank == best->rank && strcmp(device, best->device) < 0);
		if (best->device[0] != '\0' && rank == best->rank)
			memcpy(best->twin, is_better ? best->device : device, sizeof(best->twin));
		if (is_better) {
			best->rank = rank;
			best->sb = sb;
			memcpy(best->device, device, sizeof(device));
		}
		return;
	}
}

struct dirent64_head {
	uint64_t ino;
	int64_t off;
	unsigned short len;
	unsigned char type;
	char name[];
};

static void scan(const struct state_want *want, struct found *best)
{
	_Alignas(8) char entries[4096];
	unsigned seen = 0;

	owned_fd int dir = open("/sys/class/block", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	for (;;) {
		long n = syscall(SYS_getdents64, dir, entries, sizeof(entries));
		if (n <= 0)
			return;
		for (long at = 0; at < n;) {
			const struct dirent64_head *d = (const void *)(entries + at);
			at += d->len;
			if (is_candidate(d->name) && seen++ < DEVICES_MAX)
				consider(want, d->name, best);
		}
	}
}

/* One attempt. Returns -ENODEV while there is no such partition. */
static int find(const struct state_want *want, struct found *ret, struct err *e)
{
	*ret = (struct found){0};
	if (want->spec[0] == '/') {
		struct stat st;
		if (stat(want->spec, &st) < 0)
			return err_say(e, ENODEV, "no device '%s'", want->spec);
		if (!S_ISBLK(st.st_mode))
			return err_say(e, ENOTBLK, "'%s' is not a block device", want->spec);
		memcpy(ret->device, want->spec, sizeof(ret->device));
		if (strcmp(want->fstype, "auto") != 0)
			return 0; /* the mount will tell */
		return read_superblock(want->spec, &ret->sb, e);
	}
	scan(want, ret);
	if (ret->device[0] != '\0')
		return 0;
	if (want->spec[0] == '\0')
		return err_say(e, ENODEV, "no partition has the label SLIPWAY_STATE");
	return err_say(e, ENODEV, "no partition has %s", want->spec);
}

/* A socket that receives something when the kernel finds another device; receiving gives up after a second, because
 * a node may come later than its event. */
static int device_events(void)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = 1};

	struct timeval second = {.tv_sec = 1};

	owned_fd int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)) < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	return take_fd(fd);
}

static int find_in_time(const struct state_want *want, struct found *ret, struct err *e)
{
	int64_t due = clock_mono_ms() + want->wait_ms;
	char drop[2048];

	owned_fd int events = want->wait_ms > 0 ? device_events() : -1;
	for (;;) {
		int r = find(want, ret, e);
		if (r != -ENODEV || clock_mono_ms() >= due || events < 0)
			return r;
		int flags = 0; /* the first event is waited for, the others of its kind are taken along */
		while (recv(events, drop, sizeof(drop), flags) > 0)
			flags = MSG_DONTWAIT;
	}
}

/* Kernels before 6.15 clone no part of a mount that is attached nowhere. So it is attached in a mount namespace of this
 * process alone, which ends with it; the clones that PID 1 gets live on. */
static int settle(int mnt, struct err *e)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(e, errno, "make a mount namespace for the probe");
	return fsmount_attach(mnt, "/run", e);
}

/* Detached clones of the state's root (state.directory, when given) and of each directory that is kept in it. */
static int make_parts(const struct state_want *want, int mnt, int fds[STATE_FDS], struct err *e)
{
	int r = settle(mnt, e);
	if (r < 0)
		return r;
	owned_fd int root = path_mkdir_in(mnt, want->directory, 0755, e);
	if (root < 0)
		return root;
	fds[0] = sys_open_tree(root, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fds[0] < 0)
		return err_set(e, errno, "use directory '/%s' of the state", want->directory);
	for (int i = 0; i < STATE_DIRS; i++) {
		owned_fd int dir = path_mkdir_in(root, state_dirs[i].path, state_dirs[i].mode, e);
		if (dir < 0)
			return dir;
		fds[1 + i] = sys_open_tree(dir, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (fds[1 + i] < 0)
			return err_set(e, errno, "bind '%s'", state_dirs[i].path);
	}
	return 0;
}

static int64_t read_stamp(int root)
{
	struct stat st;

	owned_fd int fd = path_open_in(root, CLOCK_STAMP, O_PATH | O_NOFOLLOW, 0, NULL);
	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_mtim.tv_sec : 0;
}

static int mount_state(const struct state_want *want, struct state_report *m, int fds[STATE_FDS], struct err *e)
{
	struct found f;
	int r = 0;

	if (want->is_memory) {
		static const struct fsmount_option opts[] = {{"mode", "0755"}, {NULL, NULL}};
		owned_fd int memory = fsmount_new("tmpfs", NULL, opts, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, e);
		return memory < 0 ? memory : make_parts(want, memory, fds, e);
	}
	r = find_in_time(want, &f, e);
	(void)snprintf(m->device, sizeof(m->device), "%s", f.device); /* same size */
	if (r < 0)
		return r;
	const char *fstype = strcmp(want->fstype, "auto") == 0 ? f.sb.fstype : want->fstype;
	(void)snprintf(m->fstype, sizeof(m->fstype), "%s", fstype); /* fits */
	if (f.twin[0] != '\0')
		(void)snprintf(m->msg, sizeof(m->msg), "'%s' answers too and is not used", f.twin); /* fits */
	/* no MOUNT_ATTR_NOSUID: userctr's layers live there, and setuid programs of images must work in containers */
	owned_fd int root = fsmount_new(fstype, f.device, NULL, 0, e);
	if (root < 0)
		return root;
	r = make_parts(want, root, fds, e);
	if (r == 0)
		m->stamp_s = read_stamp(fds[0]);
	return r;
}

_Noreturn void state_probe(const struct state_want *want, int sock)
{
	struct state_report m = {0};
	int fds[STATE_FDS] = {-1, -1, -1, -1, -1, -1};
	struct err e = {0};

	int r = mount_state(want, &m, fds, &e);
	if (r < 0) {
		m.code = e.code;
		memcpy(m.msg, e.msg, sizeof(m.msg) - 1); /* may be cut */
	}
	ssize_t n = unixsock_send(sock, &m, sizeof(m), fds, r < 0 ? 0 : STATE_FDS, 0);
	_exit(n < 0 ? 1 : 0);
}
