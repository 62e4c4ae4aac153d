// SPDX-License-Identifier: Apache-2.0
/* cgroup v2: make, limit, kill, freeze, remove. A limit that cannot be applied is an error, never silence. */
#include "sysctr/internal.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/oci_spec.h"
#include "lib/sys/io.h"
#include "lib/sys/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <linux/magic.h>

static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

/* The cgroup2 mount, or -ENOENT. */
static int open_root(void)
{
	struct statfs fs;

	for (size_t i = 0; i < countof(roots); i++) {
		if (statfs(roots[i], &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
			continue;
		int fd = open(roots[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}

int cgroup_open(const char *path)
{
	owned_fd int root = open_root();

	return root < 0 ? root : path_open_in(root, path, O_RDONLY | O_DIRECTORY, 0, NULL);
}

/* Hand every controller that dir has to its children; what the kernel refuses shows when a limit is set. */
static void delegate(int dir)
{
	struct buf have = BUF_INIT(1024), on = BUF_INIT(1024);
	char *save = NULL;

	if (file_read(dir, "cgroup.controllers", &have, NULL) == 0 && have.len > 0 &&
	    file_read(dir, "cgroup.subtree_control", &on, NULL) == 0 && strcmp(buf_str(&have), buf_str(&on)) != 0)
		for (char *c = strtok_r(have.data, " \n", &save); c != NULL; c = strtok_r(NULL, " \n", &save)) {
			char text[72];
			(void)snprintf(text, sizeof(text), "+%.64s", c);
			(void)file_write_at(dir, "cgroup.subtree_control", text, NULL); /* see above */
		}
	buf_release(&have);
	buf_release(&on);
}

static bool wants_limit(const struct oci_resources *c)
{
	return c->memory_limit != OCI_UNSET || c->memory_reservation != OCI_UNSET || c->memory_swap != OCI_UNSET ||
	       c->cpu_shares > 0 || c->cpu_quota != OCI_UNSET || c->cpu_idle != OCI_UNSET || c->cpus != NULL ||
	       c->mems != NULL || c->pids_limit != OCI_UNSET || c->unified_count > 0;
}

int cgroup_make(const char *path, const struct oci_resources *res, char *ret_path, size_t size, int *ret_fd, struct err *e)
{
	char part[1024];

	*ret_fd = -1;
	ret_path[0] = '\0';
	if (path == NULL || path[0] == '\0')
		return 0;
	size_t len = strlen(path);
	if (len >= sizeof(part) || len >= size || strstr(path, "..") != NULL || strchr(path, ':') != NULL)
		return err_set(e, E_SPEC, "linux.cgroupsPath: '%.200s' is not a cgroup path", path);
	owned_fd int root = open_root();
	if (root < 0) {
		if (wants_limit(res))
			return err_say(e, EOPNOTSUPP, "linux.resources: this host has no cgroup v2, limits cannot be applied");
		return 0;
	}
	for (size_t i = 1; i <= len; i++) {
		if (i < len && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		const char *slash = strrchr(part, '/');
		char parent[1024] = "";
		if (slash != NULL)
			memcpy(parent, part, (size_t)(slash - part));
		owned_fd int up = path_open_in(root, parent, O_RDONLY | O_DIRECTORY, 0, e);
		if (up < 0)
			return up;
		delegate(up);
		const char *name = slash != NULL ? slash + 1 : part;
		if (*name != '\0' && mkdirat(up, name, 0755) < 0 && errno != EEXIST)
			return err_set(e, errno, "make cgroup '%s'", part);
	}
	owned_fd int dir = path_open_in(root, path, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0)
		return dir;
	memcpy(ret_path, path, len + 1);
	int r = cgroup_set(dir, res, e);
	if (r == 0)
		r = cgroup_allow_devices(dir, res, e);
	if (r < 0) {
		(void)cgroup_remove(path, NULL); /* ours and empty, or it was there before */
		ret_path[0] = '\0';
		return r;
	}
	*ret_fd = take_fd(dir);
	return 0;
}

static int put(int dir, const char *file, const char *text, struct err *e)
{
	int r = file_write_at(dir, file, text, e);

	if (r == -ENOENT)
		return err_say(e, EOPNOTSUPP, "linux.resources: this host's cgroup has no '%s'", file);
	return r;
}

static int put_number(int dir, const char *file, int64_t n, struct err *e)
{
	char text[32];

	if (n == OCI_UNSET)
		return 0;
	if (n < 0)
		(void)snprintf(text, sizeof(text), "max");
	else
		(void)snprintf(text, sizeof(text), "%lld", (long long)n);
	return put(dir, file, text, e);
}

static int set_cpu(int dir, const struct oci_resources *c, struct err *e)
{
	char text[64];
	int r = 0;

	/* the classic conversion of v1 shares 2..262144 to v2 weight 1..10000 */
	if (c->cpu_shares > 0) {
		int64_t shares = c->cpu_shares < 2 ? 2 : c->cpu_shares;
		r = put_number(dir, "cpu.weight", 1 + (shares - 2) * 9999 / 262142, e);
	}
	if (r == 0 && (c->cpu_quota != OCI_UNSET || c->cpu_period > 0)) {
		long long period = c->cpu_period > 0 ? c->cpu_period : 100000;
		if (c->cpu_quota > 0)
			(void)snprintf(text, sizeof(text), "%lld %lld", (long long)c->cpu_quota, period);
		else
			(void)snprintf(text, sizeof(text), "max %lld", period);
		r = put(dir, "cpu.max", text, e);
	}
	if (r == 0)
		r = put_number(dir, "cpu.idle", c->cpu_idle, e);
	if (r == 0 && c->cpus != NULL && *c->cpus != '\0')
		r = put(dir, "cpuset.cpus", c->cpus, e);
	if (r == 0 && c->mems != NULL && *c->mems != '\0')
		r = put(dir, "cpuset.mems", c->mems, e);
	return r;
}

static int set_memory(int dir, const struct oci_resources *c, struct err *e)
{
	int64_t swap = c->memory_swap;

	int r = put_number(dir, "memory.max", c->memory_limit, e);
	if (r == 0)
		r = put_number(dir, "memory.low", c->memory_reservation, e);
	if (r < 0 || swap == OCI_UNSET || swap == 0)
		return r;
	/* OCI counts memory and swap together, v2 swap alone */
	if (swap > 0) {
		if (c->memory_limit == OCI_UNSET || c->memory_limit < 0 || swap < c->memory_limit)
			return err_set(e, E_SPEC, "linux.resources.memory.swap: must not be below memory.limit");
		swap -= c->memory_limit;
	}
	r = put_number(dir, "memory.swap.max", swap, e);
	/* no swap to limit: the kernel without swap accounting keeps the promise by itself */
	return r == -EOPNOTSUPP && swap == 0 ? 0 : r;
}

int cgroup_set(int dir, const struct oci_resources *c, struct err *e)
{
	int r = set_memory(dir, c, e);
	if (r == 0)
		r = set_cpu(dir, c, e);
	if (r == 0)
		r = put_number(dir, "pids.max", c->pids_limit == 0 ? -1 : c->pids_limit, e);
	for (size_t i = 0; r == 0 && i < c->unified_count; i++) {
		if (strchr(c->unified[i].key, '/') != NULL || strchr(c->unified[i].key, '.') == NULL)
			return err_set(e, E_SPEC, "linux.resources.unified: '%s' is not a cgroup file", c->unified[i].key);
		r = put(dir, c->unified[i].key, c->unified[i].value, e);
	}
	return r;
}

static bool is_populated(int dir)
{
	struct buf b = BUF_INIT(256);

	bool yes = file_read(dir, "cgroup.events", &b, NULL) == 0 && strstr(buf_str(&b), "populated 1") != NULL;
	buf_release(&b);
	return yes;
}

int cgroup_kill_all(const char *path)
{
	owned_fd int dir = cgroup_open(path);

	return dir < 0 ? dir : file_write_at(dir, "cgroup.kill", "1", NULL);
}

int cgroup_wait_empty(const char *path, int timeout_ms)
{
	int64_t until = clock_mono_ms() + timeout_ms;

	owned_fd int dir = cgroup_open(path);
	if (dir < 0)
		return 0;
	owned_fd int events = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (events < 0)
		return 0;
	while (is_populated(dir)) {
		char b[256];
		(void)pread(events, b, sizeof(b), 0); /* arms the notification */
		if (!is_populated(dir))
			break;
		int64_t left = until - clock_mono_ms();
		struct pollfd p = {.fd = events, .events = POLLPRI};
		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			return -ETIMEDOUT;
	}
	return 0;
}

/* Children first; a name may come and go below us. */
static int remove_below(int parent, const char *name, int depth)
{
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL || depth > 32) {
		if (d != NULL)
			closedir(d);
		else if (fd >= 0)
			close(fd);
		return -errno;
	}
	for (struct dirent *de; (de = readdir(d)) != NULL;)
		if (de->d_type == DT_DIR && strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			(void)remove_below(dirfd(d), de->d_name, depth + 1); /* the last rmdir tells */
	closedir(d);
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

int cgroup_remove(const char *path, struct err *e)
{
	char name[NAME_MAX + 1];

	owned_fd int root = open_root();
	if (root < 0)
		return 0;
	owned_fd int parent = path_open_parent_in(root, path, name, NULL);
	if (parent < 0)
		return 0; /* gone with its parent */
	owned_fd int real = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = remove_below(real, name, 0);
	return r < 0 ? err_set(e, -r, "remove cgroup '%s'", path) : 0;
}

int cgroup_signal_all(const char *path, int sig, struct err *e)
{
	struct buf b = BUF_INIT(1u << 20);
	char *save = NULL;
	int sent = 0;

	owned_fd int dir = cgroup_open(path);
	int r = dir < 0 ? err_set(e, -dir, "open cgroup '%s'", path) : file_read(dir, "cgroup.procs", &b, e);
	for (char *p = r == 0 && b.len > 0 ? strtok_r(b.data, "\n", &save) : NULL; p != NULL; p = strtok_r(NULL, "\n", &save)) {
		int pid = atoi(p);
		if (pid > 0 && kill(pid, sig) == 0)
			sent++;
	}
	buf_release(&b);
	if (r < 0)
		return r;
	return sent > 0 ? 0 : err_say(e, ESRCH, "no process in cgroup '%s'", path);
}

int cgroup_freeze(const char *path, bool frozen, struct err *e)
{
	int64_t until = clock_mono_ms() + 10000;

	owned_fd int dir = cgroup_open(path);
	if (dir < 0)
		return err_set(e, -dir, "open cgroup '%s'", path);
	owned_fd int events = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	int r = file_write_at(dir, "cgroup.freeze", frozen ? "1" : "0", e);
	while (r == 0) {
		char b[256] = "";
		(void)pread(events, b, sizeof(b) - 1, 0); /* an unreadable file reads as not yet done */
		if ((strstr(b, "frozen 1") != NULL) == frozen)
			return 0;
		int64_t left = until - clock_mono_ms();
		struct pollfd p = {.fd = events, .events = POLLPRI};
		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			r = err_say(e, ETIMEDOUT, "cgroup '%s' did not %s", path, frozen ? "freeze" : "thaw");
	}
	return r;
}
