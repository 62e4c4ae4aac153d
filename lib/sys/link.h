/* lib/sys/link.h - network links: find, list, make, change, delete. Over a struct nl of NETLINK_ROUTE.
 *
 * Conventions
 *   Returns   0 or a positive result; on failure -errno, and *e names the link.
 *   Errors    -ENODEV no such link, everywhere
 *   Blocks    no, except link_delete()
 */
#ifndef SYS_LINK_H
#define SYS_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct nl;
struct nl_buf;
struct nlmsghdr;

#define LINK_KIND_MAX 16

struct link {
	uint32_t index;
	char name[IFNAMSIZ];
	char kind[LINK_KIND_MAX]; /* "veth", "bridge", "vlan"; "" for hardware */
	uint16_t type;		  /* ARPHRD_ETHER ... */
	uint32_t flags;		  /* IFF_UP ... */
	bool has_carrier;
	uint32_t mtu;
	uint32_t master; /* index of the bridge or bond it belongs to; 0 = none */
	uint8_t mac[6];
	bool has_mac;	 /* mac is six bytes of Ethernet */
};

/* What a link message (RTM_NEWLINK, RTM_DELLINK) says. Returns 0, -EPROTO when it is none or malformed. */
int link_parse(const struct nlmsghdr *h, struct link *ret);

/* By name. Never loads a module. */
int link_get(struct nl *nl, const char *name, struct link *ret, struct err *e);

/* Every link, in the kernel's order. each() may stop with a negative result, which is returned. */
typedef int link_each_fn(const struct link *l, void *arg);
int link_each(struct nl *nl, link_each_fn *each, void *arg, struct err *e);

/* What to change; fields that are zero are left alone. */
struct link_change {
	bool want_up, want_down;
	uint32_t mtu;
	uint32_t master;     /* becomes a port of it */
	bool want_no_master;
	const uint8_t *mac;  /* six bytes */
	const char *rename;
	bool want_no_ip6;    /* no link-local address, so no neighbour discovery either; needs a kernel with version 6 */
};
int link_set(struct nl *nl, uint32_t index, const struct link_change *c, struct err *e);

/* The same as messages, for callers that send several at once. By index, or by name where index is 0. */
void link_put(struct nl_buf *b, uint32_t index, const char *name, const struct link_change *c);

/* Ports of a bridge that are isolated reach only the ones that are not, and the bridge itself. */
int link_set_isolated(struct nl *nl, const char *name, bool is_isolated, struct err *e);

/* Make a bridge, down. Errors: -EEXIST something has that name. mac: six bytes, or NULL for the kernel's choice (which then
 * follows its ports). */
int link_add_bridge(struct nl *nl, const char *name, const uint8_t *mac, uint32_t mtu, struct err *e);

/* One veth pair. This end is up, the other is down: the kernel refuses to open an end before both exist. */
struct link_veth {
	const char *name;      /* of this namespace's end */
	uint32_t master;       /* bridge of that end; 0 = none */
	uint32_t mtu;	       /* of both; 0 = default */
	const uint8_t *mac;    /* of this end; NULL = random */
	int peer_netns;	       /* borrowed: the other end is born there; -1 = here */
	const char *peer_name;
	const uint8_t *peer_mac; /* NULL = random */
	bool want_no_ip6;      /* of this end */
};

/* One message makes the pair with its far end inside the other namespace: a pair made here and moved costs an RCU grace
 * period (18 ms). Errors: -EEXIST one of the names is taken. */
int link_add_veth(struct nl *nl, const struct link_veth *v, struct err *e);

/* Delete by name. Blocks: an RCU grace period, about 20 ms. */
int link_delete(struct nl *nl, const char *name, struct err *e);

#endif
