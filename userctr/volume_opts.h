/* userctr/volume_opts.h - names and options of the local driver's volumes. Pure. */
#ifndef USERCTR_VOLUME_OPTS_H
#define USERCTR_VOLUME_OPTS_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct json;

#define VOLUME_NAME_MAX 255

/* Errors: -EINVAL, "create NAME: ..." as dockerd says it */
int volume_name_check(const char *name, struct err *e);

/* What mount(2) gets. Strings are borrowed from the options or point into data. */
struct volume_mount {
	const char *type, *device;
	unsigned long flags;
	char data[1024]; /* what is left for the file system: "size=10m,uid=5" */
	bool is_bind;
};

/* Does a volume with these options (an object of strings, or NULL) have something to mount? */
bool volume_opts_have_mount(const struct json *options);

/*
 * Check options at create, and split them at mount (ret may be NULL).
 *
 * Errors  -EINVAL   -ENOTSUP what cannot be honoured, by name
 */
int volume_opts_parse(const struct json *options, struct volume_mount *ret, struct err *e);

#endif
