// SPDX-License-Identifier: Apache-2.0
/* Addresses: strict text, masks, containment. */
#include "tests/unit/test.h"

#include "lib/base/ip.h"

#include <errno.h>
#include <string.h>

static struct ip_prefix p(const char *s)
{
	struct ip_prefix x;

	assert_int_equal(ip_prefix_parse(s, strlen(s), &x), 0);
	return x;
}

static const struct ip *a(const char *s)
{
	static struct ip_prefix x;

	x = p(s);
	return &x.addr;
}

static void test_text(void **state)
{
	static const char *const good[] = {"0.0.0.0/0", "10.0.2.15/24", "255.255.255.255/32", "fd00::1/64", "::/0", "::1/128"};
	static const char *const bad[] = {"", "/", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/+8", "10.0.0.1/08",
					  "10.0.0/8", "10.0.0.0.1", "010.0.0.1", "10.00.0.1", "256.0.0.1", " 1.2.3.4",
					  "1.2.3.4 ", "::1/129", "fe80::1%eth0", "1:2:3:4:5:6:7:8:9", "a.b.c.d", "1.2.3.4/8x",
					  "10.0.0.1/4294967304"};
	char out[IP_PREFIX_TEXT_MAX], addr[IP_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ip_prefix x = p(good[i]);
		assert_string_equal(ip_prefix_text(&x, out), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ip_prefix x = {.len = 77};
		if (ip_prefix_parse(bad[i], strlen(bad[i]), &x) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(x.len, 77);
	}
	struct ip_prefix inner;
	assert_int_equal(ip_prefix_parse("1.2.3.4\0/8", 10, &inner), -EINVAL);
	assert_int_equal(ip_prefix_parse("1.2.3.4/8garbage", 9, &inner), 0); /* only n bytes are looked at */
	assert_int_equal(inner.len, 8);
	assert_string_equal(ip_text(&(struct ip){0}, addr), "");
	assert_int_equal(p("1.2.3.4").len, 32);
	assert_int_equal(p("::").len, 128);
}

static void test_masks(void **state)
{
	(void)state;
	assert_int_equal(ip4_mask(0), 0);
	assert_int_equal(ip4_mask(8), 0xff000000);
	assert_int_equal(ip4_mask(32), 0xffffffff);
	for (int i = 0; i <= 32; i++)
		assert_int_equal(ip4_mask_len(ip4_mask((unsigned)i)), i);
	assert_int_equal(ip4_mask_len(0xff00ff00), -1);
	assert_int_equal(ip4_mask_len(0x00ffffff), -1);
	struct ip test_net = ip4(0xc0000201);
	assert_int_equal(ip4_host(&test_net), 0xc0000201);
	assert_int_equal(ip4_host(&(struct ip){.family = IP_V6, .b = {1}}), 0);
}

static void test_networks(void **state)
{
	struct ip_prefix net = p("172.17.5.9/20"), six = p("fd00:1:2:3ff::1/54");
	char out[IP_PREFIX_TEXT_MAX];

	(void)state;
	net = ip_prefix_network(&net);
	assert_string_equal(ip_prefix_text(&net, out), "172.17.0.0/20");
	six = ip_prefix_network(&six);
	assert_string_equal(ip_prefix_text(&six, out), "fd00:1:2::/54");
	assert_true(ip_prefix_has(&net, a("172.17.15.255")));
	assert_false(ip_prefix_has(&net, a("172.17.16.0")));
	assert_false(ip_prefix_has(&net, a("::")));
	assert_false(ip_prefix_has(&net, &(struct ip){0}));

	struct ip_prefix wide = p("172.16.0.0/12"), other = p("172.32.0.0/16"), all = p("0.0.0.0/0");
	assert_true(ip_prefix_overlaps(&net, &wide));
	assert_true(ip_prefix_overlaps(&wide, &net));
	assert_false(ip_prefix_overlaps(&other, &wide));
	assert_true(ip_prefix_overlaps(&all, &other));
	assert_true(ip_is_loopback(a("127.9.9.9")));
	assert_true(ip_is_loopback(a("::1")));
	assert_false(ip_is_loopback(a("128.0.0.1")));
	assert_true(ip_is_zero(a("::")));
	assert_true(ip_is_zero(&(struct ip){0}));
	assert_false(ip_is_zero(a("0.0.0.1")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_networks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
