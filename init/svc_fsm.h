/* init/svc_fsm.h - the life of a service as a pure function: (state, event) -> (state, actions).
 *
 * Nothing here has an effect; svc.c performs the actions. The whole table is drawn in docs/boot.md and tested cell by
 * cell.
 */
#ifndef INIT_SVC_FSM_H
#define INIT_SVC_FSM_H

#include <stdbool.h>

#include "lib/codec/ctl.h"

struct svcdef;

/* 1 to 9 are told to clients as they are; the others are phases of "stopping". */
enum svc_state {
	SVC_DOWN = CTL_SVC_DOWN,
	SVC_WAITING = CTL_SVC_WAITING,
	SVC_STARTING = CTL_SVC_STARTING, /* sysctr service-run is at work */
	SVC_RUNNING = CTL_SVC_RUNNING,
	SVC_READY = CTL_SVC_READY,
	SVC_DONE = CTL_SVC_DONE,
	SVC_BACKOFF = CTL_SVC_BACKOFF,
	SVC_STOPPING = CTL_SVC_STOPPING, /* asked to stop; its grace runs */
	SVC_FAILED = CTL_SVC_FAILED,
	SVC_STOP_AGAIN = 10, /* as STOPPING, to be started again */
	/* the instance is over; what is left of it was killed and is waited for, then: */
	SVC_CLEAN_DOWN = 11,
	SVC_CLEAN_DONE = 12,
	SVC_CLEAN_BACKOFF = 13,
	SVC_CLEAN_FAILED = 14,
	SVC_CLEAN_AGAIN = 15,
};
#define SVC_STATE_FIRST SVC_DOWN
#define SVC_STATE_LAST	SVC_CLEAN_AGAIN

enum svc_event {
	SVC_EV_START = 1,     /* wanted: by the graph at boot, by a dependant, by a person */
	SVC_EV_STOP = 2,      /* not wanted any more */
	SVC_EV_RESTART = 3,   /* stop if need be, then start */
	SVC_EV_DEPS_MET = 4,  /* all it waits for is there */
	SVC_EV_DEPS_LOST = 5, /* something it needs has failed */
	SVC_EV_STARTED = 6,   /* its first process has exec'ed */
	SVC_EV_READY = 7,
	SVC_EV_DONE = 8,       /* the instance is over, and well; no more of it */
	SVC_EV_RETRY = 9,      /* the instance is over (or judged so); another one after a pause */
	SVC_EV_FAIL = 10,      /* the instance is over (or judged so); no more of it */
	SVC_EV_GRACE_OVER = 11, /* it had its time to stop */
	SVC_EV_EMPTY = 12,     /* no process of it is left */
	SVC_EV_PAUSE_OVER = 13, /* the pause before a restart */
};
#define SVC_EV_FIRST SVC_EV_START
#define SVC_EV_LAST  SVC_EV_PAUSE_OVER

enum svc_action {
	SVC_ACT_LAUNCH = 1u << 0, /* spawn the runtime, arm the start timeout */
	SVC_ACT_SIGNAL = 1u << 1, /* send the stop signal, arm the grace */
	SVC_ACT_KILL = 1u << 2,	  /* kill the runtime and the cgroup, look whether it is empty */
	SVC_ACT_PAUSE = 1u << 3,  /* arm the back-off */
	SVC_ACT_FORGIVE = 1u << 4, /* forget earlier failures: a person or the boot wants a new beginning */
};

struct svc_step {
	enum svc_state state;
	unsigned actions; /* enum svc_action */
};

struct svc_step svc_step(enum svc_state state, enum svc_event event);

/* What an end means under the service's policy. */
struct svc_end {
	bool is_success;    /* the first process exited with 0 */
	bool was_ready;	    /* it had become ready (RUNNING is not enough) */
	bool is_limit_hit;  /* too many starts in its window */
	bool is_permanent;  /* starting again cannot help: the configuration is refused */
};

/* Returns SVC_EV_DONE, SVC_EV_RETRY or SVC_EV_FAIL. */
enum svc_event svc_judge(const struct svcdef *def, const struct svc_end *end);

enum ctl_svc_state svc_state_told(enum svc_state state);
const char *svc_state_name(enum svc_state state); /* "ready"; static */

/* Is nothing of it running, and nothing about to without a new event from outside? */
bool svc_is_settled(enum svc_state state);

#endif
