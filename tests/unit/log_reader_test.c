// SPDX-License-Identifier: Apache-2.0
/* Reading logs: tails, rotation while reading, damage. */
#include "tests/unit/test.h"

#include "lib/base/err.h"
#include "lib/sys/io.h"
#include "userctr/json_log.h"
#include "userctr/log_reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64], path[96];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/log_reader.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/log", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return tree_remove(AT_FDCWD, dir, NULL);
}

static void put(struct json_log *l, unsigned from, unsigned to)
{
	char line[32];

	for (unsigned i = from; i < to; i++) {
		int n = snprintf(line, sizeof(line), "line %u\n", i);
		json_log_put(l, i % 2 == 0 ? LOG_STREAM_OUT : LOG_STREAM_ERR, line, (size_t)n);
	}
}

/* Read lines numbered from `from` on; returns the number after the last. */
static unsigned get(struct log_reader *r, unsigned from)
{
	struct log_record rec;
	char want[32];

	while (log_reader_next(r, &rec, NULL) == 1) {
		int n = snprintf(want, sizeof(want), "line %u\n", from);
		assert_int_equal(rec.len, n);
		assert_memory_equal(rec.text, want, rec.len);
		assert_int_equal(rec.stream, from % 2 == 0 ? LOG_STREAM_OUT : LOG_STREAM_ERR);
		assert_int_equal(strlen(rec.time), 30);
		from++;
	}
	return from;
}

static void test_tails(void **state)
{
	struct json_log l;
	struct log_reader r;

	(void)state;
	assert_int_equal(json_log_open(&l, path, 4000, 4, NULL), 0);
	put(&l, 0, 100); /* several files */
	json_log_close(&l);
	for (unsigned tail = 1; tail <= 100; tail++) {
		assert_int_equal(log_reader_open(&r, path, tail, NULL), 0);
		assert_int_equal(get(&r, 100 - tail), 100);
		log_reader_release(&r);
	}
	assert_int_equal(log_reader_open(&r, path, 0, NULL), 0);
	assert_int_equal(get(&r, 7), 7);
	log_reader_release(&r);
	assert_int_equal(log_reader_open(&r, path, 100000, NULL), 0);
	assert_int_equal(get(&r, 0), 100);
	log_reader_release(&r);
	assert_int_equal(log_reader_open(&r, path, -1, NULL), 0);
	assert_int_equal(get(&r, 0), 100);
	log_reader_release(&r);
}

static void test_rotation_while_reading(void **state)
{
	struct json_log l;
	struct log_reader r;
	unsigned at = 0;

	(void)state;
	assert_int_equal(log_reader_open(&r, path, -1, NULL), 0);
	assert_int_equal(get(&r, 0), 0); /* not there yet */
	assert_int_equal(json_log_open(&l, path, 2000, 5, NULL), 0);
	for (unsigned i = 0; i < 400; i += 7) {
		put(&l, i, i + 7);
		at = get(&r, at);
		assert_int_equal(at, i + 7);
	}
	json_log_close(&l);
	log_reader_release(&r);
}

static void test_damage_and_missing(void **state)
{
	struct json_log l;
	struct log_reader r;

	(void)state;
	assert_int_equal(log_reader_open(&r, path, 5, NULL), 0);
	assert_int_equal(get(&r, 0), 0);
	log_reader_release(&r);
	assert_int_equal(json_log_open(&l, path, 0, 1, NULL), 0);
	put(&l, 0, 2);
	json_log_close(&l);
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	static const char junk[] = "{broken\n\n{\"log\":5,\"time\":\"x\"}\n{\"log\":\"no time\"}\n";
	assert_int_equal(write_all(fd, junk, sizeof(junk) - 1), 0);
	close(fd);
	assert_int_equal(json_log_open(&l, path, 0, 1, NULL), 0);
	put(&l, 2, 3);
	json_log_close(&l);
	assert_int_equal(log_reader_open(&r, path, -1, NULL), 0);
	assert_int_equal(get(&r, 0), 3);
	log_reader_release(&r);
}

static void test_times(void **state)
{
	(void)state;
	assert_int_equal(log_time_parse("1970-01-01T00:00:01.000000005Z"), 1000000005);
	assert_int_equal(log_time_parse("1970-01-01T00:00:01.5Z"), 1500000000);
	assert_int_equal(log_time_parse("2026-11-23T01:34:09.658398871Z"), 1795397649658398871);
	assert_int_equal(log_time_parse("never"), -1);
	assert_int_equal(log_time_parse(NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotation_while_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage_and_missing, setup, teardown),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
