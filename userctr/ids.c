// SPDX-License-Identifier: Apache-2.0
/* Random identifiers. */
#include "userctr/ids.h"

#include <string.h>
#include <sys/random.h>

#ifndef GRND_INSECURE
#define GRND_INSECURE 4 /* Linux 5.6: does not wait for the pool */
#endif

/* Identifiers must differ, they need not be secret: waiting for the kernel's pool would hold the boot up for a second. */
static void fill(unsigned char *p, size_t n)
{
	if (getrandom(p, n, GRND_INSECURE) == (ssize_t)n)
		return;
	while (getrandom(p, n, 0) != (ssize_t)n)
		; /* an older kernel; once its pool is ready 32 bytes are never given in parts */
}

void id_make(char out[ID_SIZE])
{
	unsigned char raw[32];

	do {
		fill(raw, sizeof(raw));
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
