// SPDX-License-Identifier: Apache-2.0
/* Who waits for a turn of a container's life. */
#include "userctr/ctr_internal.h"

#include "lib/base/owned.h"

void ctr_wait(struct ctr *c, struct ctr_waiter *w)
{
	list_add_tail(&c->life->waiters, &w->link);
}

void ctr_wait_cancel(struct ctr_waiter *w)
{
	list_del(&w->link);
}

/* Those that come while others are told wait for the next time: the due ones are set aside first. */
void ctr_wake(struct ctr *c, enum ctr_wait_for what, const struct err *e)
{
	struct list due = LIST_INIT(due);

	list_for_each_safe(it, &c->life->waiters) {
		struct ctr_waiter *w = owner_of(it, struct ctr_waiter, link);
		if (w->what != what)
			continue;
		list_del(it);
		list_add_tail(&due, it);
	}
	while (!list_is_empty(&due)) {
		struct ctr_waiter *w = owner_of(due.next, struct ctr_waiter, link);
		list_del(&w->link);
		w->done(w, c, e);
	}
}
