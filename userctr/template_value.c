// SPDX-License-Identifier: Apache-2.0
#include "userctr/template_value.h"
#include "userctr/cli.h"
#include "userctr/template.h"

#include <errno.h>
#include <string.h>

struct val val_json(const struct json *j)
{
	int64_t num;

	switch (json_type(j)) {
	case JSON_NULL: return (struct val){.kind = VAL_NIL};
	case JSON_BOOL: return (struct val){.kind = VAL_BOOL, .num = json_bool(j, false)};
	case JSON_STR: return (struct val){.kind = VAL_STR, .text = json_str(j), .len = json_str_len(j)};
	case JSON_NUM:
		if (json_is_int(j, INT64_MIN, INT64_MAX, &num))
			return (struct val){.kind = VAL_INT, .num = num};
		return (struct val){.kind = VAL_JSON, .json = j};
	case JSON_ARR:
	case JSON_OBJ: break;
	}
	return (struct val){.kind = VAL_JSON, .json = j};
}

bool val_is_true(const struct val *v)
{
	switch (v->kind) {
	case VAL_NIL:
	case VAL_MISSING: return false;
	case VAL_JSON: return json_type(v->json) == JSON_NUM || json_len(v->json) > 0;
	case VAL_STR:
	case VAL_LIST: return v->len > 0;
	case VAL_INT:
	case VAL_BOOL: return v->num != 0;
	}
	return false;
}

int val_sorted(struct tmpl_run *x, const struct json *j, struct json_pairs *ret)
{
	size_t n = json_len(j), i = 0;
	struct json_iter it = json_iter(j);

	*ret = (struct json_pairs){0};
	if (n == 0)
		return 0;
	ret->value = arena_array(x->t->mem, n, sizeof(*ret->value));
	if (json_type(j) == JSON_OBJ)
		ret->key = arena_array(x->t->mem, n, sizeof(*ret->key));
	if (ret->value == NULL || (json_type(j) == JSON_OBJ && ret->key == NULL))
		return -ENOMEM;
	while (i < n && json_next(&it)) {
		size_t at = i++;
		if (ret->key != NULL) /* insertion: objects here are small */
			for (; at > 0 && strcmp(ret->key[at - 1].s, it.key) > 0; at--) {
				ret->key[at] = ret->key[at - 1];
				ret->value[at] = ret->value[at - 1];
			}
		if (ret->key != NULL) {
			ret->key[at].s = it.key;
			ret->key[at].n = it.key_len;
		}
		ret->value[at] = it.value;
	}
	ret->n = i;
	return 0;
}

static void put_text(struct tmpl_run *x, struct buf *out, const char *s, size_t n)
{
	if ((x->flags & TMPL_SAFE) != 0)
		cli_put_safe(out, s, n);
	else
		buf_put(out, s, n);
}

static int print_json(struct tmpl_run *x, const struct json *j, struct buf *out)
{
	bool is_obj = json_type(j) == JSON_OBJ;
	struct json_writer w;
	struct json_pairs all;

	if (json_type(j) != JSON_ARR && !is_obj) {
		jw_init(&w, out);
		jw_value(&w, j);
		return 0;
	}
	int r = val_sorted(x, j, &all);
	buf_puts(out, is_obj ? "map[" : "[");
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		struct val v = val_json(all.value[i]);
		if (i > 0)
			buf_putc(out, ' ');
		if (is_obj) {
			put_text(x, out, all.key[i].s, all.key[i].n);
			buf_putc(out, ':');
		}
		if (v.kind == VAL_NIL)
			buf_puts(out, "<nil>");
		else
			r = val_print(x, &v, out);
	}
	buf_putc(out, ']');
	return r;
}

int val_print(struct tmpl_run *x, const struct val *v, struct buf *out)
{
	int r = 0;

	switch (v->kind) {
	case VAL_NIL:
	case VAL_MISSING: buf_puts(out, "<no value>"); break;
	case VAL_JSON: r = print_json(x, v->json, out); break;
	case VAL_STR: put_text(x, out, v->text, v->len); break;
	case VAL_INT: buf_printf(out, "%lld", (long long)v->num); break;
	case VAL_BOOL: buf_puts(out, v->num != 0 ? "true" : "false"); break;
	case VAL_LIST:
		buf_putc(out, '[');
		for (size_t i = 0; i < v->len && r == 0; i++) {
			if (i > 0)
				buf_putc(out, ' ');
			r = val_print(x, &v->items[i], out);
		}
		buf_putc(out, ']');
		break;
	}
	return r < 0 ? r : buf_error(out);
}
