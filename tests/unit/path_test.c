// SPDX-License-Identifier: Apache-2.0
/* Paths below a foreign root: the same table with openat2(2) and, under a filter that takes the call away, without. */
#include "test.h"

#include "lib/base/owned.h"
#include "lib/sys/io.h"
#include "lib/sys/path.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

static char base[64];
static int base_fd = -1, root = -1;

/* cmocka's own assertions do not cross a fork */
#define CHECK(x) ((x) ? 0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x), 1))

static void make_file(int dir, const char *path)
{
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static int make_tree(void **state)
{
	static const char *const links[][2] = {
		{"/d/e", "abs"}, {"d/e", "rel"}, {"../../../../d", "up"}, {"loop", "loop"}, {"nowhere", "dangling"}, {"../../etc/passwd", "out"},
		{"abs/f", "chain"}, {"..", "d/e/above"}, {"/", "d/root"}, {"d/e/", "slash"}, {"/d/../abs/../../secret", "crooked"}, {"made-by-link", "maker"},
	};
	char name[16], target[16];

	(void)state;
	(void)snprintf(base, sizeof(base), "/tmp/path-test.XXXXXX");
	assert_non_null(mkdtemp(base));
	base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(base_fd >= 0 && mkdirat(base_fd, "root", 0755) == 0 && mkdirat(base_fd, "out", 0755) == 0 && mkdirat(base_fd, "out/n", 0755) == 0);
	make_file(base_fd, "secret");
	root = openat(base_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0 && mkdirat(root, "d", 0755) == 0 && mkdirat(root, "d/e", 0755) == 0 && mkdirat(root, "m", 0755) == 0);
	make_file(root, "d/e/f");
	for (size_t i = 0; i < countof(links); i++)
		assert_int_equal(symlinkat(links[i][0], root, links[i][1]), 0);
	for (int i = 0; i < 41; i++) {
		(void)snprintf(name, sizeof(name), "l%d", i);
		(void)snprintf(target, sizeof(target), i == 0 ? "d" : "l%d", i - 1);
		assert_int_equal(symlinkat(target, root, name), 0);
	}
	return 0;
}

static int drop_tree(void **state)
{
	(void)state;
	close(root);
	close(base_fd);
	return tree_remove(AT_FDCWD, base, NULL);
}

static const struct {
	const char *path;
	int flags, error;
	const char *is; /* what the root has there, by plain words */
} table[] = {
	{"d/e/f", O_RDONLY, 0, "d/e/f"},
	{"/d//e/./f", O_RDONLY, 0, "d/e/f"},
	{"abs/f", O_PATH, 0, "d/e/f"},
	{"rel/f", O_RDWR, 0, "d/e/f"},
	{"chain", O_RDONLY, 0, "d/e/f"},
	{"chain", O_PATH, 0, "d/e/f"},
	{"chain", O_PATH | O_NOFOLLOW, 0, "chain"},
	{"chain", O_RDONLY | O_NOFOLLOW, ELOOP, NULL},
	{"up", O_PATH | O_DIRECTORY, 0, "d"},
	{"up/e/f", O_RDONLY, 0, "d/e/f"},
	{"../../../d", O_PATH, 0, "d"},
	{"d/e/above", O_RDONLY | O_DIRECTORY, 0, "d"},
	{"d/e/above/e/f", O_RDONLY, 0, "d/e/f"},
	{"d/root/d/e", O_PATH, 0, "d/e"},
	{"slash", O_PATH, 0, "d/e"},
	{"slash/f", O_PATH, 0, "d/e/f"},
	{"abs/", O_PATH | O_NOFOLLOW, 0, "d/e"},
	{"", O_PATH, 0, "."},
	{"/", O_RDONLY | O_DIRECTORY, 0, "."},
	{"..", O_PATH, 0, "."},
	{"d/..", O_PATH, 0, "."},
	{"crooked", O_PATH, ENOENT, NULL},
	{"out", O_PATH, ENOENT, NULL},
	{"dangling", O_RDONLY, ENOENT, NULL},
	{"dangling/x", O_PATH, ENOENT, NULL},
	{"nothing", O_PATH, ENOENT, NULL},
	{"nothing/..", O_PATH, ENOENT, NULL},
	{"loop", O_RDONLY, ELOOP, NULL},
	{"loop/x", O_PATH, ELOOP, NULL},
	{"loop", O_PATH | O_NOFOLLOW, 0, "loop"},
	{"l39", O_PATH, 0, "d"},
	{"l40", O_PATH, ELOOP, NULL},
	{"d/e/f/", O_PATH, ENOTDIR, NULL},
	{"d/e/f/x", O_PATH, ENOTDIR, NULL},
	{"d/e/f/..", O_PATH, ENOTDIR, NULL},
	{"d/e/f", O_PATH | O_DIRECTORY, ENOTDIR, NULL},
	{"chain", O_PATH | O_DIRECTORY | O_NOFOLLOW, ENOTDIR, NULL},
	{"d/e/f", O_RDWR | O_CREAT | O_EXCL, EEXIST, NULL},
	{"dangling", O_RDWR | O_CREAT | O_EXCL, EEXIST, NULL},
	{"d/new/", O_RDWR | O_CREAT, EISDIR, NULL},
	{"d", O_RDWR, EISDIR, NULL},
	{"maker", O_RDWR | O_CREAT, 0, "made-by-link"},
	{"d/e/new", O_RDWR | O_CREAT | O_EXCL, 0, "d/e/new"},
};

static bool is_same(int fd, int dir, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dir, path, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int check_table(void)
{
	int bad = 0;

	for (size_t i = 0; i < countof(table); i++) {
		owned_fd int fd = path_open_in(root, table[i].path, table[i].flags, 0600, NULL);
		bool is_ok = table[i].error != 0 ? fd == -table[i].error
						 : fd >= 0 && is_same(fd, root, table[i].is) && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
		if (!is_ok)
			fprintf(stderr, "'%s' %#x: %d (%s)\n", table[i].path, (unsigned)table[i].flags, fd, fd < 0 ? strerror(-fd) : "another file");
		bad += !is_ok;
	}
	(void)unlinkat(root, "made-by-link", 0);
	(void)unlinkat(root, "d/e/new", 0);
	return bad;
}

static int check_long_paths(void)
{
	char text[PATH_MAX + 2];
	int bad = 0;

	for (size_t i = 0; i + 5 < sizeof(text); i += 5)
		memcpy(text + i, "d/../", 6);
	text[PATH_MAX - 6] = '\0'; /* "d/../" times 818 */
	owned_fd int fd = path_open_in(root, text, O_PATH, 0, NULL);
	bad += CHECK(fd >= 0 && is_same(fd, root, "."));
	memset(text, 'x', sizeof(text));
	text[NAME_MAX + 1] = '\0';
	bad += CHECK(path_open_in(root, text, O_PATH, 0, NULL) == -ENAMETOOLONG);
	text[NAME_MAX + 1] = 'x';
	text[PATH_MAX] = '\0';
	bad += CHECK(path_open_in(root, text, O_PATH, 0, NULL) == -ENAMETOOLONG);
	return bad;
}

static int check_procfs(void)
{
	owned_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[32];
	int bad = 0;

	(void)snprintf(path, sizeof(path), "%d/root", getpid());
	bad += CHECK(path_open_in(proc, path, O_PATH, 0, NULL) == -ELOOP);
	(void)snprintf(path, sizeof(path), "%d/fd/%d", getpid(), base_fd);
	bad += CHECK(path_open_in(proc, path, O_PATH, 0, NULL) == -ELOOP);
	(void)snprintf(path, sizeof(path), "%d/status", getpid());
	owned_fd int fd = path_open_in(proc, path, O_RDONLY, 0, NULL);
	return bad + CHECK(fd >= 0);
}

static int check_making(void)
{
	char name[NAME_MAX + 1];
	int bad = 0;

	owned_fd int dir = path_mkdir_in(root, "abs/a/b/c", 0755, NULL);
	bad += CHECK(dir >= 0 && is_same(dir, root, "d/e/a/b/c"));
	owned_fd int file = path_touch_in(root, "/up/e/a/x/file", 0600, NULL);
	bad += CHECK(file >= 0 && is_same(file, root, "d/e/a/x/file"));
	bad += CHECK(path_touch_in(root, "dangling", 0600, NULL) < 0);
	bad += CHECK(faccessat(root, "nowhere", F_OK, 0) < 0);
	owned_fd int plain = path_mkdir_plain_in(root, "d/e/a/y", 0755);
	bad += CHECK(plain >= 0 && is_same(plain, root, "d/e/a/y"));
	bad += CHECK(path_mkdir_plain_in(root, "abs/a/z", 0755) == -ELOOP);
	owned_fd int parent = path_open_parent_in(root, "rel/f", name, NULL);
	bad += CHECK(parent >= 0 && is_same(parent, root, "d/e") && strcmp(name, "f") == 0);
	return bad + CHECK(tree_remove(root, "d/e/a", NULL) == 0);
}

/* Somebody moves a directory out of the root and back while its ".." is asked for; and puts a link in a directory's place. */
static int check_races(void)
{
	int bad = 0;

	(void)mkdirat(root, "m/n", 0755);
	(void)symlinkat("../../..", root, "m/link");
	(void)mkdirat(root, "m/s", 0755);
	pid_t pid = fork();
	while (pid == 0) {
		(void)syscall(SYS_renameat2, base_fd, "root/m/n", base_fd, "out/n", RENAME_EXCHANGE);
		(void)syscall(SYS_renameat2, root, "m/s", root, "m/link", RENAME_EXCHANGE);
	}
	for (int i = 0; i < 3000; i++) {
		owned_fd int up = path_open_in(root, "m/n/../../secret", O_PATH, 0, NULL);
		owned_fd int through = path_open_in(root, "m/s/secret", O_PATH, 0, NULL);
		bad += CHECK(up < 0 || !is_same(up, base_fd, "secret"));
		bad += CHECK(through < 0 || !is_same(through, base_fd, "secret"));
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return bad + CHECK(pid > 0) + CHECK(tree_remove(root, "m", NULL) == 0 && mkdirat(root, "m", 0755) == 0);
}

static int check_all(void)
{
	return check_table() + check_long_paths() + check_procfs() + check_making() + check_races();
}

/* Take openat2 away from this process for good. */
static int take_away(int why)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* the number of the call is first in struct seccomp_data */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)why),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = {.len = countof(f), .filter = f};
	struct open_how how = {.flags = O_PATH};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) < 0)
		return -1;
	return sys_openat2(root, ".", &how, sizeof(how)) < 0 && errno == why ? 0 : -1;
}

static void run_without(int why)
{
	int status = -1;

	pid_t pid = fork();
	if (pid == 0)
		_exit(take_away(why) < 0 ? 99 : check_all());
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void with_openat2(void **state)
{
	(void)state;
	assert_int_equal(check_all(), 0);
}

static void without_openat2(void **state)
{
	(void)state;
	run_without(ENOSYS);
}

static void with_openat2_forbidden(void **state)
{
	(void)state;
	run_without(EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_openat2),
		cmocka_unit_test(without_openat2),
		cmocka_unit_test(with_openat2_forbidden),
	};

	return cmocka_run_group_tests_name("path", tests, make_tree, drop_tree);
}
