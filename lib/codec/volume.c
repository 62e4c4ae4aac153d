// SPDX-License-Identifier: Apache-2.0
/* The primary volume descriptor of ISO 9660 (ECMA-119 8.4); FAT is superblock.c's. */
#include "lib/codec/volume.h"

#include "lib/codec/superblock.h"

#include <string.h>

#define ISO_AT	     32768
#define ISO_LABEL_AT 40
#define ISO_LABEL    32

static void copy_label(char out[VOLUME_LABEL_MAX], const char *s, size_t n)
{
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\0'))
		n--;
	for (size_t i = 0; i < n; i++)
		out[i] = s[i] > 0x1f && s[i] < 0x7f ? s[i] : '?';
	out[n] = '\0';
}

bool volume_parse(const void *bytes, size_t len, struct volume *ret)
{
	const char *p = bytes;
	struct superblock s;

	if (len >= VOLUME_BYTES && memcmp(p + ISO_AT, "\1CD001\1", 7) == 0) {
		ret->fstype = "iso9660";
		copy_label(ret->label, p + ISO_AT + ISO_LABEL_AT, ISO_LABEL);
		return true;
	}
	if (len < SUPERBLOCK_BYTES || !superblock_parse(bytes, SUPERBLOCK_BYTES, &s) || strcmp(s.fstype, "vfat") != 0)
		return false;
	ret->fstype = s.fstype;
	copy_label(ret->label, s.label, strlen(s.label));
	return true;
}
