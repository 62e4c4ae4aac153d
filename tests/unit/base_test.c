// SPDX-License-Identifier: Apache-2.0
/* lib/base: error sentences, buffers at their limits, step tables with undo, time stamps. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/list.h"
#include "lib/base/steps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void test_err_sentences(void **state)
{
	struct err e = {0};

	(void)state;
	int r = err_set(&e, ENOENT, "open '%s'", "x");
	assert_int_equal(r, -ENOENT);
	assert_string_equal(e.msg, "open 'x': No such file or directory");
	assert_int_equal(err_wrap(&e, r, "container '%s'", "web"), -ENOENT);
	assert_string_equal(e.msg, "container 'web': open 'x': No such file or directory");
	assert_int_equal(err_set(&e, E_SPEC, "process.args: missing"), -E_SPEC);
	assert_string_equal(e.msg, "process.args: missing");
	assert_int_equal(err_set(NULL, EPERM, "nobody reads this"), -EPERM);
	assert_int_equal(err_set(&e, 0, "a bug"), -EINVAL);
}

static void test_err_wrap_cuts_at_the_end(void **state)
{
	char longish[1000];
	struct err e = {0};

	(void)state;
	memset(longish, 'a', sizeof(longish) - 1);
	longish[sizeof(longish) - 1] = '\0';
	err_say(&e, EIO, "%s", longish);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	err_wrap(&e, -EIO, "outer");
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_memory_equal(e.msg, "outer: aaa", 10);
	err_wrap(&e, -EIO, "%s", longish);
	assert_true(strlen(e.msg) < sizeof(e.msg));
}

static void test_buf_limits(void **state)
{
	struct buf b = BUF_INIT(5);

	(void)state;
	assert_string_equal(buf_str(&b), "");
	buf_puts(&b, "abc");
	buf_printf(&b, "%d", 12);
	assert_string_equal(buf_str(&b), "abc12");
	buf_putc(&b, 'x');
	assert_int_equal(buf_error(&b), -E_LIMIT);
	buf_putc(&b, 'y'); /* sticky */
	assert_int_equal(b.len, 5);
	assert_null(buf_take(&b));
	buf_init(&b, 100);
	buf_puts(&b, "hello");
	buf_consume(&b, 2);
	assert_string_equal(buf_str(&b), "llo");
	buf_consume(&b, 100);
	assert_string_equal(buf_str(&b), "");
	buf_release(&b);
}

/* Every length around the sizes that the buffer grows in: the sanitizer watches the last byte. */
static void test_buf_grows(void **state)
{
	char text[600];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t n = 0; n <= sizeof(text); n++) {
		struct buf b = BUF_INIT(600);
		buf_put(&b, text, n);
		assert_int_equal(buf_error(&b), 0);
		assert_int_equal(strlen(buf_str(&b)), n);
		buf_release(&b);
	}
}

static char trace[64];

static int go_a(void *ctx, struct err *e)
{
	(void)ctx, (void)e;
	strcat(trace, "a");
	return 0;
}

static int go_fail(void *ctx, struct err *e)
{
	(void)ctx;
	strcat(trace, "f");
	return err_set(e, EBUSY, "cgroup.procs");
}

static void undo_a(void *ctx)
{
	(void)ctx;
	strcat(trace, "A");
}

static void undo_b(void *ctx)
{
	(void)ctx;
	strcat(trace, "B");
}

static void test_steps_undo_in_reverse(void **state)
{
	static const struct step t[] = {{"one", go_a, undo_a}, {"two", go_a, undo_b}, {"three", go_fail, undo_a}};
	struct err e;

	(void)state;
	trace[0] = '\0';
	assert_int_equal(steps_run(t, 3, NULL, &e), -EBUSY);
	assert_string_equal(trace, "aafBA");
	assert_string_equal(e.msg, "three: cgroup.procs: Device or resource busy");
	trace[0] = '\0';
	assert_int_equal(steps_run(t, 2, NULL, &e), 0);
	assert_string_equal(trace, "aa");
}

static void test_rfc3339(void **state)
{
	char out[CLOCK_RFC3339_SIZE];

	(void)state;
	clock_rfc3339(0, out);
	assert_string_equal(out, "1970-01-01T00:00:00.000000000Z");
	clock_rfc3339(1795478400123456789, out);
	assert_string_equal(out, "2026-11-24T00:00:00.123456789Z");
	clock_rfc3339(-1, out);
	assert_string_equal(out, "1969-12-31T23:59:59.999999999Z");
}

static void test_list(void **state)
{
	struct list head = LIST_INIT(head), a, b;
	int n = 0;

	(void)state;
	list_init(&a);
	list_del(&a); /* in no list: harmless */
	list_add_tail(&head, &a);
	list_add_tail(&head, &b);
	list_for_each_safe(it, &head) {
		list_del(it);
		n++;
	}
	assert_int_equal(n, 2);
	assert_true(list_is_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err_sentences),	     cmocka_unit_test(test_err_wrap_cuts_at_the_end),
		cmocka_unit_test(test_buf_limits),	     cmocka_unit_test(test_steps_undo_in_reverse),
		cmocka_unit_test(test_rfc3339),		     cmocka_unit_test(test_list),
		cmocka_unit_test(test_buf_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
