// SPDX-License-Identifier: Apache-2.0
/* The life of a container as a function. No effects here: ctr_life.c has them. */
#include "userctr/ctr_fsm.h"

#include <string.h>

static struct ctr_fsm_out to(enum ctr_phase next, unsigned acts)
{
	return (struct ctr_fsm_out){.next = next, .acts = acts};
}

static struct ctr_fsm_out refuse(enum ctr_phase same, enum ctr_refusal why)
{
	return (struct ctr_fsm_out){.next = same, .refusal = why};
}

static struct ctr_fsm_out ended(const struct ctr_fsm_in *in)
{
	if (in->want_again)
		return to(PHASE_STARTING, ACT_DISARM | ACT_SAVE | ACT_TELL_EXIT | ACT_LAUNCH);
	if (in->want_restart)
		return to(PHASE_BACKOFF, ACT_DISARM | ACT_SAVE | ACT_TELL_EXIT | ACT_BACKOFF);
	if (in->auto_remove)
		return to(PHASE_REMOVING, ACT_DISARM | ACT_SAVE | ACT_TELL_EXIT | ACT_REMOVE);
	return to(PHASE_EXITED, ACT_DISARM | ACT_SAVE | ACT_TELL_EXIT);
}

/* Neither running nor on its way: CREATED and EXITED. */
static struct ctr_fsm_out at_rest(enum ctr_phase p, enum ctr_event ev)
{
	switch (ev) {
	case CEV_START: return to(PHASE_STARTING, ACT_LAUNCH);
	case CEV_STOP: return refuse(p, REFUSE_DONE);
	case CEV_REMOVE: return to(PHASE_REMOVING, ACT_SAVE | ACT_REMOVE);
	case CEV_PAUSE: return refuse(p, REFUSE_NOT_RUNNING);
	case CEV_UNPAUSE: return refuse(p, REFUSE_NOT_PAUSED);
	case CEV_UP:
	case CEV_FAIL:
	case CEV_EXIT:
	case CEV_GRACE:
	case CEV_DUE:
	case CEV_GONE:
	case CEV_STUCK: return refuse(p, REFUSE_IGNORED);
	}
	return refuse(p, REFUSE_IGNORED);
}

static struct ctr_fsm_out starting(enum ctr_event ev, const struct ctr_fsm_in *in)
{
	const enum ctr_phase p = PHASE_STARTING;

	switch (ev) {
	case CEV_UP: return to(PHASE_RUNNING, ACT_SAVE | ACT_TELL_STARTED);
	case CEV_FAIL:
		if (in->want_restart) /* it ran before, and the policy wants it up */
			return to(PHASE_BACKOFF, ACT_SAVE | ACT_TELL_FAILED | ACT_BACKOFF);
		if (in->auto_remove)
			return to(PHASE_REMOVING, ACT_SAVE | ACT_TELL_FAILED | ACT_REMOVE);
		return to(in->has_run ? PHASE_EXITED : PHASE_CREATED, ACT_SAVE | ACT_TELL_FAILED);
	case CEV_START:
	case CEV_STOP:
	case CEV_REMOVE: return refuse(p, REFUSE_BUSY);
	case CEV_PAUSE: return refuse(p, REFUSE_NOT_RUNNING);
	case CEV_UNPAUSE: return refuse(p, REFUSE_NOT_PAUSED);
	case CEV_EXIT:
	case CEV_GRACE:
	case CEV_DUE:
	case CEV_GONE:
	case CEV_STUCK: return refuse(p, REFUSE_IGNORED);
	}
	return refuse(p, REFUSE_IGNORED);
}

static struct ctr_fsm_out running(enum ctr_event ev, const struct ctr_fsm_in *in)
{
	const enum ctr_phase p = PHASE_RUNNING;

	switch (ev) {
	case CEV_START: return refuse(p, REFUSE_DONE);
	case CEV_EXIT: return ended(in);
	case CEV_STOP: return to(PHASE_STOPPING, ACT_SIGNAL);
	case CEV_PAUSE: return to(PHASE_PAUSED, ACT_FREEZE | ACT_SAVE);
	case CEV_UNPAUSE: return refuse(p, REFUSE_NOT_PAUSED);
	case CEV_REMOVE: return in->force ? to(PHASE_STOPPING, ACT_KILL) : refuse(p, REFUSE_RUNNING);
	case CEV_UP:
	case CEV_FAIL:
	case CEV_GRACE:
	case CEV_DUE:
	case CEV_GONE:
	case CEV_STUCK: return refuse(p, REFUSE_IGNORED);
	}
	return refuse(p, REFUSE_IGNORED);
}

static struct ctr_fsm_out paused(enum ctr_event ev, const struct ctr_fsm_in *in)
{
	const enum ctr_phase p = PHASE_PAUSED;

	switch (ev) {
	case CEV_START:
	case CEV_PAUSE: return refuse(p, REFUSE_PAUSED);
	case CEV_UNPAUSE: return to(PHASE_RUNNING, ACT_THAW | ACT_SAVE);
	case CEV_EXIT: return ended(in);
	/* signals wait for a frozen process, but for SIGKILL */
	case CEV_STOP: return to(PHASE_STOPPING, ACT_SIGNAL | ACT_THAW);
	case CEV_REMOVE: return in->force ? to(PHASE_STOPPING, ACT_KILL | ACT_THAW) : refuse(p, REFUSE_PAUSED);
	case CEV_UP:
	case CEV_FAIL:
	case CEV_GRACE:
	case CEV_DUE:
	case CEV_GONE:
	case CEV_STUCK: return refuse(p, REFUSE_IGNORED);
	}
	return refuse(p, REFUSE_IGNORED);
}

static struct ctr_fsm_out stopping(enum ctr_event ev, const struct ctr_fsm_in *in)
{
	const enum ctr_phase p = PHASE_STOPPING;

	switch (ev) {
	case CEV_START: return refuse(p, REFUSE_DONE);
	case CEV_EXIT: return ended(in);
	case CEV_STOP: return to(p, ACT_SIGNAL); /* a second one may have less patience */
	case CEV_GRACE: return to(p, ACT_KILL);
	case CEV_REMOVE: return in->force ? to(p, ACT_KILL) : refuse(p, REFUSE_RUNNING);
	case CEV_PAUSE: return refuse(p, REFUSE_BUSY);
	case CEV_UNPAUSE: return refuse(p, REFUSE_NOT_PAUSED);
	case CEV_UP:
	case CEV_FAIL:
	case CEV_DUE:
	case CEV_GONE:
	case CEV_STUCK: return refuse(p, REFUSE_IGNORED);
	}
	return refuse(p, REFUSE_IGNORED);
}

static struct ctr_fsm_out backoff(enum ctr_event ev, const struct ctr_fsm_in *in)
{
	const enum ctr_phase p = PHASE_BACKOFF;

	switch (ev) {
	case CEV_DUE: return to(PHASE_STARTING, ACT_LAUNCH);
	case CEV_START: return to(PHASE_STARTING, ACT_DISARM | ACT_LAUNCH);
	case CEV_STOP: return to(PHASE_EXITED, ACT_DISARM | ACT_SAVE);
	case CEV_REMOVE:
		return in->force ? to(PHASE_REMOVING, ACT_DISARM | ACT_SAVE | ACT_REMOVE)
				 : refuse(p, REFUSE_RESTARTING);
	case CEV_PAUSE: return refuse(p, REFUSE_RESTARTING);
	case CEV_UNPAUSE: return refuse(p, REFUSE_NOT_PAUSED);
	case CEV_UP:
	case CEV_FAIL:
	case CEV_EXIT:
	case CEV_GRACE:
	case CEV_GONE:
	case CEV_STUCK: return refuse(p, REFUSE_IGNORED);
	}
	return refuse(p, REFUSE_IGNORED);
}

/* REMOVING and DEAD */
static struct ctr_fsm_out leaving(enum ctr_phase p, enum ctr_event ev)
{
	switch (ev) {
	case CEV_REMOVE: return p == PHASE_DEAD ? to(PHASE_REMOVING, ACT_REMOVE) : refuse(p, REFUSE_REMOVING);
	case CEV_GONE: return p == PHASE_REMOVING ? to(p, ACT_FORGET) : refuse(p, REFUSE_IGNORED);
	case CEV_STUCK: return p == PHASE_REMOVING ? to(PHASE_DEAD, ACT_SAVE) : refuse(p, REFUSE_IGNORED);
	case CEV_STOP: return refuse(p, REFUSE_DONE);
	case CEV_START: return refuse(p, REFUSE_REMOVING);
	case CEV_PAUSE: return refuse(p, REFUSE_NOT_RUNNING);
	case CEV_UNPAUSE: return refuse(p, REFUSE_NOT_PAUSED);
	case CEV_UP:
	case CEV_FAIL:
	case CEV_EXIT:
	case CEV_GRACE:
	case CEV_DUE: return refuse(p, REFUSE_IGNORED);
	}
	return refuse(p, REFUSE_IGNORED);
}

struct ctr_fsm_out ctr_fsm_step(enum ctr_phase phase, enum ctr_event event, const struct ctr_fsm_in *in)
{
	switch (phase) {
	case PHASE_CREATED:
	case PHASE_EXITED: return at_rest(phase, event);
	case PHASE_STARTING: return starting(event, in);
	case PHASE_RUNNING: return running(event, in);
	case PHASE_PAUSED: return paused(event, in);
	case PHASE_STOPPING: return stopping(event, in);
	case PHASE_BACKOFF: return backoff(event, in);
	case PHASE_REMOVING:
	case PHASE_DEAD: return leaving(phase, event);
	}
	return refuse(phase, REFUSE_IGNORED);
}

const char *ctr_phase_name(enum ctr_phase p)
{
	static const char *const names[] = {"", "created", "starting", "running", "paused", "stopping",
					    "backoff", "exited", "removing", "dead"};

	return p >= PHASE_CREATED && p <= PHASE_LAST ? names[p] : "unknown";
}

bool ctr_restart_wanted(const char *name, int64_t max, unsigned count, int exit_code, bool manual)
{
	if (manual)
		return false;
	if (strcmp(name, "on-failure") == 0)
		return exit_code != 0 && (max <= 0 || count < max);
	return strcmp(name, "always") == 0 || strcmp(name, "unless-stopped") == 0;
}

bool ctr_restart_at_boot(const char *name, bool was_running, bool manual)
{
	if (strcmp(name, "always") == 0)
		return was_running || manual; /* also one that was stopped: docker's difference between the two */
	if (strcmp(name, "unless-stopped") == 0)
		return was_running && !manual;
	return strcmp(name, "on-failure") == 0 && was_running;
}

int64_t ctr_backoff_ms(int64_t last_ms, int64_t ran_ms)
{
	if (last_ms <= 0 || ran_ms >= BACKOFF_RESET_MS)
		return BACKOFF_MIN_MS;
	return last_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : last_ms * 2;
}
