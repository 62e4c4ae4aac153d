/* lib/image/push.h - an image of the store into a registry: blobs that it lacks, each in one request, then the manifest. For the
 * helper `userctr fetch` only.
 */
#ifndef IMAGE_PUSH_H
#define IMAGE_PUSH_H

#include <stddef.h>
#include <stdint.h>

struct digest;
struct err;
struct ref;
struct registry;

enum push_state { PUSH_BEGINS = 1, PUSH_IS_THERE, PUSH_WAS_THERE };

struct push_job {
	const struct ref *ref; /* with a tag */
	const struct digest *manifest;
	const int *blobs; /* folders of blobs by their hex digits, n of them; -1 = not there */
	size_t n;
};

struct push_sink {
	int (*state)(void *ctx, size_t layer, enum push_state state);
	int (*pushed)(void *ctx, const struct digest *manifest, uint64_t size);
	void *ctx;
};

/* Errors   those of the registry; -ENOENT a blob is missing here */
int push_image(struct registry *r, const struct push_job *job, const struct push_sink *sink, struct err *e);

#endif
