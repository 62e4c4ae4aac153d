// SPDX-License-Identifier: Apache-2.0
/* A connection's bytes cut in two anywhere must give the same requests as in one piece. */
#include "lib/codec/http1.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	unsigned requests, heads;
	size_t body;
	int end;
	uint32_t sum;
};

static void add(struct seen *s, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->sum = s->sum * 31 + (unsigned char)p[i];
}

static void head(struct seen *s, const struct http1 *h)
{
	const struct http1_head *a = http1_head(h);
	struct http1_query q;
	char *path = malloc(strlen(a->path) + 1);

	s->heads++;
	add(s, a->method, strlen(a->method));
	add(s, a->path, strlen(a->path));
	add(s, a->query, strlen(a->query));
	const char *type = http1_header(h, "Content-Type");
	if (type != NULL)
		add(s, type, strlen(type));
	if (path != NULL && http1_decode(a->path, strlen(a->path), /* is_query= */ false, path) > (int)strlen(a->path))
		abort();
	free(path);
	if (http1_query_parse(a->query, &q, NULL) == 0) {
		for (size_t i = 0; i < q.n; i++)
			add(s, q.pair[i].name, strlen(q.pair[i].name));
		http1_query_release(&q);
	}
}

static void run(const char *p, size_t size, size_t cut, struct seen *s)
{
	struct http1 *h = http1_new();
	size_t at = 0, used = 0, n = 0;
	const char *body = NULL;

	while (h != NULL && at < size) {
		size_t limit = at < cut ? cut : size;
		int ev = http1_feed(h, p + at, limit - at, &used, &body, &n, NULL);
		if (used > limit - at)
			abort();
		at += used;
		if (ev == HTTP1_HEAD)
			head(s, h);
		if (ev == HTTP1_BODY) {
			s->body += n;
			add(s, body, n);
		}
		if (ev == HTTP1_DONE) {
			s->requests++;
			http1_next(h);
		}
		s->end = ev < 0 ? 1 : 0;
		if (ev < 0)
			break;
	}
	http1_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen one = {0}, two = {0};

	run((const char *)data, size, 0, &one);
	run((const char *)data, size, size > 0 ? data[size - 1] % size : 0, &two);
	if (one.requests != two.requests || one.heads != two.heads || one.end != two.end)
		abort();
	/* what of a body was seen before it turned out broken depends on the pieces it came in */
	if (one.end == 0 && (one.body != two.body || one.sum != two.sum))
		abort();
	return 0;
}
