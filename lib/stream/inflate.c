// SPDX-License-Identifier: Apache-2.0
/* Finds out what the bytes are coded with and undoes it, within bounds. The codings themselves are in gzip.c and zstd.c. */
#include "lib/stream/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC_MAX 6

struct inflate_stream {
	struct stream s;
	struct stream_limits limits;
	const struct decoder *decoder; /* NULL: plain */
	void *state;		       /* owned, of the decoder */
	const uint8_t *in;	       /* what is left of the source's block; borrowed */
	size_t in_n;
	uint64_t taken; /* bytes taken from the source */
	bool is_known, src_ended, between_members;
	uint8_t first[MAGIC_MAX]; /* start of the stream, when it came in smaller pieces than that, */
	const uint8_t *rest;	  /* and what then is left of the source's block */
	size_t rest_n;
	uint8_t *block;		  /* owned; STREAM_BLOCK bytes */
};

static const struct {
	const char *magic;
	size_t n;
	const struct decoder *decoder;
	const char *refused;
} codings[] = {
	{"\x1f\x8b", 2, &gzip_decoder, NULL},
	{"\x28\xb5\x2f\xfd", 4, &zstd_decoder, NULL},
	{"\xfd\x37zXZ\0", 6, NULL, "xz"},
	{"BZh", 3, NULL, "bzip2"},
};

/* Have something in in[], unless the source is at its end. */
static int fill(struct inflate_stream *f, struct err *e)
{
	const void *p;

	if (f->in_n == 0 && f->rest_n > 0) {
		f->in = f->rest;
		f->in_n = f->rest_n;
		f->rest_n = 0;
	}
	if (f->in_n > 0 || f->src_ended)
		return 0;
	ssize_t n = stream_next(f->s.src, &p, e);
	if (n < 0)
		return (int)n;
	f->src_ended = n == 0;
	f->in = n > 0 ? p : ""; /* what a source gives at its end is nothing to do arithmetic on */
	f->in_n = (size_t)n;
	f->taken += (uint64_t)n;
	return 0;
}

/* The first bytes of the source into in[], gathered when they come one by one. */
static int first_bytes(struct inflate_stream *f, struct err *e)
{
	size_t have = 0;

	int r = fill(f, e);
	if (r < 0 || f->in_n >= MAGIC_MAX || f->src_ended)
		return r;
	while (have < MAGIC_MAX && f->in_n > 0) {
		size_t take = f->in_n < MAGIC_MAX - have ? f->in_n : MAGIC_MAX - have;
		memcpy(f->first + have, f->in, take);
		have += take;
		f->in += take;
		f->in_n -= take;
		if (have < MAGIC_MAX) {
			r = fill(f, e);
			if (r < 0)
				return r;
		}
	}
	f->rest = f->in;
	f->rest_n = f->in_n;
	f->in = f->first;
	f->in_n = have;
	return 0;
}

static int find_coding(struct inflate_stream *f, struct err *e)
{
	if (f->is_known)
		return 0;
	int r = first_bytes(f, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
		if (f->in_n < codings[i].n || memcmp(f->in, codings[i].magic, codings[i].n) != 0)
			continue;
		if (codings[i].decoder == NULL)
			return err_set(e, E_SPEC, "%s compression is not supported", codings[i].refused);
		f->decoder = codings[i].decoder;
		f->state = f->decoder->open();
		f->block = malloc(STREAM_BLOCK);
		if (f->state == NULL || f->block == NULL)
			return err_set(e, ENOMEM, "undo %s", f->decoder->name);
	}
	f->is_known = true;
	return 0;
}

static ssize_t within(const struct inflate_stream *f, size_t made, struct err *e)
{
	uint64_t total = f->s.passed + made, max_ratio = f->limits.max_ratio;

	if (total > f->limits.max_bytes)
		return err_set(e, E_LIMIT, "is more than %" PRIu64 " bytes when uncompressed",
			       f->limits.max_bytes);
	if (f->decoder != NULL && total > f->limits.free_bytes &&
	    (total - f->limits.free_bytes) / max_ratio > f->taken)
		return err_set(e, E_LIMIT, "grows more than %" PRIu64 " times when uncompressed", max_ratio);
	return (ssize_t)made;
}

/* Between members: another one of the same kind, padding with zeros, or the end. Returns 1 to go on, 0 at the end. */
static int next_member(struct inflate_stream *f, struct err *e)
{
	int r = fill(f, e);
	if (r < 0)
		return r;
	if (f->in_n == 0)
		return 0;
	if (f->in[0] == 0) {
		for (; f->in_n > 0; f->in++, f->in_n--)
			if (f->in[0] != 0)
				return err_set(e, E_SPEC, "has something behind its %s data",
					       f->decoder->name);
		return next_member(f, e);
	}
	f->between_members = false;
	return f->decoder->reset(f->state) == 0 ? 1 : err_set(e, ENOMEM, "undo %s", f->decoder->name);
}

static ssize_t decode(struct inflate_stream *f, struct err *e)
{
	size_t made = 0;

	while (made < STREAM_BLOCK) {
		int r = f->between_members ? next_member(f, e) : fill(f, e);
		if (r < 0)
			return r;
		if (f->between_members)
			break;
		size_t used = f->in_n, out = STREAM_BLOCK - made;
		r = f->decoder->step(f->state, f->in, &used, f->block + made, &out, e);
		if (r < 0)
			return r;
		f->in += used;
		f->in_n -= used;
		made += out;
		f->between_members = r == 1;
		if (r == 0 && used == 0 && out == 0 && f->src_ended)
			return err_set(e, E_SPEC, "its %s data is cut off", f->decoder->name);
	}
	return within(f, made, e);
}

static ssize_t inflate_next(struct stream *s, const void **ret, struct err *e)
{
	struct inflate_stream *f = (struct inflate_stream *)s;

	int r = find_coding(f, e);
	if (r < 0)
		return r;
	if (f->decoder != NULL) {
		*ret = f->block;
		return decode(f, e);
	}
	r = fill(f, e);
	if (r < 0)
		return r;
	size_t n = f->in_n;
	*ret = f->in;
	f->in_n = 0;
	return within(f, n, e);
}

static void inflate_release(struct stream *s)
{
	struct inflate_stream *f = (struct inflate_stream *)s;

	if (f->state != NULL)
		f->decoder->close(f->state);
	free(f->block);
}

static const struct stream_ops inflate_ops = {inflate_next, inflate_release};

struct stream *stream_inflate(struct stream *src, const struct stream_limits *limits)
{
	struct inflate_stream *f = stream_make(sizeof(*f), &inflate_ops, src, true);

	if (f == NULL)
		return NULL;
	f->limits = *limits;
	if (f->limits.max_ratio == 0)
		f->limits.max_ratio = 1;
	return &f->s;
}

int stream_coding(struct stream *s, struct err *e)
{
	struct inflate_stream *f = (struct inflate_stream *)s;

	if (s->code == 0)
		s->code = find_coding(f, &s->why);
	if (s->code < 0) {
		if (e != NULL)
			*e = s->why;
		return s->code;
	}
	if (f->decoder == NULL)
		return STREAM_PLAIN;
	return f->decoder == &gzip_decoder ? STREAM_GZIP : STREAM_ZSTD;
}
