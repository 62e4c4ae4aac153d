/* lib/config/userdata.h - user-data in its forms: cloud-config documents and scripts, perhaps in gzip or MIME. Pure. */
#ifndef CONFIG_USERDATA_H
#define CONFIG_USERDATA_H

#include "lib/base/buf.h"
#include "lib/config/schema.h"

struct err;

#define USERDATA_MAX	   ((size_t)1 << 20) /* bytes, also once unpacked */
#define USERDATA_PARTS_MAX 32
#define USERDATA_NEST_MAX  3 /* gzip in MIME in gzip */

enum userdata_kind {
	USERDATA_CONFIG = 1,   /* begins with "#cloud-config" */
	USERDATA_SCRIPT = 2,   /* begins with "#!" */
	USERDATA_BOOTHOOK = 3, /* a script of every boot, before others */
};

struct userdata_part {
	enum userdata_kind kind;
	char name[96]; /* for messages */
	struct buf text; /* owned */
};

struct userdata {
	struct userdata_part *parts; /* owned */
	size_t count;
};

/*
 * Take user-data apart; what is not understood is told of and left out. Empty user-data has no parts.
 *
 *   name   for messages ("nocloud '/dev/vdb': user-data")
 *
 * Returns  0; ret to be released (it may have been added to before)
 * Errors   -ENOMEM
 */
int userdata_take(struct userdata *ret, const char *text, size_t len, const char *name, schema_say_fn *say, void *ctx,
		  struct err *e);
void userdata_release(struct userdata *u);

/* Undo gzip; plain bytes are copied. At most USERDATA_MAX bytes come of it. */
int userdata_inflate(const char *text, size_t len, struct buf *out, struct err *e);

#endif
