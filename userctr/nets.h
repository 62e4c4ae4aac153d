/* userctr/nets.h - the networks of the daemon and the endpoints of containers in them: what nets.c, ctr_net*.c, api_network.c
 * and the name server share. Others see ctr_net.h.
 *
 *   struct nets ── struct network ──┬── struct endpoint ── struct ctr_net (one per container, several endpoints)
 *                                   └── ...
 *
 * An endpoint is in its network's list while it is connected; a network with such endpoints is not removed, so the pointer
 * between them holds.
 */
#ifndef USERCTR_NETS_H
#define USERCTR_NETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "userctr/ctr_net.h"
#include "userctr/ids.h"
#include "userctr/net_bridge.h"
#include "userctr/net_files.h"
#include "userctr/network.h"
#include "userctr/port_spec.h"

struct dns;
struct json_doc;

#define NETS_MAX      512
#define ENDPOINTS_MAX 64 /* of one container */

struct nets {
	struct list all; /* struct network.link, oldest first */
	unsigned count;
	struct net_bridge *bridge; /* owned; NULL with --no-network */
	unsigned dns_asks; /* questions passed on and not answered yet */
	struct network *predefined[3]; /* bridge, host, none; borrowed from all */
};

/*
 * Find by id, name, unique prefix of an id.
 *
 * Errors  -ENOENT "network x not found"   -EINVAL ambiguous
 */
int nets_find(struct daemon *d, const char *name, struct network **ret, struct err *e);

/* Make, bring up, remember. Errors: as network_make(), -EEXIST the name is in use, -EACCES the subnet overlaps */
int nets_create(struct daemon *d, const struct json *body, struct network **ret, struct err *e);

/* Errors  -EACCES predefined, or endpoints are connected */
int nets_remove(struct daemon *d, struct network *n, struct err *e);

/* "network" events. container NULL: create, destroy. */
void nets_event(struct daemon *d, const struct network *n, const char *action, const char *container);

/* ---- endpoints ---- */

struct endpoint {
	struct list link;      /* of net->endpoints */
	struct ctr_net *owner; /* borrowed */
	struct network *net;   /* borrowed; NULL unless connected */
	char net_name[NET_NAME_MAX], net_id[NET_ID_SIZE];
	char id[ID_SIZE];      /* of the endpoint; "" before the first start */
	struct json_doc *doc;  /* owned: EndpointSettings as asked for; NULL = none */
	const struct json *conf;
	struct ip want_ip;     /* IP_NONE = the network's choice */
	uint8_t want_mac[6];   /* zero = by address */
	int64_t priority;      /* of its gateway */
	struct net_endpoint at; /* while connected; from a record until adopted */
};

enum ctr_net_mode {
	CTR_NET_NETWORKS = 1, /* bridges, or none of them any more */
	CTR_NET_HOST = 2,
	CTR_NET_NONE = 3,
	CTR_NET_SHARED = 4, /* container: */
};


struct ctr_net {
	enum ctr_net_mode mode;
	char id[ID_SIZE];  /* of the container; "" before its first start */
	char *name;	   /* owned; likewise NULL */
	char *hostname;	   /* owned */
	char *domainname;  /* owned */
	char *shared_with; /* owned; CTR_NET_SHARED: the container */
	struct endpoint **eps; /* owned, ENDPOINTS_MAX at most; the first is the one of the network mode */
	size_t n_eps;
	struct port_specs ports;
	struct net_port *published; /* owned; while running, or from a record until adopted */
	size_t n_published;
	char sandbox[ID_SIZE];
	pid_t pid;	 /* while started, else 0 */
	int pidfd;	 /* borrowed likewise */
	bool is_started;
	struct ip servers[RESOLV_SERVERS_MAX]; /* --dns: what the name server asks; none = the host's */
	size_t n_servers;
	struct dns *dns; /* owned; NULL unless started in a network with names */
};

/* ctr_net_conf.c: an endpoint as asked for (EndpointSettings, may be NULL). *ret is caller's. */
int endpoint_make(struct daemon *d, const char *network, const struct json *settings, struct endpoint **ret, struct err *e);
void endpoint_free(struct endpoint *ep);
int ctr_net_put_endpoint(struct ctr_net *n, struct endpoint *ep, struct err *e); /* takes ep */
struct endpoint *ctr_net_endpoint(const struct ctr_net *n, const struct network *net); /* NULL: does not belong to it */
void ctr_net_drop_endpoint(struct ctr_net *n, struct endpoint *ep); /* not connected any more */

/* ctr_net.c: connect and disconnect one endpoint of a started container. */
int endpoint_connect(struct daemon *d, struct ctr_net *n, struct endpoint *ep, struct err *e);
void endpoint_disconnect(struct daemon *d, struct ctr_net *n, struct endpoint *ep, enum net_detach how);

/* A container joins or leaves a network, running or not. The caller writes the record. */
int ctr_net_connect(struct daemon *d, struct ctr_net *n, const struct network *net, const struct json *settings,
		    struct err *e);
int ctr_net_disconnect(struct daemon *d, struct ctr_net *n, const struct network *net, struct err *e);

/* ctr_net_print.c */
void endpoint_print(const struct ctr_net *n, const struct endpoint *ep, struct json_writer *w, bool is_running);
void network_print_endpoints(const struct network *net, struct json_writer *w); /* Containers of network inspect */

/* Names of an endpoint's container in its network: container name, aliases, short id, hostname; each once. Calls back until
 * one returns true, which is returned. */
typedef bool endpoint_name_fn(const char *name, void *arg);
bool endpoint_names(const struct ctr_net *n, const struct endpoint *ep, endpoint_name_fn *each, void *arg);

/* The endpoint whose gateway is the way out, or NULL. */
struct endpoint *ctr_net_way_out(const struct ctr_net *n);

/* The host's own resolver configuration. */
void host_resolv(struct resolv *ret);

/* Is it, connected, in a network that has names? */
bool ctr_net_has_names(const struct ctr_net *n);

#endif
