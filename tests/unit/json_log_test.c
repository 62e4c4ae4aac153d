// SPDX-License-Identifier: Apache-2.0
/* The json-file log: records, partial lines, torn tails, rotation. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/sys/io.h"
#include "userctr/json_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64], path[96];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/json_log.XXXXXX");
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

static char *content(const char *suffix)
{
	struct buf b = BUF_INIT(1 << 20);
	char p[128];

	(void)snprintf(p, sizeof(p), "%s%s", path, suffix);
	assert_int_equal(file_read(AT_FDCWD, p, &b, NULL), 0);
	return buf_take(&b);
}

static unsigned lines(const char *s)
{
	unsigned n = 0;

	for (; *s != '\0'; s++)
		n += *s == '\n';
	return n;
}

static void test_records(void **state)
{
	struct json_log l;

	(void)state;
	assert_int_equal(json_log_open(&l, path, 0, 1, NULL), 0);
	json_log_put(&l, LOG_STREAM_OUT, "one\ntw", 6);
	json_log_put(&l, LOG_STREAM_ERR, "E\"\n", 3);
	json_log_put(&l, LOG_STREAM_OUT, "o\nlast", 6);
	json_log_close(&l);
	char *s = content("");
	assert_int_equal(lines(s), 4);
	assert_non_null(strstr(s, "{\"log\":\"one\\n\",\"stream\":\"stdout\",\"time\":\""));
	assert_non_null(strstr(s, "{\"log\":\"E\\\"\\n\",\"stream\":\"stderr\""));
	assert_non_null(strstr(s, "{\"log\":\"two\\n\""));
	assert_non_null(strstr(s, "{\"log\":\"last\",\"stream\"")); /* no newline was written by the container */
	free(s);
}

static void test_long_lines_are_split(void **state)
{
	static char big[JSON_LOG_LINE * 2 + 101];
	struct json_log l;

	(void)state;
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\n';
	assert_int_equal(json_log_open(&l, path, 0, 1, NULL), 0);
	/* in odd pieces, so that records are put together from several reads */
	for (size_t at = 0; at < sizeof(big); at += 999)
		json_log_put(&l, LOG_STREAM_OUT, big + at, sizeof(big) - at < 999 ? sizeof(big) - at : 999);
	json_log_close(&l);
	char *s = content("");
	assert_int_equal(lines(s), 3);
	size_t xs = 0;
	for (char *p = s; *p != '\0'; p++)
		xs += *p == 'x';
	assert_int_equal(xs, sizeof(big) - 1);
	free(s);
}

static void test_torn_tail_is_cut(void **state)
{
	struct json_log l;

	(void)state;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	static const char torn[] = "{\"log\":\"a\\n\"}\n{\"log\":\"torn";
	assert_int_equal(write_all(fd, torn, strlen(torn)), 0);
	close(fd);
	assert_int_equal(json_log_open(&l, path, 0, 1, NULL), 0);
	json_log_put(&l, LOG_STREAM_OUT, "b\n", 2);
	json_log_close(&l);
	char *s = content("");
	assert_int_equal(lines(s), 2);
	assert_null(strstr(s, "tor"));
	assert_non_null(strstr(s, "\"b\\n\""));
	free(s);
}

static void test_rotation_keeps_whole_records(void **state)
{
	struct json_log l;

	(void)state;
	assert_int_equal(json_log_open(&l, path, 400, 3, NULL), 0);
	for (int i = 0; i < 40; i++)
		json_log_put(&l, LOG_STREAM_OUT, "line\n", 5);
	json_log_close(&l);
	for (int i = 0; i < 3; i++) {
		char suffix[4] = "";
		if (i > 0)
			(void)snprintf(suffix, sizeof(suffix), ".%d", i);
		char *s = content(suffix);
		assert_true(strlen(s) <= 400);
		assert_memory_equal(s, "{\"log\":\"line", 12);
		assert_int_equal(s[strlen(s) - 1], '\n');
		free(s);
	}
	char more[128];
	(void)snprintf(more, sizeof(more), "%s.3", path);
	assert_int_equal(access(more, F_OK), -1);
}

static void test_open_names_the_file(void **state)
{
	struct json_log l;
	struct err e;

	(void)state;
	assert_true(json_log_open(&l, "/nonexistent/log", 0, 1, &e) < 0);
	assert_string_equal(e.msg, "open log '/nonexistent/log': No such file or directory");
	json_log_put(&l, LOG_STREAM_OUT, "x\n", 2); /* harmless */
	json_log_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_records, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_lines_are_split, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_tail_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotation_keeps_whole_records, setup, teardown),
		cmocka_unit_test(test_open_names_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
