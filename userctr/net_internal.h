/* userctr/net_internal.h - what the files of the bridge network driver share. Not for others. */
#ifndef USERCTR_NET_INTERNAL_H
#define USERCTR_NET_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/sys/netlink.h"
#include "userctr/net_bridge.h"

struct err;

#define NET_PORTS_MAX 65536

/* A published port and the socket that keeps others from it. */
struct net_held_port {
	struct net_port port;
	int fd; /* owned; -1 where the protocol has no sockets here */
};

struct net_bridge {
	struct nl route; /* NETLINK_ROUTE of the host's namespace */
	struct nl nft;	 /* NETLINK_NETFILTER */
	struct net *nets; /* borrowed; linked by next */
	struct net_held_port *ports; /* owned array */
	size_t port_count, port_size;
	uint16_t last_random; /* host port given last when none was asked for */
	bool is_applied;
	bool has_ip6;
	bool want_closed; /* forwarding was off before us: what is not ours is not forwarded */
};

/* Replace the whole table by one made from nets and ports, in one transaction. */
int net_rules_apply(struct net_bridge *b, struct err *e);

/* Was forwarding switched on by us, in this boot? (Our table remembers.) Returns 1, 0 or -errno. */
int net_rules_was_closed(struct net_bridge *b, struct err *e);

/* Add or remove the element of one port. */
int net_rules_port(struct net_bridge *b, const struct net_port *p, bool want_delete, struct err *e);

/* Forget the connections (of UDP, which never end by themselves) that a new or removed port leaves misdirected. */
void net_conntrack_forget(struct net_bridge *b, const struct net_port *p);

/* Write /proc/sys/net/PATH unless it says so already. Returns 1 when it was changed, 0 or -errno. */
int net_sysctl(const char *path, const char *value, struct err *e);

#endif
