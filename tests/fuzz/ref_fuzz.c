// SPDX-License-Identifier: Apache-2.0
/* What parses must print to something that parses to the same, in both spellings. */
#include "lib/codec/ref.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct ref *a, const char *text)
{
	struct ref b;

	if (ref_parse(text, strlen(text), &b, NULL) < 0 || strcmp(a->name, b.name) != 0 ||
	    strcmp(a->tag, b.tag) != 0 || a->domain_len != b.domain_len || a->has_digest != b.has_digest ||
	    (a->has_digest && !digest_eq(&a->digest, &b.digest)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[REF_TEXT_SIZE];
	struct ref r;

	if (ref_parse((const char *)data, size, &r, NULL) < 0)
		return 0;
	same(&r, ref_text(&r, text));
	/* the familiar spelling of "docker.io/library/<64 hex>" is an id; clients have that too */
	const char *familiar = ref_familiar(&r, text);
	struct digest d;
	if (!digest_parse_hex(familiar, strlen(familiar), &d))
		same(&r, familiar);
	return 0;
}
