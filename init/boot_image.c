// SPDX-License-Identifier: Apache-2.0
/* The system image becomes the root: mounted read-only through a loop device, moved over /, chroot. A real mount at /
 * is what pivot_root(2) in containers needs. The initramfs is emptied behind us; the image's blocks stay with the
 * loop device, and with the last mount of it they go (autoclear). */
#include "init/boot.h"
#include "init/fsmount.h"
#include "init/pid1.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/syscalls.h"

#include <linux/loop.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define IMAGE	"/system.erofs"
#define SYSROOT "/sysroot"
#define TRIES	8 /* another loop user may take the free device first */
#define DEPTH_MAX 16

static const char *const moved[] = {"/proc", "/sys", "/dev", "/run", "/tmp"};

/* Returns the open loop device; its name is in path. */
static int attach_loop(int image, char path[PATH_TEXT_MAX], struct err *e)
{
	struct loop_config c = {.fd = (uint32_t)image, .info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR};

	owned_fd int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return err_set(e, errno, "open '/dev/loop-control'");
	memcpy(c.info.lo_file_name, IMAGE, sizeof(IMAGE));
	for (int i = 0; i < TRIES; i++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);
		if (n < 0)
			return err_set(e, errno, "find a free loop device");
		(void)snprintf(path, PATH_TEXT_MAX, "/dev/loop%d", n); /* fits */
		owned_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_set(e, errno, "open '%s'", path);
		if (ioctl(fd, LOOP_CONFIGURE, &c) == 0)
			return take_fd(fd);
		if (errno != EBUSY)
			return err_set(e, errno, "attach '%s' to '%s'", IMAGE, path);
	}
	return err_set(e, EBUSY, "find a free loop device");
}

static int mount_image(struct err *e)
{
	static const struct fsmount_option opts[] = {{"ro", NULL}, {NULL, NULL}};
	char path[PATH_TEXT_MAX];

	owned_fd int image = open(IMAGE, O_RDONLY | O_CLOEXEC);
	if (image < 0)
		return err_set(e, errno, "open '%s'", IMAGE);
	/* kept open until the mount holds it: autoclear counts openers */
	owned_fd int loop = attach_loop(image, path, e);
	if (loop < 0)
		return loop;
	owned_fd int fd = fsmount_new("erofs", path, opts, MOUNT_ATTR_RDONLY, e);
	if (fd < 0)
		return err_wrap(e, fd, "image '%s'", IMAGE);
	if (mkdir(SYSROOT, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "make directory '%s'", SYSROOT);
	return fsmount_attach(fd, SYSROOT, e);
}

/* The working directory is the image, wherever that is. */
static int move_mounts(struct err *e)
{
	char to[PATH_TEXT_MAX];

	for (size_t i = 0; i < countof(moved); i++) {
		(void)snprintf(to, sizeof(to), ".%s", moved[i]); /* fits */
		if (mount(moved[i], to, NULL, MS_MOVE, NULL) < 0 && errno != EINVAL)
			return err_set(e, errno, "move '%s' into the image", moved[i]);
	}
	return 0;
}

/* The emergency console needs them where they were. */
static void move_back(void)
{
	char from[PATH_TEXT_MAX];

	for (size_t i = 0; i < countof(moved); i++) {
		(void)snprintf(from, sizeof(from), ".%s", moved[i]); /* fits */
		(void)mount(from, moved[i], NULL, MS_MOVE, NULL);    /* fails for those that were not moved */
	}
}

static int enter_image(struct err *e)
{
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
		return err_set(e, errno, "make the image the root");
	if (chroot(".") < 0 || chdir("/") < 0)
		return err_set(e, errno, "enter the image");
	return 0;
}

static int switch_root(struct err *e)
{
	if (chdir(SYSROOT) < 0)
		return err_set(e, errno, "enter '%s'", SYSROOT);
	int r = move_mounts(e);
	if (r == 0)
		r = enter_image(e);
	if (r < 0) {
		move_back();
		(void)chdir("/"); /* where it came from */
	}
	return r;
}

struct dirent64_head {
	uint64_t ino;
	int64_t off;
	unsigned short len;
	unsigned char type;
	char name[];
};

/* rm -rf that stays on its file system. Best effort: what stays costs memory and nothing else. */
static void empty(int dir, dev_t dev, unsigned depth)
{
	_Alignas(8) char entries[1024];
	struct stat st;

	for (;;) {
		long n = syscall(SYS_getdents64, dir, entries, sizeof(entries));
		if (n <= 0)
			return;
		for (long at = 0; at < n;) {
			const struct dirent64_head *d = (const void *)(entries + at);
			at += d->len;
			if (strcmp(d->name, ".") == 0 || strcmp(d->name, "..") == 0)
				continue;
			if (unlinkat(dir, d->name, 0) == 0 || depth == DEPTH_MAX)
				continue;
			owned_fd int sub = openat(dir, d->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (sub < 0 || fstat(sub, &st) < 0 || st.st_dev != dev)
				continue;
			empty(sub, dev, depth + 1);
			(void)unlinkat(dir, d->name, AT_REMOVEDIR); /* see above */
		}
	}
}

/* Only ever a root that lives in memory: this must not be able to empty a disk. */
static bool is_in_memory(int root)
{
	struct statfs fs;

	return fstatfs(root, &fs) == 0 && ((unsigned long)fs.f_type == RAMFS_MAGIC || (unsigned long)fs.f_type == TMPFS_MAGIC);
}

int boot_image(void *ctx, struct err *e)
{
	struct stat st;

	(void)ctx;
	owned_fd int old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (old < 0)
		return err_set(e, errno, "open '/'");
	int r = mount_image(e);
	if (r == 0)
		r = switch_root(e);
	if (r < 0)
		return r;
	if (is_in_memory(old) && fstat(old, &st) == 0)
		empty(old, st.st_dev, 0);
	return 0;
}
