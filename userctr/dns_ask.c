// SPDX-License-Identifier: Apache-2.0
/* Questions passed on to the host's servers: from the host's namespace, each from a socket and with an id of its own, so that an
 * answer cannot be guessed; bounded in number and in time. */
#include "userctr/dns_internal.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "userctr/daemon.h"
#include "userctr/nets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void try_next(struct dns_ask *a);

/* ---- the end ---- */

static void ask_gone(struct source *s)
{
	struct dns_ask *a = owner_of(s, struct dns_ask, s);
	struct dns *dns = a->dns;

	drop_fd(&a->s.fd);
	free(a->in);
	free(a);
	dns_unref(dns);
}

void dns_ask_drop(struct dns_ask *a)
{
	if (a->is_over)
		return;
	a->is_over = true;
	if (a->conn != NULL)
		a->conn->ask = NULL;
	list_del(&a->link);
	a->dns->n_asks--;
	a->dns->d->nets->dns_asks--;
	timer_disarm(&a->dns->d->loop, &a->late);
	if (a->s.loop != NULL)
		loop_remove(&a->s);
	else
		ask_gone(&a->s);
}

/* p goes to who asked, with the id they know. */
static void finish(struct dns_ask *a, uint8_t *p, size_t n)
{
	struct dns_conn *c = a->conn;

	dns_set_id(p, a->q.id);
	a->conn = NULL;
	if (c != NULL) {
		c->ask = NULL;
		dns_reply_tcp(c, p, n);
	} else if (!a->is_tcp) {
		dns_reply_udp(a->dns, &a->client, p, n);
	}
	dns_ask_drop(a);
}

static void fail(struct dns_ask *a)
{
	uint8_t out[DNS_UDP_MAX];

	finish(a, out, dns_put_code(a->query + 2, &a->q, DNS_FAILED, out, sizeof(out)));
}

/* ---- one server ---- */

static socklen_t address_of(const struct ip *ip, struct sockaddr_storage *ret)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};

	if (ip->family == IP_V4) {
		memcpy(&v4.sin_addr, ip->b, 4);
		memcpy(ret, &v4, sizeof(v4));
		return sizeof(v4);
	}
	memcpy(&v6.sin6_addr, ip->b, 16);
	memcpy(ret, &v6, sizeof(v6));
	return sizeof(v6);
}

/* The UDP answer. Wrong ones are somebody's guesses: the wait goes on. */
static void read_udp(struct dns_ask *a)
{
	static uint8_t in[DNS_MAX];

	for (;;) {
		ssize_t n = recv(a->s.fd, in, sizeof(in), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			try_next(a); /* refused, unreachable */
			return;
		}
		if (dns_answers(in, (size_t)n, a->id, a->query + 2, &a->q)) {
			finish(a, in, (size_t)n);
			return;
		}
	}
}

static void read_tcp(struct dns_ask *a)
{
	if (a->in == NULL)
		a->in = malloc(2 + DNS_MAX);
	if (a->in == NULL) {
		fail(a);
		return;
	}
	ssize_t n = recv(a->s.fd, a->in + a->have, 2 + DNS_MAX - a->have, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		try_next(a);
		return;
	}
	a->have += (size_t)n;
	size_t want = a->have >= 2 ? (size_t)a->in[0] << 8 | a->in[1] : DNS_MAX;
	if (a->have < 2 + want)
		return;
	if (dns_answers(a->in + 2, want, a->id, a->query + 2, &a->q))
		finish(a, a->in + 2, want);
	else
		try_next(a);
}

static void on_ask(struct source *s, uint32_t events)
{
	struct dns_ask *a = owner_of(s, struct dns_ask, s);

	if (!a->is_tcp) {
		read_udp(a);
		return;
	}
	if (!a->is_connected && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
		/* a fresh connection takes a kilobyte whole */
		if (send(a->s.fd, a->query, a->len + 2, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)(a->len + 2) ||
		    loop_change(&a->s, EPOLLIN, NULL) < 0) {
			try_next(a);
			return;
		}
		a->is_connected = true;
	} else if (a->is_connected) {
		read_tcp(a);
	}
}

/* A new socket takes the place of the old one: a new source port, too. The old source has to leave the loop at once for that,
 * so it becomes a question of its own that is over. */
static int open_socket(struct dns_ask *a)
{
	const struct ip *server = &a->servers[a->tries % a->n_servers];
	struct sockaddr_storage to;
	socklen_t len = address_of(server, &to);
	owned_fd int fd = socket(to.ss_family, (a->is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS)
		return -errno;
	if (!a->is_tcp && send(fd, a->query + 2, a->len, MSG_NOSIGNAL) < 0)
		return -errno;
	a->s = (struct source){.fd = fd, .name = "name question", .ready = on_ask, .gone = ask_gone};
	int r = loop_add(&a->dns->d->loop, &a->s, a->is_tcp ? EPOLLOUT : EPOLLIN, NULL);
	if (r < 0)
		a->s.fd = -1;
	else
		(void)take_fd(fd); /* the source's now */
	return r;
}

static void on_late(struct timer *t)
{
	try_next(owner_of(t, struct dns_ask, late));
}

static struct dns_ask *copy_of(const struct dns_ask *a)
{
	struct dns_ask *b = malloc(sizeof(*b));

	if (b == NULL)
		return NULL;
	*b = *a;
	b->s = (struct source){.fd = -1};
	b->late = (struct timer){0};
	b->in = NULL;
	b->have = 0;
	b->is_over = b->is_connected = false;
	list_init(&b->link);
	return b;
}

static void add(struct dns_ask *a)
{
	dns_ref(a->dns);
	list_add_tail(&a->dns->asks, &a->link);
	a->dns->n_asks++;
	a->dns->d->nets->dns_asks++;
}

/* Ask servers, from number `tries` on, until one can be asked. */
static void ask(struct dns_ask *a)
{
	unsigned max = a->is_tcp ? (unsigned)a->n_servers : (unsigned)a->n_servers * 2;

	for (; a->tries < max && a->tries < DNS_TRIES_MAX; a->tries++)
		if (open_socket(a) == 0) {
			a->late.fire = on_late;
			timer_arm(&a->dns->d->loop, &a->late, clock_mono_ms() + (a->is_tcp ? DNS_TCP_WAIT_MS : DNS_WAIT_MS));
			return;
		}
	fail(a);
}

static void try_next(struct dns_ask *a)
{
	struct dns_ask *b = copy_of(a);

	if (b == NULL) {
		fail(a);
		return;
	}
	b->tries++;
	if (b->conn != NULL)
		b->conn->ask = b;
	a->conn = NULL;
	add(b);
	dns_ask_drop(a);
	ask(b);
}

/* ---- beginning ---- */

/* --dns, or the host's; the file is small and on tmpfs, and changes with the lease. */
static size_t pick_servers(const struct dns *dns, struct ip servers[RESOLV_SERVERS_MAX])
{
	struct resolv host;

	if (dns->n->n_servers > 0) {
		memcpy(servers, dns->n->servers, sizeof(dns->n->servers));
		return dns->n->n_servers;
	}
	host_resolv(&host);
	memcpy(servers, host.servers, sizeof(host.servers));
	return host.n_servers;
}

void dns_pass_on(struct dns *dns, const uint8_t *query, size_t len, const struct dns_query *q, struct dns_conn *conn,
		 const struct sockaddr_in *client)
{
	struct dns_ask *a = NULL;
	uint8_t out[DNS_UDP_MAX];
	enum dns_code code = DNS_FAILED;

	/* whoever has no way out is told nothing of what is out there */
	if (ctr_net_way_out(dns->n) == NULL)
		code = DNS_NO_NAME;
	else if (dns->n_asks < DNS_ASKS_MAX && dns->d->nets->dns_asks < DNS_ASKS_ALL_MAX && len <= DNS_QUERY_MAX)
		a = calloc(1, sizeof(*a));
	if (a != NULL)
		a->n_servers = pick_servers(dns, a->servers);
	if (a != NULL && (a->n_servers == 0 || getrandom(&a->id, sizeof(a->id), GRND_NONBLOCK) != (ssize_t)sizeof(a->id))) {
		free(a);
		a = NULL;
	}
	if (a == NULL) {
		size_t n = dns_put_code(query, q, code, out, sizeof(out));
		if (conn != NULL)
			dns_reply_tcp(conn, out, n);
		else
			dns_reply_udp(dns, client, out, n);
		return;
	}
	list_init(&a->link);
	a->dns = dns;
	a->s.fd = -1;
	a->is_tcp = conn != NULL;
	a->conn = conn;
	if (conn != NULL)
		conn->ask = a;
	else
		a->client = *client;
	a->q = *q;
	a->len = len;
	a->query[0] = (uint8_t)(len >> 8);
	a->query[1] = (uint8_t)len;
	memcpy(a->query + 2, query, len);
	dns_set_id(a->query + 2, a->id);
	add(a);
	ask(a);
}
