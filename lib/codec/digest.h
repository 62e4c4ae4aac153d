/* lib/codec/digest.h - SHA-256 and its text "sha256:<64 hex digits>". The only includer of Mbed TLS hashes.
 *
 *   struct sha256 h;
 *   sha256_init(&h);  sha256_update(&h, p, n)...;  sha256_final(&h, &d);
 *
 * Processors with SHA instructions are found at run time; all others use Mbed TLS.
 */
#ifndef CODEC_DIGEST_H
#define CODEC_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct digest {
	uint8_t sha256[32];
};

#define DIGEST_HEX_SIZE	 65 /* 64 digits and NUL */
#define DIGEST_TEXT_SIZE 72 /* "sha256:", 64 digits and NUL */

/* A running hash; a plain value without resources: copying it forks the computation, dropping it needs no call. */
struct sha256 {
	_Alignas(16) uint8_t opaque[160];
};

void sha256_init(struct sha256 *h);
void sha256_update(struct sha256 *h, const void *p, size_t n);
void sha256_final(struct sha256 *h, struct digest *ret);
void digest_of(const void *p, size_t n, struct digest *ret); /* of one buffer */

/* For tests and benchmarks: false makes later sha256_init() calls use Mbed TLS. Returns whether the processor has SHA. */
bool sha256_allow_fast(bool allow);

/*
 * Parse exactly n bytes of text. Upper-case digits and other algorithms are refused: a digest has one spelling.
 *
 * Errors  -E_SPEC  not "sha256:" and 64 lower-case hex digits
 */
int digest_parse(const char *text, size_t n, struct digest *ret, struct err *e);

/* The same for the 64 digits alone. Returns false when they are not. */
bool digest_parse_hex(const char *hex, size_t n, struct digest *ret);

/* Both return out. */
const char *digest_hex(const struct digest *d, char out[DIGEST_HEX_SIZE]);
const char *digest_text(const struct digest *d, char out[DIGEST_TEXT_SIZE]);

bool digest_eq(const struct digest *a, const struct digest *b);
int digest_cmp(const struct digest *a, const struct digest *b); /* an order, for sorting */

#endif
