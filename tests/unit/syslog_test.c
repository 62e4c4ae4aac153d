// SPDX-License-Identifier: Apache-2.0
/* Log messages: the forms that programs send, records of the kernel, what a line may hold. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/codec/syslog.h"

#include <stdio.h>
#include <string.h>

static void expect(const char *in, size_t len, const char *want)
{
	struct syslog_msg m;
	char got[512];

	syslog_parse(in, len, &m);
	snprintf(got, sizeof(got), "%u.%u|%.*s|%.*s|%.*s|%.*s", m.facility, m.severity, (int)m.host.len, m.host.p,
		 (int)m.tag.len, m.tag.p, (int)m.pid.len, m.pid.p, (int)m.text.len, m.text.p);
	assert_string_equal(got, want);
}

#define EXPECT(in, want) expect(in, sizeof(in) - 1, want)

static void test_priority(void **state)
{
	(void)state;
	EXPECT("<0>x", "0.0||||x");
	EXPECT("<191>x", "23.7||||x");
	EXPECT("<192>x", "1.5||||<192>x");
	EXPECT("<>x", "1.5||||<>x");
	EXPECT("<13", "1.5||||<13");
	EXPECT("<1234>x", "1.5||||<1234>x");
	EXPECT("<1a>x", "1.5||||<1a>x");
	EXPECT("", "1.5||||");
	EXPECT("<13>", "1.5||||");
}

static void test_local(void **state)
{
	(void)state;
	EXPECT("<30>Nov 25 13:07:07 sshd[12]: hello", "3.6||sshd|12|hello");
	EXPECT("<30>Nov  5 13:07:07 sshd: hello\n", "3.6||sshd||hello");
	EXPECT("<30>2026-11-25T13:07:07.123+01:00 app: hello", "3.6||app||hello");
	EXPECT("<30>sshd[12]:hello", "3.6||sshd|12|hello");
	EXPECT("<30>sshd[12] hello", "3.6||||sshd[12] hello");
	EXPECT("<30>sshd[]: hello", "3.6||||sshd[]: hello");
	EXPECT("<30>sshd[12", "3.6||||sshd[12");
	EXPECT("<30>two words: x", "3.6||||two words: x");
	EXPECT("<30>: x", "3.6||||: x");
	EXPECT("<30>a:", "3.6||a||");
	EXPECT("<30>Nov 25 13:07 x: y", "3.6||||Nov 25 13:07 x: y");
}

static void test_5424(void **state)
{
	(void)state;
	EXPECT("<34>1 2003-10-11T22:14:15.003Z h su - ID47 - \xef\xbb\xbf'su root' failed", "4.2|h|su||'su root' failed");
	EXPECT("<34>1 - - - - - -", "4.2||||");
	EXPECT("<34>1 - - - - - - x", "4.2||||x");
	EXPECT("<34>1 - h a 7 - [x@1 k=\"a\\\"]b\"][y] t", "4.2|h|a|7|[x@1 k=\"a\\\"]b\"][y] t");
	EXPECT("<34>1 - h a 7 - [x k=\"\\\"\"] t", "4.2|h|a|7|[x k=\"\\\"\"] t");
	EXPECT("<34>1 - h a 7 - [x@1 k=\"", "4.2||||1 - h a 7 - [x@1 k=\"");
	EXPECT("<34>1 yesterday h a 7 - - t", "4.2||||1 yesterday h a 7 - - t");
	EXPECT("<34>1 - h a 7", "4.2||||1 - h a 7");
}

static void expect_kmsg(const char *in, const char *want)
{
	struct syslog_msg m;
	uint64_t seq, usec;
	char got[256] = "no";

	if (syslog_parse_kmsg(in, strlen(in), &m, &seq, &usec))
		snprintf(got, sizeof(got), "%u.%u %llu %llu|%.*s|%.*s", m.facility, m.severity, (unsigned long long)seq,
			 (unsigned long long)usec, (int)m.tag.len, m.tag.p, (int)m.text.len, m.text.p);
	assert_string_equal(got, want);
}

static void test_kmsg(void **state)
{
	(void)state;
	expect_kmsg("6,339,5140900,-;NET: Registered\n SUBSYSTEM=a\n", "0.6 339 5140900|kernel|NET: Registered");
	expect_kmsg("14,340,1,c,caller=T1;slipway: ready", "1.6 340 1|slipway|ready");
	expect_kmsg("6,1,2,-", "no");
	expect_kmsg("6,1;x", "no");
	expect_kmsg("x", "no");
	expect_kmsg("", "no");
	expect_kmsg("99999999999999999999,1,2,-;x", "no");
}

static void test_lines(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} all[] = {
		{"plain", "plain"},
		{"a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f"},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb3", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb3"},
		{"\xc2\x9b" "31m", "\\xc2\\x9b31m"},		   /* a control sequence in two bytes */
		{"\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xff\xe2\x82", "\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xff\\xe2\\x82"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct syslog_msg m = {.facility = 1, .severity = 5, .tag = {"t a", 3}, .pid = {"1", 1},
				       .text = {all[i].text, strlen(all[i].text)}};
		struct buf b = BUF_INIT(1000);
		char want[200];
		syslog_write(&b, 1764076027123456789, "box", &m);
		snprintf(want, sizeof(want), "2025-11-25T13:07:07.123456Z box t?a[1]: %s\n", all[i].want);
		assert_string_equal(buf_str(&b), want);
		buf_clear(&b);
		syslog_write_5424(&b, 1764076027123456789, "", &m);
		snprintf(want, sizeof(want), "<13>1 2025-11-25T13:07:07.123456Z - t?a 1 - - %s", all[i].want);
		assert_string_equal(buf_str(&b), want);
		buf_release(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_priority), cmocka_unit_test(test_local), cmocka_unit_test(test_5424),
		cmocka_unit_test(test_kmsg), cmocka_unit_test(test_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
