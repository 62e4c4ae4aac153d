/* lib/sys/nft.h - nf_tables: build a transaction, commit it. Over a struct nl of NETLINK_NETFILTER.
 *
 *   nft_begin(&b)
 *   nft_table_add(&b, &t) ... nft_chain_add() ... nft_rule_begin() nftx_...() nft_rule_end() ... nft_elem_add()
 *   nft_commit(&nl, &b, &e)              everything or nothing; *e names what was refused
 *
 * Building only fills the buffer (see netlink.h: the error of a full one is reported by nft_commit()). Deleting a table first
 * and adding it again in one transaction replaces it without a packet passing between the two.
 *
 * Expressions work on 4-byte registers, NFT_REG32_00 and up; longer values continue in the next ones.
 */
#ifndef SYS_NFT_H
#define SYS_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netfilter/nf_tables.h>

struct err;
struct nl;
struct nl_buf;

struct nft_table {
	uint8_t family; /* NFPROTO_IPV4 ... */
	const char *name;
};

/* Types of nft(8), so that `nft list ruleset` prints values as what they are. A concatenation is NFT_CONCAT(a, b). */
enum nft_type {
	NFT_TYPE_IP4 = 7,
	NFT_TYPE_PROTO = 12,
	NFT_TYPE_PORT = 13,
	NFT_TYPE_IFNAME = 41,
};
#define NFT_CONCAT(a, b) ((uint32_t)(a) << 6 | (uint32_t)(b))

void nft_begin(struct nl_buf *b);

/*
 * End the transaction and send it.
 *
 * Errors   -ENOENT something named does not exist   -EEXIST   -EBUSY deleting what is in use   -ENOBUFS
 */
int nft_commit(struct nl *nl, struct nl_buf *b, struct err *e);

/* Adding what exists is fine. Deleting takes everything in it along; one that may not exist is added first. */
void nft_table_add(struct nl_buf *b, const struct nft_table *t);
void nft_table_delete(struct nl_buf *b, const struct nft_table *t);

/* A chain that others jump to. */
void nft_chain_add(struct nl_buf *b, const struct nft_table *t, const char *name);

/* A chain at a hook of the kernel. type: "filter", "nat". hook: enum nf_inet_hooks. policy: NF_ACCEPT, NF_DROP. */
void nft_chain_add_base(struct nl_buf *b, const struct nft_table *t, const char *name, const char *type, unsigned hook,
			int priority, unsigned policy);

/* Is there such a chain? Returns 1, 0 or -errno. */
int nft_chain_exists(struct nl *nl, const struct nft_table *t, const char *name, struct err *e);

struct nft_set {
	const char *name;
	uint32_t id; /* unique in the transaction: how rules of it refer to it */
	uint32_t key_type, key_len;
	uint32_t data_type, data_len; /* data_len 0: a set; else a map */
};
void nft_set_add(struct nl_buf *b, const struct nft_table *t, const struct nft_set *s);

/* One message of elements; nests are bounded, so at most NFT_ELEMS_MAX per message. */
#define NFT_ELEMS_MAX 1000
struct nft_elems {
	size_t nest;
};
struct nft_elems nft_elems_begin(struct nl_buf *b, const struct nft_table *t, const char *set, bool want_delete);
void nft_elem(struct nl_buf *b, const void *key, size_t key_len, const void *data, size_t data_len); /* data_len 0: none */
void nft_elems_end(struct nl_buf *b, struct nft_elems x);

struct nft_rule {
	size_t nest;
};
struct nft_rule nft_rule_begin(struct nl_buf *b, const struct nft_table *t, const char *chain);
void nft_rule_end(struct nl_buf *b, struct nft_rule r);

/* Expressions of the rule that was begun. */
void nftx_meta(struct nl_buf *b, enum nft_meta_keys key, uint32_t dreg);
void nftx_payload(struct nl_buf *b, enum nft_payload_bases base, uint32_t offset, uint32_t len, uint32_t dreg);
void nftx_mask(struct nl_buf *b, uint32_t reg, const void *mask, size_t len); /* reg &= mask */
void nftx_cmp(struct nl_buf *b, enum nft_cmp_ops op, uint32_t sreg, const void *p, size_t len);
void nftx_ct(struct nl_buf *b, enum nft_ct_keys key, uint32_t dreg);
void nftx_fib_daddr_type(struct nl_buf *b, uint32_t dreg); /* RTN_* of the destination */
void nftx_lookup(struct nl_buf *b, const struct nft_set *s, uint32_t sreg);
void nftx_map(struct nl_buf *b, const struct nft_set *s, uint32_t sreg, uint32_t dreg);
void nftx_dnat(struct nl_buf *b, uint32_t addr_reg, uint32_t port_reg);
void nftx_masquerade(struct nl_buf *b);
void nftx_counter(struct nl_buf *b);
void nftx_verdict(struct nl_buf *b, int verdict, const char *chain); /* NF_ACCEPT, NF_DROP, NFT_JUMP/GOTO with chain */

/* Shorthands made of the above; each uses the first register. name: an interface, compared whole. */
void nftx_iifname(struct nl_buf *b, enum nft_cmp_ops op, const char *name);
void nftx_oifname(struct nl_buf *b, enum nft_cmp_ops op, const char *name);
void nftx_ct_bits(struct nl_buf *b, enum nft_ct_keys key, uint32_t any_of); /* matches when one of them is set */
void nftx_ip4_in(struct nl_buf *b, uint32_t offset, uint32_t addr, unsigned prefix_len); /* offset 12: source, 16: destination */

#endif
