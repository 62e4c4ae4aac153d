// SPDX-License-Identifier: Apache-2.0
/* Any bytes: parts within their bounds, or an error with a sentence. */
#include "lib/base/err.h"
#include "lib/codec/mime.h"
#include "lib/codec/volume.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = {0};
	struct volume v;
	struct mime m;
	size_t sum = 0;

	if (volume_parse(data, size, &v) && strlen(v.label) >= VOLUME_LABEL_MAX)
		abort();
	(void)mime_is((const char *)data, size);
	if (mime_parse((const char *)data, size, 4096, &m, &e) == 0) {
		for (size_t i = 0; i < m.count; i++)
			sum += m.parts[i].body.len;
		if (sum > 4096 || m.count > MIME_PARTS_MAX)
			abort();
		mime_release(&m);
	} else if (e.code <= 0 || e.msg[0] == '\0') {
		abort();
	}
	return 0;
}
