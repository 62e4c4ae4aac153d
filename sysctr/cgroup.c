// SPDX-License-Identifier: Apache-2.0
/* cgroup v2: make, kill, freeze, remove. */
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

const char *cgroup_mountpoint(void)
{
	static const char *found; /* it does not move */
	struct statfs fs;

	for (size_t i = 0; found == NULL && i < countof(roots); i++)
		if (statfs(roots[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			found = roots[i];
	return found;
}

/* The cgroup2 mount, or -ENOENT. */
static int open_root(void)
{
	const char *path = cgroup_mountpoint();
	int fd = path != NULL ? openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return path == NULL ? -ENOENT : fd < 0 ? -errno : fd;
}

/* systemd's "slice:prefix:name" as the directory that systemd would make: "a-b.slice" is inside "a.slice". */
static int systemd_path(const char *wanted, char *ret, size_t size, struct err *e)
{
	const char *first = strchr(wanted, ':'), *second = strchr(first + 1, ':');
	size_t slice = (size_t)(first - wanted), len = 0;
	int n;

	if (slice > 6 && memcmp(first - 6, ".slice", 6) == 0)
		for (size_t i = 1; i <= slice - 6; i++)
			if (i == slice - 6 || wanted[i] == '-') {
				n = snprintf(ret + len, size - len, "/%.*s.slice", (int)i, wanted);
				if (n < 0 || (size_t)n >= size - len)
					return err_set(e, ENAMETOOLONG, "linux.cgroupsPath");
				len += (size_t)n;
			}
	if (slice > 0 && len == 0)
		return err_set(e, E_SPEC, "linux.cgroupsPath: '%.200s' does not start with a slice", wanted);
	int prefix = (int)(second - first - 1);
	n = snprintf(ret + len, size - len, "%s/%.*s%s%s.scope", slice == 0 ? "/system.slice" : "", prefix, first + 1, prefix > 0 ? "-" : "",
		     second + 1);
	return n < 0 || (size_t)n >= size - len ? err_set(e, ENAMETOOLONG, "linux.cgroupsPath") : 0;
}

int cgroup_path(const char *wanted, const char *id, char *ret, size_t size, struct err *e)
{
	const char *colon = wanted != NULL ? strchr(wanted, ':') : NULL;
	int n;

	if (colon != NULL && strchr(colon + 1, ':') != NULL) {
		int r = systemd_path(wanted, ret, size, e);
		if (r < 0)
			return r;
	} else {
		bool has_path = wanted != NULL && wanted[0] != '\0';
		n = has_path ? snprintf(ret, size, "%s%s", wanted[0] == '/' ? "" : "/", wanted) : snprintf(ret, size, "/sysctr/%s", id);
		if (n < 0 || (size_t)n >= size)
			return err_set(e, ENAMETOOLONG, "linux.cgroupsPath");
	}
	for (const char *p = ret; *p != '\0'; p += strcspn(p, "/")) {
		p += strspn(p, "/");
		size_t part = strcspn(p, "/");
		if ((part == 2 && p[0] == '.' && p[1] == '.') || part > NAME_MAX)
			return err_set(e, E_SPEC, "linux.cgroupsPath: '%.200s' is not a cgroup path", ret);
	}
	return 0;
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

/* Parents are made as needed and hand their controllers on; the last part must be new or empty of processes. */
static int make_path(int root, const char *path, bool is_quick, int *ret_fd, struct err *e)
{
	char name[NAME_MAX + 1];

	/* usually the parents are there and have handed on what they have when they were made */
	const char *below = path + strspn(path, "/");
	if (is_quick && *below != '\0' && mkdirat(root, below, 0755) == 0) {
		*ret_fd = openat(root, below, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (*ret_fd >= 0)
			return 0;
		int why = errno;
		(void)unlinkat(root, below, AT_REMOVEDIR); /* ours, and empty */
		return err_set(e, why, "open cgroup '%s'", path);
	}
	owned_fd int up = fcntl(root, F_DUPFD_CLOEXEC, 3);
	for (const char *p = path + strspn(path, "/"); *p != '\0';) {
		size_t n = strcspn(p, "/");
		memcpy(name, p, n);
		name[n] = '\0';
		delegate(up);
		if (mkdirat(up, name, 0755) < 0 && errno != EEXIST)
			return err_set(e, errno, "make cgroup '%s'", path);
		int fd = openat(up, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) {
			int why = errno;
			(void)unlinkat(up, name, AT_REMOVEDIR); /* goes only when it is empty: then nobody misses it */
			return err_set(e, why, "open cgroup '%s'", path);
		}
		close(up);
		up = fd;
		p += n;
		p += strspn(p, "/");
	}
	*ret_fd = take_fd(up);
	return 0;
}

/* A host without cgroup v2, or a user who may make none there: fine as long as nothing was asked of it. */
static int go_without(const char *wanted, const struct oci_resources *res, int why, struct err *own, struct err *e)
{
	bool is_asked = cgroup_wants_limit(res);

	if (why == -ENOENT && is_asked)
		return err_say(e, EOPNOTSUPP, "linux.resources: this host has no cgroup v2, limits cannot be applied");
	if (why == -ENOENT || (!is_asked && (wanted == NULL || geteuid() != 0) && (why == -EACCES || why == -EPERM || why == -EROFS)))
		return 0;
	return err_say(e, -why, "%s", own->msg);
}

int cgroup_make(const char *wanted, const char *id, const struct oci_resources *res, char *ret_path, size_t size, int *ret_fd,
		struct err *e)
{
	struct err own = {0};
	char path[1024];

	*ret_fd = -1;
	ret_path[0] = '\0';
	int r = cgroup_path(wanted, id, path, sizeof(path) < size ? sizeof(path) : size, e);
	if (r < 0)
		return r;
	owned_fd int root = open_root();
	if (root < 0)
		return go_without(wanted, res, root == -ENOENT ? root : err_set(&own, -root, "open the cgroup file system"), &own, e);
	owned_fd int dir = -1;
	r = make_path(root, path, !cgroup_wants_limit(res), &dir, &own);
	if (r < 0)
		return go_without(wanted, res, r == -ENOENT ? -EIO : r, &own, e);
	memcpy(ret_path, path, strlen(path) + 1);
	r = cgroup_set(dir, res, e);
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

bool cgroup_remove_empty(const char *path)
{
	owned_fd int root = open_root();

	return root >= 0 && (unlinkat(root, path + strspn(path, "/"), AT_REMOVEDIR) == 0 || errno == ENOENT);
}

int cgroup_remove(const char *path, struct err *e)
{
	char name[NAME_MAX + 1];

	owned_fd int root = open_root();
	if (root < 0)
		return 0;
	if (unlinkat(root, path + strspn(path, "/"), AT_REMOVEDIR) == 0)
		return 0;
	owned_fd int parent = path_open_parent_in(root, path, name, NULL);
	if (parent < 0)
		return 0; /* gone with its parent */
	owned_fd int real = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = remove_below(real, name, 0);
	return r < 0 ? err_set(e, -r, "remove cgroup '%s'", path) : 0;
}

static int read_below(int dir, struct buf *ret, int depth)
{
	int r = file_read(dir, "cgroup.procs", ret, NULL);

	if (r == -EOPNOTSUPP) /* a threaded one: its processes are its parent's */
		r = 0;
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	if (d == NULL)
		return -errno;
	for (struct dirent *de; r == 0 && depth < 32 && (de = readdir(d)) != NULL;) {
		if (de->d_type != DT_DIR || strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		owned_fd int sub = openat(again, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			r = read_below(sub, ret, depth + 1);
	}
	closedir(d);
	return r;
}

int cgroup_processes(const char *path, struct buf *ret, struct err *e)
{
	owned_fd int dir = cgroup_open(path);
	int r = dir < 0 ? dir : read_below(dir, ret, 0);

	return r < 0 ? err_set(e, -r, "processes of cgroup '%s'", path) : 0;
}

int cgroup_signal_all(const char *path, int sig, struct err *e)
{
	struct buf b = BUF_INIT(1u << 20);
	char *save = NULL;
	int sent = 0;

	int r = cgroup_processes(path, &b, e);
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
