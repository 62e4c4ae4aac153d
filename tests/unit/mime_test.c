// SPDX-License-Identifier: Apache-2.0
/* MIME: parts, encodings, line ends, and what is refused. */
#include "tests/unit/test.h"

#include "lib/base/err.h"
#include "lib/codec/mime.h"

#include <string.h>

#define HEAD "Content-Type: multipart/mixed;\n boundary=\"==B==\"\nMIME-Version: 1.0\n\npreamble\n"

static void test_parts(void **state)
{
	static const char text[] = HEAD
		"--==B==\nContent-Type: text/cloud-config; charset=\"us-ascii\"\nContent-Disposition: attachment; filename=\"a.yml\"\n\nhostname: a\n"
		"--==B==\r\nContent-Type: text/x-shellscript\r\nContent-Transfer-Encoding: base64\r\n\r\nIyEv\r\nYmluL3No\r\n"
		"--==B==\nContent-Transfer-Encoding: quoted-printable\n\na=3Db=\nc=zz\n--==B==--\nepilogue\n";
	struct mime m;
	struct err e;

	(void)state;
	assert_true(mime_is(text, strlen(text)));
	assert_int_equal(mime_parse(text, strlen(text), 4096, &m, &e), 0);
	assert_int_equal(m.count, 3);
	assert_string_equal(m.parts[0].type, "text/cloud-config");
	assert_string_equal(m.parts[0].name, "a.yml");
	assert_string_equal(buf_str(&m.parts[0].body), "hostname: a");
	assert_string_equal(m.parts[1].type, "text/x-shellscript");
	assert_string_equal(buf_str(&m.parts[1].body), "#!/bin/sh");
	assert_string_equal(m.parts[2].type, "text/plain");
	assert_string_equal(buf_str(&m.parts[2].body), "a=bc=zz");
	mime_release(&m);
}

static void refused(const char *text, size_t max, int code)
{
	struct mime m;
	struct err e = {0};

	assert_int_equal(mime_parse(text, strlen(text), max, &m, &e), -code);
	assert_true(e.msg[0] != '\0');
}

static void test_refused(void **state)
{
	(void)state;
	refused(HEAD "--==B==\n\na\n", 99, E_SPEC); /* cut short */
	refused(HEAD "--==B==\nno field\n\na\n--==B==--\n", 99, E_SPEC);
	refused(HEAD "--==B==\nContent-Transfer-Encoding: x\n\na\n--==B==--\n", 99, E_SPEC);
	refused(HEAD "--==B==\n\n0123456789\n--==B==--\n", 9, E_LIMIT);
	refused("Content-Type: multipart/mixed\n\n", 99, E_SPEC);
	assert_false(mime_is("#cloud-config\na: b\n", 19));
	assert_false(mime_is("hello: there\n", 13));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts), cmocka_unit_test(test_refused)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
