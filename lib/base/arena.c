// SPDX-License-Identifier: Apache-2.0
/* Chunks of growing size in a list; the newest is cut up from its start. */
#include "lib/base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_MIN ((size_t)4096)
#define CHUNK_MAX ((size_t)1 << 20)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	max_align_t bytes[];
};

static int grow(struct arena *a, size_t size)
{
	size_t want = a->chunks == NULL ? CHUNK_MIN : a->chunks->size * 2;

	if (want > CHUNK_MAX)
		want = CHUNK_MAX;
	if (want < size)
		want = size;
	struct arena_chunk *c = calloc(1, sizeof(*c) + want);
	if (c == NULL)
		return -1;
	c->next = a->chunks;
	c->size = want;
	a->chunks = c;
	a->left = want;
	return 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);

	if (size > a->max - a->used || size > SIZE_MAX - align)
		return NULL;
	a->used += size;
	size = size == 0 ? align : (size + align - 1) / align * align;
	if (size > a->left && grow(a, size) < 0)
		return NULL;
	char *p = (char *)a->chunks->bytes + (a->chunks->size - a->left);
	a->left -= size;
	return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	return size != 0 && count > SIZE_MAX / size ? NULL : arena_alloc(a, count * size);
}

char *arena_copy(struct arena *a, const char *p, size_t n)
{
	char *s = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;

	if (s != NULL && n > 0)
		memcpy(s, p, n);
	return s;
}

void arena_release(struct arena *a)
{
	struct arena_chunk *next;

	for (struct arena_chunk *c = a->chunks; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct arena){.max = a->max};
}
