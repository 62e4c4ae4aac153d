// SPDX-License-Identifier: Apache-2.0
/* What a container's cgroup counts, in the words of runc's events. */
#include "sysctr/internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATS_MAX 65536

/* The number behind a key of a flat file ("usage_usec 12"), or with key NULL the file's only one; "max" and absent: 0. */
static uint64_t number(int dir, const char *file, const char *key)
{
	struct buf b = BUF_INIT(STATS_MAX);
	uint64_t n = 0;

	if (file_read(dir, file, &b, NULL) == 0) {
		const char *p = buf_str(&b);
		size_t len = key != NULL ? strlen(key) : 0;
		while (key != NULL && p != NULL && !(strncmp(p, key, len) == 0 && p[len] == ' '))
			p = strchr(p, '\n') != NULL ? strchr(p, '\n') + 1 : NULL;
		if (p != NULL && *p != '\0')
			n = strtoull(p + (key != NULL ? len + 1 : 0), NULL, 10);
	}
	buf_release(&b);
	return n;
}

static void put_cpu(struct json_writer *w, int dir)
{
	jw_key(w, "cpu");
	jw_obj(w);
	jw_key(w, "usage");
	jw_obj(w);
	jw_kuint(w, "total", number(dir, "cpu.stat", "usage_usec") * 1000);
	jw_kuint(w, "kernel", number(dir, "cpu.stat", "system_usec") * 1000);
	jw_kuint(w, "user", number(dir, "cpu.stat", "user_usec") * 1000);
	jw_end_obj(w);
	jw_key(w, "throttling");
	jw_obj(w);
	jw_kuint(w, "periods", number(dir, "cpu.stat", "nr_periods"));
	jw_kuint(w, "throttledPeriods", number(dir, "cpu.stat", "nr_throttled"));
	jw_kuint(w, "throttledTime", number(dir, "cpu.stat", "throttled_usec") * 1000);
	jw_end_obj(w);
	jw_end_obj(w);
}

static void put_usage(struct json_writer *w, int dir, const char *key, const char *base)
{
	char file[64];

	jw_key(w, key);
	jw_obj(w);
	(void)snprintf(file, sizeof(file), "%s.current", base);
	jw_kuint(w, "usage", number(dir, file, NULL));
	(void)snprintf(file, sizeof(file), "%s.peak", base);
	jw_kuint(w, "max", number(dir, file, NULL));
	(void)snprintf(file, sizeof(file), "%s.max", base);
	uint64_t limit = number(dir, file, NULL);
	jw_kuint(w, "limit", limit);
	(void)snprintf(file, sizeof(file), "%s.events", base);
	jw_kuint(w, "failcnt", number(dir, file, "max"));
	jw_end_obj(w);
}

static void put_memory(struct json_writer *w, int dir)
{
	struct buf b = BUF_INIT(STATS_MAX);
	char *save = NULL;

	jw_key(w, "memory");
	jw_obj(w);
	jw_kuint(w, "cache", number(dir, "memory.stat", "file"));
	put_usage(w, dir, "usage", "memory");
	put_usage(w, dir, "swap", "memory.swap");
	jw_key(w, "raw");
	jw_obj(w);
	if (file_read(dir, "memory.stat", &b, NULL) == 0 && b.len > 0)
		for (char *l = strtok_r(b.data, "\n", &save); l != NULL; l = strtok_r(NULL, "\n", &save)) {
			char *space = strchr(l, ' ');
			if (space == NULL)
				continue;
			*space = '\0';
			jw_kuint(w, l, strtoull(space + 1, NULL, 10));
		}
	jw_end_obj(w);
	jw_end_obj(w);
	buf_release(&b);
}

/* One list of "major:minor rbytes=.. wbytes=.. rios=.. wios=.." lines. */
static void put_io(struct json_writer *w, const char *text, const char *const keys[2], const char *name)
{
	static const char *const ops[2] = {"Read", "Write"};
	unsigned major, minor;

	jw_key(w, name);
	jw_arr(w);
	for (const char *l = text; l != NULL && sscanf(l, "%u:%u", &major, &minor) == 2;) {
		const char *end = strchr(l, '\n');
		for (int i = 0; i < 2; i++) {
			const char *at = strstr(l, keys[i]);
			if (at == NULL || (end != NULL && at > end))
				continue;
			jw_obj(w);
			jw_kuint(w, "major", major);
			jw_kuint(w, "minor", minor);
			jw_kstr(w, "op", ops[i]);
			jw_kuint(w, "value", strtoull(at + strlen(keys[i]), NULL, 10));
			jw_end_obj(w);
		}
		l = end != NULL ? end + 1 : NULL;
	}
	jw_end_arr(w);
}

static void put_blkio(struct json_writer *w, int dir)
{
	struct buf b = BUF_INIT(STATS_MAX);

	(void)file_read(dir, "io.stat", &b, NULL); /* absent: nothing counted */
	jw_key(w, "blkio");
	jw_obj(w);
	put_io(w, buf_str(&b), (const char *const[]){"rbytes=", "wbytes="}, "ioServiceBytesRecursive");
	put_io(w, buf_str(&b), (const char *const[]){"rios=", "wios="}, "ioServicedRecursive");
	jw_end_obj(w);
	buf_release(&b);
}

static void put_huge(struct json_writer *w, int cgroup)
{
	int again = openat(cgroup, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	unsigned long size;
	char unit, file[64], name[32];

	jw_key(w, "hugetlb");
	jw_obj(w);
	for (struct dirent *de; d != NULL && (de = readdir(d)) != NULL;) {
		int n = 0;
		if (sscanf(de->d_name, "hugetlb.%lu%cB.current%n", &size, &unit, &n) != 2 || n == 0 || de->d_name[n] != '\0')
			continue;
		(void)snprintf(name, sizeof(name), "%lu%cB", size, unit);
		jw_key(w, name);
		jw_obj(w);
		jw_kuint(w, "usage", number(cgroup, de->d_name, NULL));
		(void)snprintf(file, sizeof(file), "hugetlb.%.24s.events", name);
		jw_kuint(w, "failcnt", number(cgroup, file, "max"));
		jw_end_obj(w);
	}
	jw_end_obj(w);
	if (d != NULL)
		closedir(d);
}

static int open_cgroup(const struct sysctr_opt *opt, const char *id, struct record *rec, struct err *e)
{
	owned_fd int dir = state_dir(opt, id, e);
	if (dir < 0)
		return dir;
	int r = record_read(dir, id, rec, e);
	if (r < 0)
		return r;
	if (record_status(dir, rec) == SYSCTR_STOPPED)
		return err_say(e, EINVAL, "container not running: '%s'", id);
	if (rec->cgroup[0] == '\0')
		return err_say(e, EOPNOTSUPP, "container '%s' has no cgroup", id);
	r = cgroup_open(rec->cgroup);
	return r < 0 ? err_set(e, -r, "open cgroup '%s'", rec->cgroup) : r;
}

int sysctr_stats_json(const struct sysctr_opt *opt, const char *id, struct buf *ret, struct err *e)
{
	struct json_writer w;
	struct record rec;

	owned_fd int dir = open_cgroup(opt, id, &rec, e);
	if (dir < 0)
		return dir;
	jw_init(&w, ret);
	jw_obj(&w);
	put_cpu(&w, dir);
	put_memory(&w, dir);
	jw_key(&w, "pids");
	jw_obj(&w);
	jw_kuint(&w, "current", number(dir, "pids.current", NULL));
	jw_kuint(&w, "limit", number(dir, "pids.max", NULL));
	jw_end_obj(&w);
	put_blkio(&w, dir);
	put_huge(&w, dir);
	jw_end_obj(&w);
	return buf_error(ret) < 0 ? err_set(e, -buf_error(ret), "statistics of container '%s'", id) : 0;
}

int sysctr_processes(const struct sysctr_opt *opt, const char *id, struct buf *ret, struct err *e)
{
	struct record rec;
	char text[16];

	owned_fd int dir = state_dir(opt, id, e);
	if (dir < 0)
		return dir;
	int r = record_read(dir, id, &rec, e);
	if (r < 0)
		return r;
	if (rec.cgroup[0] != '\0')
		return cgroup_processes(rec.cgroup, ret, e);
	/* without a cgroup only the first one is known to be its */
	if (record_is_alive(&rec)) {
		int n = snprintf(text, sizeof(text), "%d\n", rec.pid);
		buf_put(ret, text, (size_t)n);
	}
	return 0;
}
