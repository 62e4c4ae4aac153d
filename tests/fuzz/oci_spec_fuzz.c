// SPDX-License-Identifier: Apache-2.0
/* Any bytes: a spec or an error that names something, never a crash or a leak. */
#include "lib/base/err.h"
#include "lib/codec/oci_spec.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci_spec *s = NULL;
	struct err e = {0};

	if (oci_spec_parse((const char *)data, size, &s, &e) == 0) {
		if (s->process.args[0] == NULL || s->process.cwd[0] != '/' || s->root_path == NULL)
			abort(); /* what the runtime relies on */
		oci_spec_free(s);
	} else if (e.code <= 0 || e.msg[0] == '\0') {
		abort();
	}
	return 0;
}
