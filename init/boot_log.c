// SPDX-License-Identifier: Apache-2.0
/* Descriptors 0 to 2 become /dev/null and 3 the kernel log, so that every later descriptor is 4 or above: spawn()
 * counts on it, and nothing can be written to a terminal by accident. */
#include "init/boot.h"
#include "init/pid1.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <fcntl.h>

#define KMSG_FD 3

static int occupy(const char *path, int flags, int first, int last, struct err *e)
{
	owned_fd int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	for (int to = first; to <= last; to++)
		if (fd != to && dup3(fd, to, O_CLOEXEC) < 0)
			return err_set(e, errno, "open '%s' as %d", path, to);
	if (fd >= first && fd <= last)
		(void)take_fd(fd); /* it is in its place */
	return 0;
}

int boot_log(void *ctx, struct err *e)
{
	struct err why;

	(void)ctx;
	int r = occupy("/dev/null", O_RDWR, 0, 2, e);
	if (r < 0)
		return r;
	/* the kernel drops what user space logs quickly, unless told not to */
	(void)file_write_at(AT_FDCWD, "/proc/sys/kernel/printk_devkmsg", "on", NULL); /* then it drops */
	if (occupy("/dev/kmsg", O_WRONLY | O_APPEND, KMSG_FD, KMSG_FD, &why) < 0)
		return occupy("/dev/null", O_RDWR, KMSG_FD, KMSG_FD, e); /* a system without a log is a system */
	log_setup(KMSG_FD, LOG_FORM_KMSG, LOG_LEVEL_INFO);
	return 0;
}
