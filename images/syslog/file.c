// SPDX-License-Identifier: Apache-2.0
/* DIR/messages: appended to, renamed to messages.1 when it is large or old, and so on. A disk that is full costs lines,
 * which are counted and told of in the first line that can be written again. */
#include "images/syslog/slog.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define NAME "messages"
#define NS_PER_S 1000000000

static void open_current(struct log_file *f)
{
	struct statx st;

	/* not through a link: others may write to the directory in a container that mounts it */
	f->fd = openat(f->dir, NAME, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
	if (f->fd < 0) {
		f->reason = errno;
		return;
	}
	f->size = 0;
	f->born_s = clock_real_ns() / NS_PER_S;
	if (statx(f->fd, "", AT_EMPTY_PATH, STATX_SIZE | STATX_BTIME | STATX_MTIME, &st) == 0) {
		f->size = st.stx_size;
		if (st.stx_size > 0)
			f->born_s = (st.stx_mask & STATX_BTIME) != 0 ? st.stx_btime.tv_sec : st.stx_mtime.tv_sec;
	}
	f->is_torn = false;
	owned_fd int in = f->size > 0 ? openat(f->dir, NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	char last = '\n';
	if (in >= 0 && pread(in, &last, 1, (off_t)f->size - 1) == 1)
		f->is_torn = last != '\n';
}

int log_file_open(struct log_file *f, const char *dir, struct err *e)
{
	f->path = dir;
	f->fd = -1;
	f->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0)
		return err_set(e, errno, "open '%s'", dir);
	open_current(f);
	return f->fd < 0 ? err_set(e, f->reason, "open '%s/" NAME "'", dir) : 0;
}

void log_file_close(struct log_file *f)
{
	if (f->fd >= 0) {
		(void)fdatasync(f->fd); /* at the end: there is nobody to tell */
		close(f->fd);
	}
	if (f->dir >= 0)
		close(f->dir);
	f->fd = f->dir = -1;
}

static void rotate(struct log_file *f)
{
	char from[32], to[32];

	close(f->fd);
	for (unsigned i = f->keep - 1; i > 0; i--) {
		(void)snprintf(to, sizeof(to), NAME ".%u", i); /* fits */
		if (i > 1)
			(void)snprintf(from, sizeof(from), NAME ".%u", i - 1);
		else
			(void)snprintf(from, sizeof(from), NAME);
		if (renameat(f->dir, from, f->dir, to) < 0 && errno != ENOENT)
			log_error(SUB, "rename '%s/%s': %s", f->path, from, strerror(errno));
	}
	if (f->keep == 1)
		(void)unlinkat(f->dir, NAME, 0); /* what stays is appended to */
	open_current(f);
}

static bool is_due(const struct log_file *f, size_t more)
{
	int64_t age = clock_real_ns() / NS_PER_S - f->born_s;

	return f->size > 0 && (f->size + more > f->max_size || (f->max_age_s > 0 && age > f->max_age_s));
}

static size_t count_lines(const char *p, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += p[i] == '\n';
	return n;
}

/* Returns how much was written. */
static size_t append(struct log_file *f, const char *p, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(f->fd, p + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			f->reason = n < 0 ? errno : ENOSPC;
			break;
		}
		done += (size_t)n;
	}
	f->size += done;
	if (done > 0)
		f->is_torn = p[done - 1] != '\n';
	return done;
}

static bool tell_lost(struct log_file *f, const char *host)
{
	owned_buf struct buf b = BUF_INIT(1024);
	char text[160];
	struct syslog_msg m = {.facility = 5, .severity = 3, .tag = {"syslog", 6}};

	if (f->is_torn)
		buf_putc(&b, '\n');
	if (f->lost > 0) {
		int n = snprintf(text, sizeof(text), "%llu lines were lost: %s", (unsigned long long)f->lost, strerror(f->reason));
		m.text = (struct syslog_text){text, (size_t)n};
		syslog_write(&b, clock_real_ns(), host, &m);
	}
	if (append(f, buf_str(&b), b.len) < b.len)
		return false;
	f->lost = 0;
	return true;
}

void log_file_write(struct log_file *f, const char *p, size_t len, const char *host)
{
	bool was_well = f->lost == 0;
	size_t done = 0;

	if (f->fd >= 0 && is_due(f, len))
		rotate(f);
	else if (f->fd < 0)
		open_current(f);
	if (f->fd >= 0 && ((f->lost == 0 && !f->is_torn) || tell_lost(f, host)))
		done = append(f, p, len);
	if (done == len)
		return;
	f->lost += count_lines(p + done, len - done);
	if (was_well)
		log_error(SUB, "write '%s/" NAME "': %s; lines are lost", f->path, strerror(f->reason));
}
