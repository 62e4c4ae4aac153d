// SPDX-License-Identifier: Apache-2.0
/* Users of a container, with passwd and group files that nobody should trust. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/ctr_conf.h"
#include "userctr/signals.h"

#include <errno.h>
#include <string.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "# comment:x:1:1::/:/\n"
			     "\n"
			     "short:x:5\n"
			     "bad:x:-5:5::/:/\n"
			     "huge:x:99999999999:5::/:/\n"
			     "big:x:4294967295:5::/:/\n"
			     ":x:7:7::/noname:\n"
			     "1000:x:33:33::/trick:/bin/sh\n"
			     "  www:x:33:33:www:/var/www:/bin/sh \r\n"
			     "rel:x:40:40::relative:/bin/sh\n"
			     "nohome:x:41:41\n"
			     "last:x:50:51::/last:/bin/sh";
static const char group[] = "root:x:0:\n"
			    "www:x:33:\n"
			    "adm:x:4:root,www\n"
			    "disk:x:6:www\n"
			    "bad:x:x:www\n"
			    "2000:x:77:\n"
			    "audio:x:29:wwwx,xwww,ww\n"
			    "dup:x:6:www\n"
			    "nolist:x:8";

static struct ctr_user find(const char *text)
{
	struct ctr_user u;
	struct err e;

	if (ctr_user_find(text, passwd, sizeof(passwd) - 1, group, sizeof(group) - 1, &u, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return u;
}

static void is(const char *text, uid_t uid, gid_t gid, const char *home, size_t n_groups)
{
	struct ctr_user u = find(text);

	if (u.uid != uid || u.gid != gid || strcmp(u.home, home) != 0 || u.n_groups != n_groups)
		fail_msg("%s: %u:%u %s, %zu groups", text, u.uid, u.gid, u.home, u.n_groups);
}

static void refused(const char *text, const char *why)
{
	struct ctr_user u;
	struct err e;

	assert_int_equal(ctr_user_find(text, passwd, sizeof(passwd) - 1, group, sizeof(group) - 1, &u, &e), -EINVAL);
	assert_string_equal(e.msg, why);
}

static void test_find(void **state)
{
	(void)state;
	is("", 0, 0, "/root", 1);
	is("root", 0, 0, "/root", 1);
	is("0", 0, 0, "/root", 1);
	is("www", 33, 33, "/var/www", 2);
	is("33", 33, 33, "/trick", 0); /* the first line with this number */
	is("1000", 33, 33, "/trick", 0); /* a name that looks like a number is a name */
	is("1234", 1234, 0, "/", 0);
	is("www:disk", 33, 6, "/var/www", 0);
	is("www:50", 33, 50, "/var/www", 0);
	is("www:2000", 33, 77, "/var/www", 0);
	is("www:", 33, 33, "/var/www", 2);
	is(":disk", 0, 6, "/root", 0);
	is("1234:nolist", 1234, 8, "/", 0);
	is("rel", 40, 40, "/", 0);
	is("nohome", 41, 41, "/", 0);
	is("last", 50, 51, "/last", 0);
	struct ctr_user u = find("www");
	assert_int_equal(u.groups[0], 4);
	assert_int_equal(u.groups[1], 6);
}

static void test_refused(void **state)
{
	(void)state;
	refused("nobody", "unable to find user nobody: no matching entries in passwd file");
	refused("bad", "unable to find user bad: no matching entries in passwd file");
	refused("big", "unable to find user big: no matching entries in passwd file");
	refused("short", "unable to find user short: no matching entries in passwd file");
	refused("www:none", "unable to find group none: no matching entries in group file");
	refused("-1", "unable to find user -1: no matching entries in passwd file");
	refused("4294967296", "uids and gids must be in range 0-2147483647");
	refused("1:4294967295", "uids and gids must be in range 0-2147483647");
	refused("+1", "unable to find user +1: no matching entries in passwd file");
	struct ctr_user u;
	assert_int_equal(ctr_user_find("5:6", NULL, 0, NULL, 0, &u, NULL), 0);
	assert_int_equal(u.uid, 5);
	assert_int_equal(u.gid, 6);
}

/* More groups than fit are left out, not written past the end. */
static void test_many_groups(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(1 << 20);
	struct ctr_user u;

	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "g%d:x:%d:www\n", i, i + 100);
	assert_int_equal(ctr_user_find("www", passwd, sizeof(passwd) - 1, b.data, b.len, &u, NULL), 0);
	assert_int_equal(u.n_groups, countof(u.groups));
	buf_release(&b);
}

static void test_add_groups(void **state)
{
	(void)state;
	static const char text[] = "{\"GroupAdd\":[\"disk\",\"6\",\"1234\"]}", bad[] = "{\"GroupAdd\":[\"none\"]}";
	struct json_doc *doc;
	struct err e;

	assert_int_equal(json_parse(text, sizeof(text) - 1, &doc, NULL), 0);
	struct ctr_conf c = {.host = json_root(doc)};
	struct ctr_user u = find("last");
	assert_int_equal(ctr_user_add_groups(&u, &c, group, sizeof(group) - 1, &e), 0);
	assert_int_equal(u.n_groups, 2);
	assert_int_equal(u.groups[1], 1234);
	json_free(doc);
	assert_int_equal(json_parse(bad, sizeof(bad) - 1, &doc, NULL), 0);
	c.host = json_root(doc);
	assert_int_equal(ctr_user_add_groups(&u, &c, group, sizeof(group) - 1, &e), -EINVAL);
	assert_string_equal(e.msg, "Unable to find group none");
	json_free(doc);
}

static void test_signals(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int want;
	} cases[] = {{"9", 9}, {"KILL", 9}, {"SIGKILL", 9}, {"sigterm", 15}, {"RTMIN", 34}, {"SIGRTMIN+3", 37}, {"rtmax-1", 63}, {"64", 64},
		     {"", 0}, {"0", 0}, {"65", 0}, {"-1", 0}, {"FOO", 0}, {"SIG", 0}, {"RTMIN+31", 0}, {"RTMIN+", 0}, {"RTMIN-1", 0},
		     {"9 ", 0}, {"0x9", 0}, {"SIGSIGKILL", 0}, {"99999999999", 0}};

	for (size_t i = 0; i < countof(cases); i++) {
		int sig = 0;
		struct err e;
		int r = signal_parse(cases[i].text, &sig, &e);
		if (cases[i].want == 0 ? r != -EINVAL : r != 0 || sig != cases[i].want)
			fail_msg("'%s': %d %d", cases[i].text, r, sig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),	   cmocka_unit_test(test_refused), cmocka_unit_test(test_many_groups),
		cmocka_unit_test(test_add_groups), cmocka_unit_test(test_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
