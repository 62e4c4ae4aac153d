// SPDX-License-Identifier: Apache-2.0
/* The network's keys of the command line, and which entry counts for a link. */
#include "tests/unit/test.h"

#include "images/network/net_conf.h"

#include <stdio.h>
#include <string.h>

static char said[1024];

static void note(const char *key, const char *what, void *arg)
{
	(void)arg;
	(void)what;
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s;", key);
}

static struct net_conf parsed(const char *line)
{
	struct net_conf c;

	said[0] = '\0';
	net_conf_parse(&c, line, strlen(line), note, NULL);
	return c;
}

static const uint8_t mac[6] = {0x52, 0x54, 0, 0xab, 0xcd, 0xef};

static const char *found(const struct net_conf *c, const char *name)
{
	bool is_exact;
	const struct link_conf *l = net_conf_find(c, name, mac, &is_exact);

	return l == NULL ? "none" : l->key;
}

static void test_fields(void **state)
{
	(void)state;
	char text[IP_PREFIX_TEXT_MAX];
	struct net_conf c = parsed("quiet slipway.network.interfaces.eth0.addresses=[10.0.0.2/24, \"fd00::2/64\"] "
				   "rancher.network.interfaces.eth0.gateway=10.0.0.1 slipway.network.interfaces.eth0.gateway-ipv6=fd00::1 "
				   "slipway.network.interfaces.eth0.mtu=9000 slipway.network.interfaces.eth0.dhcp "
				   "slipway.network.interfaces.eth0.100.dhcp=false");
	assert_string_equal(said, "");
	assert_int_equal(c.link_count, 2);
	assert_string_equal(c.links[0].key, "eth0");
	assert_int_equal(c.links[0].addr_count, 2);
	assert_string_equal(ip_prefix_text(&c.links[0].addrs[1], text), "fd00::2/64");
	assert_int_equal(c.links[0].gateway.family, IP_V4);
	assert_int_equal(c.links[0].gateway6.family, IP_V6);
	assert_int_equal(c.links[0].mtu, 9000);
	assert_int_equal(c.links[0].dhcp, 1);
	assert_string_equal(c.links[1].key, "eth0.100");
	assert_int_equal(c.links[1].dhcp, 0);
	/* a gateway says its family itself */
	c = parsed("slipway.network.interfaces.eth0.gateway=fd00::1");
	assert_int_equal(c.links[0].gateway.family, IP_NONE);
	assert_int_equal(c.links[0].gateway6.family, IP_V6);
}

static void test_selectors(void **state)
{
	(void)state;
	struct net_conf c = parsed("slipway.network.interfaces.e*.dhcp=true slipway.network.interfaces.eth0.dhcp=true "
				   "slipway.network.interfaces.mac=52:54:00:*:CD:ef.dhcp=true "
				   "slipway.network.interfaces.other.match=lan? slipway.network.interfaces.other.dhcp=true");
	assert_string_equal(said, "");
	assert_string_equal(found(&c, "eth0"), "mac=52:54:00:*:CD:ef"); /* before the name */
	c = parsed("slipway.network.interfaces.e*.dhcp=true slipway.network.interfaces.eth0.dhcp=true "
		   "slipway.network.interfaces.mac=52:54:00:00:00:00.dhcp "
		   "slipway.network.interfaces.other.match=lan? slipway.network.interfaces.other.dhcp=true");
	assert_string_equal(said, "");
	assert_string_equal(found(&c, "eth0"), "eth0"); /* before the glob */
	assert_string_equal(found(&c, "eth1"), "e*");
	assert_string_equal(found(&c, "lan1"), "other");
	assert_string_equal(found(&c, "other"), "none");
	assert_string_equal(found(&c, "lan10"), "none");
}

static void test_glob(void **state)
{
	(void)state;
	assert_true(net_conf_glob("*", ""));
	assert_true(net_conf_glob("a*b*c", "axxbxbyc"));
	assert_false(net_conf_glob("a*b*c", "axxbxby"));
	assert_true(net_conf_glob("eth?", "eth0"));
	assert_false(net_conf_glob("eth?", "eth"));
	assert_false(net_conf_glob("", "a"));
	/* no exponential time */
	assert_false(net_conf_glob("*a*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void test_names(void **state)
{
	(void)state;
	struct net_conf c = parsed("slipway.network.dns.nameservers=1.1.1.1,fd00::53 rancher.network.dns.nameservers=9.9.9.9 "
				   "slipway.network.dns.search=[a.example,b.example] slipway.hostname=box");
	assert_string_equal(said, "");
	assert_int_equal(c.dns_count, 3);
	assert_string_equal(c.search, "a.example b.example");
	assert_string_equal(c.hostname, "box");
}

static void test_complains(void **state)
{
	(void)state;
	struct net_conf c = parsed("slipway.network.interfaces.eth0.address=10.0.0.300/24 slipway.network.interfaces.eth0.mtu=5 "
				   "slipway.network.interfaces.eth0.dhcp=perhaps slipway.network.interfaces.eth0.gateway=gw "
				   "slipway.network.interfaces.eth0 slipway.network.interfaces..dhcp=true "
				   "slipway.network.dns.nameservers=[1.1.1.1,dns] slipway.network.dns.search=a;b");
	assert_string_equal(said, "network.interfaces.eth0.address;network.interfaces.eth0.mtu;network.interfaces.eth0.dhcp;"
				  "network.interfaces.eth0.gateway;network.interfaces.eth0;network.interfaces..dhcp;"
				  "network.dns.nameservers;network.dns.search;");
	assert_int_equal(c.dns_count, 1);
	assert_string_equal(c.search, "");
	assert_int_equal(c.links[0].addr_count, 0);
}

static void test_limits(void **state)
{
	(void)state;
	char line[8192] = "";
	size_t n = 0;

	for (int i = 0; i < 40; i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "slipway.network.interfaces.e%d.dhcp=true ", i);
	struct net_conf c = parsed(line);
	assert_int_equal(c.link_count, NET_CONF_LINKS_MAX);
	n = 0;
	for (int i = 0; i < 12; i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "slipway.network.interfaces.e.address=10.0.%d.1/24 ", i);
	c = parsed(line);
	assert_int_equal(c.links[0].addr_count, NET_CONF_ADDRS_MAX);
	memset(line, 'x', 300);
	memcpy(line, "slipway.network.interfaces.", 27);
	memcpy(line + 250, ".dhcp=true", 11);
	c = parsed(line);
	assert_int_equal(c.link_count, 0);
	assert_true(strlen(said) > 0);
	memmove(line + 100, line + 250, 11);
	c = parsed(line);
	assert_int_equal(c.link_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields), cmocka_unit_test(test_selectors), cmocka_unit_test(test_glob),
		cmocka_unit_test(test_names), cmocka_unit_test(test_complains), cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
