// SPDX-License-Identifier: Apache-2.0
/* slipway-syslog: takes what programs and the kernel have to say, writes it to a file, and sends it on. */
#include "images/syslog/slog.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/cmdline.h"
#include "lib/loop/service.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
	"usage: slipway-syslog [--run DIR] [--dir DIR] [--kmsg FILE] [--size BYTES] [--files N] [--days N] [--burst N]\n"
	"\n"
	"Writes the messages of the sockets DIR/syslog/log and DIR/syslog/stream (or of LISTEN_FDS) and of the kernel to\n"
	"DIR/messages, and sends them to where slipway.syslog.remote in DIR/cmdline says.\n"
	"\n"
	"  --run DIR      /run/slipway\n"
	"  --dir DIR      /var/log\n"
	"  --kmsg FILE    /dev/kmsg\n"
	"  --size BYTES   of one file: 8388608\n"
	"  --files N      in all: 4\n"
	"  --days N       in one file: 7; 0: as it comes\n"
	"  --burst N      messages of one tag within 5 s: 2000; 0: as many as come\n";

struct options {
	const char *run, *dir, *kmsg;
	unsigned long size, files, days, burst;
};

static bool take_number(const char *text, unsigned long min, unsigned long max, unsigned long *ret)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || v < min || v > max)
		return false;
	*ret = v;
	return true;
}

static bool take_options(int argc, char **argv, struct options *o)
{
	const struct {
		const char *name;
		const char **text;
		unsigned long *number, min, max;
	} all[] = {
		{"--run", &o->run, NULL, 0, 0},
		{"--dir", &o->dir, NULL, 0, 0},
		{"--kmsg", &o->kmsg, NULL, 0, 0},
		{"--size", NULL, &o->size, 4096, 1ul << 40},
		{"--files", NULL, &o->files, 1, 100},
		{"--days", NULL, &o->days, 0, 3650},
		{"--burst", NULL, &o->burst, 0, 1000000},
	};

	for (int i = 1; i < argc; i += 2) {
		size_t k = 0;
		while (k < countof(all) && strcmp(all[k].name, argv[i]) != 0)
			k++;
		if (k == countof(all) || i + 1 == argc)
			return false;
		if (all[k].text != NULL)
			*all[k].text = argv[i + 1];
		else if (!take_number(argv[i + 1], all[k].min, all[k].max, all[k].number))
			return false;
	}
	return true;
}

static void read_conf(struct slog *s, const char *run)
{
	owned_buf struct buf b = BUF_INIT(CMDLINE_MAX + 1);
	char path[PATH_MAX];
	struct cmdline_arg a;

	(void)snprintf(path, sizeof(path), "%s/cmdline", run); /* cut: it is not found */
	(void)file_read(AT_FDCWD, path, &b, NULL);	       /* without it nothing is configured */
	if (cmdline_last(buf_str(&b), b.len, "syslog.remote", &a) && remote_parse(&s->remote, a.value, a.value_len) < 0)
		log_error(SUB, "command line: key 'slipway.syslog.remote' wants udp://ADDRESS[:PORT] or tcp://ADDRESS[:PORT]");
}

static void on_idle(struct loop *l)
{
	slog_flush(owner_of(l, struct slog, loop));
}

static void on_tick(struct timer *t)
{
	slog_tell(owner_of(t, struct slog, tick));
}

static int serve(struct slog *s, const struct options *o, struct err *e)
{
	char dir[PATH_MAX];
	struct err why;
	int r;

	if ((r = loop_init(&s->loop, e)) < 0 || (r = service_end_by_signal(&s->loop, &s->signals, e)) < 0)
		return r;
	(void)snprintf(dir, sizeof(dir), "%s/syslog", o->run); /* cut: it is not found */
	(void)mkdir(dir, 0755); /* there already, or the next one says why */
	if ((r = input_begin(s, dir, e)) < 0)
		return r;
	/* either may fail and the rest is still worth having */
	if (log_file_open(&s->file, o->dir, &why) < 0)
		log_error(SUB, "%s", why.msg);
	if (kmsg_begin(s, o->kmsg, dir, &why) < 0)
		log_error(SUB, "the kernel's log is not read: %s", why.msg);
	remote_begin(&s->remote, &s->loop);
	s->tick.fire = on_tick;
	s->loop.idle = on_idle;
	service_tell_ready(SUB);
	r = loop_run(&s->loop, e);
	input_end(s);
	slog_tell(s);
	slog_flush(s);
	remote_end(&s->remote);
	log_file_close(&s->file);
	loop_release(&s->loop);
	return r;
}

int main(int argc, char **argv)
{
	static struct slog s = {.seq_fd = -1, .kmsg.fd = -1, .file = {.fd = -1, .dir = -1}, .remote.source.fd = -1};
	struct options o = {.run = "/run/slipway", .dir = "/var/log", .kmsg = "/dev/kmsg", .size = 8ul << 20, .files = 4,
			    .days = 7, .burst = 2000};
	struct err e;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return fputs(usage, stdout) < 0;
	if (!take_options(argc, argv, &o)) {
		(void)fputs(usage, stderr); /* exit code says it too */
		return 2;
	}
	buf_init(&s.pending, PENDING_MAX);
	buf_init(&s.one, MESSAGE_MAX * 5); /* every byte of a message may take four */
	s.file.max_size = o.size;
	s.file.keep = (unsigned)o.files;
	s.file.max_age_s = (int64_t)o.days * 86400;
	s.rate.burst = (uint32_t)o.burst;
	s.rate.window_ms = 5000;
	read_conf(&s, o.run);
	if (serve(&s, &o, &e) < 0) {
		log_error(SUB, "%s", e.msg);
		return 1;
	}
	return 0;
}
