// SPDX-License-Identifier: Apache-2.0
/* Regular expressions: what matches, what is refused, and that none takes long. */
#include "tests/unit/test.h"

#include "lib/base/owned.h"
#include "lib/codec/regex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void test_matches(void **state)
{
	(void)state;
	static const struct {
		const char *re, *text;
		int want;
	} cases[] = {
		{"", "", 1}, {"", "x", 1}, {"b", "abc", 1}, {"d", "abc", 0}, {"^b", "abc", 0}, {"^a", "abc", 1}, {"c$", "abc", 1},
		{"b$", "abc", 0}, {"^$", "", 1}, {"^$", "a", 0}, {"^abc$", "abc", 1}, {"^a.c$", "abc", 1}, {"a.c", "a\nc", 0},
		{"^ab*c$", "ac", 1}, {"^ab*c$", "abbbc", 1}, {"^ab+c$", "ac", 0}, {"^ab+c$", "abbc", 1}, {"^ab?c$", "ac", 1},
		{"^ab?c$", "abbc", 0}, {"^(ab)*$", "abab", 1}, {"^(ab)*$", "aba", 0}, {"^(a|b)+$", "abba", 1}, {"^(a|b)+$", "abca", 0},
		{"^a|b$", "ax", 1}, {"^a|b$", "xb", 1}, {"^a|b$", "xbx", 0}, {"^(a|bc|d)$", "bc", 1}, {"^(a|bc|d)$", "d", 1},
		{"^(a|bc|d)$", "b", 0}, {"^(|a)$", "", 1}, {"^(a|)b$", "b", 1}, {"^[abc]$", "b", 1}, {"^[^abc]$", "b", 0},
		{"^[a-z0-9]+$", "web1", 1}, {"^[a-z0-9]+$", "Web1", 0}, {"^[]a]$", "]", 1}, {"^[^]a]$", "]", 0}, {"^[a-]$", "-", 1},
		{"^[\\]x]$", "]", 1}, {"^[[:alpha:]_]+$", "a_b", 1}, {"^[[:digit:]]$", "a", 0}, {"^\\d+$", "123", 1}, {"^\\D$", "1", 0},
		{"^\\w+$", "a_1", 1}, {"^[\\d.]+$", "1.2", 1}, {"a\\.b", "a.b", 1}, {"a\\.b", "axb", 0}, {"\\/web", "/web", 1},
		{"^a{3}$", "aaa", 1}, {"^a{3}$", "aa", 0}, {"^a{2,}$", "a", 0}, {"^a{2,}$", "aaaa", 1}, {"^a{1,2}$", "aa", 1},
		{"^a{1,2}$", "aaa", 0}, {"^a{0}b$", "b", 1}, {"^a{0,1}b$", "ab", 1}, {"^a{0,}b$", "aab", 1}, {"^(ab|c){2}$", "abc", 1},
		{"^(ab|c){2}$", "ab", 0}, {"^(a{2}){2}$", "aaaa", 1}, {"^(a{2}){2}$", "aaa", 0}, {"a{x", "a{x", 1}, {"^(?:ab)+?$", "abab", 1},
		{"^(a*)*$", "aaa", 1}, {"^(a*)+b$", "aab", 1}, {"(^a)", "ba", 0}, {"^/?web-[0-9]+$", "/web-12", 1}, {"x*", "y", 1},
		{"\xc3\xa9", "caf\xc3\xa9", 1},
	};

	for (size_t i = 0; i < countof(cases); i++)
		if (regex_match(cases[i].re, cases[i].text) != cases[i].want)
			fail_msg("'%s' on '%s'", cases[i].re, cases[i].text);
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"(", ")", "a)", "(a", "[", "[a", "[z-a]", "*", "+a", "a|*", "\\", "\\q", "(?i)a", "a{3,2}", "a{1001}",
					  "[[:foo:]]", "[\\", "[a-\\d]", "(?"};

	for (size_t i = 0; i < countof(bad); i++)
		if (regex_match(bad[i], "a") != -EINVAL)
			fail_msg("'%s'", bad[i]);
	assert_int_equal(regex_match("((a{100}){100}){100}", "a"), -E2BIG);
	assert_int_equal(regex_match("(a{1000}){3}", "a"), -E2BIG);
}

/* Those that take others exponential time or memory. */
static void test_bounded(void **state)
{
	(void)state;
	char many[301], text[5001], nested[400] = "";

	memset(many, '+', 300);
	many[0] = 'a', many[300] = '\0';
	memset(text, 'a', 5000);
	text[5000] = '\0';
	assert_int_equal(regex_match(many, text), 1);
	assert_int_equal(regex_match("^(a|a|aa)*(a*)*(a+)+$", text), 1);
	assert_int_equal(regex_match("^(a|aa)+b", text), 0);
	for (int i = 0; i < 100; i++)
		strcat(nested, "(");
	assert_int_equal(regex_match(nested, text), -E2BIG);
	/* more rounds than the marks can count */
	char *big = malloc(200001);
	memset(big, 'a', 200000);
	strcpy(big + 199999, "b");
	assert_int_equal(regex_match("ab$", big), 1);
	assert_int_equal(regex_match("ac|bc", big), 0);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
