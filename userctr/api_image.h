/* userctr/api_image.h - what the files of the image endpoints share. */
#ifndef USERCTR_API_IMAGE_H
#define USERCTR_API_IMAGE_H

#include "userctr/req.h"

struct digest;
struct err;
struct image;
struct json;
struct load_msg;
struct ref;

/* Handlers, one family per file. */
void handle_load(struct req *q);	  /* api_image_load.c */
void handle_import(struct req *q);
void handle_save(struct req *q);	  /* api_image_save.c */
void handle_save_many(struct req *q);
void handle_tag(struct req *q);	  /* api_image_change.c */
void handle_delete(struct req *q);
void handle_prune(struct req *q);

/* What commits a layer that a helper brought: config and manifest are written, then store_commit(). */
struct image_parts {
	const struct load_msg *layer;
	const struct image *parent; /* NULL: none */
	const struct json *config;  /* what `changes` of the query change; NULL: nothing */
	const char *comment, *author;
	const char *created_by; /* of the history */
};
int image_commit_layer(struct req *q, const char *work, const struct image_parts *p, struct digest *ret_id, struct err *e);

/* repo and tag of the query; none is fine. Returns the number of references: 0, 1. */
int image_target(struct req *q, struct ref *ret, struct err *e);

/* Tell of a change: name is the reference or the id. */
void image_event(struct daemon *d, const char *action, const struct digest *id, const char *name);

/* The element of /images/json and /system/df. want_shared, want_users: the costly counts, else -1. */
struct json_writer;
void image_print_summary(struct daemon *d, struct json_writer *w, const struct image *i, bool want_shared, bool want_users);

/* Let a child free what was removed. */
void images_sweep(struct daemon *d);

/*
 * A helper at work on an archive.
 *
 *   mode   "load" or "import"
 *   tree   the archive is made from this folder, the upper one of an overlay; NULL: the request's body (ROUTE_BODY) brings it
 *   done   once: with the messages LOAD_IMAGE and LOAD_LAYER that came (n of them), or with why. The work folder is there until
 *          it returns. The request is still there, even if its client is not.
 */
void image_work(struct req *q, const char *mode, const char *tree,
		void (*done)(struct req *q, const char *work, const struct load_msg *const *msgs, size_t n, const struct err *why));

/* Who makes the archive, when it is neither the body nor a folder. All calls get ctx. */
struct image_maker {
	/* Start the process that writes the archive to `to`; folder: that of the work. Returns its pidfd. */
	int (*start)(void *ctx, const char *folder, int to, struct err *e);
	void (*layer)(void *ctx, const struct digest *blob); /* is unpacked */
	/* as the one of image_work() */
	void (*done)(void *ctx, const char *work, const struct load_msg *const *msgs, size_t n, const struct err *why);
	void *ctx;
};
void image_work_from(struct req *q, const struct image_maker *maker);

/* End it early: done() is called soon, with some reason. */
void image_work_stop(struct req *q);

void handle_pull(struct req *q); /* api_image_pull.c */
void handle_push(struct req *q); /* api_image_push.c */

/* Of preloaded layers the blobs are made, because this image may leave the machine. image may be NULL. */
int image_have_blobs(struct req *q, const struct image *image, struct err *e);

#endif
