/* lib/config/layers.h - the files of the configuration and their precedence. Later counts:
 *
 *   built-in   /usr/share/slipway/oem-config.yml   /var/lib/slipway/cloud-config.d/NAME, by name
 *   /var/lib/slipway/cloud-config.yml   the datasource   the kernel command line
 */
#ifndef CONFIG_LAYERS_H
#define CONFIG_LAYERS_H

#include "lib/base/buf.h"
#include "lib/codec/yaml.h"
#include "lib/config/schema.h"

struct arena;
struct cfg;
struct err;

#define LAYERS_MAX 64
#define LAYER_BYTES_MAX YAML_TEXT_MAX
#define LAYERS_USER_FILE "/var/lib/slipway/cloud-config.yml"
#define LAYERS_DATASOURCE_FILE "/var/lib/slipway/cloud-init/datasource.yml"

enum layer_kind {
	LAYER_FILE = 1, /* YAML */
	LAYER_CMDLINE = 2,
};

struct layer {
	char name[96]; /* for messages: the path, "kernel command line" */
	enum layer_kind kind;
	struct buf text; /* owned */
};

struct layers {
	struct layer l[LAYERS_MAX];
	size_t count;
};

#define owned_layers __attribute__((cleanup(layers_release)))

/*
 * Read the files, without looking into them. One that cannot be read is told of and left out; a missing one is fine.
 *
 *   root             descriptor of the directory that holds var/lib/slipway ...
 *   with_datasource  also what the last datasource said
 */
void layers_read(struct layers *l, int root, bool with_datasource, schema_say_fn *say, void *ctx);

/* Add one that is in memory, as the next. Returns its text to be filled in, or NULL: there are too many. */
struct buf *layers_add(struct layers *l, enum layer_kind kind, const char *name);

/*
 * Parse, check and merge. What is wrong is told of and left out; there is always a tree.
 *
 * Errors   -ENOMEM
 */
int layers_merge(const struct layers *l, struct arena *a, schema_say_fn *say, void *ctx, struct cfg **ret, struct err *e);

void layers_release(struct layers *l);

#endif
