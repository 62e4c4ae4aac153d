// SPDX-License-Identifier: Apache-2.0
/* Whatever comes, what is found is text that may go into a URL or a message. */
#include "lib/codec/challenge.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *s, size_t room)
{
	size_t n = strnlen(s, room);

	if (n == room)
		abort();
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] > 0x7e)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct challenge c;

	if (challenge_parse((const char *)data, size, &c, NULL) < 0)
		return 0;
	if (c.kind < CHALLENGE_NONE || c.kind > CHALLENGE_BEARER)
		abort();
	check(c.realm, sizeof(c.realm));
	check(c.service, sizeof(c.service));
	check(c.scope, sizeof(c.scope));
	check(c.error, sizeof(c.error));
	return 0;
}
