/* userctr/ctr_fsm.h - the life of a container. Pure: a state and an event in, the next state and what to do out.
 *
 *                   START            UP
 *   CREATED/EXITED ──────► STARTING ────► RUNNING ◄──PAUSE/UNPAUSE──► PAUSED
 *        ▲                  │  ▲  ▲        │   │ STOP                    │
 *        │ FAIL             │  │  │DUE     │   ▼      KILL after grace   │ EXIT
 *        └──────────────────┘  │  └──── BACKOFF  STOPPING                │
 *                              │           ▲   │EXIT │ EXIT              │
 *                              └───────────┴───┴─────┴───────────────────┘
 *                        again at once (docker restart), after a while (policy), or EXITED; REMOVING with --rm
 *
 * REMOVING ──GONE──► forgotten, ──STUCK──► DEAD (its files could not be removed; REMOVE tries again).
 */
#ifndef USERCTR_CTR_FSM_H
#define USERCTR_CTR_FSM_H

#include <stdbool.h>
#include <stdint.h>

enum ctr_phase {
	PHASE_CREATED = 1,
	PHASE_STARTING = 2,
	PHASE_RUNNING = 3,
	PHASE_PAUSED = 4,
	PHASE_STOPPING = 5, /* told to end, its grace runs */
	PHASE_BACKOFF = 6,  /* ended, to be started again */
	PHASE_EXITED = 7,
	PHASE_REMOVING = 8,
	PHASE_DEAD = 9,
};
#define PHASE_LAST PHASE_DEAD

enum ctr_event {
	CEV_START = 1,
	CEV_UP = 2,	/* its process runs */
	CEV_FAIL = 3,	/* it could not be started */
	CEV_EXIT = 4,	/* its process ended */
	CEV_STOP = 5,	/* asked to end */
	CEV_GRACE = 6,	/* did not do so in time */
	CEV_PAUSE = 7,
	CEV_UNPAUSE = 8,
	CEV_DUE = 9,	/* back-off is over */
	CEV_REMOVE = 10,
	CEV_GONE = 11,	/* its files are removed */
	CEV_STUCK = 12, /* they could not be */
};
#define CEV_LAST CEV_STUCK

/* What the caller knows besides. */
struct ctr_fsm_in {
	bool has_run;	   /* ever: a failed start leaves CREATED or EXITED */
	bool want_again;   /* docker restart: start again once it has ended */
	bool want_restart; /* the policy says so (ctr_restart_wanted()) */
	bool auto_remove;
	bool force;	   /* REMOVE: kill first */
};

enum ctr_act {
	ACT_LAUNCH = 1u << 0,	   /* make it and start its process */
	ACT_SIGNAL = 1u << 1,	   /* the stop signal, and arm the grace timer */
	ACT_KILL = 1u << 2,	   /* SIGKILL */
	ACT_FREEZE = 1u << 3,
	ACT_THAW = 1u << 4,
	ACT_BACKOFF = 1u << 5,	   /* arm the back-off timer */
	ACT_DISARM = 1u << 6,	   /* no timer any more */
	ACT_SAVE = 1u << 7,	   /* the record changed */
	ACT_TELL_STARTED = 1u << 8, /* waiters for a start, and the event */
	ACT_TELL_FAILED = 1u << 9,
	ACT_TELL_EXIT = 1u << 10,
	ACT_REMOVE = 1u << 11,	   /* remove its files */
	ACT_FORGET = 1u << 12,	   /* waiters for removal, the event, the object */
};

/* Why an event is not for this state. */
enum ctr_refusal {
	REFUSE_NONE = 0,
	REFUSE_DONE = 1,	/* it is so already: 304 */
	REFUSE_NOT_RUNNING = 2,
	REFUSE_RUNNING = 3,	/* remove without force */
	REFUSE_PAUSED = 4,	/* start, pause and remove of a paused one */
	REFUSE_NOT_PAUSED = 5,
	REFUSE_RESTARTING = 6,
	REFUSE_REMOVING = 7,
	REFUSE_BUSY = 8,	/* it is being started or stopped */
	REFUSE_IGNORED = 9,	/* an internal event that came late */
};

struct ctr_fsm_out {
	enum ctr_phase next;
	unsigned acts;
	enum ctr_refusal refusal; /* then next is the old state and there are no acts */
};

struct ctr_fsm_out ctr_fsm_step(enum ctr_phase phase, enum ctr_event event, const struct ctr_fsm_in *in);

const char *ctr_phase_name(enum ctr_phase p);

/*
 * Restart by policy?
 *
 *   name     "no", "always", "unless-stopped", "on-failure"
 *   max      of on-failure; 0 = no limit
 *   count    restarts so far
 *   manual   it was stopped by a request
 */
bool ctr_restart_wanted(const char *name, int64_t max, unsigned count, int exit_code, bool manual);

/* The same when the machine or the daemon comes up and it is not running: was it running when that went down? */
bool ctr_restart_at_boot(const char *name, bool was_running, bool manual);

#define BACKOFF_MIN_MS	 100
#define BACKOFF_MAX_MS	 60000
#define BACKOFF_RESET_MS 10000 /* who ran this long starts over */

/* The wait before the next start: doubled from the last one, from BACKOFF_MIN_MS. */
int64_t ctr_backoff_ms(int64_t last_ms, int64_t ran_ms);

#endif
