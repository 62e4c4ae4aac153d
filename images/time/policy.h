/* images/time/policy.h - which sample to believe, and what to do about it. Pure. */
#ifndef IMAGES_TIME_POLICY_H
#define IMAGES_TIME_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_STEP_NS INT64_C(500000000) /* what slewing would take a day for is set at once, but only at first */
#define POLICY_POLL_MIN 6 /* log2 of seconds: 64 s */
#define POLICY_POLL_MAX 10

struct sample {
	int64_t offset_ns;   /* what the clock lacks */
	int64_t distance_ns; /* by how much this can be wrong */
	unsigned server;
};

/* The index of the sample to go by: of three and more the one in the middle, so that one that lies has no say; of fewer the
 * one that can be least wrong. n > 0; the order of s is changed. */
size_t policy_choose(struct sample *s, size_t n);

enum policy_do {
	POLICY_SLEW = 1,
	POLICY_STEP = 2,
	POLICY_WAIT = 3, /* far off, though it was right before: see whether it stays so */
};

struct policy {
	bool is_set;	 /* the clock was right once */
	unsigned far;	 /* rounds in a row that were far off, in the same direction */
	bool is_behind;	 /* that direction */
	unsigned good;	 /* rounds in a row that were close */
	unsigned silent; /* rounds in a row without an answer */
	unsigned poll;	 /* log2 of seconds */
};

enum policy_do policy_round(struct policy *p, int64_t offset_ns);

/* Seconds until the next round; answered: whether anybody did. */
unsigned policy_next_s(struct policy *p, bool answered);

#endif
