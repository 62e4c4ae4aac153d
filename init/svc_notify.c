// SPDX-License-Identifier: Apache-2.0
/* NOTIFY_SOCKET: datagrams of lines "NAME=value". The socket belongs to the service for as long as the system runs,
 * so that it can be mounted into every instance. Descriptors that come along are closed (no store yet). */
#include "init/pid1.h"
#include "init/svc.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/unixsock.h"

#include <stdio.h>
#include <string.h>

#define BATCH 16

static void keep_status(struct svc *s, const char *text, size_t len)
{
	if (len >= sizeof(s->status_text))
		len = sizeof(s->status_text) - 1;
	for (size_t i = 0; i < len; i++)
		s->status_text[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
	s->status_text[len] = '\0';
}

static void take_line(struct svc *s, const char *line, size_t len)
{
	if (len == 7 && memcmp(line, "READY=1", 7) == 0)
		svc_wish(s, SVC_WISH_READY);
	else if (len >= 7 && memcmp(line, "STATUS=", 7) == 0)
		keep_status(s, line + 7, len - 7);
	else if (len == 10 && memcmp(line, "STOPPING=1", 10) == 0)
		log_debug("slipway", "service '%s' says that it is stopping", s->def->name);
}

static void on_notify(struct source *src, uint32_t events)
{
	struct svc *s = owner_of(src, struct svc, notify);
	char *text = s->p->io;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		ssize_t n = unixsock_recv(src->fd, text, LOG_READ_BYTES, NULL, 0, NULL, MSG_DONTWAIT);
		if (n == -EMSGSIZE)
			continue;
		if (n < 0)
			return;
		for (const char *at = text; at < text + n;) {
			size_t left = (size_t)(text + n - at);
			const char *end = memchr(at, '\n', left);
			size_t len = end != NULL ? (size_t)(end - at) : left;
			take_line(s, at, len);
			at += len + 1;
		}
	}
}

int svc_notify_listen(struct svc *s, struct err *e)
{
	char path[PATH_TEXT_MAX];

	(void)snprintf(path, sizeof(path), "/run/slipway/notify/%s", s->def->name); /* bounded */
	/* writable by all: only this service has it mounted, as whatever user it runs */
	owned_fd int fd = unixsock_listen(path, SOCK_DGRAM | SOCK_NONBLOCK, 0666, e);
	if (fd < 0)
		return fd;
	s->notify = (struct source){.fd = fd, .name = "notify", .ready = on_notify};
	int r = loop_add(&s->p->loop, &s->notify, EPOLLIN, e);
	if (r == 0)
		(void)take_fd(fd);
	return r;
}
