// SPDX-License-Identifier: Apache-2.0
/* Templates of --format over JSON values. Expected texts are those of Go's text/template. */
#include "tests/unit/test.h"

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/json.h"
#include "userctr/template.h"

#include <string.h>

static const char doc[] =
	"{\"A\":\"x\",\"N\":7,\"T\":true,\"F\":false,\"Z\":null,\"E\":\"\",\"L\":[\"p\",\"q\",\"r\"],\"M\":{\"b\":\"2\",\"a\":\"1\"},"
	"\"O\":{\"I\":{\"V\":\"deep\"}},\"Labels\":\"k=v,w=\",\"none\":[],\"C\":\"a\\u001bb\",\"f\":1.5,"
	"\"P\":{\"80/tcp\":[{\"HostPort\":\"8080\"}]}}";

static int run(const char *text, unsigned flags, struct buf *out, struct err *e)
{
	struct arena mem = ARENA_INIT(8u << 20);
	struct json_doc *d = NULL;
	struct tmpl *t = NULL;

	assert_int_equal(json_parse(doc, strlen(doc), &d, NULL), 0);
	int r = tmpl_parse(&mem, text, strlen(text), &t, e);
	if (r == 0)
		r = tmpl_run(t, json_root(d), flags, out, e);
	json_free(d);
	arena_release(&mem);
	return r;
}

static void test_gives(void **state)
{
	static const struct {
		const char *text, *out;
	} rows[] = {
		{"", ""},
		{"plain } {", "plain } {"},
		{"{{.A}}-{{.N}}-{{.T}}", "x-7-true"},
		{"{{ .O.I.V }}", "deep"},
		{"{{.L}} {{.M}}", "[p q r] map[a:1 b:2]"},
		{"{{.Z}}", "<no value>"},
		{"{{.f}}", "1.5"},
		{"{{json .M}} {{json .A}} {{json .Z}}", "{\"b\":\"2\",\"a\":\"1\"} \"x\" null"},
		{"{{.M | json}}", "{\"b\":\"2\",\"a\":\"1\"}"},
		{"{{index .L 1}} {{index .M \"a\"}} {{index .M \"zz\"}}", "q 1 <no value>"},
		{"{{(index (index .P \"80/tcp\") 0).HostPort}}", "8080"},
		{"{{range .L}}<{{.}}>{{end}}", "<p><q><r>"},
		{"{{range $i, $v := .L}}{{$i}}{{$v}},{{end}}", "0p,1q,2r,"},
		{"{{range $k, $v := .M}}{{$k}}={{$v}};{{end}}", "a=1;b=2;"},
		{"{{range .none}}x{{else}}empty{{end}}", "empty"},
		{"{{range .L}}{{if eq . \"q\"}}{{continue}}{{end}}{{.}}{{end}}", "pr"},
		{"{{range .L}}{{if eq . \"q\"}}{{break}}{{end}}{{.}}{{end}}", "p"},
		{"{{range .L}}{{$.N}}{{end}}", "777"},
		{"{{if .T}}y{{end}}{{if .F}}n{{end}}{{if .E}}n{{else}}e{{end}}", "ye"},
		{"{{if .F}}1{{else if .T}}2{{else}}3{{end}}", "2"},
		{"{{if .Missing}}y{{else}}n{{end}}", "n"},
		{"{{if and .T (not .F)}}y{{end}}{{or .E .A}}", "yx"},
		{"{{with .O.I}}{{.V}}{{end}}", "deep"},
		{"{{with $x := .A}}{{$x}}{{end}}", "x"},
		{"{{$x := 1}}{{$x = 2}}{{$x}}", "2"},
		{"{{len .L}} {{len .A}} {{len .M}}", "3 1 2"},
		{"{{if gt .N 5}}big{{end}}{{if le .N 7}}!{{end}}{{if ne .A \"y\"}}?{{end}}", "big!?"},
		{"{{upper .A}}{{lower \"AbC\"}}{{title \"ab cd\"}}", "XabcAb Cd"},
		{"{{join .L \"+\"}} {{split \"a:b\" \":\"}} {{join (split \"a:b\" \":\") \"-\"}}", "p+q+r [a b] a-b"},
		{"{{printf \"%s|%d|%5s|%-3s|%%|%q\" .A .N .A .A .A}}", "x|7|    x|x  |%|\"x\""},
		{"{{print .A .N}} {{println .A .N}}", "x7 x 7\n"},
		{"{{pad .A 1 2}}|{{truncate \"abcdef\" 3}}|{{slice \"abcdef\" 1 3}}", " x  |abc|bc"},
		{"{{urlquery \"a b&\"}}", "a%20b%26"},
		{"a {{- .A -}} b", "axb"},
		{"a{{/* no */}}b {{- /* no */ -}} c", "abc"},
		{"{{`raw \\n`}}{{\"\\t\\x41\"}}{{'a'}}", "raw \\n\tA97"},
		{"{{.Label \"k\"}}|{{.Label \"w\"}}|{{.Label \"q\"}}", "v||"},
		{"{{\"}}\"}}", "}}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = BUF_INIT(1u << 20);
		struct err e = {0};
		if (run(rows[i].text, 0, &out, &e) < 0)
			fail_msg("%s: %s", rows[i].text, e.msg);
		assert_string_equal(buf_str(&out), rows[i].out);
		buf_release(&out);
	}
}

static void test_refuses(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"{{.Nope}}", "template: :1:2: executing \"\" at <.Nope>: map has no entry for key \"Nope\""},
		{"{{.O.Nope.V}}", "map has no entry for key \"Nope\""},
		{"{{.A.V}}", "can't evaluate field V"},
		{"a\n{{.Nope}}", "template: :2:2: "},
		{"{{.Foo", "template: :1: unclosed action"},
		{"{{", "unclosed action"},
		{"{{end}}", "unexpected {{end}}"},
		{"{{if .A}}", "unexpected EOF"},
		{"{{else}}", "unexpected {{else}}"},
		{"{{if .A}}{{else}}{{else}}{{end}}", "unexpected {{else}}"},
		{"{{nope .A}}", "function \"nope\" not defined"},
		{"{{index .L 9}}", "index out of range"},
		{"{{index .L -1}}", "index out of range"},
		{"{{len .T}}", "len of a value"},
		{"{{upper .N}}", "expected string"},
		{"{{$x}}", "undefined variable"},
		{"{{\"a}}", "unclosed action"},
		{"{{break}}", "outside"},
		{"{{.A .N}}", "can't give argument to non-function"},
		{"{{(.A}}", "unclosed left paren"},
		{"{{eq .A .N}}", "incompatible types"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = BUF_INIT(1u << 20);
		struct err e = {0};
		if (run(rows[i].text, 0, &out, &e) >= 0)
			fail_msg("%s: taken", rows[i].text);
		if (strstr(e.msg, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].text, e.msg);
		buf_release(&out);
	}
}

static void test_terminals_are_safe(void **state)
{
	struct buf out = BUF_INIT(4096);
	struct err e;

	(void)state;
	assert_int_equal(run("{{.C}}", TMPL_SAFE, &out, &e), 0);
	assert_string_equal(buf_str(&out), "a\\x1bb");
	buf_clear(&out);
	assert_int_equal(run("{{.C}}", 0, &out, &e), 0);
	assert_string_equal(buf_str(&out), "a\x1b" "b");
	buf_release(&out);
}

static void test_ends(void **state)
{
	struct buf out = BUF_INIT(1024);
	char deep[TMPL_DEPTH * 8 + 64] = "";
	struct err e;

	(void)state;
	assert_int_equal(run("{{range 1000000}}{{range 1000000}}x{{end}}{{end}}", 0, &out, &e), -E_LIMIT);
	buf_clear(&out);
	assert_int_equal(run("{{range 1000000}}{{range 1000000}}{{$.E}}{{end}}{{end}}", 0, &out, &e), -E_LIMIT);
	for (int i = 0; i <= TMPL_DEPTH; i++)
		strcat(deep, "{{if 1}}");
	assert_int_equal(run(deep, 0, &out, &e), -E_LIMIT);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gives), cmocka_unit_test(test_refuses), cmocka_unit_test(test_terminals_are_safe),
		cmocka_unit_test(test_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
