// SPDX-License-Identifier: Apache-2.0
/* Detach keys as docker writes them. */
#include "userctr/detach_keys.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

int detach_keys_parse(const char *text, char *out, unsigned size)
{
	unsigned n = 0;

	out[0] = '\0';
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		char key;
		if (len == 1) {
			key = *text;
		} else if (len == 6 && strncasecmp(text, "ctrl-", 5) == 0) {
			static const char odd[] = "@abcdefghijklmnopqrstuvwxyz[\\]^_";
			const char *at = strchr(odd, text[5] >= 'A' && text[5] <= 'Z' ? text[5] + 32 : text[5]);
			if (at == NULL || at == odd)
				return -1; /* ctrl-@ is NUL, which would end the sequence */
			key = (char)(at - odd);
		} else {
			return -1;
		}
		if (n + 1 >= size)
			return -1;
		out[n++] = key;
		out[n] = '\0';
		text += len + (text[len] == ',');
	}
	return 0;
}
