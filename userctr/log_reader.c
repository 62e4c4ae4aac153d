// SPDX-License-Identifier: Apache-2.0
/* Reading json-file logs. The writer may append and rotate at any time: an open file is read to its end, then its
 * successor is looked for by where the file is now. */
#include "userctr/log_reader.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define READ_SIZE 65536
#define IN_MAX	  (512u << 10) /* more than a record can be */
#define FILES_MAX 1000

int64_t log_time_parse(const char *s)
{
	struct tm tm = {0};
	long nanos = 0, unit = 100000000;

	if (s == NULL || sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
				&tm.tm_sec) != 6)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	const char *p = strchr(s, '.');
	if (p != NULL)
		for (p++; *p >= '0' && *p <= '9' && unit > 0; p++, unit /= 10)
			nanos += (*p - '0') * unit;
	return (int64_t)timegm(&tm) * 1000000000 + nanos;
}

/* index 0 is the file being written */
static const char *file_name(const struct log_reader *r, unsigned index, char out[JSON_LOG_PATH_MAX + 16])
{
	if (index == 0)
		(void)snprintf(out, JSON_LOG_PATH_MAX + 16, "%s", r->path); /* fits */
	else
		(void)snprintf(out, JSON_LOG_PATH_MAX + 16, "%s.%u", r->path, index);
	return out;
}

static int open_index(struct log_reader *r, unsigned index, off_t offset)
{
	char name[JSON_LOG_PATH_MAX + 16];

	int fd = open(file_name(r, index, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)lseek(fd, offset, SEEK_SET); /* a regular file */
	if (r->fd >= 0)
		close(r->fd);
	r->fd = fd;
	return 0;
}

/* How many rotated files there are. */
static unsigned oldest(const struct log_reader *r)
{
	char name[JSON_LOG_PATH_MAX + 16];
	unsigned n = 0;

	while (n < FILES_MAX && access(file_name(r, n + 1, name), F_OK) == 0)
		n++;
	return n;
}

/* Where the last *want records of an open file begin; *want is lowered by how many were found. */
static off_t tail_of(int fd, int64_t *want)
{
	char b[READ_SIZE];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return 0;
	off_t end = st.st_size;
	bool is_last = true; /* the newline that ends the file begins nothing */
	while (end > 0) {
		size_t n = end < (off_t)sizeof(b) ? (size_t)end : sizeof(b);
		ssize_t got = pread(fd, b, n, end - (off_t)n);
		if (got != (ssize_t)n)
			return 0;
		for (size_t i = n; i > 0; i--) {
			if (b[i - 1] != '\n')
				continue;
			if (!is_last && --*want == 0)
				return end - (off_t)(n - i);
			is_last = false;
		}
		end -= (off_t)n;
	}
	if (st.st_size > 0)
		--*want;
	return 0;
}

static int seek_tail(struct log_reader *r, int64_t tail)
{
	unsigned last = oldest(r);

	for (unsigned i = 0; i <= last; i++) {
		int res = open_index(r, i, 0);
		if (res < 0)
			return res == -ENOENT ? 0 : res;
		off_t at = tail_of(r->fd, &tail);
		(void)lseek(r->fd, at, SEEK_SET); /* as above */
		if (tail <= 0)
			break;
	}
	return 0;
}

int log_reader_open(struct log_reader *r, const char *path, int64_t tail, struct err *e)
{
	*r = (struct log_reader){.fd = -1};
	buf_init(&r->in, IN_MAX);
	if (strlen(path) >= sizeof(r->path))
		return err_set(e, ENAMETOOLONG, "log '%s'", path);
	strcpy(r->path, path);
	int res;
	if (tail > 0) {
		res = seek_tail(r, tail);
	} else {
		res = open_index(r, tail == 0 ? 0 : oldest(r), 0);
		if (res == 0 && tail == 0)
			(void)lseek(r->fd, 0, SEEK_END); /* as above */
	}
	return res < 0 && res != -ENOENT ? err_set(e, -res, "log '%s'", path) : 0;
}

/* The file at hand is read: is there a newer one? Returns 1 when another was opened. */
static int next_file(struct log_reader *r)
{
	char name[JSON_LOG_PATH_MAX + 16];
	struct stat ours, st;

	if (r->fd < 0)
		return open_index(r, oldest(r), 0) == 0;
	if (fstat(r->fd, &ours) < 0)
		return 0;
	unsigned last = oldest(r);
	for (unsigned i = 0; i <= last; i++) {
		if (stat(file_name(r, i, name), &st) < 0 || st.st_ino != ours.st_ino || st.st_dev != ours.st_dev)
			continue;
		return i > 0 && open_index(r, i - 1, 0) == 0;
	}
	return open_index(r, last, 0) == 0; /* rotated away under us: go on with the oldest there is */
}

/* More bytes into r->in. Returns 1, 0 at the end for now, -errno. */
static int more(struct log_reader *r)
{
	buf_consume(&r->in, r->at);
	r->at = 0;
	for (int turns = 0; turns < 3; turns++) {
		char *p = buf_reserve(&r->in, READ_SIZE);
		if (p == NULL)
			return -E_LIMIT;
		ssize_t n = r->fd < 0 ? 0 : read(r->fd, p, READ_SIZE);
		if (n < 0)
			return -errno;
		r->in.len += (size_t)n;
		if (n > 0)
			return 1;
		if (next_file(r) == 0)
			return 0;
		buf_clear(&r->in); /* rotated files end with whole records */
	}
	return 0;
}

static bool take(struct log_reader *r, const char *p, size_t n, struct log_record *ret)
{
	json_free(r->doc);
	r->doc = NULL;
	if (json_parse(p, n, &r->doc, NULL) < 0)
		return false;
	const struct json *root = json_root(r->doc), *text = json_get(root, "log");
	ret->text = json_str(text);
	ret->len = json_str_len(text);
	ret->stream = strcmp(json_str_or(json_get(root, "stream"), ""), "stderr") == 0 ? LOG_STREAM_ERR : LOG_STREAM_OUT;
	ret->time = json_str(json_get(root, "time"));
	ret->time_ns = log_time_parse(ret->time);
	return ret->text != NULL && ret->time_ns >= 0;
}

int log_reader_next(struct log_reader *r, struct log_record *ret, struct err *e)
{
	for (;;) {
		char *p = r->in.data + r->at;
		char *nl = r->in.len > r->at ? memchr(p, '\n', r->in.len - r->at) : NULL;
		if (nl != NULL) {
			r->at += (size_t)(nl - p) + 1;
			if (take(r, p, (size_t)(nl - p), ret))
				return 1;
			continue;
		}
		int res = more(r);
		if (res < 0)
			return err_set(e, -res, "read log '%s'", r->path);
		if (res == 0)
			return 0;
	}
}

void log_reader_release(struct log_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	json_free(r->doc);
	r->doc = NULL;
	buf_release(&r->in);
}
