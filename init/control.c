// SPDX-License-Identifier: Apache-2.0
/* The control socket. A listing is sent as far as the peer takes it and goes on when it takes more; while it does, the
 * connection's next request waits. A client that neither asks nor takes for a while is hung up on. */
#include "init/control.h"

#include "init/pid1.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/base/version.h"
#include "lib/sys/unixsock.h"

#include <stdio.h>
#include <string.h>

static void restart_idle(struct client *c)
{
	timer_arm(&c->p->loop, &c->idle, clock_mono_ms() + CLIENT_IDLE_MS);
}

/* Returns false when the peer takes no more for now (or is gone: then the next event says so). */
static bool send_frame(struct client *c, enum ctl_tag tag, unsigned flags, unsigned code, const void *payload, size_t len)
{
	unsigned char frame[CTL_FRAME_MAX];
	size_t n = ctl_frame(frame, tag, flags, code, payload, len);

	return unixsock_send(c->source.fd, frame, n, NULL, 0, MSG_DONTWAIT) >= 0;
}

static void answer(struct client *c, enum ctl_tag tag, int code, const char *text)
{
	if (!send_frame(c, tag, CTL_LAST, (unsigned)code, text, strlen(text)))
		loop_remove(&c->source); /* a peer that does not read single answers */
}

static void fill_svc(const struct svc *s, struct ctl_svc *out)
{
	*out = (struct ctl_svc){
		.state = (uint8_t)svc_state_told(s->state),
		.pid = s->pid,
		.starts = s->starts,
		.last_status = s->status,
		.since_usec = s->since_usec,
	};
	static_assert(sizeof(out->reason) == sizeof(s->reason) && sizeof(out->status) == sizeof(s->status_text),
		      "copied whole");
	memcpy(out->name, s->def->name, sizeof(out->name));
	memcpy(out->reason, s->reason, sizeof(out->reason));
	memcpy(out->status, s->status_text, sizeof(out->status));
}

static void set_time(struct ctl_time *t, const char *name, unsigned kind, uint64_t start, uint64_t end)
{
	*t = (struct ctl_time){.kind = (uint8_t)kind, .start_usec = start, .end_usec = end};
	(void)snprintf(t->name, sizeof(t->name), "%s", name); /* step names are short */
}

/* The i-th entry of the timeline: the kernel, the steps, each service started and ready, all ready.
 * Returns 1 with *t set, 0 for an entry that does not exist (yet), -1 behind the last. */
static int fill_time(const struct pid1 *p, uint32_t i, struct ctl_time *t)
{
	if (i == 0) {
		set_time(t, "kernel", 5, 0, (uint64_t)p->start_usec);
		return 1;
	}
	i -= 1;
	if (i < p->time_count) {
		set_time(t, p->times[i].name, 1, p->times[i].start_usec, p->times[i].end_usec);
		return 1;
	}
	i -= p->time_count;
	if (i < 2 * p->svc_count) {
		const struct svc *s = &p->svcs[i / 2];
		bool is_start = i % 2 == 0;
		uint64_t end = is_start ? s->first_run_usec : s->first_ready_usec;
		if (s->first_start_usec == 0 || end == 0)
			return 0;
		set_time(t, s->def->name, is_start ? 2 : 3, s->first_start_usec, end);
		return 1;
	}
	i -= 2 * p->svc_count;
	if (i > 0)
		return -1;
	set_time(t, "ready", 4, 0, p->ready_usec);
	return p->ready_usec != 0 ? 1 : 0;
}

/* Send one record of the listing. Returns 1 sent or skipped, 0 the peer takes no more for now, -1 that was the end. */
static int send_record(struct client *c)
{
	const struct pid1 *p = c->p;
	union {
		struct ctl_svc svc;
		struct ctl_time time;
	} u;

	if (c->tag == CTL_LIST) {
		if (c->next >= p->svc_count)
			return -1;
		fill_svc(&p->svcs[c->next], &u.svc);
		return send_frame(c, CTL_LIST, 0, 0, &u.svc, sizeof(u.svc));
	}
	int r = fill_time(p, c->next, &u.time);
	if (r <= 0)
		return r < 0 ? -1 : 1;
	return send_frame(c, CTL_TIMES, 0, 0, &u.time, sizeof(u.time));
}

static void go_on(struct client *c)
{
	enum ctl_tag tag = c->tag;
	int r;

	while ((r = send_record(c)) > 0)
		c->next++;
	/* an empty last frame: how many there are is known only at the end */
	if (r < 0 && send_frame(c, tag, CTL_LAST, 0, NULL, 0))
		c->tag = 0;
	(void)loop_change(&c->source, c->tag != 0 ? EPOLLOUT : EPOLLIN, NULL); /* known to the loop: cannot fail */
}

static void request_svc(struct client *c, enum ctl_tag tag, const char *name, size_t len)
{
	char text[96];
	struct svc *s = svc_find(c->p, name, len);

	if (s == NULL) {
		(void)snprintf(text, sizeof(text), "no such service: %.*s", (int)len, name); /* bounded */
		answer(c, tag, ENOENT, text);
		return;
	}
	if (shutdown_is_on(c->p)) {
		answer(c, tag, EBUSY, "the system is shutting down");
		return;
	}
	if (tag == CTL_STOP)
		svc_wish(s, SVC_WISH_STOP);
	else
		svc_want(s, tag == CTL_START ? SVC_WISH_START : SVC_WISH_RESTART);
	answer(c, tag, 0, "");
}

static void request(struct client *c, enum ctl_tag tag, const unsigned char *payload, size_t len)
{
	bool wants_root = tag == CTL_START || tag == CTL_STOP || tag == CTL_RESTART || tag == CTL_POWER;

	if (wants_root && !c->is_root) {
		answer(c, tag, EPERM, "only root may do that");
		return;
	}
	switch (tag) {
	case CTL_LIST:
	case CTL_TIMES:
		c->tag = (uint8_t)tag;
		c->next = 0;
		go_on(c);
		break;
	case CTL_START:
	case CTL_STOP:
	case CTL_RESTART: request_svc(c, tag, (const char *)payload, len); break;
	case CTL_POWER:
		shutdown_ask(c->p, payload[0], "the control socket");
		answer(c, tag, 0, "");
		break;
	case CTL_VERSION: answer(c, tag, 0, SLIPWAY_VERSION); break;
	}
}

static void on_client(struct source *src, uint32_t events)
{
	struct client *c = owner_of(src, struct client, source);
	unsigned char frame[CTL_FRAME_MAX];
	const unsigned char *payload;
	size_t len;

	restart_idle(c);
	if (c->tag != 0 && (events & (EPOLLHUP | EPOLLERR)) == 0) {
		go_on(c);
		return;
	}
	ssize_t n = unixsock_recv(src->fd, frame, sizeof(frame), NULL, 0, NULL, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return;
	int tag = n > 0 ? ctl_parse_request(frame, (size_t)n, &payload, &len) : -EPROTO;
	if (tag < 0)
		loop_remove(src); /* the end, or somebody who does not speak this */
	else
		request(c, (enum ctl_tag)tag, payload, len);
}

static void on_client_gone(struct source *src)
{
	struct client *c = owner_of(src, struct client, source);

	timer_disarm(&c->p->loop, &c->idle);
	close(src->fd);
	src->fd = -1;
}

static void on_idle(struct timer *t)
{
	loop_remove(&owner_of(t, struct client, idle)->source);
}

static struct client *free_client(struct control *k)
{
	struct client *oldest = NULL;

	for (size_t i = 0; i < countof(k->clients); i++) {
		struct client *c = &k->clients[i];
		if (c->source.fd < 0)
			return c;
		if (!c->source.leaving && (oldest == NULL || c->idle.due_ms < oldest->idle.due_ms))
			oldest = c;
	}
	/* the one that was silent longest makes room; its place is free after this batch */
	if (oldest != NULL)
		loop_remove(&oldest->source);
	return NULL;
}

static void on_connect(struct source *src, uint32_t events)
{
	struct pid1 *p = owner_of(src, struct pid1, control.listener);
	struct ucred peer;
	struct err e;

	(void)events;
	struct client *c = free_client(&p->control);
	if (c == NULL)
		return; /* level-triggered: asked again at once */
	owned_fd int fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	*c = (struct client){.p = p, .source = {.fd = fd, .name = "client", .ready = on_client, .gone = on_client_gone}};
	c->idle.fire = on_idle;
	c->is_root = unixsock_peer(fd, &peer) == 0 && peer.uid == 0;
	if (loop_add(&p->loop, &c->source, EPOLLIN, &e) < 0) {
		c->source.fd = -1;
		log_warn("slipway", "control socket: %s", e.msg);
		return;
	}
	(void)take_fd(fd);
	restart_idle(c);
}

int control_begin(struct pid1 *p, struct err *e)
{
	for (size_t i = 0; i < countof(p->control.clients); i++)
		p->control.clients[i].source.fd = -1;
	owned_fd int fd = unixsock_listen(CTL_SOCKET, SOCK_SEQPACKET | SOCK_NONBLOCK, 0666, e);
	if (fd < 0)
		return fd;
	p->control.listener = (struct source){.fd = fd, .name = "control", .ready = on_connect};
	int r = loop_add(&p->loop, &p->control.listener, EPOLLIN, e);
	if (r == 0)
		(void)take_fd(fd);
	return r;
}
