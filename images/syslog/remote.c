// SPDX-License-Identifier: Apache-2.0
/* Another machine that gets each message as RFC 5424: as datagrams (RFC 5426), or over TCP with lengths (RFC 6587), where
 * a bounded amount waits while there is no connection. Addresses only: looking up a name would block the log. */
#include "images/syslog/slog.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#define WAITING_MAX (256 * 1024)
#define PORT 514
#define AGAIN_MAX_S 60

static int parse_port(const char *p, size_t len)
{
	unsigned v = 0;

	if (len == 0)
		return PORT;
	if (*p++ != ':' || --len == 0 || len > 5)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (unsigned)(p[i] - '0');
	}
	return v > 0 && v < 65536 ? (int)v : -1;
}

int remote_parse(struct remote *r, const char *text, size_t len)
{
	enum remote_kind kind = len > 6 && memcmp(text, "udp://", 6) == 0   ? REMOTE_UDP
				: len > 6 && memcmp(text, "tcp://", 6) == 0 ? REMOTE_TCP
									    : REMOTE_NONE;
	const char *host = text + 6, *end;
	struct ip ip;
	int port;

	if (kind == REMOTE_NONE || len >= sizeof(r->name))
		return -EINVAL;
	len -= 6;
	if (*host == '[') {
		end = memchr(host, ']', len);
		if (end == NULL || ip_parse(host + 1, (size_t)(end - host) - 1, &ip) < 0 || ip.family != IP_V6)
			return -EINVAL;
		port = parse_port(end + 1, len - (size_t)(end - host) - 1);
	} else {
		end = memchr(host, ':', len);
		size_t n = end != NULL ? (size_t)(end - host) : len;
		if (ip_parse(host, n, &ip) < 0 || ip.family != IP_V4)
			return -EINVAL;
		port = parse_port(host + n, len - n);
	}
	if (port < 0)
		return -EINVAL;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&r->addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&r->addr;
	memset(&r->addr, 0, sizeof(r->addr));
	if (ip.family == IP_V4) {
		*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
		memcpy(&v4->sin_addr, ip.b, 4);
		r->addr_len = sizeof(*v4);
	} else {
		*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
		memcpy(&v6->sin6_addr, ip.b, 16);
		r->addr_len = sizeof(*v6);
	}
	(void)snprintf(r->name, sizeof(r->name), "%.*s", (int)(len + 6), text); /* its length was checked */
	r->kind = kind;
	return 0;
}

static void lose(struct remote *r, int reason)
{
	r->lost++;
	r->reason = reason;
}

/* ---- TCP ------------------------------------------------------------------------------------------------ */

static void connect_later(struct remote *r)
{
	int64_t s = r->tries > 5 ? AGAIN_MAX_S : (int64_t)1 << r->tries;

	r->tries++;
	timer_arm(r->loop, &r->again, clock_mono_ms() + s * 1000);
}

/* Bytes that have gone, or that cannot go as a part any more. */
static void consume(struct remote *r, size_t n)
{
	while (n > 0) {
		if (r->rest == 0) { /* at "LENGTH MESSAGE" */
			size_t digits = strcspn(buf_str(&r->out), " ");
			r->rest = digits + 1 + strtoul(buf_str(&r->out), NULL, 10);
		}
		size_t now = n < r->rest ? n : r->rest;
		buf_consume(&r->out, now);
		r->rest -= now;
		n -= now;
	}
}

static void hang_up(struct remote *r, int reason)
{
	if (r->is_connected || r->tries == 0)
		log_warn(SUB, "%s: %s", r->name, strerror(reason));
	r->reason = reason;
	r->is_connected = false;
	/* the rest of a message means nothing to the next connection */
	if (r->rest > 0) {
		lose(r, reason);
		consume(r, r->rest);
	}
	loop_remove(&r->source);
}

static void on_gone(struct source *s)
{
	struct remote *r = owner_of(s, struct remote, source);

	close(s->fd);
	s->fd = -1;
	if (r->kind == REMOTE_TCP)
		connect_later(r);
}

static void push(struct remote *r)
{
	struct err e;

	while (r->out.len > 0) {
		ssize_t n = send(r->source.fd, r->out.data, r->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			hang_up(r, errno);
			return;
		}
		if (n < 0)
			break;
		consume(r, (size_t)n);
	}
	if (loop_change(&r->source, r->out.len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN, &e) < 0)
		log_error(SUB, "%s", e.msg);
}

static void on_tcp(struct source *s, uint32_t events)
{
	struct remote *r = owner_of(s, struct remote, source);
	char ignored[256];
	int reason = 0;
	socklen_t len = sizeof(reason);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &reason, &len) < 0)
		reason = errno;
	if (reason != 0) {
		hang_up(r, reason);
		return;
	}
	if (!r->is_connected && (events & EPOLLOUT) != 0) {
		r->is_connected = true;
		r->tries = 0;
		log_info(SUB, "%s: connected", r->name);
	}
	if ((events & (EPOLLIN | EPOLLHUP)) != 0) {
		ssize_t n = recv(s->fd, ignored, sizeof(ignored), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			hang_up(r, n == 0 ? ECONNRESET : errno);
			return;
		}
	}
	if (r->is_connected)
		push(r);
}

static void connect_now(struct remote *r)
{
	int on = 1, wait_ms = 60000;
	struct err e;

	owned_fd int fd = socket(r->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) { /* a peer that is silently gone is noticed; without these only later */
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &wait_ms, sizeof(wait_ms));
	}
	if (fd < 0 || (connect(fd, (struct sockaddr *)&r->addr, r->addr_len) < 0 && errno != EINPROGRESS)) {
		r->reason = errno;
		connect_later(r);
		return;
	}
	r->source = (struct source){.fd = fd, .name = "remote", .ready = on_tcp, .gone = on_gone};
	if (loop_add(r->loop, &r->source, EPOLLIN | EPOLLOUT, &e) < 0) {
		log_error(SUB, "%s", e.msg);
		r->source.fd = -1;
		connect_later(r);
		return;
	}
	(void)take_fd(fd);
}

static void on_again(struct timer *t)
{
	connect_now(owner_of(t, struct remote, again));
}

static void send_tcp(struct remote *r, const char *p, size_t len)
{
	size_t before = r->out.len;

	buf_printf(&r->out, "%zu ", len);
	buf_put(&r->out, p, len);
	if (buf_error(&r->out) != 0) {
		r->out.error = 0;
		r->out.len = before;
		lose(r, r->is_connected ? ENOBUFS : r->reason);
		return;
	}
	if (r->is_connected)
		push(r);
}

/* ---- both ------------------------------------------------------------------------------------------------ */

void remote_begin(struct remote *r, struct loop *l)
{
	r->loop = l;
	r->source.fd = -1;
	buf_init(&r->out, WAITING_MAX);
	r->again.fire = on_again;
	if (r->kind == REMOTE_TCP) {
		connect_now(r);
	} else if (r->kind == REMOTE_UDP) {
		r->source.fd = socket(r->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (r->source.fd < 0)
			log_error(SUB, "%s: %s", r->name, strerror(errno));
	}
	if (r->kind != REMOTE_NONE)
		log_info(SUB, "messages go to %s too", r->name);
}

void remote_send(struct remote *r, const char *p, size_t len)
{
	if (r->kind == REMOTE_TCP)
		send_tcp(r, p, len);
	else if (r->kind == REMOTE_UDP &&
		 sendto(r->source.fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&r->addr, r->addr_len) < 0)
		lose(r, errno);
}

void remote_end(struct remote *r)
{
	bool is_tcp = r->kind == REMOTE_TCP;

	r->kind = REMOTE_NONE;
	if (r->loop != NULL)
		timer_disarm(r->loop, &r->again);
	if (is_tcp)
		loop_remove(&r->source);
	else if (r->source.fd >= 0)
		close(r->source.fd);
	buf_release(&r->out);
}
