// SPDX-License-Identifier: Apache-2.0
/* The json-file log writer of the monitor. A full disk loses records, never the container. */
#include "userctr/json_log.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_MAX (1u << 20)
#define OUT_WRITE 65536 /* write when this much is gathered */

/* Where the last complete record ends: a crash may have torn the tail. */
static int64_t whole_size(int fd, int64_t size)
{
	char b[4096];

	while (size > 0) {
		size_t n = size < (int64_t)sizeof(b) ? (size_t)size : sizeof(b);
		ssize_t r = pread(fd, b, n, size - (int64_t)n);
		if (r != (ssize_t)n)
			return size;
		for (size_t i = n; i > 0; i--)
			if (b[i - 1] == '\n')
				return size - (int64_t)(n - i);
		size -= (int64_t)n;
	}
	return 0;
}

static int open_file(struct json_log *l, struct err *e)
{
	struct stat st;

	l->fd = open(l->path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (l->fd < 0)
		return err_set(e, errno, "open log '%s'", l->path);
	if (fstat(l->fd, &st) < 0)
		return err_set(e, errno, "log '%s'", l->path);
	l->size = whole_size(l->fd, st.st_size);
	if (l->size != st.st_size && ftruncate(l->fd, l->size) < 0)
		return err_set(e, errno, "cut the torn end of log '%s'", l->path);
	return 0;
}

int json_log_open(struct json_log *l, const char *path, int64_t max_bytes, unsigned files, struct err *e)
{
	*l = (struct json_log){.fd = -1, .max_bytes = max_bytes, .files = files > 0 ? files : 1};
	if (strlen(path) >= sizeof(l->path) - 16)
		return err_set(e, ENAMETOOLONG, "log '%s'", path);
	strcpy(l->path, path);
	buf_init(&l->part[0], JSON_LOG_LINE);
	buf_init(&l->part[1], JSON_LOG_LINE);
	buf_init(&l->out, OUT_MAX);
	return open_file(l, e);
}

static void rotate(struct json_log *l)
{
	char from[JSON_LOG_PATH_MAX + 16], to[JSON_LOG_PATH_MAX + 16];

	for (unsigned i = l->files - 1; i > 0; i--) {
		(void)snprintf(to, sizeof(to), "%s.%u", l->path, i); /* the path was measured on opening */
		if (i > 1)
			(void)snprintf(from, sizeof(from), "%s.%u", l->path, i - 1);
		(void)rename(i > 1 ? from : l->path, to); /* a missing older file is usual */
	}
	close(l->fd);
	if (l->files == 1)
		(void)unlink(l->path); /* one file: start it afresh */
	if (open_file(l, NULL) < 0 && l->fd >= 0) {
		close(l->fd);
		l->fd = -1;
	}
}

static void flush(struct json_log *l)
{
	if (l->out.len == 0)
		return;
	if (l->max_bytes > 0 && l->size > 0 && l->size + (int64_t)l->out.len > l->max_bytes)
		rotate(l);
	if (l->fd < 0 || buf_error(&l->out) < 0 || write_all(l->fd, l->out.data, l->out.len) < 0) {
		l->lost++;
		if (l->fd >= 0) /* never leave half a record */
			(void)ftruncate(l->fd, l->size); /* the disk may be beyond help */
	} else {
		l->size += (int64_t)l->out.len;
	}
	buf_clear(&l->out);
}

static void record(struct json_log *l, enum log_stream s, const char *p, size_t n, const char *when)
{
	struct json_writer w;

	jw_init(&w, &l->out);
	jw_obj(&w);
	jw_key(&w, "log");
	jw_strn(&w, p, n);
	jw_kstr(&w, "stream", s == LOG_STREAM_ERR ? "stderr" : "stdout");
	jw_kstr(&w, "time", when);
	jw_end_obj(&w);
	buf_putc(&l->out, '\n');
	if (l->out.len >= OUT_WRITE)
		flush(l);
}

void json_log_put(struct json_log *l, enum log_stream s, const char *p, size_t n)
{
	char when[CLOCK_RFC3339_SIZE];
	struct buf *part = &l->part[s];

	if (l->fd < 0)
		return;
	clock_rfc3339(clock_real_ns(), when);
	while (n > 0) {
		const char *nl = memchr(p, '\n', n);
		size_t take = nl != NULL ? (size_t)(nl - p) + 1 : n;
		if (take > JSON_LOG_LINE - part->len)
			take = JSON_LOG_LINE - part->len;
		bool is_end = nl != NULL && p + take == nl + 1;
		if (part->len == 0 && (is_end || take == JSON_LOG_LINE)) {
			record(l, s, p, take, when); /* the usual case: no copy */
		} else {
			buf_put(part, p, take);
			if (is_end || part->len == JSON_LOG_LINE) {
				record(l, s, part->data, part->len, when);
				buf_clear(part);
			}
		}
		p += take;
		n -= take;
	}
	flush(l);
}

void json_log_close(struct json_log *l)
{
	char when[CLOCK_RFC3339_SIZE];

	clock_rfc3339(clock_real_ns(), when);
	for (int s = 0; s < 2; s++) {
		if (l->part[s].len > 0)
			record(l, (enum log_stream)s, l->part[s].data, l->part[s].len, when);
		buf_release(&l->part[s]);
	}
	flush(l);
	buf_release(&l->out);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
