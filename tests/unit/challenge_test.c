// SPDX-License-Identifier: Apache-2.0
/* Challenges of registries: those seen in the wild, and what must be refused. */
#include "lib/base/err.h"
#include "lib/codec/challenge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct challenge good(const char *text)
{
	struct challenge c;
	struct err e = {0};

	if (challenge_parse(text, strlen(text), &c, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return c;
}

static void test_good(void **state)
{
	(void)state;
	struct challenge c = good("Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
				  "scope=\"repository:library/bb:pull\"");
	assert_int_equal(c.kind, CHALLENGE_BEARER);
	assert_string_equal(c.realm, "https://auth.docker.io/token");
	assert_string_equal(c.service, "registry.docker.io");
	assert_string_equal(c.scope, "repository:library/bb:pull");
	c = good("basic Realm = \"a \\\"b\\\"\" , charset=UTF-8");
	assert_int_equal(c.kind, CHALLENGE_BASIC);
	assert_string_equal(c.realm, "a \"b\"");
	assert_string_equal(c.service, "");
	assert_int_equal(good("").kind, CHALLENGE_NONE);
	assert_int_equal(good("Negotiate").kind, CHALLENGE_NONE);
	assert_int_equal(good("Negotiate YIIJvw==").kind, CHALLENGE_NONE);
}

/* Bearer wins wherever it stands; parameters stay with their scheme. */
static void test_several(void **state)
{
	(void)state;
	struct challenge c = good("Basic realm=\"r1\", Negotiate abc==, Bearer realm=\"r2\", service=s, error=\"invalid_token\"");
	assert_int_equal(c.kind, CHALLENGE_BEARER);
	assert_string_equal(c.realm, "r2");
	assert_string_equal(c.service, "s");
	assert_string_equal(c.error, "invalid_token");
	c = good("Bearer realm=\"r2\", Basic realm=\"r1\"");
	assert_int_equal(c.kind, CHALLENGE_BEARER);
	assert_string_equal(c.realm, "r2");
}

static void test_bad(void **state)
{
	static const char *const bad[] = {"Bearer realm=\"open", "Bearer realm=\"a\nb\"", "=x", "\"Bearer\"", "Bearer realm=\"\x80\""};
	struct challenge c;
	char big[1200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(challenge_parse(bad[i], strlen(bad[i]), &c, NULL), -E_SPEC);
	int n = snprintf(big, sizeof(big), "Bearer realm=\"");
	memset(big + n, 'a', 1024);
	big[n + 1024] = '"';
	assert_int_equal(challenge_parse(big, (size_t)n + 1025, &c, NULL), -E_LIMIT);
	memmove(big + n, big + n + 1, 1024); /* one less: just fits */
	assert_int_equal(challenge_parse(big, (size_t)n + 1024, &c, NULL), 0);
	assert_int_equal(strlen(c.realm), 1023);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
