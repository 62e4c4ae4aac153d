// SPDX-License-Identifier: Apache-2.0
/* Streamed request bodies: from the connection to a descriptor, no faster than that takes them. */
#include "userctr/conn.h"
#include "userctr/req.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "userctr/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>

#define PENDING_MAX (128u << 10)

struct sink {
	struct source s;
	struct req *q; /* NULL: told, or ended by its handler */
	struct buf pending;
	bool is_ended;
	void (*done)(struct req *q, int r);
};

static void sink_gone(struct source *s)
{
	struct sink *k = owner_of(s, struct sink, s);

	if (s->fd >= 0)
		close(s->fd);
	buf_release(&k->pending);
	free(k);
}

void sink_free(struct sink *k)
{
	if (k == NULL)
		return;
	k->q = NULL;
	loop_remove(&k->s);
}

/* The descriptor is closed before done() is called: what is behind it then sees the end, too. */
static void sink_tell(struct sink *k, int r)
{
	struct req *q = k->q;

	if (q == NULL)
		return;
	q->sink = NULL;
	k->q = NULL;
	loop_remove(&k->s);
	close(k->s.fd);
	k->s.fd = -1;
	k->done(q, r);
}

void sink_fail(struct sink *k, int r)
{
	sink_tell(k, r);
}

bool sink_is_full(const struct sink *k)
{
	return k->pending.len > 0;
}

static int push(struct sink *k)
{
	while (k->pending.len > 0) {
		ssize_t n = write(k->s.fd, k->pending.data, k->pending.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		buf_consume(&k->pending, (size_t)n);
	}
	return 0;
}

static void sink_ready(struct source *s, uint32_t events)
{
	struct sink *k = owner_of(s, struct sink, s);
	struct req *q = k->q;

	(void)events;
	if (q == NULL)
		return;
	int r = push(k);
	if (r < 0) {
		sink_tell(k, r);
		return;
	}
	/* EPOLLERR without anything to write: the reader is gone */
	if ((events & EPOLLERR) != 0) {
		sink_tell(k, -EPIPE);
		return;
	}
	if (k->pending.len > 0)
		return;
	(void)loop_change(s, 0, NULL);
	if (k->is_ended) {
		sink_tell(k, 0);
	} else if (q->conn != NULL) {
		conn_watch(q->conn);
		conn_deadline(q->conn);
	}
}

bool sink_put(struct sink *k, const char *p, size_t n)
{
	buf_put(&k->pending, p, n);
	int r = buf_error(&k->pending) < 0 ? buf_error(&k->pending) : push(k);
	if (r < 0) {
		sink_tell(k, r);
		return false;
	}
	if (k->pending.len > 0)
		(void)loop_change(&k->s, EPOLLOUT, NULL);
	return k->pending.len == 0;
}

void sink_end(struct sink *k)
{
	k->is_ended = true;
	if (k->pending.len == 0)
		sink_tell(k, 0);
}

void req_body_to(struct req *q, int fd, void (*done)(struct req *q, int r))
{
	struct sink *k = calloc(1, sizeof(*k));

	if (k == NULL) {
		close(fd);
		done(q, -ENOMEM);
		return;
	}
	*k = (struct sink){.s = {.fd = fd, .name = "body", .ready = sink_ready, .gone = sink_gone},
			   .q = q, .done = done};
	buf_init(&k->pending, PENDING_MAX);
	(void)fcntl(fd, F_SETFL, O_NONBLOCK | (fcntl(fd, F_GETFL) & O_ACCMODE)); /* cannot fail on a pipe */
	int r = loop_add(&q->d->loop, &k->s, 0, NULL);
	if (r < 0) {
		sink_gone(&k->s);
		done(q, r);
		return;
	}
	q->sink = k;
}
