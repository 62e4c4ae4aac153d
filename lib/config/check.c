// SPDX-License-Identifier: Apache-2.0
/* One file's tree against the table: what cannot be used is told of and cut out. */
#include "lib/base/owned.h"
#include "lib/codec/cmdline.h"
#include "lib/codec/keys.h"
#include "lib/config/schema.h"
#include "lib/config/tree.h"

#include <stdio.h>
#include <string.h>

#define SENTENCE_MAX 512
#define FOUND_MAX    60

struct check {
	const char *words[CFG_DEPTH_MAX + 1];
	size_t depth;
	unsigned bad;
	schema_say_fn *say;
	void *ctx;
};

static void path_text(const struct check *c, char out[CFG_PATH_MAX])
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < c->depth && used + 1 < CFG_PATH_MAX; i++) {
		int n = snprintf(out + used, CFG_PATH_MAX - used, "%s%s", i > 0 && c->words[i][0] != '[' ? "." : "", c->words[i]);
		used += (size_t)n;
	}
}

static void say(struct check *c, const struct cfg *n, const char *what)
{
	char text[SENTENCE_MAX], path[CFG_PATH_MAX];

	c->bad++;
	path_text(c, path);
	(void)snprintf(text, sizeof(text), "%.120s:%u: key '%s': %s", n->file, n->line, path, what); /* cut is fine */
	c->say(c->ctx, text);
}

static unsigned type_bits(const struct cfg *n, const struct schema *s)
{
	switch (n->type) {
	case YAML_NULL: return SCHEMA_NULL;
	case YAML_BOOL: return SCHEMA_BOOL | SCHEMA_TEXT;
	case YAML_INT: return SCHEMA_NUMBER | SCHEMA_TEXT;
	case YAML_FLOAT: return SCHEMA_TEXT;
	case YAML_STR: {
		struct cmdline_arg a = {.value = n->text, .value_len = n->len, .has_value = true};
		/* "yes" is a truth value on the command line, and was one in YAML 1.1 */
		return SCHEMA_TEXT | ((s->types & SCHEMA_BOOL) != 0 && cmdline_parse_flag(&a) >= 0 ? SCHEMA_BOOL : 0);
	}
	case YAML_LIST: return SCHEMA_LIST;
	case YAML_MAP: return SCHEMA_MAP;
	}
	return 0;
}

static void found_text(const struct cfg *n, char out[FOUND_MAX + 32], bool is_secret)
{
	if (n->type == YAML_LIST || n->type == YAML_MAP || n->type == YAML_NULL || is_secret)
		(void)snprintf(out, FOUND_MAX + 32, "%s", yaml_type_name(n->type));
	else
		(void)snprintf(out, FOUND_MAX + 32, "'%.*s'%s", (int)strnlen(n->text, FOUND_MAX), n->text,
			       n->len > FOUND_MAX ? "..." : "");
}

static void wrong(struct check *c, const struct cfg *n, const struct schema *s, const char *expected)
{
	char what[SENTENCE_MAX], found[FOUND_MAX + 32];

	found_text(n, found, s->is_secret);
	(void)snprintf(what, sizeof(what), "expected %s, found %s", expected, found);
	say(c, n, what);
}

static bool is_word(const char *words, const char *text)
{
	for (const char *w = words; *w != '\0';) {
		size_t n = strcspn(w, " ");
		if (strlen(text) == n && memcmp(w, text, n) == 0)
			return true;
		w += n + strspn(w + n, " ");
	}
	return false;
}

/* Returns whether the value may stay. */
static bool check_scalar(struct check *c, const struct cfg *n, const struct schema *s)
{
	char expected[KEYS_WHY_MAX + 256];

	if (n->type == YAML_LIST || n->type == YAML_MAP || n->type == YAML_NULL)
		return true;
	if (s->key != NULL) {
		char why[KEYS_WHY_MAX];
		struct cmdline_arg a = {.value = n->text, .value_len = n->len, .has_value = true};
		const char *bad = keys_check(s->key, &a, why);
		if (bad != NULL)
			wrong(c, n, s, bad);
		return bad == NULL;
	}
	if (s->words != NULL && !is_word(s->words, n->text)) {
		(void)snprintf(expected, sizeof(expected), "one of: %s", s->words);
		wrong(c, n, s, expected);
		return false;
	}
	if (s->max > 0 && n->type == YAML_INT && (n->number < s->min || n->number > s->max)) {
		(void)snprintf(expected, sizeof(expected), "a number from %lld to %lld", (long long)s->min, (long long)s->max);
		wrong(c, n, s, expected);
		return false;
	}
	return true;
}

static bool check_node(struct check *c, struct cfg *n);

static void check_children(struct check *c, struct cfg *n)
{
	for (struct cfg *k = n->first, *next; k != NULL; k = next) {
		next = k->next;
		c->words[c->depth++] = k->key != NULL ? k->key : "[]";
		if (!check_node(c, k))
			cfg_remove(n, k);
		c->depth--;
	}
}

/* The entries of a list that a key of the command line may have: each is as the key's one value. */
static void check_entries(struct check *c, struct cfg *n, struct schema *s)
{
	char types[SCHEMA_TYPES_MAX];

	s->types &= ~(unsigned)SCHEMA_LIST;
	for (struct cfg *k = n->first, *next; k != NULL; k = next) {
		next = k->next;
		if ((type_bits(k, s) & s->types) == 0) {
			wrong(c, k, s, schema_types_text(s->types, types));
			cfg_remove(n, k);
		} else if (!check_scalar(c, k, s)) {
			cfg_remove(n, k);
		}
	}
}

static bool check_node(struct check *c, struct cfg *n)
{
	char near[64], what[SENTENCE_MAX], types[SCHEMA_TYPES_MAX];
	struct schema s;

	if (!schema_find(c->words, c->depth, &s)) {
		bool is_near = schema_nearest(c->words, c->depth, near, sizeof(near));
		(void)snprintf(what, sizeof(what), is_near ? "unknown; did you mean '%s'?" : "unknown", near);
		say(c, n, what);
		return true; /* it does no harm, and whoever wrote it may know a later version */
	}
	if (s.use == SCHEMA_LATER || s.use == SCHEMA_CMDLINE) {
		(void)snprintf(what, sizeof(what), s.use == SCHEMA_LATER ? "not supported by this version: %s" :
			       "counts on the kernel command line only: %s", s.help);
		say(c, n, what);
		return true;
	}
	if ((type_bits(n, &s) & s.types) == 0) {
		wrong(c, n, &s, schema_types_text(s.types, types));
		return false;
	}
	if (!check_scalar(c, n, &s))
		return false;
	if (n->type == YAML_LIST && s.key != NULL)
		check_entries(c, n, &s);
	else if (s.types != SCHEMA_ANY && c->depth < CFG_DEPTH_MAX)
		check_children(c, n);
	return true;
}

unsigned schema_check(struct cfg *root, schema_say_fn *say_fn, void *ctx)
{
	struct check c = {.say = say_fn, .ctx = ctx};

	check_children(&c, root);
	return c.bad;
}

static void hide(struct cfg *n, const char **words, size_t depth)
{
	for (struct cfg *k = n->first, *next; k != NULL && depth < CFG_DEPTH_MAX; k = next) {
		struct schema s;
		next = k->next;
		words[depth] = k->key != NULL ? k->key : "[]";
		bool is_known = schema_find(words, depth + 1, &s);
		/* what nobody knows may be one, when it is called so */
		bool is_secret = is_known ? s.is_secret : k->key != NULL && (strcasestr(k->key, "passw") != NULL ||
			strcasestr(k->key, "secret") != NULL || strcasestr(k->key, "private") != NULL || strcasestr(k->key, "token") != NULL);
		if (is_secret)
			cfg_remove(n, k);
		else
			hide(k, words, depth + 1);
	}
}

void schema_hide_secrets(struct cfg *root)
{
	const char *words[CFG_DEPTH_MAX + 1];

	hide(root, words, 0);
}
