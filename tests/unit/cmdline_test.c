// SPDX-License-Identifier: Apache-2.0
/* The command line: words as the kernel splits them, our keys under both prefixes, the form of every kind of value. */
#include "tests/unit/test.h"

#include "lib/base/owned.h"
#include "lib/codec/cmdline.h"
#include "lib/codec/keys.h"

#include <stdio.h>
#include <string.h>

static void expect_args(const char *line, const char *const *want)
{
	struct cmdline_iter it = cmdline_iter(line, strlen(line));
	struct cmdline_arg a;
	char got[256];
	size_t i = 0;

	while (cmdline_next(&it, &a)) {
		snprintf(got, sizeof(got), "%.*s%s%.*s", (int)a.key_len, a.key, a.has_value ? "|" : "", (int)a.value_len,
			 a.value);
		assert_non_null(want[i]);
		assert_string_equal(got, want[i]);
		i++;
	}
	assert_null(want[i]);
}

#define EXPECT(line, ...) expect_args(line, (const char *const[]){__VA_ARGS__, NULL})

static void test_words(void **state)
{
	(void)state;
	EXPECT("", NULL);
	EXPECT("   \t\n", NULL);
	EXPECT("quiet", "quiet");
	EXPECT("  a=1  b c=  ", "a|1", "b", "c|");
	EXPECT("a=b=c", "a|b=c");
	EXPECT("=x", "|x");
	EXPECT("a=1\n", "a|1");
	EXPECT("a -- b", "a");
	EXPECT("a --b", "a", "--b");
}

static void test_quotes(void **state)
{
	(void)state;
	EXPECT("a=\"x y\" b", "a|x y", "b");
	EXPECT("\"a=x y\" b", "a|x y", "b");
	EXPECT("\"a b\"", "a b");
	EXPECT("a=\"open end", "a|open end");
	EXPECT("a=x\"y z\"", "a|x\"y z\"");
	EXPECT("a=\"\"", "a|");
	EXPECT("\"", "");
	EXPECT("\"\"", "");
	EXPECT("a=\"-- b\" c", "a|-- b", "c");
}

static void test_lists(void **state)
{
	(void)state;
	EXPECT("slipway.x=[a, b c] y", "slipway.x|[a, b c]", "y");
	EXPECT("rancher.x=[a, b] y", "rancher.x|[a, b]", "y");
	EXPECT("other=[a, b] y", "other|[a,", "b]", "y");
	EXPECT("slipway.x=[a, b y", "slipway.x|[a,", "b", "y");
	EXPECT("slipway.x=[a b]c d", "slipway.x|[a", "b]c", "d");
	EXPECT("slipway.x=[a b]", "slipway.x|[a b]");
}

static void test_nul_bytes_separate(void **state)
{
	struct cmdline_iter it = cmdline_iter("a\0slipway.x=[b\0]", 16);
	struct cmdline_arg a;

	(void)state;
	assert_true(cmdline_next(&it, &a));
	assert_int_equal(a.key_len, 1);
	assert_true(cmdline_next(&it, &a));
	assert_int_equal(a.value_len, 2);
	assert_true(cmdline_next(&it, &a));
	assert_memory_equal(a.key, "]", 1);
	assert_false(cmdline_next(&it, &a));
}

static void test_own_keys(void **state)
{
	static const char line[] = "slipway.hostname=one rancher.hostname=two hostname=three slipway.docker.host=a "
				   "xslipway.debug rancher.docker.host=b slipway. slipway.state-dev=x";
	struct cmdline_arg a;

	(void)state;
	assert_true(cmdline_last(line, strlen(line), "hostname", &a));
	assert_memory_equal(a.value, "two", 3);
	assert_true(cmdline_nth(line, strlen(line), "hostname", 0, &a));
	assert_memory_equal(a.value, "one", 3);
	assert_memory_equal(a.key, "hostname", 8);
	assert_true(cmdline_nth(line, strlen(line), "docker.host", 1, &a));
	assert_memory_equal(a.value, "b", 1);
	assert_false(cmdline_nth(line, strlen(line), "docker.host", 2, &a));
	assert_false(cmdline_last(line, strlen(line), "debug", &a));
	assert_true(cmdline_last(line, strlen(line), "state_dev", &a));
	assert_false(cmdline_last(line, strlen(line), "state.dev", &a));
}

static void test_flags(void **state)
{
	static const struct {
		const char *line;
		bool want;
	} t[] = {
		{"slipway.debug", true},	 {"slipway.debug=true", true},	{"rancher.debug=1", true},
		{"slipway.debug=on", true},	 {"slipway.debug=yes", true},	{"slipway.debug=false", false},
		{"slipway.debug=off", false},	 {"slipway.debug=maybe", false}, {"slipway.debug=", false},
		{"slipway.debug rancher.debug=0", false}, {"debug", false},	{"", false},
	};

	(void)state;
	for (size_t i = 0; i < countof(t); i++)
		assert_int_equal(cmdline_flag(t[i].line, strlen(t[i].line), "debug"), t[i].want);
}

static void test_numbers(void **state)
{
	struct cmdline_arg a = {.has_value = true};
	uint32_t v = 7;

	(void)state;
#define NUMBER(s, max) (a.value = (s), a.value_len = strlen(s), cmdline_parse_number(&a, max, &v))
	assert_true(NUMBER("0", 10));
	assert_int_equal(v, 0);
	assert_true(NUMBER("300", 300));
	assert_int_equal(v, 300);
	assert_false(NUMBER("301", 300));
	assert_false(NUMBER("", 10));
	assert_false(NUMBER("-1", 10));
	assert_false(NUMBER("1 ", 10));
	assert_false(NUMBER("4294967296", UINT32_MAX));
	assert_true(NUMBER("4294967295", UINT32_MAX));
	assert_false(NUMBER("18446744073709551617", UINT32_MAX));
}

static void test_copy(void **state)
{
	struct cmdline_arg a = {.value = "abcd", .value_len = 4};
	char out[5];

	(void)state;
	assert_true(cmdline_copy_value(&a, out, sizeof(out)));
	assert_string_equal(out, "abcd");
	assert_false(cmdline_copy_value(&a, out, 4));
	assert_string_equal(out, "");
	a.value = "a\tcd";
	assert_false(cmdline_copy_value(&a, out, sizeof(out)));
	assert_string_equal(out, "");
}

static bool is_accepted(const char *name, const char *value)
{
	const struct key *k = keys_find(name, strlen(name));
	struct cmdline_arg a = {.value = value != NULL ? value : "", .has_value = value != NULL};
	char why[KEYS_WHY_MAX] = "";

	assert_non_null(k);
	a.value_len = strlen(a.value);
	const char *r = keys_check(k, &a, why);
	assert_true(r == NULL || strlen(r) > 0);
	return r == NULL;
}

static void test_forms(void **state)
{
	static const struct {
		const char *name, *value;
		bool ok;
	} t[] = {
		{"debug", NULL, true},
		{"debug", "off", true},
		{"debug", "x", false},
		{"autologin", "ttyS0", true},
		{"autologin", NULL, true},
		{"autologin", "", false},
		{"password", "a\x01", false},
		{"hostname", "web-1.example", true},
		{"hostname", "-web", false},
		{"hostname", "web.", false},
		{"hostname", "we_b", false},
		{"hostname", "0123456789012345678901234567890123456789012345678901234567890123", false},
		{"log_level", "debug", true},
		{"log_level", "debu", false},
		{"log_level", "debugg", false},
		{"log_level", "", false},
		{"shutdown_timeout", "5", true},
		{"shutdown_timeout", "4", false},
		{"shutdown_timeout", "3600", true},
		{"shutdown_timeout", "3601", false},
		{"shutdown_timeout", NULL, false},
		{"state.wait", NULL, true},
		{"state.wait", "true", true},
		{"state.wait", "300", true},
		{"state.wait", "301", false},
		{"state.wait", "long", false},
		{"state.dev", "none", true},
		{"state.dev", "LABEL=x", true},
		{"state.dev", "LABEL=", false},
		{"state.dev", "LABEL=0123456789abcdef", true},
		{"state.dev", "LABEL=0123456789abcdefg", false},
		{"state.dev", "UUID=11111111-2222-3333-4444-555555555555", true},
		{"state.dev", "/dev/vda1", true},
		{"state.dev", "/dev/disk/by-id/x", true},
		{"state.dev", "/dev/../etc/x", false},
		{"state.dev", "/dev/", false},
		{"state.dev", "/dev//x", false},
		{"state.dev", "vda1", false},
		{"state.dev", "", false},
		{"state.fstype", "ext4", true},
		{"state.fstype", "xfs", false},
		{"state.directory", "a/b", true},
		{"state.directory", "/a", false},
		{"state.directory", "a/../b", false},
		{"state.directory", "a/", false},
		{"state.directory", "..", false},
		{"state.directory", "", false},
	};

	(void)state;
	for (size_t i = 0; i < countof(t); i++) {
		bool got = is_accepted(t[i].name, t[i].value);
		if (got != t[i].ok)
			print_error("%s=%s\n", t[i].name, t[i].value != NULL ? t[i].value : "(none)");
		assert_int_equal(got, t[i].ok);
	}
}

static const char *nearest(const char *name)
{
	const struct key *k = keys_nearest(name, strlen(name));

	return k != NULL ? k->name : "";
}

static void test_nearest(void **state)
{
	(void)state;
	assert_string_equal(nearest("autologn"), "autologin");
	assert_string_equal(nearest("state.div"), "state.dev");
	assert_string_equal(nearest("hostnam"), "hostname");
	assert_string_equal(nearest("debgu"), "debug");
	assert_string_equal(nearest("loglevel"), "log_level");
	assert_string_equal(nearest("something_else"), "");
	assert_string_equal(nearest("dexyz"), "");
	assert_string_equal(nearest("x"), "");
	assert_string_equal(nearest(""), "");
	assert_string_equal(nearest("state.directoryyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"), "");
}

static void test_table(void **state)
{
	(void)state;
	assert_null(keys_at(keys_count()));
	for (size_t i = 0; i < keys_count(); i++) {
		const struct key *k = keys_at(i);
		assert_ptr_equal(keys_find(k->name, strlen(k->name)), k);
		assert_true(strlen(k->help) > 0 && strlen(k->name) <= 40);
		assert_true(i == 0 || strcmp(keys_at(i - 1)->name, k->name) < 0);
	}
	assert_ptr_equal(keys_find("shutdown-timeout", 16), keys_find("shutdown_timeout", 16));
	assert_null(keys_find("debug2", 6));
	assert_string_equal(keys_find("network.interfaces.eth0.100.gateway-ipv6", 40)->name, "network.interfaces.*.gateway_ipv6");
	assert_string_equal(keys_find("network.interfaces.x.address", 28)->name, "network.interfaces.*.address");
	assert_null(keys_find("network.interfaces..address", 27));
	assert_null(keys_find("network.interfaces.x.adress", 27));
	assert_null(keys_find("debu", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),	 cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_lists),	 cmocka_unit_test(test_nul_bytes_separate),
		cmocka_unit_test(test_own_keys), cmocka_unit_test(test_flags),
		cmocka_unit_test(test_numbers),	 cmocka_unit_test(test_copy),
		cmocka_unit_test(test_forms),	 cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
