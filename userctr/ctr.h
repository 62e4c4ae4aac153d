/* userctr/ctr.h - the containers: records, life cycle, lookup. Its life is a pure transition function (ctr_fsm.h); the
 * process side is a monitor each (monitor.h). */
#ifndef USERCTR_CTR_H
#define USERCTR_CTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/list.h"
#include "lib/codec/digest.h"
#include "userctr/ctr_conf.h"

struct ctr_net;
struct daemon;
struct err;
struct image;
struct json;
struct json_writer;

#define CTR_ID_SIZE   65
#define CTR_NAME_SIZE 256

enum ctr_state {
	CTR_CREATED = 1,
	CTR_RUNNING = 2,
	CTR_PAUSED = 3,
	CTR_RESTARTING = 4,
	CTR_EXITED = 5,
	CTR_REMOVING = 6,
	CTR_DEAD = 7,
};

struct ctr {
	struct list link; /* newest first */
	struct daemon *d; /* borrowed */
	char id[CTR_ID_SIZE];
	char name[CTR_NAME_SIZE]; /* without the slash */
	struct digest image;	  /* id */
	struct ctr_conf conf;
	struct ctr_mount *mounts; /* owned */
	size_t n_mounts;
	struct ctr_net *net; /* owned */
	enum ctr_state state;
	pid_t pid; /* 0 unless running or paused */
	int pidfd; /* owned; -1 */
	int exit_code;
	bool oom_killed;
	int64_t created_ns, started_ns, finished_ns; /* CLOCK_REALTIME; 0 = never */
	char error[512];
	unsigned restart_count;
	/* the rest is private to ctr*.c: they include ctr_internal.h */
	struct ctr_life *life; /* owned */
};

struct ctrs; /* opaque: the set; struct daemon has one */

/* Load every record. Their processes are not looked at yet: ctrs_recover() does when everything else is up. */
int ctrs_open(struct daemon *d, struct err *e);

/* Find the monitors of what ran, note what ended meanwhile, start what the policies want started. */
int ctrs_recover(struct daemon *d, struct err *e);
void ctrs_close(struct daemon *d);

/* The machine goes down: end every container within CTRS_SHUTDOWN_MS, then stop the loop. What ran is started again by its
 * policy at the next boot. */
#define CTRS_SHUTDOWN_MS 8000
void ctrs_shutdown(struct daemon *d);

/* How many are in each state: indexed by enum ctr_state. */
void ctrs_count(struct daemon *d, unsigned ret[CTR_DEAD + 1]);

/*
 * Make a container.
 *
 *   name       as asked for, with or without its slash; NULL = made up
 *   body       of the request
 *   warnings   open array
 *
 * Errors   -ENOENT "No such image: x:1"   -EEXIST the name is taken   -EINVAL   as docker says them
 */
int ctr_create(struct daemon *d, const char *name, const struct json *body, unsigned api, struct json_writer *warnings,
	       struct ctr **ret, struct err *e);

int ctr_rename(struct ctr *c, const char *name, struct err *e);

/*
 * Find by full id, exact name (leading slash allowed), unique prefix of an id, in this order.
 *
 * Errors  -ENOENT "No such container: x"   -EINVAL "multiple IDs found with provided prefix: x"
 */
int ctr_find(struct daemon *d, const char *name, struct ctr **ret, struct err *e);

/* Write its record (after ctr_net_connect() and the like). */
int ctr_save(struct ctr *c, struct err *e);

/* Every container, newest first. */
struct list *ctrs_all(struct daemon *d);

/* The first container that uses an image (or NULL), running ones first: for rmi's conflicts. */
struct ctr *ctr_of_image(struct daemon *d, const struct digest *image);
/* The first container that mounts a volume, or NULL. */
struct ctr *ctr_of_volume(struct daemon *d, const char *volume);

#endif
