// SPDX-License-Identifier: Apache-2.0
/* NTP packets, and what is done about the clock. */
#include "tests/unit/test.h"

#include "images/time/policy.h"
#include "lib/codec/sntp.h"

#include <errno.h>
#include <string.h>

#define S INT64_C(1000000000)
#define COOKIE 0x0123456789abcdefu
#define NOW (1764076027 * S) /* 2025 */

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void answer(uint8_t p[SNTP_LEN], int64_t received_s, int64_t sent_s)
{
	sntp_write(COOKIE, p);
	memcpy(p + 24, p + 40, 8);
	p[0] = 4 << 3 | 4;
	p[1] = 2;
	put32(p + 4, 0x8000);   /* half a second */
	put32(p + 8, 0x10000);  /* one */
	put32(p + 32, (uint32_t)(received_s + 2208988800));
	put32(p + 36, 0x80000000);
	put32(p + 40, (uint32_t)(sent_s + 2208988800));
	put32(p + 44, 0xc0000000);
}

static void test_reads(void **state)
{
	(void)state;
	uint8_t p[SNTP_LEN];
	struct sntp s;

	answer(p, 1764076030, 1764076030);
	assert_int_equal(sntp_parse(p, sizeof(p), COOKIE, NOW, &s), 0);
	assert_int_equal(s.stratum, 2);
	assert_int_equal(s.root_delay_ns, S / 2);
	assert_int_equal(s.root_dispersion_ns, S);
	assert_int_equal(s.received_ns, 1764076030 * S + S / 2);
	assert_int_equal(s.sent_ns, 1764076030 * S + S / 4 * 3);
	/* sent 3.5 s before its clock says it came, answered, came 2 s after it was sent */
	assert_int_equal(sntp_offset_ns(&s, NOW, NOW + 2 * S), (S * 7 / 2 + S * 7 / 4) / 2);
	assert_int_equal(sntp_delay_ns(&s, NOW, NOW + 2 * S), 2 * S - S / 4);
}

static void test_eras(void **state)
{
	(void)state;
	static const int64_t at[] = {100, 2085978495, 2085978496, 2085978497, 4102444800};
	uint8_t p[SNTP_LEN];
	struct sntp s;

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		for (int64_t away = -2000000000; away <= 2000000000; away += 1000000000) {
			if (at[i] + away < 0 || (at[i] + away) > INT64_MAX / 2 / S) /* refused */
				continue;
			answer(p, at[i], at[i]);
			assert_int_equal(sntp_parse(p, sizeof(p), COOKIE, (at[i] + away) * S, &s), 0);
			assert_int_equal(s.received_ns / S, at[i]);
		}
}

static void test_refuses(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint8_t value;
		int want;
	} all[] = {
		{0, 4 << 3 | 3, -EBADMSG}, {0, 4 << 3 | 5, -EBADMSG}, {0, 2 << 3 | 4, -EBADMSG}, {24, 0xff, -EBADMSG}, {31, 0, -EBADMSG},
		{0, 3 << 6 | 4 << 3 | 4, -EAGAIN}, {1, 16, -EAGAIN}, {5, 0xff, -EAGAIN}, {8, 0xff, -EAGAIN},
	};
	uint8_t p[SNTP_LEN];
	struct sntp s;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		answer(p, 1764076030, 1764076030);
		p[all[i].at] = all[i].value;
		assert_int_equal(sntp_parse(p, sizeof(p), COOKIE, NOW, &s), all[i].want);
	}
	answer(p, 1764076030, 1764076030);
	for (size_t n = 0; n < SNTP_LEN; n++)
		assert_int_equal(sntp_parse(p, n, COOKIE, NOW, &s), -EBADMSG);
	answer(p, 1764076030, 1764076029); /* before it was asked */
	assert_int_equal(sntp_parse(p, sizeof(p), COOKIE, NOW, &s), -EAGAIN);
	answer(p, 1764076030, 1764076050);
	assert_int_equal(sntp_parse(p, sizeof(p), COOKIE, NOW, &s), -EAGAIN);
	answer(p, 1764076030, 1764076030);
	memset(p + 32, 0, 16);
	assert_int_equal(sntp_parse(p, sizeof(p), COOKIE, NOW, &s), -EAGAIN);
}

static void test_kiss(void **state)
{
	(void)state;
	uint8_t p[SNTP_LEN];
	struct sntp s;

	answer(p, 0, 0);
	p[0] |= 3 << 6;
	p[1] = 0;
	memcpy(p + 12, "RA\nE", 4);
	assert_int_equal(sntp_parse(p, sizeof(p), COOKIE, NOW, &s), 0);
	assert_int_equal(s.stratum, 0);
	assert_string_equal(s.kiss, "RA?E");
}

static void test_chooses(void **state)
{
	(void)state;
	struct sample one[] = {{5, 9, 0}}, two[] = {{5, 9, 0}, {100, 3, 1}}, three[] = {{5, 9, 0}, {900000, 1, 1}, {7, 8, 2}},
		      five[] = {{-900, 1, 0}, {900, 1, 1}, {7, 8, 2}, {9, 9, 3}, {8, 9, 4}};

	assert_int_equal(one[policy_choose(one, 1)].server, 0);
	assert_int_equal(two[policy_choose(two, 2)].server, 1);
	assert_int_equal(three[policy_choose(three, 3)].server, 2);
	assert_int_equal(five[policy_choose(five, 5)].server, 4);
}

static void test_policy(void **state)
{
	(void)state;
	struct policy p = {.poll = POLICY_POLL_MIN};

	assert_int_equal(policy_round(&p, 3600 * S), POLICY_STEP); /* the first time */
	assert_int_equal(policy_round(&p, S / 1000), POLICY_SLEW);
	assert_int_equal(policy_round(&p, -POLICY_STEP_NS), POLICY_SLEW);
	assert_int_equal(policy_round(&p, -POLICY_STEP_NS - 1), POLICY_WAIT);
	assert_int_equal(policy_next_s(&p, true), 16);
	assert_int_equal(policy_round(&p, POLICY_STEP_NS + 1), POLICY_WAIT); /* the other way: counts anew */
	assert_int_equal(policy_round(&p, S), POLICY_WAIT);
	assert_int_equal(policy_round(&p, 0), POLICY_SLEW); /* it was nothing */
	for (int i = 0; i < 2; i++)
		assert_int_equal(policy_round(&p, S), POLICY_WAIT);
	assert_int_equal(policy_round(&p, S), POLICY_STEP);
}

static void test_poll(void **state)
{
	(void)state;
	struct policy p = {0};
	unsigned longest = 0;

	assert_int_equal(policy_next_s(&p, true), 64);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(policy_round(&p, 1000), POLICY_SLEW);
		longest = policy_next_s(&p, true);
	}
	assert_int_equal(longest, 1024);
	(void)policy_round(&p, S / 10);
	assert_int_equal(policy_next_s(&p, true), 64);
	static const unsigned waits[] = {2, 4, 8, 16, 32, 64, 64};
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		assert_int_equal(policy_next_s(&p, false), waits[i]);
	assert_int_equal(policy_next_s(&p, true), 64);
	assert_int_equal(policy_next_s(&p, false), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads), cmocka_unit_test(test_eras), cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_kiss), cmocka_unit_test(test_chooses), cmocka_unit_test(test_policy),
		cmocka_unit_test(test_poll),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
