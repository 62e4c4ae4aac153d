/* lib/config/plan_ops.h - keys of the merged tree to operations. Private to lib/config/plan*.c. */
#ifndef CONFIG_PLAN_OPS_H
#define CONFIG_PLAN_OPS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/codec/json.h"

struct cfg;
struct userdata;

struct plan {
	struct json_writer w, messages;
	size_t message_count;
	const struct cfg *root;
	const struct cfg *meta; /* NULL: none */
	const char *source;
	bool is_rancher; /* the datasource's documents say "rancher:" */
};

void plan_say(void *ctx, const char *sentence);

/* "arguments" and "services". */
void plan_arguments(struct plan *p);

/* The entries of "operations", in the order in which they are applied. */
void plan_operations(struct plan *p, const struct userdata *u);

#endif
