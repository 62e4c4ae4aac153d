/* admin/cmd_config.h - what the verbs of `slipway config` share. */
#ifndef ADMIN_CMD_CONFIG_H
#define ADMIN_CMD_CONFIG_H

#include <stdbool.h>

struct arena;
struct buf;
struct cfg;
struct err;

/* The directory that holds var/lib/slipway ...: "/", or SLIPWAY_ROOT. */
int config_root(struct err *e);

/* Print a sentence to standard error; ctx may point to an unsigned that counts them, or be NULL. */
void config_warn(void *ctx, const char *sentence);

/* The whole configuration, merged. */
int config_all(struct arena *a, struct cfg **ret, struct err *e);

/* The user's own file, or an empty tree; and writing it: all or nothing, durable, mode 0600. */
int config_load_own(struct arena *a, struct cfg **ret, struct err *e);
int config_store_own(const struct cfg *root, struct err *e);

int cmd_config_explain(int argc, char **argv);

#endif
