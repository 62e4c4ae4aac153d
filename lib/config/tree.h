/* lib/config/tree.h - the configuration as one tree of values that know where they were written.
 *
 * Nodes live in an arena and are freed with it. "rancher:" at the top of a file is taken as "slipway:", so that both names
 * are one tree; in the names below them '-' and '_' are told apart, as YAML has them.
 */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/codec/yaml.h"

struct arena;
struct buf;
struct err;
struct json_writer;

#define CFG_ARENA_MAX ((size_t)16 << 20) /* of one merged tree */
#define CFG_PATH_MAX  256		 /* of "a.b.c", with the NUL */
#define CFG_DEPTH_MAX YAML_DEPTH_MAX

struct cfg {
	enum yaml_type type;
	const char *text; /* scalars as written, without quotes; never NULL */
	size_t len;
	bool truth; /* of a file's top: it says "rancher:" */
	int64_t number;
	const char *file; /* borrowed: as long as the arena */
	unsigned line;	  /* 0: nowhere */
	const char *key;  /* in a map; NULL in a list */
	struct cfg *first, *next; /* what is below a list or map, in order */
	size_t count;
};

/* An empty map. NULL: the arena is full. */
struct cfg *cfg_map(struct arena *a, const char *file);

/*
 * Take a parsed document over. One that is not a map (an empty one is) gives -E_SPEC.
 *
 *   file   for messages; copied
 *
 * Errors   -E_SPEC   -ENOMEM   -E_LIMIT
 */
int cfg_from_yaml(struct arena *a, const struct yaml_node *n, const char *file, struct cfg **ret, struct err *e);

/* Parse text and take it over; the same errors, and those of yaml_parse(), with the file's name before them. */
int cfg_parse(struct arena *a, const char *text, size_t len, const char *file, struct cfg **ret, struct err *e);

/* A single value, as on the command line or of `config set`. What is no YAML is the text itself. */
int cfg_value(struct arena *a, const char *text, size_t len, const char *file, struct cfg **ret, struct err *e);

/* Lay `over` onto `base`: maps are merged, everything else is replaced. Nodes of `over` are used up. */
void cfg_merge(struct cfg *base, struct cfg *over);

const struct cfg *cfg_get(const struct cfg *map, const char *key); /* NULL when absent, or no map */

/* By path, "slipway.network.dns.nameservers"; "rancher." is "slipway.". A key that contains dots is found too. */
const struct cfg *cfg_find(const struct cfg *root, const char *path);

/* Put a value at a path; maps on the way are made, other values on the way replaced. -E_SPEC: the path is none. */
int cfg_set(struct arena *a, struct cfg *root, const char *path, struct cfg *value, struct err *e);

/* Whether there was something. Maps that become empty stay. */
bool cfg_unset(struct cfg *root, const char *path);
void cfg_remove(struct cfg *parent, const struct cfg *child);

/* Append as YAML (a scalar as one line without quotes at the top level), or as JSON. */
void cfg_write_yaml(struct buf *out, const struct cfg *n);
void cfg_write_json(struct json_writer *w, const struct cfg *n);

#endif
