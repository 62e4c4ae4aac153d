/* init/pid1.h - the one object of PID 1, and what its parts offer each other.
 *
 * Everything is static: nothing is allocated, ever. Loop handlers only note what they saw (wishes); act() in act.c is
 * the one place that does anything about it, after every batch of events.
 */
#ifndef INIT_PID1_H
#define INIT_PID1_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/control.h"
#include "init/limits.h"
#include "init/svc.h"
#include "lib/codec/cmdline.h"
#include "lib/codec/ctl.h"
#include "lib/loop/loop.h"

struct err;
struct step;

#define BOOT_STATE_FDS 6 /* = STATE_FDS of state_probe.h */

enum want {
	WANT_REAP = 1u << 0,  /* children have ended */
	WANT_GRAPH = 1u << 1, /* a service changed: look who may start or stop now */
	WANT_POWER = 1u << 2, /* `power` was asked for */
};

/* A child of PID 1 that is no service: the state probe, an emergency shell, the unmounter. */
struct child {
	pid_t pid; /* 0: none */
	int status;
	void (*ended)(struct child *c); /* may be NULL: somebody waits for pid to become 0 */
	struct child *next;
};

struct boot_time {
	const char *name;
	uint64_t start_usec, end_usec; /* since PID 1's start */
};

struct shell {
	struct child child;
	struct timer again;
	struct pid1 *p;
	char tty[CONSOLE_NAME_MAX];
};

struct pid1 {
	struct loop loop;
	struct source signals;
	struct timer kick; /* due at once: another round of act() without waiting for an event */
	struct timer patience;
	int64_t start_usec; /* CLOCK_MONOTONIC at the start of main() */
	unsigned want;	    /* enum want */

	char cmdline[CMDLINE_MAX];
	size_t cmdline_len;
	char consoles[CONSOLES_MAX][CONSOLE_NAME_MAX];
	unsigned console_count;

	const struct step *steps; /* the boot table */
	unsigned steps_done;
	bool is_booting; /* a boot step is at work: a shutdown begins behind it */
	struct boot_time times[BOOT_STEPS_MAX];
	unsigned time_count;
	struct child prober;
	int state_fds[BOOT_STATE_FDS]; /* owned; detached mounts on their way to their places */
	bool is_state_mounted, is_state_on_disk;

	struct svc svcs[SERVICES_MAX];
	unsigned svc_count;
	uint64_t pending[SERVICES_MAX / 64]; /* bit i: svcs[i] has wishes */
	struct svc_socket sockets[SOCKETS_MAX]; /* places as in the table */
	struct stored stored[STORED_MAX];
	unsigned starting; /* services in SVC_STARTING */
	bool is_started; /* services were asked to start */
	bool is_ready_said;
	uint64_t ready_usec;
	struct {
		pid_t pid;
		int status;
	} orphans[ORPHANS_MAX];
	unsigned orphan_next;

	struct child *children;
	struct control control;

	struct shell shells[CONSOLES_MAX];
	unsigned shell_count;
	char emergency[512]; /* the reason; "" = there is none */

	enum ctl_power power; /* 0: not asked */
	int phase;	      /* of the shutdown; -1 = not begun */
	struct timer phase_due, total_due;
	struct child unmounter;
	bool is_childless;

	int watchdog; /* descriptor, -1 = none */
	struct timer watchdog_feed;
	int64_t watchdog_ms;

	char io[LOG_READ_BYTES]; /* one transfer at a time */
	_Alignas(8) unsigned char table[sizeof(struct svcdef_header) + SERVICES_MAX * sizeof(struct svcdef) +
				       SOCKETS_MAX * sizeof(struct svcdef_socket)];
};

/* act.c */
void act(struct loop *l);
void act_soon(struct pid1 *p, unsigned want);
int signals_setup(struct pid1 *p, struct err *e);

/* boot.c: run the table; on failure the emergency console is on and the failing step's -errno is returned.
 * -ECANCELED: a shutdown was asked for meanwhile. */
int boot_run(struct pid1 *p);

/* reap.c */
void reap(struct pid1 *p);
void child_watch(struct pid1 *p, struct child *c, pid_t pid);
/* Run the loop until c has ended. -ETIMEDOUT: killed; it may linger. -ECANCELED: killed, a shutdown was asked for. */
int child_await(struct pid1 *p, struct child *c, int64_t timeout_ms, struct err *e);
/* How an unknown process ended, if that is still remembered. */
bool orphan_take(struct pid1 *p, pid_t pid, int *ret_status);

/* emergency.c: shells on every console, saying why. May be called again with another reason. */
void emergency_begin(struct pid1 *p, const char *reason);
void emergency_end(struct pid1 *p);

/* shutdown.c */
void shutdown_ask(struct pid1 *p, enum ctl_power power, const char *who);
void shutdown_begin(struct pid1 *p);
void shutdown_advance(struct pid1 *p);
bool shutdown_is_on(const struct pid1 *p);

/* report.c: the line that says that the boot is over. */
void report_progress(struct pid1 *p);
void report_begin(struct pid1 *p);

/* watchdog.c */
void watchdog_begin(struct pid1 *p);
void watchdog_end(struct pid1 *p, bool disarm);

uint64_t since_start_usec(const struct pid1 *p);

#endif
