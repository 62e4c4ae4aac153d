/* lib/image/unpack.h - one layer's tar into a directory in overlayfs' form. Runs in the confined helper only.
 *
 * Whiteouts become character devices 0/0; opaque directories are told to the caller, because overlay's attribute takes a
 * privilege that this code does not have. Every path is resolved below the layer's root (lib/sys/path.h): a path with ".."
 * is refused, one through a symbolic link stays inside. A name that appears twice means what it meant last.
 */
#ifndef IMAGE_UNPACK_H
#define IMAGE_UNPACK_H

#include <stdint.h>

struct err;
struct stream;

/* Bounds on what one layer may be. */
struct unpack_limits {
	uint64_t bytes;	  /* of all files together */
	uint64_t entries; /* of the archive */
	unsigned depth;	  /* directories in a path */
	unsigned path;	  /* bytes of a path */
	unsigned attrs;	  /* bytes of the extended attributes of an entry */
};

extern const struct unpack_limits unpack_limits; /* what the helper uses */

struct unpack_sink {
	/* path (relative, as given) is opaque: nothing of lower layers is seen in it */
	int (*opaque)(void *ctx, const char *path, struct err *e);
	/* now and then: bytes read so far */
	void (*progress)(void *ctx, uint64_t bytes); /* may be NULL */
	void *ctx;
};

/*
 * Unpack below root.
 *
 *   tar        taken, read to its end
 *   root       directory descriptor, borrowed; empty
 *   ret_size   bytes of all regular files
 *
 * Errors   -E_SPEC, -E_LIMIT name the entry   -ENOSPC and others of the disk   those of the stream
 */
int unpack_layer(struct stream *tar, int root, const struct unpack_limits *limits, const struct unpack_sink *sink,
		 uint64_t *ret_size, struct err *e);

#endif
