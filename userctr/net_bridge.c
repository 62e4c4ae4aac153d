// SPDX-License-Identifier: Apache-2.0
/* The bridge driver's networks: bridge devices, kernel settings, bringing all in line. Endpoints are in net_attach.c, ports in
 * net_ports.c, rules in net_rules.c. */
#include "userctr/net_internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/link.h"
#include "lib/sys/route.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/netlink.h>

#define SYSCTL_NET "/proc/sys/net/"

int net_sysctl(const char *path, const char *value, struct err *e)
{
	char full[128], now[32];

	int n = snprintf(full, sizeof(full), SYSCTL_NET "%s", path);
	if (n < 0 || (size_t)n >= sizeof(full))
		return err_set(e, ENAMETOOLONG, "kernel setting '%s'", path);
	owned_fd int fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", full);
	ssize_t got = read(fd, now, sizeof(now) - 1);
	if (got > 0 && (size_t)got > strlen(value) && strncmp(now, value, strlen(value)) == 0 && now[strlen(value)] == '\n')
		return 0;
	/* Opened again: where it is right already, a read-only /proc/sys is no problem. */
	owned_fd int out = open(full, O_WRONLY | O_CLOEXEC);
	if (out < 0 || write(out, value, strlen(value)) < 0)
		return err_set(e, errno, "set '%s' to %s", full, value);
	return 1;
}

void net_default(struct net *n, const char *id)
{
	*n = (struct net){.name = "bridge", .ifname = "docker0", .subnet = {.addr = ip4(0xac110000), .len = 16}};
	(void)snprintf(n->id, sizeof(n->id), "%s", id); /* 64 digits fit; more are the caller's mistake */
}

/* ---- opening ----------------------------------------------------------------------------------- */

int net_bridge_open(struct net_bridge **ret, struct err *e)
{
	struct net_bridge *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return err_set(e, ENOMEM, "bridge networks");
	b->route.fd = b->nft.fd = -1;
	b->has_ip6 = access("/proc/net/if_inet6", F_OK) == 0;
	int r = nl_open(&b->route, NETLINK_ROUTE, e);
	if (r == 0)
		r = nl_open(&b->nft, NETLINK_NETFILTER, e);
	if (r < 0) {
		net_bridge_close(b);
		return err_wrap(e, r, "bridge networks");
	}
	*ret = b;
	return 0;
}

void net_bridge_close(struct net_bridge *b)
{
	if (b == NULL)
		return;
	while (b->nets != NULL) {
		struct net *n = b->nets;
		b->nets = n->next;
		n->next = NULL;
		n->is_up = false;
		net_ipam_release(&n->ipam);
	}
	for (size_t i = 0; i < b->port_count; i++)
		drop_fd(&b->ports[i].fd);
	free(b->ports);
	nl_close(&b->route);
	nl_close(&b->nft);
	free(b);
}

/* ---- one network's device ---------------------------------------------------------------------- */

/* A fixed address for the bridge: one that follows its ports would change with them and confuse neighbours' tables. */
static void bridge_mac(const struct net *n, uint8_t mac[6])
{
	uint32_t h = 2166136261u;

	for (const char *p = n->id; *p != '\0'; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	mac[0] = 0x02;
	mac[1] = 0x42;
	for (int i = 0; i < 4; i++)
		mac[2 + i] = (uint8_t)(h >> (8 * i));
}

struct strays {
	struct ip_prefix want;
	struct addr found[8];
	size_t count;
	bool is_there;
};

static int see_addr(const struct addr *a, void *arg)
{
	struct strays *s = arg;

	if (a->at.len == s->want.len && ip_equal(&a->at.addr, &s->want.addr))
		s->is_there = true;
	else if (s->count < countof(s->found))
		s->found[s->count++] = *a;
	return 0;
}

/* The gateway's address and no other: a bridge taken over may have one of an earlier configuration. */
static int set_address(struct net_bridge *b, const struct net *n, struct err *e)
{
	struct strays s = {.want = {.addr = n->gateway, .len = n->ipam.subnet.len}};
	struct addr want = {.link = n->ifindex, .at = s.want};

	int r = addr_each(&b->route, IP_V4, n->ifindex, see_addr, &s, e);
	for (size_t i = 0; r == 0 && i < s.count; i++)
		r = addr_delete(&b->route, &s.found[i], n->ifname, e);
	return r == 0 && !s.is_there ? addr_set(&b->route, &want, n->ifname, e) : r;
}

static int make_device(struct net_bridge *b, struct net *n, struct err *e)
{
	char setting[64];
	uint8_t mac[6];
	struct link l;

	int r = link_get(&b->route, n->ifname, &l, e);
	if (r == -ENODEV) {
		bridge_mac(n, mac);
		r = link_add_bridge(&b->route, n->ifname, mac, n->mtu, e);
		if (r == 0)
			r = link_get(&b->route, n->ifname, &l, e);
	}
	if (r < 0)
		return r;
	if (strcmp(l.kind, "bridge") != 0)
		return err_set(e, EEXIST, "link '%s' is not a bridge", n->ifname);
	n->ifindex = l.index;
	r = set_address(b, n, e);
	if (r < 0)
		return r;
	if ((l.flags & IFF_UP) == 0) {
		struct link_change c = {.want_up = true, .want_no_ip6 = b->has_ip6};
		r = link_set(&b->route, l.index, &c, e);
		if (r < 0)
			return r;
	}
	/* for connections from the host's 127.0.0.1; chain "guard" keeps others out of it */
	(void)snprintf(setting, sizeof(setting), "ipv4/conf/%s/route_localnet", n->ifname); /* fits */
	r = net_sysctl(setting, "1", e);
	return r < 0 ? r : 0;
}

/* ---- all of them ------------------------------------------------------------------------------- */

/* Turning forwarding on makes a router of a host that was none: then only what is ours is forwarded, and frames that other
 * bridges switch stay out of IP rules. Where somebody else had it on, nothing but our networks is touched. */
static int decide_forwarding(struct net_bridge *b, struct err *e)
{
	char now = '1';

	int r = net_rules_was_closed(b, e);
	if (r < 0)
		return r;
	owned_fd int fd = open(SYSCTL_NET "ipv4/ip_forward", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &now, 1) != 1)
		return err_set(e, errno, "read '%s'", SYSCTL_NET "ipv4/ip_forward");
	b->want_closed = r == 1 || now == '0';
	return 0;
}

int net_bridge_apply(struct net_bridge *b, struct err *e)
{
	int r = decide_forwarding(b, e);

	/* rules first: nothing is forwarded before it is decided what may be */
	if (r == 0)
		r = net_rules_apply(b, e);
	for (struct net *n = b->nets; r == 0 && n != NULL; n = n->next) {
		r = make_device(b, n, e);
		if (r < 0)
			return err_wrap(e, r, "network '%s'", n->name);
	}
	if (r == 0 && b->want_closed)
		(void)net_sysctl("bridge/bridge-nf-call-iptables", "0", NULL); /* absent without br_netfilter */
	if (r == 0)
		r = net_sysctl("ipv4/ip_forward", "1", e);
	if (r < 0)
		return r;
	b->is_applied = true;
	return 0;
}

static int check(const struct net_bridge *b, const struct net *n, struct err *e)
{
	char text[IP_PREFIX_TEXT_MAX], gateway[IP_TEXT_MAX];

	if (n->ifname[0] == '\0' || strnlen(n->ifname, IFNAMSIZ) == IFNAMSIZ || strchr(n->ifname, '/') != NULL ||
	    n->ifname[0] == '.')
		return err_say(e, EINVAL, "'%.*s' cannot be the name of a bridge", IFNAMSIZ, n->ifname);
	if (n->mtu != 0 && (n->mtu < 68 || n->mtu > 65535))
		return err_say(e, EINVAL, "MTU %u is not between 68 and 65535", n->mtu);
	for (const struct net *o = b->nets; o != NULL; o = o->next) {
		if (strcmp(o->ifname, n->ifname) == 0)
			return err_set(e, EEXIST, "bridge '%s' belongs to network '%s'", n->ifname, o->name);
		if (ip_prefix_overlaps(&o->ipam.subnet, &n->ipam.subnet))
			return err_set(e, EADDRINUSE, "subnet '%s' overlaps network '%s'",
				       ip_prefix_text(&n->ipam.subnet, text), o->name);
	}
	if (n->gateway.family != IP_V4 || !ip_prefix_has(&n->ipam.subnet, &n->gateway))
		return err_say(e, EINVAL, "gateway '%s' is outside of subnet '%s'", ip_text(&n->gateway, gateway),
			       ip_prefix_text(&n->ipam.subnet, text));
	return 0;
}

static void unlink_net(struct net_bridge *b, struct net *n)
{
	for (struct net **p = &b->nets; *p != NULL; p = &(*p)->next)
		if (*p == n) {
			*p = n->next;
			break;
		}
	n->next = NULL;
	n->is_up = false;
	net_ipam_release(&n->ipam);
}

int net_up(struct net_bridge *b, struct net *n, struct err *e)
{
	if (n->is_up)
		return 0;
	n->ifindex = 0;
	int r = net_ipam_init(&n->ipam, &n->subnet, &n->range, e);
	if (r < 0)
		return err_wrap(e, r, "network '%s'", n->name);
	if (!ip_is_set(&n->gateway))
		n->gateway = ip4(ip4_host(&n->ipam.subnet.addr) + 1);
	r = check(b, n, e);
	if (r == 0)
		r = net_ipam_claim(&n->ipam, &n->gateway, e);
	if (r < 0) {
		net_ipam_release(&n->ipam);
		return err_wrap(e, r, "network '%s'", n->name);
	}
	n->next = b->nets;
	b->nets = n;
	n->is_up = true;
	if (!b->is_applied)
		return 0;

	struct link before;
	bool was_there = link_get(&b->route, n->ifname, &before, NULL) == 0;
	r = net_rules_apply(b, e);
	if (r == 0)
		r = make_device(b, n, e);
	if (r == 0)
		return 0;
	r = err_wrap(e, r, "network '%s'", n->name);
	unlink_net(b, n);
	if (!was_there)
		(void)link_delete(&b->route, n->ifname, NULL); /* may not have been made */
	(void)net_rules_apply(b, NULL);			       /* the error to tell is the first one */
	return r;
}

int net_down(struct net_bridge *b, struct net *n, struct err *e)
{
	if (!n->is_up)
		return 0;
	int r = link_delete(&b->route, n->ifname, e);
	if (r < 0 && r != -ENODEV)
		return err_wrap(e, r, "network '%s'", n->name);
	unlink_net(b, n);
	r = b->is_applied ? net_rules_apply(b, e) : 0;
	return r < 0 ? err_wrap(e, r, "network '%s'", n->name) : 0;
}

/* ---- a subnet that is free --------------------------------------------------------------------- */

#define ROUTES_MAX 256

struct routes {
	struct ip_prefix to[ROUTES_MAX];
	size_t count;
};

static int see_route(const struct route *r, void *arg)
{
	struct routes *all = arg;

	if (r->to.len > 0 && all->count < ROUTES_MAX) /* the default route is everybody's */
		all->to[all->count++] = r->to;
	return 0;
}

static bool is_free(const struct net_bridge *b, const struct routes *routes, const struct ip_prefix *p)
{
	for (const struct net *n = b->nets; n != NULL; n = n->next)
		if (ip_prefix_overlaps(&n->ipam.subnet, p))
			return false;
	for (size_t i = 0; i < routes->count; i++)
		if (ip_prefix_overlaps(&routes->to[i], p))
			return false;
	return true;
}

int net_subnet_pick(struct net_bridge *b, struct ip_prefix *ret, struct err *e)
{
	struct routes routes = {.count = 0};

	int r = route_each(&b->route, IP_V4, see_route, &routes, e);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < 15 + 16; i++) {
		struct ip_prefix p = {.addr = ip4(0xac110000 + (i << 16)), .len = 16};
		if (i >= 15)
			p = (struct ip_prefix){.addr = ip4(0xc0a80000 + ((i - 15) << 12)), .len = 20};
		if (is_free(b, &routes, &p)) {
			*ret = p;
			return 0;
		}
	}
	return err_say(e, ENOSPC, "could not find an available, non-overlapping IPv4 address pool among the defaults to "
				  "assign to the network");
}
