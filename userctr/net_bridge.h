/* userctr/net_bridge.h - the bridge network driver: bridges, veth pairs, addresses, NAT, published ports. Knows nothing of
 * HTTP, records or containers beyond their id.
 *
 *   net_bridge_open(&b, &e)             sockets; changes nothing
 *   net_up(b, n, &e)                    "bridge" (net_default()) and each user-defined network, from their records
 *   net_bridge_adopt(b, n, &ep, &e)     each running container of a record: its address is taken
 *   net_port_publish(b, &port, &e)      each published port of a record
 *   net_bridge_apply(b, &e)             now the kernel is made so, rules in one transaction; from here on calls act at once
 *
 *   net_bridge_attach(b, n, &want, &ep, &e)    between "created" and "start" of a container
 *   net_port_publish(b, &port, &e)             after it, per port
 *   net_port_unpublish(b, &port)               once its process has ended
 *   net_bridge_detach(b, n, &ep, how)          likewise
 *
 * So a restarted daemon takes over what its predecessor left, without a packet dropped. host and none networks need nothing
 * of this. Everything happens in the network namespace of the caller (the host's), which must be single-threaded.
 *
 * The kernel side: one bridge device per network, one nftables table `ip userctr` that is replaced as a whole and atomically
 * when networks change, and one element in it per published port. No other table is read or written. docs/network.md has the
 * rules.
 *
 * Conventions
 *   Returns   0 or a positive result; on failure -errno, and *e (when given) says what and where.
 *   Out       ret_* arguments are written only on success.
 *   Blocks    no: netlink round trips of microseconds, except where said.
 */
#ifndef USERCTR_NET_BRIDGE_H
#define USERCTR_NET_BRIDGE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/ip.h"
#include "userctr/net_ipam.h"

struct err;
struct net_bridge; /* opaque; one per daemon */

#define NET_NAME_MAX	128
#define NET_ID_SIZE	65 /* 64 hex digits and NUL */
#define NET_MAC_TEXT_MAX 18

/* A network. The first block is the caller's, filled before net_up() and constant until net_down(); it stays where it is
 * meanwhile (the driver keeps a pointer). */
struct net {
	char name[NET_NAME_MAX];
	char id[NET_ID_SIZE];
	char ifname[IFNAMSIZ];	 /* docker0, br-<first 12 of id> */
	struct ip_prefix subnet; /* version 4 */
	struct ip gateway;	 /* address of the bridge itself; IP_NONE = the first of the subnet, filled by net_up() */
	struct ip_prefix range;	 /* dynamic addresses; IP_NONE = the whole subnet */
	uint32_t mtu;		 /* 0 = 1500 */
	bool is_internal;	 /* no way out and none in */
	bool no_masquerade;	 /* leaves with its own addresses */
	bool no_icc;		 /* containers do not reach each other but by published ports */

	/* private to net_*.c */
	struct net_ipam ipam;
	struct net *next;
	uint32_t ifindex; /* 0 = not made yet */
	bool is_up;
};

/* Fill n (zeroed by this call) as docker's default network: name "bridge", docker0, 172.17.0.0/16, gateway 172.17.0.1.
 * id: 64 hex digits, chosen and remembered by the caller. */
void net_default(struct net *n, const char *id);

/*
 * The first of docker's pools (172.17.0.0/16 to 172.31.0.0/16, then /20s of 192.168.0.0/16) that overlaps neither a route of
 * the host nor a network that is up. For user-defined networks without --subnet, and for the default one when its own is
 * taken by the host's network.
 *
 * Errors   -ENOSPC all overlap
 */
int net_subnet_pick(struct net_bridge *b, struct ip_prefix *ret, struct err *e);

/* Open the driver. caller owns *ret. */
int net_bridge_open(struct net_bridge **ret, struct err *e);

/* Close sockets, free memory. Bridges, veths and rules stay: containers go on. NULL is allowed. */
void net_bridge_close(struct net_bridge *b);

/* Make the kernel as collected. Later calls may repeat it at any time: it repairs what somebody removed ("nft flush ruleset",
 * "ip link del docker0"; containers' links are not remade). */
int net_bridge_apply(struct net_bridge *b, struct err *e);

/*
 * Add a network: bridge device with its address, forwarding on, rules. Idempotent: a device of that name that is a bridge
 * is taken over.
 *
 * Errors   -EEXIST the name belongs to a device that is no bridge   -EINVAL subnet, gateway or range do not fit
 *          -EADDRINUSE subnet overlaps a network that is up
 */
int net_up(struct net_bridge *b, struct net *n, struct err *e);

/* Remove a network, its device and its rules. Endpoints should be gone. Blocks: tens of ms when the device has ports. */
int net_down(struct net_bridge *b, struct net *n, struct err *e);

/* What attach is asked to do. */
struct net_want {
	int netns;	    /* borrowed: descriptor of the network namespace (netns_of_pid(), lib/sys/netns.h) */
	const char *id;	    /* 64 hex digits of the container */
	const char *ifname; /* inside; NULL = "eth0" */
	struct ip ip;	    /* IP_NONE = the lowest free one */
	uint8_t mac[6];	    /* all zero = 02:42 and the four bytes of the address, as docker's */
	bool no_gateway;    /* no default route: not the container's first network */
};

/* An endpoint: what inspect shows and a record keeps. A value, owns nothing. */
struct net_endpoint {
	struct ip ip;
	uint8_t prefix_len;
	struct ip gateway; /* IP_NONE on an internal network */
	uint8_t mac[6];
	char ifname[IFNAMSIZ]; /* inside: eth0 */
	char veth[IFNAMSIZ];   /* outside; follows from the container's and the network's id */
};

/* "02:42:ac:11:00:02". Returns out. */
const char *net_mac_text(const uint8_t mac[6], char out[NET_MAC_TEXT_MAX]);

/*
 * Connect a container's network namespace: a veth pair whose inner end is born in it, with address, default route and lo up.
 * Also for a second network, and while the container runs.
 *
 * Returns  0, *ret is what a record keeps
 * Errors   -EADDRINUSE want->ip is taken   -ENOSPC the subnet is used up   -EEXIST the inner name is in use
 *          On any failure nothing is left behind.
 * Blocks   as the header says, except tens of ms when the veth of an earlier start of the same container is still there
 */
int net_bridge_attach(struct net_bridge *b, struct net *n, const struct net_want *want, struct net_endpoint *ret,
		      struct err *e);

/* After a restart of the daemon: take the address of a container that is running. The link itself is left as it is.
 * Errors: -EADDRINUSE, -EINVAL as net_ipam_claim() */
int net_bridge_adopt(struct net_bridge *b, struct net *n, const struct net_endpoint *ep, struct err *e);

enum net_detach {
	NET_DETACH_GONE = 1, /* the namespace has ended or is ending: the kernel removes the link by itself, nothing waits */
	NET_DETACH_LIVE = 2, /* the container goes on (docker network disconnect). Blocks: about 20 ms */
};

/* Give the address back, and with NET_DETACH_LIVE remove the link. A link that is not there is fine. */
int net_bridge_detach(struct net_bridge *b, struct net *n, const struct net_endpoint *ep, enum net_detach how, struct err *e);

/* A published port. A value. */
struct net_port {
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	struct ip host_ip;	 /* version 4; 0.0.0.0 or IP_NONE = every address of the host */
	uint16_t host_port;	 /* host order; 0 on publishing = the first free one of ip_local_port_range */
	struct ip ip;		 /* of the container */
	uint16_t port;
};

/*
 * Publish: connections to host_ip:host_port from other machines, from the host (loopback too) and from containers reach
 * ip:port. The host's port is held by a bound socket, so that nobody else can listen on it.
 *
 *   p->host_port is written when it was 0
 *
 * Errors   -EADDRINUSE a program or another container has it   -EADDRNOTAVAIL host_ip is not an address of this host
 *          -ENOSPC no port is free   -EPROTONOSUPPORT
 */
int net_port_publish(struct net_bridge *b, struct net_port *p, struct err *e);

/* Take it back; connections through it end with their conntrack entries (UDP: at once). A port not published is fine. */
void net_port_unpublish(struct net_bridge *b, const struct net_port *p);

#endif
