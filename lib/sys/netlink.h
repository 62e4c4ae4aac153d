/* lib/sys/netlink.h - one small encoder and caller for every netlink family (rtnetlink, nf_tables, conntrack).
 *
 *   struct nl nl;                        nl_open(&nl, NETLINK_ROUTE, &e)
 *   NL_MEM(mem, 512);
 *   struct nl_buf b = NL_BUF(mem);       messages are built in memory of the caller, any number in a row
 *   nl_begin(&b, RTM_NEWLINK, NLM_F_CREATE, &head, sizeof(head));
 *   nl_put_str(&b, IFLA_IFNAME, "docker0");
 *   size_t nest = nl_nest(&b, IFLA_LINKINFO); ... nl_nest_end(&b, nest);
 *   r = nl_call(&nl, &b, &failed, &e);   all of them in one sendmsg(2), acknowledged
 *
 * A buffer that is too small sets a sticky error which nl_call() and nl_dump() report: no check per attribute.
 *
 * Conventions
 *   Returns   0 or a positive result; on failure -errno of the kernel; *e holds its extended text where it sent one, without
 *             the object: the caller wraps ("add address 10.0.2.15/24 to 'eth0'").
 *   Blocks    no: the kernel answers a request before sendmsg(2) returns.
 */
#ifndef SYS_NETLINK_H
#define SYS_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

struct err;

struct nl {
	int fd; /* owned; -1 = closed */
	uint32_t seq;
};

/* A message builder over memory that somebody else owns. */
struct nl_buf {
	unsigned char *data; /* borrowed; aligned to 4 */
	size_t size, len;
	size_t head;  /* where the message being built starts */
	size_t count; /* messages begun */
	int error;    /* 0 or ENOBUFS; sticky */
};

#define NL_MEM(name, bytes) unsigned char name[bytes] __attribute__((aligned(NLMSG_ALIGNTO)))
#define NL_BUF(array) { .data = (array), .size = sizeof(array) }

/* Open a socket of a netlink protocol in the caller's network namespace, with extended acknowledgements. */
int nl_open(struct nl *nl, int protocol, struct err *e);

/* The same in another network namespace (borrowed descriptor). */
int nl_open_in(struct nl *nl, int netns, int protocol, struct err *e);

/* Also for one that is closed already or failed to open. */
void nl_close(struct nl *nl);

/* Join a multicast group (RTNLGRP_LINK). From then on read with nl_receive() only: use another socket for calls. */
int nl_join(struct nl *nl, unsigned group, struct err *e);

/* Begin a message: header, then n bytes of the family's fixed part. NLM_F_REQUEST is added. */
void nl_begin(struct nl_buf *b, uint16_t type, uint16_t flags, const void *fixed, size_t n);

void nl_put(struct nl_buf *b, uint16_t attr, const void *p, size_t n);
void nl_put_u8(struct nl_buf *b, uint16_t attr, uint8_t v);
void nl_put_u16(struct nl_buf *b, uint16_t attr, uint16_t v);
void nl_put_u32(struct nl_buf *b, uint16_t attr, uint32_t v);
void nl_put_be16(struct nl_buf *b, uint16_t attr, uint16_t v);
void nl_put_be32(struct nl_buf *b, uint16_t attr, uint32_t v);
void nl_put_be64(struct nl_buf *b, uint16_t attr, uint64_t v);
void nl_put_str(struct nl_buf *b, uint16_t attr, const char *s); /* with its NUL */
void nl_put_flag(struct nl_buf *b, uint16_t attr);

/* Open a nested attribute; the result goes to nl_nest_end(). A nest of more than 65535 bytes is an error of the buffer. */
size_t nl_nest(struct nl_buf *b, uint16_t attr);
void nl_nest_end(struct nl_buf *b, size_t nest);

/* Bytes without a header inside the current attribute (a struct ifinfomsg in VETH_INFO_PEER), padded. */
void nl_raw(struct nl_buf *b, const void *p, size_t n);

/*
 * Send the buffer's messages in one go and take their acknowledgements. All are executed, also after one that failed
 * (rtnetlink); an nf_tables batch is all or nothing.
 *
 *   ret_failed  the index of the first message that failed; may be NULL
 *
 * Returns  0 when every one was accepted, else the first failure; the buffer is empty afterwards
 * Errors   as the kernel says   -ENOBUFS the buffer was too small   -EPROTO no acknowledgement came
 */
int nl_call(struct nl *nl, struct nl_buf *b, size_t *ret_failed, struct err *e);

/* As nl_call() for messages of which only the last is acknowledged (nf_tables: between batch begin and end). acked: its index. */
int nl_call_batch(struct nl *nl, struct nl_buf *b, size_t acked, size_t *ret_failed, struct err *e);

/* Called for each message of an answer. A negative result ends the reading and is returned by the caller. */
typedef int nl_each_fn(const struct nlmsghdr *h, void *arg);

/*
 * Send the buffer's one message as a dump (or, with is_dump false, as a request for one object) and hand over what comes.
 *
 * Returns  0, or what each() returned
 * Errors   as the kernel says (-ENODEV: no such object)   -EAGAIN the table changed meanwhile: parts may be missing
 */
int nl_query(struct nl *nl, struct nl_buf *b, bool is_dump, nl_each_fn *each, void *arg, struct err *e);

/*
 * Read the multicast messages that wait, without blocking.
 *
 * Returns  0 once there are none left
 * Errors   -ENOBUFS some were lost: the caller asks for the whole state again
 */
int nl_receive(struct nl *nl, nl_each_fn *each, void *arg, struct err *e);

/* Reading: tb[i] is the attribute of type i (0 <= i < n), or NULL. Lengths are checked against the message. */
void nl_attrs(const void *p, size_t len, const struct nlattr **tb, size_t n);

/* The attributes behind a message's fixed part of `fixed` bytes. Returns -EPROTO for a message that is too short. */
int nl_msg_attrs(const struct nlmsghdr *h, size_t fixed, const struct nlattr **tb, size_t n);

const void *nl_attr_data(const struct nlattr *a);
size_t nl_attr_len(const struct nlattr *a);			 /* 0 for NULL */
uint32_t nl_attr_u32(const struct nlattr *a, uint32_t fallback); /* fallback: absent or of another size */
uint32_t nl_attr_be32(const struct nlattr *a, uint32_t fallback);
bool nl_attr_str(const struct nlattr *a, char *out, size_t size); /* copied and NUL-ended; false: absent or too long */
void nl_attr_nested(const struct nlattr *a, const struct nlattr **tb, size_t n);

#endif
