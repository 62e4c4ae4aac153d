// SPDX-License-Identifier: Apache-2.0
/* Random identifiers. */
#include "userctr/ids.h"

#include <string.h>
#include <sys/random.h>

void id_make(char out[ID_SIZE])
{
	unsigned char raw[32];

	do {
		/* 32 bytes are never given in parts once the kernel's pool is ready; before, it waits */
		while (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
			;
		for (size_t i = 0; i < sizeof(raw); i++) {
			out[2 * i] = "0123456789abcdef"[raw[i] >> 4];
			out[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
		}
		out[ID_SIZE - 1] = '\0';
	} while (strspn(out, "0123456789") >= 12);
}

bool id_is_full(const char *s)
{
	return strlen(s) == ID_SIZE - 1 && strspn(s, "0123456789abcdef") == ID_SIZE - 1;
}
