// SPDX-License-Identifier: Apache-2.0
/* Published ports: an element in the table, and a bound socket that keeps the port from everybody else. */
#include "userctr/net_internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "sctp";
}

static bool is_same(const struct net_port *a, const struct net_port *b)
{
	return a->proto == b->proto && a->host_port == b->host_port &&
	       (ip_equal(&a->host_ip, &b->host_ip) || (ip_is_zero(&a->host_ip) && ip_is_zero(&b->host_ip)));
}

static struct net_held_port *find(const struct net_bridge *b, const struct net_port *p)
{
	for (size_t i = 0; i < b->port_count; i++)
		if (is_same(&b->ports[i].port, p))
			return &b->ports[i];
	return NULL;
}

/* Bind the port. TCP: bound but not listening, so a connection that misses the rules is refused. SO_REUSEADDR lets remains of
 * old connections (TIME_WAIT) pass; taken off again, nobody else can share the port. Returns the socket or -errno. */
static int hold(const struct net_port *p)
{
	int on = 1, off = 0;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(p->host_port)};
	owned_fd int fd = socket(AF_INET, (p->proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, p->proto);

	if (fd < 0)
		return -errno;
	memcpy(&at.sin_addr, p->host_ip.b, 4);
	if (p->proto == IPPROTO_TCP && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	if (p->proto == IPPROTO_TCP && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off)) < 0)
		return -errno;
	return take_fd(fd);
}

static void read_range(unsigned *ret_low, unsigned *ret_high)
{
	owned_fd int fd = open("/proc/sys/net/ipv4/ip_local_port_range", O_RDONLY | O_CLOEXEC);
	char text[64];
	unsigned low, high;

	*ret_low = 32768;
	*ret_high = 60999;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return;
	text[n] = '\0';
	if (sscanf(text, "%u %u", &low, &high) == 2 && low >= 1 && low <= high && high <= 65535) {
		*ret_low = low;
		*ret_high = high;
	}
}

/* The next free one after the last that was given, so that a port just freed is not at once somebody else's. */
static int hold_some(struct net_bridge *b, struct net_port *p)
{
	unsigned low, high;

	read_range(&low, &high);
	unsigned count = high - low + 1, at = b->last_random >= low && b->last_random < high ? b->last_random + 1u : low;
	for (unsigned i = 0; i < count; i++, at = at == high ? low : at + 1) {
		p->host_port = (uint16_t)at;
		int fd = find(b, p) != NULL ? -EADDRINUSE : hold(p);
		if (fd == -EADDRINUSE)
			continue;
		if (fd >= 0)
			b->last_random = (uint16_t)at;
		return fd;
	}
	return -ENOSPC;
}

static int make_room(struct net_bridge *b, struct err *e)
{
	if (b->port_count < b->port_size)
		return 0;
	size_t size = b->port_size == 0 ? 16 : b->port_size * 2;
	if (size > NET_PORTS_MAX)
		return err_set(e, ENOSPC, "%d ports are published", NET_PORTS_MAX);
	struct net_held_port *more = realloc(b->ports, size * sizeof(*more));
	if (more == NULL)
		return err_set(e, ENOMEM, "published ports");
	b->ports = more;
	b->port_size = size;
	return 0;
}

int net_port_publish(struct net_bridge *b, struct net_port *p, struct err *e)
{
	char host[IP_TEXT_MAX];
	struct net_held_port *h;
	struct net_port want = *p;

	if (want.host_ip.family == IP_NONE)
		want.host_ip.family = IP_V4;
	if (want.proto != IPPROTO_TCP && want.proto != IPPROTO_UDP && want.proto != IPPROTO_SCTP)
		return err_set(e, EPROTONOSUPPORT, "protocol %u", want.proto);
	if (want.host_ip.family != IP_V4 || want.ip.family != IP_V4 || want.port == 0)
		return err_set(e, EINVAL, "publish port %u", want.port);
	int r = make_room(b, e);
	if (r < 0)
		return r;
	int fd = want.host_port == 0 ? hold_some(b, &want) : find(b, &want) != NULL ? -EADDRINUSE : hold(&want);
	/* SCTP without sockets in this kernel can still be forwarded; there is nobody to keep out either */
	if (fd == -EPROTONOSUPPORT && want.proto == IPPROTO_SCTP && want.host_port != 0)
		fd = -1;
	else if (fd < 0)
		return err_set(e, -fd, "publish %s:%u/%s", ip_text(&want.host_ip, host), want.host_port,
			       proto_name(want.proto));
	h = &b->ports[b->port_count++];
	*h = (struct net_held_port){.port = want, .fd = fd};
	if (b->is_applied) {
		r = net_rules_port(b, &want, /* want_delete= */ false, e);
		if (r == -EEXIST || r == -ENOENT)
			r = net_rules_apply(b, e); /* somebody has been at our table */
		if (r < 0) {
			drop_fd(&h->fd);
			b->port_count--;
			return err_wrap(e, r, "publish %s:%u/%s", ip_text(&want.host_ip, host), want.host_port,
					proto_name(want.proto));
		}
		net_conntrack_forget(b, &want);
	}
	p->host_port = want.host_port;
	return 0;
}

void net_port_unpublish(struct net_bridge *b, const struct net_port *p)
{
	struct net_held_port *h = find(b, p);

	if (h == NULL)
		return;
	struct net_port was = h->port;
	drop_fd(&h->fd);
	*h = b->ports[--b->port_count];
	if (!b->is_applied)
		return;
	(void)net_rules_port(b, &was, /* want_delete= */ true, NULL); /* gone already: as wanted */
	net_conntrack_forget(b, &was);
}
