// SPDX-License-Identifier: Apache-2.0
/* SHA-256 by both ways against the published vectors and against each other; digest text. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/base64.h"
#include "lib/codec/digest.h"

#include <stdlib.h>
#include <string.h>

static void expect_hex(const char *data, size_t n, const char *want)
{
	char hex[DIGEST_HEX_SIZE];
	struct digest d;

	digest_of(data, n, &d);
	assert_string_equal(digest_hex(&d, hex), want);
}

static void known_vectors(void)
{
	char *million = malloc(1000000);

	expect_hex("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect_hex("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
		   "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	assert_non_null(million);
	memset(million, 'a', 1000000);
	expect_hex(million, 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}

static void test_vectors(void **state)
{
	(void)state;
	sha256_allow_fast(false);
	known_vectors();
	if (!sha256_allow_fast(true))
		print_message("no SHA instructions here: the fast path is not tested\n");
	known_vectors();
}

/* Every length around the block size, fed in every way of two pieces, both ways agree. */
static void test_pieces(void **state)
{
	uint8_t data[200];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + 3);
	for (size_t n = 0; n <= sizeof(data); n++) {
		struct digest slow, fast;
		struct sha256 h;

		sha256_allow_fast(false);
		digest_of(data, n, &slow);
		sha256_allow_fast(true);
		for (size_t first = 0; first <= n; first += n < 140 ? 1 : 13) {
			sha256_init(&h);
			sha256_update(&h, data, first);
			sha256_update(&h, data + first, n - first);
			sha256_final(&h, &fast);
			assert_true(digest_eq(&slow, &fast));
		}
	}
}

static void test_text(void **state)
{
	static const char good[] = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	char text[DIGEST_TEXT_SIZE], bad[DIGEST_TEXT_SIZE + 1];
	struct digest d, empty;
	struct err e;

	(void)state;
	assert_int_equal(digest_parse(good, strlen(good), &d, NULL), 0);
	assert_string_equal(digest_text(&d, text), good);
	digest_of("", 0, &empty);
	assert_true(digest_eq(&d, &empty));
	assert_int_equal(digest_parse(good, strlen(good) - 1, &d, &e), -E_SPEC);
	assert_int_equal(digest_parse("sha512:00", 9, &d, &e), -E_SPEC);
	assert_non_null(strstr(e.msg, "'sha512:00'"));
	assert_int_equal(digest_parse("", 0, &d, &e), -E_SPEC);
	/* one spelling only, and nothing after it */
	strcpy(bad, good);
	bad[8] = 'E';
	assert_int_equal(digest_parse(bad, strlen(bad), &d, &e), -E_SPEC);
	strcpy(bad, good);
	strcat(bad, "0");
	assert_int_equal(digest_parse(bad, strlen(bad), &d, &e), -E_SPEC);
	bad[20] = '/';
	assert_int_equal(digest_parse(bad, strlen(good), &d, &e), -E_SPEC);
}

static void test_base64(void **state)
{
	static const struct {
		const char *plain, *coded;
	} rows[] = {
		{"", ""},	      {"f", "Zg=="},	       {"fo", "Zm8="},
		{"foo", "Zm9v"},      {"foob", "Zm9vYg=="},    {"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "+/+/"},
	};
	struct buf b = BUF_INIT(64);
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&b);
		base64_encode(&b, rows[i].plain, strlen(rows[i].plain), BASE64_STD, true);
		assert_string_equal(buf_str(&b), rows[i].coded);
		buf_clear(&b);
		assert_int_equal(base64_decode(&b, rows[i].coded, strlen(rows[i].coded), BASE64_STD, &e), 0);
		assert_string_equal(buf_str(&b), rows[i].plain);
	}
	buf_clear(&b);
	base64_encode(&b, "\xfb\xff\xbf\x01", 4, BASE64_URL, false);
	assert_string_equal(buf_str(&b), "-_-_AQ");
	static const char *const bad[] = {"A", "Zg=", "Zg===", "Z===", "Zm9v=", "====", "Zh==", "Z g=", "-_-_", "Zm8\n"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_clear(&b);
		assert_int_equal(base64_decode(&b, bad[i], strlen(bad[i]), BASE64_STD, &e), -E_SPEC);
		assert_int_equal(b.len, 0);
	}
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
