// SPDX-License-Identifier: Apache-2.0
/* Any passwd and group: first line the user, then passwd up to a NUL, then group. */
#include "userctr/ctr_conf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = memchr(data, '\n', size), *end = data + size;
	struct ctr_user u;
	char text[300];

	if (nl == NULL || (size_t)(nl - data) >= sizeof(text))
		return 0;
	memcpy(text, data, (size_t)(nl - data));
	text[nl - data] = '\0';
	const uint8_t *passwd = nl + 1, *zero = memchr(passwd, 0, (size_t)(end - passwd));
	const uint8_t *group = zero != NULL ? zero + 1 : end;
	size_t n = (size_t)((zero != NULL ? zero : end) - passwd);
	/* copies of exact size: reading past an end shows */
	char *p = malloc(n > 0 ? n : 1), *g = malloc(end > group ? (size_t)(end - group) : 1);
	if (p == NULL || g == NULL)
		abort();
	memcpy(p, passwd, n);
	memcpy(g, group, (size_t)(end - group));
	if (ctr_user_find(text, p, n, g, (size_t)(end - group), &u, NULL) == 0)
		if (u.uid > INT32_MAX || u.gid > INT32_MAX || u.home[0] != '/' || memchr(u.home, 0, sizeof(u.home)) == NULL ||
		    u.n_groups > sizeof(u.groups) / sizeof(u.groups[0]))
			abort();
	free(p);
	free(g);
	return 0;
}
