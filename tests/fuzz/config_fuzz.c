// SPDX-License-Identifier: Apache-2.0
/* Any user-data, meta-data and command line: a plan that is JSON within its bound, whatever is in them. The first byte of the
 * input cuts it in two. */
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/json.h"
#include "lib/config/layers.h"
#include "lib/config/plan.h"
#include "lib/config/tree.h"
#include "lib/config/userdata.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is written of a tree is read as the same text again. */
static void check_writing(const char *p, size_t n)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	owned_buf struct buf one = BUF_INIT((size_t)1 << 20);
	owned_buf struct buf two = BUF_INIT((size_t)1 << 20);
	struct cfg *t;

	if (cfg_parse(&a, p, n, "f", &t, NULL) < 0)
		return;
	cfg_write_yaml(&one, t);
	if (buf_error(&one) < 0 || cfg_parse(&a, buf_str(&one), one.len, "f", &t, NULL) < 0)
		return; /* larger than what is read */
	cfg_write_yaml(&two, t);
	if (buf_error(&two) == 0 && strcmp(buf_str(&one), buf_str(&two)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct layers *l = calloc(1, sizeof(*l));
	struct plan_in in = {.layers = l, .source = "nocloud '/dev/vdb'"};
	owned_buf struct buf out = BUF_INIT(PLAN_MAX);
	struct json_doc *d = NULL;
	struct err e;

	if (size == 0 || size > 8192 || l == NULL) {
		free(l);
		return 0;
	}
	const char *p = (const char *)data + 1;
	size_t n = size - 1, cut = n * data[0] / 256;
	struct buf *const all[] = {&in.user_data, &in.vendor_data, &in.meta_data, &in.network_config};
	for (size_t i = 0; i < 4; i++)
		buf_init(all[i], USERDATA_MAX);
	buf_put(&in.user_data, p, n - cut);
	buf_put(&in.meta_data, p + n - cut, cut);
	buf_put(layers_add(l, LAYER_CMDLINE, "kernel command line"), p, n);
	int r = plan_make(&in, &out, &e);
	if (r == 0 && (json_parse(buf_str(&out), out.len, &d, &e) < 0 || json_type(json_root(d)) != JSON_OBJ))
		abort();
	json_free(d);
	check_writing(p, n);
	for (size_t i = 0; i < 4; i++)
		buf_release(all[i]);
	layers_release(l);
	free(l);
	return 0;
}
