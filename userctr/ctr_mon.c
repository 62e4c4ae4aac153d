// SPDX-License-Identifier: Apache-2.0
/* Connections to monitors. */
#include "userctr/ctr_mon.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/unixsock.h"
#include "userctr/child.h"
#include "userctr/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void mon_gone(struct source *s)
{
	close(s->fd);
	free(owner_of(s, struct mon, s));
}

/* Take one message. Returns false when there is none. */
static bool take(struct mon *m)
{
	struct mon_msg msg;
	size_t nfds = 0;
	int fd = -1;

	ssize_t n = unixsock_recv(m->s.fd, &msg, sizeof(msg), &fd, 1, &nfds, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return false;
	if (n != (ssize_t)sizeof(msg)) {
		if (nfds > 0)
			close(fd);
		loop_remove(&m->s);
		if (m->ctx != NULL)
			m->lost(m);
		return false;
	}
	msg.text[sizeof(msg.text) - 1] = '\0';
	if (m->ctx != NULL)
		m->said(m, &msg, nfds > 0 ? fd : -1);
	else if (nfds > 0)
		close(fd);
	return true;
}

static void mon_ready(struct source *s, uint32_t events)
{
	(void)events;
	(void)take(owner_of(s, struct mon, s)); /* one per turn: others wait too */
}

void mon_listen(struct mon *m)
{
	/* m lives until the end of the loop's batch, also when what it says closes it */
	while (m != NULL && m->ctx != NULL && !m->s.leaving && take(m))
		;
}

static int add(struct daemon *d, int fd, struct mon **ret, struct err *e)
{
	struct mon *m = calloc(1, sizeof(*m));

	if (m == NULL) {
		close(fd);
		return err_set(e, ENOMEM, "connection to a monitor");
	}
	m->s = (struct source){.fd = fd, .name = "monitor", .ready = mon_ready, .gone = mon_gone};
	int r = loop_add(&d->loop, &m->s, EPOLLIN, e);
	if (r < 0)
		mon_gone(&m->s);
	else
		*ret = m;
	return r;
}

int mon_start(struct daemon *d, const char *dir, const char *const argv[], struct mon **ret, struct err *e)
{
	char path[PATH_MAX];
	int p[2];

	(void)snprintf(path, sizeof(path), "%s/monitor.err", dir); /* a path too long is one that cannot be opened */
	owned_fd int words = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (words < 0)
		return err_set(e, errno, "open '%s'", path);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
		return err_set(e, errno, "make a socket pair");
	owned_fd int ours = p[0];
	owned_fd int theirs = p[1];
	pid_t pid = child_start(d, argv, theirs, words, /* done */ NULL, NULL, e);
	if (pid < 0)
		return pid;
	return add(d, take_fd(ours), ret, e);
}

int mon_connect(struct daemon *d, const char *dir, struct mon_msg *ret_state, struct mon **ret, struct err *e)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/monitor.sock", dir); /* as above */
	owned_fd int fd = unixsock_connect(path, SOCK_SEQPACKET, e);
	if (fd < 0)
		return fd;
	struct pollfd pf = {.fd = fd, .events = POLLIN};
	if (poll(&pf, 1, 2000) != 1 || recv(fd, ret_state, sizeof(*ret_state), MSG_DONTWAIT) != sizeof(*ret_state) ||
	    ret_state->tag != MON_STATE)
		return err_say(e, ETIMEDOUT, "monitor at '%s' does not answer", path);
	return add(d, take_fd(fd), ret, e);
}

int mon_say(struct mon *m, const struct mon_msg *msg, int fd, struct err *e)
{
	ssize_t n = unixsock_send(m->s.fd, msg, sizeof(*msg), fd >= 0 ? &fd : NULL, fd >= 0 ? 1 : 0, MSG_DONTWAIT);

	return n < 0 ? err_set(e, (int)-n, "tell the monitor") : 0;
}

void mon_close(struct mon *m)
{
	if (m == NULL)
		return;
	m->ctx = NULL;
	loop_remove(&m->s);
}

void mon_last_words(const char *dir, char *out, size_t size)
{
	char path[PATH_MAX];

	out[0] = '\0';
	(void)snprintf(path, sizeof(path), "%s/monitor.err", dir); /* as above */
	owned_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, out, size - 1, 0);
	if (n > 0)
		out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
}
