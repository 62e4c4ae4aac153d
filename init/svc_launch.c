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
#include <stdio.h>
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

/* Descriptors of the new process: three of any program, the service's sockets, what was kept for it, the report socket.
 * They are the service's LISTEN_FDS from 3 on, and the runtime passes them on. */
struct passed {
	int fds[PASSED_MAX];
	int count;
	char listen_fds[24], names[PASSED_MAX * SVCDEF_SOCKET_NAME_MAX];
	size_t names_len;
	const char *env[2];
};

static struct passed passed; /* one start at a time, and too large for a stack */

static void pass(struct passed *d, int fd, const char *name)
{
	int n = snprintf(d->names + d->names_len, sizeof(d->names) - d->names_len, "%s%s", d->count > 3 ? ":" : "", name);

	if (n > 0)
		d->names_len += (size_t)n; /* as many as fit were counted */
	d->fds[d->count++] = fd;
}

static void collect(const struct svc *s, struct passed *d)
{
	d->count = 3;
	d->names_len = (size_t)snprintf(d->names, sizeof(d->names), "LISTEN_FDNAMES="); /* fits */
	for (unsigned i = 0; i < s->def->socket_count; i++)
		pass(d, s->p->sockets[s->def->socket_first + i].source.fd, svc_socket_def(s, i)->name);
	for (const struct stored *k = svc_fdstore_next(s, NULL); k != NULL; k = svc_fdstore_next(s, k))
		pass(d, k->fd, k->name);
	(void)snprintf(d->listen_fds, sizeof(d->listen_fds), "LISTEN_FDS=%d", d->count - 3); /* fits */
}

int svc_launch(struct svc *s, struct err *e)
{
	owned_fd int null = -1, report = -1, out = -1;
	char name[SVCDEF_NAME_MAX], bundle[SVCDEF_BUNDLE_MAX], number[12];
	struct passed *d = &passed;
	char *const argv[] = {
		(char[]){RUNTIME}, (char[]){"--root"},	 (char[]){"/run/sysctr"}, (char[]){"service-run"}, (char[]){"--fd"},
		number,		   (char[]){"--bundle"}, bundle,		  name,			   NULL,
	};

	memcpy(name, s->def->name, sizeof(name));
	memcpy(bundle, s->def->bundle, sizeof(bundle));
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0)
		return err_set(e, errno, "open '/dev/null'");
	int r = svc_notify_listen(s, e);
	if (r == 0)
		r = svc_sockets_open(s, e);
	if (r < 0)
		return r;
	collect(s, d);
	r = svc_log_pipe(s, &out, e);
	if (r == 0)
		r = report_socket(s, &report, e);
	if (r < 0)
		return r;
	(void)snprintf(number, sizeof(number), "%d", d->count); /* fits */
	d->fds[0] = null;
	d->fds[1] = d->fds[2] = out;
	d->fds[d->count++] = report;
	struct spawn sp = {.path = RUNTIME, .argv = argv, .fds = d->fds, .fd_count = d->count};
	if (d->count > 4) {
		sp.env[0] = d->listen_fds;
		sp.env[1] = d->names;
	}
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
