// SPDX-License-Identifier: Apache-2.0
/* Building and reading netlink messages in memory. No system calls here. */
#include "lib/sys/netlink.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#define ATTR_TYPE(t) ((t) & (uint16_t)NLA_TYPE_MASK)

/* n more bytes, zero-padded to the alignment; NULL and the sticky error when they do not fit. */
static unsigned char *extend(struct nl_buf *b, size_t n)
{
	size_t padded = NLMSG_ALIGN(n);

	if (b->error != 0 || padded < n || padded > b->size - b->len) {
		b->error = ENOBUFS;
		return NULL;
	}
	unsigned char *p = b->data + b->len;
	memset(p + n, 0, padded - n);
	b->len += padded;
	return p;
}

/* The message being built ends here. The header lies at a multiple of 4 in memory that may itself be unaligned. */
static void close_msg(struct nl_buf *b)
{
	uint32_t len = (uint32_t)(b->len - b->head);

	memcpy(b->data + b->head, &len, sizeof(len));
}

void nl_begin(struct nl_buf *b, uint16_t type, uint16_t flags, const void *fixed, size_t n)
{
	struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST)};
	size_t head = b->len;
	unsigned char *p = extend(b, sizeof(h));

	if (p == NULL)
		return;
	b->head = head;
	b->count++;
	memcpy(p, &h, sizeof(h));
	nl_raw(b, fixed, n);
}

void nl_raw(struct nl_buf *b, const void *p, size_t n)
{
	unsigned char *to = extend(b, n);

	if (to == NULL)
		return;
	if (n > 0)
		memcpy(to, p, n);
	close_msg(b);
}

void nl_put(struct nl_buf *b, uint16_t attr, const void *p, size_t n)
{
	struct nlattr a = {.nla_type = attr, .nla_len = (uint16_t)(NLA_HDRLEN + n)};

	if (n > UINT16_MAX - NLA_HDRLEN) {
		b->error = ENOBUFS;
		return;
	}
	unsigned char *to = extend(b, NLA_HDRLEN + n);
	if (to == NULL)
		return;
	memcpy(to, &a, sizeof(a));
	if (n > 0)
		memcpy(to + NLA_HDRLEN, p, n);
	close_msg(b);
}

void nl_put_u8(struct nl_buf *b, uint16_t attr, uint8_t v)
{
	nl_put(b, attr, &v, sizeof(v));
}

void nl_put_u16(struct nl_buf *b, uint16_t attr, uint16_t v)
{
	nl_put(b, attr, &v, sizeof(v));
}

void nl_put_u32(struct nl_buf *b, uint16_t attr, uint32_t v)
{
	nl_put(b, attr, &v, sizeof(v));
}

void nl_put_be16(struct nl_buf *b, uint16_t attr, uint16_t v)
{
	v = htons(v);
	nl_put(b, attr, &v, sizeof(v));
}

void nl_put_be32(struct nl_buf *b, uint16_t attr, uint32_t v)
{
	v = htonl(v);
	nl_put(b, attr, &v, sizeof(v));
}

void nl_put_be64(struct nl_buf *b, uint16_t attr, uint64_t v)
{
	v = htobe64(v);
	nl_put(b, attr, &v, sizeof(v));
}

void nl_put_str(struct nl_buf *b, uint16_t attr, const char *s)
{
	nl_put(b, attr, s, strlen(s) + 1);
}

void nl_put_flag(struct nl_buf *b, uint16_t attr)
{
	nl_put(b, attr, NULL, 0);
}

size_t nl_nest(struct nl_buf *b, uint16_t attr)
{
	size_t at = b->len;

	nl_put(b, attr | NLA_F_NESTED, NULL, 0);
	return at;
}

void nl_nest_end(struct nl_buf *b, size_t nest)
{
	size_t n = b->len - nest;
	uint16_t len = (uint16_t)n;

	if (b->error != 0)
		return;
	if (n > UINT16_MAX) {
		b->error = ENOBUFS;
		return;
	}
	memcpy(b->data + nest, &len, sizeof(len));
}

/* ---- reading ----------------------------------------------------------------------------------- */

void nl_attrs(const void *p, size_t len, const struct nlattr **tb, size_t n)
{
	const unsigned char *at = p;

	memset(tb, 0, n * sizeof(tb[0]));
	while (len >= NLA_HDRLEN) {
		const struct nlattr *a = (const void *)at;
		size_t step = NLA_ALIGN((size_t)a->nla_len);

		if (a->nla_len < NLA_HDRLEN || a->nla_len > len)
			return;
		if (ATTR_TYPE(a->nla_type) < n)
			tb[ATTR_TYPE(a->nla_type)] = a;
		if (step >= len)
			return;
		at += step;
		len -= step;
	}
}

int nl_msg_attrs(const struct nlmsghdr *h, size_t fixed, const struct nlattr **tb, size_t n)
{
	size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(fixed);

	if (h->nlmsg_len < NLMSG_HDRLEN + fixed)
		return -EPROTO;
	if (h->nlmsg_len < skip)
		skip = h->nlmsg_len;
	nl_attrs((const char *)h + skip, h->nlmsg_len - skip, tb, n);
	return 0;
}

const void *nl_attr_data(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

size_t nl_attr_len(const struct nlattr *a)
{
	return a == NULL ? 0 : a->nla_len - (size_t)NLA_HDRLEN;
}

uint32_t nl_attr_u32(const struct nlattr *a, uint32_t fallback)
{
	uint32_t v;

	if (nl_attr_len(a) != sizeof(v))
		return fallback;
	memcpy(&v, nl_attr_data(a), sizeof(v));
	return v;
}

uint32_t nl_attr_be32(const struct nlattr *a, uint32_t fallback)
{
	return nl_attr_len(a) == sizeof(uint32_t) ? ntohl(nl_attr_u32(a, 0)) : fallback;
}

bool nl_attr_str(const struct nlattr *a, char *out, size_t size)
{
	if (a == NULL || size == 0)
		return false;
	size_t n = strnlen(nl_attr_data(a), nl_attr_len(a));
	if (n >= size)
		return false;
	memcpy(out, nl_attr_data(a), n);
	out[n] = '\0';
	return true;
}

void nl_attr_nested(const struct nlattr *a, const struct nlattr **tb, size_t n)
{
	if (a == NULL)
		memset(tb, 0, n * sizeof(tb[0]));
	else
		nl_attrs(nl_attr_data(a), nl_attr_len(a), tb, n);
}
