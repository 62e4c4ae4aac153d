// SPDX-License-Identifier: Apache-2.0
/* Connection tracking entries that a published port leaves wrong. A UDP flow has no end: while the client goes on sending, an
 * entry made before the port was published keeps it from the container, and one made for a container that is gone keeps it
 * from the next. TCP connections start anew by themselves. */
#include "userctr/net_internal.h"

#include "lib/base/owned.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define MSG(t) ((uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | (t)))
#define FLOWS_MAX 64 /* forgotten per round; rounds go on until none is left */

/* The original direction of a flow, enough to name it when deleting. */
struct flow {
	uint8_t src[4], dst[4];
	uint16_t sport, dport; /* network order */
};

struct search {
	const struct net_port *port;
	struct flow found[FLOWS_MAX];
	size_t count;
};

static bool read_flow(const struct nlattr *tuple, uint8_t proto, struct flow *ret)
{
	const struct nlattr *t[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *p[CTA_PROTO_MAX + 1];

	nl_attr_nested(tuple, t, countof(t));
	nl_attr_nested(t[CTA_TUPLE_IP], ip, countof(ip));
	nl_attr_nested(t[CTA_TUPLE_PROTO], p, countof(p));
	if (nl_attr_len(p[CTA_PROTO_NUM]) != 1 || *(const uint8_t *)nl_attr_data(p[CTA_PROTO_NUM]) != proto ||
	    nl_attr_len(ip[CTA_IP_V4_SRC]) != 4 || nl_attr_len(ip[CTA_IP_V4_DST]) != 4 ||
	    nl_attr_len(p[CTA_PROTO_SRC_PORT]) != 2 || nl_attr_len(p[CTA_PROTO_DST_PORT]) != 2)
		return false;
	memcpy(ret->src, nl_attr_data(ip[CTA_IP_V4_SRC]), 4);
	memcpy(ret->dst, nl_attr_data(ip[CTA_IP_V4_DST]), 4);
	memcpy(&ret->sport, nl_attr_data(p[CTA_PROTO_SRC_PORT]), 2);
	memcpy(&ret->dport, nl_attr_data(p[CTA_PROTO_DST_PORT]), 2);
	return true;
}

static int see_flow(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *tb[CTA_MAX + 1];
	struct search *s = arg;
	struct flow f;

	if (s->count == FLOWS_MAX || nl_msg_attrs(h, sizeof(struct nfgenmsg), tb, countof(tb)) < 0 ||
	    !read_flow(tb[CTA_TUPLE_ORIG], s->port->proto, &f))
		return 0;
	if (ntohs(f.dport) == s->port->host_port &&
	    (ip_is_zero(&s->port->host_ip) || memcmp(f.dst, s->port->host_ip.b, 4) == 0))
		s->found[s->count++] = f;
	return 0;
}

static void forget(struct nl *nl, const struct flow *f, uint8_t proto)
{
	struct nfgenmsg g = {.nfgen_family = AF_INET};
	NL_MEM(mem, 256);
	struct nl_buf b = NL_BUF(mem);

	nl_begin(&b, MSG(IPCTNL_MSG_CT_DELETE), 0, &g, sizeof(g));
	size_t tuple = nl_nest(&b, CTA_TUPLE_ORIG);
	size_t nest = nl_nest(&b, CTA_TUPLE_IP);
	nl_put(&b, CTA_IP_V4_SRC, f->src, 4);
	nl_put(&b, CTA_IP_V4_DST, f->dst, 4);
	nl_nest_end(&b, nest);
	nest = nl_nest(&b, CTA_TUPLE_PROTO);
	nl_put_u8(&b, CTA_PROTO_NUM, proto);
	nl_put(&b, CTA_PROTO_SRC_PORT, &f->sport, 2);
	nl_put(&b, CTA_PROTO_DST_PORT, &f->dport, 2);
	nl_nest_end(&b, nest);
	nl_nest_end(&b, tuple);
	(void)nl_call(nl, &b, NULL, NULL); /* it may have ended meanwhile */
}

void net_conntrack_forget(struct net_bridge *nb, const struct net_port *p)
{
	struct search s = {.port = p};

	if (p->proto != IPPROTO_UDP)
		return;
	for (int round = 0; round < 1024; round++) {
		struct nfgenmsg g = {.nfgen_family = AF_INET};
		NL_MEM(mem, 64);
		struct nl_buf b = NL_BUF(mem);

		s.count = 0;
		nl_begin(&b, MSG(IPCTNL_MSG_CT_GET), 0, &g, sizeof(g));
		int r = nl_query(&nb->nft, &b, /* is_dump= */ true, see_flow, &s, NULL);
		if (r < 0 && r != -EAGAIN)
			return; /* no conntrack, no stale entries */
		for (size_t i = 0; i < s.count; i++)
			forget(&nb->nft, &s.found[i], p->proto);
		if (s.count < FLOWS_MAX)
			return;
	}
}
