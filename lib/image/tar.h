/* lib/image/tar.h - the entries of a tar archive that comes through a stream. libarchive reads it and is allowed tar alone:
 * no filter, no other format, whatever the bytes look like.
 */
#ifndef IMAGE_TAR_H
#define IMAGE_TAR_H

#include <stdint.h>
#include <sys/types.h>

struct archive_entry;
struct err;
struct stream;
struct tar; /* opaque */

/* Takes the stream, also when it fails. NULL: no memory, or src was NULL. */
struct tar *tar_open(struct stream *src);
void tar_free(struct tar *t);

/*
 * The next entry; what is left of the one before is skipped.
 *
 *   ret   borrowed until the next call
 *
 * Returns  1, or 0 at the end: then the stream was read to its own end, so that all below is verified
 * Errors   those of the stream; -E_SPEC not a tar archive, or a damaged one
 */
int tar_next(struct tar *t, struct archive_entry **ret, struct err *e);

/*
 * The next piece of the entry's content. Holes of sparse files are skipped: each piece says where it goes.
 *
 * Returns  its size; 0 at the end
 */
ssize_t tar_data(struct tar *t, const void **ret, uint64_t *ret_offset, struct err *e);

/* The entry's name as bytes; NULL when it has none. */
const char *tar_name(struct archive_entry *entry);

#endif
