/* lib/stream/stream.h - stacked input: each stream owns the one below it and hands out blocks it owns itself.
 *
 *   s = stream_fd(fd)                    bytes of a descriptor
 *   s = stream_verify(s, want, size)     hashes what passes; the end is an error unless digest and size are as wanted
 *   s = stream_inflate(s, limits)        undoes gzip or zstd, told by the first bytes; plain bytes pass unchanged
 *
 * An error is sticky: every later call gives it again. A verifying stream fails closed: only a stream that was read until
 * it said 0 has been verified, so whoever stops early must call stream_drain() before believing anything.
 */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct digest;
struct err;
struct stream; /* opaque */

#define STREAM_BLOCK	((size_t)256 << 10) /* bytes a block has at most */
#define STREAM_ANY_SIZE UINT64_MAX

/*
 * The next block.
 *
 *   ret   borrowed until the next call on s
 *
 * Returns  its size, never more than STREAM_BLOCK; 0 at the end
 * Errors   those of the layers: -E_DIGEST, -E_LIMIT, -E_SPEC (bad compression), -errno of read(2)
 * Blocks   as the descriptor at the bottom does
 */
ssize_t stream_next(struct stream *s, const void **ret, struct err *e);

/* Read what is left, so that everything below is verified. Returns 0 or an error of stream_next(). */
int stream_drain(struct stream *s, struct err *e);

uint64_t stream_passed(const struct stream *s); /* bytes handed out so far */

/* Free s and everything below it. NULL is allowed. */
void stream_free(struct stream *s);

/* The makers return NULL without memory (src is freed then), or when src is NULL: a chain needs one check. */

struct stream *stream_fd(int fd, bool close_it);

/* Blocks that somebody else makes: next() as stream_next(), ctx borrowed. */
struct stream *stream_call(ssize_t (*next)(void *ctx, const void **ret, struct err *e), void *ctx);

/*
 *   want        NULL takes any; else the end is -E_DIGEST when it differs. Copied.
 *   want_size   bytes, or STREAM_ANY_SIZE. More than these is -E_DIGEST at once.
 */
struct stream *stream_verify(struct stream *src, const struct digest *want, uint64_t want_size);

/* The digest of all that passed a verifying stream; only once it is at its end (else false). */
bool stream_digest(const struct stream *s, struct digest *ret);

/* Bounds on what decompression may give: max_bytes in all, and at most free_bytes + max_ratio times the input so far. */
struct stream_limits {
	uint64_t max_bytes;
	uint64_t free_bytes;
	uint32_t max_ratio;
};

enum stream_coding { STREAM_PLAIN = 1, STREAM_GZIP, STREAM_ZSTD };

struct stream *stream_inflate(struct stream *src, const struct stream_limits *limits);

/* What was found. Reads the first block when none was asked for yet. Returns an enum stream_coding or an error. */
int stream_coding(struct stream *s, struct err *e);

#endif
