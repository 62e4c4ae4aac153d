// SPDX-License-Identifier: Apache-2.0
/* HTTP replies, cut at every byte. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/http_reply.h"

#include <errno.h>
#include <string.h>

static int collect(void *ctx, const char *p, size_t n)
{
	buf_put(ctx, p, n);
	return buf_error(ctx);
}

/* Feed text in two pieces, cut at `cut`; returns the bytes after the reply. */
static const char *parse(const char *text, size_t cut, struct http_reply *r)
{
	size_t len = strlen(text), used = 0;
	struct err e = {0};

	int done = http_reply_feed(r, text, cut, &used, &e);
	if (done < 0)
		fail_msg("cut %zu: %s", cut, e.msg);
	if (done == 1)
		return text + used;
	assert_int_equal(used, cut);
	done = http_reply_feed(r, text + cut, len - cut, &used, &e);
	if (done < 0)
		fail_msg("cut %zu: %s", cut, e.msg);
	assert_int_equal(done, 1);
	return text + cut + used;
}

static void test_chunked_everywhere_cut(void **state)
{
	const char *text = "HTTP/1.1 100 Continue\r\n\r\n"
			   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nApi-Version: 1.51\r\n"
			   "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nNEXT";

	(void)state;
	for (size_t cut = 1; cut < strlen(text) - 4; cut++) {
		struct buf b = BUF_INIT(100);
		struct http_reply *r = http_reply_new(/* is_head */ false, collect, &b);
		assert_string_equal(parse(text, cut, r), "NEXT");
		assert_string_equal(buf_str(&b), "hello world");
		assert_int_equal(http_reply_status(r), 200);
		assert_string_equal(http_reply_content_type(r), "application/json");
		assert_string_equal(http_reply_api_version(r), "1.51");
		http_reply_free(r);
		buf_release(&b);
	}
}

static void test_upgrade_leaves_the_stream(void **state)
{
	const char *text = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
			   "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nfirst bytes";
	struct http_reply *r = http_reply_new(/* is_head */ false, NULL, NULL);

	(void)state;
	assert_string_equal(parse(text, 10, r), "first bytes");
	assert_true(http_reply_is_upgrade(r));
	http_reply_free(r);
}

static void test_head_has_no_body(void **state)
{
	struct http_reply *r = http_reply_new(/* is_head */ true, NULL, NULL);

	(void)state;
	assert_string_equal(parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nNEXT", 20, r), "NEXT");
	http_reply_free(r);
}

static void test_errors(void **state)
{
	struct buf b = BUF_INIT(3);
	struct err e;
	size_t used;

	(void)state;
	struct http_reply *r = http_reply_new(/* is_head */ false, collect, &b);
	assert_int_equal(http_reply_feed(r, "garbage\r\n", 9, &used, &e), -EPROTO);
	http_reply_free(r);
	r = http_reply_new(/* is_head */ false, collect, &b);
	const char *cut = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nab";
	assert_int_equal(http_reply_feed(r, cut, strlen(cut), &used, &e), 0);
	assert_int_equal(http_reply_feed(r, NULL, 0, &used, &e), -EPROTO);
	http_reply_free(r);
	r = http_reply_new(/* is_head */ false, collect, &b);
	const char *big = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde";
	assert_int_equal(http_reply_feed(r, big, strlen(big), &used, &e), -E_LIMIT);
	http_reply_free(r);
	r = http_reply_new(/* is_head */ false, collect, &b);
	static char head[70000];
	memset(head, 'a', sizeof(head));
	memcpy(head, "HTTP/1.1 200 OK\r\nX: ", 20);
	assert_int_equal(http_reply_feed(r, head, sizeof(head), &used, &e), -E_LIMIT);
	http_reply_free(r);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunked_everywhere_cut),
		cmocka_unit_test(test_upgrade_leaves_the_stream),
		cmocka_unit_test(test_head_has_no_body),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
