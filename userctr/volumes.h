/* userctr/volumes.h - named and anonymous volumes of the local driver: ROOT/volumes/<name>/{_data,volume.json}. */
#ifndef USERCTR_VOLUMES_H
#define USERCTR_VOLUMES_H

#include <stdbool.h>
#include <stddef.h>

struct daemon;
struct err;
struct json;
struct json_writer;
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

/* The same with options of the driver and labels (objects of strings, or NULL); those of a volume that is there stay as they are.
 * Errors: -EINVAL (400) dockerd's sentences about names and options */
int volume_make(struct daemon *d, const char *name, const struct json *options, const struct json *labels,
		const char **ret_name, const char **ret_path, bool *ret_new, struct err *e);

/*
 * Before each start of a container, per volume: options of the local driver (type, device, o) are mounted over _data. Without
 * options nothing happens. In the caller's mount namespace, once however many use it.
 *
 * Errors  "error while mounting volume '...': ..."
 */
int volume_mount(struct daemon *d, const char *name, struct err *e);
/* A container that had it mounted has ended: unmounted when no running container (ctr.h) uses it any more. */
void volume_unmount(struct daemon *d, const char *name);

/* For /system/df: the array of volumes with UsageData. Blocks: reads every directory of every volume. */
void volumes_print_usage(struct daemon *d, struct json_writer *w);

/* Remove an anonymous volume together with its container (docker rm -v, --rm). A missing one is fine. */
int volume_remove_anonymous(struct daemon *d, const char *name, struct err *e);

#endif
