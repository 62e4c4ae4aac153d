// SPDX-License-Identifier: Apache-2.0
/* Attached clients: fan-out with bounded backlogs, input with back-pressure, detach keys. */
#include "userctr/monitor_session.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "userctr/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct session {
	struct list link;
	struct source s;
	struct sessions *owner;
	struct buf backlog; /* not yet accepted by the client */
	unsigned flags;
	bool input_ended;
	bool finishing;
	bool was_shut;
	char keys[DETACH_KEYS_MAX];
	size_t keys_len, keys_seen;
};

static void watch(struct session *c)
{
	const struct session_input *in = c->owner->input;
	uint32_t ev = 0;

	/* input is not read while the container has not taken what came before */
	if (!c->input_ended && (c->was_shut || in->pending.len < STDIN_BACKLOG))
		ev |= EPOLLIN;
	if (c->backlog.len > 0)
		ev |= EPOLLOUT;
	(void)loop_change(&c->s, ev, NULL); /* fails only for a session that is leaving */
}

static void session_gone(struct source *s)
{
	struct session *c = owner_of(s, struct session, s);

	list_del(&c->link);
	buf_release(&c->backlog);
	close(s->fd);
	free(c);
}

/* After the last byte: tell the client, then wait for it to be done. Closing with input unread would reset the
 * connection, and the client would lose what it has not read yet. */
static void maybe_shut(struct session *c)
{
	if (!c->finishing || c->backlog.len > 0)
		return;
	if (!c->was_shut)
		(void)shutdown(c->s.fd, SHUT_WR); /* the peer may be gone already */
	c->was_shut = true;
	if (c->input_ended)
		loop_remove(&c->s);
}

static void push(struct session *c)
{
	while (c->backlog.len > 0) {
		ssize_t w = send(c->s.fd, c->backlog.data, c->backlog.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EAGAIN)
			break;
		if (w < 0) {
			loop_remove(&c->s);
			return;
		}
		buf_consume(&c->backlog, (size_t)w);
	}
	maybe_shut(c);
	watch(c);
}

static void emit(struct session *c, enum log_stream s, const char *p, size_t n)
{
	if (c->s.leaving)
		return;
	if ((c->flags & MON_ATTACH_RAW) == 0) {
		unsigned char head[8] = {s == LOG_STREAM_ERR ? 2 : 1};
		for (int i = 0; i < 4; i++)
			head[4 + i] = (unsigned char)(n >> (24 - 8 * i));
		buf_put(&c->backlog, head, sizeof(head));
	}
	buf_put(&c->backlog, p, n);
	if (buf_error(&c->backlog) < 0)
		loop_remove(&c->s);
	else
		push(c);
}

/* ---- input ---- */

static void input_watch(struct session_input *in)
{
	bool want = in->pending.len > 0;

	if (in->s.fd < 0 || want == in->is_watched)
		return;
	if (want)
		(void)loop_change(&in->s, EPOLLOUT, NULL); /* it is in the loop: see session_input_init */
	else
		(void)loop_change(&in->s, 0, NULL);
	in->is_watched = want;
}

/* Room again: listen to those who were made to wait. */
static void input_rewatch(struct session_input *in)
{
	if (in->users == NULL)
		return;
	list_for_each(it, &in->users->all) {
		struct session *c = owner_of(it, struct session, link);
		if (!c->s.leaving)
			watch(c);
	}
}

static void input_gone(struct source *s)
{
	close(s->fd);
	s->fd = -1;
}

void session_input_close(struct session_input *in)
{
	if (in->s.fd >= 0)
		loop_remove(&in->s);
	buf_clear(&in->pending);
	in->closing = true;
	input_rewatch(in);
}

static void input_push(struct session_input *in)
{
	while (in->s.fd >= 0 && !in->s.leaving && in->pending.len > 0) {
		ssize_t w = write(in->s.fd, in->pending.data, in->pending.len);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EAGAIN)
			break;
		if (w < 0) {
			session_input_close(in);
			return;
		}
		buf_consume(&in->pending, (size_t)w);
	}
	if (in->closing && in->pending.len == 0)
		session_input_close(in);
	else
		input_watch(in);
}

static void input_ready(struct source *s, uint32_t events)
{
	struct session_input *in = owner_of(s, struct session_input, s);

	bool was_full = in->pending.len >= STDIN_BACKLOG;

	if ((events & EPOLLOUT) != 0) {
		input_push(in);
		if (was_full && in->pending.len < STDIN_BACKLOG)
			input_rewatch(in);
	} else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		session_input_close(in); /* the container closed its end */
	}
}

void session_input_init(struct session_input *in, struct loop *l, int fd, bool once, bool is_tty)
{
	*in = (struct session_input){.s = {.fd = fd, .name = "stdin", .ready = input_ready, .gone = input_gone},
				     .users = in->users, .once = once, .is_tty = is_tty};
	buf_init(&in->pending, STDIN_BACKLOG * 2);
	if (fd >= 0 && loop_add(l, &in->s, 0, NULL) < 0) {
		close(fd);
		in->s.fd = -1;
	}
}

static void input_put(struct session_input *in, const char *p, size_t n)
{
	if (in->s.fd < 0 || in->closing)
		return; /* nobody reads: like writing to a closed standard input */
	buf_put(&in->pending, p, n);
}

/* Pass p on except a detach sequence. Returns true when the sequence is complete. */
static bool filter_keys(struct session *c, const char *p, size_t n)
{
	struct session_input *in = c->owner->input;

	for (size_t i = 0; i < n; i++) {
		if (c->keys_len > 0 && p[i] == c->keys[c->keys_seen]) {
			if (++c->keys_seen == c->keys_len)
				return true;
			continue;
		}
		/* not the sequence after all: what was held back goes first */
		if (c->keys_seen > 0) {
			input_put(in, c->keys, c->keys_seen);
			c->keys_seen = 0;
			if (p[i] == c->keys[0]) {
				c->keys_seen = 1;
				continue;
			}
		}
		input_put(in, p + i, 1);
	}
	return false;
}

static void session_input_end(struct session *c)
{
	struct session_input *in = c->owner->input;

	c->input_ended = true;
	if ((c->flags & MON_ATTACH_STDIN) != 0 && in->once && !in->is_tty) {
		in->closing = true;
		input_push(in);
	}
}

static void session_ready(struct source *s, uint32_t events)
{
	struct session *c = owner_of(s, struct session, s);
	char b[4096];

	if ((events & EPOLLOUT) != 0)
		push(c);
	if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0) {
		session_input_end(c);
		loop_remove(s);
		return;
	}
	if ((events & EPOLLIN) == 0 || s->leaving)
		return;
	ssize_t n = recv(s->fd, b, sizeof(b), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		session_input_end(c);
		maybe_shut(c);
	} else if (c->was_shut) {
		return; /* read to be forgotten */
	} else if ((c->flags & MON_ATTACH_STDIN) != 0) {
		if (c->keys_len == 0)
			input_put(c->owner->input, b, (size_t)n);
		else if (filter_keys(c, b, (size_t)n))
			loop_remove(s);
		input_push(c->owner->input);
	}
	if (n < 0)
		loop_remove(s);
	watch(c);
}

/* ---- the set ---- */

void sessions_init(struct sessions *ss, struct loop *l, struct session_input *in)
{
	ss->loop = l;
	ss->input = in;
	in->users = ss;
	list_init(&ss->all);
}

int sessions_add(struct sessions *ss, int fd, unsigned flags, const char *keys, struct err *e)
{
	struct session *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		close(fd);
		return err_set(e, ENOMEM, "attach");
	}
	int fl = fcntl(fd, F_GETFL);
	if (fl >= 0)
		(void)fcntl(fd, F_SETFL, fl | O_NONBLOCK); /* every call says MSG_DONTWAIT as well */
	c->s = (struct source){.fd = fd, .name = "attach", .ready = session_ready, .gone = session_gone};
	c->owner = ss;
	c->flags = flags;
	c->keys_len = strnlen(keys, sizeof(c->keys));
	memcpy(c->keys, keys, c->keys_len);
	buf_init(&c->backlog, MON_ATTACH_BACKLOG);
	list_add_tail(&ss->all, &c->link);
	int r = loop_add(ss->loop, &c->s, EPOLLIN, e);
	if (r < 0)
		session_gone(&c->s);
	return r;
}

void sessions_output(struct sessions *ss, enum log_stream s, const char *p, size_t n)
{
	unsigned want = s == LOG_STREAM_ERR ? MON_ATTACH_STDERR : MON_ATTACH_STDOUT;

	list_for_each_safe(it, &ss->all) {
		struct session *c = owner_of(it, struct session, link);
		if ((c->flags & want) != 0)
			emit(c, s, p, n);
	}
}

void sessions_finish(struct sessions *ss)
{
	list_for_each_safe(it, &ss->all) {
		struct session *c = owner_of(it, struct session, link);
		c->finishing = true;
		if (!c->s.leaving)
			push(c);
	}
}

void sessions_drop(struct sessions *ss)
{
	list_for_each(it, &ss->all)
		loop_remove(&owner_of(it, struct session, link)->s);
}

bool sessions_any(const struct sessions *ss)
{
	return !list_is_empty(&ss->all);
}
