// SPDX-License-Identifier: Apache-2.0
/* NOTIFY_SOCKET: datagrams of lines "NAME=value". The socket belongs to the service for as long as the system runs,
 * so that it can be mounted into every instance. Descriptors that come along are kept (FDSTORE=1) or closed. */
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

/* What of a datagram is understood only as a whole. */
struct note {
	bool want_store, want_remove;
	const char *name; /* in the datagram */
	size_t name_len;
};

static bool is(const char *line, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(line, text, len) == 0;
}

static bool begins(const char *line, size_t len, const char *text)
{
	return len >= strlen(text) && memcmp(line, text, strlen(text)) == 0;
}

static void take_line(struct svc *s, struct note *note, const char *line, size_t len)
{
	if (is(line, len, "READY=1"))
		svc_wish(s, SVC_WISH_READY);
	else if (begins(line, len, "STATUS="))
		keep_status(s, line + 7, len - 7);
	else if (is(line, len, "WATCHDOG=1"))
		svc_wish(s, SVC_WISH_ALIVE);
	else if (is(line, len, "WATCHDOG=trigger"))
		svc_wish(s, SVC_WISH_SICK);
	else if (is(line, len, "FDSTORE=1"))
		note->want_store = true;
	else if (is(line, len, "FDSTOREREMOVE=1"))
		note->want_remove = true;
	else if (begins(line, len, "FDNAME=")) {
		note->name = line + 7;
		note->name_len = len - 7;
	} else if (is(line, len, "STOPPING=1"))
		log_debug("slipway", "service '%s' says that it is stopping", s->def->name);
}

/* Names are parts of LISTEN_FDNAMES, so they are names like those of services; others become "stored". */
static void take_descriptors(struct svc *s, struct note *note, const int *fds, size_t count)
{
	if (note->name == NULL || note->name_len >= SVCDEF_SOCKET_NAME_MAX ||
	    !svcdef_name_is_valid(note->name, note->name_len)) {
		note->name = "stored";
		note->name_len = 6;
	}
	if (note->want_remove)
		svc_fdstore_remove(s, note->name, note->name_len);
	for (size_t i = 0; i < count; i++) {
		if (note->want_store)
			svc_fdstore_put(s, fds[i], note->name, note->name_len);
		else
			close(fds[i]);
	}
}

static void on_notify(struct source *src, uint32_t events)
{
	struct svc *s = owner_of(src, struct svc, notify);
	char *text = s->p->io;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		int fds[UNIXSOCK_MAX_FDS];
		size_t fd_count = 0;
		struct note note = {0};
		ssize_t n = unixsock_recv(src->fd, text, LOG_READ_BYTES, fds, countof(fds), &fd_count, MSG_DONTWAIT);
		if (n == -EMSGSIZE)
			continue;
		if (n < 0)
			return;
		for (const char *at = text; at < text + n;) {
			size_t left = (size_t)(text + n - at);
			const char *end = memchr(at, '\n', left);
			size_t len = end != NULL ? (size_t)(end - at) : left;
			take_line(s, &note, at, len);
			at += len + 1;
		}
		take_descriptors(s, &note, fds, fd_count);
	}
}

int svc_notify_listen(struct svc *s, struct err *e)
{
	const struct svcdef *d = s->def;
	char path[PATH_TEXT_MAX];

	if (s->notify.fd >= 0 || (d->ready != SVCDEF_READY_NOTIFY && d->watchdog_ms == 0 && d->fdstore_max == 0))
		return 0;
	(void)snprintf(path, sizeof(path), "/run/slipway/notify/%s", s->def->name); /* bounded */
	/* writable by all: only this service has it mounted, as whatever user it runs */
	owned_fd int fd = unixsock_listen(path, SOCK_DGRAM | SOCK_NONBLOCK, 0666, e);
	if (fd < 0)
		return fd;
	s->notify = (struct source){.fd = fd, .name = "notify", .ready = on_notify};
	int r = loop_add(&s->p->loop, &s->notify, EPOLLIN, e);
	if (r == 0)
		(void)take_fd(fd);
	else
		s->notify.fd = -1;
	return r;
}
