// SPDX-License-Identifier: Apache-2.0
/* Cycles among services: found, broken where it hurts least, and nothing else is touched. */
#include "tests/unit/test.h"

#include "init/pid1.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pid1 p;
static unsigned char file[sizeof(struct svcdef_header) + SERVICES_MAX * sizeof(struct svcdef)];

/* edges: "a>b" a needs b, "a~b" only after b */
static void load(unsigned count, const char *const *edges, const char *expect_in_log)
{
	struct svcdef_header h = {.record_size = sizeof(struct svcdef), .count = count,
				  .socket_size = sizeof(struct svcdef_socket)};
	struct svcdef *d = (void *)(file + sizeof(h));
	char path[] = "/tmp/svc_graph_test.XXXXXX", log[] = "/tmp/svc_graph_log.XXXXXX", text[4096];
	struct err e;

	memcpy(h.magic, SVCDEF_MAGIC, sizeof(h.magic));
	memset(file, 0, sizeof(file));
	memcpy(file, &h, sizeof(h));
	for (unsigned i = 0; i < count; i++) {
		d[i] = (struct svcdef){.bundle = "/x", .restart = 1, .ready = 1, .stop_signal = 15};
		if (count <= 26)
			d[i].name[0] = (char)('a' + i);
		else
			snprintf(d[i].name, sizeof(d[i].name), "s%u", i);
	}
	for (; *edges != NULL; edges++) {
		struct svcdef *from = &d[(*edges)[0] - 'a'];
		from->deps[from->dep_count++] = (struct svcdef_dep){
			.index = (uint16_t)((*edges)[2] - 'a'), .condition = 2, .required = (*edges)[1] == '>'};
	}
	owned_fd int out = mkostemp(path, O_CLOEXEC);
	owned_fd int logfd = mkostemp(log, O_CLOEXEC);
	assert_true(out >= 0 && logfd >= 0);
	assert_int_equal(write(out, file, sizeof(h) + count * sizeof(*d)), sizeof(h) + count * sizeof(*d));
	log_setup(logfd, LOG_FORM_TEXT, LOG_LEVEL_DEBUG);
	memset(&p, 0, sizeof(p));
	p.phase = -1;
	int r = svc_table_load(&p, path, &e);
	log_setup(2, LOG_FORM_TEXT, LOG_LEVEL_INFO);
	unlink(path);
	unlink(log);
	assert_int_equal(r, 0);
	assert_int_equal(p.svc_count, count);
	ssize_t n = pread(logfd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	if (strcmp(text, expect_in_log) != 0)
		print_error("%s", text);
	assert_string_equal(text, expect_in_log);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(p.svcs[i].marks, 0);
}

#define LOAD(count, log, ...) load(count, (const char *const[]){__VA_ARGS__, NULL}, log)

static void test_without_cycles(void **state)
{
	(void)state;
	LOAD(4, "", "a>b", "a>c", "b>d", "c>d");
	for (int i = 0; i < 4; i++)
		assert_int_equal(p.svcs[i].ignored_deps, 0);
	LOAD(1, "", NULL);
	LOAD(0, "", NULL);
}

static void test_cycle_of_needs(void **state)
{
	(void)state;
	LOAD(3, "info slipway: services wait for each other: b -> c -> a -> b; 'b' will not wait for 'c'\n", "a>b", "b>c",
	     "c>a");
	assert_int_equal(p.svcs[1].ignored_deps, 1);
	assert_int_equal(p.svcs[0].ignored_deps | p.svcs[2].ignored_deps, 0);
}

static void test_order_gives_way(void **state)
{
	(void)state;
	LOAD(3, "info slipway: services wait for each other: b -> c -> a -> b; 'a' will not wait for 'b'\n", "a~b", "b>c",
	     "c>a");
	assert_int_equal(p.svcs[0].ignored_deps, 1);
	assert_int_equal(p.svcs[1].ignored_deps | p.svcs[2].ignored_deps, 0);
}

static void test_two_cycles_and_a_tail(void **state)
{
	(void)state;
	/* e hangs on a cycle but is not part of it; two cycles go through a */
	LOAD(5,
	     "info slipway: services wait for each other: a -> b -> a; 'a' will not wait for 'b'\n"
	     "info slipway: services wait for each other: a -> d -> a; 'a' will not wait for 'd'\n",
	     "a>b", "b>a", "a>d", "d>a", "e>a", "c>e");
	assert_int_equal(p.svcs[0].ignored_deps, 3);
	for (int i = 1; i < 5; i++)
		assert_int_equal(p.svcs[i].ignored_deps, 0);
}

static void test_a_thousand(void **state)
{
	(void)state;
	LOAD(1024, "", NULL);
	assert_non_null(svc_find(&p, "s1023", 5));
	assert_ptr_equal(svc_find(&p, "s1023", 3), &p.svcs[10]);
	assert_null(svc_find(&p, "s1024", 5));
}

static void test_refused_tables(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(svc_table_load(&p, "/nonexistent/services.tab", &e), -ENOENT);
	assert_non_null(strstr(e.msg, "/nonexistent/services.tab"));
	assert_int_equal(svc_table_load(&p, "/proc/self/exe", &e), -E_SPEC);
	assert_int_equal(svc_table_load(&p, "/dev/zero", &e), -E_SPEC);
	assert_non_null(strstr(e.msg, "larger"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_cycles),	      cmocka_unit_test(test_cycle_of_needs),
		cmocka_unit_test(test_order_gives_way),	      cmocka_unit_test(test_two_cycles_and_a_tail),
		cmocka_unit_test(test_a_thousand),	      cmocka_unit_test(test_refused_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
