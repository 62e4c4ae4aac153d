/* userctr/api_image.h - what the files of the image endpoints share. */
#ifndef USERCTR_API_IMAGE_H
#define USERCTR_API_IMAGE_H

#include "userctr/req.h"

struct digest;
struct image;
struct load_msg;

/* Handlers, one family per file. */
void handle_load(struct req *q);	  /* api_image_load.c */
void handle_import(struct req *q);
void handle_save(struct req *q);	  /* api_image_save.c */
void handle_save_many(struct req *q);
void handle_tag(struct req *q);	  /* api_image_change.c */
void handle_delete(struct req *q);
void handle_prune(struct req *q);

/* Tell of a change: name is the reference or the id. */
void image_event(struct daemon *d, const char *action, const struct digest *id, const char *name);

/* The element of /images/json and /system/df. want_shared, want_users: the costly counts, else -1. */
struct json_writer;
void image_print_summary(struct daemon *d, struct json_writer *w, const struct image *i, bool want_shared, bool want_users);

/* Let a child free what was removed. */
void images_sweep(struct daemon *d);

/*
 * A helper at work on an archive that the request's body brings.
 *
 *   mode   "load" or "import"
 *   done   once: with the messages LOAD_IMAGE and LOAD_LAYER that came (n of them), or with why. The work folder is there until
 *          it returns. The request is still there, even if its client is not.
 */
void image_work(struct req *q, const char *mode,
		void (*done)(struct req *q, const char *work, const struct load_msg *const *msgs, size_t n, const struct err *why));

#endif
