// SPDX-License-Identifier: Apache-2.0
/* nf_tables transactions: tables, chains, sets, rules. The expressions are in nft_expr.c. */
#include "lib/sys/nft.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#define MSG(t) ((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (t)))

static void begin(struct nl_buf *b, uint16_t type, uint16_t flags, uint8_t family, uint16_t res_id)
{
	struct nfgenmsg g = {.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(res_id)};

	nl_begin(b, type, flags, &g, sizeof(g));
}

void nft_begin(struct nl_buf *b)
{
	begin(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

/* ---- what a refused message was about ---------------------------------------------------------- */

static const struct nlmsghdr *nth(const struct nl_buf *b, size_t len, size_t index)
{
	size_t at = 0;

	while (at + NLMSG_HDRLEN <= len) {
		const struct nlmsghdr *h = (const void *)(b->data + at);
		if (index-- == 0)
			return h;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	return NULL;
}

static void describe(const struct nlmsghdr *h, char out[160])
{
	static const struct {
		uint16_t type;
		const char *fmt;
		uint16_t attr;
	} kinds[] = {
		{NFT_MSG_NEWTABLE, "add table '%s'", NFTA_TABLE_NAME},
		{NFT_MSG_DELTABLE, "delete table '%s'", NFTA_TABLE_NAME},
		{NFT_MSG_NEWCHAIN, "add chain '%s'", NFTA_CHAIN_NAME},
		{NFT_MSG_NEWRULE, "add rule to chain '%s'", NFTA_RULE_CHAIN},
		{NFT_MSG_NEWSET, "add set '%s'", NFTA_SET_NAME},
		{NFT_MSG_NEWSETELEM, "add to set '%s'", NFTA_SET_ELEM_LIST_SET},
		{NFT_MSG_DELSETELEM, "delete from set '%s'", NFTA_SET_ELEM_LIST_SET},
	};
	const struct nlattr *tb[16];
	char name[96] = "?";

	(void)snprintf(out, 160, "nf_tables transaction"); /* fits */
	if (h == NULL || nl_msg_attrs(h, sizeof(struct nfgenmsg), tb, countof(tb)) < 0)
		return;
	for (size_t i = 0; i < countof(kinds); i++) {
		if (h->nlmsg_type != MSG(kinds[i].type))
			continue;
		(void)nl_attr_str(tb[kinds[i].attr], name, sizeof(name)); /* stays "?" */
		(void)snprintf(out, 160, kinds[i].fmt, name);		  /* fits */
	}
}

int nft_commit(struct nl *nl, struct nl_buf *b, struct err *e)
{
	size_t failed = 0, len;
	char what[160];

	if (b->count < 2 && b->error == 0) {
		b->len = b->count = 0;
		return 0; /* nothing but the beginning */
	}
	/* The last real message is the one that is acknowledged: the end of a batch cannot be, before Linux 6.10. */
	size_t last = b->count - 1;
	if (b->error == 0)
		((struct nlmsghdr *)(void *)(b->data + b->head))->nlmsg_flags |= NLM_F_ACK;
	begin(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	len = b->len;
	int r = nl_call_batch(nl, b, last, &failed, e);
	if (r == 0)
		return 0;
	describe(r == -ENOBUFS ? NULL : nth(b, len, failed), what);
	return err_wrap(e, r, "%s", what);
}

/* ---- tables and chains ------------------------------------------------------------------------- */

void nft_table_add(struct nl_buf *b, const struct nft_table *t)
{
	begin(b, MSG(NFT_MSG_NEWTABLE), NLM_F_CREATE, t->family, 0);
	nl_put_str(b, NFTA_TABLE_NAME, t->name);
}

void nft_table_delete(struct nl_buf *b, const struct nft_table *t)
{
	begin(b, MSG(NFT_MSG_DELTABLE), 0, t->family, 0);
	nl_put_str(b, NFTA_TABLE_NAME, t->name);
}

static void chain_begin(struct nl_buf *b, uint16_t msg, uint16_t flags, const struct nft_table *t, const char *name)
{
	begin(b, MSG(msg), flags, t->family, 0);
	nl_put_str(b, NFTA_CHAIN_TABLE, t->name);
	nl_put_str(b, NFTA_CHAIN_NAME, name);
}

void nft_chain_add(struct nl_buf *b, const struct nft_table *t, const char *name)
{
	chain_begin(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, t, name);
}

void nft_chain_add_base(struct nl_buf *b, const struct nft_table *t, const char *name, const char *type, unsigned hook,
			int priority, unsigned policy)
{
	chain_begin(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, t, name);
	size_t nest = nl_nest(b, NFTA_CHAIN_HOOK);
	nl_put_be32(b, NFTA_HOOK_HOOKNUM, hook);
	nl_put_be32(b, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	nl_nest_end(b, nest);
	nl_put_be32(b, NFTA_CHAIN_POLICY, policy);
	nl_put_str(b, NFTA_CHAIN_TYPE, type);
}

static int ignore(const struct nlmsghdr *h, void *arg)
{
	(void)h;
	(void)arg;
	return 0;
}

int nft_chain_exists(struct nl *nl, const struct nft_table *t, const char *name, struct err *e)
{
	NL_MEM(mem, 256);
	struct nl_buf b = NL_BUF(mem);

	chain_begin(&b, NFT_MSG_GETCHAIN, 0, t, name);
	int r = nl_query(nl, &b, /* is_dump= */ false, ignore, NULL, e);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? err_wrap(e, r, "find chain '%s' of table '%s'", name, t->name) : 1;
}

/* ---- sets and maps ----------------------------------------------------------------------------- */

void nft_set_add(struct nl_buf *b, const struct nft_table *t, const struct nft_set *s)
{
	begin(b, MSG(NFT_MSG_NEWSET), NLM_F_CREATE, t->family, 0);
	nl_put_str(b, NFTA_SET_TABLE, t->name);
	nl_put_str(b, NFTA_SET_NAME, s->name);
	nl_put_be32(b, NFTA_SET_ID, s->id);
	nl_put_be32(b, NFTA_SET_FLAGS, s->data_len > 0 ? NFT_SET_MAP : 0);
	nl_put_be32(b, NFTA_SET_KEY_TYPE, s->key_type);
	nl_put_be32(b, NFTA_SET_KEY_LEN, s->key_len);
	if (s->data_len > 0) {
		nl_put_be32(b, NFTA_SET_DATA_TYPE, s->data_type);
		nl_put_be32(b, NFTA_SET_DATA_LEN, s->data_len);
	}
}

struct nft_elems nft_elems_begin(struct nl_buf *b, const struct nft_table *t, const char *set, bool want_delete)
{
	begin(b, MSG(want_delete ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM), want_delete ? 0 : NLM_F_CREATE | NLM_F_EXCL,
	      t->family, 0);
	nl_put_str(b, NFTA_SET_ELEM_LIST_TABLE, t->name);
	nl_put_str(b, NFTA_SET_ELEM_LIST_SET, set);
	return (struct nft_elems){.nest = nl_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS)};
}

static void put_data(struct nl_buf *b, uint16_t attr, const void *p, size_t n)
{
	size_t nest = nl_nest(b, attr);

	nl_put(b, NFTA_DATA_VALUE, p, n);
	nl_nest_end(b, nest);
}

void nft_elem(struct nl_buf *b, const void *key, size_t key_len, const void *data, size_t data_len)
{
	size_t nest = nl_nest(b, NFTA_LIST_ELEM);

	put_data(b, NFTA_SET_ELEM_KEY, key, key_len);
	if (data_len > 0)
		put_data(b, NFTA_SET_ELEM_DATA, data, data_len);
	nl_nest_end(b, nest);
}

void nft_elems_end(struct nl_buf *b, struct nft_elems x)
{
	nl_nest_end(b, x.nest);
}

/* ---- rules ------------------------------------------------------------------------------------- */

struct nft_rule nft_rule_begin(struct nl_buf *b, const struct nft_table *t, const char *chain)
{
	begin(b, MSG(NFT_MSG_NEWRULE), NLM_F_CREATE | NLM_F_APPEND, t->family, 0);
	nl_put_str(b, NFTA_RULE_TABLE, t->name);
	nl_put_str(b, NFTA_RULE_CHAIN, chain);
	return (struct nft_rule){.nest = nl_nest(b, NFTA_RULE_EXPRESSIONS)};
}

void nft_rule_end(struct nl_buf *b, struct nft_rule r)
{
	nl_nest_end(b, r.nest);
}
