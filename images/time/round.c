// SPDX-License-Identifier: Apache-2.0
/* A round: each server is asked once, from a socket and with a cookie of its own; after the last answer, or three seconds,
 * one answer is chosen and acted on. */
#include "images/time/timed.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define ROUND_MS 3000
#define NS_PER_S INT64_C(1000000000)
#define OFFSET_MAX_NS (INT64_C(100) * 366 * 86400 * NS_PER_S)

void state_write(struct timed *t)
{
	owned_buf struct buf b = BUF_INIT(16384);
	struct json_writer w;
	struct err e;
	char when[CLOCK_RFC3339_SIZE];

	jw_init(&w, &b);
	jw_obj(&w);
	jw_kbool(&w, "synchronized", t->is_synchronized);
	if (t->is_synchronized) {
		clock_rfc3339(t->last_sync_ns, when);
		jw_kstr(&w, "last", when);
		jw_kstr(&w, "server", t->last_server);
		jw_kint(&w, "offset_ns", t->last_offset_ns);
		jw_kint(&w, "distance_ns", t->last_distance_ns);
		jw_kuint(&w, "poll_s", 1u << t->policy.poll);
	}
	jw_key(&w, "servers");
	jw_arr(&w);
	for (size_t i = 0; i < t->server_count; i++)
		jw_str(&w, t->servers[i].name);
	jw_end_arr(&w);
	jw_end_obj(&w);
	buf_putc(&b, '\n');
	if (buf_error(&b) != 0 || file_replace(t->state_fd, "time.json", buf_str(&b), b.len, 0644, &e) < 0)
		log_error(SUB, "state: %s", buf_error(&b) != 0 ? "too large" : e.msg);
}

static void act(struct timed *t, const struct sample *s)
{
	struct err e;
	int r = 0;

	switch (policy_round(&t->policy, s->offset_ns)) {
	case POLICY_SLEW:
		r = adjust_slew(s->offset_ns, s->distance_ns, t->policy.poll < POLICY_POLL_MIN ? POLICY_POLL_MIN : t->policy.poll, &e);
		break;
	case POLICY_STEP:
		r = adjust_step(s->offset_ns, &e);
		if (r == 0)
			r = adjust_slew(0, s->distance_ns, POLICY_POLL_MIN, &e);
		log_info(SUB, "the clock was %s by %lld.%03lld s, says %s; %s", s->offset_ns > 0 ? "behind" : "ahead",
			 (long long)(s->offset_ns < 0 ? -s->offset_ns : s->offset_ns) / NS_PER_S,
			 (long long)(s->offset_ns < 0 ? -s->offset_ns : s->offset_ns) / 1000000 % 1000,
			 t->servers[s->server].name, r < 0 ? "it cannot be set" : "it is set");
		break;
	case POLICY_WAIT:
		log_warn(SUB, "the clock is far off, says %s; looking again", t->servers[s->server].name);
		return;
	}
	if (r < 0) {
		log_error(SUB, "%s", e.msg);
		return;
	}
	if (!t->is_synchronized)
		log_info(SUB, "synchronized with %s", t->servers[s->server].name);
	t->is_synchronized = true;
	t->last_offset_ns = s->offset_ns;
	t->last_distance_ns = s->distance_ns;
	t->last_sync_ns = clock_real_ns();
	memcpy(t->last_server, t->servers[s->server].name, sizeof(t->last_server));
}

static void finish(struct timed *t)
{
	struct sample s[SERVERS_MAX];
	size_t n = 0;

	t->in_round = false;
	timer_disarm(&t->loop, &t->round_end);
	for (size_t i = 0; i < t->server_count; i++) {
		struct server *v = &t->servers[i];
		loop_remove(&v->source);
		if (v->has_sample)
			s[n++] = v->sample;
		else if (v->is_name) /* perhaps it has moved */
			v->addr_len = 0;
	}
	if (n > 0)
		act(t, &s[policy_choose(s, n)]);
	round_soon(t, policy_next_s(&t->policy, n > 0));
	state_write(t);
}

static void on_round_end(struct timer *r)
{
	finish(owner_of(r, struct timed, round_end));
}

static void one_less(struct timed *t)
{
	if (--t->waiting == 0)
		finish(t);
}

static void take_kiss(struct server *v, const char *kiss)
{
	/* RATE: less often; everything else: not at all, for a day */
	int64_t s = strcmp(kiss, "RATE") == 0 ? INT64_C(256) << (v->refusals > 5 ? 5 : v->refusals) : 86400;

	v->refusals++;
	v->not_before_ms = clock_mono_ms() + s * 1000;
	log_warn(SUB, "%s does not want to be asked now: %s", v->name, kiss);
}

/* When the packet came, by the kernel's stamp: this process may have had to wait for its turn. */
static int64_t came_ns(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		struct timespec ts;
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS || c->cmsg_len < CMSG_LEN(sizeof(ts)))
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
	}
	return clock_real_ns();
}

static void take_answer(struct server *v, const uint8_t *p, size_t len, int64_t came)
{
	struct sntp a;

	if (v->has_sample || sntp_parse(p, len, v->cookie, came, &a) < 0)
		return; /* until the round ends a right one may come */
	if (a.stratum == 0) {
		take_kiss(v, a.kiss);
		loop_remove(&v->source);
		one_less(v->t);
		return;
	}
	int64_t offset = sntp_offset_ns(&a, v->sent_ns, came), delay = sntp_delay_ns(&a, v->sent_ns, came);
	if (delay < 0 || delay > NS_PER_S * ROUND_MS / 1000 || offset > OFFSET_MAX_NS || offset < -OFFSET_MAX_NS)
		return;
	v->refusals = 0;
	v->has_sample = true;
	v->sample = (struct sample){.offset_ns = offset, .server = (unsigned)(v - v->t->servers),
				    .distance_ns = delay / 2 + a.root_delay_ns / 2 + a.root_dispersion_ns};
	loop_remove(&v->source);
	one_less(v->t);
}

static void on_answer(struct source *s, uint32_t events)
{
	struct server *v = owner_of(s, struct server, source);
	uint8_t data[512];
	union {
		char room[CMSG_SPACE(sizeof(struct timespec))];
		struct cmsghdr align;
	} control;
	struct iovec io = {.iov_base = data, .iov_len = sizeof(data)};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

	(void)events;
	ssize_t n = recvmsg(s->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n >= 0)
		take_answer(v, data, (size_t)n, came_ns(&m));
}

static void on_gone(struct source *s)
{
	close(s->fd);
	s->fd = -1;
}

static int ask(struct server *v, struct err *e)
{
	uint8_t out[SNTP_LEN];
	int on = 1;

	owned_fd int fd = socket(v->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(e, errno, "make socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)); /* without it our own time is taken */
	if (connect(fd, (struct sockaddr *)&v->addr, v->addr_len) < 0)
		return err_set(e, errno, "reach %s", v->name);
	/* a machine that has just started has little randomness: the time does not wait for more */
	if (getrandom(&v->cookie, sizeof(v->cookie), GRND_INSECURE) != sizeof(v->cookie))
		return err_set(e, errno, "get randomness");
	sntp_write(v->cookie, out);
	v->source = (struct source){.fd = fd, .name = "server", .ready = on_answer, .gone = on_gone};
	int r = loop_add(&v->t->loop, &v->source, EPOLLIN, e);
	if (r < 0) {
		v->source.fd = -1;
		return r;
	}
	(void)take_fd(fd);
	v->sent_ns = clock_real_ns();
	if (send(v->source.fd, out, sizeof(out), MSG_NOSIGNAL) < 0) {
		r = err_set(e, errno, "send to %s", v->name);
		loop_remove(&v->source);
	}
	return r;
}

void round_begin(struct timed *t)
{
	struct err e;

	if (t->in_round)
		return;
	timer_disarm(&t->loop, &t->next);
	servers_look_up(t);
	t->waiting = 0;
	for (size_t i = 0; i < t->server_count; i++) {
		struct server *v = &t->servers[i];
		v->has_sample = false;
		if (v->addr_len == 0 || v->not_before_ms > clock_mono_ms() || v->source.fd >= 0)
			continue;
		if (ask(v, &e) < 0)
			log_debug(SUB, "%s", e.msg);
		else
			t->waiting++;
	}
	if (t->waiting == 0) {
		if (t->server_count > 0)
			round_soon(t, policy_next_s(&t->policy, /* answered= */ false));
		return;
	}
	t->in_round = true;
	t->round_end.fire = on_round_end;
	timer_arm(&t->loop, &t->round_end, clock_mono_ms() + ROUND_MS);
}

static void on_next(struct timer *n)
{
	round_begin(owner_of(n, struct timed, next));
}

void round_soon(struct timed *t, unsigned seconds)
{
	t->next.fire = on_next;
	timer_arm(&t->loop, &t->next, clock_mono_ms() + (int64_t)seconds * 1000);
}
