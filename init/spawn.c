// SPDX-License-Identifier: Apache-2.0
/* The one place where PID 1 becomes two. vfork: the child borrows our memory until it execs, so that starting a
 * program costs no page tables, and its errno comes back through a variable. */
#include "init/spawn.h"

#include "init/limits.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/svcdef.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENV_FIXED 3

static const char *environment[ENV_FIXED + 3 + 1] = {"PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/", "TERM=linux"};

/* Runs in the child on the parent's memory: system calls only. Returns only when it failed. */
static int become(const struct spawn *s)
{
	struct rlimit files = {1024, 524288}; /* ours is a supervisor's; theirs is the usual */
	int from[PASSED_MAX];
	sigset_t none;

	if (setsid() < 0)
		return errno;
	/* first out of the way: a descriptor may stand where another is to go */
	for (int i = 0; i < s->fd_count; i++) {
		from[i] = s->fds[i] >= s->fd_count ? s->fds[i] : fcntl(s->fds[i], F_DUPFD_CLOEXEC, s->fd_count);
		if (from[i] < 0)
			return errno;
	}
	for (int i = 0; i < s->fd_count; i++)
		if (dup2(from[i], i) < 0)
			return errno;
	if (sys_close_range((unsigned)s->fd_count, ~0u, 0) < 0)
		return errno;
	if (s->has_terminal)
		(void)ioctl(0, TIOCSCTTY, 0); /* a shell without job control is still a shell */
	(void)setrlimit(RLIMIT_NOFILE, &files); /* lower than ours: cannot fail for lack of rights */
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return errno;
	execve(s->path, s->argv, (char *const *)(uintptr_t)environment);
	return errno;
}

pid_t spawn(const struct spawn *s, struct err *e)
{
	volatile int failed = 0;

	for (size_t i = 0; i < countof(s->env); i++)
		environment[ENV_FIXED + i] = s->env[i];
	pid_t pid = vfork();
	if (pid < 0)
		return err_set(e, errno, "start '%s'", s->path);
	if (pid == 0) {
		failed = become(s);
		_exit(127);
	}
	if (failed == 0)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		; /* it has called _exit() already */
	return err_set(e, failed, "start '%s'", s->path);
}
