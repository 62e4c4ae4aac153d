// SPDX-License-Identifier: Apache-2.0
/* Image references: what clients write, what it stands for, what is refused and how. */
#include "tests/unit/test.h"

#include "lib/base/err.h"
#include "lib/codec/ref.h"

#include <errno.h>
#include <string.h>

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DIG "sha256:" HEX

static void test_spellings(void **state)
{
	static const struct {
		const char *in, *full, *familiar;
	} rows[] = {
		{"bb", "docker.io/library/bb", "bb"},
		{"bb:1", "docker.io/library/bb:1", "bb:1"},
		{"library/bb", "docker.io/library/bb", "bb"},
		{"docker.io/bb", "docker.io/library/bb", "bb"},
		{"index.docker.io/me/bb:x", "docker.io/me/bb:x", "me/bb:x"},
		{"me/web", "docker.io/me/web", "me/web"},
		{"library/a/b", "docker.io/library/a/b", "library/a/b"},
		{"localhost/bb", "localhost/bb", "localhost/bb"},
		{"docker.io/localhost/bb", "docker.io/localhost/bb", "docker.io/localhost/bb"},
		{"docker.io/a.b/c", "docker.io/a.b/c", "docker.io/a.b/c"},
		{"localhost:5000/bb:2", "localhost:5000/bb:2", "localhost:5000/bb:2"},
		{"127.0.0.1:5000/lib/bb", "127.0.0.1:5000/lib/bb", "127.0.0.1:5000/lib/bb"},
		{"[2001:db8::1]:5000/bb", "[2001:db8::1]:5000/bb", "[2001:db8::1]:5000/bb"},
		{"[::1]/bb", "[::1]/bb", "[::1]/bb"},
		{"REG.example/bb", "REG.example/bb", "REG.example/bb"},
		{"Reg/bb", "Reg/bb", "Reg/bb"},
		{"bb@" DIG, "docker.io/library/bb@" DIG, "bb@" DIG},
		{"bb:1@" DIG, "docker.io/library/bb:1@" DIG, "bb:1@" DIG},
		{"a__b/c---d/e.f_g", "docker.io/a__b/c---d/e.f_g", "a__b/c---d/e.f_g"},
		{"bb:_x.Y-9", "docker.io/library/bb:_x.Y-9", "bb:_x.Y-9"},
		{"foo.com", "docker.io/library/foo.com", "foo.com"},
		{"localhost", "docker.io/library/localhost", "localhost"},
	};
	char text[REF_TEXT_SIZE];
	struct ref r, again;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (ref_parse(rows[i].in, strlen(rows[i].in), &r, &e) < 0)
			fail_msg("'%s': %s", rows[i].in, e.msg);
		assert_string_equal(ref_text(&r, text), rows[i].full);
		assert_string_equal(ref_familiar(&r, text), rows[i].familiar);
		assert_int_equal(ref_parse(text, strlen(text), &again, NULL), 0);
		assert_string_equal(again.name, r.name);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"", "/", ":1", "bb:", "bb@", "bb@sha256:12", "bb:a b", "a//b", "/bb", "bb/", "a..b", "a___b",
		"-bb", "bb-", "bb:.x", "bb:-x", "a/b_", "_a", "x.y/", "x.y/:1", "-x.y/b", "x-.y/b", "x..y/b",
		"x.y:/b", "x.y:p/b", "[::1/b", "[]/b", "[x.]/b", "bb@sha512:" HEX, "bb@" DIG "0", "b\xc3\xa9",
		"bb:1:2", "bb@" DIG "@" DIG, "../bb", "a/../b", "bb ", " bb", "bb\n", "x:y:5/b",
	};
	static const char upper[] = "invalid reference format: repository name (library/UPPER) must be lowercase";
	char long_tag[200] = "bb:", long_path[600] = "r.x/";
	struct ref r;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (ref_parse(bad[i], strlen(bad[i]), &r, &e) == 0)
			fail_msg("'%s' was accepted as '%s'", bad[i], r.name);
		assert_int_equal(e.code, EINVAL);
		assert_string_equal(e.msg, "invalid reference format");
	}
	assert_int_equal(ref_parse("bb\0x", 4, &r, &e), -EINVAL);
	assert_int_equal(ref_parse("UPPER", 5, &r, &e), -EINVAL);
	assert_string_equal(e.msg, upper);
	assert_int_equal(ref_parse(HEX, 64, &r, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "cannot specify 64-byte hexadecimal strings"));
	memset(long_tag + 3, 'a', 128);
	assert_int_equal(ref_parse(long_tag, 131, &r, &e), 0);
	memset(long_tag + 3, 'a', 129);
	assert_int_equal(ref_parse(long_tag, 132, &r, &e), -EINVAL);
	memset(long_path + 4, 'a', 256);
	assert_int_equal(ref_parse(long_path, 4 + 255, &r, &e), 0);
	assert_int_equal(ref_parse(long_path, 4 + 256, &r, &e), -EINVAL);
	assert_string_equal(e.msg, "repository name must not be more than 255 characters");
	memset(long_path, 'a', 300);
	memcpy(long_path + 300, ".b/c", 5);
	assert_int_equal(ref_parse(long_path, 304, &r, &e), -EINVAL);
}

static void test_default_tag(void **state)
{
	char text[REF_TEXT_SIZE];
	struct ref r;

	(void)state;
	assert_int_equal(ref_parse("bb", 2, &r, NULL), 0);
	ref_default_tag(&r);
	assert_string_equal(ref_familiar(&r, text), "bb:latest");
	assert_int_equal(ref_parse("bb@" DIG, 3 + 71, &r, NULL), 0);
	ref_default_tag(&r);
	assert_string_equal(ref_familiar(&r, text), "bb@" DIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_default_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
