/* userctr/ctr_net.h - networks as docker knows them, and what a container has of them: endpoints, published ports, name files.
 *
 * nets.c owns the networks (networks.json, "bridge", "host", "none" and user-defined ones) over the driver of net_bridge.h;
 * ctr_net.c owns one struct ctr_net per container. ctr.c calls these at the turns of a container's life and knows no more.
 */
#ifndef USERCTR_CTR_NET_H
#define USERCTR_CTR_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;
struct ctr_conf;
struct ctr_net; /* opaque, one per container */
struct daemon;
struct err;
struct json;
struct json_writer;
struct nets; /* opaque, one per daemon */

/* Load networks.json, bring the default bridge and user-defined networks up in the driver (not yet in the kernel). With
 * conf.no_network only host, none and container: modes work. */
int nets_open(struct daemon *d, struct err *e);
/* After every container was loaded (ctr_net_adopt): make the kernel so. */
int nets_apply(struct daemon *d, struct err *e);
void nets_close(struct daemon *d);

/*
 * At create: check network mode, endpoints and port bindings.
 *
 *   networking   the body's NetworkingConfig, or NULL
 *   api          minor of the API version: before 44 there was one endpoint at most
 *
 * Errors  -ENOENT "network x not found"   -EINVAL
 */
int ctr_net_make(struct daemon *d, const struct ctr_conf *c, const struct json *networking, unsigned api,
		 struct ctr_net **ret, struct err *e);

/* From a record: the value that ctr_net_save() wrote. */
int ctr_net_load(struct daemon *d, const struct ctr_conf *c, const struct json *saved, struct ctr_net **ret, struct err *e);
void ctr_net_save(const struct ctr_net *n, struct json_writer *w);
void ctr_net_free(struct ctr_net *n);

/* A container that is running when the daemon comes up: take its addresses and ports, answer its names again. Arguments as of
 * ctr_net_start(). A port that somebody has taken meanwhile is logged, no error. */
int ctr_net_adopt(struct daemon *d, struct ctr_net *n, const char *id, const char *name, int pidfd, pid_t pid,
		  struct err *e);

/* The container has another name: running or not. */
void ctr_net_rename(struct ctr_net *n, const char *name);

/* Its own network namespace is wanted (false for host and container: modes). */
bool ctr_net_is_private(const struct ctr_net *n);

/*
 * Between MON_CREATED and MON_START: connect every network, publish ports, emit "network connect" events.
 *
 *   id, name   of the container
 *   pidfd      borrowed
 *
 * On failure nothing is left connected.
 * Errors  -EADDRINUSE "... port is already allocated" as dockerd says it (500)
 */
int ctr_net_start(struct daemon *d, struct ctr_net *n, const char *id, const char *name, int pidfd, pid_t pid, struct err *e);

/* Its process has ended: give everything back. Harmless when not started. */
void ctr_net_stop(struct daemon *d, struct ctr_net *n, const char *id);

/* Texts of /etc/hosts and /etc/resolv.conf for it; called after ctr_net_start() (addresses are known), before MON_START. */
void ctr_net_hosts(struct daemon *d, const struct ctr_net *n, const struct ctr_conf *c, struct buf *out);
void ctr_net_resolv(struct daemon *d, const struct ctr_net *n, const struct ctr_conf *c, struct buf *out);

/* The NetworkSettings object of inspect; and of the list of containers, with its Ports array. */
void ctr_net_print(const struct ctr_net *n, struct json_writer *w, bool is_running);
void ctr_net_print_summary(const struct ctr_net *n, struct json_writer *w, bool is_running); /* {"Networks":{...}} */
void ctr_net_print_ports(const struct ctr_net *n, struct json_writer *w, bool is_running);   /* [{"IP":...}] */

/* Does it belong to this network (id or name)? For filters and `network rm`. */
bool ctr_net_has(const struct ctr_net *n, const char *network);

#endif
