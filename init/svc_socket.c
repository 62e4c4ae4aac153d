// SPDX-License-Identifier: Apache-2.0
/* Sockets that PID 1 listens on for services, from the boot on: they are passed to every instance, and a client that
 * comes while there is none waits in the kernel's queue. A service on demand is started by the first who comes. */
#include "init/pid1.h"
#include "init/svc.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 4096 /* the kernel's own limit holds */

union address {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t fill(const struct svcdef_socket *d, union address *a)
{
	memset(a, 0, sizeof(*a));
	switch ((enum svcdef_family)d->family) {
	case SVCDEF_UNIX:
		a->un.sun_family = AF_UNIX;
		static_assert(sizeof(a->un.sun_path) >= sizeof(d->path), "checked to end within");
		memcpy(a->un.sun_path, d->path, sizeof(d->path));
		return sizeof(a->un);
	case SVCDEF_INET:
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(d->port);
		memcpy(&a->in.sin_addr, d->addr, 4);
		return sizeof(a->in);
	case SVCDEF_INET6:
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(d->port);
		memcpy(&a->in6.sin6_addr, d->addr, 16);
		return sizeof(a->in6);
	}
	return 0;
}

static int type_of(const struct svcdef_socket *d)
{
	static const int types[] = {[SVCDEF_SOCKET_STREAM] = SOCK_STREAM,
				    [SVCDEF_SOCKET_DGRAM] = SOCK_DGRAM,
				    [SVCDEF_SOCKET_SEQPACKET] = SOCK_SEQPACKET};

	return types[d->type]; /* the table's check bounds it */
}

/* Whoever owns the path: a socket of an earlier life is replaced, anything else is left alone and is an error of bind. */
static void make_way(const struct svcdef_socket *d)
{
	struct stat st;

	if (d->family == SVCDEF_UNIX && lstat(d->path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(d->path); /* bind tells */
}

static int open_one(const struct svcdef_socket *d, struct err *e)
{
	union address a;
	socklen_t len = fill(d, &a);
	int on = 1;

	/* blocking, as services expect it: it is they who accept */
	owned_fd int fd = socket(a.any.sa_family, type_of(d) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, errno, "socket '%s'", d->name);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* without it a restart may have to wait */
	if (d->family == SVCDEF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)); /* version 4 has a socket of its own */
	make_way(d);
	if (bind(fd, &a.any, len) < 0)
		return err_set(e, errno, "socket '%s': bind", d->name);
	if (d->family == SVCDEF_UNIX && (chmod(d->path, d->mode) < 0 || chown(d->path, d->uid, d->gid) < 0))
		return err_set(e, errno, "socket '%s': set who may use '%s'", d->name, d->path);
	if (d->type != SVCDEF_SOCKET_DGRAM && listen(fd, BACKLOG) < 0)
		return err_set(e, errno, "socket '%s': listen", d->name);
	return take_fd(fd);
}

static void on_visitor(struct source *src, uint32_t events)
{
	struct svc *s = owner_of(src, struct svc_socket, source)->svc;

	(void)events;
	log_info("slipway", "service '%s' is wanted: somebody came to its socket", s->def->name);
	svc_want(s, SVC_WISH_START); /* the new state ends the watch */
}

static bool is_watched(const struct svc *s)
{
	/* not a failed one: it would be started again and again by the same visitor */
	return (s->def->flags & SVCDEF_ON_DEMAND) != 0 && (s->state == SVC_DOWN || s->state == SVC_DONE);
}

const struct svcdef_socket *svc_socket_def(const struct svc *s, unsigned i)
{
	const struct svcdef_socket *all = (const void *)(s->p->table + sizeof(struct svcdef_header) +
							 s->p->svc_count * sizeof(struct svcdef));

	return &all[s->def->socket_first + i];
}

int svc_sockets_open(struct svc *s, struct err *e)
{
	for (unsigned i = 0; i < s->def->socket_count; i++) {
		struct svc_socket *k = &s->p->sockets[s->def->socket_first + i];
		if (k->svc != NULL)
			continue;
		owned_fd int fd = open_one(svc_socket_def(s, i), e);
		if (fd < 0)
			return fd;
		k->source = (struct source){.fd = fd, .name = "socket", .ready = on_visitor};
		int r = loop_add(&s->p->loop, &k->source, 0, e);
		if (r < 0)
			return r;
		k->svc = s;
		(void)take_fd(fd);
	}
	return 0;
}

void svc_sockets_watch(struct svc *s)
{
	for (unsigned i = 0; i < s->def->socket_count; i++) {
		struct svc_socket *k = &s->p->sockets[s->def->socket_first + i];
		if (k->svc != NULL)
			(void)loop_change(&k->source, is_watched(s) && !shutdown_is_on(s->p) ? EPOLLIN : 0,
					  NULL); /* in the loop: cannot fail */
	}
}
