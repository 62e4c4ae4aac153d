/* lib/sys/route.h - addresses and routes of both families. Over a struct nl of NETLINK_ROUTE.
 *
 * Returns 0 or -errno everywhere; *e names the address or route. Nothing blocks.
 */
#ifndef SYS_ROUTE_H
#define SYS_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/ip.h"

struct err;
struct nl;
struct nl_buf;
struct nlmsghdr;

#define ADDR_FOREVER UINT32_MAX

/* Who set it, as the kernel keeps it with a route (rt_protos): ours are told from others' by this. */
enum route_owner {
	ROUTE_BY_KERNEL = 2,
	ROUTE_BY_BOOT = 3,
	ROUTE_BY_STATIC = 4,
	ROUTE_BY_DHCP = 16,
};

struct addr {
	uint32_t link; /* index */
	struct ip_prefix at;
	uint32_t valid_s; /* lifetime; ADDR_FOREVER; 0 on setting = for ever */
	uint32_t metric;  /* of the route to its network; 0 = the kernel's default */
	bool no_route;	  /* leave the route to its network to the caller */
	uint32_t flags;	  /* IFA_F_*; read only */
};

struct route {
	struct ip_prefix to; /* addr IP_NONE with the family in via: the default route */
	struct ip via;	     /* gateway; IP_NONE = on the link */
	struct ip src;	     /* preferred source; IP_NONE = the kernel's choice */
	uint32_t link;	     /* index of the outgoing link */
	uint32_t metric;
	uint32_t mtu;	     /* 0 = the link's */
	uint8_t owner;	     /* enum route_owner, or another of rt_protos */
	uint8_t table;	     /* 0 = main; read: tables above 255 are not listed */
	bool via_is_onlink;  /* the gateway need not be inside a network of the link */
};

/* Add, or change lifetime and metric of an address that is there. link_name is for messages. */
int addr_set(struct nl *nl, const struct addr *a, const char *link_name, struct err *e);
/* Errors: -EADDRNOTAVAIL it was not there */
int addr_delete(struct nl *nl, const struct addr *a, const char *link_name, struct err *e);

/* Add, or replace the route with the same destination and metric. */
int route_set(struct nl *nl, const struct route *r, const char *link_name, struct err *e);
/* Errors: -ESRCH it was not there */
int route_delete(struct nl *nl, const struct route *r, const char *link_name, struct err *e);

/* The same as messages, for callers that send several at once. */
void addr_put(struct nl_buf *b, const struct addr *a);
void route_put(struct nl_buf *b, const struct route *r);

/* Every address of the family (IP_V4, IP_V6) on link (0 = all), or every route of the main table. A negative result of
 * each() ends it and is returned. */
typedef int addr_each_fn(const struct addr *a, void *arg);
typedef int route_each_fn(const struct route *r, void *arg);
int addr_each(struct nl *nl, enum ip_family family, uint32_t link, addr_each_fn *each, void *arg, struct err *e);
int route_each(struct nl *nl, enum ip_family family, route_each_fn *each, void *arg, struct err *e);

/* What a message (RTM_NEWADDR ..., RTM_NEWROUTE ...) says. -EPROTO: another one, or malformed. */
int addr_parse(const struct nlmsghdr *h, struct addr *ret);
int route_parse(const struct nlmsghdr *h, struct route *ret);

#endif
