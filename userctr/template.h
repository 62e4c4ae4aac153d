/* userctr/template.h - the templates of --format: Go's text/template over JSON values, as far as a client's users need it.
 *
 * Fields, variables, pipes, if/else/range/with/end, break/continue, trimming, comments, and the functions and or not eq
 * ne lt le gt ge len index slice print printf println json split join title lower upper pad truncate urlquery.
 * Not there: define/template/block, methods, complex numbers.
 */
#ifndef USERCTR_TEMPLATE_H
#define USERCTR_TEMPLATE_H

#include <stddef.h>

struct arena;
struct buf;
struct err;
struct json;
struct tmpl; /* in the arena it was parsed into */

#define TMPL_TEXT_MAX 65536
#define TMPL_DEPTH    32

enum tmpl_flag {
	TMPL_HEAD = 1,	 /* the heads of a table: functions leave text as it is */
	TMPL_SAFE = 2,	 /* control characters of values are spelt out */
	TMPL_STRICT = 4, /* the message for a missing field is a table's, not an object's */
};

/*
 * Parse n bytes.
 *
 * Errors  -E_SPEC "template: :1: unclosed action"   -E_LIMIT   -ENOMEM
 */
int tmpl_parse(struct arena *mem, const char *text, size_t n, struct tmpl **ret, struct err *e);

/*
 * Run over a value, appending to out.
 *
 * Errors  -E_SPEC "template: :1:2: executing "" at <.Foo>: ..."   -E_LIMIT out is full, or too deep   -ENOMEM
 */
int tmpl_run(const struct tmpl *t, const struct json *root, unsigned flags, struct buf *out, struct err *e);

#endif
