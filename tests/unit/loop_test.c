// SPDX-License-Identifier: Apache-2.0
/* The event loop: removal inside a batch, timers in order, idle after each batch. */
#include "tests/unit/test.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/loop/loop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

struct conn {
	struct source s;
	struct conn *other;
	int *freed;
};

static void conn_gone(struct source *s)
{
	struct conn *c = owner_of(s, struct conn, s);

	close(s->fd);
	(*c->freed)++;
	free(c);
}

static int ready_calls;

/* Each connection removes the other twice, then itself: nothing may be used after its gone(). */
static void conn_ready(struct source *s, uint32_t events)
{
	struct conn *c = owner_of(s, struct conn, s);

	(void)events;
	ready_calls++;
	loop_remove(&c->other->s);
	loop_remove(&c->other->s);
	loop_remove(s);
}

static struct conn *conn_new(struct loop *l, int *freed)
{
	struct conn *c = calloc(1, sizeof(*c));

	c->freed = freed;
	c->s = (struct source){.fd = eventfd(1, EFD_CLOEXEC), .name = "conn", .ready = conn_ready, .gone = conn_gone};
	assert_int_equal(loop_add(l, &c->s, EPOLLIN, NULL), 0);
	return c;
}

static void test_mutual_removal(void **state)
{
	struct loop l;
	int freed = 0;

	(void)state;
	assert_int_equal(loop_init(&l, NULL), 0);
	struct conn *a = conn_new(&l, &freed), *b = conn_new(&l, &freed);
	a->other = b;
	b->other = a;
	assert_int_equal(loop_once(&l, 1000, NULL), 0);
	assert_int_equal(freed, 2);
	assert_int_equal(ready_calls, 1); /* both had an event in the batch, the removed one is not told */
	loop_release(&l);
}

static struct loop timer_loop;
static char fired[8];

static void fire_first(struct timer *t)
{
	(void)t;
	strcat(fired, "1");
}

static void fire_second(struct timer *t)
{
	(void)t;
	strcat(fired, "2");
	timer_loop.stop = true;
}

static void test_timers_in_order(void **state)
{
	struct timer first = {.fire = fire_first}, second = {.fire = fire_second}, never = {.fire = fire_second};
	int64_t now = clock_mono_ms();

	(void)state;
	fired[0] = '\0';
	assert_int_equal(loop_init(&timer_loop, NULL), 0);
	timer_arm(&timer_loop, &second, now + 2);
	timer_arm(&timer_loop, &never, now + 1);
	timer_arm(&timer_loop, &first, now + 1);
	timer_arm(&timer_loop, &first, now); /* re-armed, not doubled */
	timer_disarm(&timer_loop, &never);
	assert_int_equal(loop_run(&timer_loop, NULL), 0);
	assert_string_equal(fired, "12");
	loop_release(&timer_loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mutual_removal),
		cmocka_unit_test(test_timers_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
