// SPDX-License-Identifier: Apache-2.0
/* Superblocks of ext and FAT. Offsets are those of the on-disk formats, all little-endian. */
#include "lib/codec/superblock.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define EXT_AT		       1024
#define EXT_MAGIC	       0xEF53u
#define EXT_INCOMPAT_JOURNAL_DEV 0x8u

static uint32_t le16(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t le32(const unsigned char *p)
{
	return le16(p) | le16(p + 2) << 16;
}

/* Copy a padded field; stops at NUL, drops blanks at the end. */
static void copy_label(char *out, const unsigned char *p, size_t n)
{
	size_t len = strnlen((const char *)p, n);

	while (len > 0 && p[len - 1] == ' ')
		len--;
	for (size_t i = 0; i < len; i++)
		out[i] = p[i] < 0x20 || p[i] == 0x7f ? '?' : (char)p[i];
	out[len] = '\0';
}

static bool parse_ext(const unsigned char *sb, struct superblock *ret)
{
	if (le16(sb + 56) != EXT_MAGIC || (le32(sb + 96) & EXT_INCOMPAT_JOURNAL_DEV) != 0)
		return false;
	if (le32(sb + 24) > 6) /* block size above 64 kB: not a superblock */
		return false;
	ret->fstype = "ext4";
	copy_label(ret->label, sb + 120, 16);
	const unsigned char *u = sb + 104;
	(void)snprintf(ret->uuid, sizeof(ret->uuid), /* fits: 16 bytes make 36 characters */
		       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3],
		       u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	return true;
}

static bool is_fat_geometry(const unsigned char *b)
{
	uint32_t sector = le16(b + 11), cluster = b[13];

	return (sector == 512 || sector == 1024 || sector == 2048 || sector == 4096) && cluster != 0 &&
	       (cluster & (cluster - 1)) == 0 && le16(b + 14) != 0 && (b[16] == 1 || b[16] == 2) && b[510] == 0x55 &&
	       b[511] == 0xaa;
}

static bool parse_fat(const unsigned char *b, struct superblock *ret)
{
	const unsigned char *at;

	if (!is_fat_geometry(b))
		return false;
	if (memcmp(b + 82, "FAT32   ", 8) == 0)
		at = b + 67;
	else if (memcmp(b + 54, "FAT16   ", 8) == 0 || memcmp(b + 54, "FAT12   ", 8) == 0)
		at = b + 39;
	else
		return false;
	ret->fstype = "vfat";
	copy_label(ret->label, at + 4, 11);
	if (strcmp(ret->label, "NO NAME") == 0)
		ret->label[0] = '\0';
	(void)snprintf(ret->uuid, sizeof(ret->uuid), "%04x-%04x", le16(at + 2), le16(at)); /* nine characters */
	return true;
}

bool superblock_parse(const void *bytes, size_t len, struct superblock *ret)
{
	if (len < SUPERBLOCK_BYTES)
		return false;
	return parse_ext((const unsigned char *)bytes + EXT_AT, ret) || parse_fat(bytes, ret);
}

bool superblock_matches(const struct superblock *s, const char *spec)
{
	if (strncmp(spec, "LABEL=", 6) == 0)
		return s->label[0] != '\0' && strcmp(s->label, spec + 6) == 0;
	if (strncmp(spec, "UUID=", 5) == 0)
		return strcasecmp(s->uuid, spec + 5) == 0;
	return false;
}
