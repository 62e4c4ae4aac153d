// SPDX-License-Identifier: Apache-2.0
/* Messages of DHCP and the datagrams around them: what is taken, what is refused, what is written. */
#include "tests/unit/test.h"

#include "lib/codec/dhcp4.h"
#include "lib/codec/udp4.h"

#include <errno.h>
#include <string.h>

#define A(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

struct msg {
	uint8_t b[1500];
	size_t len;
};

static void put(struct msg *m, uint8_t code, const void *p, size_t n)
{
	m->b[m->len++] = code;
	m->b[m->len++] = (uint8_t)n;
	memcpy(m->b + m->len, p, n);
	m->len += n;
}

#define PUT(m, code, ...) put(m, code, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static struct msg begin(uint8_t type)
{
	static const uint8_t cookie[] = {0x63, 0x82, 0x53, 0x63};
	struct msg m = {.b = {2, 1, 6, 0, 1, 2, 3, 4}, .len = 240};

	memcpy(m.b + 16, (const uint8_t[]){10, 0, 2, 15}, 4);
	memcpy(m.b + 28, (const uint8_t[]){0x52, 0x54, 0, 1, 2, 3}, 6);
	memcpy(m.b + 236, cookie, 4);
	PUT(&m, 53, type);
	PUT(&m, 54, 10, 0, 2, 2);
	PUT(&m, 51, 0, 0, 14, 16);
	return m;
}

static struct dhcp4 parsed(const struct msg *m)
{
	struct dhcp4 d;

	assert_int_equal(dhcp4_parse(m->b, m->len, &d), 0);
	return d;
}

static void test_ack(void **state)
{
	(void)state;
	struct msg m = begin(DHCP4_ACK);
	PUT(&m, 1, 255, 255, 255, 0);
	PUT(&m, 3, 10, 0, 2, 2, 10, 0, 2, 3);
	PUT(&m, 6, 10, 0, 2, 3, 127, 0, 0, 1, 0, 0, 0, 0);
	PUT(&m, 58, 0, 0, 0, 100);
	PUT(&m, 59, 0, 0, 0, 200);
	PUT(&m, 26, 5, 0);
	put(&m, 15, "example.net", 12);
	put(&m, 12, "berth", 5);
	m.b[m.len++] = 255;
	PUT(&m, 42, 1, 2, 3, 4); /* behind the end */
	struct dhcp4 d = parsed(&m);
	assert_int_equal(d.type, DHCP4_ACK);
	assert_int_equal(d.xid, 0x01020304);
	assert_int_equal(d.yours, A(10, 0, 2, 15));
	assert_int_equal(d.server, A(10, 0, 2, 2));
	assert_int_equal(d.mask, 0xffffff00);
	assert_int_equal(d.lease_s, 3600);
	assert_int_equal(d.renew_s, 100);
	assert_int_equal(d.rebind_s, 200);
	assert_int_equal(d.mtu, 1280);
	assert_int_equal(d.router_count, 2);
	assert_int_equal(d.routers[1], A(10, 0, 2, 3));
	assert_int_equal(d.dns_count, 1); /* not the loopback, not zero */
	assert_int_equal(d.ntp_count, 0);
	assert_string_equal(d.domain, "example.net");
	assert_string_equal(d.hostname, "berth");
}

static void test_refuses(void **state)
{
	(void)state;
	struct msg good = begin(DHCP4_OFFER), m;
	struct dhcp4 d;

	for (size_t n = 0; n < 243; n++)
		assert_int_equal(dhcp4_parse(good.b, n, &d), -EBADMSG);
	static const struct {
		size_t at;
		uint8_t value;
	} broken[] = {{0, 1}, {1, 6}, {2, 16}, {236, 0}, {239, 0}, {242, 1}, {242, 3}, {242, 9}};
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		m = good;
		m.b[broken[i].at] = broken[i].value;
		assert_int_equal(dhcp4_parse(m.b, m.len, &d), -EBADMSG);
	}
}

static void test_bad_options_are_absent(void **state)
{
	(void)state;
	struct msg m = begin(DHCP4_ACK);
	PUT(&m, 1, 255, 0, 255, 0);
	PUT(&m, 3, 10, 0, 2);
	PUT(&m, 26, 0, 68);
	PUT(&m, 58, 1, 2, 3);
	put(&m, 12, "a\nb", 3);
	put(&m, 15, "a..b", 4);
	put(&m, 119, "\1a\xc0\0", 4); /* points at itself */
	PUT(&m, 121, 33, 1, 2, 3, 4, 5, 6, 7, 8, 9);
	put(&m, 56, "no\x1b[31m", 7);
	m.b[m.len++] = 6; /* cut short */
	m.b[m.len++] = 200;
	struct dhcp4 d = parsed(&m);
	assert_int_equal(d.mask, 0);
	assert_int_equal(d.router_count, 0);
	assert_int_equal(d.mtu, 0);
	assert_int_equal(d.renew_s, 0);
	assert_int_equal(d.dns_count, 0);
	assert_string_equal(d.hostname, "");
	assert_string_equal(d.domain, "");
	assert_string_equal(d.search, "");
	assert_true(d.has_routes);
	assert_int_equal(d.route_count, 0);
	assert_string_equal(d.text, "no?[31m");
}

static void test_split_and_overloaded(void **state)
{
	(void)state;
	struct msg m = begin(DHCP4_ACK);
	PUT(&m, 52, 3);
	put(&m, 15, "exam", 4);
	m.b[m.len++] = 255;
	memcpy(m.b + 108, "\x0f\3ple\xff", 6); /* file */
	memcpy(m.b + 44, "\x0f\4.net\xff", 7); /* sname */
	assert_string_equal(parsed(&m).domain, "example.net");
	assert_int_equal(m.b[m.len - 8], 3);
	m.b[m.len - 8] = 2; /* sname only */
	assert_string_equal(parsed(&m).domain, "exam.net");
}

static void test_search(void **state)
{
	(void)state;
	struct msg m = begin(DHCP4_ACK);
	static const char list[] = "\3eng\5apple\3com\0\11marketing\xc0\4\0\xc0\0";
	put(&m, 119, list, sizeof(list) - 1);
	/* the empty name between is left out */
	assert_string_equal(parsed(&m).search, "eng.apple.com marketing.apple.com eng.apple.com");
}

static void test_routes(void **state)
{
	(void)state;
	struct msg m = begin(DHCP4_ACK);
	PUT(&m, 121, 0, 10, 0, 2, 1, 24, 192, 168, 7, 0, 0, 0, 0, 17, 10, 229, 255, 10, 0, 2, 9, 32, 1, 2, 3, 4, 10, 0, 2, 8);
	struct dhcp4 d = parsed(&m);
	assert_int_equal(d.route_count, 4);
	assert_int_equal(d.routes[0].len, 0);
	assert_int_equal(d.routes[0].via, A(10, 0, 2, 1));
	assert_int_equal(d.routes[1].to, A(192, 168, 7, 0));
	assert_int_equal(d.routes[1].via, 0);
	assert_int_equal(d.routes[2].to, A(10, 229, 128, 0)); /* host bits cleared */
	assert_int_equal(d.routes[3].len, 32);
}

static void test_names(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "a-b.c", "A_1.example", "1"}, *const bad[] = {"", ".", "a.", ".a", "a..b", "-a",
									    "a-", "a-.b", "a b", "a;b", "a\n"};
	char label[65];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(dhcp4_name_is_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(dhcp4_name_is_valid(bad[i], strlen(bad[i])));
	memset(label, 'a', sizeof(label));
	assert_true(dhcp4_name_is_valid(label, 63));
	assert_false(dhcp4_name_is_valid(label, 64));
}

static void test_write(void **state)
{
	(void)state;
	struct dhcp4 m = {.type = DHCP4_REQUEST, .xid = 0xdeadbeef, .secs = 258, .mac = {2, 0, 0, 0, 0, 9},
			  .requested = A(10, 0, 2, 15), .server = A(10, 0, 2, 2), .hostname = "berth"};
	uint8_t out[DHCP4_MESSAGE_MAX];

	size_t n = dhcp4_write(&m, "slipway", out);
	assert_int_equal(n, 300);
	assert_memory_equal(out, ((uint8_t[]){1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef, 1, 2, 0, 0}), 12);
	assert_memory_equal(out + 236, ((uint8_t[]){0x63, 0x82, 0x53, 0x63, 53, 1, 3, 61, 7, 1, 2, 0, 0, 0, 0, 9, 50, 4, 10, 0,
						    2, 15, 54, 4, 10, 0, 2, 2}), 28);
	assert_non_null(memmem(out, n, "\x3c\x07slipway\x0c\5berth\xff", 17));
	m.hostname[0] = '\0';
	m.requested = 0;
	n = dhcp4_write(&m, "", out);
	assert_null(memmem(out, n, "\x32\4", 2));
	/* a client's message is no answer */
	struct dhcp4 d;
	assert_int_equal(dhcp4_parse(out, n, &d), -EBADMSG);
}

static void test_datagram(void **state)
{
	(void)state;
	struct udp4 u = {.from = A(10, 0, 0, 1), .to = A(255, 255, 255, 255), .from_port = 67, .to_port = 68,
			 .data = (const uint8_t *)"hello", .len = 5}, got;
	uint8_t p[64], q[64];

	assert_int_equal(udp4_write(&u, p, 32), 0);
	assert_int_equal(udp4_write(&u, p, sizeof(p)), 33);
	assert_int_equal(udp4_parse(p, 33, /* is_partial= */ false, &got), 0);
	assert_int_equal(got.from, u.from);
	assert_int_equal(got.to_port, 68);
	assert_int_equal(got.len, 5);
	assert_memory_equal(got.data, "hello", 5);
	assert_int_equal(udp4_parse(p, 60, false, &got), 0); /* padding of the frame */
	assert_int_equal(got.len, 5);
	for (size_t n = 0; n < 33; n++)
		assert_int_equal(udp4_parse(p, n, false, &got), -EBADMSG);
	/* no single changed bit goes unnoticed, but in the sum itself when it becomes none */
	for (size_t i = 0; i < 33 * 8; i++) {
		memcpy(q, p, sizeof(p));
		q[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(udp4_parse(q, 33, false, &got), -EBADMSG);
	}
	memcpy(q, p, sizeof(p));
	q[32] ^= 1;
	assert_int_equal(udp4_parse(q, 33, /* is_partial= */ true, &got), 0);
	q[26] = q[27] = 0; /* without a sum */
	assert_int_equal(udp4_parse(q, 33, false, &got), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ack), cmocka_unit_test(test_refuses), cmocka_unit_test(test_bad_options_are_absent),
		cmocka_unit_test(test_split_and_overloaded), cmocka_unit_test(test_search), cmocka_unit_test(test_routes),
		cmocka_unit_test(test_names), cmocka_unit_test(test_write), cmocka_unit_test(test_datagram),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
