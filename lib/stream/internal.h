/* lib/stream/internal.h - what a stream is made of; private to lib/stream. */
#ifndef STREAM_INTERNAL_H
#define STREAM_INTERNAL_H

#include "lib/base/err.h"
#include "lib/stream/stream.h"

struct stream_ops {
	ssize_t (*next)(struct stream *s, const void **ret, struct err *e);
	void (*release)(struct stream *s); /* frees what the kind owns, not s and not the source; may be NULL */
};

/* First member of every kind. */
struct stream {
	const struct stream_ops *ops;
	struct stream *src; /* owned; NULL at the bottom */
	uint64_t passed;
	bool at_end;
	int code;	/* sticky error, negative */
	struct err why; /* valid when code is set */
};

/* An object of size bytes over src, zeroed but for its head; NULL as the makers return it. has_src: src must be there. */
void *stream_make(size_t size, const struct stream_ops *ops, struct stream *src, bool has_src);

/* One step of a decompressor: from in[0..*in_n) to out, both counts replaced by what was used and made.
 * Returns 1 at the end of a member, 0 otherwise, or an error. */
struct decoder {
	const char *name;
	void *(*open)(void); /* NULL without memory */
	int (*step)(void *d, const uint8_t *in, size_t *in_n, uint8_t *out, size_t *out_n, struct err *e);
	int (*reset)(void *d); /* before another member */
	void (*close)(void *d);
};
extern const struct decoder gzip_decoder, zstd_decoder;

#endif
