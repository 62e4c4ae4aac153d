// SPDX-License-Identifier: Apache-2.0
/* Kept filters: the same as compiled ones, and a damaged cache is no cache. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_spec.h"
#include "lib/sys/io.h"
#include "sysctr/internal.h"
#include "sysctr/sysctr.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

static char root[] = "/tmp/seccomp-cache-XXXXXX";
static char folder[64];

static struct sock_fprog get(const char *call, unsigned *ret_flags)
{
	char text[512];
	struct json_doc *doc;
	struct sock_fprog p;
	const struct sysctr_opt opt = {.root = root};

	(void)snprintf(text, sizeof(text), "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86_64\"],"
		       "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],\"syscalls\":[{\"names\":[\"%s\"],\"action\":\"SCMP_ACT_ERRNO\","
		       "\"errnoRet\":%d}]}", strcspn(call, "0123456789") == strlen(call) ? call : "mkdir", atoi(call) + 1);
	assert_int_equal(json_parse(text, strlen(text), &doc, NULL), 0);
	struct oci_spec spec = {.seccomp = json_root(doc)};
	assert_int_equal(filter_get(&opt, &spec, &p, ret_flags, NULL), 0);
	assert_non_null(p.filter);
	json_free(doc);
	return p;
}

/* The name of the only file, or of one of them; the count. */
static unsigned list(char name[256])
{
	DIR *d = opendir(folder);
	unsigned n = 0;

	for (struct dirent *de; d != NULL && (de = readdir(d)) != NULL;)
		if (de->d_name[0] != '.') {
			(void)snprintf(name, 256, "%s", de->d_name);
			n++;
		}
	if (d != NULL)
		closedir(d);
	return n;
}

static void is_same(const struct sock_fprog *a, unsigned flags)
{
	unsigned again = 0;
	struct sock_fprog b = get("mkdir", &again);

	assert_int_equal(a->len, b.len);
	assert_memory_equal(a->filter, b.filter, a->len * sizeof(*a->filter));
	assert_int_equal(flags, again);
	free(b.filter);
}

static void test_cache(void **state)
{
	(void)state;
	unsigned flags = 0;
	char name[256], other[256], path[400];
	struct stat before, after;

	struct sock_fprog p = get("mkdir", &flags);
	assert_int_equal(list(name), 1);
	assert_int_equal(flags, SECCOMP_FILTER_FLAG_LOG);
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(stat(path, &before), 0);
	is_same(&p, flags);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino); /* it was read, not made again */

	/* every byte of it counts */
	for (off_t at = 0; at < before.st_size; at += 7) {
		int fd = open(path, O_RDWR | O_CLOEXEC);
		char c;
		assert_int_equal(pread(fd, &c, 1, at), 1);
		c ^= 0x55;
		assert_int_equal(pwrite(fd, &c, 1, at), 1);
		close(fd);
		is_same(&p, flags);
	}
	assert_int_equal(truncate(path, 40), 0);
	is_same(&p, flags);
	assert_int_equal(truncate(path, 0), 0);
	is_same(&p, flags);

	struct sock_fprog q = get("rmdir", &flags);
	assert_int_equal(list(other), 2);
	free(q.filter);
	/* a folder that others can write to is not used */
	assert_int_equal(chmod(folder, 0777), 0);
	assert_int_equal(unlink(path), 0);
	is_same(&p, flags);
	assert_int_equal(list(other), 1);
	assert_int_equal(chmod(folder, 0700), 0);
	for (int i = 0; i < 80; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		q = get(name, &flags);
		free(q.filter);
	}
	assert_int_equal(list(other), 64);
	free(p.filter);
}

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(root) == NULL)
		return -1;
	(void)snprintf(folder, sizeof(folder), "%s/.filters", root);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return tree_remove(AT_FDCWD, root, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cache)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
