// SPDX-License-Identifier: Apache-2.0
/* SMBIOS structures: type, length of the formatted part, handle; then strings, each NUL-ended, and one more NUL. */
#include "lib/codec/smbios.h"

#include <string.h>

#define TYPE_OEM_STRINGS 11
#define TYPE_END	 127
#define HEAD_LEN	 4

/* Bytes of the string set at p, its final NUL included; 0 when it has no end. */
static size_t strings_len(const unsigned char *p, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++)
		if (p[i] == 0 && p[i + 1] == 0)
			return i + 2;
	return 0;
}

static bool search(const unsigned char *p, size_t len, const char *prefix, const char **ret, size_t *ret_len)
{
	size_t want = strlen(prefix);

	while (len > 0 && *p != 0) {
		size_t n = strnlen((const char *)p, len);
		if (n >= want && memcmp(p, prefix, want) == 0) {
			*ret = (const char *)p + want;
			*ret_len = n - want;
			return true;
		}
		if (n == len)
			return false;
		p += n + 1;
		len -= n + 1;
	}
	return false;
}

bool smbios_oem_string(const void *table, size_t len, const char *prefix, const char **ret, size_t *ret_len)
{
	const unsigned char *p = table;

	while (len >= HEAD_LEN) {
		unsigned type = p[0];
		size_t formatted = p[1];
		if (formatted < HEAD_LEN || formatted > len)
			return false;
		size_t strings = strings_len(p + formatted, len - formatted);
		if (strings == 0)
			return false;
		if (type == TYPE_OEM_STRINGS && search(p + formatted, strings, prefix, ret, ret_len))
			return true;
		if (type == TYPE_END)
			return false;
		p += formatted + strings;
		len -= formatted + strings;
	}
	return false;
}
