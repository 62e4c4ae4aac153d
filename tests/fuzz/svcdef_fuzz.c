// SPDX-License-Identifier: Apache-2.0
/* Any table: one that is accepted is safe to print, to index by and to signal with. */
#include "lib/base/err.h"
#include "lib/codec/svcdef.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = {0};

	int n = svcdef_check(data, size, &e);
	if (n < 0) {
		if (e.msg[0] == '\0')
			abort();
		return 0;
	}
	for (int i = 0; i < n; i++) {
		struct svcdef d;
		memcpy(&d, data + sizeof(struct svcdef_header) + (size_t)i * sizeof(d), sizeof(d));
		if (memchr(d.name, 0, sizeof(d.name)) == NULL || memchr(d.bundle, 0, sizeof(d.bundle)) == NULL ||
		    strchr(d.name, '/') != NULL || d.stop_signal == 0 || d.dep_count > SVCDEF_DEPS_MAX)
			abort();
		for (int k = 0; k < d.dep_count; k++)
			if (d.deps[k].index >= n || d.deps[k].index == i)
				abort();
	}
	return 0;
}
