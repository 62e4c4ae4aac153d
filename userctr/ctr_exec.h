/* userctr/ctr_exec.h - further processes of a container, each with a monitor of its own. */
#ifndef USERCTR_CTR_EXEC_H
#define USERCTR_CTR_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/list.h"
#include "lib/loop/loop.h"
#include "userctr/ids.h"
#include "userctr/monitor.h"

struct ctr;
struct daemon;
struct err;
struct json;
struct json_doc;
struct mon;

#define EXEC_KEEP_MS 300000 /* how long an exec that has ended can be asked about */

struct ctr_exec {
	struct list link;
	struct ctr *c; /* borrowed */
	char id[ID_SIZE];
	struct json_doc *doc;	 /* owned */
	const struct json *body; /* as asked for; borrowed from doc */
	bool want_tty, want_stdin, want_stdout, want_stderr;
	char keys[MON_TEXT_MAX]; /* detach keys, decoded */
	/* its life */
	bool was_started, is_running, has_code;
	int exit_code;
	pid_t pid;
	/* called once when its start has succeeded (e NULL) or failed, and once when it has ended after that */
	void (*on_started)(struct ctr_exec *x, const struct err *e);
	void (*on_ended)(struct ctr_exec *x);
	void *ctx;
	/* private to ctr_exec.c */
	struct mon *mon; /* owned */
	int client;	 /* owned; to be attached */
	unsigned client_flags;
	unsigned rows, cols;
	struct timer forget;
};

/*
 * Make one; nothing runs yet.
 *
 * Errors   -EBUSY not running, paused   -EINVAL "No exec command specified"
 */
int ctr_exec_make(struct ctr *c, const struct json *body, const char *detach_keys, struct ctr_exec **ret, struct err *e);

/* By id or unique prefix, in all containers. Errors: -ENOENT "No such exec instance: x" */
int ctr_exec_find(struct daemon *d, const char *id, struct ctr_exec **ret, struct err *e);

/*
 * Start it.
 *
 *   client   stream socket of who asked, or -1; taken, also on failure
 *   flags    enum mon_flag of it
 *
 * Returns  0: on_started() will be called
 */
int ctr_exec_start(struct ctr_exec *x, int client, unsigned flags, unsigned rows, unsigned cols, struct err *e);

int ctr_exec_resize(struct ctr_exec *x, unsigned rows, unsigned cols, struct err *e);

/* End and forget it, without calls. */
void ctr_exec_drop(struct ctr_exec *x);

void ctr_execs_ended(struct ctr *c); /* the container ended, and they with it */
void ctr_execs_free(struct ctr *c);

#endif
