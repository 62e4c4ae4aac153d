// SPDX-License-Identifier: Apache-2.0
/* Streams: what goes in comes out, whatever the coding and however small the pieces; what is cut, damaged, too large or
 * something else is an error that stays. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/digest.h"
#include "lib/stream/internal.h"
#include "lib/stream/stream.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

static const struct stream_limits wide = {UINT64_MAX, UINT64_MAX, 1000};
static char text[1 << 20];

/* A source that gives one byte at a time. */
struct drip {
	struct stream s;
	uint8_t one;
};
static ssize_t drip_next(struct stream *s, const void **ret, struct err *e)
{
	struct drip *d = (struct drip *)s;
	const void *p;
	static size_t left;
	static const uint8_t *at;

	if (left == 0) {
		ssize_t n = stream_next(s->src, &p, e);
		if (n <= 0)
			return n;
		at = p;
		left = (size_t)n;
	}
	d->one = *at++;
	left--;
	*ret = &d->one;
	return 1;
}
static const struct stream_ops drip_ops = {drip_next, NULL};

static int file_of(const void *p, size_t n)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static size_t gzipped(const void *p, size_t n, uint8_t *out, size_t size)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = (uInt)n;
	z.next_out = out;
	z.avail_out = (uInt)size;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	size -= z.avail_out;
	deflateEnd(&z);
	return size;
}

/* All of s into b; 0 or the error. */
static int slurp(struct stream *s, struct buf *b, struct err *e)
{
	const void *p;
	ssize_t n;

	assert_non_null(s);
	while ((n = stream_next(s, &p, e)) > 0)
		buf_put(b, p, (size_t)n);
	struct err again;
	assert_int_equal(stream_next(s, &p, &again), n); /* sticky */
	stream_free(s);
	return (int)n;
}

static void expect_same(const void *in, size_t n, bool by_drops)
{
	struct buf b = BUF_INIT(8 << 20);
	struct err e;

	struct stream *s = stream_fd(file_of(in, n), true);
	if (by_drops)
		s = stream_make(sizeof(struct drip), &drip_ops, s, true);
	if (slurp(stream_inflate(s, &wide), &b, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(b.len, sizeof(text));
	assert_memory_equal(b.data, text, sizeof(text));
	buf_release(&b);
}

static uint8_t coded[2 << 20];

static void test_codings(void **state)
{
	(void)state;
	for (int drops = 0; drops < 2; drops++) {
		expect_same(text, sizeof(text), drops);
		size_t n = gzipped(text, sizeof(text), coded, sizeof(coded));
		expect_same(coded, n, drops);
		memset(coded + n, 0, 100); /* padding */
		expect_same(coded, n + 100, drops);
		/* two members */
		n = gzipped(text, 5, coded, sizeof(coded));
		n += gzipped(text + 5, sizeof(text) - 5, coded + n, sizeof(coded) - n);
		expect_same(coded, n, drops);
		n = ZSTD_compress(coded, sizeof(coded), text, 77, 3);
		n += ZSTD_compress(coded + n, sizeof(coded) - n, text + 77, sizeof(text) - 77, 19);
		expect_same(coded, n, drops);
	}
}

static void expect_error(const void *in, size_t n, const struct stream_limits *l, int code, const char *why)
{
	struct buf b = BUF_INIT(8 << 20);
	struct err e = {0};

	int r = slurp(stream_inflate(stream_fd(file_of(in, n), true), l), &b, &e);
	if (r != -code || strstr(e.msg, why) == NULL)
		fail_msg("gave %d '%s', not '%s'", r, e.msg, why);
	buf_release(&b);
}

static void test_damaged(void **state)
{
	static uint8_t zeros[1 << 20], bomb[1 << 16];
	struct stream_limits small = {1 << 19, UINT64_MAX, 1000}, tight = {UINT64_MAX, 1 << 16, 100};

	(void)state;
	size_t n = gzipped(text, sizeof(text), coded, sizeof(coded));
	expect_error(coded, n - 1, &wide, E_SPEC, "cut off");
	expect_error(coded, n / 2, &wide, E_SPEC, "cut off");
	expect_error(coded, 3, &wide, E_SPEC, "cut off");
	coded[n] = 'x';
	coded[n + 1] = 'y';
	expect_error(coded, n + 2, &wide, E_SPEC, "damaged");
	coded[n] = 0;
	coded[n + 1] = 'x';
	expect_error(coded, n + 2, &wide, E_SPEC, "something behind");
	coded[n / 2] ^= 0xff;
	expect_error(coded, n, &wide, E_SPEC, "gzip data is damaged");
	n = ZSTD_compress(coded, sizeof(coded), text, sizeof(text), 3);
	expect_error(coded, n - 1, &wide, E_SPEC, "cut off");
	coded[4] ^= 0x08; /* a reserved bit */
	expect_error(coded, n, &wide, E_SPEC, "zstd data is damaged");
	expect_error("\xfd\x37zXZ\0rest", 10, &wide, E_SPEC, "xz compression is not supported");
	expect_error("BZh9", 4, &wide, E_SPEC, "bzip2 compression is not supported");
	expect_error(text, sizeof(text), &small, E_LIMIT, "more than 524288 bytes");
	n = gzipped(zeros, sizeof(zeros), bomb, sizeof(bomb));
	expect_error(bomb, n, &tight, E_LIMIT, "more than 100 times");
	expect_error(bomb, n, &small, E_LIMIT, "more than 524288 bytes");
}

static void test_verify(void **state)
{
	struct digest d, other;
	const void *p;
	struct err e;

	(void)state;
	digest_of(text, sizeof(text), &d);
	digest_of("x", 1, &other);
	struct stream *s = stream_verify(stream_fd(file_of(text, sizeof(text)), true), &d, sizeof(text));
	assert_true(stream_next(s, &p, &e) > 0);
	assert_false(stream_digest(s, &other)); /* not before the end */
	assert_int_equal(stream_drain(s, &e), 0);
	assert_true(stream_digest(s, &other));
	assert_true(digest_eq(&d, &other));
	stream_free(s);

	digest_of("x", 1, &other);
	s = stream_verify(stream_fd(file_of(text, sizeof(text)), true), &other, STREAM_ANY_SIZE);
	assert_int_equal(stream_drain(s, &e), -E_DIGEST);
	assert_non_null(strstr(e.msg, "instead of sha256:2d711642"));
	assert_int_equal(stream_drain(s, NULL), -E_DIGEST);
	stream_free(s);
	s = stream_verify(stream_fd(file_of(text, sizeof(text)), true), &d, sizeof(text) + 1);
	assert_int_equal(stream_drain(s, &e), -E_DIGEST);
	stream_free(s);
	s = stream_verify(stream_fd(file_of(text, sizeof(text)), true), NULL, 10);
	assert_int_equal(stream_next(s, &p, &e), -E_DIGEST);
	assert_non_null(strstr(e.msg, "more than 10 bytes"));
	stream_free(s);
}

static void test_coding(void **state)
{
	struct err e;

	(void)state;
	size_t n = gzipped(text, 100, coded, sizeof(coded));
	struct stream *s = stream_inflate(stream_fd(file_of(coded, n), true), &wide);
	assert_int_equal(stream_coding(s, &e), STREAM_GZIP);
	assert_int_equal(stream_drain(s, &e), 0);
	assert_int_equal(stream_passed(s), 100);
	stream_free(s);
	s = stream_inflate(stream_fd(file_of("", 0), true), &wide);
	assert_int_equal(stream_coding(s, &e), STREAM_PLAIN);
	assert_int_equal(stream_drain(s, &e), 0);
	stream_free(s);
	assert_null(stream_inflate(NULL, &wide));
	s = stream_inflate(stream_fd(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), true), &wide);
	assert_true(stream_coding(s, &e) < 0);
	assert_int_equal(stream_drain(s, &e), -21); /* EISDIR, and again */
	stream_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codings),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_coding),
	};

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)((i * 2654435761u) >> 13 & (i % 3000 < 1500 ? 0x3f : 0xff));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
