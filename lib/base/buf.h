/* lib/base/buf.h - a growable byte buffer with a hard maximum and a sticky error.
 *
 * Appending past the maximum, or without memory, sets the error and drops the bytes; check once at the end with
 * buf_error(). The content is always followed by a NUL that is not counted, once anything was appended.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data; /* owned; NULL while empty */
	size_t len;
	size_t size; /* allocated */
	size_t max;  /* hard maximum of len */
	int error;   /* 0, ENOMEM or E_LIMIT; sticky until buf_clear() */
};

#define BUF_INIT(max_bytes) { .max = (max_bytes) }

void buf_init(struct buf *b, size_t max_bytes);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_putc(struct buf *b, char c);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Make room for n more bytes and return where they go, or NULL (error set). Commit with b->len += used. */
char *buf_reserve(struct buf *b, size_t n);

/* Drop the first n bytes. */
void buf_consume(struct buf *b, size_t n);

/* The content as a string; "" while empty. Borrowed until the next change. */
const char *buf_str(const struct buf *b);

/* 0, or -ENOMEM / -E_LIMIT. */
int buf_error(const struct buf *b);

/* Give the content away (NUL-ended, caller frees); NULL when an error is set. The buffer is empty afterwards. */
char *buf_take(struct buf *b);

void buf_release(struct buf *b); /* frees the content */
void buf_clear(struct buf *b);	 /* empties it and clears the error; memory is kept */

#define owned_buf __attribute__((cleanup(buf_release)))

#endif
