// SPDX-License-Identifier: Apache-2.0
/* Which terminals get a login, and how long one that ends at once has to wait. */
#include "tests/unit/test.h"

#include "images/console/console.h"
#include "images/console/terms.c" /* a service's sources are in no archive */

#include <string.h>

static bool has_tty(const char *name)
{
	return strcmp(name, "ttyS9") != 0;
}

static const struct terms *find(const char *cmdline, const char *active)
{
	static struct terms all;

	terms_find(&all, cmdline, strlen(cmdline), active, has_tty);
	return &all;
}

static void test_consoles(void **state)
{
	(void)state;
	const struct terms *t = find("quiet console=tty0 console=ttyS0,115200n8 console=ttyS0 console=/dev/hvc0 console=ttyS9", "");
	assert_int_equal(t->n, 3); /* one of each; what does not exist is left out */
	assert_string_equal(t->t[0].name, "tty1");
	assert_string_equal(t->t[1].name, "ttyS0");
	assert_string_equal(t->t[2].name, "hvc0");
	assert_false(t->t[0].is_auto || t->t[1].is_auto);
	t = find("", "tty0 ttyS1\n"); /* what the kernel took when nobody said */
	assert_int_equal(t->n, 2);
	assert_string_equal(t->t[1].name, "ttyS1");
	assert_int_equal(find("console=../../etc console=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa console=", "")->n, 0);
}

static void test_autologin(void **state)
{
	(void)state;
	const struct terms *t = find("console=tty0 console=ttyS0 rancher.autologin=ttyS0 slipway.autologin=/dev/tty3", "");
	assert_int_equal(t->n, 3);
	assert_true(!t->t[0].is_auto && t->t[1].is_auto && t->t[2].is_auto);
	t = find("slipway.autologin console=tty0 console=ttyS0", ""); /* wherever it stands: all */
	assert_true(t->t[0].is_auto && t->t[1].is_auto);
	t = find("slipway.autologin=false console=ttyS0", "");
	assert_int_equal(t->n, 1);
	assert_false(t->t[0].is_auto);
}

static void test_bounds(void **state)
{
	char line[1024] = "";

	(void)state;
	for (int i = 0; i < 40; i++)
		sprintf(line + strlen(line), "console=hvc%d ", i);
	assert_int_equal(find(line, "")->n, TERMS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_consoles), cmocka_unit_test(test_autologin), cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
