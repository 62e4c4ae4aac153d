// SPDX-License-Identifier: Apache-2.0
/* Spawn `sysctr service-run` for a service and take its one message (drawn in docs/ARCHITECTURE.md). */
#include "init/pid1.h"
#include "init/spawn.h"
#include "init/svc.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/unixsock.h"
#include "sysctr/sysctr.h"

#include <fcntl.h>
#include <string.h>

#define RUNTIME "/bin/sysctr"

static_assert(sizeof(struct svc_started) == 512, "one message, one size");

static void on_report(struct source *src, uint32_t events)
{
	(void)events;
	svc_wish(owner_of(src, struct svc, report), SVC_WISH_REPORT);
}

static void on_report_gone(struct source *src)
{
	close(src->fd);
	src->fd = -1;
}

static int report_socket(struct svc *s, int *ret_other, struct err *e)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set(e, errno, "make report socket");
	owned_fd int ours = ends[0], theirs = ends[1];
	s->report = (struct source){.fd = ours, .name = "report", .ready = on_report, .gone = on_report_gone};
	int r = loop_add(&s->p->loop, &s->report, EPOLLIN, e);
	if (r < 0)
		return r;
	(void)take_fd(ours);
	*ret_other = take_fd(theirs);
	return 0;
}

int svc_launch(struct svc *s, struct err *e)
{
	owned_fd int null = -1, report = -1, out = -1;
	char name[SVCDEF_NAME_MAX], bundle[SVCDEF_BUNDLE_MAX];
	char *const argv[] = {
		(char[]){RUNTIME}, (char[]){"--root"},	 (char[]){"/run/sysctr"}, (char[]){"service-run"}, (char[]){"--fd"},
		(char[]){"3"},	   (char[]){"--bundle"}, bundle,		  name,			   NULL,
	};

	memcpy(name, s->def->name, sizeof(name));
	memcpy(bundle, s->def->bundle, sizeof(bundle));
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0)
		return err_set(e, errno, "open '/dev/null'");
	int r = svc_log_pipe(s, &out, e);
	if (r == 0)
		r = report_socket(s, &report, e);
	if (r < 0)
		return r;
	struct spawn sp = {.path = RUNTIME, .argv = argv, .fds = {null, out, out, report}, .fd_count = 4};
	pid_t pid = spawn(&sp, e);
	if (pid < 0)
		return pid;
	s->runtime = pid;
	return 0;
}

static int check_report(const struct svc_started *m, ssize_t n, size_t fds, struct err *e)
{
	if (n == 0 || n == -ECONNRESET)
		return err_say(e, EPIPE, "the runtime ended without a report");
	if (n < 0)
		return err_set(e, (int)-n, "read the runtime's report");
	if (n != sizeof(*m) || m->magic != SVC_STARTED_MAGIC || m->code < 0)
		return err_say(e, EPROTO, "the runtime's report is malformed");
	if (m->code > 0)
		return err_say(e, m->code, "%.*s", (int)strnlen(m->msg, sizeof(m->msg)), m->msg);
	if (m->pid <= 1 || fds != 1)
		return err_say(e, EPROTO, "the runtime's report has no process");
	return 0;
}

int svc_take_report(struct svc *s, struct err *e)
{
	struct svc_started m;
	owned_fd int pidfd = -1;
	size_t fds = 0;

	if (s->report.loop == NULL || s->report.leaving)
		return err_set(e, ENOTCONN, "read the runtime's report");
	ssize_t n = unixsock_recv(s->report.fd, &m, sizeof(m), &pidfd, 1, &fds, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return -EAGAIN;
	loop_remove(&s->report);
	int r = check_report(&m, n, fds, e);
	if (r < 0)
		return r;
	s->pid = m.pid;
	s->pidfd = take_fd(pidfd);
	return 0;
}
