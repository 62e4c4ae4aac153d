// SPDX-License-Identifier: Apache-2.0
/* Requests cut at every byte; queries and escapes. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/http1.h"

#include <errno.h>
#include <string.h>

struct result {
	int status; /* HTTP1_DONE, or the error */
	size_t used;
	struct buf body;
	int heads;
};

/* Feed text in pieces that end at `cut`, at each later byte when `step`, and at the end. */
static void feed(struct http1 *h, const char *text, size_t cut, bool step, struct result *r)
{
	size_t len = strlen(text), u = 0, n = 0;
	const char *p = NULL;
	struct err e;

	*r = (struct result){.body = BUF_INIT(10000)};
	size_t limit = cut;
	while (r->used < len) {
		if (limit == r->used)
			limit = step ? limit + 1 : len;
		int ev = http1_feed(h, text + r->used, limit - r->used, &u, &p, &n, &e);
		r->used += u;
		if (ev == HTTP1_HEAD)
			r->heads++;
		if (ev == HTTP1_BODY)
			buf_put(&r->body, p, n);
		if (ev == HTTP1_DONE || ev < 0) {
			r->status = ev;
			return;
		}
	}
	r->status = HTTP1_MORE;
}

static void test_cut_everywhere(void **state)
{
	const char *text = "POST /v1.41/containers/create?name=a%20b&x HTTP/1.1\r\nHost: docker\r\n"
			   "Content-Type: application/json\r\nContent-Length: 11\r\nX-Empty:\r\n\r\nhello worldNEXT";
	struct result r;

	(void)state;
	for (size_t cut = 0; cut < strlen(text) - 4; cut++)
		for (int step = 0; step < 2; step++) {
			struct http1 *h = http1_new();
			feed(h, text, cut, step, &r);
			assert_int_equal(r.status, HTTP1_DONE);
			assert_int_equal(r.heads, 1);
			assert_string_equal(text + r.used, "NEXT");
			assert_string_equal(buf_str(&r.body), "hello world");
			const struct http1_head *head = http1_head(h);
			assert_string_equal(head->method, "POST");
			assert_string_equal(head->path, "/v1.41/containers/create");
			assert_string_equal(head->query, "name=a%20b&x");
			assert_true(head->has_body && head->keep_alive && !head->want_upgrade);
			assert_int_equal(head->length, 11);
			assert_string_equal(http1_header(h, "content-type"), "application/json");
			assert_string_equal(http1_header(h, "X-Empty"), "");
			assert_null(http1_header(h, "X-Other"));
			buf_release(&r.body);
			http1_free(h);
		}
}

static void test_chunked(void **state)
{
	const char *text = "PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
			   "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nTrailer: 1\r\n\r\nGET";
	struct result r;

	(void)state;
	for (size_t cut = 0; cut < strlen(text) - 3; cut++) {
		struct http1 *h = http1_new();
		feed(h, text, cut, /* step= */ false, &r);
		assert_int_equal(r.status, HTTP1_DONE);
		assert_string_equal(buf_str(&r.body), "hello world");
		assert_string_equal(text + r.used, "GET");
		assert_true(http1_head(h)->has_body && http1_head(h)->expect_continue);
		assert_int_equal(http1_head(h)->length, -1);
		buf_release(&r.body);
		http1_free(h);
	}
}

static void test_pipelined(void **state)
{
	const char *text = "GET /a HTTP/1.1\r\n\r\nGET /b?q HTTP/1.0\r\n\r\n";
	struct http1 *h = http1_new();
	struct result r;

	(void)state;
	feed(h, text, 3, /* step= */ false, &r);
	assert_int_equal(r.status, HTTP1_DONE);
	assert_string_equal(http1_head(h)->path, "/a");
	size_t first = r.used;
	assert_string_equal(text + first, "GET /b?q HTTP/1.0\r\n\r\n");
	http1_next(h);
	assert_false(http1_has_begun(h));
	feed(h, text + first, 1, /* step= */ true, &r);
	assert_int_equal(r.status, HTTP1_DONE);
	assert_string_equal(http1_head(h)->path, "/b");
	assert_string_equal(http1_head(h)->query, "q");
	assert_int_equal(http1_head(h)->minor, 0);
	assert_false(http1_head(h)->keep_alive);
	http1_free(h);
}

static void test_upgrade(void **state)
{
	const char *text = "POST /exec/1/start HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: tcp\r\n"
			   "Content-Length: 2\r\n\r\n{}raw stream";
	struct http1 *h = http1_new();
	struct result r;

	(void)state;
	feed(h, text, 0, /* step= */ true, &r);
	assert_int_equal(r.status, HTTP1_DONE);
	assert_true(http1_head(h)->want_upgrade);
	assert_string_equal(text + r.used, "raw stream");
	buf_release(&r.body);
	http1_free(h);
}

static int status_of_text(const char *text)
{
	struct http1 *h = http1_new();
	struct result r;

	feed(h, text, 0, /* step= */ false, &r);
	buf_release(&r.body);
	http1_free(h);
	return r.status;
}

static void test_refused(void **state)
{
	static char big[HTTP1_HEAD_MAX + 1000], many[20000];
	char *at = many;

	(void)state;
	assert_int_equal(status_of_text("garbage\r\n\r\n"), -EPROTO);
	assert_int_equal(status_of_text("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), -EPROTO);
	assert_int_equal(
		status_of_text("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
		-EPROTO);
	assert_int_equal(status_of_text("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), -EPROTO);
	assert_int_equal(status_of_text("GET /\x01 HTTP/1.1\r\n\r\n"), -EPROTO);
	memset(big, 'a', sizeof(big) - 1);
	memcpy(big, "GET / HTTP/1.1\r\nX: ", 19);
	assert_int_equal(status_of_text(big), -E_LIMIT);
	memcpy(big, "GET /", 5);
	memset(big + 5, 'a', sizeof(big) - 6);
	assert_int_equal(status_of_text(big), -E_LIMIT);
	at = stpcpy(at, "GET / HTTP/1.1\r\n");
	for (int i = 0; i < HTTP1_HEADERS_MAX + 1; i++)
		at = stpcpy(at, "A: b\r\n");
	stpcpy(at, "\r\n");
	assert_int_equal(status_of_text(many), -E_LIMIT);
}

static void test_absolute_target(void **state)
{
	struct http1 *h = http1_new();
	struct result r;

	(void)state;
	feed(h, "GET http://localhost/info?a=b#f HTTP/1.1\r\n\r\n", 0, /* step= */ false, &r);
	assert_int_equal(r.status, HTTP1_DONE);
	assert_string_equal(http1_head(h)->path, "/info");
	assert_string_equal(http1_head(h)->query, "a=b");
	http1_free(h);
}

static void test_query(void **state)
{
	struct http1_query q;

	(void)state;
	assert_int_equal(http1_query_parse("name=a%20b+c&x&&y=%3D%26&name=2", &q, NULL), 0);
	assert_string_equal(http1_query_get(&q, "name"), "a b c");
	assert_string_equal(http1_query_get(&q, "x"), "");
	assert_string_equal(http1_query_get(&q, "y"), "=&");
	assert_null(http1_query_get(&q, "z"));
	assert_int_equal(q.n, 4);
	http1_query_release(&q);
	assert_int_equal(http1_query_parse("", &q, NULL), 0);
	assert_int_equal(q.n, 0);
	http1_query_release(&q);
	assert_int_equal(http1_query_parse("a=%2", &q, NULL), -EPROTO);
	assert_int_equal(http1_query_parse("a=%zz", &q, NULL), -EPROTO);
	assert_int_equal(http1_query_parse("a%00=1", &q, NULL), -EPROTO);
	char many[300] = "";
	for (int i = 0; i < HTTP1_QUERY_MAX + 1; i++)
		strcat(many, "a=&");
	assert_int_equal(http1_query_parse(many, &q, NULL), -E_LIMIT);
}

static void test_decode(void **state)
{
	char out[32];

	(void)state;
	assert_int_equal(http1_decode("a%2Fb+%41", 9, /* is_query= */ false, out), 5);
	assert_string_equal(out, "a/b+A");
	assert_int_equal(http1_decode("%", 1, false, out), -EPROTO);
	assert_int_equal(http1_decode("%4", 2, false, out), -EPROTO);
	assert_int_equal(http1_decode("%41", 3, false, out), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_everywhere), cmocka_unit_test(test_chunked),
		cmocka_unit_test(test_pipelined),      cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_refused),	       cmocka_unit_test(test_absolute_target),
		cmocka_unit_test(test_query),	       cmocka_unit_test(test_decode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
