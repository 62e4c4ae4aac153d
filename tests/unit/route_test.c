// SPDX-License-Identifier: Apache-2.0
/* Matching of paths and versions. */
#include "tests/unit/test.h"

#include "userctr/req.h"
#include "userctr/route.h"

#include <string.h>

static void check(const char *pattern, const char *path, const char *want)
{
	const char *var;
	size_t n;

	if (!route_match(pattern, path, &var, &n)) {
		assert_null(want);
		return;
	}
	assert_non_null(want);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(var, want, n);
}

static void test_match(void **state)
{
	(void)state;
	check("/info", "/info", "");
	check("/info", "/info/", NULL);
	check("/containers/*/json", "/containers/a/json", "a");
	check("/containers/*/json", "/containers//json", NULL);
	check("/containers/*/json", "/containers/json", NULL);
	check("/images/*/push", "/images/127.0.0.1:5000/lib/bb/push", "127.0.0.1:5000/lib/bb");
	check("/images/*", "/images/a/b@sha256:1", "a/b@sha256:1");
	check("/images/*", "/images/", NULL);
	check("/containers/*/json", "/containers/a/jsonx", NULL);
}

static void version(const char *path, int want, unsigned minor, const char *rest)
{
	const char *at;
	unsigned m = 0;
	char text[32];

	assert_int_equal(route_version(path, &at, &m, text, sizeof(text)), want);
	if (want == 0) {
		assert_int_equal(m, minor);
		assert_string_equal(at, rest);
	}
}

static void test_version(void **state)
{
	(void)state;
	version("/info", 0, API_MINOR_MAX, "/info");
	version("/v1.41/info", 0, 41, "/info");
	version("/v1.24/x/y", 0, 24, "/x/y");
	version("/v1.9/info", -1, 0, NULL); /* below 1.24, although 9 > 2 as text */
	version("/v1.52/info", 1, 0, NULL);
	version("/v2.0/info", 1, 0, NULL);
	version("/v0.1/info", -1, 0, NULL);
	version("/v1/info", -1, 0, NULL);
	version("/version", 0, API_MINOR_MAX, "/version");
	version("/volumes", 0, API_MINOR_MAX, "/volumes");
	version("/v11111111111111111111111111111111111111111111.1/x", 0, API_MINOR_MAX,
		"/v11111111111111111111111111111111111111111111.1/x");
	version("", 0, API_MINOR_MAX, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
