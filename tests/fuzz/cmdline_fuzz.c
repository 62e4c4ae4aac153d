// SPDX-License-Identifier: Apache-2.0
/* Any line: words lie inside it, in order; every key of ours gets an answer. */
#include "lib/codec/cmdline.h"
#include "lib/codec/keys.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct cmdline_arg *a)
{
	char why[KEYS_WHY_MAX], value[64];
	uint32_t v;

	const struct key *k = keys_find(a->key, a->key_len);
	if (k == NULL)
		(void)keys_nearest(a->key, a->key_len);
	else if (keys_check(k, a, why) != NULL && why[0] == '\0')
		abort();
	(void)cmdline_parse_flag(a);
	if (cmdline_parse_number(a, 300, &v) && v > 300)
		abort();
	(void)cmdline_copy_value(a, value, sizeof(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data, *at = line;
	struct cmdline_iter it = cmdline_iter(line, size);
	struct cmdline_arg a;

	while (cmdline_next(&it, &a)) {
		if (a.key < at || a.key + a.key_len > line + size)
			abort();
		if (a.has_value && (a.value < a.key + a.key_len || a.value + a.value_len > line + size))
			abort();
		at = a.key;
		if (cmdline_strip_prefix(&a))
			look(&a);
	}
	(void)cmdline_last(line, size, "hostname", &a);
	return 0;
}
