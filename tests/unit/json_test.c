// SPDX-License-Identifier: Apache-2.0
/* JSON reading and writing: what clients send, what must come back byte for byte, what must be refused. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/json.h"

#include <stdlib.h>
#include <string.h>

static struct json_doc *parse(const char *text)
{
	struct json_doc *d = NULL;
	struct err e;

	if (json_parse(text, strlen(text), &d, &e) < 0)
		fail_msg("parse '%s': %s", text, e.msg);
	return d;
}

static void test_round_trip_keeps_numbers(void **state)
{
	const char *text = "{\"a\":18446744073709551615,\"b\":1.10,\"c\":1e400,\"d\":[-0,{}],\"e\":null,"
			   "\"f\":true,\"g\":\"\\u0001\\n\\\"\xc3\xa9\"}";
	struct buf b = BUF_INIT(4096);
	struct json_writer w;

	(void)state;
	struct json_doc *d = parse(text);
	jw_init(&w, &b);
	jw_value(&w, json_root(d));
	assert_int_equal(buf_error(&b), 0);
	assert_string_equal(buf_str(&b), text);
	json_free(d);
	buf_release(&b);
}

static void test_access(void **state)
{
	struct json_doc *d = parse("{\"Name\":\"web\",\"n\":7,\"big\":9223372036854775808,\"list\":[1,2,3],\"f\":1.5}");
	const struct json *o = json_root(d);
	int64_t n = 0;
	uint64_t u = 0;

	(void)state;
	assert_string_equal(json_str(json_iget(o, "name")), "web");
	assert_null(json_get(o, "name"));
	assert_int_equal(json_int(json_get(o, "n"), -1), 7);
	assert_int_equal(json_int(json_get(o, "f"), -1), -1);
	assert_int_equal(json_int(json_get(o, "big"), -1), -1);
	assert_false(json_is_int(json_get(o, "n"), 0, 6, &n));
	assert_true(json_is_uint(json_get(o, "big"), UINT64_MAX, &u));
	assert_true(u == 9223372036854775808u);
	/* a chain through what is absent needs no checks */
	assert_null(json_str(json_get(json_get(json_get(o, "x"), "y"), "z")));
	int64_t sum = 0;
	struct json_iter it = json_iter(json_get(o, "list"));
	while (json_next(&it))
		sum += json_int(it.value, 0);
	assert_int_equal(sum, 6);
	struct json_iter pairs = json_iter(o);
	assert_true(json_next(&pairs));
	assert_string_equal(pairs.key, "Name");
	json_free(d);
}

static void test_refused(void **state)
{
	const char *bad[] = {"", "{", "{\"a\":1,}", "[1] x", "\"\xff\"", "{a:1}", "01", "nul", "[\"\t\"]"};
	struct json_doc *d = NULL;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(json_parse(bad[i], strlen(bad[i]), &d, &e), -E_SPEC);
	char deep[200];
	memset(deep, '[', sizeof(deep));
	assert_int_equal(json_parse(deep, sizeof(deep), &d, &e), -E_LIMIT);
	assert_non_null(strstr(e.msg, "deeper than"));

	memset(deep + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
	assert_int_equal(json_parse(deep, 2 * JSON_MAX_DEPTH, &d, &e), 0);
	json_free(d);
	memset(deep, '[', JSON_MAX_DEPTH + 1);
	memset(deep + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
	assert_int_equal(json_parse(deep, 2 * JSON_MAX_DEPTH + 2, &d, &e), -E_LIMIT);
}

static void test_numbers_out_of_range(void **state)
{
	struct json_doc *d = NULL;
	int64_t n;

	(void)state;
	assert_int_equal(json_parse("[9,10,11,-1]", 12, &d, NULL), 0);
	struct json_iter it = json_iter(json_root(d));
	assert_true(json_next(&it) && json_is_int(it.value, 0, 10, &n) && n == 9);
	assert_true(json_next(&it) && json_is_int(it.value, 0, 10, &n) && n == 10);
	assert_true(json_next(&it) && !json_is_int(it.value, 0, 10, &n));
	assert_true(json_next(&it) && !json_is_int(it.value, 0, 10, &n));
	json_free(d);
}

static void test_writer(void **state)
{
	struct buf b = BUF_INIT(4096);
	struct json_writer w;

	(void)state;
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "a", "x<>&\xe2\x80\xa8\xff\x7f");
	jw_key(&w, "l");
	jw_arr(&w);
	jw_int(&w, -5);
	jw_obj(&w);
	jw_end_obj(&w);
	jw_str(&w, NULL);
	jw_end_arr(&w);
	jw_kbool(&w, "t", true);
	jw_kuint(&w, "u", UINT64_MAX);
	jw_end_obj(&w);
	assert_string_equal(buf_str(&b), "{\"a\":\"x<>&\\u2028\\ufffd\x7f\",\"l\":[-5,{},null],\"t\":true,"
					 "\"u\":18446744073709551615}");
	buf_release(&b);
}

/* What is not UTF-8 becomes a replacement character a byte, surrogates and overlong forms too. */
static void test_writer_utf8(void **state)
{
	const struct {
		const char *in, *out;
	} t[] = {
		{"\xed\x9f\xbf", "\"\xed\x9f\xbf\""},
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
		{"\xe0\x9f\xbf", "\"\\ufffd\\ufffd\\ufffd\""},
		{"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
		{"\xc3", "\"\\ufffd\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct buf b = BUF_INIT(100);
		struct json_writer w;

		jw_init(&w, &b);
		jw_str(&w, t[i].in);
		assert_string_equal(buf_str(&b), t[i].out);
		buf_release(&b);
	}
}

/* The writer refuses what the parser would: it nests no deeper. */
static void test_writer_depth(void **state)
{
	for (int extra = 0; extra < 3; extra++) {
		struct buf b = BUF_INIT(4096);
		struct json_writer w;
		int depth = JSON_MAX_DEPTH - 2 + extra;

		(void)state;
		jw_init(&w, &b);
		for (int i = 0; i < depth; i++)
			jw_arr(&w);
		for (int i = 0; i < depth; i++)
			jw_end_arr(&w);
		assert_int_equal(buf_error(&b), depth < JSON_MAX_DEPTH ? 0 : -E_LIMIT);
		buf_release(&b);
	}
}

static void test_writer_limit(void **state)
{
	struct buf b = BUF_INIT(8);
	struct json_writer w;

	(void)state;
	jw_init(&w, &b);
	jw_str(&w, "much too long");
	assert_int_equal(buf_error(&b), -E_LIMIT);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip_keeps_numbers), cmocka_unit_test(test_access),
		cmocka_unit_test(test_refused),			 cmocka_unit_test(test_writer),
		cmocka_unit_test(test_writer_limit),		 cmocka_unit_test(test_numbers_out_of_range),
		cmocka_unit_test(test_writer_utf8),		 cmocka_unit_test(test_writer_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
