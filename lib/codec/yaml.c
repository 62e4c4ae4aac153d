// SPDX-License-Identifier: Apache-2.0
/* The library's events to a tree, on a stack of our own: nothing recurses over what the text says. */
#include "lib/codec/yaml.h"

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/codec/yaml_scalar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define MEMORY_MAX  ((size_t)48 << 20)
#define ANCHORS_MAX 1024

/* One entry of a collection that is not closed yet. */
struct entry {
	struct entry *next;
	struct yaml_pair pair; /* of a list: the value only */
	bool is_merge;	       /* its key is "<<" */
};

struct frame {
	struct yaml_node *node;
	struct entry *first, **last;
	size_t count;
	struct entry *pending; /* map: has a key and waits for its value */
};

struct anchor {
	struct anchor *next;
	const char *name;
	const struct yaml_node *node;
	bool is_open; /* its node is not complete: an alias to it would be a cycle */
};

struct yaml_doc {
	struct arena memory;
	const struct yaml_node *root;
};

struct builder {
	struct yaml_doc *doc;
	struct err *e;
	struct frame stack[YAML_DEPTH_MAX];
	unsigned depth;
	struct anchor *anchors; /* the newest first: it hides older ones of its name */
	unsigned anchor_count;
	size_t nodes; /* made, and those that aliases stand for */
	unsigned line;
	bool is_document_over;
};

static int bad(struct builder *b, unsigned line, const char *why)
{
	return err_say(b->e, E_SPEC, "line %u: %s", line, why);
}

static int no_memory(struct builder *b)
{
	return err_set(b->e, ENOMEM, "line %u", b->line);
}

static int count_nodes(struct builder *b, size_t n)
{
	if (n > YAML_NODES_MAX - b->nodes)
		return err_say(b->e, E_LIMIT, "line %u: more than %d values, aliases written out", b->line, YAML_NODES_MAX);
	b->nodes += n;
	return 0;
}

/* ---- anchors ---- */

static int add_anchor(struct builder *b, const unsigned char *name, const struct yaml_node *n)
{
	if (name == NULL)
		return 0;
	if (b->anchor_count++ >= ANCHORS_MAX)
		return err_say(b->e, E_LIMIT, "line %u: more than %d anchors", b->line, ANCHORS_MAX);
	struct anchor *a = arena_alloc(&b->doc->memory, sizeof(*a));
	const char *copy = arena_copy(&b->doc->memory, (const char *)name, strlen((const char *)name));
	if (a == NULL || copy == NULL)
		return no_memory(b);
	*a = (struct anchor){.next = b->anchors, .name = copy, .node = n,
			     .is_open = n->type == YAML_LIST || n->type == YAML_MAP};
	b->anchors = a;
	return 0;
}

static void close_anchor(struct builder *b, const struct yaml_node *n)
{
	for (struct anchor *a = b->anchors; a != NULL; a = a->next)
		if (a->node == n)
			a->is_open = false;
}

static int find_alias(struct builder *b, const char *name, const struct yaml_node **ret)
{
	for (const struct anchor *a = b->anchors; a != NULL; a = a->next) {
		if (strcmp(a->name, name) != 0)
			continue;
		if (a->is_open)
			return err_say(b->e, E_SPEC, "line %u: '*%.40s' is inside of what it stands for", b->line, name);
		*ret = a->node;
		return count_nodes(b, a->node->weight);
	}
	return err_say(b->e, E_SPEC, "line %u: '*%.40s' has no anchor before it", b->line, name);
}

/* ---- collections ---- */

static int add_entry(struct builder *b, struct frame *f, struct entry **ret)
{
	struct entry *n = arena_alloc(&b->doc->memory, sizeof(*n));

	if (n == NULL)
		return no_memory(b);
	*f->last = n;
	f->last = &n->next;
	f->count++;
	*ret = n;
	return 0;
}

static int take_key(struct builder *b, struct frame *f, const struct yaml_node *key, bool is_plain)
{
	int r = add_entry(b, f, &f->pending);

	if (r < 0)
		return r;
	f->pending->pair = (struct yaml_pair){.key = key->text, .key_len = key->len, .line = key->line};
	f->pending->is_merge = is_plain && strcmp(key->text, "<<") == 0;
	return 0;
}

/* A complete value goes where the innermost open collection, or the document, wants it. */
static int take_value(struct builder *b, const struct yaml_node *n)
{
	struct entry *slot = NULL;

	if (b->depth == 0) {
		b->doc->root = n;
		return 0;
	}
	struct frame *f = &b->stack[b->depth - 1];
	if (f->node->type == YAML_LIST) {
		int r = add_entry(b, f, &slot);
		if (r == 0)
			slot->pair.value = n;
		return r;
	}
	if (f->pending == NULL)
		return bad(b, n->line, "a key must be a scalar");
	f->pending->pair.value = n;
	f->pending = NULL;
	return 0;
}

static int open_collection(struct builder *b, enum yaml_type type, const unsigned char *anchor, const unsigned char *tag)
{
	const char *own = type == YAML_LIST ? "tag:yaml.org,2002:seq" : "tag:yaml.org,2002:map";

	if (tag != NULL && strcmp((const char *)tag, "!") != 0 && strcmp((const char *)tag, own) != 0)
		return err_say(b->e, E_SPEC, "line %u: tag '%.60s' is not of the core schema", b->line, tag);
	if (b->depth == YAML_DEPTH_MAX)
		return err_say(b->e, E_LIMIT, "line %u: nested deeper than %d", b->line, YAML_DEPTH_MAX);
	if (b->depth > 0 && b->stack[b->depth - 1].node->type == YAML_MAP && b->stack[b->depth - 1].pending == NULL)
		return bad(b, b->line, "a key must be a scalar");
	struct yaml_node *n = arena_alloc(&b->doc->memory, sizeof(*n));
	if (n == NULL)
		return no_memory(b);
	*n = (struct yaml_node){.type = type, .line = b->line, .text = ""};
	int r = count_nodes(b, 1);
	if (r == 0)
		r = add_anchor(b, anchor, n);
	if (r < 0)
		return r;
	struct frame *f = &b->stack[b->depth++];
	*f = (struct frame){.node = n};
	f->last = &f->first;
	return 0;
}

/* What the finished collection weighs, and how deep it is with what its aliases stand for. */
static int weigh(struct builder *b, struct yaml_node *n)
{
	n->weight = 1;
	for (size_t i = 0; i < n->count; i++) {
		const struct yaml_node *child = n->type == YAML_LIST ? n->items[i] : n->pairs[i].value;
		n->weight += child->weight + (n->type == YAML_MAP);
		if (child->depth >= n->depth)
			n->depth = child->depth + 1;
	}
	if (n->depth == 0)
		n->depth = 1;
	if (n->depth > YAML_DEPTH_MAX)
		return err_say(b->e, E_LIMIT, "line %u: nested deeper than %d, aliases written out", n->line, YAML_DEPTH_MAX);
	return 0;
}

static int close_list(struct builder *b, struct frame *f)
{
	const struct yaml_node **items = arena_array(&b->doc->memory, f->count, sizeof(*items));
	size_t i = 0;

	if (items == NULL)
		return no_memory(b);
	for (const struct entry *n = f->first; n != NULL; n = n->next)
		items[i++] = n->pair.value;
	f->node->items = (struct yaml_node *const *)items;
	f->node->count = f->count;
	return 0;
}

/* A pair on its way into a map, with where it came from. */
struct candidate {
	struct yaml_pair pair;
	size_t order;
	bool is_merged, is_dropped;
};

static int by_key(const void *a, const void *b)
{
	const struct candidate *x = *(struct candidate *const *)a, *y = *(struct candidate *const *)b;
	int r = strcmp(x->pair.key, y->pair.key);

	return r != 0 ? r : x->order < y->order ? -1 : 1;
}

static int merge_one(struct builder *b, unsigned line, const struct yaml_node *from, struct candidate *c, size_t *n)
{
	if (from->type != YAML_MAP)
		return bad(b, line, "'<<' must be a map or a list of maps");
	for (size_t i = 0; i < from->count; i++) {
		c[*n] = (struct candidate){.pair = from->pairs[i], .order = *n, .is_merged = true};
		(*n)++;
	}
	return 0;
}

static size_t merged_count(const struct yaml_node *v)
{
	size_t n = v->type == YAML_MAP ? v->count : 0;

	for (size_t i = 0; v->type == YAML_LIST && i < v->count; i++)
		n += v->items[i]->type == YAML_MAP ? v->items[i]->count : 0;
	return n;
}

/* The pairs as written, then the merged ones: what was there first stays. */
static int gather(struct builder *b, const struct frame *f, struct candidate *c, size_t *ret)
{
	size_t n = 0;
	int r = 0;

	for (const struct entry *x = f->first; x != NULL; x = x->next)
		if (!x->is_merge) {
			c[n] = (struct candidate){.pair = x->pair, .order = n};
			n++;
		}
	for (const struct entry *x = f->first; r == 0 && x != NULL; x = x->next) {
		const struct yaml_node *v = x->pair.value;
		if (x->is_merge && v->type == YAML_LIST)
			for (size_t i = 0; r == 0 && i < v->count; i++)
				r = merge_one(b, x->pair.line, v->items[i], c, &n);
		else if (x->is_merge)
			r = merge_one(b, x->pair.line, v, c, &n);
	}
	*ret = n;
	return r;
}

static int close_map(struct builder *b, struct frame *f)
{
	size_t max = 0, n, kept = 0;

	for (const struct entry *x = f->first; x != NULL; x = x->next)
		max += x->is_merge ? merged_count(x->pair.value) : 1;
	struct candidate *c = arena_array(&b->doc->memory, max, sizeof(*c));
	struct candidate **sorted = arena_array(&b->doc->memory, max, sizeof(struct candidate *));
	if (c == NULL || sorted == NULL)
		return no_memory(b);
	int r = gather(b, f, c, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &c[i];
	qsort(sorted, n, sizeof(struct candidate *), by_key);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(sorted[i - 1]->pair.key, sorted[i]->pair.key) != 0)
			continue;
		if (!sorted[i]->is_merged)
			return err_say(b->e, E_SPEC, "line %u: key '%.60s' is there already, in line %u", sorted[i]->pair.line,
				       sorted[i]->pair.key, sorted[i - 1]->pair.line);
		sorted[i]->is_dropped = true;
	}
	struct yaml_pair *pairs = arena_array(&b->doc->memory, n, sizeof(*pairs));
	if (pairs == NULL)
		return no_memory(b);
	for (size_t i = 0; i < n; i++)
		if (!c[i].is_dropped)
			pairs[kept++] = c[i].pair;
	f->node->pairs = pairs;
	f->node->count = kept;
	return 0;
}

static int close_collection(struct builder *b)
{
	struct frame *f = &b->stack[b->depth - 1];

	int r = f->node->type == YAML_LIST ? close_list(b, f) : close_map(b, f);
	if (r == 0)
		r = weigh(b, f->node);
	if (r < 0)
		return r;
	close_anchor(b, f->node);
	b->depth--;
	return take_value(b, f->node);
}

/* ---- scalars and aliases ---- */

static int take_scalar(struct builder *b, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value, *tag = (const char *)ev->data.scalar.tag;
	bool is_plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	size_t len = ev->data.scalar.length;

	if (memchr(text, '\0', len) != NULL)
		return bad(b, b->line, "a string must not have a NUL character");
	struct yaml_node *n = arena_alloc(&b->doc->memory, sizeof(*n));
	const char *copy = arena_copy(&b->doc->memory, text, len);
	if (n == NULL || copy == NULL)
		return no_memory(b);
	*n = (struct yaml_node){.line = b->line, .text = copy, .len = len, .weight = 1};
	const char *why = yaml_scalar_type(n, tag, is_plain && ev->data.scalar.plain_implicit);
	if (why != NULL)
		return err_say(b->e, E_SPEC, "line %u: '%.60s' %s", b->line, copy, why);
	int r = count_nodes(b, 1);
	if (r == 0)
		r = add_anchor(b, ev->data.scalar.anchor, n);
	if (r < 0)
		return r;
	struct frame *f = b->depth > 0 ? &b->stack[b->depth - 1] : NULL;
	if (f != NULL && f->node->type == YAML_MAP && f->pending == NULL)
		return take_key(b, f, n, is_plain && tag == NULL);
	return take_value(b, n);
}

static int take_alias(struct builder *b, const char *name)
{
	const struct yaml_node *n = NULL;

	int r = find_alias(b, name, &n);
	if (r < 0)
		return r;
	struct frame *f = b->depth > 0 ? &b->stack[b->depth - 1] : NULL;
	if (f != NULL && f->node->type == YAML_MAP && f->pending == NULL) {
		if (n->type == YAML_LIST || n->type == YAML_MAP)
			return bad(b, b->line, "a key must be a scalar");
		return take_key(b, f, n, /* is_plain */ false);
	}
	return take_value(b, n);
}

static int take_event(struct builder *b, const yaml_event_t *ev)
{
	b->line = (unsigned)ev->start_mark.line + 1;
	switch (ev->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT: return 0;
	case YAML_DOCUMENT_START_EVENT:
		return b->is_document_over ? bad(b, b->line, "there is a second document") : 0;
	case YAML_DOCUMENT_END_EVENT: b->is_document_over = true; return 0;
	case YAML_ALIAS_EVENT: return take_alias(b, (const char *)ev->data.alias.anchor);
	case YAML_SCALAR_EVENT: return take_scalar(b, ev);
	case YAML_SEQUENCE_START_EVENT:
		return open_collection(b, YAML_LIST, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return open_collection(b, YAML_MAP, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: return close_collection(b);
	}
	return 0;
}

static int tell_problem(struct builder *b, const yaml_parser_t *p)
{
	if (p->error == YAML_MEMORY_ERROR)
		return no_memory(b);
	if (p->error == YAML_READER_ERROR)
		return err_say(b->e, E_SPEC, "byte %zu: %s", p->problem_offset, p->problem);
	return err_say(b->e, E_SPEC, "line %zu: %s%s%s", p->problem_mark.line + 1, p->problem, p->context != NULL ? ", " : "",
		       p->context != NULL ? p->context : "");
}

static int build(struct builder *b, yaml_parser_t *p)
{
	yaml_event_t ev;
	int r = 0;

	for (bool is_end = false; r == 0 && !is_end;) {
		if (!yaml_parser_parse(p, &ev))
			return tell_problem(b, p);
		is_end = ev.type == YAML_STREAM_END_EVENT;
		r = take_event(b, &ev);
		yaml_event_delete(&ev);
	}
	return r;
}

int yaml_parse(const char *text, size_t len, struct yaml_doc **ret, struct err *e)
{
	static const struct yaml_node nothing = {.type = YAML_NULL, .line = 1, .text = "", .weight = 1};
	yaml_parser_t parser;

	if (len > YAML_TEXT_MAX)
		return err_say(e, E_LIMIT, "%zu bytes of text are more than %zu", len, YAML_TEXT_MAX);
	struct yaml_doc *doc = calloc(1, sizeof(*doc));
	struct builder *b = calloc(1, sizeof(*b));
	int r = doc == NULL || b == NULL || !yaml_parser_initialize(&parser) ? -ENOMEM : 0;
	if (r < 0) {
		(void)err_set(e, ENOMEM, "parse yaml");
	} else {
		doc->memory.max = MEMORY_MAX;
		doc->root = &nothing;
		b->doc = doc;
		b->e = e;
		yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
		r = build(b, &parser);
		yaml_parser_delete(&parser);
	}
	free(b);
	if (r == 0)
		*ret = doc;
	else
		yaml_doc_free(doc);
	return r;
}

void yaml_doc_free(struct yaml_doc *doc)
{
	if (doc == NULL)
		return;
	arena_release(&doc->memory);
	free(doc);
}

const struct yaml_node *yaml_root(const struct yaml_doc *doc)
{
	return doc->root;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (map == NULL || map->type != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->pairs[i].key, key) == 0)
			return map->pairs[i].value;
	return NULL;
}
