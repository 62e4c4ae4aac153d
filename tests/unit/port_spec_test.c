// SPDX-License-Identifier: Apache-2.0
/* Port bindings as clients write them. */
#include "tests/unit/test.h"

#include "lib/base/err.h"
#include "lib/codec/json.h"
#include "userctr/port_spec.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static int make(const char *exposed, const char *bindings, bool all, struct port_specs *ret, struct err *e)
{
	struct json_doc *a, *b;

	assert_int_equal(json_parse(exposed, strlen(exposed), &a, NULL), 0);
	assert_int_equal(json_parse(bindings, strlen(bindings), &b, NULL), 0);
	int r = port_specs_make(json_root(a), json_root(b), all, ret, e);
	json_free(a);
	json_free(b);
	return r;
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint16_t low, high;
		uint8_t proto;
	} cases[] = {
		{"80", 0, 80, 80, IPPROTO_TCP},	       {"80/tcp", 0, 80, 80, IPPROTO_TCP},
		{"53/UDP", 0, 53, 53, IPPROTO_UDP},    {"1-65535/sctp", 0, 1, 65535, IPPROTO_SCTP},
		{"0", 0, 0, 0, IPPROTO_TCP},	       {"", -EINVAL, 0, 0, 0},
		{"65536", -EINVAL, 0, 0, 0},	       {"90-80", -EINVAL, 0, 0, 0},
		{"80/", -EINVAL, 0, 0, 0},	       {"80/icmp", -EINVAL, 0, 0, 0},
		{"-80", -EINVAL, 0, 0, 0},	       {"80-", -EINVAL, 0, 0, 0},
		{"+80", -EINVAL, 0, 0, 0},	       {"80 ", -EINVAL, 0, 0, 0},
		{"100000000080", -EINVAL, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t low = 0, high = 0;
		uint8_t proto = 0;
		int r = port_parse(cases[i].text, &low, &high, &proto);
		if (r != cases[i].r || low != cases[i].low || high != cases[i].high || proto != cases[i].proto)
			fail_msg("'%s': %d %u-%u/%u", cases[i].text, r, low, high, proto);
	}
}

static void test_specs(void **state)
{
	struct port_specs p;

	(void)state;
	assert_int_equal(make("{\"80/tcp\":{},\"81/tcp\":{},\"90-92/udp\":{}}",
			      "{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"},{\"HostIp\":\"\",\"HostPort\":\"9000-9009\"}],"
			      "\"70/udp\":null}",
			      false, &p, NULL),
			 0);
	assert_int_equal(p.n, 7);
	assert_int_equal(p.v[0].port, 70);
	assert_true(p.v[0].is_bound);
	assert_int_equal(p.v[0].low, 0);
	assert_int_equal(p.v[1].port, 80);
	assert_int_equal(p.v[1].low, 8080);
	assert_true(ip_is_set(&p.v[1].host_ip));
	assert_int_equal(p.v[2].low, 9000);
	assert_int_equal(p.v[2].high, 9009);
	assert_false(ip_is_set(&p.v[2].host_ip));
	assert_int_equal(p.v[3].port, 81);
	assert_false(p.v[3].is_bound);
	assert_int_equal(p.v[6].port, 92);
	port_specs_release(&p);
	assert_int_equal(make("{\"81/tcp\":{}}", "{}", true, &p, NULL), 0);
	assert_true(p.v[0].is_bound);
	port_specs_release(&p);
	assert_int_equal(make("{}", "{}", true, &p, NULL), 0);
	assert_int_equal(p.n, 0);
}

static void refused(const char *exposed, const char *bindings, int code, const char *why)
{
	struct port_specs p;
	struct err e;

	assert_int_equal(make(exposed, bindings, false, &p, &e), -code);
	assert_string_equal(e.msg, why);
}

static void test_refused(void **state)
{
	(void)state;
	refused("{\"x\":{}}", "{}", EINVAL, "invalid port specification: \"x\"");
	refused("{\"0/tcp\":{}}", "{}", EINVAL, "invalid port specification: \"0/tcp\"");
	refused("{}", "{\"80-81/tcp\":[]}", EINVAL, "invalid port specification: \"80-81/tcp\"");
	refused("{}", "{\"80/tcp\":[{\"HostPort\":\"8080/tcp\"}]}", EINVAL, "invalid port specification: \"8080/tcp\"");
	refused("{}", "{\"80/tcp\":[{\"HostIp\":\"here\"}]}", EINVAL, "invalid IP address in HostIp: 'here'");
	refused("{}", "{\"80/tcp\":[{\"HostIp\":\"::1\"}]}", EINVAL,
		"HostIp '::1': ports cannot be published on addresses of IP version 6");
	refused("{\"1-5000/tcp\":{}}", "{}", E_LIMIT, "more than 4096 ports of one container");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_specs),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
