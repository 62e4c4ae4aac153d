// SPDX-License-Identifier: Apache-2.0
/* Health checks. A probe is an exec whose output goes into a socket pair of ours. */
#include "userctr/ctr_health.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/syscalls.h"
#include "userctr/ctr_exec.h"
#include "userctr/ctr_internal.h"
#include "userctr/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define LOG_MAX	   5
#define OUTPUT_MAX 4096
#define NS	   1000000000LL

enum health_status { HEALTH_STARTING = 1, HEALTH_HEALTHY = 2, HEALTH_UNHEALTHY = 3 };

struct result {
	int64_t start_ns, end_ns;
	int exit_code;
	char *output; /* owned */
};

/* Where a probe's output arrives. An object of its own: the loop may still hold it when the health is gone. */
struct tap {
	struct source s;
	struct health *h; /* NULL: nobody listens any more */
};

struct health {
	struct ctr *c;
	struct timer timer; /* the next probe, or the end of one that takes too long */
	enum health_status status;
	unsigned streak; /* failures in a row */
	struct result log[LOG_MAX];
	unsigned n_log;
	/* settings */
	int64_t interval_ms, timeout_ms, start_period_ms, start_interval_ms;
	unsigned retries;
	int64_t begun_ms;
	/* the probe at work */
	struct ctr_exec *x; /* borrowed; NULL: none */
	struct tap *tap;    /* NULL: none */
	struct buf output;
	int64_t start_ns;
	bool was_late;
};

static const char *status_name(enum health_status s)
{
	return s == HEALTH_HEALTHY ? "healthy" : s == HEALTH_UNHEALTHY ? "unhealthy" : "starting";
}

static const struct json *test_of(const struct ctr *c)
{
	const struct json *t = json_get(json_get(c->conf.config, "Healthcheck"), "Test");
	const char *kind = NULL;
	struct json_iter it = json_iter(t);

	if (json_next(&it))
		kind = json_str(it.value);
	return kind == NULL || strcmp(kind, "NONE") == 0 || json_len(t) < 2 ? NULL : t;
}

static int64_t setting(const struct ctr *c, const char *key, int64_t fallback_ms)
{
	int64_t ns = json_int(json_get(json_get(c->conf.config, "Healthcheck"), key), 0);

	return ns > 0 ? ns / 1000000 : fallback_ms;
}

static bool is_in_start_period(const struct health *h)
{
	return h->status == HEALTH_STARTING && clock_mono_ms() - h->begun_ms < h->start_period_ms;
}

static void arm(struct health *h, int64_t ms)
{
	timer_arm(&h->c->d->loop, &h->timer, clock_mono_ms() + ms);
}

static void arm_next(struct health *h)
{
	arm(h, is_in_start_period(h) ? h->start_interval_ms : h->interval_ms);
}

static void remember(struct health *h, int code, const char *text)
{
	if (h->n_log == LOG_MAX) {
		free(h->log[0].output);
		memmove(h->log, h->log + 1, sizeof(h->log[0]) * (LOG_MAX - 1));
		h->n_log--;
	}
	h->log[h->n_log++] = (struct result){.start_ns = h->start_ns, .end_ns = clock_real_ns(), .exit_code = code,
					     .output = strdup(text)};
}

static void judge(struct health *h, int code, const char *text)
{
	enum health_status old = h->status;
	char action[64];

	remember(h, code, text);
	if (code == 0) {
		h->streak = 0;
		h->status = HEALTH_HEALTHY;
	} else if (!is_in_start_period(h)) {
		h->streak++;
		if (h->streak >= h->retries)
			h->status = HEALTH_UNHEALTHY;
	}
	if (h->status != old) {
		(void)snprintf(action, sizeof(action), "health_status: %s", status_name(h->status)); /* fits */
		ctr_event(h->c, action, NULL, NULL);
	}
	arm_next(h);
}

static void tap_gone(struct source *s)
{
	close(s->fd);
	free(owner_of(s, struct tap, s));
}

static void stop_output(struct health *h)
{
	if (h->tap == NULL)
		return;
	h->tap->h = NULL;
	loop_remove(&h->tap->s);
	h->tap = NULL;
}

static void take_output(struct health *h)
{
	char b[4096];
	ssize_t n;

	while (h->tap != NULL && (n = recv(h->tap->s.fd, b, sizeof(b), MSG_DONTWAIT)) > 0)
		buf_put(&h->output, b, (size_t)n < OUTPUT_MAX - h->output.len ? (size_t)n : OUTPUT_MAX - h->output.len);
}

static void tap_ready(struct source *s, uint32_t events)
{
	struct tap *t = owner_of(s, struct tap, s);

	if (t->h != NULL)
		take_output(t->h);
	if ((events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0 && t->h != NULL)
		stop_output(t->h); /* that was all */
}

static int start_output(struct health *h, int fd, struct err *e)
{
	struct tap *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		close(fd);
		return err_set(e, ENOMEM, "health check");
	}
	*t = (struct tap){.s = {.fd = fd, .name = "health check", .ready = tap_ready, .gone = tap_gone}, .h = h};
	int r = loop_add(&h->c->d->loop, &t->s, EPOLLIN | EPOLLRDHUP, e);
	if (r < 0)
		tap_gone(&t->s);
	else
		h->tap = t;
	return r;
}

static void probe_end(struct health *h, int code, const char *text)
{
	h->x = NULL;
	stop_output(h);
	judge(h, code, text);
}

static void probe_ended(struct ctr_exec *x)
{
	struct health *h = x->ctx;
	char late[96];

	int code = x->exit_code;
	take_output(h);
	ctr_exec_drop(x);
	(void)snprintf(late, sizeof(late), "Health check exceeded timeout (%lldms)", (long long)h->timeout_ms); /* fits */
	if (h->was_late)
		probe_end(h, -1, late);
	else
		probe_end(h, code, buf_str(&h->output));
}

static void probe_started(struct ctr_exec *x, const struct err *e)
{
	struct health *h = x->ctx;

	if (e == NULL)
		return;
	ctr_exec_drop(x);
	probe_end(h, -1, e->msg);
}

/* The exec's request: CMD as it is, CMD-SHELL through the image's shell. */
static void print_request(const struct ctr *c, struct buf *b)
{
	struct json_iter it = json_iter(test_of(c));
	struct json_writer w;

	jw_init(&w, b);
	jw_obj(&w);
	jw_kbool(&w, "AttachStdout", true);
	jw_kbool(&w, "AttachStderr", true);
	jw_key(&w, "Cmd");
	jw_arr(&w);
	bool is_shell = json_next(&it) && strcmp(json_str_or(it.value, ""), "CMD-SHELL") == 0;
	struct json_iter shell = json_iter(json_get(c->conf.config, "Shell"));
	if (is_shell && json_len(json_get(c->conf.config, "Shell")) > 0) {
		while (json_next(&shell))
			jw_value(&w, shell.value);
	} else if (is_shell) {
		jw_str(&w, "/bin/sh");
		jw_str(&w, "-c");
	}
	while (json_next(&it))
		jw_value(&w, it.value);
	jw_end_arr(&w);
	jw_end_obj(&w);
}

static int probe(struct health *h, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(1 << 20);
	struct json_doc *doc = NULL;
	int p[2];

	print_request(h->c, &b);
	int r = buf_error(&b) < 0 ? err_set(e, -buf_error(&b), "health check") : json_parse(b.data, b.len, &doc, e);
	if (r == 0)
		r = ctr_exec_make(h->c, json_root(doc), "", &h->x, e);
	json_free(doc);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) < 0) {
		r = err_set(e, errno, "health check");
		ctr_exec_drop(take_ptr(h->x));
		return r;
	}
	(void)shutdown(p[0], SHUT_WR); /* we only listen */
	r = start_output(h, p[0], e);
	if (r < 0) {
		close(p[1]);
		ctr_exec_drop(take_ptr(h->x));
		return r;
	}
	h->x->ctx = h;
	h->x->on_started = probe_started;
	h->x->on_ended = probe_ended;
	r = ctr_exec_start(h->x, p[1], MON_ATTACH_STDOUT | MON_ATTACH_STDERR | MON_ATTACH_RAW, 0, 0, e);
	if (r < 0) {
		ctr_exec_drop(take_ptr(h->x));
		stop_output(h);
	}
	return r;
}

static void timer_fired(struct timer *t)
{
	struct health *h = owner_of(t, struct health, timer);
	struct err e;

	if (h->x != NULL) { /* too late: it is ended, and says so */
		owned_fd int fd = h->x->pid > 0 ? sys_pidfd_open(h->x->pid, 0) : -1;
		h->was_late = true;
		if (fd >= 0)
			(void)sys_pidfd_send_signal(fd, SIGKILL); /* gone already is fine */
		return;
	}
	if (h->c->life->phase == PHASE_PAUSED) {
		arm_next(h);
		return;
	}
	h->was_late = false;
	h->start_ns = clock_real_ns();
	buf_clear(&h->output);
	if (probe(h, &e) < 0)
		judge(h, -1, e.msg);
	else
		arm(h, h->timeout_ms);
}

void ctr_health_start(struct ctr *c)
{
	struct health *h;

	ctr_health_free(c);
	if (test_of(c) == NULL || (h = calloc(1, sizeof(*h))) == NULL)
		return;
	h->c = c;
	h->status = HEALTH_STARTING;
	h->timer.fire = timer_fired;
	h->interval_ms = setting(c, "Interval", 30000);
	h->timeout_ms = setting(c, "Timeout", 30000);
	h->start_period_ms = setting(c, "StartPeriod", 0);
	h->start_interval_ms = setting(c, "StartInterval", 5000);
	int64_t retries = json_int(json_get(json_get(c->conf.config, "Healthcheck"), "Retries"), 0);
	h->retries = retries > 0 && retries < 1000000 ? (unsigned)retries : 3;
	h->begun_ms = clock_mono_ms();
	buf_init(&h->output, OUTPUT_MAX);
	c->life->health = h;
	arm_next(h);
}

void ctr_health_stop(struct ctr *c)
{
	struct health *h = c->life->health;

	if (h == NULL)
		return;
	timer_disarm(&c->d->loop, &h->timer);
	if (h->x != NULL)
		ctr_exec_drop(take_ptr(h->x));
	stop_output(h);
	if (h->status == HEALTH_HEALTHY)
		h->status = HEALTH_UNHEALTHY; /* what does not run is not well */
}

void ctr_health_free(struct ctr *c)
{
	struct health *h = c->life->health;

	if (h == NULL)
		return;
	ctr_health_stop(c);
	for (unsigned i = 0; i < h->n_log; i++)
		free(h->log[i].output);
	buf_release(&h->output);
	free(h);
	c->life->health = NULL;
}

const char *ctr_health_status(const struct ctr *c)
{
	return c->life->health == NULL ? "none" : status_name(c->life->health->status);
}

void ctr_health_print(const struct ctr *c, struct json_writer *w)
{
	const struct health *h = c->life->health;
	char when[CLOCK_RFC3339_SIZE];

	if (h == NULL)
		return;
	jw_key(w, "Health");
	jw_obj(w);
	jw_kstr(w, "Status", status_name(h->status));
	jw_kint(w, "FailingStreak", h->streak);
	jw_key(w, "Log");
	jw_arr(w);
	for (unsigned i = 0; i < h->n_log; i++) {
		jw_obj(w);
		clock_rfc3339(h->log[i].start_ns, when);
		jw_kstr(w, "Start", when);
		clock_rfc3339(h->log[i].end_ns, when);
		jw_kstr(w, "End", when);
		jw_kint(w, "ExitCode", h->log[i].exit_code);
		jw_kstr(w, "Output", h->log[i].output != NULL ? h->log[i].output : "");
		jw_end_obj(w);
	}
	jw_end_arr(w);
	jw_end_obj(w);
}
