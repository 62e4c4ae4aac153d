// SPDX-License-Identifier: Apache-2.0
/* JSON over yyjson. Numbers are read as text, so that what was not understood is passed on unchanged; depth is bounded
 * here because the library (iterative) does not care but everything that walks the tree does. */
#include "lib/codec/json.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <yyjson.h>

#define VAL(v) ((yyjson_val *)(uintptr_t)(v))

struct json_doc {
	yyjson_doc *doc; /* owned */
};

/* Deepest nesting of p, looking only at brackets outside strings; garbage is left to the parser. */
static bool too_deep(const char *p, size_t len)
{
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = p[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > JSON_MAX_DEPTH)
				return true;
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	return false;
}

int json_parse(const char *p, size_t len, struct json_doc **ret, struct err *e)
{
	yyjson_read_err why = {0};

	if (too_deep(p, len))
		return err_set(e, E_LIMIT, "JSON is nested deeper than %d", JSON_MAX_DEPTH);
	struct json_doc *d = malloc(sizeof(*d));
	if (d == NULL)
		return err_set(e, ENOMEM, "parse JSON");
	/* without the in-situ flag the input is not written to */
	d->doc = yyjson_read_opts((char *)(uintptr_t)p, len, YYJSON_READ_NUMBER_AS_RAW, NULL, &why);
	if (d->doc == NULL) {
		free(d);
		if (why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
			return err_set(e, ENOMEM, "parse JSON");
		return err_set(e, E_SPEC, "JSON, byte %zu: %s", why.pos,
			       why.msg != NULL ? why.msg : "malformed");
	}
	*ret = d;
	return 0;
}

void json_free(struct json_doc *d)
{
	if (d == NULL)
		return;
	yyjson_doc_free(d->doc);
	free(d);
}

const struct json *json_root(const struct json_doc *d)
{
	return d == NULL ? NULL : (const struct json *)yyjson_doc_get_root(d->doc);
}

enum json_type json_type(const struct json *v)
{
	switch (yyjson_get_type(VAL(v))) {
	case YYJSON_TYPE_BOOL: return JSON_BOOL;
	case YYJSON_TYPE_RAW:
	case YYJSON_TYPE_NUM: return JSON_NUM;
	case YYJSON_TYPE_STR: return JSON_STR;
	case YYJSON_TYPE_ARR: return JSON_ARR;
	case YYJSON_TYPE_OBJ: return JSON_OBJ;
	default: return JSON_NULL;
	}
}

const struct json *json_get(const struct json *obj, const char *key)
{
	return (const struct json *)yyjson_obj_get(VAL(obj), key);
}

const struct json *json_iget(const struct json *obj, const char *key)
{
	const struct json *v = json_get(obj, key);
	size_t len = strlen(key);

	if (v != NULL)
		return v;
	struct json_iter it = json_iter(obj);
	while (json_next(&it))
		if (it.key_len == len && strncasecmp(it.key, key, len) == 0)
			return it.value;
	return NULL;
}

const char *json_str(const struct json *v)
{
	return yyjson_get_str(VAL(v));
}

size_t json_str_len(const struct json *v)
{
	return json_str(v) != NULL ? yyjson_get_len(VAL(v)) : 0;
}

const char *json_str_or(const struct json *v, const char *fallback)
{
	const char *s = json_str(v);
	return s != NULL ? s : fallback;
}

bool json_bool(const struct json *v, bool fallback)
{
	return yyjson_is_bool(VAL(v)) ? yyjson_get_bool(VAL(v)) : fallback;
}

/* The number's text with its integer part only: "12", "-3"; NULL when it has a fraction or exponent. */
static const char *int_text(const struct json *v)
{
	if (!yyjson_is_raw(VAL(v)))
		return NULL;
	const char *s = yyjson_get_raw(VAL(v));
	return s[strcspn(s, ".eE")] == '\0' ? s : NULL;
}

bool json_is_int(const struct json *v, int64_t min, int64_t max, int64_t *ret)
{
	const char *s = int_text(v);

	if (s == NULL)
		return false;
	errno = 0;
	long long n = strtoll(s, NULL, 10);
	if (errno != 0 || n < min || n > max)
		return false;
	*ret = n;
	return true;
}

bool json_is_uint(const struct json *v, uint64_t max, uint64_t *ret)
{
	const char *s = int_text(v);

	if (s == NULL || *s == '-')
		return false;
	errno = 0;
	unsigned long long n = strtoull(s, NULL, 10);
	if (errno != 0 || n > max)
		return false;
	*ret = n;
	return true;
}

int64_t json_int(const struct json *v, int64_t fallback)
{
	int64_t n;

	return json_is_int(v, INT64_MIN, INT64_MAX, &n) ? n : fallback;
}

size_t json_len(const struct json *v)
{
	enum json_type t = json_type(v);

	return t == JSON_ARR || t == JSON_OBJ ? yyjson_get_len(VAL(v)) : 0;
}

struct json_iter json_iter(const struct json *v)
{
	/* a list where members were expected has elements without a name, not a pointer to nothing */
	struct json_iter it = {.key = "", .left = json_len(v), .is_obj = json_type(v) == JSON_OBJ};

	if (it.left > 0)
		it.at = it.is_obj ? (const void *)unsafe_yyjson_get_first(VAL(v))
				  : (const void *)yyjson_arr_get_first(VAL(v));
	return it;
}

bool json_next(struct json_iter *it)
{
	if (it->left == 0)
		return false;
	it->left--;
	yyjson_val *v = VAL(it->at);
	if (it->is_obj) {
		it->key = yyjson_get_str(v);
		it->key_len = yyjson_get_len(v);
		v = yyjson_obj_iter_get_val(v);
	}
	it->value = (const struct json *)v;
	it->at = unsafe_yyjson_get_next(v);
	return true;
}
