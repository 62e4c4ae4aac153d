// SPDX-License-Identifier: Apache-2.0
/* Starting and reaping other lives of this program. */
#include "userctr/child.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/syscalls.h"
#include "userctr/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/wait.h>

struct child {
	struct source s; /* its pidfd */
	pid_t pid;
	void (*done)(void *ctx, int status);
	void *ctx;
};

static void child_gone(struct source *s)
{
	close(s->fd);
	free(owner_of(s, struct child, s));
}

static void child_ready(struct source *s, uint32_t events)
{
	struct child *c = owner_of(s, struct child, s);
	int status = 0;

	(void)events;
	if (waitpid(c->pid, &status, WNOHANG) == 0)
		return;
	loop_remove(s);
	if (c->done != NULL)
		c->done(c->ctx, status);
}

static int spawn(const char *const argv[], int fd3, int err_fd, pid_t *ret)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none, pipe_only;
	char *const env[] = {(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, NULL};

	sigemptyset(&none);
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	(void)posix_spawnattr_init(&at); /* these fail for lack of memory: then the spawn does */
	(void)posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	(void)posix_spawnattr_setsigmask(&at, &none);
	(void)posix_spawnattr_setsigdefault(&at, &pipe_only);
	int r = posix_spawn_file_actions_init(&fa);
	/* fd3 first: 0 to 2 are taken by the daemon's own, so none of these can be in the way of another */
	if (r == 0 && fd3 >= 0)
		r = posix_spawn_file_actions_adddup2(&fa, fd3, 3);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDWR, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&fa, 0, 1);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&fa, err_fd >= 0 ? err_fd : 0, 2);
	if (r == 0)
		r = posix_spawn(ret, "/proc/self/exe", &fa, &at, (char *const *)argv, env);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
	return -r;
}

pid_t child_start(struct daemon *d, const char *const argv[], int fd3, int err_fd, void (*done)(void *ctx, int status),
		  void *ctx, struct err *e)
{
	struct child *c = calloc(1, sizeof(*c));
	owned_fd int high = -1;

	if (c == NULL)
		return err_set(e, ENOMEM, "start '%s'", argv[1]);
	/* not 3, which fd3 will replace */
	if (err_fd == 3)
		err_fd = high = fcntl(err_fd, F_DUPFD_CLOEXEC, 10);
	int r = spawn(argv, fd3, err_fd, &c->pid);
	if (r < 0) {
		free(c);
		return err_set(e, -r, "start '%s'", argv[1]);
	}
	pid_t pid = c->pid;
	*c = (struct child){.s = {.fd = sys_pidfd_open(pid, 0), .name = "child", .ready = child_ready, .gone = child_gone},
			    .pid = pid, .done = done, .ctx = ctx};
	r = c->s.fd < 0 ? err_set(e, errno, "watch '%s'", argv[1]) : loop_add(&d->loop, &c->s, EPOLLIN, e);
	if (r < 0) {
		(void)kill(pid, SIGKILL); /* our own child, not yet reaped */
		(void)waitpid(pid, NULL, 0);
		if (c->s.fd >= 0)
			close(c->s.fd);
		free(c);
		return r;
	}
	return pid;
}
