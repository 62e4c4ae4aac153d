/* lib/loop/loop.h - one thread, one epoll; sources are embedded in the objects they serve.
 *
 * Removal is deferred to the end of the batch: a handler may remove any source, itself included, twice; gone() is the
 * last call ever made on a source and the place to free its owner.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct err;
struct loop;
struct source;

/* Called when fd is ready. Must not block. Errors are the handler's to absorb: the loop never stops because one source failed. */
typedef void source_ready_fn(struct source *s, uint32_t events);
typedef void source_gone_fn(struct source *s);

struct source {
	int fd;		  /* borrowed; close it in gone(), not before */
	const char *name; /* for logs; static string */
	source_ready_fn *ready;
	source_gone_fn *gone; /* may be NULL */
	/* private to loop.c */
	struct loop *loop;
	struct source *next_gone;
	bool leaving;
};

/* A deadline. Embedded likewise; zero-initialise before first use. */
struct timer {
	int64_t due_ms; /* CLOCK_MONOTONIC */
	void (*fire)(struct timer *t);
	/* private to loop.c */
	struct timer *next;
	bool armed;
};

struct loop {
	int epfd; /* owned */
	bool stop;
	struct source *gone;
	struct timer *timers; /* sorted, soonest first */
	void (*idle)(struct loop *l); /* called after every batch, before waiting; may be NULL: wishes-then-act */
};

int loop_init(struct loop *l, struct err *e);
void loop_release(struct loop *l);

/* events: EPOLLIN, EPOLLOUT, EPOLLET...; 0 is allowed (errors and hang-ups only). */
int loop_add(struct loop *l, struct source *s, uint32_t events, struct err *e);
int loop_change(struct source *s, uint32_t events, struct err *e);
void loop_remove(struct source *s); /* safe from any handler, on any source, twice, and on one never added */

/* (Re)arm t to fire once at due_ms. */
void timer_arm(struct loop *l, struct timer *t, int64_t due_ms);
void timer_disarm(struct loop *l, struct timer *t);

/* Wait for one batch (at most until the next timer, and at most max_wait_ms unless that is -1), dispatch it, fire due
 * timers, bury the removed. Returns 0, or -errno of epoll_wait(2) (EINTR counts as an empty batch). */
int loop_once(struct loop *l, int max_wait_ms, struct err *e);

/* loop_once() until l->stop. */
int loop_run(struct loop *l, struct err *e);

#endif
