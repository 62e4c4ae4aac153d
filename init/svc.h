/* init/svc.h - one service at run time, and the effects of its transitions.
 *
 *   svc_table.c    load the compiled table, find and break cycles, find a service by name
 *   svc_graph.c    who may start, who may stop, in which order
 *   svc.c          events into transitions, transitions into effects
 *   svc_launch.c   spawn the runtime, take its report
 *   svc_log.c      captured output: files, rotation, rate
 *   svc_notify.c   NOTIFY_SOCKET
 *   svc_cgroup.c   kill what is left, know when nothing is
 *   svc_socket.c   sockets listened on for it (LISTEN_FDS)
 *   svc_fdstore.c  descriptors kept for it
 */
#ifndef INIT_SVC_H
#define INIT_SVC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/limits.h"
#include "init/svc_fsm.h"
#include "lib/codec/svcdef.h"
#include "lib/loop/loop.h"

struct pid1;

/* What handlers saw, until act() deals with it; in the order of dealing. */
enum svc_wish {
	SVC_WISH_REPORT = 1u << 0, /* the runtime's message, or the end of its socket, is there */
	SVC_WISH_READY = 1u << 1,
	SVC_WISH_ENDED = 1u << 2,  /* the first process was reaped; status is in `status` */
	SVC_WISH_TIMER = 1u << 3,
	SVC_WISH_STOP = 1u << 4,
	SVC_WISH_START = 1u << 5,
	SVC_WISH_RESTART = 1u << 6,
	SVC_WISH_EMPTY = 1u << 7, /* look whether anything is left */
	SVC_WISH_ALIVE = 1u << 8, /* WATCHDOG=1 */
	SVC_WISH_SICK = 1u << 9,  /* WATCHDOG=trigger */
};

enum svc_mark {
	SVC_MARK_KILLED = 1u << 0,	 /* this instance got a signal from us: its end is no surprise */
	SVC_MARK_EARLY_READY = 1u << 1,	 /* READY=1 came before the runtime's report */
	SVC_MARK_WAS_READY = 1u << 2,	 /* this instance */
	SVC_MARK_EVER_READY = 1u << 3,	 /* any instance: first_ready_usec counts */
	SVC_MARK_LOG_PAUSED = 1u << 4,
	SVC_MARK_VISITED = 1u << 5,	 /* scratch of graph walks */
	SVC_MARK_PERMANENT = 1u << 6,	 /* the last start was refused for good */
};

struct svc {
	struct pid1 *p;		  /* borrowed: for ever */
	const struct svcdef *def; /* borrowed: the table */
	uint8_t state;		  /* enum svc_state */
	uint8_t ignored_deps;	  /* bit i: dependency i closed a cycle and does not count */
	uint8_t failures;	  /* in a row; saturates */
	uint8_t marks;		  /* enum svc_mark */
	uint16_t wishes;	  /* enum svc_wish */
	pid_t pid;		  /* first process; 0 = none */
	int pidfd;		  /* owned; -1 = none */
	pid_t runtime;		  /* sysctr service-run; 0 = none */
	int status;		  /* wait status of the last end; -1 = never */
	uint32_t starts;	  /* ever */
	uint32_t window_starts;	  /* in the window that began at window_ms */
	int64_t window_ms;
	int64_t launched_ms;
	uint64_t since_usec; /* CLOCK_MONOTONIC of the last change of state */
	uint64_t first_start_usec, first_run_usec, first_ready_usec; /* since PID 1's start; 0 = not yet */
	struct source report; /* fd owned until gone() */
	struct source log;    /* likewise */
	struct source notify; /* for ever, when it notifies */
	struct source events; /* cgroup.events while waiting for it to be empty */
	struct timer timer;   /* start timeout, watchdog, grace, pause or nag, by state */
	struct timer log_again;
	int log_file; /* owned; -1 = not open */
	uint32_t log_bytes;    /* in the current file */
	uint32_t log_window;   /* bytes taken since log_window_ms */
	int64_t log_window_ms;
	char reason[REASON_MAX];
	char status_text[STATUS_MAX];
};

/* svc_table.c */
int svc_table_load(struct pid1 *p, const char *path, struct err *e);
struct svc *svc_find(struct pid1 *p, const char *name, size_t len);
void svc_break_cycles(struct pid1 *p);

/* svc.c */
void svc_wish(struct svc *s, unsigned wishes); /* from handlers */
void svc_act(struct svc *s);		       /* deal with all wishes */
void svc_event(struct svc *s, enum svc_event ev);
void svc_reason(struct svc *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool svc_reaped(struct pid1 *p, pid_t pid, int status); /* true: it was one of ours */

/* svc_graph.c */
void svc_graph(struct pid1 *p);
void svc_want(struct svc *s, unsigned wish); /* start or restart, and start first what it needs */
bool svc_dep_counts(const struct svc *s, unsigned dep);
bool svc_is_by_hand(const struct svc *s); /* not started by the graph: create-only, or on demand */

/* svc_launch.c */
int svc_launch(struct svc *s, struct err *e);
/* Read the runtime's message. Returns 0 with pid and pidfd set, or its error with e filled. */
int svc_take_report(struct svc *s, struct err *e);

/* svc_log.c */
int svc_log_pipe(struct svc *s, int *ret_write_end, struct err *e);
void svc_log_end(struct svc *s); /* take what is left in the pipe, close it */

/* svc_notify.c */
int svc_notify_listen(struct svc *s, struct err *e); /* when it has anything to tell, and nobody listens yet */

/* svc_socket.c */
struct svc_socket {
	struct source source; /* fd owned, for ever */
	struct svc *svc;      /* NULL: not open yet */
};
const struct svcdef_socket *svc_socket_def(const struct svc *s, unsigned i);
int svc_sockets_open(struct svc *s, struct err *e); /* those that are not open yet */
void svc_sockets_watch(struct svc *s);		    /* or not, by its state */

/* svc_fdstore.c */
struct stored {
	struct svc *svc; /* NULL: a free place */
	int fd;		 /* owned */
	char name[SVCDEF_SOCKET_NAME_MAX];
};
void svc_fdstore_put(struct svc *s, int fd, const char *name, size_t len); /* fd: taken over */
void svc_fdstore_remove(struct svc *s, const char *name, size_t len);
void svc_fdstore_clear(struct svc *s);
const struct stored *svc_fdstore_next(const struct svc *s, const struct stored *after); /* NULL: the first; at the end */

/* svc_cgroup.c */
void svc_cgroup_kill(struct svc *s);
/* Is no process left? Watches for the change when there is one. */
bool svc_cgroup_is_empty(struct svc *s);
void svc_cgroup_leave(struct svc *s); /* stop watching, remove the empty cgroup */
bool svc_cgroup_was_oom(const struct svc *s);

#endif
