/* lib/codec/volume.h - what a volume that brings configuration may be: FAT or ISO 9660, and its label. Pure. */
#ifndef CODEC_VOLUME_H
#define CODEC_VOLUME_H

#include <stdbool.h>
#include <stddef.h>

#define VOLUME_BYTES	 34816 /* how much of the device is needed: up to the end of the first descriptor of ISO 9660 */
#define VOLUME_LABEL_MAX 33

struct volume {
	const char *fstype; /* "vfat" or "iso9660"; static */
	char label[VOLUME_LABEL_MAX];
};

/* Returns whether it is one of them. */
bool volume_parse(const void *bytes, size_t len, struct volume *ret);

#endif
