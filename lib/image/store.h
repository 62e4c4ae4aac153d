/* lib/image/store.h - images of the user: content-addressed blobs, unpacked layers, references.
 *
 * Two sources of one shape: the writable root (/var/lib/userctr) and the preloaded set of the system image
 * (/usr/lib/slipway/images), which is read-only. A layer is looked for in both; a preloaded reference may be untagged or
 * replaced, which is remembered in the writable root.
 *
 *   ROOT/blobs/sha256/<hex>    manifests, configs and layer blobs (OCI image layout, with oci-layout and index.json)
 *   ROOT/layers/<diffid hex>/  an unpacked layer: complete once it has this name (renamed into place after fsync)
 *   ROOT/images.json           reference -> manifest digest
 *   ROOT/tmp/                  work of helpers; emptied by store_open()
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

/* An image of the store. Borrowed from it, valid until it is removed (store_remove, store_untag); do not keep it across
 * events of the loop: keep its id and look it up again. */
struct image {
	struct list link;
	struct digest id;	/* of the config: docker's image id */
	struct digest manifest;
	struct oci_config config;
	uint64_t size_bytes;	/* of the unpacked layers */
	int64_t created;	/* seconds since the epoch; 0 = not told */
	bool is_builtin;	/* its layers are in the system image: removing frees nothing */
	struct ref *refs;	/* owned; sorted; tags and digests it is known by */
	size_t n_refs;
};

/*
 * Open, recover (leftovers of helpers and of interrupted removals), read every image.
 *
 *   root      the writable root; made when missing
 *   builtin   the preloaded set, or NULL; one that cannot be read is logged and ignored
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

/* Every image: list_for_each(it, store_images(s)) owner_of(it, struct image, link). Newest first. */
struct list *store_images(struct store *s);

/* Layer directories for an overlay, topmost first and colon-separated, absolute: sysctr_rootfs.lower. */
int store_lower(struct store *s, const struct image *i, struct buf *out, struct err *e);

#endif
