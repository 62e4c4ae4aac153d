// SPDX-License-Identifier: Apache-2.0
/* Netlink against the real kernel: links, addresses, routes, errors with their text, events. */
#include "tests/ns/ns.h"

#include "lib/sys/link.h"
#include "lib/sys/netlink.h"
#include "lib/sys/netns.h"
#include "lib/sys/route.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

static struct nl nl;

static struct ip_prefix prefix(const char *s)
{
	struct ip_prefix p;

	assert_int_equal(ip_prefix_parse(s, strlen(s), &p), 0);
	return p;
}

static int set_up(void **state)
{
	(void)state;
	if (ns_enter() < 0)
		return -1;
	return nl_open(&nl, NETLINK_ROUTE, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	nl_close(&nl);
	return 0;
}

static void test_bridge(void **state)
{
	const uint8_t mac[6] = {2, 0, 0, 1, 2, 3};
	struct link l;
	struct err e;

	(void)state;
	assert_ok(link_add_bridge(&nl, "br0", mac, 1400, E));
	assert_ok(link_get(&nl, "br0", &l, E));
	assert_string_equal(l.name, "br0");
	assert_string_equal(l.kind, "bridge");
	assert_int_equal(l.mtu, 1400);
	assert_memory_equal(l.mac, mac, 6);
	assert_false(l.flags & IFF_UP);
	assert_ok(link_set(&nl, l.index, &(struct link_change){.want_up = true, .mtu = 1300}, E));
	assert_ok(link_get(&nl, "br0", &l, E));
	assert_true(l.flags & IFF_UP);
	assert_int_equal(l.mtu, 1300);

	assert_int_equal(link_add_bridge(&nl, "br0", NULL, 0, &e), -EEXIST);
	assert_non_null(strstr(e.msg, "make bridge 'br0'"));
	assert_ok(link_delete(&nl, "br0", E));
	assert_int_equal(link_get(&nl, "br0", &l, &e), -ENODEV);
	assert_non_null(strstr(e.msg, "find link 'br0'"));
	assert_int_equal(link_get(&nl, "a-name-that-is-much-too-long", &l, &e), -ENODEV);
	assert_int_equal(link_delete(&nl, "br0", &e), -ENODEV);
}

static int count_links(const struct link *l, void *arg)
{
	(void)l;
	(*(int *)arg)++;
	return 0;
}

static int stop_at_first(const struct link *l, void *arg)
{
	(void)l;
	(*(int *)arg)++;
	return -ECANCELED;
}

static void test_list(void **state)
{
	struct link l;
	int n = 0, before = 0;

	(void)state;
	assert_ok(link_each(&nl, count_links, &before, E));
	/* more than one datagram's worth */
	for (int i = 0; i < 60; i++) {
		char name[16];
		snprintf(name, sizeof(name), "many%d", i);
		assert_ok(link_add_bridge(&nl, name, NULL, 0, E));
	}
	assert_ok(link_each(&nl, count_links, &n, E));
	assert_int_equal(n, before + 60);
	n = 0;
	assert_int_equal(link_each(&nl, stop_at_first, &n, NULL), -ECANCELED);
	assert_int_equal(n, 1);
	/* what the stopped dump left unread is not taken for this answer */
	assert_ok(link_get(&nl, "many59", &l, E));
	assert_string_equal(l.name, "many59");
	for (int i = 0; i < 60; i++) {
		char name[16];
		snprintf(name, sizeof(name), "many%d", i);
		assert_ok(link_delete(&nl, name, E));
	}
}

static void test_veth_into_namespace(void **state)
{
	const uint8_t mac[6] = {2, 0x42, 0xac, 17, 0, 2};
	int other = ns_other();
	struct link l, br;
	struct nl in;
	struct err e;

	(void)state;
	assert_ok(link_add_bridge(&nl, "br1", NULL, 0, E));
	assert_ok(link_get(&nl, "br1", &br, E));
	struct link_veth v = {.name = "veth0", .master = br.index, .mtu = 1450, .peer_netns = other,
			      .peer_name = "eth0", .peer_mac = mac};
	assert_ok(link_add_veth(&nl, &v, E));
	assert_ok(link_get(&nl, "veth0", &l, E));
	assert_int_equal(l.master, br.index);
	assert_true(l.flags & IFF_UP);
	assert_false(l.has_carrier);
	assert_int_equal(link_get(&nl, "eth0", &l, NULL), -ENODEV);

	assert_ok(nl_open_in(&in, other, NETLINK_ROUTE, E));
	assert_ok(link_get(&in, "eth0", &l, E));
	assert_string_equal(l.kind, "veth");
	assert_int_equal(l.mtu, 1450);
	assert_memory_equal(l.mac, mac, 6);
	assert_ok(link_set(&in, l.index, &(struct link_change){.want_up = true}, E));
	assert_ok(link_get(&nl, "veth0", &l, E));
	assert_true(l.has_carrier);

	assert_int_equal(link_add_veth(&nl, &v, &e), -EEXIST);
	assert_non_null(strstr(e.msg, "make veth 'veth0' with 'eth0'"));
	v.name = "veth1"; /* the inner name is taken: nothing may be left outside */
	assert_int_equal(link_add_veth(&nl, &v, &e), -EEXIST);
	assert_int_equal(link_get(&nl, "veth1", &l, NULL), -ENODEV);
	nl_close(&in);
	close(other);
	assert_ok(link_delete(&nl, "br1", E));
}

struct found {
	struct addr addr;
	struct route route;
	int addrs, routes;
	uint32_t link;
};

static int find_addr(const struct addr *a, void *arg)
{
	struct found *f = arg;

	f->addr = *a;
	f->addrs++;
	return 0;
}

static int find_route(const struct route *r, void *arg)
{
	struct found *f = arg;

	if (r->link != f->link || r->owner != ROUTE_BY_DHCP)
		return 0;
	f->route = *r;
	f->routes++;
	return 0;
}

static void test_addresses_and_routes(void **state)
{
	struct found f = {0};
	struct link l;
	struct err e;

	(void)state;
	assert_ok(link_add_bridge(&nl, "br2", NULL, 0, E));
	assert_ok(link_get(&nl, "br2", &l, E));
	assert_ok(link_set(&nl, l.index, &(struct link_change){.want_up = true}, E));
	f.link = l.index;

	struct addr a = {.link = l.index, .at = prefix("10.0.2.15/24"), .valid_s = 600, .metric = 100};
	assert_ok(addr_set(&nl, &a, "br2", E));
	a.valid_s = 900; /* again: the lifetime changes, nothing is doubled */
	assert_ok(addr_set(&nl, &a, "br2", E));
	assert_ok(addr_each(&nl, IP_V4, l.index, find_addr, &f, E));
	assert_int_equal(f.addrs, 1);
	assert_int_equal(f.addr.valid_s, 900);
	assert_int_equal(f.addr.at.len, 24);
	assert_true(ip_equal(&f.addr.at.addr, &a.at.addr));

	struct route r = {.via = prefix("10.0.2.2").addr, .src = a.at.addr, .link = l.index, .metric = 100,
			  .mtu = 1400, .owner = ROUTE_BY_DHCP};
	assert_ok(route_set(&nl, &r, "br2", E));
	assert_ok(route_set(&nl, &r, "br2", E));
	assert_ok(route_each(&nl, IP_V4, find_route, &f, E));
	assert_int_equal(f.routes, 1);
	assert_int_equal(f.route.metric, 100);
	assert_int_equal(f.route.mtu, 1400);
	assert_int_equal(f.route.to.len, 0);
	assert_true(ip_equal(&f.route.via, &r.via));
	assert_true(ip_equal(&f.route.src, &r.src));

	struct route bad = {.to = prefix("10.9.0.0/16"), .via = prefix("192.0.2.1").addr, .link = l.index};
	assert_int_equal(route_set(&nl, &bad, "br2", &e), -ENETUNREACH);
	assert_non_null(strstr(e.msg, "add route 10.9.0.0/16 via 192.0.2.1 on 'br2'"));
	assert_non_null(strstr(e.msg, "gateway")); /* the kernel's own words */

	assert_ok(route_delete(&nl, &r, "br2", E));
	assert_int_equal(route_delete(&nl, &r, "br2", &e), -ESRCH);
	assert_ok(addr_delete(&nl, &a, "br2", E));
	assert_int_equal(addr_delete(&nl, &a, "br2", &e), -EADDRNOTAVAIL);
	assert_string_equal(strstr(e.msg, "delete address 10.0.2.15/24 of 'br2'"), e.msg);

	struct addr six = {.link = l.index, .at = prefix("fd00::1/64")};
	assert_ok(addr_set(&nl, &six, "br2", E));
	assert_ok(link_delete(&nl, "br2", E));
}

static void test_buffer_too_small(void **state)
{
	NL_MEM(mem, 64);
	struct nl_buf b = NL_BUF(mem);
	struct ifinfomsg i = {0};
	struct err e;

	(void)state;
	nl_begin(&b, RTM_NEWLINK, NLM_F_CREATE, &i, sizeof(i));
	nl_put_str(&b, IFLA_IFNAME, "neverseen0");
	nl_put(&b, IFLA_ADDRESS, "12345678901234567890123456789012", 32);
	nl_put_u32(&b, IFLA_MTU, 1); /* would fit again: the error stays */
	assert_int_equal(nl_call(&nl, &b, NULL, &e), -ENOBUFS);
	assert_int_equal(link_get(&nl, "neverseen0", &(struct link){0}, NULL), -ENODEV);
}

static void test_several_in_one_call(void **state)
{
	NL_MEM(mem, 512);
	struct nl_buf b = NL_BUF(mem);
	size_t failed = 99;
	struct err e;

	(void)state;
	/* the second of three fails; rtnetlink goes on with the third */
	struct ifinfomsg lo = {.ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	nl_begin(&b, RTM_NEWLINK, 0, &lo, sizeof(lo));
	addr_put(&b, &(struct addr){.link = 4242, .at = prefix("10.1.1.1/24")});
	addr_put(&b, &(struct addr){.link = 1, .at = prefix("127.0.0.9/8")});
	assert_int_equal(nl_call(&nl, &b, &failed, &e), -ENODEV);
	assert_int_equal(failed, 1);
	assert_ok(addr_delete(&nl, &(struct addr){.link = 1, .at = prefix("127.0.0.9/8")}, "lo", E));
}

static int see_link(const struct nlmsghdr *h, void *arg)
{
	struct link l;

	if (link_parse(h, &l) == 0 && strcmp(l.name, "seen0") == 0)
		*(int *)arg |= h->nlmsg_type == RTM_NEWLINK ? 1 : 2;
	return 0;
}

static void test_events(void **state)
{
	struct nl ev;
	int seen = 0;

	(void)state;
	assert_ok(nl_open(&ev, NETLINK_ROUTE, E));
	assert_ok(nl_join(&ev, RTNLGRP_LINK, E));
	assert_ok(link_add_bridge(&nl, "seen0", NULL, 0, E));
	assert_ok(link_delete(&nl, "seen0", E));
	assert_ok(nl_receive(&ev, see_link, &seen, E));
	assert_int_equal(seen, 3);
	nl_close(&ev);
}

static void test_netns_of_process(void **state)
{
	struct err e;

	(void)state;
	int fd = netns_of_pid(getpid(), NULL);
	assert_true(fd >= 0);
	int home = fd;
	int pipes[2];
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(netns_of_pid(0x3fffffff, &e), -ESRCH);
	/* a socket in another namespace, and this process is still at home */
	int other = ns_other();
	int s = netns_socket(other, AF_INET, SOCK_DGRAM, 0, &e);
	assert_true(s >= 0);
	assert_int_equal(netns_socket(pipes[0], AF_INET, SOCK_DGRAM, 0, &e), -EINVAL);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	close(s);
	close(other);
	close(home);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bridge),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_veth_into_namespace),
		cmocka_unit_test(test_addresses_and_routes),
		cmocka_unit_test(test_buffer_too_small),
		cmocka_unit_test(test_several_in_one_call),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_netns_of_process),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
