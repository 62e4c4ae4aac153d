// SPDX-License-Identifier: Apache-2.0
/* HTTP connections: accepting, reading requests, deadlines. What a request means is route.c's, what is answered reply.c's. */
#include "userctr/conn.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/http1.h"
#include "userctr/daemon.h"
#include "userctr/req.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PEEK_SIZE     65536
#define ACCEPT_BATCH  32
#define RETRY_MS      100
#define LINGER_MS     5000
#define KEEP_BUF_SIZE 1024 /* an idle connection keeps no more than this per buffer */

/* ---- watching ---- */

size_t conn_backlog(const struct conn *c)
{
	return c->out.len - c->out_at;
}

void conn_watch(struct conn *c)
{
	uint32_t events = 0;

	if (conn_backlog(c) > 0)
		events |= EPOLLOUT;
	switch (c->state) {
	case CONN_HEAD: /* the next request waits until the last reply is on its way */
		events |= conn_backlog(c) > 0 ? 0 : EPOLLIN;
		break;
	case CONN_BODY:
		if (c->q == NULL || c->q->sink == NULL || !sink_is_full(c->q->sink))
			events |= EPOLLIN;
		break;
	case CONN_LINGER: events |= EPOLLIN; break;
	case CONN_BUSY:
	case CONN_STREAM:
		if (!c->peer_ended)
			events |= EPOLLRDHUP;
		break;
	}
	if (events == c->events || c->is_gone)
		return;
	c->events = events;
	(void)loop_change(&c->s, events, NULL); /* it is registered: nothing can fail but memory, and then it idles out */
}

static void deadline_at(struct conn *c, int64_t in_ms)
{
	struct conns *cs = &c->d->conns;

	c->deadline_ms = in_ms > 0 ? clock_mono_ms() + in_ms : 0;
	if (c->deadline_ms != 0 && (!cs->sweep.armed || c->deadline_ms < cs->sweep.due_ms))
		timer_arm(&c->d->loop, &cs->sweep, c->deadline_ms);
}

void conn_deadline(struct conn *c)
{
	const struct conf *conf = &c->d->conf;

	switch (c->state) {
	case CONN_HEAD:
		deadline_at(c, conn_backlog(c) > 0 || http1_has_begun(c->http) ? conf->head_ms : conf->idle_ms);
		break;
	case CONN_BODY:
		deadline_at(c, c->q != NULL && c->q->sink != NULL && sink_is_full(c->q->sink) ? 0 : conf->head_ms);
		break;
	case CONN_BUSY:
	case CONN_STREAM: deadline_at(c, 0); break;
	case CONN_LINGER: deadline_at(c, LINGER_MS); break;
	}
}

/* ---- the end ---- */

static void conn_gone(struct source *s)
{
	struct conn *c = owner_of(s, struct conn, s);

	close(s->fd);
	list_del(&c->link);
	c->d->conns.count--;
	http1_free(c->http);
	buf_release(&c->raw);
	buf_release(&c->out);
	buf_release(&c->extra);
	free(c);
}

/* Part the request and its connection; the request keeps the head it was made from. */
struct req *conn_forget(struct conn *c)
{
	struct req *q = c->q;

	c->q = NULL;
	if (q != NULL)
		q->conn = NULL;
	return q;
}

void conn_drop(struct conn *c)
{
	if (c->is_gone)
		return;
	c->is_gone = true;
	bool was_called = c->state != CONN_BODY || (c->q != NULL && (c->q->route->flags & ROUTE_BODY) != 0);
	struct req *q = conn_forget(c);
	loop_remove(&c->s);
	if (q == NULL)
		return;
	q->http = take_ptr(c->http);
	if (!was_called) {
		req_free(q);
	} else if (q->sink != NULL) {
		sink_fail(q->sink, -ECONNRESET); /* its done() ends the request */
	} else if (q->on_gone != NULL) {
		q->on_gone(q);
		req_free(q);
	}
}

static void sweep_fire(struct timer *t)
{
	struct conns *cs = owner_of(t, struct conns, sweep);
	int64_t now = clock_mono_ms(), next = 0;
	struct loop *l = NULL;

	list_for_each_safe(it, &cs->all) {
		struct conn *c = owner_of(it, struct conn, link);
		l = &c->d->loop;
		if (c->is_gone || c->deadline_ms == 0)
			continue;
		if (c->deadline_ms <= now)
			conn_drop(c);
		else if (next == 0 || c->deadline_ms < next)
			next = c->deadline_ms;
	}
	if (next != 0)
		timer_arm(l, t, next);
}

/* ---- writing ---- */

/* The peer is gone: end the socket here and now, the loop will report it and conn_drop() follows. Not called from within
 * a handler's own reply, which may go on using its request. */
static void conn_break(struct conn *c)
{
	c->keep_alive = false;
	buf_clear(&c->out);
	c->out_at = 0;
	(void)shutdown(c->s.fd, SHUT_RDWR); /* an error here means that it is broken already */
}

static void trim(struct buf *b)
{
	if (b->size > KEEP_BUF_SIZE)
		buf_release(b);
	else
		buf_clear(b);
}

void conn_flush(struct conn *c)
{
	if (buf_error(&c->out) < 0) {
		log_warn("userctr", "connection dropped: its reply does not fit into memory");
		conn_break(c);
	}
	while (conn_backlog(c) > 0) {
		ssize_t n = send(c->s.fd, c->out.data + c->out_at, conn_backlog(c), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			conn_break(c);
		if (n < 0)
			break;
		c->out_at += (size_t)n;
		if (c->state == CONN_HEAD)
			conn_deadline(c);
	}
	if (conn_backlog(c) == 0) {
		c->out_at = 0;
		trim(&c->out);
		if (c->state == CONN_LINGER)
			(void)shutdown(c->s.fd, SHUT_WR); /* the peer may be gone: then reading says so */
	}
	conn_watch(c);
}

void conn_reply_done(struct conn *c)
{
	if (!c->keep_alive || c->peer_ended || !c->body_done) {
		c->state = CONN_LINGER;
	} else {
		c->state = CONN_HEAD;
		http1_next(c->http);
		trim(&c->raw);
		/* the list is in order of idling: the first is the one to give up when there are too many */
		list_del(&c->link);
		list_add_tail(&c->d->conns.all, &c->link);
	}
	trim(&c->extra);
	conn_flush(c);
	conn_deadline(c);
}

/* ---- reading ---- */

static void refuse(struct conn *c, int status, const char *text)
{
	struct buf body = BUF_INIT(1024);

	c->keep_alive = false;
	buf_printf(&body, "{\"message\":\"%s\"}\n", text);
	reply_head(c, &c->out, status, TYPE_JSON, (int64_t)body.len);
	buf_put(&c->out, "\r\n", 2);
	buf_put(&c->out, buf_str(&body), body.len);
	buf_release(&body);
	struct req *q = conn_forget(c);
	if (q != NULL)
		req_free(q); /* its handler was not called yet */
	conn_reply_done(c);
}

/* The head is complete. Returns whether its handler is to be called at once. */
static bool take_head(struct conn *c)
{
	const struct http1_head *h = http1_head(c->http);

	c->keep_alive = h->keep_alive;
	c->is_head = strcmp(h->method, "HEAD") == 0;
	c->body_done = !h->has_body;
	c->state = CONN_BODY;
	c->q = route_request(c);
	if (c->q == NULL) {
		refuse(c, 500, "out of memory");
		return false;
	}
	if ((c->q->route->flags & ROUTE_BODY) == 0 && h->length > (int64_t)REQ_BODY_MAX) {
		refuse(c, 413, "request body is too large");
		return false;
	}
	if (h->expect_continue && h->has_body)
		buf_puts(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
	return (c->q->route->flags & ROUTE_BODY) != 0;
}

/* A piece of the body. Returns whether more may follow now. */
static bool take_body(struct conn *c, const char *p, size_t n)
{
	if ((c->q->route->flags & ROUTE_BODY) != 0)
		return c->q->sink == NULL || sink_put(c->q->sink, p, n); /* nobody wants it: read past it */
	if (c->raw.len + n > REQ_BODY_MAX) {
		refuse(c, 413, "request body is too large");
		return false;
	}
	buf_put(&c->raw, p, n);
	return true;
}

enum call { CALL_NOTHING, CALL_HANDLER, CALL_DISPATCH };

/* Understand as much of p as possible. */
static enum call take_input(struct conn *c, const char *p, size_t n, size_t *used)
{
	const char *body = NULL;
	size_t len = 0, u = 0;
	struct err e;

	while (*used < n && (c->state == CONN_HEAD || c->state == CONN_BODY)) {
		int ev = http1_feed(c->http, p + *used, n - *used, &u, &body, &len, &e);
		*used += u;
		switch (ev) {
		case HTTP1_MORE: break;
		case HTTP1_HEAD:
			if (take_head(c))
				return CALL_HANDLER;
			break;
		case HTTP1_BODY:
			if (!take_body(c, body, len))
				return CALL_NOTHING;
			break;
		case HTTP1_DONE: c->body_done = true; return CALL_DISPATCH;
		default:
			*used = n;
			refuse(c, ev == -E_LIMIT ? 431 : 400, ev == -E_LIMIT ? "request head is too large" : e.msg);
		}
	}
	return CALL_NOTHING;
}

static void call(struct conn *c, enum call what)
{
	struct req *q = c->q;

	if (what == CALL_HANDLER) {
		q->route->handle(q);
	} else if (what == CALL_DISPATCH) {
		c->state = c->state == CONN_BODY ? CONN_BUSY : c->state;
		if (q->sink != NULL)
			sink_end(q->sink);
		else if ((q->route->flags & ROUTE_BODY) == 0)
			route_dispatch(q, buf_str(&c->raw), c->raw.len);
	}
}

static void conn_input(struct conn *c)
{
	static char buf[PEEK_SIZE];

	ssize_t n = recv(c->s.fd, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_drop(c);
		return;
	}
	bool had_begun = c->state == CONN_HEAD && http1_has_begun(c->http);
	enum conn_state before = c->state;
	size_t used = 0;
	enum call what = CALL_NOTHING;
	if (c->state == CONN_LINGER)
		used = (size_t)n;
	else
		what = take_input(c, buf, (size_t)n, &used);
	/* before the handler runs: it may give the socket away */
	for (size_t left = used; left > 0;) {
		ssize_t r = recv(c->s.fd, buf, left, MSG_DONTWAIT);
		if (r <= 0)
			break;
		left -= (size_t)r;
	}
	if (c->state != CONN_LINGER && (c->state != before || c->state == CONN_BODY || !had_begun))
		conn_deadline(c);
	if (what != CALL_NOTHING)
		call(c, what);
	else
		conn_flush(c);
}

static void conn_ready(struct source *s, uint32_t events)
{
	struct conn *c = owner_of(s, struct conn, s);

	if (c->is_gone)
		return;
	if ((events & EPOLLOUT) != 0) {
		conn_flush(c);
		if (c->q != NULL && c->was_full && conn_backlog(c) < STREAM_FULL / 2) {
			c->was_full = false;
			if (c->q->on_drain != NULL)
				c->q->on_drain(c->q);
		}
	}
	if (c->state != CONN_BUSY && c->state != CONN_STREAM) {
		if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
			conn_input(c);
		return;
	}
	if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
		conn_drop(c);
	} else if ((events & EPOLLRDHUP) != 0) {
		/* who said everything may still want to hear the answer; who follows a stream and ends is gone */
		c->peer_ended = true;
		if (c->q != NULL && c->q->on_gone != NULL)
			conn_drop(c);
		else
			conn_watch(c);
	}
}

/* ---- accepting ---- */

static bool give_up_idle(struct conns *cs)
{
	list_for_each(it, &cs->all) {
		struct conn *c = owner_of(it, struct conn, link);
		if (!c->is_gone && c->state == CONN_HEAD && conn_backlog(c) == 0) {
			conn_drop(c);
			return true;
		}
	}
	return false;
}

static void conn_new(struct daemon *d, int fd)
{
	struct conns *cs = &d->conns;
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL || (c->http = http1_new()) == NULL) {
		free(c);
		close(fd);
		return;
	}
	c->s = (struct source){.fd = fd, .name = "client", .ready = conn_ready, .gone = conn_gone};
	c->d = d;
	c->state = CONN_HEAD;
	c->events = EPOLLIN;
	buf_init(&c->raw, REQ_BODY_MAX);
	buf_init(&c->out, d->conf.reply_max);
	buf_init(&c->extra, 4096);
	list_add_tail(&cs->all, &c->link);
	cs->count++;
	if (loop_add(&d->loop, &c->s, EPOLLIN, NULL) < 0)
		conn_gone(&c->s);
	else
		conn_deadline(c);
}

static void listener_ready(struct source *s, uint32_t events)
{
	struct listener *l = owner_of(s, struct listener, s);
	struct conns *cs = &l->d->conns;

	(void)events;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
				return;
			/* level-triggered: without a pause this would spin */
			log_warn("userctr", "accept: %s", strerror(errno));
			(void)give_up_idle(cs);
			for (unsigned k = 0; k < cs->n_listeners; k++)
				(void)loop_change(&cs->listeners[k].s, 0, NULL);
			timer_arm(&l->d->loop, &cs->retry, clock_mono_ms() + RETRY_MS);
			return;
		}
		if (cs->count >= l->d->conf.max_conns && !give_up_idle(cs)) {
			close(fd);
			continue;
		}
		conn_new(l->d, fd);
	}
}

static void retry_fire(struct timer *t)
{
	struct conns *cs = owner_of(t, struct conns, retry);

	for (unsigned k = 0; k < cs->n_listeners; k++)
		(void)loop_change(&cs->listeners[k].s, EPOLLIN, NULL);
}

void conns_init(struct conns *cs)
{
	*cs = (struct conns){.sweep = {.fire = sweep_fire}, .retry = {.fire = retry_fire}};
	list_init(&cs->all);
}

int conns_listen(struct daemon *d, int fd, struct err *e)
{
	struct conns *cs = &d->conns;

	if (cs->n_listeners == CONN_LISTENERS_MAX) {
		close(fd);
		return err_set(e, E_LIMIT, "more than %d addresses to listen on", CONN_LISTENERS_MAX);
	}
	struct listener *l = &cs->listeners[cs->n_listeners];
	*l = (struct listener){.s = {.fd = fd, .name = "listener", .ready = listener_ready}, .d = d};
	int r = loop_add(&d->loop, &l->s, EPOLLIN, e);
	if (r < 0) {
		close(fd);
		return r;
	}
	cs->n_listeners++;
	return 0;
}

void conns_release(struct conns *cs)
{
	for (unsigned i = 0; i < cs->n_listeners; i++) {
		loop_remove(&cs->listeners[i].s);
		close(cs->listeners[i].s.fd);
	}
	cs->n_listeners = 0;
	list_for_each_safe(it, &cs->all)
		conn_drop(owner_of(it, struct conn, link));
}
