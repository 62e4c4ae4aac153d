// SPDX-License-Identifier: Apache-2.0
/* The tree: made from YAML, merged, searched and changed by path. Writing it is write.c's. */
#include "lib/config/tree.h"

#include "lib/base/arena.h"
#include "lib/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct cfg *node(struct arena *a, enum yaml_type type, const char *file)
{
	struct cfg *n = arena_alloc(a, sizeof(*n));

	if (n != NULL)
		*n = (struct cfg){.type = type, .text = "", .file = file};
	return n;
}

struct cfg *cfg_map(struct arena *a, const char *file)
{
	char *copy = arena_copy(a, file, strlen(file));

	return copy == NULL ? NULL : node(a, YAML_MAP, copy);
}

static struct cfg *convert(struct arena *a, const struct yaml_node *y, const char *file)
{
	struct cfg *n = node(a, y->type, file), **end = n == NULL ? NULL : &n->first;

	if (n == NULL || (n->text = arena_copy(a, y->text, y->len)) == NULL)
		return NULL;
	n->len = y->len;
	n->truth = y->truth;
	n->number = y->number;
	n->line = y->line;
	n->count = y->count;
	for (size_t i = 0; i < y->count; i++) {
		struct cfg *c = convert(a, y->type == YAML_MAP ? y->pairs[i].value : y->items[i], file);
		if (c == NULL)
			return NULL;
		if (y->type == YAML_MAP) {
			c->line = y->pairs[i].line;
			c->key = arena_copy(a, y->pairs[i].key, y->pairs[i].key_len);
			if (c->key == NULL)
				return NULL;
		}
		*end = c;
		end = &c->next;
	}
	return n;
}

/* "rancher:" is "slipway:"; when a file has both, the one written later counts for what both say. */
static void unite_names(struct cfg *root)
{
	struct cfg *seen = NULL;

	for (struct cfg **at = &root->first; *at != NULL;) {
		struct cfg *c = *at;
		if (strcmp(c->key, "rancher") == 0) {
			c->key = "slipway";
			root->truth = true;
		}
		if (strcmp(c->key, "slipway") != 0 || seen == NULL) {
			seen = strcmp(c->key, "slipway") == 0 ? c : seen;
			at = &c->next;
			continue;
		}
		*at = c->next;
		root->count--;
		if (seen->type == YAML_MAP && c->type == YAML_MAP)
			cfg_merge(seen, c);
	}
}

int cfg_from_yaml(struct arena *a, const struct yaml_node *y, const char *file, struct cfg **ret, struct err *e)
{
	if (y->type == YAML_NULL) {
		*ret = cfg_map(a, file);
		return *ret == NULL ? err_set(e, ENOMEM, "read '%s'", file) : 0;
	}
	if (y->type != YAML_MAP)
		return err_set(e, E_SPEC, "%s:%u: expected a map of keys, found %s", file, y->line, yaml_type_name(y->type));
	char *copy = arena_copy(a, file, strlen(file));
	struct cfg *n = copy == NULL ? NULL : convert(a, y, copy);
	if (n == NULL)
		return err_set(e, ENOMEM, "read '%s'", file);
	unite_names(n);
	*ret = n;
	return 0;
}

int cfg_parse(struct arena *a, const char *text, size_t len, const char *file, struct cfg **ret, struct err *e)
{
	struct yaml_doc *d = NULL;
	int r = yaml_parse(text, len, &d, e);

	if (r < 0)
		return err_wrap(e, r, "%s", file);
	r = cfg_from_yaml(a, yaml_root(d), file, ret, e);
	yaml_doc_free(d);
	return r;
}

int cfg_value(struct arena *a, const char *text, size_t len, const char *file, struct cfg **ret, struct err *e)
{
	struct yaml_doc *d = NULL;
	char *copy = arena_copy(a, file, strlen(file));
	struct cfg *n = NULL;

	if (copy != NULL && yaml_parse(text, len, &d, NULL) == 0) {
		n = convert(a, yaml_root(d), copy);
		yaml_doc_free(d);
	} else if (copy != NULL) {
		/* "a: b: c" is no YAML, but surely meant as it stands */
		n = node(a, YAML_STR, copy);
		if (n != NULL && (n->text = arena_copy(a, text, len)) != NULL)
			n->len = len;
		else
			n = NULL;
	}
	if (n == NULL)
		return err_set(e, ENOMEM, "read the value");
	*ret = n;
	return 0;
}

const struct cfg *cfg_get(const struct cfg *map, const char *key)
{
	if (map == NULL || map->type != YAML_MAP)
		return NULL;
	for (const struct cfg *c = map->first; c != NULL; c = c->next)
		if (strcmp(c->key, key) == 0)
			return c;
	return NULL;
}

static void put(struct cfg *map, struct cfg *child)
{
	struct cfg **at = &map->first;

	while (*at != NULL && strcmp((*at)->key, child->key) != 0)
		at = &(*at)->next;
	child->next = *at != NULL ? (*at)->next : NULL;
	map->count += *at == NULL;
	*at = child;
}

void cfg_merge(struct cfg *base, struct cfg *over)
{
	for (struct cfg *c = over->first, *next; c != NULL; c = next) {
		next = c->next;
		struct cfg *old = (struct cfg *)(uintptr_t)cfg_get(base, c->key);
		if (old != NULL && old->type == YAML_MAP && c->type == YAML_MAP)
			cfg_merge(old, c);
		else
			put(base, c);
	}
}

/* The child whose key is the longest beginning of path that ends at a '.' or at the end. */
static struct cfg *step(const struct cfg *map, const char *path, const char **rest, bool is_top)
{
	struct cfg *best = NULL;
	size_t most = 0;

	if (map->type != YAML_MAP)
		return NULL;
	for (struct cfg *c = map->first; c != NULL; c = c->next) {
		size_t n = strlen(c->key);
		if (is_top && strcmp(c->key, "slipway") == 0 && strncmp(path, "rancher", 7) == 0)
			n = 7;
		else if (strncmp(path, c->key, n) != 0)
			continue;
		if ((path[n] == '.' || path[n] == '\0') && n >= most && n > 0) {
			best = c;
			most = n;
		}
	}
	if (best != NULL)
		*rest = path[most] == '.' ? path + most + 1 : path + most;
	return best;
}

const struct cfg *cfg_find(const struct cfg *root, const char *path)
{
	const struct cfg *at = root;

	for (const char *p = path; at != NULL && *p != '\0';)
		at = step(at, p, &p, at == root);
	return at;
}

int cfg_set(struct arena *a, struct cfg *root, const char *path, struct cfg *value, struct err *e)
{
	struct cfg *at = root;
	unsigned depth = 0;

	if (strlen(path) >= CFG_PATH_MAX || path[0] == '\0' || strstr(path, "..") != NULL || path[0] == '.' ||
	    path[strlen(path) - 1] == '.')
		return err_say(e, E_SPEC, "'%s' is no key: expected words with dots between them", path);
	for (const char *p = path;;) {
		const char *rest = p;
		struct cfg *c = step(at, p, &rest, at == root);
		size_t n = strcspn(p, ".");
		if (++depth > CFG_DEPTH_MAX)
			return err_say(e, E_LIMIT, "'%s' has more than %d words", path, CFG_DEPTH_MAX);
		const char *key = c != NULL ? c->key : arena_copy(a, p, n);
		if (key == NULL)
			return err_set(e, ENOMEM, "set '%s'", path);
		if (c == NULL) {
			rest = p[n] == '.' ? p + n + 1 : p + n;
			if (at == root && strcmp(key, "rancher") == 0)
				key = "slipway";
		}
		if (*rest == '\0') {
			value->key = key;
			put(at, value);
			return 0;
		}
		if (c == NULL || c->type != YAML_MAP) {
			c = node(a, YAML_MAP, value->file);
			if (c == NULL)
				return err_set(e, ENOMEM, "set '%s'", path);
			c->key = key;
			put(at, c);
		}
		at = c;
		p = rest;
	}
}

void cfg_remove(struct cfg *parent, const struct cfg *child)
{
	for (struct cfg **at = &parent->first; *at != NULL; at = &(*at)->next)
		if (*at == child) {
			*at = child->next;
			parent->count--;
			return;
		}
}

bool cfg_unset(struct cfg *root, const char *path)
{
	struct cfg *parent = NULL, *at = root;

	for (const char *p = path; at != NULL && *p != '\0';) {
		parent = at;
		at = step(at, p, &p, at == root);
	}
	if (at == NULL || parent == NULL)
		return false;
	cfg_remove(parent, at);
	return true;
}
