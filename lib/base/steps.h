/* lib/base/steps.h - a procedure longer than a screen is a table, not a function. */
#ifndef BASE_STEPS_H
#define BASE_STEPS_H

#include <stddef.h>

struct err;

struct step {
	const char *name; /* becomes the error context */
	int (*go)(void *ctx, struct err *e); /* 0 or -errno */
	void (*undo)(void *ctx); /* NULL: nothing outside this process to take back */
};

/*
 * Run t[0..n) in order; when one fails, undo the done ones in reverse order.
 *
 * Returns  0, or the failing step's -errno with its name put before the message.
 */
int steps_run(const struct step *t, size_t n, void *ctx, struct err *e);

/* Undo all n steps in reverse order: for what must be taken back later, after a run that went well. */
void steps_undo(const struct step *t, size_t n, void *ctx);

#endif
