// SPDX-License-Identifier: Apache-2.0
/* Captured output. The pipe is emptied into /run/slipway/log/NAME.log as it comes; at its size limit the file becomes
 * NAME.log.1. A service that writes more than its share per window is not read until the window is over: nothing is
 * lost, and the flood slows its author instead of PID 1. */
#include "init/pid1.h"
#include "init/svc.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define DRAIN_MAX (64 * 1024) /* what a pipe holds */

static const char *path_of(const struct svc *s, const char *suffix, char out[PATH_TEXT_MAX])
{
	(void)snprintf(out, PATH_TEXT_MAX, "/run/slipway/log/%s.log%s", s->def->name, suffix); /* bounded */
	return out;
}

static int open_file(struct svc *s)
{
	char path[PATH_TEXT_MAX];
	struct stat st;

	if (s->log_file >= 0)
		return 0;
	s->log_file = open(path_of(s, "", path), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (s->log_file < 0)
		return -errno;
	s->log_bytes = fstat(s->log_file, &st) == 0 && st.st_size < UINT32_MAX ? (uint32_t)st.st_size : 0;
	return 0;
}

static void rotate(struct svc *s)
{
	char from[PATH_TEXT_MAX], to[PATH_TEXT_MAX];

	drop_fd(&s->log_file);
	s->log_file = -1;
	if (rename(path_of(s, "", from), path_of(s, ".1", to)) < 0)
		(void)unlink(from); /* better no log than one that grows for ever */
}

static void store(struct svc *s, const char *bytes, size_t n)
{
	uint32_t limit = s->def->log_max_bytes != 0 ? s->def->log_max_bytes : LOG_BYTES_DEFAULT;

	if (open_file(s) < 0)
		return; /* its output is lost, the service is not */
	if (s->log_bytes > 0 && s->log_bytes + n > limit) {
		rotate(s);
		if (open_file(s) < 0)
			return;
	}
	if (write_all(s->log_file, bytes, n) < 0)
		rotate(s); /* /run is full: give some of it back */
	else
		s->log_bytes += (uint32_t)n;
}

static void on_window_over(struct timer *t)
{
	struct svc *s = owner_of(t, struct svc, log_again);

	s->marks &= (uint8_t)~SVC_MARK_LOG_PAUSED;
	(void)loop_change(&s->log, EPOLLIN, NULL); /* removed meanwhile: then nothing is to be read */
}

static bool is_over_share(struct svc *s, size_t n)
{
	int64_t now = clock_mono_ms();

	if (now - s->log_window_ms >= LOG_WINDOW_MS) {
		s->log_window_ms = now;
		s->log_window = 0;
	}
	s->log_window += (uint32_t)n;
	return s->log_window > LOG_WINDOW_BYTES;
}

static void on_log(struct source *src, uint32_t events)
{
	struct svc *s = owner_of(src, struct svc, log);

	(void)events;
	ssize_t n = read(src->fd, s->p->io, LOG_READ_BYTES);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		loop_remove(src); /* nobody can write to it any more */
		return;
	}
	if (n < 0)
		return;
	store(s, s->p->io, (size_t)n);
	if (is_over_share(s, (size_t)n) && loop_change(src, 0, NULL) == 0) {
		s->marks |= SVC_MARK_LOG_PAUSED;
		timer_arm(&s->p->loop, &s->log_again, s->log_window_ms + LOG_WINDOW_MS);
	}
}

static void on_log_gone(struct source *src)
{
	struct svc *s = owner_of(src, struct svc, log);

	close(src->fd);
	src->fd = -1;
	timer_disarm(&s->p->loop, &s->log_again);
	s->marks &= (uint8_t)~SVC_MARK_LOG_PAUSED;
}

int svc_log_pipe(struct svc *s, int *ret_write_end, struct err *e)
{
	int ends[2];

	/* the writer's end blocks: services do not expect EAGAIN from standard output */
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "make log pipe");
	owned_fd int in = ends[0], out = ends[1];
	if (fcntl(in, F_SETFL, O_NONBLOCK) < 0)
		return err_set(e, errno, "make log pipe");
	s->log = (struct source){.fd = in, .name = "log", .ready = on_log, .gone = on_log_gone};
	s->log_again = (struct timer){.fire = on_window_over};
	int r = loop_add(&s->p->loop, &s->log, EPOLLIN, e);
	if (r < 0)
		return r;
	(void)take_fd(in);
	*ret_write_end = take_fd(out);
	return 0;
}

void svc_log_end(struct svc *s)
{
	if (s->log.loop == NULL || s->log.leaving)
		return;
	for (size_t got = 0; got < DRAIN_MAX;) {
		ssize_t n = read(s->log.fd, s->p->io, LOG_READ_BYTES);
		if (n <= 0)
			break;
		store(s, s->p->io, (size_t)n);
		got += (size_t)n;
	}
	loop_remove(&s->log);
}
