// SPDX-License-Identifier: Apache-2.0
/* Addresses of a network: the lowest free one, claims, ranges, running out. */
#include "tests/unit/test.h"

#include "lib/base/err.h"
#include "userctr/net_ipam.h"

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

static struct net_ipam start(const char *subnet, const char *range)
{
	struct ip_prefix s = p(subnet), r = {0};
	struct net_ipam m;
	struct err e;

	if (range != NULL)
		r = p(range);
	assert_int_equal(net_ipam_init(&m, &s, &r, &e), 0);
	return m;
}

static void takes(struct net_ipam *m, const char *want)
{
	char text[IP_TEXT_MAX];
	struct ip got;
	struct err e;

	assert_int_equal(net_ipam_take(m, &got, &e), 0);
	assert_string_equal(ip_text(&got, text), want);
}

static void test_lowest_free(void **state)
{
	struct net_ipam m = start("172.17.0.0/16", NULL);

	(void)state;
	assert_int_equal(net_ipam_claim(&m, a("172.17.0.1"), NULL), 0);
	takes(&m, "172.17.0.2");
	takes(&m, "172.17.0.3");
	assert_int_equal(net_ipam_claim(&m, a("172.17.0.5"), NULL), 0);
	assert_int_equal(net_ipam_claim(&m, a("172.17.200.1"), NULL), 0);
	takes(&m, "172.17.0.4");
	takes(&m, "172.17.0.6");
	net_ipam_give(&m, a("172.17.0.3"));
	net_ipam_give(&m, a("172.17.0.3")); /* twice, and one never taken */
	net_ipam_give(&m, a("172.17.9.9"));
	net_ipam_give(&m, a("10.0.0.1"));
	takes(&m, "172.17.0.3");
	takes(&m, "172.17.0.7");
	for (int i = 8; i < 1000; i++)
		assert_int_equal(net_ipam_take(&m, &(struct ip){0}, NULL), 0);
	takes(&m, "172.17.3.232");
	net_ipam_give(&m, a("172.17.2.0"));
	takes(&m, "172.17.2.0");
	net_ipam_release(&m);
}

static void test_range(void **state)
{
	struct net_ipam m = start("10.0.0.0/8", "10.1.2.0/30");
	struct err e;

	(void)state;
	/* below, inside and above the range */
	assert_int_equal(net_ipam_claim(&m, a("10.0.0.1"), NULL), 0);
	assert_int_equal(net_ipam_claim(&m, a("10.0.0.2"), NULL), 0);
	assert_int_equal(net_ipam_claim(&m, a("10.1.2.1"), NULL), 0);
	assert_int_equal(net_ipam_claim(&m, a("10.200.0.0"), NULL), 0);
	takes(&m, "10.1.2.0");
	takes(&m, "10.1.2.2");
	takes(&m, "10.1.2.3");
	assert_int_equal(net_ipam_take(&m, &(struct ip){0}, &e), -ENOSPC);
	assert_non_null(strstr(e.msg, "10.0.0.0/8"));
	net_ipam_give(&m, a("10.1.2.2"));
	takes(&m, "10.1.2.2");
	net_ipam_release(&m);
}

static void test_whole_subnet(void **state)
{
	struct net_ipam m = start("192.168.7.99/29", NULL); /* host bits are ignored */

	(void)state;
	for (int i = 97; i <= 102; i++)
		assert_int_equal(net_ipam_take(&m, &(struct ip){0}, NULL), 0);
	assert_int_equal(net_ipam_take(&m, &(struct ip){0}, NULL), -ENOSPC); /* .96 and .103 are nobody's */
	net_ipam_release(&m);
	m = start("10.0.0.0/30", NULL);
	takes(&m, "10.0.0.1");
	takes(&m, "10.0.0.2");
	assert_int_equal(net_ipam_take(&m, &(struct ip){0}, NULL), -ENOSPC);
	net_ipam_release(&m);
}

static void test_refusals(void **state)
{
	struct net_ipam m = start("10.0.0.0/24", NULL);
	struct err e;

	(void)state;
	assert_int_equal(net_ipam_claim(&m, a("10.0.0.9"), &e), 0);
	assert_int_equal(net_ipam_claim(&m, a("10.0.0.9"), &e), -EADDRINUSE);
	assert_non_null(strstr(e.msg, "'10.0.0.9'"));
	assert_int_equal(net_ipam_claim(&m, a("10.0.0.0"), &e), -EINVAL);
	assert_int_equal(net_ipam_claim(&m, a("10.0.0.255"), &e), -EINVAL);
	assert_int_equal(net_ipam_claim(&m, a("10.0.1.1"), &e), -EINVAL);
	assert_int_equal(net_ipam_claim(&m, a("fd00::1"), &e), -EINVAL);
	net_ipam_release(&m);
	static const char *const bad[][2] = {
		{"10.0.0.0/31", NULL}, {"10.0.0.0/7", NULL}, {"fd00::/64", NULL},
		{"10.0.0.0/24", "10.0.1.0/25"}, {"10.0.0.0/24", "10.0.0.0/16"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ip_prefix s = p(bad[i][0]), r = {0};
		if (bad[i][1] != NULL)
			r = p(bad[i][1]);
		assert_int_equal(net_ipam_init(&m, &s, &r, &e), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowest_free),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_whole_subnet),
		cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
