// SPDX-License-Identifier: Apache-2.0
/* The expressions of nf_tables rules that are used here. */
#include "lib/sys/nft.h"

#include "lib/base/ip.h"
#include "lib/sys/netlink.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include <linux/netfilter/nf_nat.h>

/* Two nests around every expression: list element, and its own attributes. */
struct expr {
	size_t elem, data;
};

static struct expr begin(struct nl_buf *b, const char *name)
{
	struct expr x = {.elem = nl_nest(b, NFTA_LIST_ELEM)};

	nl_put_str(b, NFTA_EXPR_NAME, name);
	x.data = nl_nest(b, NFTA_EXPR_DATA);
	return x;
}

static void end(struct nl_buf *b, struct expr x)
{
	nl_nest_end(b, x.data);
	nl_nest_end(b, x.elem);
}

static void put_value(struct nl_buf *b, uint16_t attr, const void *p, size_t n)
{
	size_t nest = nl_nest(b, attr);

	nl_put(b, NFTA_DATA_VALUE, p, n);
	nl_nest_end(b, nest);
}

void nftx_meta(struct nl_buf *b, enum nft_meta_keys key, uint32_t dreg)
{
	struct expr x = begin(b, "meta");

	nl_put_be32(b, NFTA_META_DREG, dreg);
	nl_put_be32(b, NFTA_META_KEY, key);
	end(b, x);
}

void nftx_payload(struct nl_buf *b, enum nft_payload_bases base, uint32_t offset, uint32_t len, uint32_t dreg)
{
	struct expr x = begin(b, "payload");

	nl_put_be32(b, NFTA_PAYLOAD_DREG, dreg);
	nl_put_be32(b, NFTA_PAYLOAD_BASE, base);
	nl_put_be32(b, NFTA_PAYLOAD_OFFSET, offset);
	nl_put_be32(b, NFTA_PAYLOAD_LEN, len);
	end(b, x);
}

void nftx_mask(struct nl_buf *b, uint32_t reg, const void *mask, size_t len)
{
	static const uint8_t zero[16];
	struct expr x = begin(b, "bitwise");

	nl_put_be32(b, NFTA_BITWISE_SREG, reg);
	nl_put_be32(b, NFTA_BITWISE_DREG, reg);
	nl_put_be32(b, NFTA_BITWISE_LEN, (uint32_t)len);
	put_value(b, NFTA_BITWISE_MASK, mask, len);
	put_value(b, NFTA_BITWISE_XOR, zero, len);
	end(b, x);
}

void nftx_cmp(struct nl_buf *b, enum nft_cmp_ops op, uint32_t sreg, const void *p, size_t len)
{
	struct expr x = begin(b, "cmp");

	nl_put_be32(b, NFTA_CMP_SREG, sreg);
	nl_put_be32(b, NFTA_CMP_OP, op);
	put_value(b, NFTA_CMP_DATA, p, len);
	end(b, x);
}

void nftx_ct(struct nl_buf *b, enum nft_ct_keys key, uint32_t dreg)
{
	struct expr x = begin(b, "ct");

	nl_put_be32(b, NFTA_CT_DREG, dreg);
	nl_put_be32(b, NFTA_CT_KEY, key);
	end(b, x);
}

void nftx_fib_daddr_type(struct nl_buf *b, uint32_t dreg)
{
	struct expr x = begin(b, "fib");

	nl_put_be32(b, NFTA_FIB_DREG, dreg);
	nl_put_be32(b, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nl_put_be32(b, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	end(b, x);
}

static void lookup(struct nl_buf *b, const struct nft_set *s, uint32_t sreg, uint32_t dreg)
{
	struct expr x = begin(b, "lookup");

	nl_put_str(b, NFTA_LOOKUP_SET, s->name);
	nl_put_be32(b, NFTA_LOOKUP_SET_ID, s->id);
	nl_put_be32(b, NFTA_LOOKUP_SREG, sreg);
	if (dreg != 0)
		nl_put_be32(b, NFTA_LOOKUP_DREG, dreg);
	end(b, x);
}

void nftx_lookup(struct nl_buf *b, const struct nft_set *s, uint32_t sreg)
{
	lookup(b, s, sreg, 0);
}

void nftx_map(struct nl_buf *b, const struct nft_set *s, uint32_t sreg, uint32_t dreg)
{
	lookup(b, s, sreg, dreg);
}

void nftx_dnat(struct nl_buf *b, uint32_t addr_reg, uint32_t port_reg)
{
	struct expr x = begin(b, "nat");

	nl_put_be32(b, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	nl_put_be32(b, NFTA_NAT_FAMILY, NFPROTO_IPV4);
	nl_put_be32(b, NFTA_NAT_REG_ADDR_MIN, addr_reg);
	nl_put_be32(b, NFTA_NAT_REG_PROTO_MIN, port_reg);
	nl_put_be32(b, NFTA_NAT_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
	end(b, x);
}

void nftx_masquerade(struct nl_buf *b)
{
	end(b, begin(b, "masq"));
}

void nftx_counter(struct nl_buf *b)
{
	end(b, begin(b, "counter"));
}

void nftx_verdict(struct nl_buf *b, int verdict, const char *chain)
{
	struct expr x = begin(b, "immediate");

	nl_put_be32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = nl_nest(b, NFTA_IMMEDIATE_DATA);
	size_t nest = nl_nest(b, NFTA_DATA_VERDICT);
	nl_put_be32(b, NFTA_VERDICT_CODE, (uint32_t)verdict);
	if (chain != NULL)
		nl_put_str(b, NFTA_VERDICT_CHAIN, chain);
	nl_nest_end(b, nest);
	nl_nest_end(b, data);
	end(b, x);
}

/* ---- shorthands -------------------------------------------------------------------------------- */

static void ifname(struct nl_buf *b, enum nft_meta_keys key, enum nft_cmp_ops op, const char *name)
{
	char padded[IFNAMSIZ] = "";

	memcpy(padded, name, strnlen(name, sizeof(padded) - 1));
	nftx_meta(b, key, NFT_REG_1);
	nftx_cmp(b, op, NFT_REG_1, padded, sizeof(padded));
}

void nftx_iifname(struct nl_buf *b, enum nft_cmp_ops op, const char *name)
{
	ifname(b, NFT_META_IIFNAME, op, name);
}

void nftx_oifname(struct nl_buf *b, enum nft_cmp_ops op, const char *name)
{
	ifname(b, NFT_META_OIFNAME, op, name);
}

void nftx_ct_bits(struct nl_buf *b, enum nft_ct_keys key, uint32_t any_of)
{
	static const uint32_t zero;

	nftx_ct(b, key, NFT_REG_1);
	nftx_mask(b, NFT_REG_1, &any_of, sizeof(any_of)); /* conntrack values are in host order */
	nftx_cmp(b, NFT_CMP_NEQ, NFT_REG_1, &zero, sizeof(zero));
}

void nftx_ip4_in(struct nl_buf *b, uint32_t offset, uint32_t addr, unsigned prefix_len)
{
	uint32_t mask = htonl(ip4_mask(prefix_len)), net = htonl(addr) & mask;

	nftx_payload(b, NFT_PAYLOAD_NETWORK_HEADER, offset, sizeof(net), NFT_REG_1);
	if (prefix_len < 32)
		nftx_mask(b, NFT_REG_1, &mask, sizeof(mask));
	nftx_cmp(b, NFT_CMP_EQ, NFT_REG_1, &net, sizeof(net));
}
