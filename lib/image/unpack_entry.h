/* lib/image/unpack_entry.h - what unpack.c hands to unpack_entry.c: where an entry goes. Not for others. */
#ifndef IMAGE_UNPACK_ENTRY_H
#define IMAGE_UNPACK_ENTRY_H

#include "lib/image/unpack.h"

#include <stdbool.h>
#include <stdint.h>

struct archive_entry;
struct err;
struct tar;

struct unpack_out {
	struct tar *tar; /* owned by unpack_layer() */
	int root;	 /* borrowed */
	int dir;	 /* owned; directory of the entry at hand; -1 = none */
	bool tree_changed; /* something was replaced: dir may not be what its path means now */
	const struct unpack_sink *sink;
	uint64_t bytes, max_bytes; /* of all files */
	unsigned max_attrs;
};

/* Each makes `name` in out->dir; path is its whole path, for messages and for what is opaque. */
int entry_make(struct unpack_out *out, const char *name, const char *path, struct archive_entry *entry, struct err *e);
int entry_link(struct unpack_out *out, const char *name, const char *target, struct err *e);
int entry_whiteout(struct unpack_out *out, const char *name, const char *path, struct err *e);
int entry_root(struct unpack_out *out, struct archive_entry *entry, struct err *e); /* the layer's own directory */

#endif
