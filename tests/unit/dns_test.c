// SPDX-License-Identifier: Apache-2.0
/* DNS messages: reading queries, writing answers byte by byte. */
#include "tests/unit/test.h"

#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/codec/dns.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t web[] = {0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'W', 'e', 'b', 4,
			      'g',  'n',  'e',	't',  0, 0, 1, 0, 1};

static void test_query(void **state)
{
	struct dns_query q;
	uint8_t p[sizeof(web) + 4];

	(void)state;
	assert_int_equal(dns_query_parse(web, sizeof(web), &q, NULL), 0);
	assert_string_equal(q.name, "web.gnet");
	assert_true(q.is_plain);
	assert_int_equal(q.id, 0xabcd);
	assert_int_equal(q.type, DNS_A);
	assert_int_equal(q.class, 1);
	assert_int_equal(q.end, sizeof(web));
	for (size_t n = 0; n < sizeof(web); n++) {
		uint8_t *cut = malloc(n); /* what lies behind is not ours */
		assert_non_null(memcpy(cut, web, n));
		assert_int_equal(dns_query_parse(cut, n, &q, NULL), -E_SPEC);
		free(cut);
	}

	memcpy(p, web, sizeof(web));
	p[2] |= 0x80; /* an answer */
	assert_int_equal(dns_query_parse(p, sizeof(web), &q, NULL), -E_SPEC);
	memcpy(p, web, sizeof(web));
	p[5] = 2; /* two questions */
	assert_int_equal(dns_query_parse(p, sizeof(web), &q, NULL), -E_SPEC);
	memcpy(p, web, sizeof(web));
	p[12] = 0xc0; /* a pointer where none may be */
	assert_int_equal(dns_query_parse(p, sizeof(web), &q, NULL), -E_SPEC);
	memcpy(p, web, sizeof(web));
	p[13] = '.';
	assert_int_equal(dns_query_parse(p, sizeof(web), &q, NULL), 0);
	assert_false(q.is_plain);
	assert_string_equal(q.name, "");
	static const uint8_t root[] = {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};
	assert_int_equal(dns_query_parse(root, sizeof(root), &q, NULL), 0);
	assert_string_equal(q.name, "");
}

static void test_answers(void **state)
{
	struct dns_query q;
	uint8_t out[DNS_UDP_MAX];
	struct ip ips[60];
	static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 2, 0x58, 0, 4, 10, 0, 0, 7};

	(void)state;
	assert_int_equal(dns_query_parse(web, sizeof(web), &q, NULL), 0);
	ips[0] = ip4(0x0a000007);
	size_t n = dns_put_ip4(web, &q, ips, 1, 600, out, sizeof(out));
	assert_int_equal(n, sizeof(web) + 16);
	static const uint8_t head[] = {0xab, 0xcd, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0};
	assert_memory_equal(out, head, sizeof(head));
	assert_memory_equal(out + 12, web + 12, sizeof(web) - 12);
	assert_memory_equal(out + sizeof(web), record, sizeof(record));
	assert_true(dns_answers(out, n, 0xabcd, web, &q));
	assert_false(dns_answers(out, n, 0xabce, web, &q));
	out[13] = 'w'; /* another case: not what was asked */
	assert_false(dns_answers(out, n, 0xabcd, web, &q));

	n = dns_put_code(web, &q, DNS_NO_NAME, out, sizeof(out));
	assert_int_equal(n, sizeof(web));
	assert_int_equal(out[3], 0x83);
	assert_int_equal(out[7], 0);

	for (unsigned i = 0; i < 60; i++)
		ips[i] = ip4(i);
	n = dns_put_ip4(web, &q, ips, 60, 600, out, sizeof(out));
	assert_true(n <= sizeof(out) && sizeof(out) - n < 16);
	assert_int_equal(out[2] & 2, 2); /* cut, and says so */
	assert_int_equal(out[7], (sizeof(out) - sizeof(web)) / 16);

	n = dns_put_ip4(web, &q, ips, 1, 600, out, sizeof(web) + 15); /* a byte too little */
	assert_int_equal(n, sizeof(web));
	assert_int_equal(out[2] & 2, 2);

	n = dns_put_name(web, &q, "a.bc", 1, out, sizeof(out));
	static const uint8_t ptr[] = {0, 6, 1, 'a', 2, 'b', 'c', 0};
	assert_memory_equal(out + n - sizeof(ptr), ptr, sizeof(ptr));
	n = dns_put_name(web, &q, "a..b", 1, out, sizeof(out));
	assert_int_equal(out[3] & 15, DNS_FAILED);
	assert_int_equal(n, sizeof(web));

	assert_int_equal(dns_put_format(web, 11, out), 0);
	assert_int_equal(dns_put_format(web, 12, out), DNS_HEAD);
	assert_int_equal(out[3], DNS_FORMAT);
}

static void test_reverse(void **state)
{
	struct ip ip;
	char text[IP_TEXT_MAX];

	(void)state;
	assert_true(dns_name_to_ip4("2.0.17.172.in-addr.arpa", &ip));
	assert_string_equal(ip_text(&ip, text), "172.17.0.2");
	assert_false(dns_name_to_ip4("0.17.172.in-addr.arpa", &ip));
	assert_false(dns_name_to_ip4("256.0.17.172.in-addr.arpa", &ip));
	assert_false(dns_name_to_ip4("2.0.17.172.in-addr.arpa.x", &ip));
	assert_false(dns_name_to_ip4("", &ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_reverse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
