// SPDX-License-Identifier: Apache-2.0
/* Port specifications from any JSON: sorted, bounded, every port a port. */
#include "lib/codec/json.h"
#include "userctr/port_spec.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_doc *doc;
	struct port_specs p;

	if (json_parse((const char *)data, size, &doc, NULL) < 0)
		return 0;
	const struct json *root = json_root(doc);
	if (port_specs_make(json_get(root, "ExposedPorts"), json_get(root, "PortBindings"), json_bool(json_get(root, "All"), false),
			    &p, NULL) == 0) {
		assert(p.n <= PORTS_MAX);
		for (size_t i = 0; i < p.n; i++) {
			assert(p.v[i].port != 0 && p.v[i].low <= p.v[i].high);
			assert(i == 0 || p.v[i - 1].port <= p.v[i].port);
		}
		port_specs_release(&p);
	}
	json_free(doc);
	return 0;
}
