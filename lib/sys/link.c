// SPDX-License-Identifier: Apache-2.0
/* Links over rtnetlink. */
#include "lib/sys/link.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/netlink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

/* IFF_LOWER_UP: <linux/if.h> and <net/if.h> do not go together. */
#define LOWER_UP (1u << 16)

int link_parse(const struct nlmsghdr *h, struct link *ret)
{
	const struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	const struct ifinfomsg *i = NLMSG_DATA(h);
	struct link l = {0};

	if ((h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK) ||
	    nl_msg_attrs(h, sizeof(*i), tb, countof(tb)) < 0)
		return -EPROTO;
	l.index = (uint32_t)i->ifi_index;
	l.type = i->ifi_type;
	l.flags = i->ifi_flags;
	l.has_carrier = (i->ifi_flags & LOWER_UP) != 0;
	l.mtu = nl_attr_u32(tb[IFLA_MTU], 0);
	l.master = nl_attr_u32(tb[IFLA_MASTER], 0);
	if (!nl_attr_str(tb[IFLA_IFNAME], l.name, sizeof(l.name)))
		return -EPROTO;
	if (nl_attr_len(tb[IFLA_ADDRESS]) == sizeof(l.mac)) {
		memcpy(l.mac, nl_attr_data(tb[IFLA_ADDRESS]), sizeof(l.mac));
		l.has_mac = true;
	}
	nl_attr_nested(tb[IFLA_LINKINFO], info, countof(info));
	(void)nl_attr_str(info[IFLA_INFO_KIND], l.kind, sizeof(l.kind)); /* hardware has none */
	*ret = l;
	return 0;
}

static int take_link(const struct nlmsghdr *h, void *arg)
{
	return link_parse(h, arg);
}

int link_get(struct nl *nl, const char *name, struct link *ret, struct err *e)
{
	struct ifinfomsg i = {0};
	struct link l = {0};
	NL_MEM(mem, 256);
	struct nl_buf b = NL_BUF(mem);

	if (strlen(name) >= IFNAMSIZ)
		return err_set(e, ENODEV, "find link '%s'", name);
	nl_begin(&b, RTM_GETLINK, 0, &i, sizeof(i));
	nl_put_str(&b, IFLA_IFNAME, name);
	nl_put_u32(&b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	int r = nl_query(nl, &b, /* is_dump= */ false, take_link, &l, e);
	if (r < 0)
		return err_wrap(e, r, "find link '%s'", name);
	*ret = l;
	return 0;
}

struct each {
	link_each_fn *fn;
	void *arg;
};

static int give_link(const struct nlmsghdr *h, void *arg)
{
	struct each *x = arg;
	struct link l;

	return link_parse(h, &l) < 0 ? 0 : x->fn(&l, x->arg);
}

int link_each(struct nl *nl, link_each_fn *fn, void *arg, struct err *e)
{
	struct each x = {.fn = fn, .arg = arg};
	struct ifinfomsg i = {0};
	NL_MEM(mem, 64);
	struct nl_buf b = NL_BUF(mem);

	nl_begin(&b, RTM_GETLINK, 0, &i, sizeof(i));
	nl_put_u32(&b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	int r = nl_query(nl, &b, /* is_dump= */ true, give_link, &x, e);
	return r < 0 ? err_wrap(e, r, "list links") : 0;
}

static void put_no_ip6(struct nl_buf *b)
{
	size_t spec = nl_nest(b, IFLA_AF_SPEC);
	size_t six = nl_nest(b, AF_INET6);

	nl_put_u8(b, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nl_nest_end(b, six);
	nl_nest_end(b, spec);
}

void link_put(struct nl_buf *b, uint32_t index, const char *name, const struct link_change *c)
{
	struct ifinfomsg i = {.ifi_index = (int)index};

	/* A message of its own, before the one that brings the link up: in one the kernel would do it after. */
	if (c->want_no_ip6) {
		nl_begin(b, RTM_NEWLINK, 0, &i, sizeof(i));
		if (index == 0)
			nl_put_str(b, IFLA_IFNAME, name);
		put_no_ip6(b);
	}
	if (c->want_up || c->want_down) {
		i.ifi_flags = c->want_up ? IFF_UP : 0;
		i.ifi_change = IFF_UP;
	}
	nl_begin(b, RTM_NEWLINK, 0, &i, sizeof(i));
	if (index == 0)
		nl_put_str(b, IFLA_IFNAME, name);
	else if (c->rename != NULL)
		nl_put_str(b, IFLA_IFNAME, c->rename);
	if (c->mtu != 0)
		nl_put_u32(b, IFLA_MTU, c->mtu);
	if (c->master != 0 || c->want_no_master)
		nl_put_u32(b, IFLA_MASTER, c->master);
	if (c->mac != NULL)
		nl_put(b, IFLA_ADDRESS, c->mac, 6);
}

int link_set(struct nl *nl, uint32_t index, const struct link_change *c, struct err *e)
{
	char name[IFNAMSIZ] = "?";
	NL_MEM(mem, 256);
	struct nl_buf b = NL_BUF(mem);

	link_put(&b, index, NULL, c);
	int r = nl_call(nl, &b, NULL, e);
	if (r == 0)
		return 0;
	(void)if_indextoname(index, name); /* only for the message; of the caller's namespace at best */
	return err_wrap(e, r, "change link %u ('%s')", index, name);
}

int link_set_isolated(struct nl *nl, const char *name, bool is_isolated, struct err *e)
{
	struct link l;
	NL_MEM(mem, 128);
	struct nl_buf b = NL_BUF(mem);

	int r = link_get(nl, name, &l, e);
	if (r < 0)
		return r;
	struct ifinfomsg i = {.ifi_family = AF_BRIDGE, .ifi_index = (int)l.index};
	nl_begin(&b, RTM_SETLINK, 0, &i, sizeof(i));
	size_t port = nl_nest(&b, IFLA_PROTINFO);
	nl_put_u8(&b, IFLA_BRPORT_ISOLATED, is_isolated);
	nl_nest_end(&b, port);
	r = nl_call(nl, &b, NULL, e);
	return r < 0 ? err_wrap(e, r, "isolate bridge port '%s'", name) : 0;
}

int link_add_bridge(struct nl *nl, const char *name, const uint8_t *mac, uint32_t mtu, struct err *e)
{
	struct ifinfomsg i = {0};
	NL_MEM(mem, 256);
	struct nl_buf b = NL_BUF(mem);

	nl_begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof(i));
	nl_put_str(&b, IFLA_IFNAME, name);
	if (mac != NULL)
		nl_put(&b, IFLA_ADDRESS, mac, 6);
	if (mtu != 0)
		nl_put_u32(&b, IFLA_MTU, mtu);
	size_t info = nl_nest(&b, IFLA_LINKINFO);
	nl_put_str(&b, IFLA_INFO_KIND, "bridge");
	nl_nest_end(&b, info);
	int r = nl_call(nl, &b, NULL, e);
	return r < 0 ? err_wrap(e, r, "make bridge '%s'", name) : 0;
}

int link_add_veth(struct nl *nl, const struct link_veth *v, struct err *e)
{
	struct ifinfomsg near = {0}, far = {0};
	size_t failed = 0;
	NL_MEM(mem, 512);
	struct nl_buf b = NL_BUF(mem);

	nl_begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &near, sizeof(near));
	nl_put_str(&b, IFLA_IFNAME, v->name);
	if (v->mac != NULL)
		nl_put(&b, IFLA_ADDRESS, v->mac, 6);
	if (v->mtu != 0)
		nl_put_u32(&b, IFLA_MTU, v->mtu);
	if (v->master != 0)
		nl_put_u32(&b, IFLA_MASTER, v->master);
	size_t info = nl_nest(&b, IFLA_LINKINFO);
	nl_put_str(&b, IFLA_INFO_KIND, "veth");
	size_t data = nl_nest(&b, IFLA_INFO_DATA);
	size_t peer = nl_nest(&b, VETH_INFO_PEER);
	nl_raw(&b, &far, sizeof(far));
	nl_put_str(&b, IFLA_IFNAME, v->peer_name);
	if (v->peer_mac != NULL)
		nl_put(&b, IFLA_ADDRESS, v->peer_mac, 6);
	if (v->mtu != 0)
		nl_put_u32(&b, IFLA_MTU, v->mtu);
	if (v->peer_netns >= 0)
		nl_put_u32(&b, IFLA_NET_NS_FD, (uint32_t)v->peer_netns);
	nl_nest_end(&b, peer);
	nl_nest_end(&b, data);
	nl_nest_end(&b, info);
	link_put(&b, 0, v->name, &(struct link_change){.want_up = true, .want_no_ip6 = v->want_no_ip6});
	int r = nl_call(nl, &b, &failed, e);
	if (r < 0 && failed > 0)
		(void)link_delete(nl, v->name, NULL); /* made but not usable */
	return r < 0 ? err_wrap(e, r, "make veth '%s' with '%s'", v->name, v->peer_name) : 0;
}

int link_delete(struct nl *nl, const char *name, struct err *e)
{
	struct ifinfomsg i = {0};
	NL_MEM(mem, 128);
	struct nl_buf b = NL_BUF(mem);

	nl_begin(&b, RTM_DELLINK, 0, &i, sizeof(i));
	nl_put_str(&b, IFLA_IFNAME, name);
	int r = nl_call(nl, &b, NULL, e);
	return r < 0 ? err_wrap(e, r, "delete link '%s'", name) : 0;
}
