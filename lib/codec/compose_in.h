/* lib/codec/compose_in.h - where the reader of a service.yml is, and the values that keys are made of. Private to
 * lib/codec/compose*.c. Every taker returns 0, or a negative code with the place, what was expected and what was found. */
#ifndef CODEC_COMPOSE_IN_H
#define CODEC_COMPOSE_IN_H

#include "lib/codec/compose.h"
#include "lib/codec/yaml.h"

struct compose_in {
	struct arena *memory;
	const char *file;
	char at[160]; /* "services.web.deploy" */
	struct err *e;
};

struct compose_key {
	const char *name;
	/* NULL: known to Compose and not for system services */
	int (*take)(struct compose_in *in, const struct yaml_node *v, struct compose_service *s);
};

int compose_bad(struct compose_in *in, const char *key, const struct yaml_node *v, const char *expected);
int compose_bad_text(struct compose_in *in, unsigned line, const char *key, const char *expected, const char *found);
struct compose_in compose_sub(const struct compose_in *in, const char *key);

/* Apply a table to a map; what it does not name is refused, except "x-...". */
int compose_take_map(struct compose_in *in, const struct yaml_node *map, const struct compose_key *keys, size_t n,
		     struct compose_service *s);

int take_text(struct compose_in *in, const char *key, const struct yaml_node *v, const char **ret);
int take_path(struct compose_in *in, const char *key, const struct yaml_node *v, const char **ret);
int take_bool(struct compose_in *in, const char *key, const struct yaml_node *v, bool *ret);
int take_int(struct compose_in *in, const char *key, const struct yaml_node *v, int64_t min, int64_t max, int64_t *ret);
int take_bytes(struct compose_in *in, const char *key, const struct yaml_node *v, int64_t *ret); /* "64m"; -1 */
int take_ms(struct compose_in *in, const char *key, const struct yaml_node *v, uint32_t *ret); /* "1m30s" */
int take_signal(struct compose_in *in, const char *key, const struct yaml_node *v, uint8_t *ret);
int take_texts(struct compose_in *in, const char *key, const struct yaml_node *v, const char ***ret); /* list of scalars */
/* A list, or a text split as a shell would: blanks, quotes, backslash. */
int take_words(struct compose_in *in, const char *key, const struct yaml_node *v, const char ***ret);
/* A map, or a list of KEY=VALUE. */
int take_pairs(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_pair **ret, size_t *ret_n);

/* Number of a signal by name, with or without "SIG", or by number; 0 when it is none. */
int compose_signal(const char *text);
/* Capability set of a list of names; "ALL" is every one. */
int take_caps(struct compose_in *in, const char *key, const struct yaml_node *v, uint64_t *ret);

/* compose_mount.c */
int take_volumes(struct compose_in *in, const struct yaml_node *v, struct compose_service *s);
int take_tmpfs(struct compose_in *in, const struct yaml_node *v, struct compose_service *s);
/* compose_device.c */
int take_devices(struct compose_in *in, const struct yaml_node *v, struct compose_service *s);
int take_rules(struct compose_in *in, const struct yaml_node *v, struct compose_service *s);
/* compose_label.c: our labels */
int take_labels(struct compose_in *in, const struct yaml_node *v, struct compose_service *s);
/* compose_socket.c */
int take_listen(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s);
/* compose_limits.c */
int take_deploy(struct compose_in *in, const struct yaml_node *v, struct compose_service *s);
int take_ulimits(struct compose_in *in, const struct yaml_node *v, struct compose_service *s);
int take_cpus(struct compose_in *in, const struct yaml_node *v, struct compose_service *s);
/* compose_life.c: restart, dependencies */
int take_restart(struct compose_in *in, const struct yaml_node *v, struct compose_service *s);
int take_depends(struct compose_in *in, const struct yaml_node *v, struct compose_service *s);

#endif
