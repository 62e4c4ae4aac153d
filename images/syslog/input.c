// SPDX-License-Identifier: Apache-2.0
/* Where programs log to: a datagram socket, which is what syslog(3) looks for at /dev/log, and a stream. PID 1 may hold them
 * and pass them on, so that nothing is refused while this process is restarted. */
#include "images/syslog/slog.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/unixsock.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 256
#define FIRST_PASSED 3

static void take(struct slog *s, const char *p, size_t len)
{
	struct syslog_msg m;

	syslog_parse(p, len, &m);
	if (m.facility == 0) /* only the kernel speaks for the kernel */
		m.facility = SYSLOG_USER_NOTICE >> 3;
	slog_take(s, &m, clock_real_ns());
}

static void on_datagram(struct source *src, uint32_t events)
{
	static char data[MESSAGE_MAX];
	struct slog *s = owner_of(src, struct listener, source)->s;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		ssize_t n = recv(src->fd, data, sizeof(data), MSG_DONTWAIT);
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0)
			take(s, data, (size_t)n);
	}
}

/* ---- streams: messages end with NUL or an end of line --------------------------------------------- */

static void client_gone(struct source *src)
{
	close(src->fd);
	free(owner_of(src, struct client, source));
}

static void drop(struct client *c)
{
	if (c->len > 0)
		take(c->s, c->data, c->len);
	c->len = 0;
	list_del(&c->node);
	c->s->client_count--;
	loop_remove(&c->source);
}

static void split(struct client *c)
{
	size_t from = 0;

	for (size_t i = 0; i < c->len; i++) {
		if (c->data[i] != '\0' && c->data[i] != '\n')
			continue;
		if (i > from)
			take(c->s, c->data + from, i - from);
		from = i + 1;
	}
	if (from == 0 && c->len == sizeof(c->data)) { /* one that never ends */
		take(c->s, c->data, c->len);
		from = c->len;
	}
	memmove(c->data, c->data + from, c->len - from);
	c->len -= from;
}

static void on_client(struct source *src, uint32_t events)
{
	struct client *c = owner_of(src, struct client, source);

	(void)events;
	for (int i = 0; i < BATCH / 16; i++) {
		ssize_t n = recv(src->fd, c->data + c->len, sizeof(c->data) - c->len, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			drop(c);
			return;
		}
		c->len += (size_t)n;
		split(c);
	}
}

static void on_visitor(struct source *src, uint32_t events)
{
	struct slog *s = owner_of(src, struct listener, source)->s;
	struct err e;

	(void)events;
	owned_fd int fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	/* who came first makes room: a crowd of idle connections must not shut others out */
	if (s->client_count == CLIENTS_MAX)
		drop(owner_of(s->clients.next, struct client, node));
	struct client *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return;
	c->s = s;
	c->source = (struct source){.fd = fd, .name = "client", .ready = on_client, .gone = client_gone};
	if (loop_add(&s->loop, &c->source, EPOLLIN, &e) < 0) {
		log_error(SUB, "%s", e.msg);
		free(c);
		return;
	}
	(void)take_fd(fd);
	list_add_tail(&s->clients, &c->node);
	s->client_count++;
}

/* ---- the sockets ------------------------------------------------------------------------------------- */

static int add(struct slog *s, int fd, struct err *e)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return err_set(e, errno, "descriptor %d", fd);
	if (s->socket_count == LISTENERS_MAX)
		return err_say(e, E_LIMIT, "more than %d sockets", LISTENERS_MAX);
	struct listener *l = &s->sockets[s->socket_count];
	l->s = s;
	l->source = (struct source){.fd = fd, .name = "log", .ready = type == SOCK_DGRAM ? on_datagram : on_visitor};
	int r = loop_add(&s->loop, &l->source, EPOLLIN, e);
	if (r == 0)
		s->socket_count++;
	return r;
}

static int add_passed(struct slog *s, const char *count, struct err *e)
{
	int n = atoi(count), r = 0;

	for (int fd = FIRST_PASSED; r == 0 && fd < FIRST_PASSED + n; fd++) {
		int flags = fcntl(fd, F_GETFL);
		if (flags < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
			return err_set(e, errno, "descriptor %d of LISTEN_FDS=%s", fd, count);
		r = add(s, fd, e);
	}
	return r;
}

static int add_own(struct slog *s, const char *dir, const char *name, int type, struct err *e)
{
	char path[PATH_MAX];

	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "socket '%s'", name);
	/* anybody may log */
	owned_fd int fd = unixsock_listen(path, type | SOCK_NONBLOCK, 0666, e);
	if (fd < 0)
		return fd;
	int r = add(s, fd, e);
	if (r == 0)
		(void)take_fd(fd);
	return r;
}

int input_begin(struct slog *s, const char *dir, struct err *e)
{
	const char *passed = getenv("LISTEN_FDS");

	list_init(&s->clients);
	if (passed != NULL)
		return add_passed(s, passed, e);
	int r = add_own(s, dir, "log", SOCK_DGRAM, e);
	return r < 0 ? r : add_own(s, dir, "stream", SOCK_STREAM, e);
}

void input_end(struct slog *s)
{
	/* what is in the queues already was sent before we were asked to end */
	for (unsigned i = 0; i < s->socket_count; i++)
		s->sockets[i].source.ready(&s->sockets[i].source, EPOLLIN);
	list_for_each_safe(it, &s->clients) {
		on_client(&owner_of(it, struct client, node)->source, EPOLLIN);
	}
	while (!list_is_empty(&s->clients))
		drop(owner_of(s->clients.next, struct client, node));
}
