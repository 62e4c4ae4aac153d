// SPDX-License-Identifier: Apache-2.0
/* Any first bytes of a disk, any firmware table: strings end, and nothing outside is read. */
#include "lib/codec/smbios.h"
#include "lib/codec/superblock.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct superblock s;
	const char *text;
	size_t len;

	if (superblock_parse(data, size, &s)) {
		if (strnlen(s.label, sizeof(s.label)) == sizeof(s.label) || strnlen(s.uuid, sizeof(s.uuid)) == sizeof(s.uuid))
			abort();
		(void)superblock_matches(&s, "LABEL=SLIPWAY_STATE");
	}
	if (smbios_oem_string(data, size, "slipway.cmdline=", &text, &len) &&
	    ((const uint8_t *)text < data || (const uint8_t *)text + len > data + size))
		abort();
	return 0;
}
