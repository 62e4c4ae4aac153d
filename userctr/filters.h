/* userctr/filters.h - the `filters` parameter of lists and prunes: {"key":["v"]} and {"key":{"v":true}}. Pure.
 *
 * Different keys narrow, values of one key widen; labels narrow among themselves too.
 */
#ifndef USERCTR_FILTERS_H
#define USERCTR_FILTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct json;
struct json_doc;

#define FILTERS_MAX 256 /* values in all */

struct filter {
	const char *key, *value; /* borrowed from doc */
};

struct filters {
	struct json_doc *doc; /* owned */
	struct filter *v;     /* owned */
	size_t n;
};

/*
 * Parse.
 *
 *   text    of the query parameter; NULL and "" mean none
 *   known   the keys that are allowed here, blank separated; NULL = any
 *
 * Errors  -EINVAL "invalid filter" (no JSON of this form), "invalid filter 'bogus'"   -E_LIMIT   -ENOMEM
 */
int filters_parse(const char *text, const char *known, struct filters *ret, struct err *e);
void filters_release(struct filters *f);

bool filters_has(const struct filters *f, const char *key);
const char *filters_first(const struct filters *f, const char *key); /* NULL when the key is not there */

/* Does one of the key's values hold? True when the key is not there at all. */
bool filters_match(const struct filters *f, const char *key, const char *text);	       /* equal */
bool filters_match_prefix(const struct filters *f, const char *key, const char *text); /* a value is a prefix of text */
bool filters_match_regex(const struct filters *f, const char *key, const char *text);  /* found anywhere in text; a bad
											   expression is taken literally */

/* All values of `key` ("k" or "k=v") hold for the strings of labels (an object or NULL). */
bool filters_match_labels(const struct filters *f, const char *key, const struct json *labels);
/* None of them does: for "label!". True when the key is not there. */
bool filters_miss_labels(const struct filters *f, const char *key, const struct json *labels);

/*
 * A boolean filter such as dangling.
 *
 * Returns  1, 0, or fallback when it is absent
 * Errors   -EINVAL "invalid filter 'dangling=[x]'"
 */
int filters_bool(const struct filters *f, const char *key, int fallback, struct err *e);

/*
 * `until`: an instant as RFC 3339, unix seconds or a Go duration before now.
 *
 * Returns  1 with *ret_ns (CLOCK_REALTIME), 0 when it is absent
 * Errors   -EINVAL
 */
int filters_until(const struct filters *f, int64_t now_ns, int64_t *ret_ns, struct err *e);

#endif
