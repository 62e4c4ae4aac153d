/* lib/image/store.h - images of the user: content-addressed blobs, unpacked layers, references.
 *
 * Two sources of one shape: the writable root (/var/lib/userctr) and the preloaded set of the system image
 * (/usr/lib/slipway/images), which is read-only. A layer is looked for in both; a preloaded reference may be untagged or
 * replaced, which is remembered in the writable root.
 *
 *   ROOT/oci-layout, ROOT/index.json   an OCI image layout; index.json holds the references (store_index.c)
 *   ROOT/blobs/sha256/<hex>            manifests, configs and layer blobs as they came
 *   ROOT/layers/<diffid hex>/          an unpacked layer: complete once it has this name (renamed into place when durable)
 *   ROOT/layers/<diffid hex>.json      {"size": bytes of its files, "blob": digest of the blob it came from}
 *   ROOT/tmp/                          work of helpers and what is being removed; emptied by store_open()
 *
 * One writer: the daemon. Untrusted archives are parsed by helpers which only fill ROOT/tmp/; what they bring is checked and
 * moved here. Handles are the daemon's alone and never block on more than local disk.
 */
#ifndef IMAGE_STORE_H
#define IMAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/list.h"
#include "lib/codec/oci_image.h"
#include "lib/codec/ref.h"

struct buf;
struct err;
struct store; /* opaque */

#define STORE_NAMES_MAX 8192 /* references in all */
#define STORE_WORK_SIZE 32

/* An image of the store. Borrowed from it, valid until it is removed (store_remove, store_untag); do not keep it across
 * events of the loop: keep its id and look it up again. */
struct image {
	struct list link;
	struct digest id;	/* of the config: docker's image id */
	struct digest manifest;
	struct oci_config config;
	uint64_t size_bytes;	/* of the unpacked layers */
	int64_t created;	/* seconds since the epoch; 0 = not told */
	int64_t tagged_ns;	/* when it was named last; 0 = never here */
	bool is_builtin;	/* its layers are in the system image: removing frees nothing */
	struct ref *refs;	/* owned; sorted; tags and digests it is known by */
	size_t n_refs;
};

/*
 * Open, recover (leftovers of helpers and of interrupted removals), read every image.
 *
 *   root      the writable root; made when missing
 *   builtin   the preloaded set, or NULL; one that cannot be read is logged and ignored. The references of users' images
 *             are in the file user-images.json beside it: {"busybox:latest": "sha256:<manifest>"}
 *
 * Returns  0; close with store_close()
 */
int store_open(const char *root, const char *builtin, struct store **ret, struct err *e);
void store_close(struct store *s);

/*
 * Look up as docker does: full id ("sha256:..." or hex), reference (tag latest when none is given), unique prefix of an id.
 *
 * Errors  -ENOENT "No such image: x:latest"   -EINVAL ambiguous or malformed
 */
int store_find(struct store *s, const char *name, struct image **ret, struct err *e);

/* By id; also a preloaded one that has lost its last reference. NULL: there is none. */
struct image *store_by_id(struct store *s, const struct digest *id);

/* Every image: list_for_each(it, store_images(s)) owner_of(it, struct image, link). Newest first. */
struct list *store_images(struct store *s);

/* Layer directories for an overlay, topmost first and colon-separated, absolute: sysctr_rootfs.lower. */
int store_lower(struct store *s, const struct image *i, struct buf *out, struct err *e);

/* Bytes of the files of a layer. Returns false when it is not here. */
bool store_layer_size(struct store *s, const struct digest *diff_id, uint64_t *ret);
uint64_t store_layers_size(struct store *s); /* of all layers of the writable root, each once */

/* Seconds since the epoch of an instant in a config; 0 when it is none. */
int64_t store_time(const char *rfc3339);

/* A blob, to be read. Returns its descriptor, caller owns. Errors: -ENOENT */
int store_blob_open(struct store *s, const struct digest *d, struct err *e);

/*
 * The same for a layer. Of a preloaded one the system image has no blob: it is made from the unpacked layer, and must come out
 * with the digest it had when the system was built.
 *
 * Errors  -ENOENT   -E_DIGEST it does not
 * Blocks  while a preloaded layer is read, the first time
 */
int store_layer_blob_open(struct store *s, const struct digest *d, struct err *e);

/* The manifest of an image and its bytes, appended to text. Release with oci_manifest_release(). */
int store_manifest(struct store *s, const struct image *i, struct oci_manifest *ret, struct buf *text, struct err *e);

/* ---- changes: each is durable when it returns ---- */

/* Give an image one more reference; another image that had it loses it (and stays, without a name perhaps).
 * ret_old: the id of that image; may be NULL. Returns 1 when there was one. */
int store_tag(struct store *s, const struct image *i, const struct ref *r, struct digest *ret_old, struct err *e);

/* Take a reference away; the image stays, without a name perhaps. Errors: -ENOENT */
int store_untag(struct store *s, const struct ref *r, struct err *e);

/* Remove an image with its references, and every blob and layer that no other image needs. The image is gone afterwards.
 * A preloaded one only disappears from the list. */
int store_remove(struct store *s, struct image *i, struct err *e);

/*
 * Free the space of what was removed: deletes what lies in ROOT/tmp for that purpose. The only slow part of removing, so
 * it is apart: meant for a child process. root as of store_open().
 */
int store_sweep(const char *root, struct err *e);
bool store_needs_sweep(const struct store *s);
void store_swept(struct store *s); /* somebody is at it */

/* ---- what helpers bring ---- */

/*
 * Begin a piece of work: makes ROOT/tmp/<name>/ with the folders a helper fills: blobs/, layers/. Until store_work_end() no
 * layer of the store is collected, so that what a helper was told to be here stays.
 *
 *   name   receives the folder's name
 */
int store_work_begin(struct store *s, char name[STORE_WORK_SIZE], struct err *e);
void store_work_end(struct store *s, const char *name); /* whatever was not committed goes */

/* Append what a helper may skip, one per line: "<diffid hex> <hex of the blob it came from, or ->". */
void store_have(struct store *s, struct buf *out);

/*
 * Commit an image: move its manifest, config, layer blobs and layers from ROOT/tmp/<work> into place and give it references.
 * The helper has made them durable (syncfs); manifest and config are hashed and parsed again here.
 *
 *   refs     n of them, 0 is fine
 *   ret      the image, borrowed
 *
 * Errors   -E_DIGEST, -E_SPEC what was brought is not what it was said to be   -ENOENT a part is missing
 */
int store_commit(struct store *s, const char *work, const struct digest *manifest, const struct ref *refs, size_t n,
		 struct image **ret, struct err *e);

#endif
