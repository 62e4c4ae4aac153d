// SPDX-License-Identifier: Apache-2.0
/* Texts of /etc/hosts and /etc/resolv.conf. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/codec/json.h"
#include "userctr/net_files.h"

#include <string.h>

static struct resolv parse(const char *text)
{
	struct resolv r;

	resolv_parse(text, strlen(text), &r);
	return r;
}

static void writes(const struct resolv *r, const char *want)
{
	struct buf b = BUF_INIT(65536);

	resolv_write(r, &b);
	const char *body = strchr(buf_str(&b), '\n') + 1; /* behind the comment */
	assert_string_equal(body, want);
	buf_release(&b);
}

static void test_resolv(void **state)
{
	(void)state;
	struct resolv r = parse("; x\n# nameserver 192.0.2.9\n\tnameserver\t192.0.2.1 # mine\nnameserver fe80::1%eth0\nnameserver bad\n"
				"search a.b\ndomain c\nsearch d.e  f\noptions ndots:2\noptions timeout:1\nnameserver 127.0.0.53");
	writes(&r, "nameserver 192.0.2.1\nnameserver fe80::1\nnameserver 127.0.0.53\nsearch d.e f\noptions ndots:2 timeout:1\n");
	assert_int_equal(resolv_filter(&r), 1);
	writes(&r, "nameserver 192.0.2.1\nsearch d.e f\noptions ndots:2 timeout:1\n");
	resolv_embed(&r);
	writes(&r, "nameserver 127.0.0.11\nsearch d.e f\noptions ndots:2 timeout:1\n");
	r = parse("nameserver 127.0.0.1\n");
	assert_int_equal(resolv_filter(&r), 0);
	resolv_embed(&r);
	writes(&r, "nameserver 127.0.0.11\noptions ndots:0\n");
	r = parse("options edns0 ndots:1\n");
	resolv_embed(&r);
	writes(&r, "nameserver 127.0.0.11\noptions edns0 ndots:1\n");
	r = parse("nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4\nnameserver 1.1.1.5\n"
		  "nameserver 1.1.1.6\nnameserver 1.1.1.7\nnameserver 1.1.1.8\nnameserver 1.1.1.9\n");
	assert_int_equal(r.n_servers, RESOLV_SERVERS_MAX);
}

static void overrides(const char *lists, const char *want)
{
	struct resolv r = parse("nameserver 192.0.2.1\nsearch host.example\noptions ndots:2\n");
	struct json_doc *d;

	assert_int_equal(json_parse(lists, strlen(lists), &d, NULL), 0);
	const struct json *o = json_root(d);
	resolv_override(&r, json_get(o, "d"), json_get(o, "s"), json_get(o, "o"));
	writes(&r, want);
	json_free(d);
}

static void test_override(void **state)
{
	(void)state;
	overrides("{}", "nameserver 192.0.2.1\nsearch host.example\noptions ndots:2\n");
	overrides("{\"d\":[],\"s\":[],\"o\":null}", "nameserver 192.0.2.1\nsearch host.example\noptions ndots:2\n");
	overrides("{\"d\":[\"192.0.2.7\",\"127.0.0.1\"],\"s\":[\"x.y\",\"z\"],\"o\":[\"rotate\"]}",
		  "nameserver 192.0.2.7\nnameserver 127.0.0.1\nsearch x.y z\noptions rotate\n");
	overrides("{\"s\":[\".\"]}", "nameserver 192.0.2.1\noptions ndots:2\n");
	overrides("{\"s\":[\"a\\nnameserver 6.6.6.6\"]}", "nameserver 192.0.2.1\noptions ndots:2\n"); /* no second line */
}

static void extra(const char *entries, const char *gateway, const char *want)
{
	struct buf b = BUF_INIT(65536);
	struct json_doc *d;
	struct ip ip = {0};

	assert_int_equal(json_parse(entries, strlen(entries), &d, NULL), 0);
	(void)ip_parse(gateway, strlen(gateway), &ip);
	hosts_add_extra(&b, json_root(d), &ip);
	assert_string_equal(buf_str(&b), want);
	json_free(d);
	buf_release(&b);
}

static void test_hosts(void **state)
{
	(void)state;
	extra("[\"a:192.0.2.1\",\"b=192.0.2.2\",\"c:[2001:db8::1]\",\"d:2001:db8::2\"]", "",
	      "192.0.2.1\ta\n192.0.2.2\tb\n2001:db8::1\tc\n2001:db8::2\td\n");
	extra("[\"up:host-gateway\"]", "172.17.0.1", "172.17.0.1\tup\n");
	extra("[\"up:host-gateway\"]", "", "");
	assert_true(hosts_extra_is_valid("a:host-gateway"));
	assert_false(hosts_extra_is_valid("a"));
	assert_false(hosts_extra_is_valid("a:"));
	assert_false(hosts_extra_is_valid(":192.0.2.1"));
	assert_false(hosts_extra_is_valid("a b:192.0.2.1"));
	assert_false(hosts_extra_is_valid("a\n6.6.6.6 b:192.0.2.1"));
	assert_false(hosts_extra_is_valid("a:300.0.0.1"));
	struct buf b = BUF_INIT(65536);
	struct ip ip = ip4(0xac110002);
	hosts_begin(&b);
	hosts_add(&b, &ip, "h1.example h1");
	assert_non_null(strstr(buf_str(&b), "127.0.0.1\tlocalhost\n"));
	assert_non_null(strstr(buf_str(&b), "172.17.0.2\th1.example h1\n"));
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolv),
		cmocka_unit_test(test_override),
		cmocka_unit_test(test_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
