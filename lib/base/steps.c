// SPDX-License-Identifier: Apache-2.0
/* The runner of step tables. */
#include "lib/base/steps.h"

#include "lib/base/err.h"

void steps_undo(const struct step *t, size_t n, void *ctx)
{
	while (n-- > 0)
		if (t[n].undo != NULL)
			t[n].undo(ctx);
}

int steps_run(const struct step *t, size_t n, void *ctx, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int r = t[i].go(ctx, e);
		if (r >= 0)
			continue;
		r = err_wrap(e, r, "%s", t[i].name);
		steps_undo(t, i, ctx);
		return r;
	}
	return 0;
}
