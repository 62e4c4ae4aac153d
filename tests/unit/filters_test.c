// SPDX-License-Identifier: Apache-2.0
/* Filters: both spellings, refusals, matching, instants. */
#include "tests/unit/test.h"

#include "lib/base/err.h"
#include "lib/codec/json.h"
#include "userctr/filters.h"
#include "userctr/ids.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct filters parse(const char *text)
{
	struct filters f;
	struct err e;

	if (filters_parse(text, "name id label label! until dangling", &f, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return f;
}

static void refused(const char *text, const char *why)
{
	struct filters f;
	struct err e;

	assert_int_equal(filters_parse(text, "name label", &f, &e), -EINVAL);
	assert_string_equal(e.msg, why);
}

static void test_forms(void **state)
{
	(void)state;
	struct filters f = parse("{\"name\":{\"a\":true,\"b\":true},\"id\":[\"ab\"]}");

	assert_int_equal(f.n, 3);
	assert_true(filters_match(&f, "name", "b"));
	assert_false(filters_match(&f, "name", "c"));
	assert_true(filters_match(&f, "label", "anything"));
	assert_true(filters_match_prefix(&f, "id", "abcdef"));
	assert_false(filters_match_prefix(&f, "id", "xab"));
	assert_true(filters_has(&f, "id"));
	assert_false(filters_has(&f, "until"));
	filters_release(&f);
	f = parse(NULL);
	assert_true(filters_match(&f, "name", "x"));
	filters_release(&f);

	refused("[]", "invalid filter");
	refused("{", "invalid filter");
	refused("{\"name\":1}", "invalid filter");
	refused("{\"name\":[1]}", "invalid filter");
	refused("{\"bogus\":[\"x\"]}", "invalid filter 'bogus'");
	refused("{\"nam\":[\"x\"]}", "invalid filter 'nam'");
	refused("{\"\":[\"x\"]}", "invalid filter ''");
}

static void test_regex(void **state)
{
	(void)state;
	struct filters f = parse("{\"name\":[\"^web-[0-9]+$\"]}");

	assert_true(filters_match_regex(&f, "name", "web-12"));
	assert_false(filters_match_regex(&f, "name", "web-x"));
	filters_release(&f);
	f = parse("{\"name\":[\"eb\"]}");
	assert_true(filters_match_regex(&f, "name", "web"));
	filters_release(&f);
	f = parse("{\"name\":[\"a(\"]}");
	assert_true(filters_match_regex(&f, "name", "xa(y"));
	assert_false(filters_match_regex(&f, "name", "xa"));
	filters_release(&f);
}

static void test_labels(void **state)
{
	struct json_doc *d;
	static const char text[] = "{\"a\":\"1\",\"b\":\"\"}";

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &d, NULL), 0);
	struct filters f = parse("{\"label\":[\"a=1\",\"b\"],\"label!\":[\"c\",\"a=2\"]}");
	assert_true(filters_match_labels(&f, "label", json_root(d)));
	assert_false(filters_match_labels(&f, "label", NULL));
	assert_true(filters_miss_labels(&f, "label!", json_root(d)));
	filters_release(&f);
	f = parse("{\"label\":[\"a=1\",\"c\"],\"label!\":[\"a\"]}");
	assert_false(filters_match_labels(&f, "label", json_root(d)));
	assert_false(filters_miss_labels(&f, "label!", json_root(d)));
	filters_release(&f);
	json_free(d);
}

static void until(const char *value, int r, int64_t want)
{
	char text[100];
	int64_t ns = 0;

	snprintf(text, sizeof(text), "{\"until\":[\"%s\"]}", value);
	struct filters f = parse(text);
	assert_int_equal(filters_until(&f, 100000000000, &ns, NULL), r);
	if (r == 1)
		assert_int_equal(ns, want);
	filters_release(&f);
}

static void test_values(void **state)
{
	(void)state;
	until("10s", 1, 90000000000);
	until("1m10s", 1, 30000000000);
	until("12.5", 1, 12500000000);
	until("1970-01-01T00:01:00Z", 1, 60000000000);
	until("1970-01-01T01:01:00.5+01:00", 1, 60500000000);
	until("1970-01-02", 1, 86400000000000);
	until("ten", -EINVAL, 0);
	until("10x", -EINVAL, 0);
	/* beyond what nanoseconds can say */
	until("1013-01-02T03:04:05Z", -EINVAL, 0);
	until("9999-01-02", -EINVAL, 0);
	until("99999999999999", -EINVAL, 0);

	struct filters f = parse("{\"dangling\":[\"true\"]}");
	assert_int_equal(filters_bool(&f, "dangling", -1, NULL), 1);
	assert_int_equal(filters_bool(&f, "other", -1, NULL), -1);
	filters_release(&f);
	f = parse("{\"dangling\":[\"maybe\"]}");
	assert_int_equal(filters_bool(&f, "dangling", -1, NULL), -EINVAL);
	filters_release(&f);
}

static void test_ids(void **state)
{
	char a[ID_SIZE], b[ID_SIZE];

	(void)state;
	id_make(a);
	id_make(b);
	assert_true(id_is_full(a));
	assert_string_not_equal(a, b);
	assert_false(id_is_full("abc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),  cmocka_unit_test(test_regex), cmocka_unit_test(test_labels),
		cmocka_unit_test(test_values), cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
