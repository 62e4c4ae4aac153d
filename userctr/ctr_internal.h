/* userctr/ctr_internal.h - what the files ctr*.c share. Others use ctr.h.
 *
 *   ctr.c         the set: create, find, load, recover        ctr_record.c  record.json
 *   ctr_life.c    effects of the transition function          ctr_start.c   from record to monitor
 *   ctr_exec.c    further processes                           ctr_wait.c    who waits for what
 *   ctr_volumes.c  volumes and their first content             ctr_passwd.c    passwd and group through the layers
 *
 * On disk ROOT/containers/<id>/: record.json, hostname, hosts, resolv.conf, diff and work (the overlay), <id>-json.log.
 * While it runs RUN/<id>/: config.json, monitor.sock, monitor.err, exit, exec/<exec id>/.
 */
#ifndef USERCTR_CTR_INTERNAL_H
#define USERCTR_CTR_INTERNAL_H

#include "lib/loop/loop.h"
#include "userctr/ctr.h"
#include "userctr/ctr_fsm.h"

#include <limits.h>

struct buf;
struct health;
struct json;
struct json_writer;
struct mon;

#define CTRS_MAX	4096
#define CTR_PENDING_MAX 32
#define CTR_EXECS_MAX	1024

struct ctrs {
	struct list all; /* newest first */
	unsigned count;
	bool is_ending; /* ctrs_shutdown() */
	struct timer end;
	struct daemon *d; /* borrowed */
};

struct ctr_life {
	enum ctr_phase phase;
	struct mon *mon;	 /* owned; NULL: no monitor */
	struct timer timer;	 /* grace or back-off */
	struct ctr *c;		 /* whose */
	int64_t backoff_ms;
	int64_t grace_ms; /* of the stop at work; -1 = for ever */
	int stop_signal;
	bool has_run;
	bool went_down;		 /* it ran until the machine was shut down */
	bool manual_stop;	 /* by a request: policies do not apply until the next start */
	bool want_again;	 /* docker restart */
	bool is_restarted;	 /* the start at work is one */
	bool remove_volumes;	 /* with it: its anonymous volumes */
	bool remove_after;	 /* docker rm -f: once it has ended */
	bool was_stopped;	 /* a stop event is due */
	bool net_up;
	struct list waiters;	 /* struct ctr_waiter */
	struct list pending;	 /* struct ctr_pending: attached before the start */
	unsigned n_pending;
	struct list execs;	 /* struct ctr_exec */
	unsigned n_execs;
	bool is_written;	 /* its layer is mounted for docker cp: it cannot be started */
	struct health *health;	 /* owned; NULL: no checks */
};

/* ---- paths; all return out, which is PATH_MAX long ---- */

const char *ctr_dir(const struct ctr *c, const char *file, char out[PATH_MAX]);	   /* ROOT/containers/<id>[/file] */
const char *ctr_run_dir(const struct ctr *c, const char *file, char out[PATH_MAX]); /* RUN/<id>[/file] */
const char *ctr_log_path(const struct ctr *c, char out[PATH_MAX]);
const char *ctr_sysctr_root(const struct daemon *d, char out[PATH_MAX]);

/* ---- ctr.c ---- */

struct ctr *ctr_new(struct daemon *d);
void ctr_free(struct ctr *c); /* unlinks it; nothing on disk */

/* Its folder goes: at once out of sight, then a child removes it. */
int ctr_files_drop(struct ctr *c, struct err *e);

/* ---- ctr_record.c: pure but for ctr_save() ---- */

void ctr_record_print(const struct ctr *c, struct buf *out);
int ctr_record_parse(struct ctr *c, const char *p, size_t n, struct err *e);
int ctr_save(struct ctr *c, struct err *e); /* durable on return */

/* ---- ctr_life.c ---- */

/*
 * Feed the transition function and do what it says.
 *
 *   force   of CEV_REMOVE
 *
 * Returns  0
 * Errors   what dockerd says; -EALREADY for 304; -EAGAIN "being started": wait for CTR_WAIT_STARTED and try again
 */
int ctr_fire(struct ctr *c, enum ctr_event ev, bool force, struct err *e);

/* Its process ended: status as of waitpid(2). */
void ctr_ended(struct ctr *c, int wait_status, bool oom, int64_t time_ns);

/* A start went wrong: code and sentence; 126 and 127 are told from them. */
void ctr_start_failed(struct ctr *c, const struct err *e);

/* Put the phase of a record into c->state, which others see. */
void ctr_show_phase(struct ctr *c);

void ctr_event(struct ctr *c, const char *action, const char *key, const char *value);

/* A signal to the first process, with its event. Errors: -EBUSY not running. */
int ctr_kill(struct ctr *c, int sig, struct err *e);

/* Asked to end: signal 0 and seconds INT64_MIN take the container's own. Returns 1 when it will end, 0 when it has already. */
int ctr_stop(struct ctr *c, int sig, int64_t seconds, bool want_again, struct err *e);

/* Nothing runs any more, when that is waited for: the loop may stop. */
void ctrs_check_end(struct daemon *d);

/* Asked to start. Errors as ctr_fire(). */
int ctr_start(struct ctr *c, struct err *e);

int ctr_remove(struct ctr *c, bool force, bool volumes, struct err *e);

/* `docker update`. */
int ctr_update(struct ctr *c, const struct json *body, struct err *e);

/* Hear its monitor out before answering about it. c may be gone afterwards. */
void ctr_listen(struct ctr *c);

int ctr_resize(struct ctr *c, unsigned rows, unsigned cols, struct err *e);

/* ---- ctr_start.c ---- */

int ctr_launch(struct ctr *c, struct err *e);

/* Fill in which capabilities and limits can be given at all. */
void ctr_facts_rights(struct ctr_facts *f);

/* After a restart of the daemon: take over its monitor, or note what happened meanwhile. c may be gone afterwards (--rm). */
void ctr_adopt(struct ctr *c);

/* Hand an attached client on to the monitor, or keep it for the start. fd is taken. */
int ctr_attach(struct ctr *c, int fd, unsigned mon_flags, const char *keys, struct err *e);
void ctr_pending_drop(struct ctr *c);

/* ---- ctr_wait.c ---- */

enum ctr_wait_for {
	CTR_WAIT_STARTED = 1, /* or failed: then e is set */
	CTR_WAIT_EXIT = 2,    /* the next one */
	CTR_WAIT_REMOVED = 3, /* e is set when it could not be */
};

/* Embedded in what waits. done() is called once, with the waiter already off the list. */
struct ctr_waiter {
	struct list link;
	enum ctr_wait_for what;
	void (*done)(struct ctr_waiter *w, struct ctr *c, const struct err *e);
};

void ctr_wait(struct ctr *c, struct ctr_waiter *w);
void ctr_wait_cancel(struct ctr_waiter *w);
void ctr_wake(struct ctr *c, enum ctr_wait_for what, const struct err *e);

/* ---- ctr_volumes.c ---- */

/*
 * Volumes and sources of the mounts of a new container; those of --volumes-from.
 *
 * Errors   as dockerd says them
 */
int ctr_mounts_make(struct ctr *c, struct err *e);

/* Fill empty volumes from the image, in a child; done(ctx, 0 or -errno) is called later, or at once when there is none. */
int ctr_mounts_fill(struct ctr *c, void (*done)(void *ctx, int r), void *ctx, struct err *e);

/* Before a start: mount what volumes need, make missing sources. */
int ctr_mounts_ready(struct ctr *c, struct err *e);
void ctr_mounts_idle(struct ctr *c);

/* ---- ctr_passwd.c ---- */

/* Look user (as docker writes it) up in the container's own files: upper, then layers of the image. */
int ctr_user_of(const struct ctr *c, const char *lower, const char *text, struct ctr_user *ret, struct err *e);

#endif
