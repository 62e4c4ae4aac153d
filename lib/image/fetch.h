/* lib/image/fetch.h - an image from a registry, written as an archive of the OCI layout, which lib/image/load.h reads at the other
 * end of a pipe. For the helper `userctr fetch` only.
 *
 * Layers come several at a time. The first one that is not written yet goes straight into the pipe, others wait in files of the spool
 * folder. A layer that breaks off goes on where it was. Sizes are checked here, digests by the reader, which hashes
 * everything anyway and believes nothing else.
 */
#ifndef IMAGE_FETCH_H
#define IMAGE_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct digest;
struct err;
struct oci_descriptor;
struct ref;
struct registry;

#define FETCH_PARALLEL 3

struct fetch_job {
	const struct ref *ref;
	const char *os, *arch, *variant; /* what is wanted; variant may be NULL */
	bool has_platform;		 /* somebody asked for it: anything else is refused */
	const char *have;		 /* what store_have() wrote: layers that need not come */
	size_t have_n;
	int out, spool; /* descriptors, borrowed */
	unsigned parallel;
};

struct fetch_sink {
	/* What the reference means: digest of what its tag names, of the manifest, of the config. A 1 ends it well: that is here. */
	int (*resolved)(void *ctx, const struct digest *top, const struct digest *manifest, const struct digest *config, size_t n_layers);
	int (*layer)(void *ctx, size_t i, const struct oci_descriptor *d, bool is_here);
	int (*ready)(void *ctx); /* all layers were told */
	void (*progress)(void *ctx, size_t i, uint64_t bytes);
	void (*fetched)(void *ctx, size_t i);
	void *ctx;
};

/*
 * Errors   those of the registry; -E_SPEC, -E_DIGEST; -EPIPE the reader went
 */
int fetch_image(struct registry *r, const struct fetch_job *job, const struct fetch_sink *sink, struct err *e);

/* The answer of GET /distribution/NAME/json: {"Descriptor": {...}, "Platforms": [...]}. */
struct json_writer;
int fetch_describe(struct registry *r, const struct ref *ref, struct json_writer *w, struct err *e);

#endif
