// SPDX-License-Identifier: Apache-2.0
/* Growable byte buffer. */
#include "lib/base/buf.h"

#include "lib/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max_bytes)
{
	*b = (struct buf){.max = max_bytes};
}

char *buf_reserve(struct buf *b, size_t n)
{
	if (b->error != 0)
		return NULL;
	if (n > b->max || b->len > b->max - n) {
		b->error = E_LIMIT;
		return NULL;
	}
	size_t need = b->len + n + 1;
	if (need > b->size) {
		size_t size = b->size != 0 ? b->size : 128;
		while (size < need)
			size *= 2;
		if (size > b->max + 1)
			size = b->max + 1;
		char *p = realloc(b->data, size);
		if (p == NULL) {
			b->error = ENOMEM;
			return NULL;
		}
		b->data = p;
		b->size = size;
	}
	return b->data + b->len;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	char *to = buf_reserve(b, n);
	if (to == NULL)
		return;
	if (n > 0)
		memcpy(to, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0) {
		b->error = EINVAL;
		return;
	}
	char *to = buf_reserve(b, (size_t)n);
	if (to == NULL)
		return;
	(void)vsnprintf(to, (size_t)n + 1, fmt, ap); /* measured above */
	b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_consume(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	if (n >= b->len) {
		b->len = 0;
	} else {
		memmove(b->data, b->data + n, b->len - n);
		b->len -= n;
	}
	if (b->data != NULL)
		b->data[b->len] = '\0';
}

const char *buf_str(const struct buf *b)
{
	return b->len > 0 ? b->data : "";
}

int buf_error(const struct buf *b)
{
	return -b->error;
}

char *buf_take(struct buf *b)
{
	if (b->error == 0 && b->data == NULL)
		buf_put(b, "", 0);
	char *p = NULL;
	if (b->error == 0) {
		p = b->data;
		b->data = NULL;
	}
	buf_release(b);
	return p;
}

void buf_release(struct buf *b)
{
	int saved = errno;

	free(b->data);
	*b = (struct buf){.max = b->max};
	errno = saved;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->error = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}
