// SPDX-License-Identifier: Apache-2.0
/* First byte picks the document. What a manifest printed from the parts of one that parsed says is the same again. */
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void manifest(const char *p, size_t n)
{
	struct buf out = BUF_INIT(OCI_DOC_MAX);
	struct oci_manifest m, again;

	if (oci_manifest_parse(p, n, "m", &m, NULL) < 0)
		return;
	oci_manifest_print(&out, &m.config, m.layers, m.n);
	if (oci_manifest_parse(buf_str(&out), out.len, "m", &again, NULL) < 0 || again.n != m.n ||
	    !digest_eq(&again.config.digest, &m.config.digest))
		abort();
	for (size_t i = 0; i < m.n; i++)
		if (!digest_eq(&again.layers[i].digest, &m.layers[i].digest) ||
		    again.layers[i].size != m.layers[i].size)
			abort();
	oci_manifest_release(&again);
	oci_manifest_release(&m);
	buf_release(&out);
}

static void config(const char *p, size_t n)
{
	struct oci_config c;
	struct err e = {0};

	if (oci_config_parse(p, n, "c", &c, &e) < 0) {
		if (e.code == 0 || e.msg[0] == '\0')
			abort();
		return;
	}
	/* what a container is made from may be read without a check */
	struct json_iter it = json_iter(json_get(c.config, "Env"));
	while (json_next(&it))
		if (json_str(it.value) == NULL)
			abort();
	oci_config_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct docker_archive a;
	struct oci_index x;

	if (size == 0)
		return 0;
	const char *p = (const char *)data + 1;
	switch (data[0]) {
	case 'm': manifest(p, size - 1); break;
	case 'c': config(p, size - 1); break;
	case 'i':
		if (oci_index_parse(p, size - 1, "i", &x, NULL) == 0)
			oci_index_release(&x);
		break;
	case 'a':
		if (docker_archive_parse(p, size - 1, &a, NULL) == 0)
			docker_archive_release(&a);
		break;
	default: break;
	}
	return 0;
}
