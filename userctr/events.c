// SPDX-License-Identifier: Apache-2.0
/* The ring of past events and those who follow. */
#include "userctr/events.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/list.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/loop/loop.h"
#include "userctr/daemon.h"
#include "userctr/event.h"
#include "userctr/filters.h"
#include "userctr/req.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RING 256

struct event {
	char *line; /* owned */
	size_t len;
	int64_t time_ns;
};

struct events {
	struct list followers;
	struct event ring[RING];
	uint64_t next; /* how many there were; the ring holds the last of them */
};

struct follower {
	struct list link;
	struct req *q; /* owned until it is gone */
	struct filters filters; /* owned */
	struct timer until;
	bool *ret_gone; /* set when it goes while its past is told */
};

int events_open(struct daemon *d, struct err *e)
{
	d->events = calloc(1, sizeof(*d->events));
	if (d->events == NULL)
		return err_set(e, ENOMEM, "events");
	list_init(&d->events->followers);
	return 0;
}

static void follower_free(struct follower *f)
{
	timer_disarm(&f->q->d->loop, &f->until);
	list_del(&f->link);
	filters_release(&f->filters);
	if (f->ret_gone != NULL)
		*f->ret_gone = true;
	free(f);
}

static void follower_gone(struct req *q)
{
	follower_free(q->ctx);
}

static void follower_end(struct follower *f)
{
	struct req *q = f->q;

	q->on_gone = NULL;
	follower_free(f);
	stream_close(q);
}

static void follower_due(struct timer *t)
{
	follower_end(owner_of(t, struct follower, until));
}

void events_close(struct daemon *d)
{
	if (d->events == NULL)
		return;
	list_for_each_safe(it, &d->events->followers)
		follower_end(owner_of(it, struct follower, link));
	for (size_t i = 0; i < RING; i++)
		free(d->events->ring[i].line);
	free(d->events);
	d->events = NULL;
}

/* f may be gone after this: a client that left is found out by writing to it. doc: the line parsed, or NULL to do so. */
static void tell(struct follower *f, const struct event *ev, const struct json_doc *doc)
{
	struct json_doc *own = NULL;

	if (f->filters.n > 0) {
		if (doc == NULL && json_parse(ev->line, ev->len, &own, NULL) < 0)
			return;
		bool is_wanted = event_matches(&f->filters, json_root(doc != NULL ? doc : own));
		json_free(own);
		if (!is_wanted)
			return;
	}
	stream_put(f->q, ev->line, ev->len);
}

void event_emit(struct daemon *d, const char *type, const char *action, const char *id, const struct event_attr *attrs,
		size_t n, const struct json *labels)
{
	struct events *evs = d->events;
	struct buf line = BUF_INIT(EVENT_MAX);
	struct json_doc *doc = NULL;
	int64_t now = clock_real_ns();

	if (evs == NULL)
		return;
	struct event *ev = &evs->ring[evs->next % RING];
	event_print(&line, type, action, id, attrs, n, labels, now);
	size_t len = line.len;
	char *text = buf_take(&line);
	if (text == NULL)
		return; /* no memory: whoever follows cannot be told either */
	free(ev->line);
	*ev = (struct event){.line = text, .len = len, .time_ns = now};
	evs->next++;
	if (!list_is_empty(&evs->followers))
		(void)json_parse(text, len, &doc, NULL); /* NULL: each parses for itself and finds out */
	list_for_each_safe(it, &evs->followers)
		tell(owner_of(it, struct follower, link), ev, doc);
	json_free(doc);
}

void events_follow(struct req *q, int64_t since_ns, int64_t until_ns, struct filters *filters)
{
	struct events *evs = q->d->events;
	int64_t now = clock_real_ns();
	bool is_gone = false;

	struct follower *f = calloc(1, sizeof(*f));
	if (f == NULL) {
		filters_release(filters);
		reply_error(q, 500, "out of memory");
		return;
	}
	*f = (struct follower){.q = q, .filters = *filters, .until = {.fire = follower_due}, .ret_gone = &is_gone};
	*filters = (struct filters){0};
	list_add_tail(&evs->followers, &f->link);
	q->ctx = f;
	q->on_gone = follower_gone;
	stream_open(q, 200, TYPE_JSON);
	uint64_t first = evs->next > RING ? evs->next - RING : 0;
	for (uint64_t i = first; since_ns > 0 && i < evs->next && !is_gone; i++) {
		const struct event *ev = &evs->ring[i % RING];
		if (ev->time_ns >= since_ns && (until_ns == 0 || ev->time_ns <= until_ns))
			tell(f, ev, NULL);
	}
	if (is_gone)
		return;
	f->ret_gone = NULL;
	if (until_ns > 0 && until_ns <= now)
		follower_end(f);
	else if (until_ns > 0)
		timer_arm(&q->d->loop, &f->until, clock_mono_ms() + (until_ns - now) / 1000000 + 1);
}
