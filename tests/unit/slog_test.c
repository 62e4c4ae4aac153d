// SPDX-License-Identifier: Apache-2.0
/* The log service's pure parts: the limit per tag, and where another machine is. */
#include "tests/unit/test.h"

#include "images/syslog/slog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static struct rate r;
static char whose[SYSLOG_TAG_MAX + 1];
static uint32_t over;

static bool allow(const char *tag, int64_t now)
{
	struct syslog_text t = {tag, strlen(tag)};

	return rate_allow(&r, &t, now, &over, whose);
}

static void test_window(void **state)
{
	(void)state;
	r = (struct rate){.burst = 3, .window_ms = 1000};
	for (int i = 0; i < 3; i++)
		assert_true(allow("a", 10000));
	for (int i = 0; i < 5; i++)
		assert_false(allow("a", 10999));
	assert_true(allow("b", 10999)); /* others are not concerned */
	assert_int_equal(over, 0);
	assert_true(allow("a", 11000));
	assert_int_equal(over, 5);
	assert_string_equal(whose, "a");
	assert_true(allow("a", 11001));
	assert_int_equal(over, 0);
}

static void test_expire(void **state)
{
	(void)state;
	r = (struct rate){.burst = 1, .window_ms = 1000};
	assert_true(allow("a", 5000));
	assert_false(allow("a", 5000));
	assert_int_equal(rate_expire(&r, 5999, whose), 0);
	assert_int_equal(rate_expire(&r, 6000, whose), 1);
	assert_string_equal(whose, "a");
	assert_int_equal(rate_expire(&r, 6000, whose), 0);
}

static void test_no_limit_and_many_tags(void **state)
{
	(void)state;
	char tag[100];

	r = (struct rate){.burst = 0, .window_ms = 1000};
	for (int i = 0; i < 10000; i++)
		assert_true(allow("a", 1));
	r.burst = 2;
	for (int i = 0; i < 10000; i++) {
		snprintf(tag, sizeof(tag), "%090d", i);
		(void)allow(tag, 1); /* longer than what is kept, and more than there are slots */
	}
	assert_true(allow("", 1));
}

static void test_remote(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum remote_kind kind; /* NONE: refused */
		int port;
	} all[] = {
		{"udp://192.0.2.1", REMOTE_UDP, 514}, {"tcp://192.0.2.1:601", REMOTE_TCP, 601}, {"udp://[fd00::1]", REMOTE_UDP, 514},
		{"tcp://[fd00::1]:65535", REMOTE_TCP, 65535}, {"udp://log.example", REMOTE_NONE, 0}, {"udp://", REMOTE_NONE, 0},
		{"192.0.2.1", REMOTE_NONE, 0}, {"udp://192.0.2.1:", REMOTE_NONE, 0}, {"udp://192.0.2.1:0", REMOTE_NONE, 0},
		{"udp://192.0.2.1:65536", REMOTE_NONE, 0}, {"udp://192.0.2.1:5x", REMOTE_NONE, 0}, {"udp://[fd00::1", REMOTE_NONE, 0},
		{"udp://[fd00::1]5", REMOTE_NONE, 0}, {"udp://[192.0.2.1]", REMOTE_NONE, 0}, {"udp://fd00::1", REMOTE_NONE, 0},
		{"udp://[", REMOTE_NONE, 0},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct remote m = {0};
		int rc = remote_parse(&m, all[i].text, strlen(all[i].text));
		assert_int_equal(rc, all[i].kind == REMOTE_NONE ? -EINVAL : 0);
		assert_int_equal(m.kind, all[i].kind);
		if (rc == 0) {
			struct sockaddr_in *a = (struct sockaddr_in *)&m.addr; /* the port is at the same place in both */
			assert_int_equal(ntohs(a->sin_port), all[i].port);
			assert_string_equal(m.name, all[i].text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window), cmocka_unit_test(test_expire), cmocka_unit_test(test_no_limit_and_many_tags),
		cmocka_unit_test(test_remote),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
