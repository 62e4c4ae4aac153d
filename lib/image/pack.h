/* lib/image/pack.h - a folder as a layer's tar: entries in order of their names, the same bytes for the same tree. */
#ifndef IMAGE_PACK_H
#define IMAGE_PACK_H

#include <stddef.h>

struct err;

enum pack_form {
	/* As the system's build writes the layers of preloaded images: everything is root's, equal files are not links. So a layer
	 * that was only kept unpacked is made again with its digest. */
	PACK_PRELOADED = 1,
	/* The upper folder of an overlay: owners, attributes, hard links; whiteouts and opaque folders as archives have them. */
	PACK_UPPER = 2,
	/* What a container sees: as above, and a device 0/0 is a device. */
	PACK_MERGED = 3,
};

struct pack_sink {
	int (*put)(void *ctx, const void *p, size_t n, struct err *e);
	void *ctx;
};

/*
 * Write the tar of what is below root (a directory descriptor, borrowed).
 *
 * Errors   those of the disk and of the sink; -E_LIMIT too deep, too many names
 * Blocks   reads every file
 */
int pack_tree(int root, enum pack_form form, const struct pack_sink *sink, struct err *e);

/* The one entry `name` of dir, with what is below it, under the name `as`: PACK_MERGED. */
int pack_one(int dir, const char *name, const char *as, const struct pack_sink *sink, struct err *e);

#endif
