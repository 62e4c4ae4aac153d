// SPDX-License-Identifier: Apache-2.0
/* Objects of the API by table. */
#include "userctr/shape.h"

#include "lib/base/err.h"
#include "lib/codec/json.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/* Where a value stands, for messages, and where it goes. */
struct at {
	struct json_writer *w;
	const char *where, *key;
	struct err *e;
};

static const char *const type_names[] = {
	[JSON_NULL] = "null", [JSON_BOOL] = "bool", [JSON_NUM] = "number",
	[JSON_STR] = "string", [JSON_ARR] = "array", [JSON_OBJ] = "object",
};

static int bad(const struct at *a, const struct json *v, const char *want)
{
	return err_say(a->e, EINVAL, "invalid JSON: json: cannot unmarshal %s into Go struct field %s.%s of type %s",
		       type_names[json_type(v)], a->where, a->key, want);
}

static bool absent(const struct json *v)
{
	return v == NULL || json_type(v) == JSON_NULL;
}

static int read_str(const struct at *a, const struct json *v)
{
	const char *s = json_str(v);

	if (absent(v))
		s = "";
	else if (s == NULL)
		return bad(a, v, "string");
	else if (strlen(s) != json_str_len(v))
		return err_say(a->e, EINVAL, "invalid JSON: %s.%s has a NUL byte", a->where, a->key);
	jw_str(a->w, s);
	return 0;
}

static int read_key(const struct at *a, const struct json_iter *it)
{
	if (strlen(it->key) != it->key_len)
		return err_say(a->e, EINVAL, "invalid JSON: a name in %s.%s has a NUL byte", a->where, a->key);
	jw_key(a->w, it->key);
	return 0;
}

static int read_strs(const struct at *a, const struct json *v)
{
	struct json_iter it = json_iter(v);
	int r = 0;

	if (json_type(v) != JSON_ARR)
		return bad(a, v, "[]string");
	jw_arr(a->w);
	while (r == 0 && json_next(&it))
		r = read_str(a, it.value);
	jw_end_arr(a->w);
	return r;
}

static int read_words(const struct at *a, const struct json *v)
{
	if (json_type(v) != JSON_STR)
		return read_strs(a, v);
	jw_arr(a->w);
	int r = read_str(a, v);
	jw_end_arr(a->w);
	return r;
}

static int read_lists(const struct at *a, const struct json *v)
{
	struct json_iter it = json_iter(v);
	int r = 0;

	if (json_type(v) != JSON_ARR)
		return bad(a, v, "[][]string");
	jw_arr(a->w);
	while (r == 0 && json_next(&it))
		r = read_strs(a, it.value);
	jw_end_arr(a->w);
	return r;
}

static int read_map(const struct at *a, const struct json *v, bool is_set)
{
	struct json_iter it = json_iter(v);
	int r = 0;

	if (json_type(v) != JSON_OBJ)
		return bad(a, v, is_set ? "map[string]struct {}" : "map[string]string");
	jw_obj(a->w);
	while (r == 0 && json_next(&it)) {
		r = read_key(a, &it);
		if (r < 0)
			break;
		if (!is_set) {
			r = read_str(a, it.value);
			continue;
		}
		if (!absent(it.value) && json_type(it.value) != JSON_OBJ)
			r = bad(a, it.value, "struct {}");
		jw_obj(a->w);
		jw_end_obj(a->w);
	}
	jw_end_obj(a->w);
	return r;
}

static int read_list(const struct at *a, const struct field *sub, const struct json *v)
{
	struct json_iter it = json_iter(v);
	int r = 0;

	if (json_type(v) != JSON_ARR)
		return bad(a, v, "[]struct");
	jw_arr(a->w);
	while (r == 0 && json_next(&it))
		r = !absent(it.value) && json_type(it.value) != JSON_OBJ ? bad(a, it.value, "struct") :
									     shape_read(a->w, sub, it.value, a->key, a->e);
	jw_end_arr(a->w);
	return r;
}

static int read_list_map(const struct at *a, const struct field *sub, const struct json *v)
{
	struct json_iter it = json_iter(v);
	int r = 0;

	if (json_type(v) != JSON_OBJ)
		return bad(a, v, "map[string][]struct");
	jw_obj(a->w);
	while (r == 0 && json_next(&it)) {
		r = read_key(a, &it);
		if (r == 0 && absent(it.value))
			jw_null(a->w);
		else if (r == 0)
			r = read_list(a, sub, it.value);
	}
	jw_end_obj(a->w);
	return r;
}

static int read_size(const struct at *a, const struct json *v)
{
	struct json_iter it = json_iter(v);
	int64_t n[2] = {0};

	if (json_type(v) != JSON_ARR)
		return bad(a, v, "[2]uint");
	for (size_t i = 0; json_next(&it); i++)
		if (i < 2 && !json_is_int(it.value, 0, UINT32_MAX, &n[i]))
			return bad(a, it.value, "uint");
	jw_arr(a->w);
	jw_int(a->w, n[0]);
	jw_int(a->w, n[1]);
	jw_end_arr(a->w);
	return 0;
}

static int read_scalar(const struct at *a, const struct field *f, const struct json *v)
{
	int64_t n;

	if (f->shape == SHAPE_STR)
		return read_str(a, v);
	if (f->shape == SHAPE_BOOL) {
		if (json_type(v) != JSON_BOOL)
			return bad(a, v, "bool");
		jw_bool(a->w, json_bool(v, false));
		return 0;
	}
	if (!json_is_int(v, INT64_MIN, INT64_MAX, &n))
		return bad(a, v, "int64");
	jw_int(a->w, n);
	return 0;
}

static int read_value(const struct at *a, const struct field *f, const struct json *v)
{
	switch (f->shape) {
	case SHAPE_STR:
	case SHAPE_BOOL:
	case SHAPE_INT: return read_scalar(a, f, v);
	case SHAPE_STRS: return read_strs(a, v);
	case SHAPE_WORDS: return read_words(a, v);
	case SHAPE_WORD_LISTS: return read_lists(a, v);
	case SHAPE_STR_MAP: return read_map(a, v, /* is_set: */ false);
	case SHAPE_SET: return read_map(a, v, /* is_set: */ true);
	case SHAPE_OBJ: return json_type(v) != JSON_OBJ ? bad(a, v, "struct") : shape_read(a->w, f->sub, v, f->key, a->e);
	case SHAPE_LIST: return read_list(a, f->sub, v);
	case SHAPE_LIST_MAP: return read_list_map(a, f->sub, v);
	case SHAPE_SIZE: return read_size(a, v);
	}
	return 0;
}

int shape_read(struct json_writer *w, const struct field *fields, const struct json *in, const char *where, struct err *e)
{
	jw_obj(w);
	for (const struct field *f = fields; f->key != NULL; f++) {
		struct at a = {.w = w, .where = where, .key = f->key, .e = e};
		const struct json *v = json_iget(in, f->key);
		if (absent(v) && f->absent == NULL)
			continue;
		jw_key(w, f->key);
		if (absent(v)) {
			jw_raw(w, f->absent, strlen(f->absent));
			continue;
		}
		int r = read_value(&a, f, v);
		if (r < 0)
			return r;
	}
	jw_end_obj(w);
	return 0;
}

static bool is_empty(const struct json *v)
{
	switch (json_type(v)) {
	case JSON_NULL: return true;
	case JSON_BOOL: return !json_bool(v, false);
	case JSON_NUM: return json_int(v, 1) == 0;
	case JSON_STR: return json_str_len(v) == 0;
	case JSON_ARR:
	case JSON_OBJ: return json_len(v) == 0;
	}
	return false;
}

static void print_value(struct json_writer *w, const struct field *f, const struct json *v)
{
	struct json_iter it = json_iter(v);

	if (f->shape == SHAPE_OBJ && !absent(v)) {
		shape_print(w, f->sub, v, NULL, 0);
	} else if (f->shape == SHAPE_LIST && !absent(v)) {
		jw_arr(w);
		while (json_next(&it))
			shape_print(w, f->sub, it.value, NULL, 0);
		jw_end_arr(w);
	} else {
		jw_value(w, v);
	}
}

void shape_print(struct json_writer *w, const struct field *fields, const struct json *in, const struct patch *patches,
		 size_t n)
{
	jw_obj(w);
	for (const struct field *f = fields; f->key != NULL; f++) {
		const struct json *v = json_get(in, f->key);
		size_t i = 0;
		while (i < n && strcmp(patches[i].key, f->key) != 0)
			i++;
		if (i < n && patches[i].json[0] == '\0') {
			continue;
		} else if (i < n) {
			jw_key(w, f->key);
			jw_raw(w, patches[i].json, strlen(patches[i].json));
		} else if (v != NULL && !(f->omit_empty && is_empty(v))) {
			jw_key(w, f->key);
			print_value(w, f, v);
		} else if (v == NULL && f->absent != NULL && !f->omit_empty) {
			jw_key(w, f->key);
			jw_raw(w, f->absent, strlen(f->absent));
		}
	}
	jw_end_obj(w);
}
