/* lib/codec/sha256_ni.h - SHA-256 by the SHA instructions of x86-64; private to digest.c. */
#ifndef CODEC_SHA256_NI_H
#define CODEC_SHA256_NI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool sha256_ni_works(void); /* asks the processor */

/* Fold n blocks of 64 bytes into state (eight words, a to h). Only where sha256_ni_works(). */
void sha256_ni_blocks(uint32_t state[8], const uint8_t *p, size_t n);

#endif
