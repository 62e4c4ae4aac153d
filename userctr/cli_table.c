// SPDX-License-Identifier: Apache-2.0
/* Rows by template or as a table; JSON indented; text from outside made safe for a terminal. */
#include "userctr/cli.h"
#include "userctr/template.h"

#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CELL_MIN   10 /* of tables */
#define CELL_SPACE 3
#define COLUMNS    32
#define OUT_MAX	   (64u << 20)

int cli_out(const struct buf *b)
{
	(void)fflush(stdout); /* order */
	int r = buf_error(b) < 0 ? buf_error(b) : write_all(1, buf_str(b), b->len);
	if (r < 0)
		fprintf(stderr, "write standard output: %s\n", err_text(-r));
	return r < 0 ? -1 : 0;
}

void cli_put_safe(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)s[i];
		bool is_c1 = ch == 0xc2 && i + 1 < n && (unsigned char)s[i + 1] >= 0x80 && (unsigned char)s[i + 1] < 0xa0;
		if (ch == '\n' || ch == '\t' || (ch >= 0x20 && ch != 0x7f && !is_c1)) {
			buf_putc(b, s[i]);
			continue;
		}
		if (is_c1)
			ch = (unsigned char)s[++i];
		buf_printf(b, "\\x%02x", ch);
	}
}

/* Columns that text takes: a byte that does not continue a character */
static size_t width_of(const char *s, size_t n)
{
	size_t w = 0;

	for (size_t i = 0; i < n; i++)
		w += ((unsigned char)s[i] & 0xc0) != 0x80;
	return w;
}

void cli_align(const char *text, size_t n, size_t narrowest, struct buf *out)
{
	size_t width[COLUMNS] = {0};

	for (size_t i = 0, col = 0, start = 0; i < n; i++) {
		if (text[i] == '\t' && col < COLUMNS) {
			size_t w = width_of(text + start, i - start) + CELL_SPACE;
			w = w < narrowest ? narrowest : w;
			width[col] = w > width[col] ? w : width[col];
			col++;
		}
		if (text[i] == '\n')
			col = 0;
		if (text[i] == '\t' || text[i] == '\n')
			start = i + 1;
	}
	for (size_t i = 0, col = 0, start = 0; i <= n; i++) {
		if (i < n && text[i] != '\t' && text[i] != '\n')
			continue;
		buf_put(out, text + start, i - start);
		if (i < n && text[i] == '\t' && col < COLUMNS)
			for (size_t w = width_of(text + start, i - start); w < width[col]; w++)
				buf_putc(out, ' ');
		col = i < n && text[i] == '\t' ? col + 1 : 0;
		if (i < n && text[i] == '\n')
			buf_putc(out, '\n');
		start = i + 1;
	}
}

/* "\t" and "\n" written as two characters are what they stand for */
static const char *unescape(struct arena *mem, const char *s)
{
	char *out = arena_copy(mem, s, strlen(s)), *to = out;

	for (; out != NULL && *s != '\0'; s++) {
		if (s[0] == '\\' && (s[1] == 't' || s[1] == 'n'))
			*to++ = *++s == 't' ? '\t' : '\n';
		else
			*to++ = *s;
	}
	if (out != NULL)
		*to = '\0';
	return out;
}

static int print_json_rows(const struct json *rows)
{
	struct buf b = BUF_INIT(OUT_MAX), one = BUF_INIT(OUT_MAX);
	struct json_writer w;
	struct json_iter it = json_iter(rows);

	while (json_next(&it)) {
		buf_clear(&one);
		jw_init(&w, &one);
		jw_value(&w, it.value);
		for (const char *s = buf_str(&one); *s != '\0'; s++) /* as Go's encoder has it unless told otherwise */
			if (*s == '<' || *s == '>' || *s == '&')
				buf_printf(&b, "\\u%04x", (unsigned)*s);
			else
				buf_putc(&b, *s);
		buf_putc(&b, '\n');
	}
	buf_release(&one);
	int r = cli_out(&b);
	buf_release(&b);
	return r;
}

static int head_row(struct cli *c, const struct tmpl *t, const struct cli_col *cols, struct buf *text, struct err *e)
{
	struct buf b = BUF_INIT(65536);
	struct json_doc *d = NULL;
	struct json_writer w;

	(void)c;
	jw_init(&w, &b);
	jw_obj(&w);
	for (; cols->field != NULL; cols++)
		jw_kstr(&w, cols->field, cols->head);
	jw_end_obj(&w);
	int r = json_parse(buf_str(&b), b.len, &d, e);
	if (r == 0)
		r = tmpl_run(t, json_root(d), TMPL_HEAD, text, e);
	buf_putc(text, '\n');
	json_free(d);
	buf_release(&b);
	return r;
}

static int print_template(struct cli *c, const struct json *rows, const struct cli_col *cols, const char *format,
			  bool is_table)
{
	struct buf text = BUF_INIT(OUT_MAX), out = BUF_INIT(OUT_MAX);
	struct tmpl *t = NULL;
	struct err e = {0};
	const char *source = unescape(c->mem, format);
	int r = source == NULL ? err_set(&e, ENOMEM, "template") : tmpl_parse(c->mem, source, strlen(source), &t, &e);

	if (r < 0) {
		cli_say(c, "failed to parse template: %s", e.msg);
		return -1;
	}
	if (is_table)
		r = head_row(c, t, cols, &text, &e);
	struct json_iter it = json_iter(rows);
	while (r == 0 && json_next(&it)) {
		r = tmpl_run(t, it.value, TMPL_SAFE | TMPL_STRICT, &text, &e);
		buf_putc(&text, '\n');
	}
	if (r < 0)
		cli_say(c, "failed to execute template: %s", e.msg);
	else if (is_table)
		cli_align(buf_str(&text), text.len, CELL_MIN, &out);
	if (r == 0)
		r = cli_out(is_table ? &out : &text);
	buf_release(&text);
	buf_release(&out);
	return r < 0 ? -1 : 0;
}

int cli_print_rows(struct cli *c, const struct buf *rows, const struct cli_col *cols, const char *format,
		   const char *table)
{
	struct json_doc *d = NULL;
	struct err e = {0};
	int r = buf_error(rows) < 0 ? err_set(&e, -buf_error(rows), "rows") : json_parse(buf_str(rows), rows->len, &d, &e);

	if (r < 0)
		cli_say(c, "%s", e.msg);
	else if (strcmp(format, "json") == 0)
		r = print_json_rows(json_root(d));
	else if (format[0] == '\0' || strcmp(format, "table") == 0)
		r = print_template(c, json_root(d), cols, table, true);
	else if (strncmp(format, "table ", 6) == 0)
		r = print_template(c, json_root(d), cols, format + 6, true);
	else
		r = print_template(c, json_root(d), cols, format, false);
	json_free(d);
	return r < 0 ? -1 : 0;
}

static void indent(struct buf *out, unsigned depth)
{
	buf_putc(out, '\n');
	for (unsigned i = 0; i < depth; i++)
		buf_puts(out, "    ");
}

void cli_indent(struct buf *out, const struct json *v, unsigned depth)
{
	struct json_writer w;
	enum json_type t = json_type(v);
	struct json_iter it = json_iter(v);
	bool is_first = true;

	jw_init(&w, out);
	if ((t != JSON_ARR && t != JSON_OBJ) || json_len(v) == 0 || depth > JSON_MAX_DEPTH) {
		jw_value(&w, v);
		return;
	}
	buf_putc(out, t == JSON_ARR ? '[' : '{');
	while (json_next(&it)) {
		if (!is_first)
			buf_putc(out, ',');
		is_first = false;
		indent(out, depth + 1);
		if (t == JSON_OBJ) {
			jw_init(&w, out);
			jw_strn(&w, it.key, it.key_len);
			buf_puts(out, ": ");
		}
		cli_indent(out, it.value, depth + 1);
	}
	indent(out, depth);
	buf_putc(out, t == JSON_ARR ? ']' : '}');
}
