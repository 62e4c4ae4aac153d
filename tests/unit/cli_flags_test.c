// SPDX-License-Identifier: Apache-2.0
/* The client's flags and their small languages. */
#include "tests/unit/test.h"

#include "userctr/cli.h"
#include "userctr/cli_spec.h"

#include <errno.h>
#include <string.h>

static const struct cli_flag flags[] = {
	{"all", 'a', CLI_BOOL, "", NULL},     {"tty", 't', CLI_BOOL, "", NULL},	   {"name", 'n', CLI_STRING, "", NULL},
	{"env", 'e', CLI_LIST, "", NULL},     {"count", 'c', CLI_INT, "", "-1"},   {"memory", 'm', CLI_BYTES, "", NULL},
	{"wait", 'w', CLI_DURATION, "", NULL}, {"cpus", 0, CLI_CPUS, "", NULL},	   {"filter", 'f', CLI_FILTER, "", NULL},
	{"csv", 0, CLI_CSV, "", NULL},	      {"proxy", 0, CLI_BOOL, "", "true"}, {0},
};
static const struct cli_verb verb = {.names = "test", .flags = flags, .max = -1};
static const struct cli_verb stopping = {.names = "test", .flags = flags, .max = -1, .stops = true};

static struct arena mem = ARENA_INIT(1u << 20);
static struct cli_args args;
static struct err why;

static int parse(const struct cli_verb *v, char **argv)
{
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	why = (struct err){0};
	return cli_args_parse(v, argc, argv, &mem, &args, &why);
}
#define PARSE(v, ...) parse(v, (char *[]){__VA_ARGS__, NULL})
#define S(s) ((char *)(uintptr_t)(s))

static void test_spellings(void **state)
{
	(void)state;
	assert_int_equal(PARSE(&verb, S("-at"), S("x"), S("--name"), S("n"), S("--env=A=b"), S("-eC=d"), S("-e"), S("E"), S("y")), 0);
	assert_true(cli_on(&args, "all") && cli_on(&args, "tty") && cli_on(&args, "proxy"));
	assert_false(cli_get(&args, "proxy")->is_set);
	assert_string_equal(cli_text(&args, "name"), "n");
	assert_int_equal(cli_get(&args, "env")->n, 3);
	assert_string_equal(cli_get(&args, "env")->list[0], "A=b");
	assert_string_equal(cli_get(&args, "env")->list[1], "C=d");
	assert_string_equal(cli_get(&args, "env")->list[2], "E");
	assert_int_equal(args.argc, 2);
	assert_string_equal(args.argv[1], "y");
	assert_int_equal(cli_get(&args, "count")->num, -1);

	assert_int_equal(PARSE(&verb, S("-an5=x"), S("--proxy=false"), S("-c"), S("-3"), S("--csv"), S("a,b"), S("--csv=c")), 0);
	assert_string_equal(cli_text(&args, "name"), "5=x");
	assert_false(cli_on(&args, "proxy"));
	assert_int_equal(cli_get(&args, "count")->num, -3);
	assert_int_equal(cli_get(&args, "csv")->n, 3);
}

static void test_where_flags_end(void **state)
{
	(void)state;
	assert_int_equal(PARSE(&stopping, S("-a"), S("image"), S("-t"), S("--name")), 0);
	assert_int_equal(args.argc, 3);
	assert_false(cli_on(&args, "tty"));
	assert_int_equal(PARSE(&verb, S("-a"), S("--"), S("-t"), S("-")), 0);
	assert_int_equal(args.argc, 2);
	assert_int_equal(PARSE(&verb, S("x"), S("--help")), 1);
	assert_int_equal(PARSE(&stopping, S("x"), S("--help")), 0);
}

static void test_values(void **state)
{
	(void)state;
	assert_int_equal(PARSE(&verb, S("-m"), S("1.5g"), S("-w1m30s"), S("--cpus"), S("0.05"), S("-f"), S("a=b")), 0);
	assert_int_equal(cli_get(&args, "memory")->num, 3LL << 29);
	assert_int_equal(cli_get(&args, "wait")->num, 90000000000);
	assert_int_equal(cli_get(&args, "cpus")->num, 50000000);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *arg, *value, *why;
	} rows[] = {
		{"--nope", "", "unknown flag: --nope"},
		{"-aZ", "", "unknown shorthand flag: 'Z' in -Z"},
		{"--name", NULL, "flag needs an argument: --name"},
		{"-n", NULL, "flag needs an argument: 'n' in -n"},
		{"-c", "x", "invalid argument \"x\" for \"-c, --count\" flag: strconv.ParseInt: parsing \"x\": invalid syntax"},
		{"-c", "99999999999999999999", "value out of range"},
		{"-m", "x", "invalid argument \"x\" for \"-m, --memory\" flag: invalid size: 'x'"},
		{"-w", "3", "missing unit in duration"},
		{"--cpus", "0.0000000001", "too precise"},
		{"-f", "x", "bad format of filter (expected name=value)"},
		{"--all=maybe", "", "strconv.ParseBool: parsing \"maybe\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(PARSE(&verb, S(rows[i].arg), S(rows[i].value)), -EINVAL);
		if (strstr(why.msg, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].arg, why.msg);
	}
}

static void test_ports(void **state)
{
	static const struct {
		const char *in, *ip, *proto;
		unsigned host, host_end, ctr, ctr_end;
	} rows[] = {
		{"80", "", "tcp", 0, 0, 80, 80},		   {"80/udp", "", "udp", 0, 0, 80, 80},
		{"8080:80", "", "tcp", 8080, 8080, 80, 80},	   {"1.2.3.4:8080:80", "1.2.3.4", "tcp", 8080, 8080, 80, 80},
		{"1.2.3.4::80", "1.2.3.4", "tcp", 0, 0, 80, 80},   {"[::1]:81:80", "::1", "tcp", 81, 81, 80, 80},
		{"9-11:1-3", "", "tcp", 9, 11, 1, 3},		   {"8000-8010:80", "", "tcp", 8000, 8010, 80, 80},
		{"80-82", "", "tcp", 0, 0, 80, 82},
	};
	static const char *const bad[] = {"", ":", "x", "80/x", "65536", "1:2:3:4", "1-2:3-9", "80-", "-80", "9-8", "9-8:1", "80:", "a:80",
					  "1.2.3:1:2", "99999999999999999999"};
	struct spec_port p;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (spec_port(rows[i].in, &p, &e) < 0)
			fail_msg("%s: %s", rows[i].in, e.msg);
		assert_string_equal(p.ip, rows[i].ip);
		assert_string_equal(p.proto, rows[i].proto);
		assert_int_equal(p.ctr, rows[i].ctr);
		assert_int_equal(p.ctr_end, rows[i].ctr_end);
		assert_int_equal(p.host, rows[i].host);
		assert_int_equal(p.host_end, rows[i].host_end);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (spec_port(bad[i], &p, &e) == 0)
			fail_msg("'%s' is taken", bad[i]);
}

static void test_mounts(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"type=bind,src=/a,dst=/b,ro", "{\"Type\":\"bind\",\"Source\":\"/a\",\"Target\":\"/b\",\"ReadOnly\":true}"},
		{"source=v,target=/c", "{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/c\"}"},
		{"type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1777",
		 "{\"Type\":\"tmpfs\",\"Target\":\"/t\",\"TmpfsOptions\":{\"SizeBytes\":1048576,\"Mode\":1023}}"},
		{"type=bind,\"src=/a,b\",dst=/c", "{\"Type\":\"bind\",\"Source\":\"/a,b\",\"Target\":\"/c\"}"},
	};
	static const char *const bad[] = {"", "type=bind", "x", "dst=/a,nope=1", "type=bind,dst=/a,volume-nocopy",
					  "dst=/a,tmpfs-size=1m", "dst=/a,readonly=maybe", "type=tmpfs,dst=/a,tmpfs-mode=9"};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = BUF_INIT(65536);
		struct json_writer w;
		jw_init(&w, &b);
		if (spec_mount(&w, rows[i].in, &e) < 0)
			fail_msg("%s: %s", rows[i].in, e.msg);
		assert_string_equal(buf_str(&b), rows[i].out);
		buf_release(&b);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf b = BUF_INIT(65536);
		struct json_writer w;
		jw_init(&w, &b);
		if (spec_mount(&w, bad[i], &e) == 0)
			fail_msg("'%s' is taken", bad[i]);
		buf_release(&b);
	}
}

static void test_detach_keys(void **state)
{
	unsigned char k[16];

	(void)state;
	assert_int_equal(cli_detach_keys("ctrl-p,ctrl-q", k), 2);
	assert_int_equal(k[0], 16);
	assert_int_equal(k[1], 17);
	assert_int_equal(cli_detach_keys("a,ctrl-@,ctrl-]", k), 3);
	assert_int_equal(k[2], 29);
	assert_int_equal(cli_detach_keys("ab", k), -1);
	assert_int_equal(cli_detach_keys("ctrl-P", k), -1);
	assert_int_equal(cli_detach_keys("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", k), -1);
}

static int release(void **state)
{
	(void)state;
	arena_release(&mem);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings), cmocka_unit_test(test_where_flags_end), cmocka_unit_test(test_values),
		cmocka_unit_test(test_refusals),  cmocka_unit_test(test_ports),		   cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_detach_keys),
	};
	return cmocka_run_group_tests(tests, NULL, release);
}
