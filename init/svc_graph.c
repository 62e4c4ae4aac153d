// SPDX-License-Identifier: Apache-2.0
/* Who may start: WAITING services whose dependencies are met. Who may stop at shutdown: services that nobody alive
 * depends on. Looked at again, as a whole, after every batch in which a service changed. */
#include "init/pid1.h"
#include "init/svc.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

enum dep_answer {
	DEP_MET = 1,
	DEP_PENDING,
	DEP_LOST,
};

bool svc_is_by_hand(const struct svc *s)
{
	return (s->def->flags & (SVCDEF_CREATE_ONLY | SVCDEF_ON_DEMAND)) != 0;
}

bool svc_dep_counts(const struct svc *s, unsigned dep)
{
	return (s->ignored_deps & (1u << dep)) == 0;
}

/* Has it reached what is waited for? */
static bool is_reached(const struct svc *on, enum svcdef_condition condition)
{
	enum svc_state st = on->state;

	switch (condition) {
	case SVCDEF_DEP_STARTED: return st == SVC_RUNNING || st == SVC_READY || st == SVC_DONE;
	case SVCDEF_DEP_READY: return st == SVC_READY || st == SVC_DONE;
	case SVCDEF_DEP_COMPLETED: return st == SVC_DONE;
	}
	return true;
}

static enum dep_answer ask(const struct svc *s, unsigned d)
{
	const struct svcdef_dep *dep = &s->def->deps[d];
	const struct svc *on = &s->p->svcs[dep->index];

	if (!svc_dep_counts(s, d) || is_reached(on, dep->condition))
		return DEP_MET;
	switch ((enum svc_state)on->state) {
	case SVC_FAILED: return dep->required != 0 ? DEP_LOST : DEP_MET;
	case SVC_DOWN:
		/* never started by the graph, so nobody waits for it: clients of a socket wait there; one that a person stopped is not needed by an order */
		if (svc_is_by_hand(on) || dep->required == 0)
			return DEP_MET;
		return DEP_PENDING;
	case SVC_BACKOFF: /* for an order it has had its chance */
		return dep->required != 0 ? DEP_PENDING : DEP_MET;
	case SVC_WAITING:
	case SVC_STARTING:
	case SVC_RUNNING:
	case SVC_READY:
	case SVC_DONE:
	case SVC_STOPPING:
	case SVC_STOP_AGAIN:
	case SVC_CLEAN_DOWN:
	case SVC_CLEAN_DONE:
	case SVC_CLEAN_BACKOFF:
	case SVC_CLEAN_FAILED:
	case SVC_CLEAN_AGAIN: break;
	}
	return DEP_PENDING;
}

/* Sources of the instance before are closed at the end of the batch; until then there is no place for new ones. */
static bool is_leaving(const struct svc *s)
{
	return s->report.leaving || s->log.leaving || s->events.leaving;
}

static void try_start(struct svc *s)
{
	enum dep_answer all = DEP_MET;

	for (unsigned d = 0; d < s->def->dep_count && all != DEP_LOST; d++) {
		enum dep_answer a = ask(s, d);
		if (a == DEP_LOST)
			svc_reason(s, "needs '%s', which failed", s->p->svcs[s->def->deps[d].index].def->name);
		if (a > all)
			all = a;
	}
	if (all == DEP_LOST) {
		svc_event(s, SVC_EV_DEPS_LOST);
	} else if (all == DEP_MET && s->p->starting < PARALLEL_MAX) {
		if (is_leaving(s))
			act_soon(s->p, WANT_GRAPH);
		else
			svc_event(s, SVC_EV_DEPS_MET);
	}
}

/* At shutdown: whoever nobody alive depends on may stop. Services that do not run need not wait for their turn. */
static void stop_in_order(struct pid1 *p)
{
	for (unsigned i = 0; i < p->svc_count; i++) {
		struct svc *s = &p->svcs[i];
		if (s->state == SVC_WAITING || s->state == SVC_BACKOFF)
			svc_event(s, SVC_EV_STOP);
		if (svc_is_settled(s->state))
			continue;
		for (unsigned d = 0; d < s->def->dep_count; d++)
			if (svc_dep_counts(s, d))
				p->svcs[s->def->deps[d].index].marks |= SVC_MARK_VISITED;
	}
	for (unsigned i = 0; i < p->svc_count; i++) {
		struct svc *s = &p->svcs[i];
		if ((s->marks & SVC_MARK_VISITED) == 0 && !svc_is_settled(s->state))
			svc_event(s, SVC_EV_STOP);
		s->marks &= (uint8_t)~SVC_MARK_VISITED;
	}
}

void svc_graph(struct pid1 *p)
{
	if (shutdown_is_on(p)) {
		stop_in_order(p);
		return;
	}
	for (unsigned i = 0; i < p->svc_count; i++)
		if (p->svcs[i].state == SVC_WAITING)
			try_start(&p->svcs[i]);
}

static bool is_absent(const struct svc *s)
{
	return s->state == SVC_DOWN || s->state == SVC_FAILED;
}

void svc_want(struct svc *s, unsigned wish)
{
	struct pid1 *p = s->p;

	/* mark what s needs and what that needs; as many rounds as the longest chain */
	s->marks |= SVC_MARK_VISITED;
	for (bool again = true; again;) {
		again = false;
		for (unsigned i = 0; i < p->svc_count; i++) {
			const struct svc *it = &p->svcs[i];
			if ((it->marks & SVC_MARK_VISITED) == 0)
				continue;
			for (unsigned d = 0; d < it->def->dep_count; d++) {
				struct svc *on = &p->svcs[it->def->deps[d].index];
				if (it->def->deps[d].required == 0 || (on->marks & SVC_MARK_VISITED) != 0 ||
				    svc_is_by_hand(on) || !is_absent(on))
					continue;
				on->marks |= SVC_MARK_VISITED;
				again = true;
			}
		}
	}
	for (unsigned i = 0; i < p->svc_count; i++) {
		if ((p->svcs[i].marks & SVC_MARK_VISITED) == 0)
			continue;
		p->svcs[i].marks &= (uint8_t)~SVC_MARK_VISITED;
		svc_wish(&p->svcs[i], &p->svcs[i] == s ? wish : SVC_WISH_START);
	}
}
