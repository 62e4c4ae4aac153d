// SPDX-License-Identifier: Apache-2.0
/* AppArmor and SELinux: what execve(2) is to change to. Asked for where the kernel has no such module is an error. */
#include "sysctr/internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Through the host's /proc, opened before the root was left: the container's may be anything. */
static int write_attr(const struct stage *s, const char *const files[], const char *text, struct err *e)
{
	for (; *files != NULL; files++) {
		owned_fd int fd = openat(s->procfd, *files, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (write(fd, text, strlen(text)) >= 0)
			return 0;
		if (errno != EINVAL) /* what a kernel without the module says, too */
			return err_set(e, errno, "'%.200s'", text);
	}
	return err_say(e, EOPNOTSUPP, "this kernel does not have it, or not '%.200s'", text);
}

int labels_set(struct stage *s, struct err *e)
{
	static const char *const apparmor[] = {"self/attr/apparmor/exec", NULL}, *const selinux[] = {"self/attr/selinux/exec", NULL},
			  *const common[] = {"self/attr/exec", NULL};
	const struct oci_process *p = &s->spec->process;
	char text[4096];
	int r = 0;

	if (p->apparmor != NULL && p->apparmor[0] != '\0' && strcmp(p->apparmor, "unconfined") != 0) {
		if ((size_t)snprintf(text, sizeof(text), "exec %s", p->apparmor) >= sizeof(text))
			return err_set(e, E_SPEC, "process.apparmorProfile: is too long");
		bool is_old = access("/sys/module/apparmor", F_OK) == 0 && faccessat(s->procfd, "self/attr/apparmor", F_OK, 0) < 0;
		r = write_attr(s, is_old ? common : apparmor, text, e);
		if (r < 0)
			return err_wrap(e, r, "process.apparmorProfile");
	}
	if (p->selinux != NULL && p->selinux[0] != '\0') {
		(void)selinux; /* its file is the common one */
		r = write_attr(s, common, p->selinux, e);
		if (r < 0)
			return err_wrap(e, r, "process.selinuxLabel");
	}
	return 0;
}
