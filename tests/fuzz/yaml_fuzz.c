// SPDX-License-Identifier: Apache-2.0
/* Any bytes: a tree that can be walked within its bounds, or an error with a sentence. */
#include "lib/base/err.h"
#include "lib/codec/yaml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct yaml_node *n, unsigned depth)
{
	size_t sum = 1;

	if (depth > YAML_DEPTH_MAX || n->line == 0 || strlen(n->text) != n->len)
		abort();
	for (size_t i = 0; n->type == YAML_LIST && i < n->count; i++)
		sum += walk(n->items[i], depth + 1);
	for (size_t i = 0; n->type == YAML_MAP && i < n->count; i++) {
		if (yaml_get(n, n->pairs[i].key) != n->pairs[i].value)
			abort(); /* a key that is there twice */
		sum += 1 + walk(n->pairs[i].value, depth + 1);
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yaml_doc *d = NULL;
	struct err e = {0};

	if (size > 16384)
		return 0; /* yaml_get() above is quadratic */
	if (yaml_parse((const char *)data, size, &d, &e) == 0) {
		if (walk(yaml_root(d), 0) > 2 * YAML_NODES_MAX)
			abort();
		yaml_doc_free(d);
	} else if (e.code <= 0 || e.msg[0] == '\0') {
		abort();
	}
	return 0;
}
