/* lib/codec/base64.h - RFC 4648, both alphabets. Registry authentication and path-stat headers travel in it. */
#ifndef CODEC_BASE64_H
#define CODEC_BASE64_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;

enum base64_alphabet {
	BASE64_STD = 1, /* + and / */
	BASE64_URL = 2, /* - and _ */
};

/* Append n bytes as base64; with_padding adds '=' up to a multiple of four. Check buf_error(). */
void base64_encode(struct buf *out, const void *p, size_t n, enum base64_alphabet alphabet, bool with_padding);

/*
 * Append what n characters stand for. Padding may be whole or absent; bits that padding leaves over must be zero,
 * so that every value has one spelling. Line breaks are refused.
 *
 * Errors  -E_SPEC, nothing appended   -E_LIMIT, -ENOMEM out is full
 */
int base64_decode(struct buf *out, const char *text, size_t n, enum base64_alphabet alphabet, struct err *e);

#endif
