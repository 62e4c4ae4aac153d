// SPDX-License-Identifier: Apache-2.0
/* Any frame: what is accepted lies inside it and is what ctl_frame() would have made of it. */
#include "lib/codec/ctl.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char again[CTL_FRAME_MAX];
	const unsigned char *p;
	struct ctl_head h;
	size_t len;

	int tag = ctl_parse_request(data, size, &p, &len);
	if (tag >= 0) {
		if (p < data || p + len != data + size)
			abort();
		if (ctl_frame(again, (enum ctl_tag)tag, 0, 0, p, len) != size || memcmp(again, data, size) != 0)
			abort();
	}
	for (int t = CTL_LIST; t <= CTL_VERSION; t++)
		if (ctl_parse_reply(data, size, (enum ctl_tag)t, &h, &p) == 0 && (h.tag != t || p + h.len != data + size))
			abort();
	return 0;
}
