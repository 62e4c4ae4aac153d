/* tests/ns/world.h - a small internet of namespaces: the test's own is the host, "outside" is a machine on its wire, and
 * containers are namespaces that the driver connects. TCP and UDP are tried from any of them.
 *
 *      outside 192.0.2.2 ──── wan0 192.0.2.1 host ──── docker0 ──── containers
 */
#ifndef NS_WORLD_H
#define NS_WORLD_H

#include "tests/ns/ns.h"

#include "lib/base/ip.h"
#include "lib/sys/link.h"
#include "lib/sys/netlink.h"
#include "lib/sys/netns.h"
#include "lib/sys/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define HOST (-1) /* as a namespace: the test's own */
#define SOON 2000 /* ms: what should happen, happens within */
#define NEVER 150 /* ms: what a firewall drops has not arrived by then */

static inline struct ip_prefix prefix(const char *s)
{
	struct ip_prefix p;

	assert_int_equal(ip_prefix_parse(s, strlen(s), &p), 0);
	return p;
}

static inline struct ip addr(const char *s)
{
	return prefix(s).addr;
}

static inline void open_route(int ns, struct nl *nl)
{
	struct err e = {0};

	if ((ns == HOST ? nl_open(nl, NETLINK_ROUTE, &e) : nl_open_in(nl, ns, NETLINK_ROUTE, &e)) < 0)
		fail_msg("%s", e.msg);
}

static inline void link_up(int ns, const char *name, const char *at, const char *gateway)
{
	struct nl nl;
	struct link l;

	open_route(ns, &nl);
	assert_ok(link_get(&nl, name, &l, E));
	assert_ok(link_set(&nl, l.index, &(struct link_change){.want_up = true}, E));
	if (at != NULL)
		assert_ok(addr_set(&nl, &(struct addr){.link = l.index, .at = prefix(at)}, name, E));
	if (gateway != NULL)
		assert_ok(route_set(&nl, &(struct route){.via = addr(gateway), .link = l.index}, name, E));
	nl_close(&nl);
}

/* A machine on a wire to the host: its namespace. */
static inline int machine(const char *wire, const char *host_at, const char *at, const char *gateway)
{
	int ns = ns_other();
	struct nl nl;

	open_route(HOST, &nl);
	struct link_veth v = {.name = wire, .peer_netns = ns, .peer_name = "eth0"};
	assert_ok(link_add_veth(&nl, &v, E));
	nl_close(&nl);
	link_up(HOST, wire, host_at, NULL);
	link_up(ns, "lo", NULL, NULL);
	link_up(ns, "eth0", at, gateway);
	return ns;
}

static inline int sock(int ns, int type)
{
	int fd = ns == HOST ? socket(AF_INET, type | SOCK_CLOEXEC, 0) : netns_socket(ns, AF_INET, type, 0, NULL);
	int on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static inline struct sockaddr_in to(const char *ip, unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	assert_int_equal(inet_pton(AF_INET, ip, &a.sin_addr), 1);
	return a;
}

static inline int serve(int ns, int type, unsigned port)
{
	struct sockaddr_in a = to("0.0.0.0", port);
	int fd = sock(ns, type);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static inline bool ready(int fd, short events, int ms)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, ms) == 1;
}

/* Connect. Returns the socket, or -errno: -ECONNREFUSED, -ETIMEDOUT when nothing answers. */
static inline int dial(int ns, const char *ip, unsigned port, int ms)
{
	struct sockaddr_in a = to(ip, port);
	int fd = sock(ns, SOCK_STREAM), r = 0;
	socklen_t n = sizeof(r);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		r = errno;
	if (r == EINPROGRESS) {
		if (!ready(fd, POLLOUT, ms))
			r = ETIMEDOUT;
		else
			assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &r, &n), 0);
	}
	if (r == 0)
		return fd;
	close(fd);
	return -r;
}

/* Take the connection and say who it is from. */
static inline int answer(int listener, char from[16])
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);

	assert_true(ready(listener, POLLIN, SOON));
	int fd = accept4(listener, (struct sockaddr *)&a, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fd >= 0);
	if (from != NULL)
		assert_non_null(inet_ntop(AF_INET, &a.sin_addr, from, 16));
	return fd;
}

/* A byte each way over an open connection. */
static inline void assert_talks(int a, int b)
{
	char c = 0;

	assert_int_equal(write(a, "x", 1), 1);
	assert_true(ready(b, POLLIN, SOON));
	assert_int_equal(read(b, &c, 1), 1);
	assert_int_equal(write(b, "y", 1), 1);
	assert_true(ready(a, POLLIN, SOON));
	assert_int_equal(read(a, &c, 1), 1);
	assert_int_equal(c, 'y');
}

/* From ns to ip:port one arrives at listener, seen there as `seen` (NULL: whoever). */
#define assert_reaches(ns, ip, port, listener, seen)                                                                 \
	do {                                                                                                         \
		char from_[16];                                                                                      \
		int c_ = dial(ns, ip, port, SOON);                                                                   \
		if (c_ < 0)                                                                                          \
			fail_msg("%s:%u: %s", ip, (unsigned)(port), strerror(-c_));                                  \
		int s_ = answer(listener, from_);                                                                    \
		assert_talks(c_, s_);                                                                                \
		if ((seen) != NULL)                                                                                  \
			assert_string_equal(from_, seen);                                                            \
		close(c_);                                                                                           \
		close(s_);                                                                                           \
	} while (0)
#define assert_refused(ns, ip, port) assert_int_equal(dial(ns, ip, port, SOON), -ECONNREFUSED)
#define assert_dropped(ns, ip, port) assert_int_equal(dial(ns, ip, port, NEVER), -ETIMEDOUT)

static inline void set_sysctl(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(write(fd, value, strlen(value)), (ssize_t)strlen(value));
	close(fd);
}

#endif
