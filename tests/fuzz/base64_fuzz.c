// SPDX-License-Identifier: Apache-2.0
/* Encoding then decoding gives the same; text that decodes is the encoding of what it decodes to, padding aside. */
#include "lib/base/buf.h"
#include "lib/codec/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20);
	enum base64_alphabet which = size % 2 == 0 ? BASE64_STD : BASE64_URL;

	base64_encode(&one, data, size, which, size % 3 == 0);
	if (base64_decode(&two, buf_str(&one), one.len, which, NULL) < 0 || two.len != size ||
	    memcmp(buf_str(&two), data, size) != 0)
		abort();
	buf_clear(&one);
	buf_clear(&two);
	if (base64_decode(&one, (const char *)data, size, which, NULL) == 0) {
		base64_encode(&two, buf_str(&one), one.len, which, memchr(data, '=', size) != NULL);
		if (two.len != size || memcmp(buf_str(&two), data, size) != 0)
			abort();
	}
	buf_release(&one);
	buf_release(&two);
	return 0;
}
