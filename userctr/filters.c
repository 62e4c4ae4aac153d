// SPDX-License-Identifier: Apache-2.0
/* Filters of lists and prunes. */
#include "userctr/filters.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/regex.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static bool is_known(const char *known, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = known; p != NULL && n > 0 && (p = strstr(p, key)) != NULL; p += n)
		if ((p == known || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return known == NULL;
}

static int add(struct filters *f, const char *key, const char *value, struct err *e)
{
	if (f->n == FILTERS_MAX)
		return err_say(e, E_LIMIT, "more than %d filters", FILTERS_MAX);
	f->v[f->n++] = (struct filter){key, value};
	return 0;
}

static int read_key(struct filters *f, const char *key, const struct json *values, struct err *e)
{
	struct json_iter it = json_iter(values);
	bool is_obj = json_type(values) == JSON_OBJ;

	if (!is_obj && json_type(values) != JSON_ARR)
		return err_say(e, EINVAL, "invalid filter");
	while (json_next(&it)) {
		const char *value = is_obj ? it.key : json_str(it.value);
		if (value == NULL || (is_obj && json_type(it.value) != JSON_BOOL))
			return err_say(e, EINVAL, "invalid filter");
		int r = add(f, key, value, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int filters_parse(const char *text, const char *known, struct filters *ret, struct err *e)
{
	struct filters f = {0};
	int r = 0;

	*ret = f;
	if (text == NULL || *text == '\0')
		return 0;
	f.v = calloc(FILTERS_MAX, sizeof(*f.v));
	if (f.v == NULL)
		return err_set(e, ENOMEM, "filters");
	if (json_parse(text, strlen(text), &f.doc, NULL) < 0 || json_type(json_root(f.doc)) != JSON_OBJ)
		r = err_say(e, EINVAL, "invalid filter");
	struct json_iter it = json_iter(r == 0 ? json_root(f.doc) : NULL);
	while (r == 0 && json_next(&it))
		r = is_known(known, it.key) ? read_key(&f, it.key, it.value, e) :
					      err_say(e, EINVAL, "invalid filter '%.100s'", it.key);
	if (r < 0) {
		filters_release(&f);
		return r;
	}
	*ret = f;
	return 0;
}

void filters_release(struct filters *f)
{
	json_free(f->doc);
	free(f->v);
	*f = (struct filters){0};
}

const char *filters_first(const struct filters *f, const char *key)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].key, key) == 0)
			return f->v[i].value;
	return NULL;
}

bool filters_has(const struct filters *f, const char *key)
{
	return filters_first(f, key) != NULL;
}

/* ---- matching ---- */

typedef bool test_fn(const char *value, const char *text);

static bool any(const struct filters *f, const char *key, const char *text, test_fn *test)
{
	bool is_there = false;

	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->v[i].key, key) != 0)
			continue;
		is_there = true;
		if (test(f->v[i].value, text))
			return true;
	}
	return !is_there;
}

static bool test_equal(const char *value, const char *text)
{
	return strcmp(value, text) == 0;
}

static bool test_prefix(const char *value, const char *text)
{
	return strncmp(value, text, strlen(value)) == 0;
}

static bool test_regex(const char *value, const char *text)
{
	return strstr(text, value) != NULL || regex_match(value, text) > 0;
}

bool filters_match(const struct filters *f, const char *key, const char *text)
{
	return any(f, key, text, test_equal);
}

bool filters_match_prefix(const struct filters *f, const char *key, const char *text)
{
	return any(f, key, text, test_prefix);
}

bool filters_match_regex(const struct filters *f, const char *key, const char *text)
{
	return any(f, key, text, test_regex);
}

/* "k" or "k=v" among the labels. */
static bool has_label(const char *want, const struct json *labels)
{
	size_t n = strcspn(want, "=");
	struct json_iter it = json_iter(labels);

	while (json_next(&it))
		if (it.key_len == n && memcmp(it.key, want, n) == 0)
			return want[n] == '\0' || strcmp(json_str_or(it.value, ""), want + n + 1) == 0;
	return false;
}

bool filters_match_labels(const struct filters *f, const char *key, const struct json *labels)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].key, key) == 0 && !has_label(f->v[i].value, labels))
			return false;
	return true;
}

bool filters_miss_labels(const struct filters *f, const char *key, const struct json *labels)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].key, key) == 0 && has_label(f->v[i].value, labels))
			return false;
	return true;
}

/* ---- values with a form ---- */

static bool is_word(const char *s, const char *words)
{
	for (const char *p = words; *p != '\0'; p += strlen(p) + 1)
		if (strcasecmp(s, p) == 0)
			return true;
	return false;
}

int filters_bool(const struct filters *f, const char *key, int fallback, struct err *e)
{
	const char *v = filters_first(f, key);

	if (v == NULL)
		return fallback;
	if (is_word(v, "1\0t\0true\0"))
		return 1;
	if (is_word(v, "0\0f\0false\0"))
		return 0;
	return err_say(e, EINVAL, "invalid filter '%s=[%.100s]'", key, v);
}

/* "1h30m", "10s", "1.5h": Go's time.ParseDuration without sign. Returns nanoseconds or -1. */
static int64_t duration(const char *s)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
	double sum = 0;

	if (*s == '\0')
		return -1;
	while (*s != '\0') {
		char *end;
		if (strchr("0123456789.", *s) == NULL)
			return -1;
		double n = strtod(s, &end);
		size_t len = strcspn(end, "0123456789."), i = 0;
		while (i < countof(units) && (strlen(units[i].name) != len || strncmp(end, units[i].name, len) != 0))
			i++;
		if (end == s || i == countof(units))
			return -1;
		sum += n * units[i].ns;
		s = end + len;
	}
	return sum < 9e18 ? (int64_t)sum : -1;
}

/* Unix seconds with an optional fraction, or RFC 3339 (also a date alone), UTC unless it says otherwise. */
static bool instant(const char *s, int64_t *ret_ns)
{
	char *end;
	struct tm tm = {0};
	double fraction = 0;

	if (s[strspn(s, "0123456789.")] == '\0' && *s != '\0') {
		long long sec = strtoll(s, &end, 10);
		if (*end == '.')
			fraction = strtod(end, &end);
		if (*end != '\0' || sec > 9000000000)
			return false;
		*ret_ns = (int64_t)sec * 1000000000 + (int64_t)(fraction * 1e9);
		return true;
	}
	const char *p = strptime(s, "%Y-%m-%d", &tm);
	if (p != NULL && *p == 'T')
		p = strptime(p + 1, "%H:%M:%S", &tm);
	if (p == NULL)
		return false;
	if (*p == '.') {
		size_t n = strspn(p + 1, "0123456789");
		fraction = n > 0 ? strtod(p, NULL) : 0; /* ends at the zone, which has no exponent */
		p += 1 + n;
	}
	int64_t shift = 0;
	unsigned h, m;
	if ((*p == '+' || *p == '-') && strlen(p) == 6 && sscanf(p + 1, "%2u:%2u", &h, &m) == 2) {
		shift = (*p == '-' ? 1 : -1) * (int64_t)(h * 3600 + m * 60);
		p += 6;
	} else if (*p == 'Z') {
		p++;
	}
	int64_t sec = (int64_t)timegm(&tm) + shift;
	/* what nanoseconds can say: the years 1684 to 2255 */
	if (*p != '\0' || sec < -9000000000 || sec > 9000000000)
		return false;
	*ret_ns = sec * 1000000000 + (int64_t)(fraction * 1e9);
	return true;
}

int filters_until(const struct filters *f, int64_t now_ns, int64_t *ret_ns, struct err *e)
{
	const char *v = filters_first(f, "until");

	if (v == NULL)
		return 0;
	int64_t ago = duration(v);
	if (instant(v, ret_ns))
		return 1;
	if (ago < 0)
		return err_say(e, EINVAL, "invalid filter 'until=[%.100s]'", v);
	*ret_ns = now_ns - ago;
	return 1;
}
