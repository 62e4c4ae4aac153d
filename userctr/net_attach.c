// SPDX-License-Identifier: Apache-2.0
/* Endpoints: a container's veth pair, its address and route. */
#include "userctr/net_internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/link.h"
#include "lib/sys/route.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <linux/rtnetlink.h>

const char *net_mac_text(const uint8_t mac[6], char out[NET_MAC_TEXT_MAX])
{
	(void)snprintf(out, NET_MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		       mac[5]); /* fits */
	return out;
}

/* The same container and network give the same name: an endpoint is found again without having been written down. 44 bits
 * hold for ten thousand containers with a chance of two alike below one in a hundred thousand. */
static void veth_name(const struct net *n, const char *id, char out[IFNAMSIZ])
{
	uint64_t h = 14695981039346656037u;

	for (const char *p = id; *p != '\0'; p++)
		h = (h ^ (uint8_t)*p) * 1099511628211u;
	for (const char *p = n->id; *p != '\0'; p++)
		h = (h ^ (uint8_t)*p) * 1099511628211u;
	(void)snprintf(out, IFNAMSIZ, "veth%011" PRIx64, h >> 20); /* 4 + 11 digits */
}

/* The far end: lo and the new link up, address, default route; one message each, one system call. */
static int set_up_inside(const struct net_bridge *b, const struct net *n, const struct net_want *want,
			 const struct net_endpoint *ep, struct err *e)
{
	char ip[IP_TEXT_MAX];
	struct link l;
	struct nl in;
	NL_MEM(mem, 768);
	struct nl_buf m = NL_BUF(mem);

	int r = nl_open_in(&in, want->netns, NETLINK_ROUTE, e);
	if (r < 0)
		return r;
	r = link_get(&in, ep->ifname, &l, e);
	if (r == 0) {
		struct link_change up = {.want_up = true};
		link_put(&m, 0, "lo", &up);
		up.want_no_ip6 = b->has_ip6;
		link_put(&m, l.index, NULL, &up);
		addr_put(&m, &(struct addr){.link = l.index, .at = {.addr = ep->ip, .len = n->ipam.subnet.len}});
		if (ip_is_set(&ep->gateway) && !want->no_gateway)
			route_put(&m, &(struct route){.via = ep->gateway, .link = l.index, .owner = ROUTE_BY_BOOT});
		r = nl_call(&in, &m, NULL, e);
		if (r < 0)
			r = err_wrap(e, r, "set up '%s' with address %s", ep->ifname, ip_text(&ep->ip, ip));
	}
	nl_close(&in);
	return r;
}

static int make_pair(struct net_bridge *b, const struct net *n, const struct net_want *want,
		     const struct net_endpoint *ep, struct err *e)
{
	struct link_veth v = {.name = ep->veth, .master = n->ifindex, .mtu = n->mtu, .peer_netns = want->netns,
			      .peer_name = ep->ifname, .peer_mac = ep->mac, .want_no_ip6 = b->has_ip6};
	struct link old;

	int r = link_add_veth(&b->route, &v, e);
	if (r != -EEXIST || link_get(&b->route, ep->veth, &old, NULL) < 0)
		return r; /* not our name is taken, but the inner one */
	/* What is left of an earlier start: its namespace has ended, the kernel has not come round to removing it. */
	r = link_delete(&b->route, ep->veth, e);
	if (r < 0 && r != -ENODEV)
		return r;
	return link_add_veth(&b->route, &v, e);
}

static int make_endpoint(struct net_bridge *b, const struct net *n, const struct net_want *want,
			 const struct net_endpoint *ep, struct err *e)
{
	int r = make_pair(b, n, want, ep, e);

	if (r < 0)
		return r;
	r = set_up_inside(b, n, want, ep, e);
	if (r == 0 && n->no_icc)
		r = link_set_isolated(&b->route, ep->veth, /* is_isolated= */ true, e);
	if (r < 0)
		(void)link_delete(&b->route, ep->veth, NULL); /* undo */
	return r;
}

int net_bridge_attach(struct net_bridge *b, struct net *n, const struct net_want *want, struct net_endpoint *ret,
		      struct err *e)
{
	static const uint8_t no_mac[6];
	struct net_endpoint ep = {.ip = want->ip, .prefix_len = n->ipam.subnet.len};
	const char *ifname = want->ifname == NULL ? "eth0" : want->ifname;

	if (!n->is_up || n->ifindex == 0)
		return err_set(e, ENETDOWN, "network '%s'", n->name);
	if (strlen(ifname) == 0 || strlen(ifname) >= sizeof(ep.ifname))
		return err_set(e, EINVAL, "link name '%s'", ifname);
	strcpy(ep.ifname, ifname);
	int r = ip_is_set(&want->ip) ? net_ipam_claim(&n->ipam, &want->ip, e) : net_ipam_take(&n->ipam, &ep.ip, e);
	if (r < 0)
		return err_wrap(e, r, "network '%s'", n->name);
	if (!n->is_internal)
		ep.gateway = n->gateway;
	memcpy(ep.mac, want->mac, sizeof(ep.mac));
	if (memcmp(ep.mac, no_mac, sizeof(no_mac)) == 0) {
		ep.mac[0] = 0x02;
		ep.mac[1] = 0x42;
		memcpy(ep.mac + 2, ep.ip.b, 4);
	}
	veth_name(n, want->id, ep.veth);
	r = make_endpoint(b, n, want, &ep, e);
	if (r < 0) {
		net_ipam_give(&n->ipam, &ep.ip);
		return err_wrap(e, r, "network '%s'", n->name);
	}
	*ret = ep;
	return 0;
}

int net_bridge_adopt(struct net_bridge *b, struct net *n, const struct net_endpoint *ep, struct err *e)
{
	(void)b;
	int r = n->is_up ? net_ipam_claim(&n->ipam, &ep->ip, e) : err_set(e, ENETDOWN, "take address");
	return r < 0 ? err_wrap(e, r, "network '%s'", n->name) : 0;
}

int net_bridge_detach(struct net_bridge *b, struct net *n, const struct net_endpoint *ep, enum net_detach how, struct err *e)
{
	int r = how == NET_DETACH_LIVE ? link_delete(&b->route, ep->veth, e) : 0;

	if (r < 0 && r != -ENODEV)
		return err_wrap(e, r, "network '%s'", n->name);
	net_ipam_give(&n->ipam, &ep->ip);
	return 0;
}
