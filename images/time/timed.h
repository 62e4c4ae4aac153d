/* images/time/timed.h - the time service's one object, and what its files offer each other.
 *
 *   servers.c   whom to ask: the command line, else leases; names looked up by a child
 *   round.c     one question to each, and what comes of the answers
 *   adjust.c    the kernel's clock
 *   policy.c    pure: whom to believe, what to do
 */
#ifndef IMAGES_TIME_TIMED_H
#define IMAGES_TIME_TIMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "images/time/policy.h"
#include "lib/codec/sntp.h"
#include "lib/loop/loop.h"

struct err;

#define SUB "time"
#define SERVERS_MAX 8
#define SERVER_NAME_MAX 256
#define SERVER_ADDRS_MAX 4

struct timed;

struct server {
	char name[SERVER_NAME_MAX]; /* as configured */
	bool is_name;		    /* to be looked up */
	struct sockaddr_storage addr;
	socklen_t addr_len; /* 0: not known (yet) */
	int64_t not_before_ms; /* it asked for less */
	unsigned refusals;
	/* of this round */
	struct timed *t; /* borrowed */
	struct source source; /* fd -1: not asked */
	uint64_t cookie;
	int64_t sent_ns;
	bool has_sample;
	struct sample sample;
};

struct timed {
	struct loop loop;
	struct source signals, news, lookup;
	pid_t lookup_pid;
	size_t lookup_server;
	const char *run;
	int state_fd; /* owned */
	struct server servers[SERVERS_MAX];
	size_t server_count;
	bool is_fixed; /* by the command line */
	struct timer round_end, next;
	bool in_round;
	size_t waiting;
	struct policy policy;
	/* for time.json */
	int64_t last_offset_ns, last_distance_ns, last_sync_ns;
	char last_server[SERVER_NAME_MAX];
	bool is_synchronized;
};

/* servers.c */
int servers_begin(struct timed *t, struct err *e);
void servers_look_up(struct timed *t); /* the first name that has no address, if there is one */

/* round.c */
void round_begin(struct timed *t);
void round_soon(struct timed *t, unsigned seconds);
void state_write(struct timed *t);

/* adjust.c. Positive: the clock is put forward. */
int adjust_step(int64_t offset_ns, struct err *e);
int adjust_slew(int64_t offset_ns, int64_t distance_ns, unsigned poll, struct err *e);

#endif
