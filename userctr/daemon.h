/* userctr/daemon.h - the daemon as a whole: what every handler can reach from its request. */
#ifndef USERCTR_DAEMON_H
#define USERCTR_DAEMON_H

#include "lib/base/version.h"
#include "lib/loop/loop.h"
#include "userctr/conf.h"
#include "userctr/conn.h"

struct ctrs;
struct events;
struct nets;
struct route;
struct store;
struct volumes;

struct daemon {
	struct loop loop;
	struct conf conf;
	struct conns conns;
	const struct route *const *routes; /* tables, ended by NULL */
	struct source signals;
	struct events *events;	 /* owned */
	struct store *store;	 /* owned */
	struct ctrs *ctrs;	 /* owned */
	struct nets *nets;	 /* owned */
	struct volumes *volumes; /* owned */
};

/* listen.c: open every address of the configuration. */
int daemon_listen(struct daemon *d, struct err *e);

/* The verb `userctr daemon`. Returns the exit status. */
int daemon_main(int argc, char **argv);

#endif
