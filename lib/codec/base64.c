// SPDX-License-Identifier: Apache-2.0
/* Base64 in both alphabets. Decoding is strict: one spelling per value. */
#include "lib/codec/base64.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"

#include <stdint.h>

static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static char letter(unsigned v, enum base64_alphabet alphabet)
{
	if (v < 62)
		return common[v];
	if (alphabet == BASE64_URL)
		return v == 62 ? '-' : '_';
	return v == 62 ? '+' : '/';
}

static int value(char c, enum base64_alphabet alphabet)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (alphabet == BASE64_URL ? '-' : '+'))
		return 62;
	return c == (alphabet == BASE64_URL ? '_' : '/') ? 63 : -1;
}

void base64_encode(struct buf *out, const void *p, size_t n, enum base64_alphabet alphabet, bool with_padding)
{
	const uint8_t *in = p;

	for (size_t i = 0; i < n; i += 3) {
		size_t have = n - i < 3 ? n - i : 3;
		unsigned bits = (unsigned)in[i] << 16;
		if (have > 1)
			bits |= (unsigned)in[i + 1] << 8;
		if (have > 2)
			bits |= in[i + 2];
		for (size_t j = 0; j <= have; j++)
			buf_putc(out, letter(bits >> (18 - 6 * j) & 63, alphabet));
		for (size_t j = have; with_padding && j < 3; j++)
			buf_putc(out, '=');
	}
}

int base64_decode(struct buf *out, const char *text, size_t n, enum base64_alphabet alphabet, struct err *e)
{
	size_t len = n;

	/* padding only where it completes a group of four */
	while (n % 4 == 0 && len > 0 && n - len < 2 && text[len - 1] == '=')
		len--;
	if (len % 4 == 1)
		return err_set(e, E_SPEC, "base64: %zu characters cannot be", n);
	size_t total = len / 4 * 3 + (len % 4 > 0 ? len % 4 - 1 : 0);
	char *to = buf_reserve(out, total);
	if (to == NULL)
		return err_set(e, -buf_error(out), "base64: no room for %zu bytes", total);
	unsigned bits = 0;
	size_t put = 0;
	for (size_t i = 0; i < len; i++) {
		int v = value(text[i], alphabet);
		if (v < 0)
			return err_set(e, E_SPEC, "base64: character %zu is none of the alphabet", i + 1);
		bits = bits << 6 | (unsigned)v;
		if (i % 4 > 0)
			to[put++] = (char)(uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	if (len % 4 > 0 && (bits & (len % 4 == 2 ? 15u : 3u)) != 0)
		return err_set(e, E_SPEC, "base64: bits are left over at the end");
	out->len += total;
	if (out->data != NULL)
		out->data[out->len] = '\0';
	return 0;
}
