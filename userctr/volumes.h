/* userctr/volumes.h - named and anonymous volumes of the local driver: ROOT/volumes/<name>/{_data,volume.json}. */
#ifndef USERCTR_VOLUMES_H
#define USERCTR_VOLUMES_H

#include <stdbool.h>
#include <stddef.h>

struct daemon;
struct err;
struct volume; /* opaque */

int volumes_open(struct daemon *d, struct err *e);
void volumes_close(struct daemon *d);

/*
 * Find or make the volume `name` (NULL: an anonymous one, its name is made up).
 *
 *   ret_path   its _data directory, absolute, borrowed until it is removed
 *   ret_name   likewise
 *   ret_new    whether it was made now: the image's content goes into it
 */
int volume_use(struct daemon *d, const char *name, const char **ret_name, const char **ret_path, bool *ret_new,
	       struct err *e);

/* Remove an anonymous volume together with its container (docker rm -v, --rm). A missing one is fine. */
int volume_remove_anonymous(struct daemon *d, const char *name, struct err *e);

#endif
