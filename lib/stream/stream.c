// SPDX-License-Identifier: Apache-2.0
/* What all streams share: the sticky error, the count, ownership; and the one at the bottom, a descriptor. */
#include "lib/stream/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void *stream_make(size_t size, const struct stream_ops *ops, struct stream *src, bool has_src)
{
	struct stream *s = has_src && src == NULL ? NULL : calloc(1, size);

	if (s == NULL) {
		stream_free(src);
		return NULL;
	}
	s->ops = ops;
	s->src = src;
	return s;
}

ssize_t stream_next(struct stream *s, const void **ret, struct err *e)
{
	if (s->code < 0) {
		if (e != NULL)
			*e = s->why;
		return s->code;
	}
	if (s->at_end)
		return 0;
	ssize_t n = s->ops->next(s, ret, &s->why);
	if (n < 0) {
		s->code = (int)n;
		if (e != NULL)
			*e = s->why;
	} else if (n == 0) {
		s->at_end = true;
	} else {
		s->passed += (uint64_t)n;
	}
	return n;
}

int stream_drain(struct stream *s, struct err *e)
{
	const void *p;
	ssize_t n;

	do
		n = stream_next(s, &p, e);
	while (n > 0);
	return (int)n;
}

uint64_t stream_passed(const struct stream *s)
{
	return s->passed;
}

void stream_free(struct stream *s)
{
	while (s != NULL) {
		struct stream *src = s->src;
		if (s->ops->release != NULL)
			s->ops->release(s);
		free(s);
		s = src;
	}
}

struct fd_stream {
	struct stream s;
	int fd;
	bool close_it;
	uint8_t block[STREAM_BLOCK];
};

static ssize_t fd_next(struct stream *s, const void **ret, struct err *e)
{
	struct fd_stream *f = (struct fd_stream *)s;
	ssize_t n;

	do
		n = read(f->fd, f->block, sizeof(f->block));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, errno, "read");
	*ret = f->block;
	return n;
}

static void fd_release(struct stream *s)
{
	struct fd_stream *f = (struct fd_stream *)s;

	if (f->close_it)
		close(f->fd);
}

static const struct stream_ops fd_ops = {fd_next, fd_release};

struct stream *stream_fd(int fd, bool close_it)
{
	struct fd_stream *f = stream_make(sizeof(*f), &fd_ops, NULL, false);

	if (f == NULL) {
		if (close_it)
			close(fd);
		return NULL;
	}
	f->fd = fd;
	f->close_it = close_it;
	return &f->s;
}

struct call_stream {
	struct stream s;
	ssize_t (*next)(void *ctx, const void **ret, struct err *e);
	void *ctx;
};

static ssize_t call_next(struct stream *s, const void **ret, struct err *e)
{
	struct call_stream *c = (struct call_stream *)s;

	return c->next(c->ctx, ret, e);
}

static const struct stream_ops call_ops = {call_next, NULL};

struct stream *stream_call(ssize_t (*next)(void *ctx, const void **ret, struct err *e), void *ctx)
{
	struct call_stream *c = stream_make(sizeof(*c), &call_ops, NULL, false);

	if (c != NULL) {
		c->next = next;
		c->ctx = ctx;
	}
	return c != NULL ? &c->s : NULL;
}
