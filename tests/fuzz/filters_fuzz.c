// SPDX-License-Identifier: Apache-2.0
/* Any filters, used in every way that there is. */
#include "lib/base/err.h"
#include "lib/codec/json.h"
#include "userctr/event.h"
#include "userctr/filters.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char event[] = "{\"Type\":\"container\",\"Action\":\"exec_create: x\",\"Actor\":{\"ID\":\"abc\",\"Attributes\":"
				    "{\"name\":\"web\",\"image\":\"a/b:1\",\"k\":\"v\"}},\"scope\":\"local\"}";
	char *text = malloc(size + 1);
	struct json_doc *doc;
	struct filters f;
	struct err e = {0};
	int64_t ns;

	if (text == NULL || json_parse(event, sizeof(event) - 1, &doc, NULL) < 0)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (filters_parse(text, NULL, &f, &e) == 0) {
		(void)event_matches(&f, json_root(doc));
		(void)filters_match_regex(&f, "name", "web-1");
		(void)filters_bool(&f, "dangling", 0, &e);
		(void)filters_until(&f, 1795398041860956221, &ns, &e);
		(void)filters_miss_labels(&f, "label!", json_get(json_get(json_root(doc), "Actor"), "Attributes"));
		filters_release(&f);
	} else if (e.msg[0] == '\0') {
		abort();
	}
	json_free(doc);
	free(text);
	return 0;
}
