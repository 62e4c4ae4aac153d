/* lib/codec/json.h - JSON in and out. The only includer of the JSON library.
 *
 * Reading: strict RFC 8259 with bounds on size, depth and duplicate keys kept; values are borrowed from their document.
 * Every accessor takes NULL and wrong types and answers "absent", so a chain of json_get() needs no checks.
 * Writing: into a struct buf, in order, no tree.
 */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct json_doc; /* opaque, owned */
struct json;	 /* a value inside a document, borrowed */

enum json_type { JSON_NULL = 1, JSON_BOOL, JSON_NUM, JSON_STR, JSON_ARR, JSON_OBJ };

#define JSON_MAX_DEPTH 64

/*
 * Parse len bytes.
 *
 * Returns  0, *ret to be freed with json_free()
 * Errors   -E_SPEC with the byte offset   -ENOMEM   -E_LIMIT deeper than JSON_MAX_DEPTH
 */
int json_parse(const char *p, size_t len, struct json_doc **ret, struct err *e);
void json_free(struct json_doc *d);
const struct json *json_root(const struct json_doc *d);

/* NULL-safe: absent values have type JSON_NULL; use json_is_null() only on what exists. */
enum json_type json_type(const struct json *v);
const struct json *json_get(const struct json *obj, const char *key);
const struct json *json_iget(const struct json *obj, const char *key); /* key matched without regard to ASCII case */

const char *json_str(const struct json *v);			       /* NULL unless a string */
size_t json_str_len(const struct json *v);			       /* may hold NULs: compare with strlen() */
const char *json_str_or(const struct json *v, const char *fallback);
bool json_bool(const struct json *v, bool fallback);
int64_t json_int(const struct json *v, int64_t fallback);	       /* integers only; out of range = fallback */
bool json_is_int(const struct json *v, int64_t min, int64_t max, int64_t *ret); /* true when in range */
bool json_is_uint(const struct json *v, uint64_t max, uint64_t *ret);
size_t json_len(const struct json *v);				       /* elements of an array, pairs of an object; else 0 */

/* Iterate over an array or object (nothing for others and NULL):
 *   struct json_iter it = json_iter(v);
 *   while (json_next(&it)) use(it.key, it.value);       key is "" in arrays, never NULL */
struct json_iter {
	const char *key;
	size_t key_len;
	const struct json *value;
	/* private */
	const void *at;
	size_t left;
	bool is_obj;
};
struct json_iter json_iter(const struct json *v);
bool json_next(struct json_iter *it);

/* Writing. Commas and nesting are kept by the writer; text is escaped as Go's encoder does without HTML escaping. */
struct json_writer {
	struct buf *out; /* borrowed; its sticky error is the writer's */
	unsigned depth;
	bool first[JSON_MAX_DEPTH];
	bool after_key;
};

void jw_init(struct json_writer *w, struct buf *out);
void jw_obj(struct json_writer *w);
void jw_end_obj(struct json_writer *w);
void jw_arr(struct json_writer *w);
void jw_end_arr(struct json_writer *w);
void jw_key(struct json_writer *w, const char *key);
void jw_str(struct json_writer *w, const char *s); /* NULL writes null */
void jw_strn(struct json_writer *w, const char *s, size_t n);
void jw_int(struct json_writer *w, int64_t v);
void jw_uint(struct json_writer *w, uint64_t v);
void jw_bool(struct json_writer *w, bool v);
void jw_null(struct json_writer *w);
void jw_raw(struct json_writer *w, const char *json, size_t n); /* a complete value, unchecked */
void jw_value(struct json_writer *w, const struct json *v);	 /* copy a parsed value; numbers keep their text */

/* key and value in one call */
void jw_kstr(struct json_writer *w, const char *key, const char *s);
void jw_kint(struct json_writer *w, const char *key, int64_t v);
void jw_kuint(struct json_writer *w, const char *key, uint64_t v);
void jw_kbool(struct json_writer *w, const char *key, bool v);

#endif
