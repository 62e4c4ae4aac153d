// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/test.h"

#include "userctr/human.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define H 3600

static void test_durations(void **state)
{
	static const struct {
		int64_t s;
		const char *text;
	} rows[] = {
		{-5, "Less than a second"}, {0, "Less than a second"}, {1, "1 second"}, {59, "59 seconds"}, {60, "About a minute"},
		{119, "About a minute"}, {120, "2 minutes"}, {3599, "59 minutes"}, {3600, "About an hour"}, {2 * H - 1801, "About an hour"},
		{5400, "2 hours"}, {2 * H, "2 hours"}, {47 * H, "47 hours"}, {48 * H, "2 days"}, {14 * 24 * H - 1801, "13 days"}, {14 * 24 * H, "2 weeks"},
		{60 * 24 * H, "2 months"}, {365LL * 24 * H, "12 months"}, {730LL * 24 * H, "2 years"},
	};
	char b[HUMAN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(human_duration(rows[i].s, b), rows[i].text);
}

static void test_sizes(void **state)
{
	char b[HUMAN_MAX];

	(void)state;
	assert_string_equal(human_size(0, 3, b), "0B");
	assert_string_equal(human_size(999, 3, b), "999B");
	assert_string_equal(human_size(1000, 3, b), "1kB");
	assert_string_equal(human_size(1982485, 3, b), "1.98MB");
	assert_string_equal(human_size(1982485, 4, b), "1.982MB");
	assert_string_equal(human_bytes(67108864, b), "64MiB");
	assert_string_equal(human_bytes(25276502016.0, b), "23.54GiB");
	assert_string_equal(human_size(1e300, 3, b), "1e+276YB");
}

static void test_parsed_sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t n;
	} rows[] = {{"0", 0}, {"5", 5}, {"5b", 5}, {"1k", 1024}, {"1KB", 1024}, {"1KiB", 1024}, {"1.5m", 3 << 19}, {"2 g", 2LL << 30},
		    {"1t", 1LL << 40}, {"-1", -1}};
	static const char *const bad[] = {"", "x", "1x", "-2", "1kk", "1e", "0x10", "99999999999t", "1 k ", " 1"};
	int64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(human_parse_bytes(rows[i].text, &n), 0);
		assert_int_equal(n, rows[i].n);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (human_parse_bytes(bad[i], &n) == 0)
			fail_msg("'%s' is taken", bad[i]);
}

static void test_parsed_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
		const char *again;
	} rows[] = {{"0", 0, "0s"}, {"1s", 1000000000, "1s"}, {"1m30s", 90000000000, "1m30s"}, {"1.5h", 5400000000000, "1h30m0s"},
		    {"-2s", -2000000000, "-2s"}, {"300ms", 300000000, "300ms"}, {"1500us", 1500000, "1.5ms"}, {"1h1.5s", 3601500000000, "1h0m1.5s"},
		    {"7ns", 7, "7ns"}};
	int64_t ns;
	char b[HUMAN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(human_parse_duration(rows[i].text, &ns), 0);
		assert_int_equal(ns, rows[i].ns);
		assert_string_equal(human_duration_ns(ns, b), rows[i].again);
	}
	assert_int_equal(human_parse_duration("3", &ns), -ENOMSG);
	assert_int_equal(human_parse_duration("", &ns), -EINVAL);
	assert_int_equal(human_parse_duration("1x", &ns), -EINVAL);
	assert_int_equal(human_parse_duration("s", &ns), -EINVAL);
	assert_int_equal(human_parse_duration("1.2.3s", &ns), -EINVAL);
	assert_int_equal(human_parse_duration("999999999999h", &ns), -EINVAL);
}

static void test_moments(void **state)
{
	const int64_t now = 1700000000LL * 1000000000 + 5;
	char b[HUMAN_MAX];

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	assert_int_equal(human_parse_moment("1700000001.5", now, b), 0);
	assert_string_equal(b, "1700000001.5");
	assert_int_equal(human_parse_moment("10s", now, b), 0);
	assert_string_equal(b, "1699999990.000000005");
	assert_int_equal(human_parse_moment("2013-01-02T13:23:37Z", now, b), 0);
	assert_string_equal(b, "1357133017.000000000");
	assert_int_equal(human_parse_moment("2013-01-02T14:23:37.25+01:00", now, b), 0);
	assert_string_equal(b, "1357133017.250000000");
	assert_int_equal(human_parse_moment("2013-01-02", now, b), 0);
	assert_string_equal(b, "1357084800.000000000");
	assert_int_equal(human_parse_moment("x", now, b), -EINVAL);
	assert_int_equal(human_parse_moment("2013-01-02Tx", now, b), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),	 cmocka_unit_test(test_sizes),	 cmocka_unit_test(test_parsed_sizes),
		cmocka_unit_test(test_parsed_durations), cmocka_unit_test(test_moments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
