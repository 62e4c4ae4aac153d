// SPDX-License-Identifier: Apache-2.0
/* The transition function. One function per group of states; every event is named in each, so that a new event does
 * not compile until every state has an answer to it. */
#include "init/svc_fsm.h"

#include "lib/codec/svcdef.h"

static struct svc_step to(enum svc_state state, unsigned actions)
{
	return (struct svc_step){state, actions};
}

/* DOWN, DONE, FAILED, BACKOFF: nothing of it exists. */
static struct svc_step step_absent(enum svc_state state, enum svc_event event)
{
	switch (event) {
	case SVC_EV_START:
	case SVC_EV_RESTART: return to(SVC_WAITING, SVC_ACT_FORGIVE);
	case SVC_EV_STOP: return to(SVC_DOWN, 0);
	case SVC_EV_PAUSE_OVER: return to(state == SVC_BACKOFF ? SVC_WAITING : state, 0);
	case SVC_EV_DEPS_MET:
	case SVC_EV_DEPS_LOST:
	case SVC_EV_STARTED:
	case SVC_EV_READY:
	case SVC_EV_DONE:
	case SVC_EV_RETRY:
	case SVC_EV_FAIL:
	case SVC_EV_GRACE_OVER:
	case SVC_EV_EMPTY: break;
	}
	return to(state, 0);
}

static struct svc_step step_waiting(enum svc_event event)
{
	switch (event) {
	case SVC_EV_STOP: return to(SVC_DOWN, 0);
	case SVC_EV_DEPS_MET: return to(SVC_STARTING, SVC_ACT_LAUNCH);
	case SVC_EV_DEPS_LOST: return to(SVC_FAILED, 0);
	case SVC_EV_START:
	case SVC_EV_RESTART:
	case SVC_EV_STARTED:
	case SVC_EV_READY:
	case SVC_EV_DONE:
	case SVC_EV_RETRY:
	case SVC_EV_FAIL:
	case SVC_EV_GRACE_OVER:
	case SVC_EV_EMPTY:
	case SVC_EV_PAUSE_OVER: break;
	}
	return to(SVC_WAITING, 0);
}

/* STARTING, RUNNING, READY: an instance exists and is wanted. While the runtime is at work there is no process that a
 * signal could ask, so a stop kills. */
static struct svc_step step_alive(enum svc_state state, enum svc_event event)
{
	bool is_starting = state == SVC_STARTING;

	switch (event) {
	case SVC_EV_STOP:
		return is_starting ? to(SVC_CLEAN_DOWN, SVC_ACT_KILL) : to(SVC_STOPPING, SVC_ACT_SIGNAL);
	case SVC_EV_RESTART:
		return is_starting ? to(SVC_CLEAN_AGAIN, SVC_ACT_KILL | SVC_ACT_FORGIVE)
				   : to(SVC_STOP_AGAIN, SVC_ACT_SIGNAL | SVC_ACT_FORGIVE);
	case SVC_EV_STARTED: return to(is_starting ? SVC_RUNNING : state, 0);
	case SVC_EV_READY: return to(state == SVC_RUNNING ? SVC_READY : state, 0);
	case SVC_EV_DONE: return to(SVC_CLEAN_DONE, SVC_ACT_KILL);
	case SVC_EV_RETRY: return to(SVC_CLEAN_BACKOFF, SVC_ACT_KILL);
	case SVC_EV_FAIL: return to(SVC_CLEAN_FAILED, SVC_ACT_KILL);
	case SVC_EV_START:
	case SVC_EV_DEPS_MET:
	case SVC_EV_DEPS_LOST:
	case SVC_EV_GRACE_OVER:
	case SVC_EV_EMPTY:
	case SVC_EV_PAUSE_OVER: break;
	}
	return to(state, 0);
}

/* STOPPING, STOP_AGAIN: the first process was asked to end. How it ends does not matter any more. */
static struct svc_step step_stopping(enum svc_state state, enum svc_event event)
{
	switch (event) {
	case SVC_EV_START:
	case SVC_EV_RESTART: return to(SVC_STOP_AGAIN, SVC_ACT_FORGIVE);
	case SVC_EV_STOP: return to(SVC_STOPPING, 0);
	case SVC_EV_DONE:
	case SVC_EV_RETRY:
	case SVC_EV_FAIL:
	case SVC_EV_GRACE_OVER:
		return to(state == SVC_STOPPING ? SVC_CLEAN_DOWN : SVC_CLEAN_AGAIN, SVC_ACT_KILL);
	case SVC_EV_DEPS_MET:
	case SVC_EV_DEPS_LOST:
	case SVC_EV_STARTED:
	case SVC_EV_READY:
	case SVC_EV_EMPTY:
	case SVC_EV_PAUSE_OVER: break;
	}
	return to(state, 0);
}

/* CLEAN_*: killed, waiting for the last process to be gone. */
static struct svc_step step_cleaning(enum svc_state state, enum svc_state after, unsigned actions, enum svc_event event)
{
	switch (event) {
	case SVC_EV_EMPTY: return to(after, actions);
	case SVC_EV_STOP: return to(SVC_CLEAN_DOWN, 0);
	case SVC_EV_START:
	case SVC_EV_RESTART: return to(SVC_CLEAN_AGAIN, SVC_ACT_FORGIVE);
	case SVC_EV_DEPS_MET:
	case SVC_EV_DEPS_LOST:
	case SVC_EV_STARTED:
	case SVC_EV_READY:
	case SVC_EV_DONE:
	case SVC_EV_RETRY:
	case SVC_EV_FAIL:
	case SVC_EV_GRACE_OVER:
	case SVC_EV_PAUSE_OVER: break;
	}
	return to(state, 0);
}

struct svc_step svc_step(enum svc_state state, enum svc_event event)
{
	switch (state) {
	case SVC_DOWN:
	case SVC_DONE:
	case SVC_FAILED:
	case SVC_BACKOFF: return step_absent(state, event);
	case SVC_WAITING: return step_waiting(event);
	case SVC_STARTING:
	case SVC_RUNNING:
	case SVC_READY: return step_alive(state, event);
	case SVC_STOPPING:
	case SVC_STOP_AGAIN: return step_stopping(state, event);
	case SVC_CLEAN_DOWN: return step_cleaning(state, SVC_DOWN, 0, event);
	case SVC_CLEAN_DONE: return step_cleaning(state, SVC_DONE, 0, event);
	case SVC_CLEAN_BACKOFF: return step_cleaning(state, SVC_BACKOFF, SVC_ACT_PAUSE, event);
	case SVC_CLEAN_FAILED: return step_cleaning(state, SVC_FAILED, 0, event);
	case SVC_CLEAN_AGAIN: return step_cleaning(state, SVC_WAITING, 0, event);
	}
	return to(state, 0); /* a number that is no state: leave it alone */
}

/* Does an exit with 0 fulfil what the service is for? */
static bool is_fulfilled(const struct svcdef *def, const struct svc_end *end)
{
	if (!end->is_success)
		return false;
	switch ((enum svcdef_ready)def->ready) {
	case SVCDEF_READY_EXIT: return true;
	case SVCDEF_READY_STARTED: return def->restart != SVCDEF_RESTART_ALWAYS;
	case SVCDEF_READY_NOTIFY: return end->was_ready && def->restart != SVCDEF_RESTART_ALWAYS;
	}
	return false;
}

enum svc_event svc_judge(const struct svcdef *def, const struct svc_end *end)
{
	if (is_fulfilled(def, end))
		return SVC_EV_DONE;
	if (def->restart == SVCDEF_RESTART_NO || end->is_limit_hit || end->is_permanent)
		return SVC_EV_FAIL;
	return SVC_EV_RETRY;
}

enum ctl_svc_state svc_state_told(enum svc_state state)
{
	switch (state) {
	case SVC_DOWN: return CTL_SVC_DOWN;
	case SVC_WAITING: return CTL_SVC_WAITING;
	case SVC_STARTING: return CTL_SVC_STARTING;
	case SVC_RUNNING: return CTL_SVC_RUNNING;
	case SVC_READY: return CTL_SVC_READY;
	case SVC_DONE: return CTL_SVC_DONE;
	case SVC_BACKOFF: return CTL_SVC_BACKOFF;
	case SVC_FAILED: return CTL_SVC_FAILED;
	case SVC_STOPPING:
	case SVC_STOP_AGAIN:
	case SVC_CLEAN_DOWN:
	case SVC_CLEAN_DONE:
	case SVC_CLEAN_BACKOFF:
	case SVC_CLEAN_FAILED:
	case SVC_CLEAN_AGAIN: break;
	}
	return CTL_SVC_STOPPING;
}

const char *svc_state_name(enum svc_state state)
{
	switch (svc_state_told(state)) {
	case CTL_SVC_DOWN: return "down";
	case CTL_SVC_WAITING: return "waiting";
	case CTL_SVC_STARTING: return "starting";
	case CTL_SVC_RUNNING: return "running";
	case CTL_SVC_READY: return "ready";
	case CTL_SVC_DONE: return "done";
	case CTL_SVC_BACKOFF: return "backoff";
	case CTL_SVC_STOPPING: return "stopping";
	case CTL_SVC_FAILED: return "failed";
	}
	return "unknown";
}

bool svc_is_settled(enum svc_state state)
{
	switch (state) {
	case SVC_DOWN:
	case SVC_DONE:
	case SVC_FAILED: return true;
	case SVC_WAITING:
	case SVC_STARTING:
	case SVC_RUNNING:
	case SVC_READY:
	case SVC_BACKOFF:
	case SVC_STOPPING:
	case SVC_STOP_AGAIN:
	case SVC_CLEAN_DOWN:
	case SVC_CLEAN_DONE:
	case SVC_CLEAN_BACKOFF:
	case SVC_CLEAN_FAILED:
	case SVC_CLEAN_AGAIN: break;
	}
	return false;
}
