// SPDX-License-Identifier: Apache-2.0
/* The fields of a head. What does not fit is written as GNU tar writes it: base 256 for numbers, an entry of its own for names. */
#include "lib/image/tar_write.h"

#include "lib/base/buf.h"

#include <stdio.h>
#include <string.h>

#define NAME_FIELD 100

/* Octal with a NUL at the end, or base 256. */
static void put_number(char *field, unsigned size, uint64_t v)
{
	unsigned digits = size - 1;

	if (v >> (3 * digits) == 0) {
		for (unsigned i = digits; i-- > 0; v >>= 3)
			field[i] = (char)('0' + (v & 7));
		return;
	}
	for (unsigned i = size; i-- > 1; v >>= 8)
		field[i] = (char)(v & 0xff);
	field[0] = (char)0x80;
}

static void put_text(char *field, size_t size, const char *text)
{
	size_t n = strlen(text);

	memcpy(field, text, n < size ? n : size);
}

static void put_block(struct buf *out, const struct tar_head *h)
{
	char b[TAR_BLOCK] = {0};
	unsigned sum = 0;

	put_text(b, NAME_FIELD, h->name);
	put_number(b + 100, 8, h->mode & 07777);
	put_number(b + 108, 8, h->uid);
	put_number(b + 116, 8, h->gid);
	put_number(b + 124, 12, h->size);
	put_number(b + 136, 12, h->mtime > 0 ? (uint64_t)h->mtime : 0);
	memset(b + 148, ' ', 8);
	b[156] = h->type;
	put_text(b + 157, NAME_FIELD, h->link != NULL ? h->link : "");
	memcpy(b + 257, "ustar  ", 8);
	put_text(b + 265, 31, h->owner);
	put_text(b + 297, 31, h->owner);
	if (h->type == '3' || h->type == '4') {
		put_number(b + 329, 8, h->major);
		put_number(b + 337, 8, h->minor);
	}
	for (size_t i = 0; i < sizeof(b); i++)
		sum += (unsigned char)b[i];
	(void)snprintf(b + 148, 7, "%06o", sum & 0777777); /* six digits and NUL; a blank stays behind them */
	buf_put(out, b, sizeof(b));
}

static void put_padded(struct buf *out, const char *p, size_t n)
{
	static const char zeros[TAR_BLOCK];

	buf_put(out, p, n);
	buf_put(out, zeros, tar_padding(n));
}

static void put_long(struct buf *out, char type, const char *text)
{
	struct tar_head h = {.name = "././@LongLink", .type = type, .size = strlen(text) + 1, .owner = ""};

	put_block(out, &h);
	put_padded(out, text, strlen(text) + 1);
}

void tar_put_head(struct buf *out, const struct tar_head *h)
{
	if (h->link != NULL && strlen(h->link) > NAME_FIELD)
		put_long(out, 'K', h->link);
	if (strlen(h->name) > NAME_FIELD)
		put_long(out, 'L', h->name);
	put_block(out, h);
}

void tar_put_pax(struct buf *out, const char *records, size_t n)
{
	struct tar_head h = {.name = "././@PaxHeader", .type = 'x', .size = n, .owner = ""};

	put_block(out, &h);
	put_padded(out, records, n);
}
