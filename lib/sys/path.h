/* lib/sys/path.h - the only resolver of paths below a foreign root (a container's rootfs, a layer, a volume).
 *
 * Every function resolves with openat2(2) RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: "..", absolute symbolic links and
 * races by whoever owns the tree cannot leave the root. Where the kernel has no such call, path_walk.h takes its place.
 * Keep the O_PATH descriptor, not the path, across steps.
 */
#ifndef SYS_PATH_H
#define SYS_PATH_H

#include <stdint.h>
#include <sys/types.h>

struct err;

/*
 * Open path (relative, or absolute meaning "from the root") below root.
 *
 *   root    O_PATH or directory descriptor, borrowed
 *   flags   as of open(2); O_CLOEXEC is added. O_NOFOLLOW applies to the last part only.
 *
 * Returns  a descriptor, caller owns
 * Errors   -ENOENT   -ELOOP   -EXDEV never (the root holds)   others as openat2(2)
 */
int path_open_in(int root, const char *path, int flags, mode_t mode, struct err *e);

/*
 * Open the directory that holds the last part of path, and tell that part's name.
 *
 *   ret_name   buffer of NAME_MAX + 1 bytes; "" when path is the root itself
 */
int path_open_parent_in(int root, const char *path, char *ret_name, struct err *e);

/* mkdir -p below root, through existing symbolic links that stay inside. Returns an O_PATH descriptor of it. */
int path_mkdir_in(int root, const char *path, mode_t mode, struct err *e);

/* The same without symbolic links on the way, and at most the last part made: the directory is where the words of the path
 * say. Returns an O_PATH descriptor, or -ELOOP, -ENOENT, -ENOTDIR ... */
int path_mkdir_plain_in(int root, const char *path, mode_t mode);
/* Like path_mkdir_in() for the parents, and an empty regular file at the end unless something is there.
 * Returns an O_PATH descriptor of it. */
int path_touch_in(int root, const char *path, mode_t mode, struct err *e);

/* "/proc/self/fd/N" for the calls that have no descriptor form. out holds at least 32 bytes. Returns out. */
const char *path_of_fd(int fd, char out[32]);

#endif
