// SPDX-License-Identifier: Apache-2.0
/* A template, a NUL, a document: whatever they are, memory and output stay bounded. */
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/json.h"
#include "userctr/template.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char fallback[] = "{\"A\":\"x\",\"L\":[1,\"b\",{\"c\":null}],\"M\":{\"k\":{\"v\":2.5}},\"T\":true}";
	struct arena mem = ARENA_INIT(4u << 20);
	struct buf out = BUF_INIT(65536);
	const char *text = (const char *)data, *nul = memchr(data, 0, size);
	size_t n = nul != NULL ? (size_t)(nul - text) : size;
	struct json_doc *d = NULL;
	struct tmpl *t = NULL;
	struct err e;

	if (nul == NULL || json_parse(nul + 1, size - n - 1, &d, NULL) < 0)
		(void)json_parse(fallback, strlen(fallback), &d, NULL); /* it is right */
	if (tmpl_parse(&mem, text, n, &t, &e) == 0)
		for (unsigned flags = 0; flags < 8; flags++)
			if (tmpl_run(t, json_root(d), flags, &out, &e) < 0)
				buf_clear(&out);
	json_free(d);
	buf_release(&out);
	arena_release(&mem);
	return 0;
}
