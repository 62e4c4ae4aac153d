/* userctr/volumes_internal.h - what volumes*.c and api_volume.c share. Not for others. */
#ifndef USERCTR_VOLUMES_INTERNAL_H
#define USERCTR_VOLUMES_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/list.h"
#include "userctr/volumes.h"

struct buf;
struct json;
struct json_doc;
struct json_writer;

#define VOLUMES_MAX	   65536
#define VOLUME_RECORD_MAX  ((size_t)1 << 16)
#define VOLUME_ANONYMOUS   "com.docker.volume.anonymous"

struct volume {
	struct list link;
	char *name; /* owned */
	char *path; /* owned; of _data */
	struct json_doc *doc; /* owned */
	const struct json *record; /* Name, CreatedAt, Labels, Options */
	bool is_mounted; /* options are over _data */
};

struct volumes {
	struct list all; /* oldest first */
	size_t count;
	int dir;    /* owned; ROOT/volumes */
	char *path; /* owned */
};

/* Errors: -ENOENT "get x: no such volume" */
int volumes_find(struct daemon *d, const char *name, struct volume **ret, struct err *e);
void volume_print(const struct volume *v, struct json_writer *w, bool want_usage, struct daemon *d);
bool volume_is_anonymous(const struct volume *v);

/* Errors: -EBUSY "remove x: volume is in use - [id, id]" */
int volume_remove(struct daemon *d, struct volume *v, struct err *e);

/* How many containers have it; their ids, comma separated, are appended to who (may be NULL). */
unsigned volume_users(struct daemon *d, const struct volume *v, struct buf *who);

int64_t volume_size(const struct volume *v); /* bytes of its files */

/* volumes_sweep.c: remove what has been put aside (".gone-*") in a process of its own; nothing waits for it. */
void volumes_sweep(struct daemon *d);

#endif
