// SPDX-License-Identifier: Apache-2.0
/* /proc/self/exe of a process that is about to become the container's is this program: what runs it from inside can open it
 * for writing afterwards (CVE-2019-5736). So it is made to be a file that nobody can write. */
#include "sysctr/cli.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#ifndef ST_RDONLY
#define ST_RDONLY 1
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* A mount of just this file, read-only. Takes a privilege. */
static int read_only_mount(void)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY};

	owned_fd int fd = sys_open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH, &a, sizeof(a)) < 0)
		return -errno;
	return take_fd(fd);
}

static int sealed_copy(void)
{
	struct stat st;

	owned_fd int from = openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
	owned_fd int to = memfd_create("sysctr", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return -errno;
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(to, from, NULL, (size_t)left);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		left -= n;
	}
	return fcntl(to, F_ADD_SEALS, SEALS) < 0 ? -errno : take_fd(to);
}

/* The sealed one of our own making. */
static bool is_sealed(void)
{
	owned_fd int fd = openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
	return fd >= 0 && fcntl(fd, F_GET_SEALS) == SEALS;
}

int cli_be_safe(char **argv, struct err *e)
{
	struct statfs fs;

	if (statfs("/proc/self/exe", &fs) == 0 && (fs.f_flags & ST_RDONLY) != 0)
		return 0;
	owned_fd int fd = read_only_mount();
	if (fd < 0 && is_sealed())
		return 0;
	if (fd < 0)
		fd = sealed_copy();
	if (fd < 0)
		return err_set(e, -fd, "protect '/proc/self/exe'");
	(void)sys_execveat(fd, "", argv, environ, AT_EMPTY_PATH);
	return err_set(e, errno, "run from a read-only copy");
}
