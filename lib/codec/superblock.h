/* lib/codec/superblock.h - which file system the first bytes of a block device hold, its label and id.
 *
 * Knows what a state partition may be: ext2/3/4 (one driver, "ext4") and FAT. Anything else is "none".
 */
#ifndef CODEC_SUPERBLOCK_H
#define CODEC_SUPERBLOCK_H

#include <stdbool.h>
#include <stddef.h>

#define SUPERBLOCK_BYTES     2048 /* how much of the device is needed */
#define SUPERBLOCK_LABEL_MAX 17	  /* with the NUL */
#define SUPERBLOCK_UUID_MAX  37

struct superblock {
	const char *fstype;		  /* "ext4" or "vfat"; static */
	char label[SUPERBLOCK_LABEL_MAX]; /* may be ""; control characters are replaced by '?' */
	char uuid[SUPERBLOCK_UUID_MAX];	  /* lower case; of FAT "xxxx-xxxx" */
};

/* Returns whether one was recognised. Fewer than SUPERBLOCK_BYTES bytes are never recognised. */
bool superblock_parse(const void *bytes, size_t len, struct superblock *ret);

/* Does it answer to this specification: "LABEL=name" or "UUID=id" (without regard to case)? */
bool superblock_matches(const struct superblock *s, const char *spec);

#endif
