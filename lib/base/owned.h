/* lib/base/owned.h - the declaration says who closes it.
 *
 *   owned_fd int fd = -1;         closed when the scope ends
 *   owned_mem char *s = NULL;     freed when the scope ends
 *   return take_fd(fd);           give it away: the variable is emptied, so its cleanup does nothing
 */
#ifndef BASE_OWNED_H
#define BASE_OWNED_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void drop_fd(int *fd)
{
	int saved = errno;
	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void drop_mem(void *pp)
{
	int saved = errno;
	free(*(void **)pp);
	errno = saved;
}

#define owned_fd  __attribute__((cleanup(drop_fd)))
#define owned_mem __attribute__((cleanup(drop_mem)))

#define take_fd(v)  __extension__({ int t_ = (v); (v) = -1; t_; })
#define take_ptr(v) __extension__({ __typeof__(v) t_ = (v); (v) = NULL; t_; })

/* Number of elements of an array; refuses a pointer at compile time. */
#define countof(a)                                                                                \
	(sizeof(a) / sizeof((a)[0]) +                                                             \
	 0 * sizeof(struct { _Static_assert(!__builtin_types_compatible_p(__typeof__(a),          \
					    __typeof__(&(a)[0])), "pointer is not an array"); int x_; }))

#define owner_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#endif
