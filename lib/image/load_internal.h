/* lib/image/load_internal.h - members of an archive of images, between load.c and load_images.c. Not for others. */
#ifndef IMAGE_LOAD_INTERNAL_H
#define IMAGE_LOAD_INTERNAL_H

#include "lib/base/err.h"
#include "lib/codec/digest.h"
#include "lib/image/load.h"

#include <stdbool.h>

enum member_kind {
	MEMBER_DOC = 1,	  /* kept in memory */
	MEMBER_LAYER = 2, /* unpacked in layers/<serial>, kept in blobs/l<serial> */
	MEMBER_LINK = 3,  /* another name of a member */
};

struct member {
	char *name;	  /* owned; without "./" */
	char *text;	  /* owned; document, or what a link points at */
	struct err *why;  /* owned; NULL unless it is none of what it should be */
	struct digest raw, diff_id;
	uint64_t raw_size, size; /* as it came; of the files */
	enum member_kind kind;
	int coding;	  /* enum stream_coding */
	unsigned serial;
	bool is_blob_here, is_unpacked_here; /* the store has it: nothing was written */
	bool is_placed;
};

struct load {
	int work, blobs, layers; /* blobs and layers owned */
	const char *have;
	size_t have_n;
	const struct load_limits *limits;
	const struct load_sink *sink;
	struct member **members; /* owned */
	size_t n;
	size_t documents; /* bytes */
	unsigned serial;
};

struct member *member_by_name(const struct load *l, const char *name); /* links followed; NULL */
struct member *member_by_digest(const struct load *l, const struct digest *d);

struct member *member_of_store(struct load *l, const struct digest *blob, uint64_t size);

/* Give a layer its final names and its description. */
int member_place(struct load *l, struct member *m, struct err *e);

int load_images(struct load *l, struct err *e);

#endif
