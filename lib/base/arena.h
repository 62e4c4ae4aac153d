/* lib/base/arena.h - memory that is freed all at once: what a parsed document or a request is made of.
 *
 * A zero-initialised arena with a maximum is ready for use; memory comes zeroed and aligned for any type.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* owned; the newest first */
	size_t left;		    /* of the newest */
	size_t used;		    /* given out in all */
	size_t max;		    /* hard maximum of used */
};

#define ARENA_INIT(max_bytes) { .max = (max_bytes) }

/* NULL: without memory, or past the maximum. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_array(struct arena *a, size_t count, size_t size);

/* A copy of n bytes with a NUL behind them. */
char *arena_copy(struct arena *a, const char *p, size_t n);

void arena_release(struct arena *a);

#define owned_arena __attribute__((cleanup(arena_release)))

#endif
