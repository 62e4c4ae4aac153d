// SPDX-License-Identifier: Apache-2.0
/* Addresses and routes over rtnetlink. */
#include "lib/sys/route.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

static uint8_t family_of(const struct ip *a)
{
	return a->family == IP_V6 ? AF_INET6 : AF_INET;
}

static void put_ip(struct nl_buf *b, uint16_t attr, const struct ip *a)
{
	nl_put(b, attr, a->b, ip_size(a));
}

/* An address attribute of the family; IP_NONE when absent or of another size. */
static struct ip ip_of(const struct nlattr *a, uint8_t family)
{
	struct ip ip = {.family = family == AF_INET6 ? IP_V6 : IP_V4};

	if (a == NULL || nl_attr_len(a) != ip_size(&ip))
		return (struct ip){0};
	memcpy(ip.b, nl_attr_data(a), ip_size(&ip));
	return ip;
}

/* ---- addresses --------------------------------------------------------------------------------- */

static void addr_message(struct nl_buf *b, uint16_t type, uint16_t flags, const struct addr *a)
{
	struct ifaddrmsg m = {.ifa_family = family_of(&a->at.addr), .ifa_prefixlen = a->at.len, .ifa_index = a->link,
			      .ifa_scope = ip_is_loopback(&a->at.addr) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE};

	nl_begin(b, type, flags, &m, sizeof(m));
	put_ip(b, IFA_LOCAL, &a->at.addr);
	put_ip(b, IFA_ADDRESS, &a->at.addr);
	if (type == RTM_DELADDR)
		return;
	if (a->at.addr.family == IP_V4 && a->at.len < 31)
		nl_put_be32(b, IFA_BROADCAST, ip4_host(&a->at.addr) | ~ip4_mask(a->at.len));
	if (a->valid_s != 0 && a->valid_s != ADDR_FOREVER) {
		struct ifa_cacheinfo c = {.ifa_valid = a->valid_s, .ifa_prefered = a->valid_s};
		nl_put(b, IFA_CACHEINFO, &c, sizeof(c));
	}
	if (a->metric != 0)
		nl_put_u32(b, IFA_RT_PRIORITY, a->metric);
	if (a->no_route)
		nl_put_u32(b, IFA_FLAGS, IFA_F_NOPREFIXROUTE);
}

void addr_put(struct nl_buf *b, const struct addr *a)
{
	addr_message(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, a);
}

static int addr_do(struct nl *nl, struct nl_buf *b, const char *what, const struct addr *a, const char *link_name,
		   struct err *e)
{
	char text[IP_PREFIX_TEXT_MAX];
	int r = nl_call(nl, b, NULL, e);

	return r < 0 ? err_wrap(e, r, "%s address %s %s '%s'", what, ip_prefix_text(&a->at, text),
				what[0] == 'a' ? "to" : "of", link_name) : 0;
}

int addr_set(struct nl *nl, const struct addr *a, const char *link_name, struct err *e)
{
	NL_MEM(mem, 256);
	struct nl_buf b = NL_BUF(mem);

	addr_put(&b, a);
	return addr_do(nl, &b, "add", a, link_name, e);
}

int addr_delete(struct nl *nl, const struct addr *a, const char *link_name, struct err *e)
{
	NL_MEM(mem, 256);
	struct nl_buf b = NL_BUF(mem);

	addr_message(&b, RTM_DELADDR, 0, a);
	return addr_do(nl, &b, "delete", a, link_name, e);
}

int addr_parse(const struct nlmsghdr *h, struct addr *ret)
{
	const struct nlattr *tb[IFA_MAX + 1];
	const struct ifaddrmsg *m = NLMSG_DATA(h);
	struct addr a = {.valid_s = ADDR_FOREVER};

	if ((h->nlmsg_type != RTM_NEWADDR && h->nlmsg_type != RTM_DELADDR) ||
	    nl_msg_attrs(h, sizeof(*m), tb, countof(tb)) < 0 ||
	    (m->ifa_family != AF_INET && m->ifa_family != AF_INET6))
		return -EPROTO;
	a.link = m->ifa_index;
	a.at.len = m->ifa_prefixlen;
	/* Point-to-point version 4 addresses carry the peer in IFA_ADDRESS; version 6 ones have no IFA_LOCAL. */
	a.at.addr = ip_of(tb[tb[IFA_LOCAL] != NULL ? IFA_LOCAL : IFA_ADDRESS], m->ifa_family);
	a.flags = nl_attr_u32(tb[IFA_FLAGS], m->ifa_flags);
	a.metric = nl_attr_u32(tb[IFA_RT_PRIORITY], 0);
	a.no_route = (a.flags & IFA_F_NOPREFIXROUTE) != 0;
	if (nl_attr_len(tb[IFA_CACHEINFO]) >= sizeof(struct ifa_cacheinfo)) {
		const struct ifa_cacheinfo *c = nl_attr_data(tb[IFA_CACHEINFO]);
		a.valid_s = c->ifa_valid;
	}
	*ret = a;
	return 0;
}

struct each {
	addr_each_fn *addr;
	route_each_fn *route;
	uint32_t link;
	void *arg;
};

static int give_addr(const struct nlmsghdr *h, void *arg)
{
	struct each *x = arg;
	struct addr a;

	if (addr_parse(h, &a) < 0 || (x->link != 0 && a.link != x->link))
		return 0;
	return x->addr(&a, x->arg);
}

int addr_each(struct nl *nl, enum ip_family family, uint32_t link, addr_each_fn *each, void *arg, struct err *e)
{
	struct each x = {.addr = each, .link = link, .arg = arg};
	struct ifaddrmsg m = {.ifa_family = family == IP_V6 ? AF_INET6 : AF_INET, .ifa_index = link};
	NL_MEM(mem, 64);
	struct nl_buf b = NL_BUF(mem);

	nl_begin(&b, RTM_GETADDR, 0, &m, sizeof(m));
	int r = nl_query(nl, &b, /* is_dump= */ true, give_addr, &x, e);
	return r < 0 ? err_wrap(e, r, "list addresses") : 0;
}

/* ---- routes ------------------------------------------------------------------------------------ */

static const struct ip *some_ip(const struct route *r)
{
	return ip_is_set(&r->to.addr) ? &r->to.addr : ip_is_set(&r->via) ? &r->via : &r->src;
}

static void route_message(struct nl_buf *b, uint16_t type, uint16_t flags, const struct route *r)
{
	struct rtmsg m = {
		.rtm_family = family_of(some_ip(r)),
		.rtm_dst_len = r->to.len,
		.rtm_table = r->table == 0 ? RT_TABLE_MAIN : r->table,
		.rtm_protocol = r->owner,
		.rtm_scope = ip_is_set(&r->via) ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
		.rtm_flags = r->via_is_onlink ? RTNH_F_ONLINK : 0,
	};

	/* Deleting matches on what is given: destination, metric and link are enough. */
	if (type == RTM_DELROUTE)
		m.rtm_scope = RT_SCOPE_NOWHERE;
	nl_begin(b, type, flags, &m, sizeof(m));
	if (r->to.len > 0)
		put_ip(b, RTA_DST, &r->to.addr);
	if (ip_is_set(&r->via))
		put_ip(b, RTA_GATEWAY, &r->via);
	if (ip_is_set(&r->src))
		put_ip(b, RTA_PREFSRC, &r->src);
	if (r->link != 0)
		nl_put_u32(b, RTA_OIF, r->link);
	if (r->metric != 0)
		nl_put_u32(b, RTA_PRIORITY, r->metric);
	if (r->mtu != 0) {
		size_t nest = nl_nest(b, RTA_METRICS);
		nl_put_u32(b, RTAX_MTU, r->mtu);
		nl_nest_end(b, nest);
	}
}

void route_put(struct nl_buf *b, const struct route *r)
{
	route_message(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, r);
}

static int route_do(struct nl *nl, struct nl_buf *b, const char *what, const struct route *rt, const char *link_name,
		    struct err *e)
{
	char to[IP_PREFIX_TEXT_MAX] = "default", via[IP_TEXT_MAX];
	int r = nl_call(nl, b, NULL, e);

	if (r == 0)
		return 0;
	if (rt->to.len > 0)
		ip_prefix_text(&rt->to, to);
	if (!ip_is_set(&rt->via))
		return err_wrap(e, r, "%s route %s on '%s'", what, to, link_name);
	return err_wrap(e, r, "%s route %s via %s on '%s'", what, to, ip_text(&rt->via, via), link_name);
}

int route_set(struct nl *nl, const struct route *r, const char *link_name, struct err *e)
{
	NL_MEM(mem, 256);
	struct nl_buf b = NL_BUF(mem);

	route_put(&b, r);
	return route_do(nl, &b, "add", r, link_name, e);
}

int route_delete(struct nl *nl, const struct route *r, const char *link_name, struct err *e)
{
	NL_MEM(mem, 256);
	struct nl_buf b = NL_BUF(mem);

	route_message(&b, RTM_DELROUTE, 0, r);
	return route_do(nl, &b, "delete", r, link_name, e);
}

int route_parse(const struct nlmsghdr *h, struct route *ret)
{
	const struct nlattr *tb[RTA_MAX + 1], *metrics[RTAX_MAX + 1];
	const struct rtmsg *m = NLMSG_DATA(h);
	struct route r = {0};

	if ((h->nlmsg_type != RTM_NEWROUTE && h->nlmsg_type != RTM_DELROUTE) ||
	    nl_msg_attrs(h, sizeof(*m), tb, countof(tb)) < 0 ||
	    (m->rtm_family != AF_INET && m->rtm_family != AF_INET6))
		return -EPROTO;
	r.to.len = m->rtm_dst_len;
	r.to.addr = ip_of(tb[RTA_DST], m->rtm_family);
	if (!ip_is_set(&r.to.addr))
		r.to.addr.family = m->rtm_family == AF_INET6 ? IP_V6 : IP_V4;
	r.via = ip_of(tb[RTA_GATEWAY], m->rtm_family);
	r.src = ip_of(tb[RTA_PREFSRC], m->rtm_family);
	r.link = nl_attr_u32(tb[RTA_OIF], 0);
	r.metric = nl_attr_u32(tb[RTA_PRIORITY], 0);
	r.owner = m->rtm_protocol;
	r.table = m->rtm_table;
	r.via_is_onlink = (m->rtm_flags & RTNH_F_ONLINK) != 0;
	nl_attr_nested(tb[RTA_METRICS], metrics, countof(metrics));
	r.mtu = nl_attr_u32(metrics[RTAX_MTU], 0);
	*ret = r;
	return 0;
}

static int give_route(const struct nlmsghdr *h, void *arg)
{
	struct each *x = arg;
	struct route r;

	/* The main table's unicast routes: local and broadcast ones live in another. */
	if (route_parse(h, &r) < 0 || r.table != RT_TABLE_MAIN)
		return 0;
	return x->route(&r, x->arg);
}

int route_each(struct nl *nl, enum ip_family family, route_each_fn *each, void *arg, struct err *e)
{
	struct each x = {.route = each, .arg = arg};
	struct rtmsg m = {.rtm_family = family == IP_V6 ? AF_INET6 : AF_INET};
	NL_MEM(mem, 64);
	struct nl_buf b = NL_BUF(mem);

	nl_begin(&b, RTM_GETROUTE, 0, &m, sizeof(m));
	int r = nl_query(nl, &b, /* is_dump= */ true, give_route, &x, e);
	return r < 0 ? err_wrap(e, r, "list routes") : 0;
}
