// SPDX-License-Identifier: Apache-2.0
/* The client's sockets: a packet socket that the kernel filters for us, for as long as a link has no address and for all
 * answers; and the plain UDP socket from which a lease is renewed. */
#include "images/network/network.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/udp4.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#define SERVER_PORT 67
#define CLIENT_PORT 68

/* UDP, no fragment, to port 68; the packet begins with its IP header. */
static const struct sock_filter to_client[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 4, 0),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CLIENT_PORT, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 65535),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static const struct sock_filter nothing[] = {
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static int filter(int fd, const struct sock_filter *f, size_t n)
{
	struct sock_fprog p = {.len = (unsigned short)n, .filter = (struct sock_filter *)(uintptr_t)f};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)) < 0 ? -errno : 0;
}

int packet_open(uint32_t index, struct err *e)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)index};
	int on = 1;

	/* protocol 0: nothing is queued before the filter is in place */
	owned_fd int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(e, errno, "make packet socket");
	int r = filter(fd, to_client, countof(to_client));
	if (r < 0)
		return err_set(e, -r, "filter packet socket");
	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return err_set(e, errno, "bind packet socket to link %u", index);
	return take_fd(fd);
}

int packet_hold_port(const char *link_name, struct err *e)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(CLIENT_PORT)};
	int on = 1;

	owned_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(e, errno, "make datagram socket");
	int r = filter(fd, nothing, countof(nothing));
	if (r < 0)
		return err_set(e, -r, "filter datagram socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, link_name, (socklen_t)strlen(link_name)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return err_set(e, errno, "bind port 68 on '%s'", link_name);
	return take_fd(fd);
}

int packet_broadcast(int fd, uint32_t index, const void *p, size_t len, struct err *e)
{
	struct udp4 u = {.to = INADDR_BROADCAST, .from_port = CLIENT_PORT, .to_port = SERVER_PORT, .data = p, .len = len};
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)index,
				 .sll_halen = 6, .sll_addr = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	uint8_t frame[UDP4_HEAD + DHCP4_MESSAGE_MAX];
	size_t n = udp4_write(&u, frame, sizeof(frame));

	if (n == 0)
		return err_set(e, EMSGSIZE, "broadcast");
	if (sendto(fd, frame, n, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to)) < 0)
		return err_set(e, errno, "broadcast");
	return 0;
}

int packet_unicast(int udp, uint32_t to, const void *p, size_t len, struct err *e)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(SERVER_PORT), .sin_addr.s_addr = htonl(to)};

	if (sendto(udp, p, len, MSG_NOSIGNAL, (struct sockaddr *)&at, sizeof(at)) < 0)
		return err_set(e, errno, "send to the server");
	return 0;
}

/* Between virtual machines of one host the kernel leaves the checksum to a device that is never there. */
static bool is_partial(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata aux;
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA || c->cmsg_len < CMSG_LEN(sizeof(aux)))
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		return (aux.tp_status & TP_STATUS_CSUMNOTREADY) != 0;
	}
	return false;
}

int packet_receive(int fd, uint8_t *buf, size_t size, const uint8_t **ret, size_t *ret_len)
{
	union {
		char room[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control;
	struct sockaddr_ll from;
	struct iovec v = {.iov_base = buf, .iov_len = size};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
			   .msg_name = &from, .msg_namelen = sizeof(from)};
	struct udp4 u;

	/* cloexec: packet sockets carry no descriptors, and refuse the flag */
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if ((m.msg_flags & MSG_TRUNC) != 0 || from.sll_pkttype == PACKET_OUTGOING)
		return 0;
	if (udp4_parse(buf, (size_t)n, is_partial(&m), &u) < 0 || u.from_port != SERVER_PORT || u.to_port != CLIENT_PORT)
		return 0;
	*ret = u.data;
	*ret_len = u.len;
	return 1;
}
