// SPDX-License-Identifier: Apache-2.0
/* Hashes and their text. Blocks are gathered here for the fast path; Mbed TLS does its own gathering. */
#include "lib/codec/digest.h"

#include "lib/base/err.h"
#include "lib/codec/sha256_ni.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <mbedtls/sha256.h>

struct fast {
	uint32_t state[8];
	uint64_t total; /* bytes taken */
	uint8_t block[64];
};

struct __attribute__((may_alias)) running {
	bool is_fast;
	union {
		struct fast fast;
		mbedtls_sha256_context mbed; /* owns nothing: may be dropped without its free function */
	};
};
static_assert(sizeof(struct running) <= sizeof(struct sha256), "struct sha256 is too small");
static_assert(_Alignof(struct running) <= _Alignof(struct sha256), "struct sha256 is misaligned");

enum { FAST_UNKNOWN, FAST_NO, FAST_YES };
static int fast_state = FAST_UNKNOWN;

static struct running *of(struct sha256 *h)
{
	return (struct running *)(void *)h->opaque;
}

static bool want_fast(void)
{
	if (fast_state == FAST_UNKNOWN)
		fast_state = sha256_ni_works() ? FAST_YES : FAST_NO;
	return fast_state == FAST_YES;
}

bool sha256_allow_fast(bool allow)
{
	bool has = sha256_ni_works();

	fast_state = allow && has ? FAST_YES : FAST_NO;
	return has;
}

void sha256_init(struct sha256 *h)
{
	static const uint32_t start[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};
	struct running *r = of(h);

	r->is_fast = want_fast();
	if (r->is_fast) {
		memcpy(r->fast.state, start, sizeof(start));
		r->fast.total = 0;
	} else {
		mbedtls_sha256_init(&r->mbed);
		(void)mbedtls_sha256_starts(&r->mbed, 0); /* fails only for a bad second argument */
	}
}

static void fast_update(struct fast *f, const uint8_t *p, size_t n)
{
	size_t held = (size_t)(f->total % 64);

	f->total += n;
	if (held > 0) {
		size_t take = n < 64 - held ? n : 64 - held;
		memcpy(f->block + held, p, take);
		if (held + take < 64)
			return;
		sha256_ni_blocks(f->state, f->block, 1);
		p += take;
		n -= take;
	}
	sha256_ni_blocks(f->state, p, n / 64);
	memcpy(f->block, p + n / 64 * 64, n % 64);
}

void sha256_update(struct sha256 *h, const void *p, size_t n)
{
	struct running *r = of(h);

	if (n == 0)
		return;
	if (r->is_fast)
		fast_update(&r->fast, p, n);
	else
		(void)mbedtls_sha256_update(&r->mbed, p, n); /* cannot fail in software */
}

static void put_be(uint8_t *to, uint64_t v, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--, v >>= 8)
		to[i] = (uint8_t)v;
}

static void fast_final(struct fast *f, uint8_t out[32])
{
	static const uint8_t pad[64] = {0x80};
	uint64_t bits = f->total * 8;
	size_t held = (size_t)(f->total % 64);
	uint8_t length[8];

	fast_update(f, pad, held < 56 ? 56 - held : 120 - held);
	put_be(length, bits, 8);
	fast_update(f, length, 8);
	for (int i = 0; i < 8; i++)
		put_be(out + 4 * i, f->state[i], 4);
}

void sha256_final(struct sha256 *h, struct digest *ret)
{
	struct running *r = of(h);

	if (r->is_fast)
		fast_final(&r->fast, ret->sha256);
	else
		(void)mbedtls_sha256_finish(&r->mbed, ret->sha256); /* as above */
}

void digest_of(const void *p, size_t n, struct digest *ret)
{
	struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, p, n);
	sha256_final(&h, ret);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool digest_parse_hex(const char *hex, size_t n, struct digest *ret)
{
	struct digest d;

	if (n != 64)
		return false;
	for (size_t i = 0; i < 32; i++) {
		int hi = nibble(hex[2 * i]), lo = nibble(hex[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		d.sha256[i] = (uint8_t)(hi << 4 | lo);
	}
	*ret = d;
	return true;
}

int digest_parse(const char *text, size_t n, struct digest *ret, struct err *e)
{
	int shown = n < 100 ? (int)n : 100;

	if (n < 7 || memcmp(text, "sha256:", 7) != 0)
		return err_set(e, E_SPEC, "digest '%.*s' is not of the kind sha256", shown, text);
	if (!digest_parse_hex(text + 7, n - 7, ret))
		return err_set(e, E_SPEC, "digest '%.*s' is not 64 lower-case hex digits", shown, text);
	return 0;
}

const char *digest_hex(const struct digest *d, char out[DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 32; i++) {
		out[2 * i] = digits[d->sha256[i] >> 4];
		out[2 * i + 1] = digits[d->sha256[i] & 15];
	}
	out[64] = '\0';
	return out;
}

const char *digest_text(const struct digest *d, char out[DIGEST_TEXT_SIZE])
{
	memcpy(out, "sha256:", 7);
	(void)digest_hex(d, out + 7);
	return out;
}

int digest_cmp(const struct digest *a, const struct digest *b)
{
	return memcmp(a->sha256, b->sha256, sizeof(a->sha256));
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
	return digest_cmp(a, b) == 0;
}
