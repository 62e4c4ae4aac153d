/* lib/image/internal.h - what the files of the store share. Not for others. */
#ifndef IMAGE_INTERNAL_H
#define IMAGE_INTERNAL_H

#include "lib/image/store.h"

#include <sys/types.h>

struct store_name {
	struct ref ref;
	struct digest manifest;
	int64_t tagged_ns;
	bool is_builtin; /* from the preloaded set: not written to index.json */
};

struct store_layer {
	struct digest diff_id, blob;
	uint64_t size;
	bool has_blob, is_builtin;
	bool is_needed; /* scratch of the collector */
};

struct store {
	char *root, *builtin;	/* owned; absolute; builtin may be NULL */
	int root_fd, blobs_fd, layers_fd, tmp_fd; /* owned */
	int builtin_fd;		/* owned; -1 = none */
	struct list images;	/* newest first */
	struct list hidden;	/* preloaded ones without a name */
	struct store_name *names; /* owned; own ones and those preloaded that are not hidden by them */
	size_t n_names;
	struct ref *untagged;	/* owned; preloaded references that were taken away */
	size_t n_untagged;
	struct digest *unnamed;	/* owned; manifests of own images without a reference */
	size_t n_unnamed;
	struct store_layer *layers; /* owned; sorted by diff_id */
	size_t n_layers;
	unsigned works; /* helpers at work: nothing is collected */
	unsigned work_serial;
	bool want_collect, want_sweep;
	bool is_damaged; /* an image could not be read: nothing is collected, so that it can be repaired */
};

/* Grow an owned array by one zeroed element; NULL without memory. */
void *array_add(void *array, size_t *n, size_t size);

int ref_cmp(const struct ref *a, const struct ref *b);

/* store_index.c */
int index_load(struct store *s, struct err *e);
int index_save(struct store *s, struct err *e);
struct store_name *name_find(struct store *s, const struct ref *r);
int builtin_load(struct store *s, struct err *e);

/* store_image.c */
int images_load(struct store *s, struct err *e); /* from names and unnamed */
int image_load(struct store *s, const struct digest *manifest, struct image **ret, struct err *e);
void image_free(struct image *i);
void images_refresh(struct store *s); /* references of every image, order and visibility */
int doc_read(struct store *s, const struct digest *d, const char *what, struct buf *text, struct err *e);

/* store_layers.c */
int layers_load(struct store *s, struct err *e);
struct store_layer *layer_find(const struct store *s, const struct digest *diff_id);
int layer_add(struct store *s, const struct store_layer *l, struct err *e);
int layer_meta_read(int dir, const struct digest *diff_id, struct store_layer *ret, struct err *e);
int tree_size(int dir, const char *name, uint64_t *ret);

/* store_change.c */
int name_set(struct store *s, const struct image *i, const struct ref *r, struct digest *ret_old, struct err *e);
int name_keep(struct store *s, const struct digest *manifest, struct err *e); /* without a name */
int store_collect(struct store *s, struct err *e);
void store_discard(struct store *s, int dir, const char *name); /* out of the way at once, to be swept */
int store_sweep_all(const char *root, struct err *e); /* helpers' folders too: only while there are none */

#endif
