/* lib/image/tar_write.h - heads of a tar archive in GNU's form, always the same bytes for the same entry. */
#ifndef IMAGE_TAR_WRITE_H
#define IMAGE_TAR_WRITE_H

#include <stdint.h>
#include <sys/types.h>

struct buf;

#define TAR_BLOCK  512
#define TAR_RECORD 10240

struct tar_head {
	const char *name; /* folders end in '/' */
	char type;	  /* '0' file, '1' hard link, '2' symbolic link, '3' '4' devices, '5' folder, '6' fifo */
	mode_t mode;
	uint64_t uid, gid, size;
	int64_t mtime;
	const char *link; /* NULL */
	const char *owner; /* user and group name, or "" */
	unsigned major, minor;
};

/* Append the head, with those for long names before it. */
void tar_put_head(struct buf *out, const struct tar_head *h);

/* Append a head of extended attributes for the entry that follows: "<len> key=value\n" records of n bytes. */
void tar_put_pax(struct buf *out, const char *records, size_t n);

/* Zeros behind content of this size. */
static inline unsigned tar_padding(uint64_t size)
{
	return (unsigned)(-size % TAR_BLOCK);
}

#endif
