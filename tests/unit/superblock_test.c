// SPDX-License-Identifier: Apache-2.0
/* What the state probe and the command line step read from outside: superblocks and firmware tables. */
#include "tests/unit/test.h"

#include "lib/codec/smbios.h"
#include "lib/codec/superblock.h"

#include <stdio.h>
#include <string.h>

static void ext(unsigned char b[SUPERBLOCK_BYTES], const char *label)
{
	memset(b, 0, SUPERBLOCK_BYTES);
	b[1024 + 56] = 0x53;
	b[1024 + 57] = 0xef;
	b[1024 + 24] = 2;
	for (int i = 0; i < 16; i++)
		b[1024 + 104 + i] = (unsigned char)(0xa0 + i);
	memcpy(b + 1024 + 120, label, strlen(label));
}

static void test_ext(void **state)
{
	unsigned char b[SUPERBLOCK_BYTES];
	struct superblock s;

	(void)state;
	ext(b, "SLIPWAY_STATE");
	assert_true(superblock_parse(b, sizeof(b), &s));
	assert_string_equal(s.fstype, "ext4");
	assert_string_equal(s.label, "SLIPWAY_STATE");
	assert_string_equal(s.uuid, "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf");
	assert_true(superblock_matches(&s, "LABEL=SLIPWAY_STATE"));
	assert_false(superblock_matches(&s, "LABEL=slipway_state"));
	assert_false(superblock_matches(&s, "LABEL=SLIPWAY"));
	assert_true(superblock_matches(&s, "UUID=A0a1A2a3-a4a5-a6a7-a8a9-aaabacadaeaf"));
	assert_false(superblock_matches(&s, "SLIPWAY_STATE"));
	assert_false(superblock_parse(b, sizeof(b) - 1, &s));
	ext(b, "0123456789abcdef"); /* as long as the field, without a NUL */
	assert_true(superblock_parse(b, sizeof(b), &s));
	assert_string_equal(s.label, "0123456789abcdef");
	ext(b, "a\x1b[2Jb");
	assert_true(superblock_parse(b, sizeof(b), &s));
	assert_string_equal(s.label, "a?[2Jb");
	ext(b, "");
	assert_true(superblock_parse(b, sizeof(b), &s));
	assert_false(superblock_matches(&s, "LABEL="));
	b[1024 + 96] = 8; /* a journal device */
	assert_false(superblock_parse(b, sizeof(b), &s));
	ext(b, "x");
	b[1024 + 24] = 7;
	assert_false(superblock_parse(b, sizeof(b), &s));
	ext(b, "x");
	b[1024 + 56] = 0;
	assert_false(superblock_parse(b, sizeof(b), &s));
}

static void fat(unsigned char b[SUPERBLOCK_BYTES], size_t at, const char *type, const char *label)
{
	memset(b, 0, SUPERBLOCK_BYTES);
	b[12] = 2; /* 512 */
	b[13] = 8;
	b[14] = 32;
	b[16] = 2;
	b[510] = 0x55;
	b[511] = 0xaa;
	memcpy(b + at, "\x34\x12\xcd\xab", 4);
	memcpy(b + at + 4, "           ", 11);
	memcpy(b + at + 4, label, strlen(label));
	memcpy(b + at + 15, type, 8);
}

static void test_fat(void **state)
{
	unsigned char b[SUPERBLOCK_BYTES];
	struct superblock s;

	(void)state;
	fat(b, 67, "FAT32   ", "STATE");
	assert_true(superblock_parse(b, sizeof(b), &s));
	assert_string_equal(s.fstype, "vfat");
	assert_string_equal(s.label, "STATE");
	assert_string_equal(s.uuid, "abcd-1234");
	fat(b, 39, "FAT16   ", "ABCDEFGHIJK");
	assert_true(superblock_parse(b, sizeof(b), &s));
	assert_string_equal(s.label, "ABCDEFGHIJK");
	fat(b, 39, "FAT16   ", "NO NAME");
	assert_true(superblock_parse(b, sizeof(b), &s));
	assert_string_equal(s.label, "");
	/* boot code of a partition table has the signature too, and nothing else */
	fat(b, 67, "FAT32   ", "STATE");
	b[13] = 3;
	assert_false(superblock_parse(b, sizeof(b), &s));
	fat(b, 67, "FAT32   ", "STATE");
	b[511] = 0;
	assert_false(superblock_parse(b, sizeof(b), &s));
	fat(b, 67, "NTFS    ", "STATE");
	assert_false(superblock_parse(b, sizeof(b), &s));
	memset(b, 0, sizeof(b));
	assert_false(superblock_parse(b, sizeof(b), &s));
}

static bool oem(const void *t, size_t n, char out[64])
{
	const char *p;
	size_t len;

	if (!smbios_oem_string(t, n, "slipway.cmdline=", &p, &len))
		return false;
	snprintf(out, 64, "%.*s", (int)len, p);
	return true;
}

static void test_smbios(void **state)
{
	/* type 1 without strings, type 11 with two, end */
	static const char table[] = "\x01\x06\x01\x00\x00\x00\0\0"
				    "\x0b\x05\x02\x00\x02"
				    "other=1\0slipway.cmdline=quiet slipway.debug\0\0"
				    "\x7f\x04\x03\x00\0";
	char out[64], copy[sizeof(table)];

	(void)state;
	assert_true(oem(table, sizeof(table), out));
	assert_string_equal(out, "quiet slipway.debug");
	/* cut anywhere before its end it is not found, and nothing behind the end is read */
	for (size_t n = 0; n < sizeof(table) - 7; n++)
		assert_false(oem(table, n, out));
	memcpy(copy, table, sizeof(copy));
	copy[1] = 3; /* shorter than a head */
	assert_false(oem(copy, sizeof(copy), out));
	memcpy(copy, table, sizeof(copy));
	copy[1] = (char)0xff; /* longer than the table */
	assert_false(oem(copy, sizeof(copy), out));
	memcpy(copy, table, sizeof(copy));
	copy[8] = 12; /* strings of another type are not ours */
	assert_false(oem(copy, sizeof(copy), out));
	memcpy(copy, table, sizeof(copy));
	copy[0] = 127; /* behind the end nothing counts */
	assert_false(oem(copy, sizeof(copy), out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ext),
		cmocka_unit_test(test_fat),
		cmocka_unit_test(test_smbios),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
