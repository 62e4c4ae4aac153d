// SPDX-License-Identifier: Apache-2.0
/* Hashes and counts what passes, and compares at the end: the last block is handed out before that is known, so only the
 * end itself is the word that all was right. */
#include "lib/stream/internal.h"

#include "lib/codec/digest.h"

#include <inttypes.h>

struct verify_stream {
	struct stream s;
	struct sha256 hash;
	struct digest want, got;
	uint64_t want_size;
	bool has_want;
};

static int at_end(struct verify_stream *v, struct err *e)
{
	char want[DIGEST_TEXT_SIZE], got[DIGEST_TEXT_SIZE];

	sha256_final(&v->hash, &v->got);
	if (v->want_size != STREAM_ANY_SIZE && v->s.passed != v->want_size)
		return err_say(e, E_DIGEST, "has %" PRIu64 " bytes instead of %" PRIu64, v->s.passed,
			       v->want_size);
	if (v->has_want && !digest_eq(&v->want, &v->got))
		return err_say(e, E_DIGEST, "is %s instead of %s", digest_text(&v->got, got),
			       digest_text(&v->want, want));
	return 0;
}

static ssize_t verify_next(struct stream *s, const void **ret, struct err *e)
{
	struct verify_stream *v = (struct verify_stream *)s;

	ssize_t n = stream_next(s->src, ret, e);
	if (n < 0)
		return n;
	if (n == 0)
		return at_end(v, e);
	/* no need to read on to know that this is something else */
	if (v->want_size != STREAM_ANY_SIZE && (uint64_t)n > v->want_size - s->passed)
		return err_say(e, E_DIGEST, "has more than %" PRIu64 " bytes", v->want_size);
	sha256_update(&v->hash, *ret, (size_t)n);
	return n;
}

static const struct stream_ops verify_ops = {verify_next, NULL};

struct stream *stream_verify(struct stream *src, const struct digest *want, uint64_t want_size)
{
	struct verify_stream *v = stream_make(sizeof(*v), &verify_ops, src, true);

	if (v == NULL)
		return NULL;
	sha256_init(&v->hash);
	v->want_size = want_size;
	v->has_want = want != NULL;
	if (want != NULL)
		v->want = *want;
	return &v->s;
}

bool stream_digest(const struct stream *s, struct digest *ret)
{
	if (s->ops != &verify_ops || !s->at_end)
		return false;
	*ret = ((const struct verify_stream *)s)->got;
	return true;
}
