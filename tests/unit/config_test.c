// SPDX-License-Identifier: Apache-2.0
/* The configuration tree: merging, paths, the schema's complaints, layers and their precedence, what is written back. */
#include "tests/unit/test.h"

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/config/layers.h"
#include "lib/config/tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static struct cfg *parse(struct arena *a, const char *text)
{
	struct cfg *n = NULL;
	struct err e;

	if (cfg_parse(a, text, strlen(text), "f", &n, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return n;
}

static void collect(void *ctx, const char *sentence)
{
	buf_printf(ctx, "%s\n", sentence);
}

static void check_text(const struct cfg *root, const char *path, const char *want)
{
	const struct cfg *n = cfg_find(root, path);

	if (n == NULL)
		fail_msg("'%s' is not there", path);
	assert_string_equal(n->text, want);
}

static void test_merge(void **state)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	struct cfg *base = parse(&a, "a: {x: 1, y: [1, 2]}\nb: t\n"), *over = parse(&a, "a: {y: [3], z: 4}\nb: {c: 5}\n");

	(void)state;
	cfg_merge(base, over);
	check_text(base, "a.x", "1");
	check_text(base, "a.z", "4");
	check_text(base, "b.c", "5");
	assert_int_equal(cfg_find(base, "a.y")->count, 1); /* lists are replaced */
	assert_int_equal(cfg_find(base, "a")->count, 3);
}

static void test_one_tree_for_both_names(void **state)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	struct cfg *n = parse(&a, "rancher: {a: 1, b: 2}\nslipway: {b: 3}\n");

	(void)state;
	check_text(n, "slipway.a", "1");
	check_text(n, "rancher.b", "3");
	assert_int_equal(n->count, 1);
	assert_true(n->truth);
}

static void test_set_and_unset(void **state)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	struct cfg *n = cfg_map(&a, "f"), *v;
	struct err e;
	static const char *const wrong[] = {"", ".", "a..b", "a.", ".a"};

	(void)state;
	assert_int_equal(cfg_value(&a, "[1, two]", 8, "v", &v, &e), 0);
	assert_int_equal(v->type, YAML_LIST);
	assert_int_equal(cfg_set(&a, n, "rancher.x.y", v, &e), 0);
	assert_int_equal(cfg_find(n, "slipway.x.y")->count, 2);
	assert_int_equal(cfg_value(&a, "a: b: c", 7, "v", &v, &e), 0);
	assert_int_equal(v->type, YAML_STR);
	for (size_t i = 0; i < countof(wrong); i++)
		assert_int_equal(cfg_set(&a, n, wrong[i], v, &e), -E_SPEC);
	assert_true(cfg_unset(n, "rancher.x.y"));
	assert_false(cfg_unset(n, "slipway.x.y"));
	assert_int_equal(cfg_find(n, "slipway.x")->count, 0);
}

/* A key with dots in it, as addresses and names of links have, is found by its whole. */
static void test_keys_with_dots(void **state)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	struct cfg *n = parse(&a, "i: {eth0.100: {mtu: 9}, eth0: {mtu: 8}}\n");

	(void)state;
	check_text(n, "i.eth0.100.mtu", "9");
	check_text(n, "i.eth0.mtu", "8");
}

static void test_written_reads_back(void **state)
{
	static const char text[] = "a: \"0644\"\nb: \"true\"\nc: [1, {d: x, e: [y, []]}, \"two\\nlines\"]\nf: {}\n\"g h\": ~\ni: \"- no list\"\nk: \"1.2\"\nl: 1.2.3.4\n";
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	owned_buf struct buf one = BUF_INIT(4096);
	owned_buf struct buf two = BUF_INIT(4096);

	(void)state;
	cfg_write_yaml(&one, parse(&a, text));
	struct cfg *again = parse(&a, buf_str(&one));
	cfg_write_yaml(&two, again);
	assert_string_equal(buf_str(&one), buf_str(&two));
	assert_int_equal(cfg_find(again, "a")->type, YAML_STR);
	assert_int_equal(cfg_find(again, "b")->type, YAML_STR);
	assert_int_equal(cfg_find(again, "c")->count, 3);
	assert_int_equal(cfg_find(again, "g h")->type, YAML_NULL);
	check_text(again, "i", "- no list");
	assert_int_equal(cfg_find(again, "k")->type, YAML_STR);
	assert_non_null(strstr(buf_str(&one), "l: 1.2.3.4\n"));
}

static void complaint(const char *text, const char *want, const char *gone)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	owned_buf struct buf b = BUF_INIT(4096);
	struct cfg *n = parse(&a, text);

	(void)schema_check(n, collect, &b);
	if (strcmp(buf_str(&b), want) != 0)
		fail_msg("'%s' gives\n%s instead of\n%s", text, buf_str(&b), want);
	if (gone != NULL)
		assert_null(cfg_find(n, gone));
}

static void test_complaints(void **state)
{
	(void)state;
	complaint("hostname: a\nssh_authorized_keys: [k]\nslipway: {network: {interfaces: {eth0: {dhcp: yes, mtu: 1500}}}}\n", "", NULL);
	complaint("write_files:\n- {path: /a, content: b, permissions: 0644, append: true}\nruncmd: [a, [b, 1]]\n", "", NULL);
	complaint("hostnme: a\n", "f:1: key 'hostnme': unknown; did you mean 'hostname'?\n", NULL);
	complaint("zebra: a\n", "f:1: key 'zebra': unknown\n", NULL);
	complaint("\nhostname: [a]\n", "f:2: key 'hostname': expected a text, found a list\n", "hostname");
	complaint("write_files:\n- pth: /a\n", "f:2: key 'write_files[].pth': unknown; did you mean 'path'?\n", NULL);
	complaint("write_files:\n- append: maybe\n", "f:2: key 'write_files[].append': expected true or false, found 'maybe'\n", NULL);
	complaint("ssh_authorized_keys: k\n", "f:1: key 'ssh_authorized_keys': expected a list, found 'k'\n", "ssh_authorized_keys");
	complaint("power_state: {mode: explode}\n",
		  "f:1: key 'power_state.mode': expected one of: poweroff reboot halt, found 'explode'\n", "power_state.mode");
	complaint("users: [{name: a, uid: 0}]\n", "f:1: key 'users[].uid': expected a number from 1 to 60000, found '0'\n", NULL);
	complaint("packages: [vim]\n",
		  "f:1: key 'packages': not supported by this version: there is no package manager; run a container\n", NULL);
	complaint("slipway: {network: {interfaces: {eth0: {mtu: 7}}}}\n",
		  "f:1: key 'slipway.network.interfaces.eth0.mtu': expected a number from 68 to 65535, found '7'\n",
		  "slipway.network.interfaces.eth0.mtu");
	complaint("rancher: {state: {dev: LABEL=x}}\n",
		  "f:1: key 'slipway.state.dev': counts on the kernel command line only: the state partition\n", NULL);
	complaint("rancher: {netwrk: {}}\n", "f:1: key 'slipway.netwrk': unknown; did you mean 'network'?\n", NULL);
	complaint("users: [{name: a, passwd: [secret]}]\n", "f:1: key 'users[].passwd': expected a text, found a list\n", NULL);
}

static void test_secrets_are_hidden(void **state)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	owned_buf struct buf b = BUF_INIT(4096);
	struct cfg *n = parse(&a, "users: [{name: a, passwd: SECRET}]\nslipway: {password: SECRET, other_token: SECRET}\nhostname: h\n"
				  "write_files: [{path: /p, content: SECRET}]\n");

	(void)state;
	schema_hide_secrets(n);
	cfg_write_yaml(&b, n);
	assert_null(strstr(buf_str(&b), "SECRET"));
	assert_non_null(strstr(buf_str(&b), "hostname: h"));
	assert_non_null(strstr(buf_str(&b), "path: /p"));
}

static void add(struct layers *l, enum layer_kind kind, const char *name, const char *text)
{
	buf_puts(layers_add(l, kind, name), text);
}

static void test_precedence(void **state)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	owned_layers struct layers l = {0};
	owned_buf struct buf b = BUF_INIT(4096);
	struct cfg *n;
	struct err e;

	(void)state;
	add(&l, LAYER_FILE, "one", "hostname: one\nslipway: {log: {x: 1}}\n");
	add(&l, LAYER_FILE, "two", "hostname: [two]\nfqdn: two.example\n");
	add(&l, LAYER_FILE, "three", "hostname: three\nb: [\n");
	add(&l, LAYER_CMDLINE, "line", "quiet cc.fqdn=line rancher.ntp.servers=a slipway.ntp.servers=b slipway.network.dns.search=[c,d] slipway.debug");
	assert_int_equal(layers_merge(&l, &a, collect, &b, &n, &e), 0);
	check_text(n, "hostname", "one"); /* a wrong value and a broken file do not count */
	check_text(n, "fqdn", "line");
	assert_int_equal(cfg_find(n, "slipway.ntp.servers")->count, 2);
	assert_int_equal(cfg_find(n, "slipway.network.dns.search")->count, 2);
	assert_true(cfg_find(n, "slipway.debug")->truth);
	assert_non_null(strstr(buf_str(&b), "two:1: key 'hostname'"));
	assert_non_null(strstr(buf_str(&b), "ignored: three: line"));
}

static void put(int dir, const char *path, const char *text)
{
	owned_fd int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void test_files(void **state)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	owned_layers struct layers l = {0};
	owned_buf struct buf b = BUF_INIT(4096);
	char path[] = "/tmp/config_test.XXXXXX", cmd[128];
	struct cfg *n;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(path));
	(void)snprintf(cmd, sizeof(cmd), "cd %s && mkdir -p run/slipway var/lib/slipway/cloud-config.d", path);
	assert_int_equal(system(cmd), 0);
	owned_fd int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put(root, "var/lib/slipway/cloud-config.d/20.yml", "hostname: b\nfqdn: b\n");
	put(root, "var/lib/slipway/cloud-config.d/10.yml", "hostname: a\nfqdn: a\n");
	put(root, "var/lib/slipway/cloud-config.d/.30.yml", "hostname: hidden\n");
	put(root, "var/lib/slipway/cloud-config.yml", "fqdn: own\n");
	put(root, "run/slipway/cmdline", "slipway.hostname=x");
	layers_read(&l, root, true, collect, &b);
	assert_int_equal(layers_merge(&l, &a, collect, &b, &n, &e), 0);
	assert_string_equal(buf_str(&b), "");
	check_text(n, "hostname", "b");
	check_text(n, "fqdn", "own");
	check_text(n, "slipway.hostname", "x");
	(void)snprintf(cmd, sizeof(cmd), "rm -r %s", path);
	assert_int_equal(system(cmd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge), cmocka_unit_test(test_one_tree_for_both_names), cmocka_unit_test(test_set_and_unset),
		cmocka_unit_test(test_keys_with_dots), cmocka_unit_test(test_written_reads_back), cmocka_unit_test(test_complaints),
		cmocka_unit_test(test_secrets_are_hidden), cmocka_unit_test(test_precedence), cmocka_unit_test(test_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
