// SPDX-License-Identifier: Apache-2.0
#include "userctr/cli.h"
#include "userctr/template.h"
#include "userctr/template_value.h"

#include "lib/base/owned.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define TEXT_MAX (1u << 20)

typedef int func(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret);

static struct val boolean(bool v)
{
	return (struct val){.kind = VAL_BOOL, .num = v};
}

/* Give the content of b to a value; b is released. */
static int text_of(struct tmpl_run *x, struct buf *b, struct val *ret)
{
	int r = buf_error(b);

	*ret = (struct val){.kind = VAL_STR, .len = b->len};
	ret->text = r == 0 ? arena_copy(x->t->mem, buf_str(b), b->len) : NULL;
	buf_release(b);
	return r < 0 ? r : ret->text != NULL ? 0 : -ENOMEM;
}

static int f_and(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	(void)x;
	bool is_or = strcmp(at->text, "or") == 0;
	size_t i = 0;

	while (i + 1 < n && val_is_true(&a[i]) != is_or)
		i++;
	*ret = a[i];
	return 0;
}

static int f_not(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	(void)x, (void)at, (void)n;
	*ret = boolean(!val_is_true(&a[0]));
	return 0;
}

/* Returns -1, 0, 1, or 2: not comparable */
static int compare(const struct val *a, const struct val *b)
{
	if (a->kind == VAL_NIL && b->kind == VAL_NIL)
		return 0;
	if (a->kind != b->kind)
		return 2;
	if (a->kind == VAL_INT || a->kind == VAL_BOOL)
		return a->num < b->num ? -1 : a->num > b->num;
	if (a->kind != VAL_STR)
		return 2;
	size_t m = a->len < b->len ? a->len : b->len;
	int c = memcmp(a->text, b->text, m);
	return c != 0 ? (c < 0 ? -1 : 1) : a->len < b->len ? -1 : a->len > b->len;
}

static int f_compare(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	const char *f = at->text;
	bool is_eq = strcmp(f, "eq") == 0, is_ne = strcmp(f, "ne") == 0, any = false;

	for (size_t i = 1; i < n && !any; i++) {
		int c = compare(&a[0], &a[i]);
		if (c == 2 && a[0].kind != VAL_NIL && a[i].kind != VAL_NIL)
			return tmpl_fail(x, at, "error calling ", f, ": incompatible types for comparison");
		any = is_eq ? c == 0 : is_ne ? c != 0 : f[0] == 'l' ? c == -1 || (f[1] == 'e' && c == 0)
								     : c == 1 || (f[1] == 'e' && c == 0);
	}
	*ret = boolean(any);
	return 0;
}

static int f_len(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	(void)n;
	bool is_json = a->kind == VAL_JSON && json_type(a->json) != JSON_NUM;

	if (!is_json && a->kind != VAL_STR && a->kind != VAL_LIST && a->kind != VAL_NIL)
		return tmpl_fail(x, at, "error calling len: len of a value that has none", "", "");
	*ret = (struct val){.kind = VAL_INT, .num = (int64_t)(is_json ? json_len(a->json) : a->kind == VAL_NIL ? 0 : a->len)};
	return 0;
}

static int f_index(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	struct val v = a[0];

	for (size_t i = 1; i < n; i++) {
		if (v.kind == VAL_JSON && json_type(v.json) == JSON_OBJ && a[i].kind == VAL_STR) {
			v = val_json(json_get(v.json, a[i].text)); /* a map without the key: its zero value */
			continue;
		}
		if (v.kind == VAL_NIL && a[i].kind == VAL_STR)
			return tmpl_fail(x, at, "error calling index: index of untyped nil", "", "");
		bool is_array = v.kind == VAL_JSON && json_type(v.json) == JSON_ARR;
		if (a[i].kind != VAL_INT || (!is_array && v.kind != VAL_LIST && v.kind != VAL_STR))
			return tmpl_fail(x, at, "error calling index: can't index item with this", "", "");
		int64_t max = (int64_t)(is_array ? json_len(v.json) : v.len), want = a[i].num;
		char num[32];
		(void)snprintf(num, sizeof(num), "%lld", (long long)want);
		if (want < 0 || want >= max)
			return tmpl_fail(x, at, "error calling index: index out of range: ", num, "");
		if (v.kind == VAL_LIST) {
			v = v.items[want];
		} else if (v.kind == VAL_STR) {
			v = (struct val){.kind = VAL_INT, .num = (unsigned char)v.text[want]};
		} else {
			struct json_iter it = json_iter(v.json);
			for (int64_t k = 0; k <= want && json_next(&it); k++)
				;
			v = val_json(it.value);
		}
	}
	*ret = v;
	return 0;
}

static int f_slice(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	int64_t from = n > 1 ? a[1].num : 0, to = n > 2 ? a[2].num : (int64_t)a[0].len;

	if (a[0].kind != VAL_STR || (n > 1 && a[1].kind != VAL_INT) || (n > 2 && a[2].kind != VAL_INT) || from < 0 ||
	    to > (int64_t)a[0].len || from > to)
		return tmpl_fail(x, at, "error calling slice: index out of range", "", "");
	*ret = (struct val){.kind = VAL_STR, .text = a[0].text + from, .len = (size_t)(to - from)};
	return 0;
}

static int f_print(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	bool is_line = strcmp(at->text, "println") == 0;
	struct buf b = BUF_INIT(TEXT_MAX);
	struct tmpl_run raw = {.t = x->t, .e = x->e};
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		/* Print() divides what is no text; Println() divides all */
		if (i > 0 && (is_line || (a[i].kind != VAL_STR && a[i - 1].kind != VAL_STR)))
			buf_putc(&b, ' ');
		r = val_print(&raw, &a[i], &b);
	}
	if (is_line)
		buf_putc(&b, '\n');
	return r < 0 ? (buf_release(&b), r) : text_of(x, &b, ret);
}

static void put_padded(struct buf *b, const char *s, size_t n, long width, bool is_left)
{
	for (long i = (long)n; !is_left && i < width; i++)
		buf_putc(b, ' ');
	buf_put(b, s, n);
	for (long i = (long)n; is_left && i < width; i++)
		buf_putc(b, ' ');
}

static int f_printf(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	struct tmpl_run raw = {.t = x->t, .e = x->e};
	struct buf b = BUF_INIT(TEXT_MAX), one = BUF_INIT(TEXT_MAX);
	size_t used = 1;
	int r = 0;

	if (a[0].kind != VAL_STR)
		return tmpl_fail(x, at, "wrong type for value; expected string", "", "");
	const char *s = a[0].text, *end = s + a[0].len;
	for (; s < end && r == 0; s++) {
		if (*s != '%') {
			buf_putc(&b, *s);
			continue;
		}
		bool is_left = false;
		long width = 0, prec = -1;
		for (s++; s < end && strchr("-+# 0", *s) != NULL && *s != '\0'; s++)
			is_left = is_left || *s == '-';
		for (; s < end && isdigit((unsigned char)*s) && width < 1000; s++)
			width = width * 10 + (*s - '0');
		if (s < end && *s == '.')
			for (prec = 0, s++; s < end && isdigit((unsigned char)*s) && prec < 1000; s++)
				prec = prec * 10 + (*s - '0');
		if (s >= end)
			break;
		if (*s == '%') {
			buf_putc(&b, '%');
			continue;
		}
		buf_clear(&one);
		if (used >= n) {
			buf_printf(&one, "%%!%c(MISSING)", *s);
		} else if (*s == 'q') {
			struct json_writer w;
			struct buf plain = BUF_INIT(TEXT_MAX);
			r = val_print(&raw, &a[used++], &plain);
			jw_init(&w, &one);
			jw_strn(&w, buf_str(&plain), plain.len);
			buf_release(&plain);
		} else if (*s == 'x' && a[used].kind == VAL_INT) {
			buf_printf(&one, "%llx", (unsigned long long)a[used++].num);
		} else {
			r = val_print(&raw, &a[used++], &one);
		}
		if (prec >= 0 && (size_t)prec < one.len && *s == 's')
			one.len = (size_t)prec;
		put_padded(&b, buf_str(&one), one.len, width, is_left);
	}
	buf_release(&one);
	return r < 0 ? (buf_release(&b), r) : text_of(x, &b, ret);
}

static int put_json(struct json_writer *w, const struct val *v)
{
	switch (v->kind) {
	case VAL_JSON: jw_value(w, v->json); break;
	case VAL_STR: jw_strn(w, v->text, v->len); break;
	case VAL_INT: jw_int(w, v->num); break;
	case VAL_BOOL: jw_bool(w, v->num != 0); break;
	case VAL_LIST:
		jw_arr(w);
		for (size_t i = 0; i < v->len; i++)
			(void)put_json(w, &v->items[i]); /* a list holds texts */
		jw_end_arr(w);
		break;
	case VAL_NIL:
	case VAL_MISSING: jw_null(w); break;
	}
	return 0;
}

static int f_json(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	struct buf b = BUF_INIT(8u << 20);
	struct json_writer w;

	(void)at, (void)n;
	jw_init(&w, &b);
	(void)put_json(&w, &a[0]); /* the buffer keeps the error */
	return text_of(x, &b, ret);
}

static int f_case(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	(void)n;
	if (a[0].kind != VAL_STR)
		return tmpl_fail(x, at, "wrong type for value; expected string", "", "");
	char *s = arena_copy(x->t->mem, a[0].text, a[0].len);
	if (s == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < a[0].len; i++) {
		unsigned char ch = (unsigned char)s[i];
		if (at->text[0] == 'u' || (at->text[0] == 't' && (i == 0 || s[i - 1] == ' ')))
			s[i] = (char)(ch < 128 ? toupper(ch) : ch);
		else if (at->text[0] == 'l')
			s[i] = (char)(ch < 128 ? tolower(ch) : ch);
	}
	*ret = (struct val){.kind = VAL_STR, .text = s, .len = a[0].len};
	return 0;
}

static int f_split(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	size_t parts = 1, i = 0;

	(void)n;
	if (a[0].kind != VAL_STR || a[1].kind != VAL_STR || a[1].len == 0)
		return tmpl_fail(x, at, "wrong type for value; expected string", "", "");
	const char *s = a[0].text, *end = s + a[0].len, *hit;
	for (const char *p = s; (p = memmem(p, (size_t)(end - p), a[1].text, a[1].len)) != NULL; p += a[1].len)
		parts++;
	*ret = (struct val){.kind = VAL_LIST, .len = parts};
	ret->items = arena_array(x->t->mem, parts, sizeof(*ret->items));
	if (ret->items == NULL)
		return -ENOMEM;
	for (; i < parts; i++) {
		hit = memmem(s, (size_t)(end - s), a[1].text, a[1].len);
		size_t len = (size_t)((hit != NULL ? hit : end) - s);
		ret->items[i] = (struct val){.kind = VAL_STR, .text = s, .len = len};
		s += len + (hit != NULL ? a[1].len : 0);
	}
	return 0;
}

static int f_join(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	struct tmpl_run raw = {.t = x->t, .e = x->e};
	struct buf b = BUF_INIT(TEXT_MAX);
	int r = 0;

	(void)n;
	if (a[1].kind != VAL_STR)
		return tmpl_fail(x, at, "wrong type for value; expected string", "", "");
	for (size_t i = 0; a[0].kind == VAL_LIST && i < a[0].len; i++) {
		if (i > 0)
			buf_put(&b, a[1].text, a[1].len);
		buf_put(&b, a[0].items[i].text, a[0].items[i].len);
	}
	if (a[0].kind == VAL_JSON) {
		struct json_iter it = json_iter(a[0].json);
		for (bool is_first = true; r == 0 && json_next(&it); is_first = false) {
			struct val v = val_json(it.value);
			if (!is_first)
				buf_put(&b, a[1].text, a[1].len);
			r = val_print(&raw, &v, &b);
		}
	}
	return r < 0 ? (buf_release(&b), r) : text_of(x, &b, ret);
}

static int f_pad(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	struct buf b = BUF_INIT(TEXT_MAX);

	(void)n;
	if (a[0].kind != VAL_STR || a[1].kind != VAL_INT || a[2].kind != VAL_INT || a[1].num > 1000 || a[2].num > 1000)
		return tmpl_fail(x, at, "wrong type for value", "", "");
	for (int64_t i = 0; i < a[1].num && a[0].len > 0; i++)
		buf_putc(&b, ' ');
	buf_put(&b, a[0].text, a[0].len);
	for (int64_t i = 0; i < a[2].num && a[0].len > 0; i++)
		buf_putc(&b, ' ');
	return text_of(x, &b, ret);
}

static int f_truncate(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	(void)n;
	if (a[0].kind != VAL_STR || a[1].kind != VAL_INT)
		return tmpl_fail(x, at, "wrong type for value", "", "");
	*ret = a[0];
	if (a[1].num >= 0 && (uint64_t)a[1].num < ret->len)
		ret->len = (size_t)a[1].num;
	return 0;
}

static int f_urlquery(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *a, size_t n, struct val *ret)
{
	struct buf b = BUF_INIT(TEXT_MAX);

	(void)n;
	if (a[0].kind != VAL_STR)
		return tmpl_fail(x, at, "wrong type for value; expected string", "", "");
	cli_encode(&b, a[0].text);
	return text_of(x, &b, ret);
}

static const struct {
	const char *name;
	size_t min, max;
	func *call;
	bool in_head; /* works on the heads of a table as on its cells */
} funcs[] = {
	{"and", 1, TMPL_ARGS, f_and, true},	   {"or", 1, TMPL_ARGS, f_and, true},
	{"not", 1, 1, f_not, true},		   {"eq", 2, TMPL_ARGS, f_compare, true},
	{"ne", 2, 2, f_compare, true},		   {"lt", 2, 2, f_compare, true},
	{"le", 2, 2, f_compare, true},		   {"gt", 2, 2, f_compare, true},
	{"ge", 2, 2, f_compare, true},		   {"len", 1, 1, f_len, false},
	{"index", 1, TMPL_ARGS, f_index, false},   {"slice", 1, 3, f_slice, false},
	{"print", 0, TMPL_ARGS, f_print, true},	   {"println", 0, TMPL_ARGS, f_print, true},
	{"printf", 1, TMPL_ARGS, f_printf, true},  {"json", 1, 1, f_json, false},
	{"split", 2, 2, f_split, false},	   {"join", 2, 2, f_join, false},
	{"title", 1, 1, f_case, false},		   {"lower", 1, 1, f_case, false},
	{"upper", 1, 1, f_case, false},		   {"pad", 3, 3, f_pad, true},
	{"truncate", 2, 2, f_truncate, false},	   {"urlquery", 1, 1, f_urlquery, false},
};

int tmpl_call(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *args, size_t n, struct val *ret)
{
	for (size_t i = 0; i < countof(funcs); i++) {
		if (strcmp(funcs[i].name, at->text) != 0)
			continue;
		if (n < funcs[i].min || n > funcs[i].max)
			return tmpl_fail(x, at, "wrong number of args for ", at->text, "");
		if ((x->flags & TMPL_HEAD) != 0 && !funcs[i].in_head) {
			*ret = args[0];
			return 0;
		}
		return funcs[i].call(x, at, args, n, ret);
	}
	return err_say(x->e, E_SPEC, "template: :1: function \"%s\" not defined", at->text);
}
