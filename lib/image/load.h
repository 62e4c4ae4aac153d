/* lib/image/load.h - an archive of images (docker save, OCI layout) into a folder of store_work_begin()'s shape.
 *
 * One pass: layers are unpacked and hashed as they come by, documents are kept, and what belongs together is decided at the
 * end. Nothing is believed that was not hashed; what no image refers to is left for the daemon to throw away. Runs in
 * the confined helper only.
 */
#ifndef IMAGE_LOAD_H
#define IMAGE_LOAD_H

#include "lib/image/unpack.h"

#include <stddef.h>
#include <stdint.h>

struct digest;
struct err;
struct stream;

struct load_limits {
	struct unpack_limits unpack; /* of each layer */
	uint64_t archive_bytes;	     /* uncompressed */
	uint32_t ratio;		     /* of compression, after the first free_bytes */
	uint64_t free_bytes;
	unsigned members; /* entries of the archive */
	size_t documents; /* bytes of all of them */
};

extern const struct load_limits load_limits;

struct load_sink {
	/* A directory of the work folder, relative to it ("layers/0/etc"), hides what is below it. */
	int (*opaque)(void *ctx, const char *path, struct err *e);
	/* An image is complete in the work folder. names: n reference texts, valid but not canonical. */
	int (*image)(void *ctx, const struct digest *manifest, const char *const *names, size_t n, struct err *e);
	void (*progress)(void *ctx, uint64_t bytes); /* of the archive; may be NULL */
	void (*layer)(void *ctx, const struct digest *blob); /* is unpacked; may be NULL */
	void *ctx;
};

/*
 *   archive   taken; plain, gzip or zstd
 *   work      descriptor of the work folder
 *   have      what store_have() wrote, n bytes: layers that need not be unpacked
 *
 * Errors   -E_SPEC, -E_DIGEST, -E_LIMIT name the member   others of the disk
 */
int load_archive(struct stream *archive, int work, const char *have, size_t n, const struct load_limits *limits,
		 const struct load_sink *sink, struct err *e);

/* What load_layer() found. */
struct load_layer {
	struct digest *blob, *diff_id;
	uint64_t blob_size, size;
	int coding; /* enum stream_coding */
};

/* A single layer (docker import): the whole stream is one. Fills blobs/ and layers/; *ret's pointers are the caller's. */
int load_layer(struct stream *archive, int work, const struct load_limits *limits, const struct load_sink *sink,
	       struct load_layer *ret, struct err *e);

#endif
