// SPDX-License-Identifier: Apache-2.0
/* A look at layers as an overlay shows them, by a mount that is attached nowhere. */
#include "userctr/layers.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

/* One layer needs no overlay. */
int layers_open(const char *lower, const char *upper, const char *work, struct err *e)
{
	char one[PATH_MAX];

	if (upper == NULL && strchr(lower, ':') == NULL) {
		int fd = open(lower, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? err_set(e, errno, "layer '%s'", lower) : fd;
	}
	owned_fd int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0)
		return err_set(e, errno, "overlay");
	for (const char *p = lower; *p != '\0';) {
		size_t n = strcspn(p, ":");
		if (n >= sizeof(one))
			return err_set(e, ENAMETOOLONG, "overlay layer");
		memcpy(one, p, n);
		one[n] = '\0';
		if (sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", one, 0) < 0)
			return err_set(e, errno, "overlay layer '%s'", one);
		p += n + (p[n] == ':');
	}
	if (upper != NULL && (sys_fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", upper, 0) < 0 ||
			      sys_fsconfig(fs, FSCONFIG_SET_STRING, "workdir", work, 0) < 0))
		return err_set(e, errno, "overlay layer '%s'", upper);
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(e, errno, "make an overlay");
	int fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, upper == NULL ? MOUNT_ATTR_RDONLY : 0);
	return fd < 0 ? err_set(e, errno, "mount an overlay") : fd;
}
