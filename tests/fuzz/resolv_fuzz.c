// SPDX-License-Identifier: Apache-2.0
/* Any text as resolv.conf: what is written reads back the same. */
#include "lib/base/buf.h"
#include "userctr/net_files.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT(65536);
	struct resolv a, b;

	resolv_parse((const char *)data, size, &a);
	resolv_write(&a, &out);
	resolv_parse(buf_str(&out), out.len, &b);
	assert(a.n_servers == b.n_servers && strcmp(a.search, b.search) == 0 && strcmp(a.options, b.options) == 0);
	for (size_t i = 0; i < a.n_servers; i++)
		assert(ip_equal(&a.servers[i], &b.servers[i]));
	assert(resolv_filter(&a) <= b.n_servers);
	buf_release(&out);
	return 0;
}
