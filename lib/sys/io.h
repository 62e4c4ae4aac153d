/* lib/sys/io.h - whole reads and writes; small files. EINTR is retried, short counts are continued. */
#ifndef SYS_IO_H
#define SYS_IO_H

#include <stddef.h>
#include <sys/types.h>

struct buf;
struct err;

/* Write all n bytes. Returns 0 or -errno. Blocks: as the descriptor does. */
int write_all(int fd, const void *p, size_t n);

/* Read until n bytes or end of file. Returns the count (short only at end of file) or -errno. */
ssize_t read_full(int fd, void *p, size_t n);

/*
 * Append the rest of fd to b.
 *
 * Returns  0
 * Errors   -E_LIMIT more than b's maximum   -ENOMEM   -errno of read(2)
 */
int read_all(int fd, struct buf *b);

/*
 * Read the file dir/path (dir as of openat(2); symbolic links are followed: own files only).
 *
 * Returns  0, content appended to b
 * Errors   -ENOENT   -E_LIMIT   others
 */
int file_read(int dir, const char *path, struct buf *b, struct err *e);

/* Write s to an existing file in one write(2), as kernel control files want. Returns 0 or -errno. */
int file_write_at(int dir, const char *path, const char *s, struct err *e);

/*
 * Replace dir/name with buf, all or nothing; durable on return.
 *
 *   mode   permissions of the new file
 */
int file_replace(int dir, const char *name, const void *buf, size_t len, mode_t mode, struct err *e);

/* mkdir -p of an own absolute or dir-relative path. Existing directories are kept as they are. */
int dir_make_all(int dir, const char *path, mode_t mode, struct err *e);

/* rm -rf of dir/path; never follows a symbolic link, stays on one file system. A missing path is fine. */
int tree_remove(int dir, const char *path, struct err *e);

#endif
