// SPDX-License-Identifier: Apache-2.0
/* What decides where a pull may go: addresses of this machine, names of platforms. */
#include "lib/base/err.h"
#include "lib/net/http_client.h"
#include "userctr/image_fetch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_inner_addresses(void **state)
{
	static const char *const inner[] = {"127.0.0.1", "127.9.9.9", "::1", "169.254.169.254", "0.0.0.0", "0.1.2.3", "::", "fe80::1",
					    "febf::1", "fd00:ec2::254", "::ffff:127.0.0.1", "::ffff:169.254.169.254"};
	static const char *const outer[] = {"10.0.0.1", "192.0.2.1", "128.0.0.1", "169.253.0.1", "2001:db8::1", "fec0::1",
					    "fd00:ec2::253", "::ffff:192.0.2.1", "", "name"};

	(void)state;
	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)
		if (!http_is_inner(inner[i]))
			fail_msg("%s", inner[i]);
	for (size_t i = 0; i < sizeof(outer) / sizeof(outer[0]); i++)
		if (http_is_inner(outer[i]))
			fail_msg("%s", outer[i]);
}

static void is(const char *text, const char *os, const char *arch, const char *variant)
{
	struct fetch_platform p;
	struct err e = {0};

	if (fetch_platform_parse(text, &p, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	assert_string_equal(p.os, os);
	assert_string_equal(p.arch, arch);
	assert_string_equal(p.variant, variant);
	assert_int_equal(p.is_asked, text != NULL && *text != '\0');
}

static void test_platforms(void **state)
{
	static const char *const bad[] = {"/", "linux/", "/amd64", "a/b/c/d", "linux/am d64", "linux//v7", "linux/arm/"};
	struct fetch_platform p;

	(void)state;
	is(NULL, "linux", "amd64", "");
	is("", "linux", "amd64", "");
	is("linux", "linux", "amd64", "");
	is("arm64", "linux", "arm64", "");
	is("Linux/AArch64/v8", "linux", "arm64", "");
	is("linux/arm/v7", "linux", "arm", "v7");
	is("linux/armhf", "linux", "arm", "v7");
	is("linux/x86_64", "linux", "amd64", "");
	is("windows/amd64", "windows", "amd64", "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (fetch_platform_parse(bad[i], &p, NULL) != -EINVAL)
			fail_msg("%s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inner_addresses),
		cmocka_unit_test(test_platforms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
