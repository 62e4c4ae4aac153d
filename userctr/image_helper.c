// SPDX-License-Identifier: Apache-2.0
/* Starting this program again as one of its helpers, and waiting for it. */
#include "userctr/image_helper.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define FDS_MAX 8

/* In the child: its descriptors to where they belong, first out of the way of each other. */
static int place_fds(const int *fds, size_t n)
{
	int at[FDS_MAX];

	for (size_t i = 0; i < n; i++) {
		if (fds[i] >= 0)
			at[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FDS_MAX);
		else if (i == 2)
			at[i] = -1;
		else
			at[i] = fcntl(open("/dev/null", O_RDWR | O_CLOEXEC), F_DUPFD_CLOEXEC, FDS_MAX);
		if (at[i] < 0 && !(i == 2 && fds[i] < 0))
			return -errno;
	}
	for (size_t i = 0; i < n; i++)
		if (at[i] >= 0 && dup2(at[i], (int)i) < 0)
			return -errno;
	return sys_close_range((unsigned)(n > 3 ? n : 3), ~0U, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

static void run_child(const char *const argv[], const int *fds, size_t n, int report)
{
	sigset_t none;
	struct err e;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_IGN); /* helpers hear of it by EPIPE */
	/* the report must survive what follows */
	report = fcntl(report, F_DUPFD_CLOEXEC, FDS_MAX);
	int r = place_fds(fds, n);
	if (r == 0) {
		execv("/proc/self/exe", (char *const *)argv); /* it changes none of them */
		r = -errno;
	}
	(void)err_set(&e, -r, "start '%s %s'", argv[0], argv[1]);
	(void)!write(report, &e, sizeof(e)); /* its end says as much */
	_exit(127);
}

int helper_spawn(const char *const argv[], const int *fds, size_t n, struct err *e)
{
	int pidfd = -1, report[2];
	struct clone_args a = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD};
	struct err why;

	if (n > FDS_MAX)
		return err_set(e, EINVAL, "start a helper");
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_set(e, errno, "start a helper");
	int pid = sys_clone3(&a, sizeof(a));
	if (pid == 0)
		run_child(argv, fds, n, report[1]);
	int code = errno;
	close(report[1]);
	owned_fd int from = report[0];
	if (pid < 0)
		return err_set(e, code, "start a helper");
	if (read(from, &why, sizeof(why)) == (ssize_t)sizeof(why)) {
		(void)helper_reap(pidfd);
		if (e != NULL)
			*e = why;
		return -why.code;
	}
	return pidfd;
}

int helper_reap(int pidfd)
{
	siginfo_t si = {0};
	int r;

	do
		r = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &si, WEXITED);
	while (r < 0 && errno == EINTR);
	r = r < 0 ? -errno : si.si_code == CLD_EXITED ? si.si_status << 8 : si.si_status;
	close(pidfd);
	return r;
}
