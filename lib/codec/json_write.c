// SPDX-License-Identifier: Apache-2.0
/* The JSON writer: straight into a buffer, no tree. Misuse (too deep) sets the buffer's error instead of crashing. */
#include "lib/codec/json.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"

#include <inttypes.h>
#include <string.h>

#include <yyjson.h>

void jw_init(struct json_writer *w, struct buf *out)
{
	*w = (struct json_writer){.out = out, .first = {true}};
}

/* What must stand before a value or key. */
static void separate(struct json_writer *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (!w->first[w->depth])
		buf_putc(w->out, ',');
	w->first[w->depth] = false;
}

static void open_with(struct json_writer *w, char c)
{
	separate(w);
	if (w->depth + 1 >= JSON_MAX_DEPTH) {
		w->out->error = E_LIMIT;
		return;
	}
	w->first[++w->depth] = true;
	buf_putc(w->out, c);
}

static void close_with(struct json_writer *w, char c)
{
	if (w->depth > 0)
		w->depth--;
	buf_putc(w->out, c);
}

void jw_obj(struct json_writer *w)
{
	open_with(w, '{');
}

void jw_end_obj(struct json_writer *w)
{
	close_with(w, '}');
}

void jw_arr(struct json_writer *w)
{
	open_with(w, '[');
}

void jw_end_arr(struct json_writer *w)
{
	close_with(w, ']');
}

/* Length of the valid UTF-8 sequence at s (at most left bytes), 0 when there is none. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5			       ? 4
									       : 0;
	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates and what lies beyond U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void put_control(struct buf *b, unsigned char c)
{
	switch (c) {
	case '"': buf_puts(b, "\\\""); break;
	case '\\': buf_puts(b, "\\\\"); break;
	case '\n': buf_puts(b, "\\n"); break;
	case '\r': buf_puts(b, "\\r"); break;
	case '\t': buf_puts(b, "\\t"); break;
	case '\b': buf_puts(b, "\\b"); break;
	case '\f': buf_puts(b, "\\f"); break;
	default: buf_printf(b, "\\u%04x", c);
	}
}

static void put_string(struct buf *b, const char *s, size_t n)
{
	size_t plain = 0; /* bytes not yet written, before i */

	buf_putc(b, '"');
	for (size_t i = 0; i < n;) {
		const unsigned char *p = (const unsigned char *)s + i;
		size_t len = utf8_len(p, n - i);
		/* U+2028 and U+2029 as Go's encoder does: they end lines in JavaScript */
		bool line_end = len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8;
		if (len > 0 && *p >= 0x20 && *p != '"' && *p != '\\' && !line_end) {
			i += len;
			continue;
		}
		buf_put(b, s + plain, i - plain);
		if (len == 0)
			buf_puts(b, "\\ufffd");
		else if (line_end)
			buf_puts(b, p[2] == 0xa8 ? "\\u2028" : "\\u2029");
		else
			put_control(b, *p);
		i += len > 0 ? len : 1;
		plain = i;
	}
	buf_put(b, s + plain, n - plain);
	buf_putc(b, '"');
}

void jw_key(struct json_writer *w, const char *key)
{
	separate(w);
	put_string(w->out, key, strlen(key));
	buf_putc(w->out, ':');
	w->after_key = true;
}

void jw_strn(struct json_writer *w, const char *s, size_t n)
{
	separate(w);
	put_string(w->out, s, n);
}

void jw_str(struct json_writer *w, const char *s)
{
	if (s == NULL)
		jw_null(w);
	else
		jw_strn(w, s, strlen(s));
}

void jw_int(struct json_writer *w, int64_t v)
{
	separate(w);
	buf_printf(w->out, "%" PRId64, v);
}

void jw_uint(struct json_writer *w, uint64_t v)
{
	separate(w);
	buf_printf(w->out, "%" PRIu64, v);
}

void jw_bool(struct json_writer *w, bool v)
{
	separate(w);
	buf_puts(w->out, v ? "true" : "false");
}

void jw_null(struct json_writer *w)
{
	separate(w);
	buf_puts(w->out, "null");
}

void jw_raw(struct json_writer *w, const char *json, size_t n)
{
	separate(w);
	buf_put(w->out, json, n);
}

void jw_value(struct json_writer *w, const struct json *v)
{
	struct json_iter it = json_iter(v);

	switch (json_type(v)) {
	case JSON_NULL: jw_null(w); break;
	case JSON_BOOL: jw_bool(w, json_bool(v, false)); break;
	case JSON_STR: jw_strn(w, json_str(v), json_str_len(v)); break;
	case JSON_NUM: {
		const char *raw = yyjson_get_raw((yyjson_val *)(uintptr_t)v);
		jw_raw(w, raw, strlen(raw));
		break;
	}
	case JSON_ARR:
		jw_arr(w);
		while (json_next(&it))
			jw_value(w, it.value);
		jw_end_arr(w);
		break;
	case JSON_OBJ:
		jw_obj(w);
		while (json_next(&it)) {
			separate(w);
			put_string(w->out, it.key, it.key_len);
			buf_putc(w->out, ':');
			w->after_key = true;
			jw_value(w, it.value);
		}
		jw_end_obj(w);
		break;
	}
}

void jw_kstr(struct json_writer *w, const char *key, const char *s)
{
	jw_key(w, key);
	jw_str(w, s);
}

void jw_kint(struct json_writer *w, const char *key, int64_t v)
{
	jw_key(w, key);
	jw_int(w, v);
}

void jw_kuint(struct json_writer *w, const char *key, uint64_t v)
{
	jw_key(w, key);
	jw_uint(w, v);
}

void jw_kbool(struct json_writer *w, const char *key, bool v)
{
	jw_key(w, key);
	jw_bool(w, v);
}
