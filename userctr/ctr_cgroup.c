// SPDX-License-Identifier: Apache-2.0
/* Finding a container's cgroup and its processes. */
#include "userctr/ctr_cgroup.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"
#include "userctr/ctr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define PIDS_MAX 65536

static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

int ctr_cgroup_open(const struct ctr *c, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(16384);
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", c->pid); /* fits */
	int r = c->pid > 0 ? file_read(AT_FDCWD, path, &b, e) : err_say(e, ENOENT, "container %s is not running", c->id);
	if (r < 0)
		return r;
	const char *at = strstr(buf_str(&b), "0::/");
	if (at == NULL || (at != buf_str(&b) && at[-1] != '\n') || at[4] == '\n' || at[4] == '\0')
		return err_say(e, ENOENT, "container %s has no cgroup of its own", c->id);
	int len = (int)strcspn(at + 3, "\n");
	for (size_t i = 0; i < countof(roots); i++) {
		(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", roots[i]); /* fits */
		if (access(path, F_OK) < 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s%.*s", roots[i], len, at + 3); /* kernel paths fit */
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? err_set(e, errno, "open '%s'", path) : fd;
	}
	return err_say(e, ENOENT, "no cgroup v2 here");
}

struct pids {
	int *v; /* owned */
	size_t n;
};

static int add_text(struct pids *p, const char *s)
{
	for (char *end; p->n < PIDS_MAX; s = end) {
		long pid = strtol(s, &end, 10);
		if (end == s)
			return 0;
		if ((p->n & (p->n + 1)) == 0) { /* at 0, 1, 3, 7...: room for twice as many */
			int *v = realloc(p->v, (p->n + 1) * 2 * sizeof(*v));
			if (v == NULL)
				return -ENOMEM;
			p->v = v;
		}
		p->v[p->n++] = (int)pid;
	}
	return 0;
}

/* A container may make cgroups of its own below. */
static int walk(int dir, struct pids *p, unsigned depth)
{
	owned_buf struct buf b = BUF_INIT(1 << 20);

	int r = file_read(dir, "cgroup.procs", &b, NULL);
	if (r == -EOPNOTSUPP) /* threaded */
		r = 0;
	if (r == 0)
		r = add_text(p, buf_str(&b));
	int own = r == 0 && depth < 16 ? openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	DIR *d = own < 0 ? NULL : fdopendir(own);
	if (d == NULL) {
		if (own >= 0)
			close(own);
		return r;
	}
	for (struct dirent *de; r == 0 && (de = readdir(d)) != NULL;) {
		if (de->d_type != DT_DIR || de->d_name[0] == '.')
			continue;
		owned_fd int sub = openat(dir, de->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (sub >= 0)
			r = walk(sub, p, depth + 1);
	}
	closedir(d);
	return r;
}

static int cmp_int(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/* Without a cgroup: those who share its PID namespace. */
static int scan(const struct ctr *c, struct pids *p)
{
	char path[320], mine[64], theirs[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", c->pid); /* fits */
	ssize_t n = readlink(path, mine, sizeof(mine));
	DIR *d = n > 0 ? opendir("/proc") : NULL;
	int r = 0;
	if (d == NULL)
		return -errno;
	for (struct dirent *de; r == 0 && (de = readdir(d)) != NULL;) {
		if (de->d_name[0] < '0' || de->d_name[0] > '9')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/ns/pid", de->d_name); /* fits */
		if (readlink(path, theirs, sizeof(theirs)) == n && memcmp(mine, theirs, (size_t)n) == 0)
			r = add_text(p, de->d_name);
	}
	closedir(d);
	return r;
}

int ctr_pids(const struct ctr *c, int **ret, size_t *ret_n, struct err *e)
{
	struct pids p = {0};

	owned_fd int dir = ctr_cgroup_open(c, NULL);
	int r = dir >= 0 ? walk(dir, &p, 0) : scan(c, &p);
	if (r < 0) {
		free(p.v);
		return err_set(e, -r, "processes of container %s", c->id);
	}
	if (p.n > 0)
		qsort(p.v, p.n, sizeof(*p.v), cmp_int);
	*ret = p.v;
	*ret_n = p.n;
	return 0;
}
