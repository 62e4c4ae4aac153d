// SPDX-License-Identifier: Apache-2.0
/* For containers that serve names themselves: our socket has another port, and one rule in their namespace leads to it. Only for
 * them: the rule brings connection tracking with it, and a container that empties its rules would lose its names. */
#include "userctr/dns_internal.h"

#include "lib/base/err.h"
#include "lib/sys/netlink.h"
#include "lib/sys/nft.h"

#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <string.h>

#define DADDR 16 /* offset in an IPv4 header */

static const struct nft_table table = {.family = NFPROTO_IPV4, .name = "userctr-names"};
static const struct nft_set map = {
	.name = "to",
	.id = 1,
	.key_type = NFT_CONCAT(NFT_TYPE_PROTO, NFT_TYPE_PORT),
	.key_len = 8,
	.data_type = NFT_CONCAT(NFT_TYPE_IP4, NFT_TYPE_PORT),
	.data_len = 8,
};

static void put_port(struct nl_buf *b, uint8_t proto, uint16_t port)
{
	uint8_t key[8] = {proto, 0, 0, 0, 0, 53}, data[8] = {127, 0, 0, 11, (uint8_t)(port >> 8), (uint8_t)port};

	nft_elem(b, key, sizeof(key), data, sizeof(data));
}

int dns_redirect(int netns, uint16_t udp_port, uint16_t tcp_port, struct err *e)
{
	NL_MEM(mem, 4096);
	struct nl_buf b = NL_BUF(mem);
	struct nl nl;

	int r = nl_open_in(&nl, netns, NETLINK_NETFILTER, e);
	if (r < 0)
		return r;
	nft_begin(&b);
	nft_table_add(&b, &table); /* added first, so that deleting cannot fail */
	nft_table_delete(&b, &table);
	nft_table_add(&b, &table);
	nft_set_add(&b, &table, &map);
	nft_chain_add_base(&b, &table, "output", "nat", NF_INET_LOCAL_OUT, -100, NF_ACCEPT);
	struct nft_rule rule = nft_rule_begin(&b, &table, "output");
	nftx_ip4_in(&b, DADDR, 0x7f00000b, 32);
	nftx_meta(&b, NFT_META_L4PROTO, NFT_REG32_00);
	nftx_payload(&b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_01);
	nftx_map(&b, &map, NFT_REG32_00, NFT_REG32_00);
	nftx_dnat(&b, NFT_REG32_00, NFT_REG32_01);
	nft_rule_end(&b, rule);
	struct nft_elems x = nft_elems_begin(&b, &table, map.name, /* want_delete= */ false);
	put_port(&b, IPPROTO_UDP, udp_port);
	put_port(&b, IPPROTO_TCP, tcp_port);
	nft_elems_end(&b, x);
	r = nft_commit(&nl, &b, e);
	nl_close(&nl);
	return r < 0 ? err_wrap(e, r, "name server: redirect") : 0;
}
