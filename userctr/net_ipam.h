/* userctr/net_ipam.h - which addresses of a network are taken. Pure: no system calls, nothing on disk; the owner of the
 * records claims what they say and the rest is free.
 *
 * Taken addresses are kept sorted, so memory follows the containers and not the size of the subnet, and the lowest free
 * one is found by bisection.
 */
#ifndef USERCTR_NET_IPAM_H
#define USERCTR_NET_IPAM_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/ip.h"

struct err;

#define NET_IPAM_MAX 65536 /* addresses taken at once in one network */

struct net_ipam {
	struct ip_prefix subnet; /* host bits cleared */
	uint32_t low, high;	 /* host order: where dynamic addresses come from, both included */
	uint32_t *taken;	 /* owned; sorted */
	size_t count, size;
};

/*
 * Start with nothing taken but the network's and the broadcast address.
 *
 *   subnet   version 4, at most /30 and at least /8
 *   range    dynamic addresses come from here; IP_NONE means the whole subnet
 *
 * Errors   -EINVAL a prefix that cannot be one, or a range outside its subnet
 */
int net_ipam_init(struct net_ipam *m, const struct ip_prefix *subnet, const struct ip_prefix *range, struct err *e);
void net_ipam_release(struct net_ipam *m);

/* The lowest free address of the range. Errors: -ENOSPC none is free (message names the subnet)   -ENOMEM */
int net_ipam_take(struct net_ipam *m, struct ip *ret, struct err *e);

/* This very address. Errors: -EADDRINUSE taken   -EINVAL outside the subnet, or its first or last address   -ENOSPC -ENOMEM */
int net_ipam_claim(struct net_ipam *m, const struct ip *a, struct err *e);

/* Free again. An address that is not taken is fine. */
void net_ipam_give(struct net_ipam *m, const struct ip *a);

#endif
