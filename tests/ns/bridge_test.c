// SPDX-License-Identifier: Apache-2.0
/* The bridge network driver with real packets: between containers, out, in by published ports, and across a restart. */
#include "tests/ns/world.h"

#include "userctr/net_bridge.h"

#include <sys/resource.h>

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_N "1111111111111111111111111111111111111111111111111111111111111111"
#define ID_M "2222222222222222222222222222222222222222222222222222222222222222"

/* What every test starts with: a host, a machine outside that routes to the containers' subnet, the default network, two
 * containers on it with a server each. */
struct world {
	struct net_bridge *b;
	struct net net;
	int outside, ns_a, ns_b;
	struct net_endpoint a, c;
	int serve_a, serve_b, serve_out;
};

static void attach(struct world *w, struct net *n, int ns, const char *id, struct net_endpoint *ret)
{
	struct net_want want = {.netns = ns, .id = id};

	assert_ok(net_bridge_attach(w->b, n, &want, ret, E));
}

static void host_only(struct world *w)
{
	*w = (struct world){.outside = -1, .ns_a = -1, .ns_b = -1};
	assert_int_equal(ns_enter(), 0);
	link_up(HOST, "lo", NULL, NULL);
	w->outside = machine("wan0", "192.0.2.1/24", "192.0.2.2/24", "192.0.2.1");
	w->serve_out = serve(w->outside, SOCK_STREAM, 80);
}

static void driver(struct world *w)
{
	assert_ok(net_bridge_open(&w->b, E));
	net_default(&w->net, ID_N);
	assert_ok(net_up(w->b, &w->net, E));
	assert_ok(net_bridge_apply(w->b, E));
}

static void build(struct world *w)
{
	host_only(w);
	driver(w);
	w->ns_a = ns_other();
	w->ns_b = ns_other();
	attach(w, &w->net, w->ns_a, ID_A, &w->a);
	attach(w, &w->net, w->ns_b, ID_B, &w->c);
	w->serve_a = serve(w->ns_a, SOCK_STREAM, 80);
	w->serve_b = serve(w->ns_b, SOCK_STREAM, 80);
}

static void tear(struct world *w)
{
	int fds[] = {w->outside, w->ns_a, w->ns_b, w->serve_a, w->serve_b, w->serve_out};

	net_bridge_close(w->b);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] > 2)
			close(fds[i]);
}

static int count_any(const struct link *l, void *arg)
{
	(void)l;
	(*(int *)arg)++;
	return 0;
}

static int count_links(int ns)
{
	struct nl nl;
	int n = 0;

	open_route(ns, &nl);
	assert_ok(link_each(&nl, count_any, &n, E));
	nl_close(&nl);
	return n;
}

static struct net_port port(uint8_t proto, const char *host, unsigned host_port, const char *ip, unsigned to_port)
{
	struct net_port p = {.proto = proto, .host_port = (uint16_t)host_port, .ip = addr(ip), .port = (uint16_t)to_port};

	if (host != NULL)
		p.host_ip = addr(host);
	return p;
}

static void test_attach(void **state)
{
	struct world w;
	struct nl nl;
	struct link l;
	char text[NET_MAC_TEXT_MAX];

	(void)state;
	build(&w);
	assert_true(ip_equal(&w.a.ip, &(struct ip){.family = IP_V4, .b = {172, 17, 0, 2}}));
	assert_true(ip_equal(&w.c.ip, &(struct ip){.family = IP_V4, .b = {172, 17, 0, 3}}));
	assert_int_equal(w.a.prefix_len, 16);
	assert_string_equal(w.a.ifname, "eth0");
	assert_string_equal(net_mac_text(w.a.mac, text), "02:42:ac:11:00:02");
	assert_string_not_equal(w.a.veth, w.c.veth);
	open_route(w.ns_a, &nl);
	assert_ok(link_get(&nl, "eth0", &l, E));
	assert_memory_equal(l.mac, w.a.mac, 6);
	assert_ok(link_get(&nl, "lo", &l, E));
	assert_true(l.flags & IFF_UP);
	nl_close(&nl);

	assert_reaches(w.ns_a, "172.17.0.3", 80, w.serve_b, "172.17.0.2");
	assert_reaches(w.ns_b, "172.17.0.2", 80, w.serve_a, "172.17.0.3");
	assert_reaches(HOST, "172.17.0.2", 80, w.serve_a, "172.17.0.1");
	assert_refused(w.ns_a, "172.17.0.3", 81);
	/* out, as the host; back in not at all, though the machine outside has a route */
	assert_reaches(w.ns_a, "192.0.2.2", 80, w.serve_out, "192.0.2.1");
	assert_dropped(w.outside, "172.17.0.2", 80);
	tear(&w);
}

static void test_publish(void **state)
{
	struct world w;
	struct err e;

	(void)state;
	build(&w);
	struct net_port p = port(IPPROTO_TCP, NULL, 8080, "172.17.0.2", 80);
	assert_refused(w.outside, "192.0.2.1", 8080);
	assert_ok(net_port_publish(w.b, &p, E));
	assert_reaches(w.outside, "192.0.2.1", 8080, w.serve_a, "192.0.2.2");
	assert_reaches(HOST, "127.0.0.1", 8080, w.serve_a, "172.17.0.1");
	assert_reaches(HOST, "192.0.2.1", 8080, w.serve_a, NULL);
	assert_reaches(w.ns_b, "192.0.2.1", 8080, w.serve_a, NULL);  /* a neighbour, by the host's address */
	assert_reaches(w.ns_b, "172.17.0.1", 8080, w.serve_a, NULL); /* and by the gateway's */
	assert_reaches(w.ns_a, "192.0.2.1", 8080, w.serve_a, NULL);  /* itself */
	assert_dropped(w.outside, "172.17.0.2", 80);		      /* not the container's own address */

	/* the port is taken: for us, for others */
	struct net_port again = p;
	assert_int_equal(net_port_publish(w.b, &again, &e), -EADDRINUSE);
	assert_non_null(strstr(e.msg, "0.0.0.0:8080/tcp"));
	again.host_ip = addr("127.0.0.1");
	assert_int_equal(net_port_publish(w.b, &again, &e), -EADDRINUSE);
	struct sockaddr_in a = to("0.0.0.0", 8080);
	int fd = sock(HOST, SOCK_STREAM);
	assert_true(bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0);
	assert_int_equal(errno, EADDRINUSE);
	close(fd);

	net_port_unpublish(w.b, &p);
	net_port_unpublish(w.b, &p); /* twice is fine */
	assert_refused(w.outside, "192.0.2.1", 8080);
	assert_refused(HOST, "127.0.0.1", 8080);

	fd = serve(HOST, SOCK_STREAM, 8080);
	assert_int_equal(net_port_publish(w.b, &p, &e), -EADDRINUSE);
	close(fd);
	assert_ok(net_port_publish(w.b, &p, E));
	assert_reaches(w.outside, "192.0.2.1", 8080, w.serve_a, "192.0.2.2");
	tear(&w);
}

static void test_publish_on_address(void **state)
{
	struct world w;
	struct err e;

	(void)state;
	build(&w);
	struct net_port lo = port(IPPROTO_TCP, "127.0.0.1", 8081, "172.17.0.2", 80);
	struct net_port wan = port(IPPROTO_TCP, "192.0.2.1", 8081, "172.17.0.3", 80);
	struct net_port alien = port(IPPROTO_TCP, "198.51.100.7", 8081, "172.17.0.3", 80);
	assert_ok(net_port_publish(w.b, &lo, E));
	assert_reaches(HOST, "127.0.0.1", 8081, w.serve_a, NULL);
	assert_refused(w.outside, "192.0.2.1", 8081);
	assert_refused(w.ns_b, "172.17.0.1", 8081);
	assert_ok(net_port_publish(w.b, &wan, E)); /* the same port of another address */
	assert_reaches(w.outside, "192.0.2.1", 8081, w.serve_b, "192.0.2.2");
	assert_reaches(HOST, "127.0.0.1", 8081, w.serve_a, NULL);
	assert_ok(net_bridge_apply(w.b, E));
	assert_reaches(HOST, "127.0.0.1", 8081, w.serve_a, NULL);
	assert_reaches(w.outside, "192.0.2.1", 8081, w.serve_b, "192.0.2.2");
	assert_int_equal(net_port_publish(w.b, &alien, &e), -EADDRNOTAVAIL);
	assert_non_null(strstr(e.msg, "198.51.100.7:8081/tcp"));

	/* the host's 127.0.0.1 stays its own although the bridge could route it */
	struct nl nl;
	int private = serve(HOST, SOCK_STREAM, 9999);
	open_route(w.ns_b, &nl);
	struct link l;
	assert_ok(link_get(&nl, "eth0", &l, E));
	assert_ok(addr_delete(&nl, &(struct addr){.link = 1, .at = prefix("127.0.0.1/8")}, "lo", E));
	assert_ok(route_set(&nl, &(struct route){.to = prefix("127.0.0.0/8"), .via = addr("172.17.0.1"), .link = l.index,
						 .table = 255}, "eth0", E));
	nl_close(&nl);
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(setns(w.ns_b, CLONE_NEWNET), 0);
	set_sysctl("/proc/sys/net/ipv4/conf/eth0/route_localnet", "1");
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	close(home);
	assert_dropped(w.ns_b, "127.0.0.1", 9999);
	close(private);
	tear(&w);
}

static void test_random_ports(void **state)
{
	struct world w;
	struct err e;

	(void)state;
	build(&w);
	set_sysctl("/proc/sys/net/ipv4/ip_local_port_range", "40000 40003");
	int other = serve(HOST, SOCK_STREAM, 40001);
	uint16_t got[3];
	for (int i = 0; i < 3; i++) {
		struct net_port p = port(IPPROTO_TCP, NULL, 0, "172.17.0.2", 80);
		assert_ok(net_port_publish(w.b, &p, E));
		got[i] = p.host_port;
	}
	assert_int_equal(got[0], 40000);
	assert_int_equal(got[1], 40002);
	assert_int_equal(got[2], 40003);
	struct net_port p = port(IPPROTO_TCP, NULL, 0, "172.17.0.2", 80);
	assert_int_equal(net_port_publish(w.b, &p, &e), -ENOSPC);
	struct net_port two = port(IPPROTO_TCP, NULL, 40002, "172.17.0.2", 80);
	net_port_unpublish(w.b, &two);
	assert_ok(net_port_publish(w.b, &p, E));
	assert_int_equal(p.host_port, 40002);
	assert_reaches(w.outside, "192.0.2.1", 40002, w.serve_a, NULL);
	close(other);
	tear(&w);
}

/* Send from a socket that stays the same, and take it at the server's. Returns whether it arrived. */
static bool datagram(int client, const char *ip, unsigned to_port, int server, int ms)
{
	struct sockaddr_in a = to(ip, to_port), from;
	socklen_t n = sizeof(from);
	char c;

	assert_int_equal(sendto(client, "u", 1, 0, (struct sockaddr *)&a, sizeof(a)), 1);
	if (!ready(server, POLLIN, ms))
		return false;
	assert_int_equal(recvfrom(server, &c, 1, 0, (struct sockaddr *)&from, &n), 1);
	assert_int_equal(sendto(server, "v", 1, 0, (struct sockaddr *)&from, n), 1);
	assert_true(ready(client, POLLIN, SOON));
	n = sizeof(from);
	assert_int_equal(recvfrom(client, &c, 1, 0, (struct sockaddr *)&from, &n), 1);
	/* the answer comes from where the question went */
	assert_int_equal(ntohs(from.sin_port), to_port);
	return from.sin_addr.s_addr == a.sin_addr.s_addr;
}

static void test_udp(void **state)
{
	struct world w;

	(void)state;
	build(&w);
	int server = serve(w.ns_a, SOCK_DGRAM, 53), next = serve(w.ns_b, SOCK_DGRAM, 53);
	int client = sock(w.outside, SOCK_DGRAM);
	struct net_port p = port(IPPROTO_UDP, NULL, 5353, "172.17.0.2", 53);
	/* the client sends before the port is published, and never stops: its flow must not stay with the host */
	assert_false(datagram(client, "192.0.2.1", 5353, server, NEVER));
	assert_ok(net_port_publish(w.b, &p, E));
	int err = 0;
	socklen_t n = sizeof(err);
	(void)getsockopt(client, SOL_SOCKET, SO_ERROR, &err, &n); /* the refusal of before */
	assert_true(datagram(client, "192.0.2.1", 5353, server, SOON));
	/* nor with a container that lost the port to another */
	net_port_unpublish(w.b, &p);
	p.ip = w.c.ip;
	assert_ok(net_port_publish(w.b, &p, E));
	assert_true(datagram(client, "192.0.2.1", 5353, next, SOON));
	int local = sock(HOST, SOCK_DGRAM);
	assert_true(datagram(local, "127.0.0.1", 5353, next, SOON));
	close(server);
	close(next);
	close(client);
	close(local);
	tear(&w);
}

static void test_restart(void **state)
{
	struct world w;
	struct net_endpoint third;
	char from[16];

	(void)state;
	build(&w);
	struct net_port p = port(IPPROTO_TCP, NULL, 8080, "172.17.0.2", 80);
	assert_ok(net_port_publish(w.b, &p, E));
	int c = dial(w.outside, "192.0.2.1", 8080, SOON);
	int s = answer(w.serve_a, from);
	assert_talks(c, s);

	net_bridge_close(w.b); /* the daemon is gone: all goes on */
	assert_talks(c, s);
	assert_reaches(w.outside, "192.0.2.1", 8080, w.serve_a, "192.0.2.2");

	assert_ok(net_bridge_open(&w.b, E));
	net_default(&w.net, ID_N);
	assert_ok(net_up(w.b, &w.net, E));
	assert_ok(net_bridge_adopt(w.b, &w.net, &w.a, E));
	assert_ok(net_bridge_adopt(w.b, &w.net, &w.c, E));
	assert_int_equal(net_bridge_adopt(w.b, &w.net, &w.c, NULL), -EADDRINUSE);
	assert_ok(net_port_publish(w.b, &p, E));
	assert_ok(net_bridge_apply(w.b, E));
	assert_ok(net_bridge_apply(w.b, E)); /* any time, again */
	assert_talks(c, s);
	assert_reaches(w.outside, "192.0.2.1", 8080, w.serve_a, "192.0.2.2");
	assert_dropped(w.outside, "172.17.0.3", 80);

	int ns = ns_other();
	attach(&w, &w.net, ns, ID_M, &third);
	assert_int_equal(third.ip.b[3], 4);
	close(ns);
	close(c);
	close(s);
	tear(&w);
}

static void test_detach(void **state)
{
	struct world w;
	struct net_endpoint again;

	(void)state;
	build(&w);
	int before = count_links(HOST);
	/* disconnected while it runs */
	assert_ok(net_bridge_detach(w.b, &w.net, &w.a, NET_DETACH_LIVE, E));
	assert_int_equal(count_links(HOST), before - 1);
	assert_int_equal(count_links(w.ns_a), count_links(w.ns_b) - 1);
	assert_ok(net_bridge_detach(w.b, &w.net, &w.a, NET_DETACH_LIVE, E)); /* twice is fine */
	attach(&w, &w.net, w.ns_a, ID_A, &again);
	assert_true(ip_equal(&again.ip, &w.a.ip));
	assert_string_equal(again.veth, w.a.veth);
	assert_reaches(w.ns_b, "172.17.0.2", 80, w.serve_a, "172.17.0.3");

	/* ended, and started again before the kernel has removed the old link */
	assert_ok(net_bridge_detach(w.b, &w.net, &w.a, NET_DETACH_GONE, E));
	int fresh = ns_other();
	attach(&w, &w.net, fresh, ID_A, &again);
	assert_int_equal(count_links(HOST), before);
	int server = serve(fresh, SOCK_STREAM, 80);
	assert_reaches(w.ns_b, "172.17.0.2", 80, server, "172.17.0.3");
	close(server);
	close(fresh);
	tear(&w);
}

static void test_attach_fails_cleanly(void **state)
{
	struct world w;
	struct net_endpoint ep;
	struct err e;

	(void)state;
	build(&w);
	int before = count_links(HOST), ns = ns_other(), inside = count_links(ns);
	struct net_want want = {.netns = ns, .id = ID_M, .ip = w.a.ip};
	assert_int_equal(net_bridge_attach(w.b, &w.net, &want, &ep, &e), -EADDRINUSE);
	assert_non_null(strstr(e.msg, "network 'bridge': address '172.17.0.2'"));
	want.ip = addr("10.0.0.1");
	assert_int_equal(net_bridge_attach(w.b, &w.net, &want, &ep, &e), -EINVAL);
	want.ip = (struct ip){0};
	want.netns = w.ns_a; /* eth0 is there already */
	assert_int_equal(net_bridge_attach(w.b, &w.net, &want, &ep, &e), -EEXIST);
	assert_non_null(strstr(e.msg, "'eth0'"));
	want.netns = 9999;
	assert_true(net_bridge_attach(w.b, &w.net, &want, &ep, &e) < 0);
	want.netns = w.serve_a; /* not a namespace at all */
	assert_true(net_bridge_attach(w.b, &w.net, &want, &ep, &e) < 0);
	want.netns = ns;
	want.ifname = "a-name-that-is-too-long";
	assert_int_equal(net_bridge_attach(w.b, &w.net, &want, &ep, &e), -EINVAL);
	want.ifname = NULL;
	/* made, then no descriptor is left for the way inside */
	struct rlimit all, few;
	int next = dup(0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = all.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	int r = net_bridge_attach(w.b, &w.net, &want, &ep, &e);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	assert_int_equal(r, -EMFILE);
	/* a multicast address cannot be anybody's */
	memcpy(want.mac, "\x01\x00\x5e\x00\x00\x01", 6);
	assert_true(net_bridge_attach(w.b, &w.net, &want, &ep, &e) < 0);
	memset(want.mac, 0, 6);

	assert_int_equal(count_links(HOST), before);
	assert_int_equal(count_links(ns), inside);
	assert_ok(net_bridge_attach(w.b, &w.net, &want, &ep, E));
	assert_int_equal(ep.ip.b[3], 4); /* no address was lost on the way */
	close(ns);
	tear(&w);
}

static struct net user_net(const char *id, const char *ifname, const char *subnet)
{
	struct net n = {.subnet = prefix(subnet)};

	snprintf(n.name, sizeof(n.name), "net-%s", ifname);
	snprintf(n.id, sizeof(n.id), "%s", id);
	snprintf(n.ifname, sizeof(n.ifname), "%s", ifname);
	return n;
}

static void test_two_networks(void **state)
{
	struct world w;
	struct net_endpoint x, second;
	struct err e;

	(void)state;
	build(&w);
	struct net n = user_net(ID_M, "br-two", "172.18.0.0/16"), clash = user_net(ID_A, "br-x", "172.17.128.0/17");
	assert_int_equal(net_up(w.b, &clash, &e), -EADDRINUSE);
	assert_non_null(strstr(e.msg, "overlaps network 'bridge'"));
	clash = user_net(ID_A, "wan0", "172.30.0.0/16");
	assert_int_equal(net_up(w.b, &clash, &e), -EEXIST);
	assert_ok(net_up(w.b, &n, E));
	int ns = ns_other();
	attach(&w, &n, ns, ID_M, &x);
	int server = serve(ns, SOCK_STREAM, 80);

	/* neither reaches the other, both reach the world */
	assert_dropped(w.ns_a, "172.18.0.2", 80);
	assert_dropped(ns, "172.17.0.2", 80);
	assert_reaches(ns, "192.0.2.2", 80, w.serve_out, "192.0.2.1");
	assert_reaches(w.ns_a, "192.0.2.2", 80, w.serve_out, "192.0.2.1");
	/* but by what is published */
	struct net_port p = port(IPPROTO_TCP, NULL, 8080, "172.18.0.2", 80);
	assert_ok(net_port_publish(w.b, &p, E));
	assert_reaches(w.ns_a, "192.0.2.1", 8080, server, NULL);
	assert_reaches(w.outside, "192.0.2.1", 8080, server, "192.0.2.2");

	/* one container on both */
	struct net_want want = {.netns = w.ns_a, .id = ID_A, .ifname = "eth1", .no_gateway = true};
	assert_ok(net_bridge_attach(w.b, &n, &want, &second, E));
	assert_string_not_equal(second.veth, w.a.veth);
	assert_reaches(w.ns_a, "172.18.0.2", 80, server, "172.18.0.3");
	assert_reaches(w.ns_a, "172.17.0.3", 80, w.serve_b, "172.17.0.2");

	net_port_unpublish(w.b, &p);
	assert_ok(net_down(w.b, &n, E));
	assert_ok(net_down(w.b, &n, E));
	assert_reaches(w.ns_a, "192.0.2.2", 80, w.serve_out, "192.0.2.1");
	close(server);
	close(ns);
	tear(&w);
}

static void test_internal_and_no_icc(void **state)
{
	struct world w;
	struct net_endpoint x, y, z;

	(void)state;
	build(&w);
	struct net in = user_net(ID_M, "br-in", "172.19.0.0/16"), alone = user_net(ID_A, "br-alone", "172.20.0.0/24");
	in.is_internal = true;
	alone.no_icc = true;
	assert_ok(net_up(w.b, &in, E));
	assert_ok(net_up(w.b, &alone, E));
	int nx = ns_other(), ny = ns_other(), nz = ns_other();
	attach(&w, &in, nx, ID_A, &x);
	attach(&w, &alone, ny, ID_A, &y);
	attach(&w, &alone, nz, ID_B, &z);
	assert_false(ip_is_set(&x.gateway));
	assert_int_equal(dial(nx, "192.0.2.2", 80, SOON), -ENETUNREACH);
	link_up(nx, "eth0", NULL, "172.19.0.1"); /* a way out of its own making leads nowhere */
	assert_dropped(nx, "192.0.2.2", 80);
	int sy = serve(ny, SOCK_STREAM, 80);
	assert_int_equal(dial(nz, "172.20.0.2", 80, NEVER), -ETIMEDOUT);
	assert_reaches(nz, "192.0.2.2", 80, w.serve_out, "192.0.2.1");
	struct net_port p = port(IPPROTO_TCP, NULL, 8080, "172.20.0.2", 80);
	assert_ok(net_port_publish(w.b, &p, E));
	assert_reaches(w.outside, "192.0.2.1", 8080, sy, "192.0.2.2");
	assert_reaches(nz, "172.20.0.1", 8080, sy, NULL);
	close(sy);
	close(nx);
	close(ny);
	close(nz);
	tear(&w);
}

/* Forwarding that is not ours: allowed where it was before us, else closed, and still so after a restart of the daemon. */
static void test_foreign_forwarding(void **state)
{
	struct world w;

	(void)state;
	for (int was_on = 0; was_on < 2; was_on++) {
		host_only(&w);
		int third = machine("lan0", "198.51.100.1/24", "198.51.100.2/24", "198.51.100.1");
		if (was_on)
			set_sysctl("/proc/sys/net/ipv4/ip_forward", "1");
		driver(&w);
		if (was_on)
			assert_reaches(third, "192.0.2.2", 80, w.serve_out, "198.51.100.2");
		else
			assert_dropped(third, "192.0.2.2", 80);
		net_bridge_close(w.b);
		driver(&w);
		if (was_on)
			assert_reaches(third, "192.0.2.2", 80, w.serve_out, "198.51.100.2");
		else
			assert_dropped(third, "192.0.2.2", 80);
		close(third);
		tear(&w);
	}
}

static int count_addr(const struct addr *a, void *arg)
{
	(void)a;
	(*(int *)arg)++;
	return 0;
}

static void test_repair(void **state)
{
	struct world w;
	struct nl nl;

	(void)state;
	build(&w);
	struct net_port p = port(IPPROTO_TCP, NULL, 8080, "172.17.0.2", 80);
	assert_ok(net_port_publish(w.b, &p, E));
	open_route(HOST, &nl);
	struct link l;
	assert_ok(link_get(&nl, "docker0", &l, E));
	assert_ok(addr_delete(&nl, &(struct addr){.link = l.index, .at = prefix("172.17.0.1/16")}, "docker0", E));
	assert_ok(addr_set(&nl, &(struct addr){.link = l.index, .at = prefix("10.99.0.1/24")}, "docker0", E));
	assert_ok(link_set(&nl, l.index, &(struct link_change){.want_down = true}, E));
	nl_close(&nl);
	assert_ok(net_bridge_apply(w.b, E));
	assert_reaches(w.outside, "192.0.2.1", 8080, w.serve_a, "192.0.2.2");
	assert_reaches(HOST, "172.17.0.2", 80, w.serve_a, "172.17.0.1");
	int addrs = 0;
	open_route(HOST, &nl);
	assert_ok(addr_each(&nl, IP_V4, l.index, count_addr, &addrs, E));
	assert_int_equal(addrs, 1);
	nl_close(&nl);
	tear(&w);
}

/* What a kernel with br_netfilter does by default: bridged frames pass the rules too. */
static void test_bridged_frames_in_rules(void **state)
{
	struct world w;

	(void)state;
	if (access("/proc/sys/net/bridge/bridge-nf-call-iptables", F_OK) < 0)
		skip();
	host_only(&w);
	set_sysctl("/proc/sys/net/ipv4/ip_forward", "1");
	set_sysctl("/proc/sys/net/bridge/bridge-nf-call-iptables", "1");
	driver(&w);
	w.ns_a = ns_other();
	w.ns_b = ns_other();
	attach(&w, &w.net, w.ns_a, ID_A, &w.a);
	attach(&w, &w.net, w.ns_b, ID_B, &w.c);
	w.serve_a = serve(w.ns_a, SOCK_STREAM, 80);
	struct net_port p = port(IPPROTO_TCP, NULL, 8080, "172.17.0.2", 80);
	assert_ok(net_port_publish(w.b, &p, E));
	assert_reaches(w.ns_b, "172.17.0.2", 80, w.serve_a, "172.17.0.3");
	assert_reaches(w.ns_b, "192.0.2.1", 8080, w.serve_a, NULL);
	assert_reaches(w.outside, "192.0.2.1", 8080, w.serve_a, "192.0.2.2");
	assert_reaches(HOST, "127.0.0.1", 8080, w.serve_a, NULL);
	tear(&w);
}

static void test_subnet_pick(void **state)
{
	struct world w;
	struct ip_prefix p;
	struct nl nl;
	char text[IP_PREFIX_TEXT_MAX];

	(void)state;
	build(&w);
	assert_ok(net_subnet_pick(w.b, &p, E));
	assert_string_equal(ip_prefix_text(&p, text), "172.18.0.0/16");
	/* the host's own network is in the way of all the large ones and the first small one */
	open_route(HOST, &nl);
	struct link l;
	assert_ok(link_get(&nl, "wan0", &l, E));
	assert_ok(route_set(&nl, &(struct route){.to = prefix("172.16.0.0/12"), .link = l.index}, "wan0", E));
	assert_ok(route_set(&nl, &(struct route){.to = prefix("192.168.1.0/24"), .link = l.index}, "wan0", E));
	nl_close(&nl);
	assert_ok(net_subnet_pick(w.b, &p, E));
	assert_string_equal(ip_prefix_text(&p, text), "192.168.16.0/20");
	tear(&w);
}

static void test_many_ports(void **state)
{
	struct world w;

	(void)state;
	build(&w);
	for (unsigned i = 0; i < 2500; i++) { /* more than one message of elements, and a send buffer of its own */
		struct net_port p = port(IPPROTO_TCP, NULL, 10000 + i, "172.17.0.2", 80);
		assert_ok(net_port_publish(w.b, &p, E));
	}
	assert_ok(net_bridge_apply(w.b, E));
	assert_reaches(w.outside, "192.0.2.1", 10000, w.serve_a, NULL);
	assert_reaches(w.outside, "192.0.2.1", 12499, w.serve_a, NULL);
	assert_refused(w.outside, "192.0.2.1", 12500);
	tear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_publish_on_address),
		cmocka_unit_test(test_random_ports),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_attach_fails_cleanly),
		cmocka_unit_test(test_two_networks),
		cmocka_unit_test(test_internal_and_no_icc),
		cmocka_unit_test(test_foreign_forwarding),
		cmocka_unit_test(test_repair),
		cmocka_unit_test(test_bridged_frames_in_rules),
		cmocka_unit_test(test_subnet_pick),
		cmocka_unit_test(test_many_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
