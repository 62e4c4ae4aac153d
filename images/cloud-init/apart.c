// SPDX-License-Identifier: Apache-2.0
/* The process that understands what strangers wrote: nobody's, without capabilities, descriptors, files or children, in a network
 * namespace without network, bounded in time and memory. All it can do is write a plan, which is checked. */
#include "images/cloud-init/cloud_init.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/config/plan.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NOBODY	    65534
#define MEMORY_MAX  ((size_t)256 << 20)
#define CPU_S	    20
#define PATIENCE_MS 60000

static int drop_rights(struct err *e)
{
	static const struct {
		int what;
		rlim_t max;
	} limits[] = {{RLIMIT_AS, MEMORY_MAX}, {RLIMIT_CPU, CPU_S}, {RLIMIT_FSIZE, 0}, {RLIMIT_NOFILE, 4}, {RLIMIT_NPROC, 0}, {RLIMIT_CORE, 0}};

	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return err_set(e, errno, "become nobody");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(e, errno, "give up rights");
	for (size_t i = 0; i < countof(limits); i++) {
		struct rlimit l = {limits[i].max, limits[i].max};
		if (setrlimit(limits[i].what, &l) < 0)
			return err_set(e, errno, "set a limit");
	}
	return 0;
}

/* Exit codes: 0, or 1 with the reason instead of a plan. */
static void child(struct plan_in *in, int out)
{
	owned_buf struct buf plan = BUF_INIT(PLAN_MAX);
	struct err e;

	/* 0 to 2 stay for messages; `out` becomes 3, which is the last that may be open */
	if ((out != 3 && dup3(out, 3, O_CLOEXEC) < 0) || syscall(SYS_close_range, 4, ~0U, 0) < 0)
		_exit(1);
	int r = drop_rights(&e);
	if (r == 0)
		r = plan_make(in, &plan, &e);
	if (r < 0)
		log_error(SUB, "%s", e.msg);
	_exit(r < 0 || write_all(3, plan.data, plan.len) < 0);
}

static int collect(int fd, struct buf *out, struct err *e)
{
	int64_t end = clock_mono_ms() + PATIENCE_MS;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end - clock_mono_ms();
		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return err_say(e, ETIMEDOUT, "parsing takes too long");
		char *to = buf_reserve(out, 65536);
		if (to == NULL)
			return err_set(e, -buf_error(out), "read the plan");
		ssize_t n = read(fd, to, 65536);
		if (n < 0 && errno != EINTR)
			return err_set(e, errno, "read the plan");
		if (n == 0)
			return 0;
		out->len += n > 0 ? (size_t)n : 0;
	}
}

int parse_apart(struct plan_in *in, struct buf *out, struct err *e)
{
	int p[2], status = 0;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	owned_fd int from = p[0];
	owned_fd int to = p[1];
	pid_t pid = fork();
	if (pid < 0)
		return err_set(e, errno, "fork");
	if (pid == 0)
		child(in, to);
	drop_fd(&to);
	to = -1;
	int r = collect(from, out, e);
	if (r < 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && status != 0)
		return err_say(e, EPROTO, "the process that parses ended with wait status 0x%x", (unsigned)status);
	return r;
}
