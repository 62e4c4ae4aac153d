// SPDX-License-Identifier: Apache-2.0
/* Netlink sockets: requests with acknowledgement, dumps, multicast. What the messages mean is for link.c, route.c, nft.c. */
#include "lib/sys/netlink.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/netns.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECV_SIZE 32768 /* the kernel never makes a larger part of a dump */

static int set_up(struct nl *nl, int fd)
{
	int one = 1, room = 1 << 20;

	*nl = (struct nl){.fd = fd};
	/* Extended texts and strict checks make errors better but nothing depends on them. Buffers: a batch is one message,
	 * and each of its errors is one more. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));	       /* old kernel: no text */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));	       /* old kernel: longer answers */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one)); /* old kernel: unfiltered dumps */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)); /* as far as an ordinary user may */
	return 0;
}

int nl_open(struct nl *nl, int protocol, struct err *e)
{
	nl->fd = -1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return err_set(e, errno, "open netlink socket");
	return set_up(nl, fd);
}

int nl_open_in(struct nl *nl, int netns, int protocol, struct err *e)
{
	nl->fd = -1;
	int fd = netns_socket(netns, AF_NETLINK, SOCK_RAW, protocol, e);
	if (fd < 0)
		return err_wrap(e, fd, "netlink");
	return set_up(nl, fd);
}

void nl_close(struct nl *nl)
{
	drop_fd(&nl->fd);
	nl->fd = -1;
}

int nl_join(struct nl *nl, unsigned group, struct err *e)
{
	struct sockaddr_nl any = {.nl_family = AF_NETLINK};

	/* A socket that has no number yet counts as the kernel's own and hears nothing. */
	if (bind(nl->fd, (struct sockaddr *)&any, sizeof(any)) < 0 && errno != EINVAL) /* EINVAL: has one */
		return err_set(e, errno, "bind netlink socket");
	if (setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return err_set(e, errno, "join netlink group %u", group);
	return 0;
}

/* ---- receiving --------------------------------------------------------------------------------- */

/* The sentence behind an error message, or "". Without NETLINK_CAP_ACK the request lies in between. */
static const char *ext_text(const struct nlmsghdr *h, char out[256])
{
	const struct nlmsgerr *m = NLMSG_DATA(h);
	const struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];
	size_t at = sizeof(*m);

	out[0] = '\0';
	if ((h->nlmsg_flags & NLM_F_ACK_TLVS) == 0)
		return out;
	if ((h->nlmsg_flags & NLM_F_CAPPED) == 0)
		at += NLMSG_ALIGN(m->msg.nlmsg_len) - sizeof(m->msg);
	if (NLMSG_HDRLEN + at > h->nlmsg_len)
		return out;
	nl_attrs((const char *)m + at, h->nlmsg_len - NLMSG_HDRLEN - at, tb, countof(tb));
	(void)nl_attr_str(tb[NLMSGERR_ATTR_MSG], out, 256); /* absent: stays "" */
	return out;
}

/* Record the kernel's refusal. The kernel's own text comes first: "Device does not exist: No such device". */
static int refuse(const struct nlmsghdr *h, int code, struct err *e)
{
	char text[256];

	ext_text(h, text);
	if (text[0] != '\0')
		return err_set(e, code, "%s", text);
	return err_say(e, code, "%s", err_text(code));
}

/* The next datagram that the kernel sent. Returns its length, 0 when none waits, or -errno. */
static ssize_t receive(struct nl *nl, void *p, size_t n)
{
	for (;;) {
		struct sockaddr_nl from = {0};
		struct iovec v = {.iov_base = p, .iov_len = n};
		struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &v, .msg_iovlen = 1};
		ssize_t got = recvmsg(nl->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (from.nl_pid != 0)
			continue; /* another process may send us unicast: not the kernel, not heard */
		if ((m.msg_flags & MSG_TRUNC) != 0)
			return -EMSGSIZE;
		return got;
	}
}

static const struct nlmsghdr *first_msg(const void *p, size_t n)
{
	const struct nlmsghdr *h = p;

	return n >= sizeof(*h) && h->nlmsg_len >= sizeof(*h) && h->nlmsg_len <= n ? h : NULL;
}

static const struct nlmsghdr *next_msg(const struct nlmsghdr *h, size_t *left)
{
	size_t step = NLMSG_ALIGN(h->nlmsg_len);

	*left = step < *left ? *left - step : 0;
	return first_msg((const char *)h + step, *left);
}

static int error_of(const struct nlmsghdr *h)
{
	const struct nlmsgerr *m = NLMSG_DATA(h);

	return h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) ? EPROTO : -m->error;
}

/* ---- calling ----------------------------------------------------------------------------------- */

static struct nlmsghdr *built_first(struct nl_buf *b)
{
	return b->len >= NLMSG_HDRLEN ? (struct nlmsghdr *)(void *)b->data : NULL;
}

static struct nlmsghdr *built_next(struct nl_buf *b, const struct nlmsghdr *h)
{
	size_t at = (size_t)((const unsigned char *)h - b->data) + NLMSG_ALIGN(h->nlmsg_len);

	return at + NLMSG_HDRLEN <= b->len ? (struct nlmsghdr *)(void *)(b->data + at) : NULL;
}

/* Number the messages and send them. Returns the first number, or -errno. */
static int64_t send_all(struct nl *nl, struct nl_buf *b, struct err *e)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	uint32_t first = nl->seq + 1;

	if (b->error != 0)
		return err_set(e, b->error, "netlink message of more than %zu bytes", b->size);
	for (struct nlmsghdr *h = built_first(b); h != NULL; h = built_next(b, h))
		h->nlmsg_seq = ++nl->seq;
	if (b->len > (1u << 17)) {
		/* The default send buffer holds about 200 kB: a large batch needs one of its own size. */
		int room = (int)(b->len * 2);
		if (setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
			(void)setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)); /* sendto() will tell */
	}
	ssize_t n = sendto(nl->fd, b->data, b->len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	if (n < 0)
		return err_set(e, errno, "send netlink request");
	return first;
}

static void set_flags(struct nl_buf *b, uint16_t flags)
{
	for (struct nlmsghdr *h = built_first(b); h != NULL; h = built_next(b, h))
		h->nlmsg_flags |= flags;
}

static void empty(struct nl_buf *b)
{
	b->len = b->head = b->count = 0;
	b->error = 0;
}

int nl_call_batch(struct nl *nl, struct nl_buf *b, size_t acked, size_t *ret_failed, struct err *e)
{
	NL_MEM(in, RECV_SIZE);
	size_t count = b->count;
	bool is_done = false;
	int result = 0;
	ssize_t n;

	int64_t first = send_all(nl, b, e);
	empty(b);
	if (first < 0)
		return (int)first;
	while ((n = receive(nl, in, sizeof(in))) > 0) {
		size_t left = (size_t)n;
		for (const struct nlmsghdr *h = first_msg(in, left); h != NULL; h = next_msg(h, &left)) {
			uint32_t index = h->nlmsg_seq - (uint32_t)first;
			if (h->nlmsg_type != NLMSG_ERROR || index >= count)
				continue; /* left over from a call that was given up */
			int code = error_of(h);
			if (code != 0 && result == 0) {
				result = refuse(h, code, e);
				if (ret_failed != NULL)
					*ret_failed = index;
			}
			is_done = is_done || index == acked;
		}
	}
	if (result < 0)
		return result;
	if (n < 0)
		return err_set(e, (int)-n, "read netlink answer");
	return is_done ? 0 : err_set(e, EPROTO, "no acknowledgement from the kernel");
}

int nl_call(struct nl *nl, struct nl_buf *b, size_t *ret_failed, struct err *e)
{
	if (b->count == 0 && b->error == 0)
		return 0;
	set_flags(b, NLM_F_ACK);
	return nl_call_batch(nl, b, b->count - 1, ret_failed, e);
}

/* One message of an answer. Returns 1 at its end, 0 to go on, or -errno. */
static int take(const struct nlmsghdr *h, bool *is_torn, nl_each_fn *each, void *arg, struct err *e)
{
	if ((h->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
		*is_torn = true;
	if (h->nlmsg_type == NLMSG_ERROR) {
		int code = error_of(h);
		return code == 0 ? 1 : refuse(h, code, e);
	}
	if (h->nlmsg_type == NLMSG_DONE) {
		/* A dump that fails half-way says so here. */
		const int *code = NLMSG_DATA(h);
		if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(*code)) && *code < 0)
			return err_say(e, -*code, "%s", err_text(-*code));
		return 1;
	}
	return each(h, arg);
}

int nl_query(struct nl *nl, struct nl_buf *b, bool is_dump, nl_each_fn *each, void *arg, struct err *e)
{
	NL_MEM(in, RECV_SIZE);
	bool is_torn = false;
	int result = 0;
	ssize_t n;

	set_flags(b, is_dump ? NLM_F_DUMP : NLM_F_ACK);
	int64_t seq = send_all(nl, b, e);
	empty(b);
	if (seq < 0)
		return (int)seq;
	/* Read to the end also when each() has had enough: the rest must not be taken for the next answer. */
	while ((n = receive(nl, in, sizeof(in))) > 0) {
		size_t left = (size_t)n;
		for (const struct nlmsghdr *h = first_msg(in, left); h != NULL; h = next_msg(h, &left))
			if (h->nlmsg_seq == (uint32_t)seq && result == 0)
				result = take(h, &is_torn, each, arg, e);
	}
	if (result < 0)
		return result;
	if (n < 0)
		return err_set(e, (int)-n, "read netlink answer");
	if (result == 0)
		return err_set(e, EPROTO, "netlink answer without an end");
	return is_torn ? err_set(e, EAGAIN, "changed while it was read") : 0;
}

int nl_receive(struct nl *nl, nl_each_fn *each, void *arg, struct err *e)
{
	NL_MEM(in, RECV_SIZE);
	ssize_t n;

	while ((n = receive(nl, in, sizeof(in))) > 0) {
		size_t left = (size_t)n;
		for (const struct nlmsghdr *h = first_msg(in, left); h != NULL; h = next_msg(h, &left)) {
			int r = each(h, arg);
			if (r < 0)
				return r;
		}
	}
	return n < 0 ? err_set(e, (int)-n, "read netlink events") : 0;
}
