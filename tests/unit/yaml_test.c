// SPDX-License-Identifier: Apache-2.0
/* YAML: types of the core schema, merge keys, aliases and their bound, what is refused and with which line. */
#include "tests/unit/test.h"

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/codec/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct yaml_doc *parse(const char *text)
{
	struct yaml_doc *d = NULL;
	struct err e = {0};

	if (yaml_parse(text, strlen(text), &d, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return d;
}

static void refused(const char *text, int code, const char *why)
{
	struct yaml_doc *d = NULL;
	struct err e = {0};

	assert_int_equal(yaml_parse(text, strlen(text), &d, &e), -code);
	assert_null(d);
	if (strstr(e.msg, why) == NULL)
		fail_msg("'%s' has no '%s'", e.msg, why);
}

static void test_types(void **state)
{
	static const struct {
		const char *text;
		enum yaml_type type;
		int64_t number;
	} cases[] = {
		{"~", YAML_NULL, 0}, {"", YAML_NULL, 0}, {"null", YAML_NULL, 0}, {"''", YAML_STR, 0},
		{"true", YAML_BOOL, 1}, {"FALSE", YAML_BOOL, 0}, {"yes", YAML_STR, 0}, {"off", YAML_STR, 0},
		{"tRue", YAML_STR, 0}, {"0", YAML_INT, 0}, {"-12", YAML_INT, -12}, {"+3", YAML_INT, 3},
		{"010", YAML_INT, 10}, {"0o17", YAML_INT, 15}, {"0x1F", YAML_INT, 31}, {"0o8", YAML_STR, 0},
		{"9223372036854775807", YAML_INT, INT64_MAX}, {"9223372036854775808", YAML_FLOAT, 0},
		{"1_000", YAML_STR, 0}, {"1:20", YAML_STR, 0}, {"1.5", YAML_FLOAT, 0}, {".5", YAML_FLOAT, 0},
		{"5.", YAML_FLOAT, 0}, {"1e3", YAML_FLOAT, 0}, {"1e", YAML_STR, 0}, {".", YAML_STR, 0},
		{"-.inf", YAML_FLOAT, 0}, {".NaN", YAML_FLOAT, 0}, {"-.nan", YAML_STR, 0}, {"1.10", YAML_FLOAT, 0},
		{"\"12\"", YAML_STR, 0}, {"!!str 12", YAML_STR, 0}, {"! 12", YAML_STR, 0}, {"!!int 12", YAML_INT, 12},
		{"!!int '12'", YAML_INT, 12}, {"!!float 1", YAML_FLOAT, 0}, {"!!bool true", YAML_BOOL, 1},
		{"|\n  12\n", YAML_STR, 0}, {"[]", YAML_LIST, 0}, {"{}", YAML_MAP, 0}, {"!!seq []", YAML_LIST, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct yaml_doc *d = parse(cases[i].text);
		const struct yaml_node *n = yaml_root(d);
		if (n->type != cases[i].type)
			fail_msg("'%s' is %s", cases[i].text, yaml_type_name(n->type));
		if (n->type == YAML_INT)
			assert_int_equal(n->number, cases[i].number);
		if (n->type == YAML_BOOL)
			assert_int_equal(n->truth, cases[i].number);
		yaml_doc_free(d);
	}
}

static void test_tree(void **state)
{
	struct yaml_doc *d = parse("# comment\nb: 1.10\na:\n  - x\n  - {k: \"v\\n\"}\n");
	const struct yaml_node *root = yaml_root(d), *a = yaml_get(root, "a");

	(void)state;
	assert_int_equal(root->count, 2);
	assert_string_equal(root->pairs[0].key, "b");
	assert_int_equal(root->pairs[0].line, 2);
	assert_string_equal(root->pairs[0].value->text, "1.10");
	assert_int_equal(a->count, 2);
	assert_int_equal(a->items[1]->line, 5);
	assert_string_equal(yaml_get(a->items[1], "k")->text, "v\n");
	assert_null(yaml_get(a, "k"));
	assert_null(yaml_get(NULL, "k"));
	yaml_doc_free(d);
}

static void test_merge(void **state)
{
	struct yaml_doc *d = parse("one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\n"
				   "x: {<<: *one, b: 9}\ny:\n  b: 9\n  <<: [*two, *one]\nz: {'<<': 1}\n");
	const struct yaml_node *x = yaml_get(yaml_root(d), "x"), *y = yaml_get(yaml_root(d), "y");

	(void)state;
	assert_int_equal(x->count, 2);
	assert_string_equal(x->pairs[0].key, "b");
	assert_int_equal(yaml_get(x, "b")->number, 9);
	assert_int_equal(yaml_get(x, "a")->number, 1);
	assert_int_equal(y->count, 3);
	assert_int_equal(yaml_get(y, "b")->number, 9);
	assert_int_equal(yaml_get(y, "c")->number, 2);
	assert_int_equal(yaml_get(y, "a")->number, 1);
	assert_int_equal(yaml_get(yaml_get(yaml_root(d), "z"), "<<")->number, 1);
	yaml_doc_free(d);
}

static void test_alias(void **state)
{
	struct yaml_doc *d = parse("a: &x [1]\nb: *x\nc: &x 2\nd: *x\n&k key: *k\nlist: [{*k : 3}]\n");
	const struct yaml_node *root = yaml_root(d);

	(void)state;
	assert_ptr_equal(yaml_get(root, "a"), yaml_get(root, "b"));
	assert_int_equal(yaml_get(root, "d")->number, 2);
	yaml_doc_free(d);
}

static void test_refused(void **state)
{
	(void)state;
	refused("a: 1\nb: 2\na: 3\n", E_SPEC, "line 3: key 'a' is there already, in line 1");
	refused("a: 1\n---\nb: 2\n", E_SPEC, "second document");
	refused("[a, b]: c", E_SPEC, "line 1: a key must be a scalar");
	refused("x: 1\n? {a: b}\n: c", E_SPEC, "line 2: a key must be a scalar");
	refused("&a [1, *a]", E_SPEC, "'*a' is inside of what it stands for");
	refused("a: *nowhere", E_SPEC, "'*nowhere' has no anchor before it");
	refused("a: !reset 1", E_SPEC, "line 1: '1' has a tag");
	refused("a: !x {}", E_SPEC, "tag '!x'");
	refused("a: !!int x", E_SPEC, "'x' is not an integer");
	refused("a: \"x\\0y\"", E_SPEC, "NUL");
	refused("a: [1, 2", E_SPEC, "line 2: did not find");
	refused("a: {<<: 1}", E_SPEC, "line 1: '<<' must be a map");
	refused("a: {<<: [1]}", E_SPEC, "'<<' must be a map");
	refused("a: \xff\xfe", E_SPEC, "byte");
	refused("\tx: 1", E_SPEC, "line 1");
}

/* A list of nine of the list before, often: small to read, endless to walk. */
static void test_bomb(void **state)
{
	char text[4096] = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";

	(void)state;
	for (int i = 1; i < 12; i++) {
		char line[128];
		(void)snprintf(line, sizeof(line), "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
			       i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
		strcat(text, line);
	}
	refused(text, E_LIMIT, "aliases written out");
}

static char *repeat(const char *what, size_t n, const char *tail)
{
	char *s = calloc(1, n * strlen(what) + strlen(tail) + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(s + i * strlen(what), what, strlen(what));
	strcat(s, tail);
	return s;
}

static void test_bounds(void **state)
{
	char text[2048] = "a0: &a0 [x]\n";
	struct yaml_doc *d;

	(void)state;
	char *deep = repeat("[", YAML_DEPTH_MAX + 1, "");
	refused(deep, E_LIMIT, "nested deeper");
	free(deep);
	/* deep only with what aliases stand for */
	for (int i = 1; i <= YAML_DEPTH_MAX; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "a%d: &a%d [*a%d]\n", i, i, i - 1);
	refused(text, E_LIMIT, "nested deeper");
	char *many = repeat("- a\n", YAML_NODES_MAX, "");
	refused(many, E_LIMIT, "values");
	many[strlen(many) - 4] = '\0';
	d = parse(many);
	assert_int_equal(yaml_root(d)->count, YAML_NODES_MAX - 1);
	yaml_doc_free(d);
	free(many);
	char *big = repeat("#", YAML_TEXT_MAX + 1, "");
	refused(big, E_LIMIT, "bytes");
	free(big);
	char *anchors = repeat("- &a 1\n", 1025, "");
	refused(anchors, E_LIMIT, "anchors");
	free(anchors);
}

static void test_arena(void **state)
{
	struct arena a = ARENA_INIT(10000);

	(void)state;
	char *p = arena_alloc(&a, 5000), *q = arena_alloc(&a, 1);
	assert_non_null(p);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(p[i], 0);
	memset(p, 1, 5000);
	assert_int_equal((uintptr_t)q % _Alignof(max_align_t), 0);
	assert_int_equal(*q, 0);
	assert_string_equal(arena_copy(&a, "abc", 2), "ab");
	assert_null(arena_alloc(&a, 5000));
	assert_null(arena_array(&a, SIZE_MAX / 2, 4));
	assert_non_null(arena_alloc(&a, 4990));
	arena_release(&a);
	assert_non_null(arena_alloc(&a, 9999));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types), cmocka_unit_test(test_tree),   cmocka_unit_test(test_merge),
		cmocka_unit_test(test_alias), cmocka_unit_test(test_refused), cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
