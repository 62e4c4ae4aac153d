// SPDX-License-Identifier: Apache-2.0
/* What is taken can be reckoned with: no overflow, no time before it was sent. */
#include "lib/codec/sntp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t cookie = 0;
	int64_t near_ns = 0;
	struct sntp s;

	if (size < 8)
		return 0;
	memcpy(&near_ns, data, 8);
	data += 8;
	size -= 8;
	for (size_t i = 0; size >= SNTP_LEN && i < 8; i++)
		cookie = cookie << 8 | data[24 + i];
	if (sntp_parse(data, size, cookie, near_ns, &s) < 0)
		return 0;
	if (s.stratum > 15 || s.sent_ns < s.received_ns || strlen(s.kiss) > 4)
		abort();
	(void)sntp_offset_ns(&s, near_ns, near_ns);
	(void)sntp_delay_ns(&s, near_ns, near_ns);
	return 0;
}
