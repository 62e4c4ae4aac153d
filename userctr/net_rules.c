// SPDX-License-Identifier: Apache-2.0
/* The driver's nftables table. It is always written as a whole, from the networks and ports that are known, so there is one
 * way to make it, to change it and to repair it; only single ports come and go by element. docs/network.md shows it as nft(8)
 * prints it. */
#include "userctr/net_internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>

#define SADDR 12 /* offsets in an IPv4 header */
#define DADDR 16

#define RULES_BYTES 8192 /* of what does not depend on networks and ports */
#define NET_BYTES   4096 /* per network */
#define PORT_BYTES  96	 /* per port */

static const struct nft_table table = {.family = NFPROTO_IPV4, .name = "userctr"};

/* Published on every address; published on one. Data: where to. */
static const struct nft_set any_map = {
	.name = "published",
	.id = 1,
	.key_type = NFT_CONCAT(NFT_TYPE_PROTO, NFT_TYPE_PORT),
	.key_len = 8,
	.data_type = NFT_CONCAT(NFT_TYPE_IP4, NFT_TYPE_PORT),
	.data_len = 8,
};
static const struct nft_set one_map = {
	.name = "published-on",
	.id = 2,
	.key_type = NFT_CONCAT(NFT_CONCAT(NFT_TYPE_IP4, NFT_TYPE_PROTO), NFT_TYPE_PORT),
	.key_len = 12,
	.data_type = NFT_CONCAT(NFT_TYPE_IP4, NFT_TYPE_PORT),
	.data_len = 8,
};

static void verdict_rule(struct nl_buf *b, const char *chain, int verdict, const char *target)
{
	struct nft_rule r = nft_rule_begin(b, &table, chain);

	nftx_verdict(b, verdict, target);
	nft_rule_end(b, r);
}

/* ---- translation ------------------------------------------------------------------------------- */

/* One value per register: a protocol and a port fill four bytes each, left-aligned and zero-padded. */
static void put_dnat_rules(struct nl_buf *b)
{
	struct nft_rule r = nft_rule_begin(b, &table, "dnat");
	nftx_payload(b, NFT_PAYLOAD_NETWORK_HEADER, DADDR, 4, NFT_REG32_00);
	nftx_meta(b, NFT_META_L4PROTO, NFT_REG32_01);
	nftx_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_02);
	nftx_map(b, &one_map, NFT_REG32_00, NFT_REG32_00);
	nftx_dnat(b, NFT_REG32_00, NFT_REG32_01);
	nft_rule_end(b, r);

	r = nft_rule_begin(b, &table, "dnat");
	nftx_meta(b, NFT_META_L4PROTO, NFT_REG32_00);
	nftx_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_01);
	nftx_map(b, &any_map, NFT_REG32_00, NFT_REG32_00);
	nftx_dnat(b, NFT_REG32_00, NFT_REG32_01);
	nft_rule_end(b, r);
}

static void put_to_dnat(struct nl_buf *b, const char *chain)
{
	static const uint32_t local = RTN_LOCAL;
	struct nft_rule r = nft_rule_begin(b, &table, chain);

	nftx_fib_daddr_type(b, NFT_REG32_00);
	nftx_cmp(b, NFT_CMP_EQ, NFT_REG32_00, &local, sizeof(local));
	nftx_verdict(b, NFT_JUMP, "dnat");
	nft_rule_end(b, r);
}

static void put_postrouting(struct nl_buf *b, const struct net *n)
{
	struct nft_rule r;

	/* from the host's 127.0.0.1: the container must answer to an address it can reach */
	r = nft_rule_begin(b, &table, "postrouting");
	nftx_oifname(b, NFT_CMP_EQ, n->ifname);
	nftx_ip4_in(b, SADDR, 0x7f000000, 8);
	nftx_masquerade(b);
	nft_rule_end(b, r);

	/* by a published port to a neighbour, or to itself: the answer must come back through here, not directly */
	r = nft_rule_begin(b, &table, "postrouting");
	nftx_oifname(b, NFT_CMP_EQ, n->ifname);
	nftx_ip4_in(b, SADDR, ip4_host(&n->ipam.subnet.addr), n->ipam.subnet.len);
	nftx_ct_bits(b, NFT_CT_STATUS, IPS_DST_NAT);
	nftx_masquerade(b);
	nft_rule_end(b, r);

	if (n->no_masquerade || n->is_internal)
		return;
	r = nft_rule_begin(b, &table, "postrouting");
	nftx_ip4_in(b, SADDR, ip4_host(&n->ipam.subnet.addr), n->ipam.subnet.len);
	nftx_oifname(b, NFT_CMP_NEQ, n->ifname);
	nftx_masquerade(b);
	nft_rule_end(b, r);
}

/* ---- who may talk to whom ---------------------------------------------------------------------- */

/* To a container. Every network's rules of this kind stand before any of the other kind, so that leaving one network never
 * means entering another. */
static void put_forward_to(struct nl_buf *b, const struct net *n)
{
	struct nft_rule r;

	if (!n->no_icc) {
		/* neighbours: only seen here when bridged frames are passed to IP rules (bridge-nf-call-iptables) */
		r = nft_rule_begin(b, &table, "forward");
		nftx_iifname(b, NFT_CMP_EQ, n->ifname);
		nftx_oifname(b, NFT_CMP_EQ, n->ifname);
		nftx_verdict(b, NF_ACCEPT, NULL);
		nft_rule_end(b, r);
	}
	if (!n->is_internal) {
		r = nft_rule_begin(b, &table, "forward");
		nftx_oifname(b, NFT_CMP_EQ, n->ifname);
		nftx_ct_bits(b, NFT_CT_STATUS, IPS_DST_NAT);
		nftx_verdict(b, NF_ACCEPT, NULL);
		nft_rule_end(b, r);
	}
	r = nft_rule_begin(b, &table, "forward");
	nftx_oifname(b, NFT_CMP_EQ, n->ifname);
	nftx_verdict(b, NF_DROP, NULL);
	nft_rule_end(b, r);
}

static void put_forward_from(struct nl_buf *b, const struct net *n)
{
	struct nft_rule r = nft_rule_begin(b, &table, "forward");

	nftx_iifname(b, NFT_CMP_EQ, n->ifname);
	nftx_verdict(b, n->is_internal ? NF_DROP : NF_ACCEPT, NULL);
	nft_rule_end(b, r);
}

/* route_localnet makes 127.0.0.0/8 reachable from the bridge; here it is closed again. Before connection tracking, so that
 * the answers that NAT turns back into 127.0.0.1 are not meant. */
static void put_guard(struct nl_buf *b, const struct net *n)
{
	struct nft_rule r = nft_rule_begin(b, &table, "guard");

	nftx_iifname(b, NFT_CMP_EQ, n->ifname);
	nftx_ip4_in(b, DADDR, 0x7f000000, 8);
	nftx_verdict(b, NF_DROP, NULL);
	nft_rule_end(b, r);
}

static void put_established(struct nl_buf *b)
{
	struct nft_rule r = nft_rule_begin(b, &table, "forward");

	nftx_ct_bits(b, NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
	nftx_verdict(b, NF_ACCEPT, NULL);
	nft_rule_end(b, r);
}

/* ---- published ports --------------------------------------------------------------------------- */

/* Key and data of a port's element. Returns the map it belongs to. */
static const struct nft_set *port_element(const struct net_port *p, uint8_t key[12], uint8_t data[8])
{
	bool is_any = ip_is_zero(&p->host_ip);
	uint16_t host_port = htons(p->host_port), port = htons(p->port);
	uint8_t *at = key;

	memset(key, 0, 12);
	memset(data, 0, 8);
	if (!is_any) {
		memcpy(at, p->host_ip.b, 4);
		at += 4;
	}
	at[0] = p->proto;
	memcpy(at + 4, &host_port, 2);
	memcpy(data, p->ip.b, 4);
	memcpy(data + 4, &port, 2);
	return is_any ? &any_map : &one_map;
}

static void put_ports(struct nl_buf *b, const struct net_bridge *nb, const struct nft_set *map)
{
	struct nft_elems x = {0};
	size_t in_message = 0;
	uint8_t key[12], data[8];

	for (size_t i = 0; i < nb->port_count; i++) {
		if (port_element(&nb->ports[i].port, key, data) != map)
			continue;
		if (in_message == 0)
			x = nft_elems_begin(b, &table, map->name, /* want_delete= */ false);
		nft_elem(b, key, map->key_len, data, map->data_len);
		if (++in_message == NFT_ELEMS_MAX) {
			nft_elems_end(b, x);
			in_message = 0;
		}
	}
	if (in_message > 0)
		nft_elems_end(b, x);
}

int net_rules_port(struct net_bridge *nb, const struct net_port *p, bool want_delete, struct err *e)
{
	uint8_t key[12], data[8];
	const struct nft_set *map = port_element(p, key, data);
	NL_MEM(mem, 512);
	struct nl_buf b = NL_BUF(mem);

	nft_begin(&b);
	struct nft_elems x = nft_elems_begin(&b, &table, map->name, want_delete);
	nft_elem(&b, key, map->key_len, data, want_delete ? 0 : map->data_len);
	nft_elems_end(&b, x);
	return nft_commit(&nb->nft, &b, e);
}

/* ---- the table --------------------------------------------------------------------------------- */

static void put_table(struct nl_buf *b, const struct net_bridge *nb)
{
	/* Added first, so that deleting cannot fail; deleted, so that what is added now is all there is. */
	nft_table_add(b, &table);
	nft_table_delete(b, &table);
	nft_table_add(b, &table);
	nft_set_add(b, &table, &any_map);
	nft_set_add(b, &table, &one_map);
	nft_chain_add(b, &table, "dnat");
	nft_chain_add_base(b, &table, "guard", "filter", NF_INET_PRE_ROUTING, -300, NF_ACCEPT);
	nft_chain_add_base(b, &table, "prerouting", "nat", NF_INET_PRE_ROUTING, -100, NF_ACCEPT);
	nft_chain_add_base(b, &table, "output", "nat", NF_INET_LOCAL_OUT, -100, NF_ACCEPT);
	nft_chain_add_base(b, &table, "postrouting", "nat", NF_INET_POST_ROUTING, 100, NF_ACCEPT);
	nft_chain_add_base(b, &table, "forward", "filter", NF_INET_FORWARD, 0, NF_ACCEPT);

	put_dnat_rules(b);
	put_to_dnat(b, "prerouting");
	put_to_dnat(b, "output");
	put_established(b);
	for (const struct net *n = nb->nets; n != NULL; n = n->next) {
		put_guard(b, n);
		put_postrouting(b, n);
		put_forward_to(b, n);
	}
	for (const struct net *n = nb->nets; n != NULL; n = n->next)
		put_forward_from(b, n);
	if (nb->want_closed) {
		nft_chain_add(b, &table, "closed");
		verdict_rule(b, "closed", NF_DROP, NULL);
		verdict_rule(b, "forward", NFT_JUMP, "closed");
	}
	put_ports(b, nb, &any_map);
	put_ports(b, nb, &one_map);
}

int net_rules_apply(struct net_bridge *nb, struct err *e)
{
	size_t size = RULES_BYTES + nb->port_count * PORT_BYTES;

	for (const struct net *n = nb->nets; n != NULL; n = n->next)
		size += NET_BYTES;
	owned_mem unsigned char *mem = malloc(size);
	if (mem == NULL)
		return err_set(e, ENOMEM, "rules of the networks");
	struct nl_buf b = {.data = mem, .size = size};
	nft_begin(&b);
	put_table(&b, nb);
	int r = nft_commit(&nb->nft, &b, e);
	return r < 0 ? err_wrap(e, r, "nftables table 'userctr'") : 0;
}

int net_rules_was_closed(struct net_bridge *nb, struct err *e)
{
	return nft_chain_exists(&nb->nft, &table, "closed", e);
}
