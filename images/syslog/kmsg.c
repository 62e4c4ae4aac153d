// SPDX-License-Identifier: Apache-2.0
/* The kernel's log, from its first record that is still there, or behind the one that a former process read last. */
#include "images/syslog/slog.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BATCH 256

static void take(struct slog *s, const char *record, size_t len)
{
	struct syslog_msg m;
	uint64_t seq, usec;

	if (!syslog_parse_kmsg(record, len, &m, &seq, &usec) || seq < s->kmsg_next)
		return;
	if (seq > s->kmsg_next)
		slog_note(s, "%" PRIu64 " records of the kernel were overwritten before they were read", seq - s->kmsg_next);
	s->kmsg_next = seq + 1;
	s->seq_changed = true;
	int64_t ago_us = clock_mono_usec() - (int64_t)usec;
	slog_take(s, &m, clock_real_ns() - (ago_us > 0 ? ago_us * 1000 : 0));
}

static void on_kmsg(struct source *src, uint32_t events)
{
	struct slog *s = owner_of(src, struct slog, kmsg);
	char record[MESSAGE_MAX];

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		ssize_t n = read(src->fd, record, sizeof(record));
		if (n > 0)
			take(s, record, (size_t)n);
		else if (n == 0 || (errno != EINTR && errno != EPIPE)) /* EPIPE: overwritten, the next one is there */
			break;
	}
}

int kmsg_begin(struct slog *s, const char *path, const char *dir, struct err *e)
{
	char name[4096], text[24] = "";

	s->seq_fd = -1;
	s->kmsg.fd = -1;
	owned_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	int n = snprintf(name, sizeof(name), "%s/kmsg-next", dir);
	if (n > 0 && (size_t)n < sizeof(name))
		s->seq_fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->seq_fd >= 0 && pread(s->seq_fd, text, sizeof(text) - 1, 0) > 0)
		s->kmsg_next = strtoull(text, NULL, 10);
	s->kmsg = (struct source){.fd = fd, .name = "kmsg", .ready = on_kmsg};
	int r = loop_add(&s->loop, &s->kmsg, EPOLLIN, e);
	if (r < 0)
		s->kmsg.fd = -1;
	else
		(void)take_fd(fd);
	return r;
}

void kmsg_save(struct slog *s)
{
	char text[24];

	if (!s->seq_changed || s->seq_fd < 0)
		return;
	s->seq_changed = false;
	int n = snprintf(text, sizeof(text), "%020" PRIu64 "\n", s->kmsg_next); /* fits; always of one length */
	(void)pwrite(s->seq_fd, text, (size_t)n, 0); /* worst: records are written twice */
}
