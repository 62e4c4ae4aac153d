// SPDX-License-Identifier: Apache-2.0
/* The clock is set at once when it is first known to be wrong by much; then it is only made faster or slower, unless it
 * stays far off: a virtual machine that was stopped for an hour must not wait days for that hour. */
#include "images/time/policy.h"

#define FAR_ROUNDS 3
#define CLOSE_NS INT64_C(10000000)
#define LOOSE_NS INT64_C(50000000)
#define GOOD_ROUNDS 4

static int64_t size_of(int64_t v)
{
	return v < 0 ? -v : v;
}

size_t policy_choose(struct sample *s, size_t n)
{
	size_t best = 0;

	if (n < 3) {
		for (size_t i = 1; i < n; i++)
			if (s[i].distance_ns < s[best].distance_ns)
				best = i;
		return best;
	}
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && s[k].offset_ns < s[k - 1].offset_ns; k--) {
			struct sample t = s[k];
			s[k] = s[k - 1];
			s[k - 1] = t;
		}
	return n / 2;
}

enum policy_do policy_round(struct policy *p, int64_t offset)
{
	bool is_far = size_of(offset) > POLICY_STEP_NS;

	if (!is_far) {
		p->is_set = true;
		p->far = 0;
		p->good = size_of(offset) < CLOSE_NS ? p->good + 1 : 0;
		if (size_of(offset) > LOOSE_NS)
			p->poll = POLICY_POLL_MIN;
		if (p->good >= GOOD_ROUNDS && p->poll < POLICY_POLL_MAX) {
			p->poll++;
			p->good = 0;
		}
		return POLICY_SLEW;
	}
	p->good = 0;
	p->poll = POLICY_POLL_MIN;
	if (p->far > 0 && p->is_behind != (offset > 0))
		p->far = 0;
	p->is_behind = offset > 0;
	p->far++;
	if (p->is_set && p->far < FAR_ROUNDS)
		return POLICY_WAIT;
	p->is_set = true;
	p->far = 0;
	return POLICY_STEP;
}

unsigned policy_next_s(struct policy *p, bool answered)
{
	if (p->poll < POLICY_POLL_MIN)
		p->poll = POLICY_POLL_MIN;
	if (!answered) {
		unsigned s = p->silent > 4 ? 64 : 2u << p->silent;
		p->silent++;
		return s;
	}
	p->silent = 0;
	if (p->far > 0)
		return 16;
	return 1u << p->poll;
}
