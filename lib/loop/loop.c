// SPDX-License-Identifier: Apache-2.0
/* The event loop. Allocates nothing: sources and timers live in their owners. */
#include "lib/loop/loop.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#define BATCH 32

int loop_init(struct loop *l, struct err *e)
{
	*l = (struct loop){.epfd = epoll_create1(EPOLL_CLOEXEC)};
	return l->epfd < 0 ? err_set(e, errno, "create epoll") : 0;
}

static void bury(struct loop *l)
{
	while (l->gone != NULL) {
		struct source *s = l->gone;
		l->gone = s->next_gone;
		s->loop = NULL;
		s->leaving = false;
		if (s->gone != NULL)
			s->gone(s);
	}
}

void loop_release(struct loop *l)
{
	bury(l);
	if (l->epfd >= 0)
		close(l->epfd);
	l->epfd = -1;
}

int loop_add(struct loop *l, struct source *s, uint32_t events, struct err *e)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, s->fd, &ev) < 0)
		return err_set(e, errno, "watch '%s'", s->name);
	s->loop = l;
	s->leaving = false;
	return 0;
}

int loop_change(struct source *s, uint32_t events, struct err *e)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	if (s->loop == NULL || s->leaving)
		return err_set(e, ENOENT, "watch '%s'", s->name);
	if (epoll_ctl(s->loop->epfd, EPOLL_CTL_MOD, s->fd, &ev) < 0)
		return err_set(e, errno, "watch '%s'", s->name);
	return 0;
}

/* epoll may already hold an event for s in the batch being dispatched, so s is only marked here; gone() runs once the
 * batch is over and nobody can reach s any more. */
void loop_remove(struct source *s)
{
	if (s->loop == NULL || s->leaving)
		return;
	(void)epoll_ctl(s->loop->epfd, EPOLL_CTL_DEL, s->fd, NULL); /* gone either way */
	s->leaving = true;
	s->next_gone = s->loop->gone;
	s->loop->gone = s;
}

void timer_disarm(struct loop *l, struct timer *t)
{
	if (!t->armed)
		return;
	for (struct timer **p = &l->timers; *p != NULL; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			break;
		}
	t->armed = false;
}

void timer_arm(struct loop *l, struct timer *t, int64_t due_ms)
{
	timer_disarm(l, t);
	t->due_ms = due_ms;
	t->armed = true;
	struct timer **p = &l->timers;
	while (*p != NULL && (*p)->due_ms <= due_ms)
		p = &(*p)->next;
	t->next = *p;
	*p = t;
}

static int wait_ms(const struct loop *l, int max_wait_ms)
{
	if (l->timers == NULL)
		return max_wait_ms;
	int64_t left = l->timers->due_ms - clock_mono_ms();
	if (left < 0)
		left = 0;
	if (max_wait_ms >= 0 && left > max_wait_ms)
		left = max_wait_ms;
	return left > 1000000 ? 1000000 : (int)left;
}

static void fire_due(struct loop *l)
{
	if (l->timers == NULL)
		return;
	int64_t now = clock_mono_ms();
	while (l->timers != NULL && l->timers->due_ms <= now) {
		struct timer *t = l->timers;
		l->timers = t->next;
		t->armed = false;
		t->fire(t);
	}
}

int loop_once(struct loop *l, int max_wait_ms, struct err *e)
{
	struct epoll_event ev[BATCH];

	int n = epoll_wait(l->epfd, ev, BATCH, wait_ms(l, max_wait_ms));
	if (n < 0) {
		if (errno != EINTR)
			return err_set(e, errno, "wait for events");
		n = 0;
	}
	for (int i = 0; i < n; i++) {
		struct source *s = ev[i].data.ptr;
		if (!s->leaving)
			s->ready(s, ev[i].events);
	}
	fire_due(l);
	bury(l);
	if (l->idle != NULL)
		l->idle(l);
	bury(l);
	return 0;
}

int loop_run(struct loop *l, struct err *e)
{
	while (!l->stop) {
		int r = loop_once(l, -1, e);
		if (r < 0)
			return r;
	}
	return 0;
}
