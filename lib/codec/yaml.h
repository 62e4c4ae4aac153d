/* lib/codec/yaml.h - YAML text to a tree. The only includer of the YAML library.
 *
 *   struct yaml_doc *doc;
 *   yaml_parse(text, len, &doc, &e);
 *   for (size_t i = 0; i < node->count; i++) use(node->pairs[i].key, node->pairs[i].value);
 *
 * One document of YAML 1.2 with the core schema's types, merge keys ("<<") applied, aliases resolved. An alias shares its
 * node, so the tree is a graph without cycles; what it would be when written out is bounded, so that walking it is.
 * Refused, with the line: several documents, keys that are no scalars, a key twice in a map, tags outside the core
 * schema, a NUL in a string, and what goes beyond the bounds below.
 */
#ifndef CODEC_YAML_H
#define CODEC_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct yaml_doc; /* opaque, owned */

#define YAML_TEXT_MAX  ((size_t)1 << 20) /* bytes */
#define YAML_NODES_MAX 65536		 /* with every alias written out */
#define YAML_DEPTH_MAX 32

enum yaml_type { YAML_NULL = 1, YAML_BOOL, YAML_INT, YAML_FLOAT, YAML_STR, YAML_LIST, YAML_MAP };

struct yaml_pair;

struct yaml_node {
	enum yaml_type type;
	unsigned line;	  /* counted from 1 */
	const char *text; /* scalars: as written, without quotes; "" for lists and maps. Never NULL, no NUL inside */
	size_t len;
	bool truth;	/* YAML_BOOL */
	int64_t number; /* YAML_INT: what does not fit is a YAML_FLOAT */
	size_t count;	/* entries of a list or map; 0 for scalars */
	struct yaml_node *const *items;	 /* YAML_LIST */
	const struct yaml_pair *pairs;	 /* YAML_MAP, in the order written, merged ones behind */
	unsigned depth;	 /* private: of what is below */
	size_t weight;	 /* private: nodes of this with aliases written out */
};

struct yaml_pair {
	const char *key; /* as written, without quotes; no NUL inside */
	size_t key_len;
	unsigned line;
	const struct yaml_node *value;
};

/*
 * Parse len bytes.
 *
 * Returns  0, *ret to be freed with yaml_doc_free(); nodes are borrowed from it
 * Errors   -E_SPEC "line N: reason"   -E_LIMIT beyond a bound   -ENOMEM
 */
int yaml_parse(const char *text, size_t len, struct yaml_doc **ret, struct err *e);
void yaml_doc_free(struct yaml_doc *doc);

/* Never NULL: an empty text is a YAML_NULL. */
const struct yaml_node *yaml_root(const struct yaml_doc *doc);

/* The value of a key; NULL when absent or when map is NULL or no map. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* "a map", "a string" ...: for messages. */
const char *yaml_type_name(enum yaml_type type);

#endif
