// SPDX-License-Identifier: Apache-2.0
/* What a container uses, once or every second: cgroup v2 in docker's words. */
#include "userctr/api_container.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "userctr/ctr_cgroup.h"
#include "userctr/ctr_internal.h"
#include "userctr/ctr_print.h"
#include "userctr/daemon.h"
#include "userctr/req.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>

#define TEXT_MAX 65536

struct sample {
	int64_t time_ns; /* 0: none */
	uint64_t total_ns, user_ns, kernel_ns, periods, throttled, throttled_ns;
	uint64_t system_ns;
	long cpus;
};

struct stats {
	struct req *q;
	struct daemon *d;
	char id[CTR_ID_SIZE];
	struct timer timer;
	struct sample last;
	bool is_stream;
};

/* ---- reading ---- */

/* The number after `key ` at the start of a line. */
static uint64_t field(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = text; p != NULL && *p != '\0'; p = strchr(p, '\n'), p = p != NULL ? p + 1 : NULL)
		if (strncmp(p, key, n) == 0 && p[n] == ' ')
			return strtoull(p + n + 1, NULL, 10);
	return 0;
}

static bool read_text(int dir, const char *name, struct buf *b)
{
	buf_clear(b);
	return dir != -1 && file_read(dir, name, b, NULL) == 0;
}

/* "max" and what cannot be read are 0. */
static uint64_t read_number(int dir, const char *name, struct buf *b)
{
	return read_text(dir, name, b) ? strtoull(buf_str(b), NULL, 10) : 0;
}

static uint64_t system_ns(struct buf *b)
{
	unsigned long long v[8] = {0}, sum = 0;

	if (!read_text(AT_FDCWD, "/proc/stat", b))
		return 0;
	(void)sscanf(buf_str(b), "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6],
		     &v[7]); /* older kernels have fewer */
	for (size_t i = 0; i < countof(v); i++)
		sum += v[i];
	return sum * 10000000; /* of 1/100 s */
}

static void take_sample(int dir, struct sample *s)
{
	owned_buf struct buf b = BUF_INIT(1 << 20);

	*s = (struct sample){.time_ns = clock_real_ns(), .system_ns = system_ns(&b), .cpus = sysconf(_SC_NPROCESSORS_ONLN)};
	if (!read_text(dir, "cpu.stat", &b))
		return;
	s->total_ns = field(buf_str(&b), "usage_usec") * 1000;
	s->user_ns = field(buf_str(&b), "user_usec") * 1000;
	s->kernel_ns = field(buf_str(&b), "system_usec") * 1000;
	s->periods = field(buf_str(&b), "nr_periods");
	s->throttled = field(buf_str(&b), "nr_throttled");
	s->throttled_ns = field(buf_str(&b), "throttled_usec") * 1000;
}

/* ---- printing ---- */

static void print_cpu(struct json_writer *w, const char *key, const struct sample *s)
{
	jw_key(w, key);
	jw_obj(w);
	jw_key(w, "cpu_usage");
	jw_obj(w);
	jw_kuint(w, "total_usage", s->total_ns);
	jw_kuint(w, "usage_in_kernelmode", s->kernel_ns);
	jw_kuint(w, "usage_in_usermode", s->user_ns);
	jw_end_obj(w);
	if (s->time_ns > 0) {
		jw_kuint(w, "system_cpu_usage", s->system_ns);
		jw_kint(w, "online_cpus", s->cpus);
	}
	jw_key(w, "throttling_data");
	jw_obj(w);
	jw_kuint(w, "periods", s->periods);
	jw_kuint(w, "throttled_periods", s->throttled);
	jw_kuint(w, "throttled_time", s->throttled_ns);
	jw_end_obj(w);
	jw_end_obj(w);
}

static void print_memory(struct json_writer *w, int dir)
{
	owned_buf struct buf b = BUF_INIT(TEXT_MAX);
	struct sysinfo si = {0};

	jw_key(w, "memory_stats");
	jw_obj(w);
	if (read_text(dir, "memory.current", &b)) {
		jw_kuint(w, "usage", strtoull(buf_str(&b), NULL, 10));
		jw_key(w, "stats");
		jw_obj(w);
		char *save = NULL, *line = read_text(dir, "memory.stat", &b) ? strtok_r(b.data, "\n", &save) : NULL;
		for (; line != NULL; line = strtok_r(NULL, "\n", &save)) {
			char *value = strchr(line, ' ');
			if (value == NULL)
				continue;
			*value = '\0';
			jw_kuint(w, line, strtoull(value + 1, NULL, 10));
		}
		jw_end_obj(w);
		(void)sysinfo(&si); /* cannot fail */
		uint64_t all = (uint64_t)si.totalram * si.mem_unit, limit = read_number(dir, "memory.max", &b);
		jw_kuint(w, "limit", limit == 0 || limit > all ? all : limit);
	}
	jw_end_obj(w);
}

static void print_io_op(struct json_writer *w, unsigned maj, unsigned min, const char *op, uint64_t value)
{
	jw_obj(w);
	jw_kint(w, "major", maj);
	jw_kint(w, "minor", min);
	jw_kstr(w, "op", op);
	jw_kuint(w, "value", value);
	jw_end_obj(w);
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0" */
static void print_io_list(struct json_writer *w, const char *key, const char *text, const char *rd, const char *wr)
{
	bool any = false;

	jw_key(w, key);
	for (const char *p = text; *p != '\0'; p += strcspn(p, "\n"), p += *p == '\n') {
		unsigned maj, min;
		const char *end = p + strcspn(p, "\n"), *r = strstr(p, rd), *wat = strstr(p, wr);
		if (sscanf(p, "%u:%u", &maj, &min) != 2 || r == NULL || wat == NULL || r > end || wat > end)
			continue;
		if (!any)
			jw_arr(w);
		any = true;
		print_io_op(w, maj, min, "read", strtoull(r + strlen(rd), NULL, 10));
		print_io_op(w, maj, min, "write", strtoull(wat + strlen(wr), NULL, 10));
	}
	if (any)
		jw_end_arr(w);
	else
		jw_null(w);
}

static void print_io(struct json_writer *w, int dir)
{
	static const char *const none[] = {"io_queue_recursive",  "io_service_time_recursive", "io_wait_time_recursive",
					   "io_merged_recursive", "io_time_recursive",	       "sectors_recursive"};
	owned_buf struct buf b = BUF_INIT(TEXT_MAX);

	(void)read_text(dir, "io.stat", &b); /* without the controller: nothing */
	jw_key(w, "blkio_stats");
	jw_obj(w);
	print_io_list(w, "io_service_bytes_recursive", buf_str(&b), "rbytes=", "wbytes=");
	print_io_list(w, "io_serviced_recursive", buf_str(&b), "rios=", "wios=");
	for (size_t i = 0; i < countof(none); i++) {
		jw_key(w, none[i]);
		jw_null(w);
	}
	jw_end_obj(w);
}

/* The interfaces of its network namespace. */
static void print_networks(struct json_writer *w, const struct ctr *c)
{
	owned_buf struct buf b = BUF_INIT(TEXT_MAX);
	char path[64], name[32];
	bool any = false;

	if (c->pid == 0 || strcmp(c->conf.network_mode, "host") == 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/%d/net/dev", c->pid); /* fits */
	if (!read_text(AT_FDCWD, path, &b))
		return;
	for (const char *p = buf_str(&b); *p != '\0'; p += strcspn(p, "\n"), p += *p == '\n') {
		unsigned long long v[16];
		if (sscanf(p, " %31[^: \n]: %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu", name, &v[0], &v[1], &v[2],
			   &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9], &v[10], &v[11]) != 13 ||
		    strcmp(name, "lo") == 0)
			continue;
		if (!any) {
			jw_key(w, "networks");
			jw_obj(w);
		}
		any = true;
		jw_key(w, name);
		jw_obj(w);
		jw_kuint(w, "rx_bytes", v[0]);
		jw_kuint(w, "rx_packets", v[1]);
		jw_kuint(w, "rx_errors", v[2]);
		jw_kuint(w, "rx_dropped", v[3]);
		jw_kuint(w, "tx_bytes", v[8]);
		jw_kuint(w, "tx_packets", v[9]);
		jw_kuint(w, "tx_errors", v[10]);
		jw_kuint(w, "tx_dropped", v[11]);
		jw_end_obj(w);
	}
	if (any)
		jw_end_obj(w);
}

static void print_all(struct json_writer *w, struct ctr *c, struct sample *last)
{
	owned_buf struct buf b = BUF_INIT(4096);
	char name[CTR_NAME_SIZE + 1];
	struct sample now = {0};

	owned_fd int dir = c->pid > 0 ? ctr_cgroup_open(c, NULL) : -1;
	if (dir < 0)
		dir = -1; /* without one there is less to tell */
	if (c->pid > 0)
		take_sample(dir, &now);
	(void)snprintf(name, sizeof(name), "/%s", c->name); /* fits */
	jw_obj(w);
	jw_kstr(w, "name", name);
	jw_kstr(w, "id", c->id);
	print_time(w, "read", now.time_ns);
	print_time(w, "preread", last->time_ns);
	jw_key(w, "pids_stats");
	jw_obj(w);
	if (read_text(dir, "pids.current", &b)) {
		jw_kuint(w, "current", strtoull(buf_str(&b), NULL, 10));
		uint64_t limit = read_number(dir, "pids.max", &b);
		if (limit > 0)
			jw_kuint(w, "limit", limit);
	}
	jw_end_obj(w);
	print_io(w, dir);
	jw_kint(w, "num_procs", 0);
	jw_key(w, "storage_stats");
	jw_obj(w);
	jw_end_obj(w);
	print_cpu(w, "cpu_stats", &now);
	print_cpu(w, "precpu_stats", last);
	print_memory(w, dir);
	print_networks(w, c);
	jw_end_obj(w);
	*last = now;
}

/* ---- requests ---- */

static void stats_end(struct stats *s)
{
	struct req *q = s->q;

	timer_disarm(&s->d->loop, &s->timer);
	free(s);
	stream_close(q);
}

static void stats_gone(struct req *q)
{
	struct stats *s = q->ctx;

	timer_disarm(&s->d->loop, &s->timer);
	free(s);
}

static void fire(struct timer *t)
{
	struct stats *s = owner_of(t, struct stats, timer);
	owned_buf struct buf b = BUF_INIT(1 << 20);
	struct json_writer w;
	struct ctr *c = NULL;

	if (ctr_find(s->d, s->id, &c, NULL) < 0) {
		stats_end(s);
		return;
	}
	jw_init(&w, &b);
	print_all(&w, c, &s->last);
	buf_putc(&b, '\n');
	bool is_more = s->is_stream;
	if (is_more)
		timer_arm(&s->d->loop, t, t->due_ms + 1000);
	stream_put(s->q, b.data, b.len); /* a client that is dropped here takes s along */
	if (!is_more)
		stats_end(s);
}

void api_container_stats(struct req *q)
{
	const char *stream = req_query(q, "stream");
	struct buf b = BUF_INIT(1 << 20);
	struct ctr *c = api_ctr(q);
	struct sample none = {0};
	struct json_writer w;

	if (c == NULL)
		return;
	bool is_stream = stream == NULL || req_flag(q, "stream");
	if (!is_stream && (req_flag(q, "one-shot") || c->pid == 0)) {
		jw_init(&w, &b);
		print_all(&w, c, &none);
		reply_json(q, 200, &b);
		return;
	}
	struct stats *s = calloc(1, sizeof(*s));
	if (s == NULL) {
		reply_error(q, 500, "out of memory");
		return;
	}
	s->q = q;
	s->d = q->d;
	s->is_stream = is_stream;
	s->timer.fire = fire;
	strcpy(s->id, c->id);
	q->ctx = s;
	q->on_gone = stats_gone;
	if (c->pid > 0) { /* the difference to this one is what the first answer shows */
		owned_fd int dir = ctr_cgroup_open(c, NULL);
		if (dir < 0)
			dir = -1;
		take_sample(dir, &s->last);
	}
	timer_arm(&q->d->loop, &s->timer, clock_mono_ms() + (c->pid > 0 ? 1000 : 0));
	stream_open(q, 200, TYPE_JSON);
}
