// SPDX-License-Identifier: Apache-2.0
/* Without volumes.c: a container that wants a volume is refused. Goes when that is there. */
#include "userctr/volumes.h"

#include "lib/base/err.h"

#include <errno.h>

#define OTHERWISE __attribute__((weak))

OTHERWISE int volume_use(struct daemon *d, const char *name, const char **ret_name, const char **ret_path, bool *ret_new,
			 struct err *e)
{
	(void)d, (void)name, (void)ret_name, (void)ret_path, (void)ret_new;
	return err_say(e, ENOSYS, "volumes are not implemented yet");
}

OTHERWISE int volume_mount(struct daemon *d, const char *name, struct err *e)
{
	(void)d, (void)name;
	return err_say(e, ENOSYS, "volumes are not implemented yet");
}

OTHERWISE void volume_unmount(struct daemon *d, const char *name)
{
	(void)d, (void)name;
}

OTHERWISE int volume_remove_anonymous(struct daemon *d, const char *name, struct err *e)
{
	(void)d, (void)name;
	return err_say(e, ENOSYS, "volumes are not implemented yet");
}
