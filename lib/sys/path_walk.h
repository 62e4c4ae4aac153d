/* lib/sys/path_walk.h - what openat2(2) RESOLVE_IN_ROOT does, part by part: only for path.c, on kernels (and under filters of
 * system calls) without that call.
 *
 * Every part is opened by its name, without following it, below a directory that is held open; ".." goes back to the held
 * directory that the walk came through and is never asked of the kernel. So whatever is renamed meanwhile, no step can leave
 * the root. Differs in that no link of a procfs is followed (openat2 follows those that are not magic).
 */
#ifndef SYS_PATH_WALK_H
#define SYS_PATH_WALK_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Open path below root, which is borrowed.
 *
 *   flags   as of open(2); O_CLOEXEC is added
 *   links   false: symbolic links on the way are -ELOOP
 *
 * Returns  a descriptor, caller owns
 * Errors   -ENOENT   -ENOTDIR   -ELOOP more than 40 links, or one of procfs   -ENAMETOOLONG also: 256 directories deep
 *          -EAGAIN the last part is replaced again and again   others as openat(2)
 */
int path_walk(int root, const char *path, int flags, mode_t mode, bool links);

#endif
