// SPDX-License-Identifier: Apache-2.0
/* Whatever parses must print to something that parses to the same print. */
#include "lib/base/buf.h"
#include "lib/codec/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(const struct json_doc *d, struct buf *out)
{
	struct json_writer w;

	jw_init(&w, out);
	jw_value(&w, json_root(d));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_doc *d = NULL, *again = NULL;
	struct buf one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20);

	if (json_parse((const char *)data, size, &d, NULL) < 0)
		return 0;
	print(d, &one);
	if (buf_error(&one) == 0) {
		if (json_parse(buf_str(&one), one.len, &again, NULL) < 0)
			abort();
		print(again, &two);
		if (one.len != two.len || memcmp(buf_str(&one), buf_str(&two), one.len) != 0)
			abort();
	}
	json_free(again);
	json_free(d);
	buf_release(&one);
	buf_release(&two);
	return 0;
}
