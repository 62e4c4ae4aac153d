/* userctr/shape.h - JSON objects of the API that have a fixed set of fields: read whatever clients send, write docker's.
 *
 * Keys of what is read match without regard to case, unknown ones are dropped, null is absent; a value of another type is
 * refused with the field named. What is written has every field in the order of its table. Strings of it hold no NUL.
 */
#ifndef USERCTR_SHAPE_H
#define USERCTR_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct json;
struct json_writer;

enum shape {
	SHAPE_STR = 1,
	SHAPE_BOOL,
	SHAPE_INT,
	SHAPE_STRS,	/* list of strings */
	SHAPE_WORDS,	/* list of strings, or a string that is a list of one */
	SHAPE_STR_MAP,	/* strings by name */
	SHAPE_SET,	/* names, each with an empty object */
	SHAPE_OBJ,	/* of sub */
	SHAPE_LIST,	/* of objects of sub */
	SHAPE_LIST_MAP, /* by name, lists of objects of sub; null for an empty one */
	SHAPE_SIZE,	/* two numbers */
	SHAPE_WORD_LISTS, /* lists of lists of strings */
};

struct field {
	const char *key;
	enum shape shape;
	const char *absent;	 /* what is written instead of nothing, as JSON; NULL: the key is left out */
	bool omit_empty;	 /* left out when empty, 0 or false too; by shape_print() */
	const struct field *sub; /* ended by an empty row */
};

/* A value that shape_print() writes instead of the object's own. */
struct patch {
	const char *key;
	const char *json; /* a whole value; borrowed; "" leaves the key out */
};

/*
 * Check and normalize what a client sent.
 *
 *   in      the object, or NULL for an empty one
 *   where   for messages: "HostConfig"
 *
 * Errors  -EINVAL "invalid JSON: ..."
 */
int shape_read(struct json_writer *w, const struct field *fields, const struct json *in, const char *where, struct err *e);

/* Write a normalized object again, with patches; without what is omitted when empty. */
void shape_print(struct json_writer *w, const struct field *fields, const struct json *in, const struct patch *patches,
		 size_t n);

#endif
