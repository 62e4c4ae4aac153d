// SPDX-License-Identifier: Apache-2.0
/* Typed fields out of JSON objects, each with its path for the error message. */
#include "lib/codec/oci_spec_in.h"

#include "lib/base/arena.h"
#include "lib/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ARRAY_MAX 4096

void *in_take(struct in *in, size_t count, size_t size)
{
	if (count > ARRAY_MAX) {
		(void)err_set(in->e, E_LIMIT, "%s: more than %d entries", in->at, ARRAY_MAX);
		return NULL;
	}
	void *p = arena_array(in->spec->memory, count, size);
	if (p == NULL)
		(void)err_set(in->e, ENOMEM, "%s", in->at);
	return p;
}

int in_failed(const struct in *in)
{
	return in->e != NULL && in->e->code > 0 ? -in->e->code : -ENOMEM;
}

int in_bad(const struct in *in, const char *key, const char *why)
{
	return err_set(in->e, E_SPEC, "%s%s%s: %s", in->at, in->at[0] != '\0' && *key != '[' ? "." : "", key, why);
}

struct in in_sub(const struct in *in, const char *key)
{
	struct in s = {.spec = in->spec, .e = in->e};

	(void)snprintf(s.at, sizeof(s.at), "%.90s%s%.60s", in->at, in->at[0] != '\0' && *key != '[' ? "." : "", key);
	return s;
}

bool in_absent(const struct json *v)
{
	return v == NULL || json_type(v) == JSON_NULL;
}

/* Each get_*: 0 when absent (ret untouched) or taken; -E_SPEC otherwise. */
int in_str(struct in *in, const struct json *o, const char *key, const char **ret)
{
	const struct json *v = json_get(o, key);

	if (in_absent(v))
		return 0;
	const char *s = json_str(v);
	if (s == NULL)
		return in_bad(in, key, "must be a string");
	if (strlen(s) != json_str_len(v))
		return in_bad(in, key, "has a NUL byte");
	*ret = s;
	return 0;
}

int in_bool(struct in *in, const struct json *o, const char *key, bool *ret)
{
	const struct json *v = json_get(o, key);

	if (in_absent(v))
		return 0;
	if (json_type(v) != JSON_BOOL)
		return in_bad(in, key, "must be true or false");
	*ret = json_bool(v, false);
	return 0;
}

int in_int(struct in *in, const struct json *o, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	const struct json *v = json_get(o, key);

	if (in_absent(v))
		return 0;
	if (json_type(v) != JSON_NUM)
		return in_bad(in, key, "must be a number");
	if (!json_is_int(v, min, max, ret))
		return in_bad(in, key, "is out of range");
	return 0;
}

int in_u32(struct in *in, const struct json *o, const char *key, uint32_t *ret)
{
	int64_t n = *ret;

	int r = in_int(in, o, key, 0, UINT32_MAX, &n);
	*ret = (uint32_t)n;
	return r;
}

int in_u64(struct in *in, const struct json *o, const char *key, uint64_t *ret)
{
	const struct json *v = json_get(o, key);

	if (in_absent(v))
		return 0;
	return json_is_uint(v, UINT64_MAX, ret) ? 0 : in_bad(in, key, "must be an unsigned number");
}

/* The object or array at key; *ret NULL when absent. */
int in_typed(struct in *in, const struct json *o, const char *key, enum json_type type, const struct json **ret)
{
	const struct json *v = json_get(o, key);

	*ret = in_absent(v) ? NULL : v;
	if (*ret != NULL && json_type(v) != type)
		return in_bad(in, key, type == JSON_OBJ ? "must be an object" : "must be an array");
	return 0;
}

int in_strings(struct in *in, const struct json *o, const char *key, const char ***ret)
{
	const struct json *a;
	char name[64];
	size_t n = 0;

	int r = in_typed(in, o, key, JSON_ARR, &a);
	if (r < 0 || a == NULL)
		return r;
	const char **list = in_take(in, json_len(a) + 1, sizeof(*list));
	if (list == NULL)
		return in_failed(in);
	struct json_iter it = json_iter(a);
	while (json_next(&it)) {
		const char *s = json_str(it.value);
		if (s == NULL || strlen(s) != json_str_len(it.value)) {
			(void)snprintf(name, sizeof(name), "%.20s[%zu]", key, n);
			return in_bad(in, name, "must be a string without NUL bytes");
		}
		list[n++] = s;
	}
	*ret = list;
	return 0;
}

int in_pairs(struct in *in, const struct json *o, const char *key, struct oci_pair **ret, size_t *ret_n)
{
	const struct json *m;

	int r = in_typed(in, o, key, JSON_OBJ, &m);
	if (r < 0 || m == NULL)
		return r;
	struct oci_pair *list = in_take(in, json_len(m), sizeof(*list));
	if (list == NULL)
		return in_failed(in);
	struct json_iter it = json_iter(m);
	while (json_next(&it)) {
		if (json_str(it.value) == NULL || strlen(it.key) != it.key_len)
			return in_bad(in, key, "must map strings to strings");
		list[(*ret_n)++] = (struct oci_pair){it.key, json_str(it.value)};
	}
	*ret = list;
	return 0;
}

/* For each element of the array at key: one(in with path "key[i]", element, slot i of a new array). */
int in_array(struct in *in, const struct json *o, const char *key, size_t size, void **ret, size_t *ret_n, in_one_fn *one)
{
	const struct json *a;
	char name[80];

	int r = in_typed(in, o, key, JSON_ARR, &a);
	if (r < 0 || a == NULL)
		return r;
	char *list = in_take(in, json_len(a), size);
	if (list == NULL)
		return in_failed(in);
	size_t n = 0;
	struct json_iter it = json_iter(a);
	while (json_next(&it)) {
		(void)snprintf(name, sizeof(name), "%.30s[%zu]", key, n);
		struct in s = in_sub(in, name);
		if (json_type(it.value) != JSON_OBJ)
			return in_bad(in, name, "must be an object");
		r = one(&s, it.value, list + n * size);
		if (r < 0)
			return r;
		n++;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

/* A property that is not implemented is refused, not ignored. */
int in_refuse(struct in *in, const struct json *o, const char *const keys[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct json *v = json_get(o, keys[i]);
		if (!in_absent(v) && (json_type(v) == JSON_STR ? json_str_len(v) > 0 : json_type(v) != JSON_OBJ || json_len(v) > 0))
			return in_bad(in, keys[i], "is not supported by this runtime");
	}
	return 0;
}
