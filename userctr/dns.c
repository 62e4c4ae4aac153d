// SPDX-License-Identifier: Apache-2.0
/* The name server's sockets in the container's namespace, and who asks there. */
#include "userctr/dns_internal.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/netns.h"
#include "userctr/daemon.h"
#include "userctr/nets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS	  0x7f00000b /* 127.0.0.11 */
#define PER_WAKE  32	     /* messages taken at once; the others of the loop want to live too */
#define TCP_REPLY_MAX 4096

/* ---- answering ---- */

void dns_reply_udp(struct dns *dns, const struct sockaddr_in *client, const uint8_t *p, size_t n)
{
	if (dns->n != NULL) /* a full buffer loses it, as networks do */
		(void)sendto(dns->udp.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)client, sizeof(*client));
}

/* conn NULL: by UDP to client. */
static void answer(struct dns *dns, const uint8_t *p, size_t n, struct dns_conn *conn, const struct sockaddr_in *client)
{
	uint8_t out[TCP_REPLY_MAX];
	size_t size = conn != NULL ? sizeof(out) : DNS_UDP_MAX, len;
	struct dns_query q;

	if (dns_query_parse(p, n, &q, NULL) < 0)
		len = dns_put_format(p, n, out);
	else if (q.opcode != 0 || q.class != 1)
		len = dns_put_code(p, &q, DNS_UNKNOWN, out, size);
	else
		len = dns_answer_own(dns->n, p, &q, out, size);
	if (len == 0 && n >= DNS_HEAD && (p[2] & 0x80) == 0) {
		dns_pass_on(dns, p, n, &q, conn, client);
		return;
	}
	if (conn != NULL)
		dns_reply_tcp(conn, out, len);
	else if (len > 0)
		dns_reply_udp(dns, client, out, len);
}

static void on_udp(struct source *s, uint32_t events)
{
	struct dns *dns = owner_of(s, struct dns, udp);
	uint8_t in[DNS_QUERY_MAX];

	(void)events;
	for (unsigned i = 0; i < PER_WAKE && dns->n != NULL; i++) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(s->fd, in, sizeof(in), MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		if ((size_t)n <= sizeof(in) && len == sizeof(from))
			answer(dns, in, (size_t)n, NULL, &from);
	}
}

/* ---- TCP ---- */

static void client_gone(struct source *s)
{
	struct dns_conn *c = owner_of(s, struct dns_conn, s);
	struct dns *dns = c->dns;

	drop_fd(&c->s.fd);
	free(c);
	dns_unref(dns);
}

static void client_drop(struct dns_conn *c)
{
	if (c->s.leaving)
		return;
	if (c->ask != NULL)
		dns_ask_drop(c->ask);
	timer_disarm(&c->dns->d->loop, &c->idle);
	list_del(&c->link);
	c->dns->n_conns--;
	loop_remove(&c->s);
}

static void on_idle(struct timer *t)
{
	client_drop(owner_of(t, struct dns_conn, idle));
}

/* Answer the whole messages that are there, one after the other: the next one waits for the answer of the one before. */
static void client_next(struct dns_conn *c)
{
	uint8_t query[DNS_QUERY_MAX];

	while (c->ask == NULL && !c->s.leaving && c->have >= 2) {
		size_t want = (size_t)c->in[0] << 8 | c->in[1];
		if (want > DNS_QUERY_MAX || want < DNS_HEAD) {
			client_drop(c);
			return;
		}
		if (c->have < 2 + want)
			return;
		memcpy(query, c->in + 2, want);
		c->have -= 2 + want;
		memmove(c->in, c->in + 2 + want, c->have);
		(void)loop_change(&c->s, 0, NULL); /* until dns_reply_tcp() */
		c->is_answering = true;
		answer(c->dns, query, want, c, NULL);
		c->is_answering = false;
	}
}

void dns_reply_tcp(struct dns_conn *c, const uint8_t *p, size_t n)
{
	uint8_t head[2] = {(uint8_t)(n >> 8), (uint8_t)n};

	if (c->s.leaving || c->dns->n == NULL)
		return;
	if (n == 0 || send(c->s.fd, head, 2, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE) != 2 ||
	    send(c->s.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n || loop_change(&c->s, EPOLLIN, NULL) < 0) {
		client_drop(c); /* who does not read its answers gets no more */
		return;
	}
	timer_arm(&c->dns->d->loop, &c->idle, clock_mono_ms() + DNS_CONN_IDLE_MS);
	if (!c->is_answering)
		client_next(c);
}

static void on_client(struct source *s, uint32_t events)
{
	struct dns_conn *c = owner_of(s, struct dns_conn, s);

	if (c->ask != NULL) { /* hang-ups are reported even when nothing is waited for */
		if ((events & (EPOLLHUP | EPOLLERR)) != 0)
			client_drop(c);
		return;
	}
	ssize_t n = recv(s->fd, c->in + c->have, sizeof(c->in) - c->have, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_drop(c);
		return;
	}
	c->have += (size_t)n;
	client_next(c);
}

static void on_accept(struct source *s, uint32_t events)
{
	struct dns *dns = owner_of(s, struct dns, tcp);

	(void)events;
	owned_fd int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0 || dns->n_conns >= DNS_CONNS_MAX)
		return;
	struct dns_conn *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return;
	c->dns = dns;
	c->s = (struct source){.fd = fd, .name = "name client", .ready = on_client, .gone = client_gone};
	c->idle.fire = on_idle;
	if (loop_add(&dns->d->loop, &c->s, EPOLLIN, NULL) < 0) {
		free(c);
		return;
	}
	(void)take_fd(fd); /* the source's now */
	dns_ref(dns);
	list_add_tail(&dns->conns, &c->link);
	dns->n_conns++;
	timer_arm(&dns->d->loop, &c->idle, clock_mono_ms() + DNS_CONN_IDLE_MS);
}

/* ---- life ---- */

void dns_ref(struct dns *dns)
{
	dns->live++;
}

void dns_unref(struct dns *dns)
{
	if (--dns->live == 0)
		free(dns);
}

static void udp_gone(struct source *s)
{
	struct dns *dns = owner_of(s, struct dns, udp);

	drop_fd(&dns->udp.fd);
	dns_unref(dns);
}

static void tcp_gone(struct source *s)
{
	struct dns *dns = owner_of(s, struct dns, tcp);

	drop_fd(&dns->tcp.fd);
	dns_unref(dns);
}

/* Bound at 127.0.0.11; port 0: one that the kernel chooses. Returns the socket. */
static int bind_in(int netns, int type, uint16_t *port, struct err *e)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(ADDRESS)};
	socklen_t len = sizeof(at);
	int on = 1;
	owned_fd int fd = netns_socket(netns, AF_INET, type | SOCK_NONBLOCK, 0, e);

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || (type == SOCK_STREAM && listen(fd, 16) < 0) ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return err_set(e, errno, "name server: bind 127.0.0.11:%u", *port);
	*port = ntohs(at.sin_port);
	return take_fd(fd);
}

/* A container that offers a name service itself wants port 53 on every address, ours included. */
static bool is_name_server(const struct ctr_net *n)
{
	for (size_t i = 0; i < n->ports.n; i++)
		if (n->ports.v[i].port == 53)
			return true;
	return false;
}

static int open_sockets(struct ctr_net *n, int netns, int *ret_udp, int *ret_tcp, struct err *e)
{
	bool is_moved = is_name_server(n);
	uint16_t udp_port = is_moved ? 0 : 53, tcp_port = udp_port;
	owned_fd int udp = bind_in(netns, SOCK_DGRAM, &udp_port, e);
	owned_fd int tcp = udp < 0 ? -1 : bind_in(netns, SOCK_STREAM, &tcp_port, e);

	if (udp < 0 || tcp < 0)
		return udp < 0 ? udp : tcp;
	int r = is_moved ? dns_redirect(netns, udp_port, tcp_port, e) : 0;
	if (r < 0)
		return r;
	*ret_udp = take_fd(udp);
	*ret_tcp = take_fd(tcp);
	return 0;
}

int dns_open(struct daemon *d, struct ctr_net *n, int netns, struct err *e)
{
	struct dns *dns = calloc(1, sizeof(*dns));
	int udp = -1, tcp = -1;

	if (dns == NULL)
		return err_set(e, ENOMEM, "name server");
	int r = open_sockets(n, netns, &udp, &tcp, e);
	if (r < 0) {
		free(dns);
		return r;
	}
	dns->d = d;
	dns->n = n;
	list_init(&dns->conns);
	list_init(&dns->asks);
	dns->udp = (struct source){.fd = udp, .name = "names", .ready = on_udp, .gone = udp_gone};
	dns->tcp = (struct source){.fd = tcp, .name = "names by tcp", .ready = on_accept, .gone = tcp_gone};
	dns->live = 2;
	r = loop_add(&d->loop, &dns->udp, EPOLLIN, e);
	if (r < 0) {
		close(udp);
		close(tcp);
		free(dns);
		return r;
	}
	n->dns = dns;
	r = loop_add(&d->loop, &dns->tcp, EPOLLIN, e);
	if (r < 0) {
		drop_fd(&dns->tcp.fd);
		dns_unref(dns);
		dns_close(n);
	}
	return r;
}

void dns_close(struct ctr_net *n)
{
	struct dns *dns = n->dns;

	if (dns == NULL)
		return;
	n->dns = NULL;
	dns->n = NULL;
	dns_ref(dns); /* until all have been told */
	list_for_each_safe(it, &dns->asks)
		dns_ask_drop(owner_of(it, struct dns_ask, link));
	list_for_each_safe(it, &dns->conns)
		client_drop(owner_of(it, struct dns_conn, link));
	loop_remove(&dns->udp);
	loop_remove(&dns->tcp);
	dns_unref(dns);
}
