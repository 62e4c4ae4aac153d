// SPDX-License-Identifier: Apache-2.0
/* The new mount interface. Until it is attached a mount belongs to its descriptor alone: a probe that is killed while
 * a sick disk answers leaves nothing behind. */
#include "init/fsmount.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/syscalls.h"

#include <string.h>

/* The file system's own explanation: the last error line of its log, "e name: text". */
static void add_reason(int fs, struct err *e)
{
	char line[160], last[160] = "";

	for (;;) {
		ssize_t n = read(fs, line, sizeof(line) - 1);
		if (n <= 0)
			break;
		line[n] = '\0';
		if (strncmp(line, "e ", 2) == 0)
			memcpy(last, line, sizeof(last));
	}
	size_t len = strlen(last);
	while (len > 0 && (unsigned char)last[len - 1] <= ' ')
		last[--len] = '\0';
	if (e != NULL && len > 2) {
		struct err why = *e;
		(void)err_say(e, why.code, "%s (%s)", why.msg, last + 2);
	}
}

static int configure(int fs, const char *source, const struct fsmount_option *o, struct err *e)
{
	if (source != NULL && sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return err_set(e, errno, "set source '%s'", source);
	for (; o != NULL && o->key != NULL; o++)
		if (sys_fsconfig(fs, o->value != NULL ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, o->key, o->value, 0) < 0)
			return err_set(e, errno, "set option '%s'", o->key);
	return 0;
}

int fsmount_new(const char *fstype, const char *source, const struct fsmount_option *options, unsigned attr,
		struct err *e)
{
	const char *what = source != NULL ? source : fstype;

	owned_fd int fs = sys_fsopen(fstype, FSOPEN_CLOEXEC);
	if (fs < 0)
		return err_set(e, errno, "mount '%s': file system '%s'", what, fstype);
	int r = configure(fs, source, options, e);
	if (r < 0)
		return err_wrap(e, r, "mount '%s' as %s", what, fstype);
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		r = err_set(e, errno, "mount '%s' as %s", what, fstype);
		add_reason(fs, e);
		return r;
	}
	int fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, attr);
	return fd >= 0 ? fd : err_set(e, errno, "mount '%s' as %s", what, fstype);
}

int fsmount_attach(int mount, const char *target, struct err *e)
{
	if (sys_move_mount(mount, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "attach mount at '%s'", target);
	return 0;
}
