// SPDX-License-Identifier: Apache-2.0
/* A window per tag: so many messages in it, the rest is counted. The table has one size: tags that share a slot push each
 * other out, which costs a count, never memory. */
#include "images/syslog/slog.h"

#include <string.h>

static uint64_t hash(const struct syslog_text *t)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (size_t i = 0; i < t->len && i < SYSLOG_TAG_MAX; i++)
		h = (h ^ (unsigned char)t->p[i]) * 1099511628211u;
	return h;
}

static uint32_t close_slot(struct rate_slot *s, char *ret_tag)
{
	uint32_t n = s->dropped;

	memcpy(ret_tag, s->tag, sizeof(s->tag));
	s->dropped = s->seen = 0;
	return n;
}

bool rate_allow(struct rate *r, const struct syslog_text *tag, int64_t now, uint32_t *ret_over, char *ret_tag)
{
	uint64_t h = hash(tag);
	struct rate_slot *s = &r->slots[h % RATE_SLOTS];

	*ret_over = 0;
	if (r->burst == 0)
		return true;
	if (s->hash != h || now - s->since_ms >= r->window_ms || now < s->since_ms) {
		size_t n = tag->len < SYSLOG_TAG_MAX ? tag->len : SYSLOG_TAG_MAX;
		*ret_over = close_slot(s, ret_tag);
		*s = (struct rate_slot){.hash = h, .since_ms = now};
		if (n > 0)
			memcpy(s->tag, tag->p, n);
	}
	if (s->seen < r->burst) {
		s->seen++;
		return true;
	}
	s->dropped++;
	return false;
}

uint32_t rate_expire(struct rate *r, int64_t now, char *ret_tag)
{
	for (size_t i = 0; i < RATE_SLOTS; i++)
		if (r->slots[i].dropped > 0 && now - r->slots[i].since_ms >= r->window_ms)
			return close_slot(&r->slots[i], ret_tag);
	return 0;
}
