/* userctr/template_value.h - values while a template runs, and the functions over them. */
#ifndef USERCTR_TEMPLATE_VALUE_H
#define USERCTR_TEMPLATE_VALUE_H

#include "userctr/template_tree.h"

#include <stdio.h>

struct buf;
struct err;
struct json;

#define TMPL_ARGS  16
#define TMPL_STEPS 4000000

enum val_kind { VAL_NIL = 1, VAL_MISSING, VAL_JSON, VAL_STR, VAL_INT, VAL_BOOL, VAL_LIST };

struct val {
	enum val_kind kind;
	const struct json *json; /* VAL_JSON: an array, an object, or a number that is no integer */
	const char *text;	 /* VAL_STR; VAL_MISSING: the name */
	size_t len;		 /* of text, or items */
	int64_t num;		 /* VAL_INT, VAL_BOOL */
	struct val *items;	 /* VAL_LIST */
};

struct tmpl_run {
	const struct tmpl *t;
	unsigned flags;
	struct buf *out;
	struct err *e;
	struct {
		const char *name;
		struct val value;
	} var[TMPL_VARS];
	size_t vars;
	unsigned long steps;
};

/* The elements of a JSON value in Go's order: objects by key. key is NULL for arrays. In the arena. */
struct json_pairs {
	size_t n;
	struct {
		const char *s;
		size_t n;
	} *key;
	const struct json **value;
};

struct val val_json(const struct json *j);
bool val_is_true(const struct val *v);
int val_sorted(struct tmpl_run *x, const struct json *j, struct json_pairs *ret);

/* Append as Go's print does. */
int val_print(struct tmpl_run *x, const struct val *v, struct buf *out);

/* Call the function that `at` names. */
int tmpl_call(struct tmpl_run *x, const struct tmpl_arg *at, const struct val *args, size_t n, struct val *ret);

/* The error of a place: 'at <...>: what name behind'. Returns -E_SPEC. */
int tmpl_fail(struct tmpl_run *x, const struct tmpl_arg *at, const char *what, const char *name, const char *behind);

#endif
