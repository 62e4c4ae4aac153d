/* userctr/conf.h - how the daemon is to run: its options, and the keys slipway.docker.* of the command line. */
#ifndef USERCTR_CONF_H
#define USERCTR_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define CONF_HOSTS_MAX 8
#define CONF_HOST_SIZE 160
#define CONF_PATH_SIZE 200

struct conf {
	char hosts[CONF_HOSTS_MAX][CONF_HOST_SIZE]; /* unix:///path, tcp://address:port */
	unsigned n_hosts;
	char root[CONF_PATH_SIZE];   /* /var/lib/userctr */
	char run[CONF_PATH_SIZE];    /* /run/userctr */
	char group[64];		     /* of the socket */
	bool want_debug;
	bool no_network;	     /* leave bridges and rules alone: for hosts that are not ours */
	char insecure[CONF_HOSTS_MAX][CONF_HOST_SIZE]; /* registries without TLS, or with any certificate */
	unsigned n_insecure;
	unsigned max_conns;
	int64_t head_ms; /* for the head of a request, and between pieces of a body */
	int64_t idle_ms; /* between requests */
	size_t reply_max; /* bytes of a reply waiting */
};

/*
 * Defaults, then the file of the system's command line (missing is fine), then the arguments of `userctr daemon`.
 *
 *   cmdline_path   /run/slipway/cmdline; may be NULL
 *
 * Returns  0, 1 when help was asked for
 * Errors   -EINVAL, the message names the argument. A bad key of the command line file is logged and ignored: it must
 *          not keep the daemon from starting.
 */
int conf_load(struct conf *c, const char *cmdline_path, int argc, char **argv, struct err *e);

#endif
