/* userctr/ctr_files.h - the files of a container, as trees to resolve paths in (lib/sys/path.h). */
#ifndef USERCTR_CTR_FILES_H
#define USERCTR_CTR_FILES_H

#include <stdbool.h>

struct ctr;
struct err;

/* Image and own layer without mounts, read-only. Returns an O_PATH descriptor, caller owns. */
int ctr_files_merged(struct ctr *c, struct err *e);

/* The image's layers alone, as ctr_files_merged(). */
int ctr_files_image(struct ctr *c, struct err *e);

/*
 * As the container sees itself: through its process, or, when it does not run, by its layers and volumes.
 *
 *   path         advanced past the place of a volume, when it leads into one
 *   want_write   changes go where the container's own would
 *
 * Returns  an O_PATH descriptor, caller owns
 */
int ctr_files_open(struct ctr *c, const char **path, bool want_write, struct err *e);

#endif
