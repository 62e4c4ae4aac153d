/* lib/image/fetch_internal.h - between fetch.c (documents) and fetch_layers.c. Not for others. */
#ifndef IMAGE_FETCH_INTERNAL_H
#define IMAGE_FETCH_INTERNAL_H

#include "lib/base/err.h"
#include "lib/codec/oci_image.h"
#include "lib/codec/ref.h"
#include "lib/image/fetch.h"
#include "lib/image/registry.h"

struct fetch {
	struct registry *r;
	const struct fetch_job *job;
	const struct fetch_sink *sink;
	const char *path; /* of the repository */
	struct oci_manifest m; /* owned */
};

/* A member of the archive. */
int fetch_put_head(struct fetch *f, const char *name, uint64_t size, struct err *e);
int fetch_put_end(struct fetch *f, uint64_t size, struct err *e); /* what fills its last block */

/* Whether the store has the blob of a layer. */
bool fetch_has(const struct fetch *f, const struct digest *d);

/* All layers of f->m into the archive. */
int fetch_layers(struct fetch *f, struct err *e);

#endif
