// SPDX-License-Identifier: Apache-2.0
/* What a container says and hears: attach, logs, the size of its terminal. */
#include "userctr/api_container.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/ctr_internal.h"
#include "userctr/daemon.h"
#include "userctr/detach_keys.h"
#include "userctr/log_reader.h"
#include "userctr/monitor.h"
#include "userctr/req.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define BATCH 32768 /* bytes of records sent at once */

/* ---- records as clients get them ---- */

struct log_format {
	bool is_raw; /* no frame heads */
	bool want_out, want_err, want_time, want_details;
	int64_t since_ns, until_ns; /* 0 = none */
};

/* Returns false when the record is later than wanted: nothing after it will do. */
static bool put_record(struct buf *out, const struct log_record *r, const struct log_format *f)
{
	unsigned char head[8] = {r->stream == LOG_STREAM_ERR ? 2 : 1};

	if (f->until_ns > 0 && r->time_ns > f->until_ns)
		return false;
	if (r->time_ns < f->since_ns || !(r->stream == LOG_STREAM_ERR ? f->want_err : f->want_out))
		return true;
	size_t n = r->len + (f->want_time ? strlen(r->time) + 1 : 0) + (f->want_details ? 1 : 0);
	for (int i = 0; i < 4; i++)
		head[4 + i] = (unsigned char)(n >> (24 - 8 * i));
	if (!f->is_raw)
		buf_put(out, head, sizeof(head));
	if (f->want_time)
		buf_printf(out, "%s ", r->time);
	if (f->want_details)
		buf_putc(out, ' '); /* our drivers have no attributes */
	buf_put(out, r->text, r->len);
	return true;
}

/* ---- logs ---- */

struct logs {
	struct source s; /* inotify; fd -1 when not following */
	struct ctr_waiter end;
	struct req *q; /* NULL: over */
	struct log_reader reader;
	struct log_format format;
	bool is_following, has_ended;
};

static void logs_gone(struct source *s)
{
	struct logs *l = owner_of(s, struct logs, s);

	close(s->fd);
	log_reader_release(&l->reader);
	free(l);
}

/* l is not to be used afterwards. */
static void logs_free(struct logs *l)
{
	l->q = NULL;
	if (l->is_following)
		ctr_wait_cancel(&l->end);
	if (l->s.fd >= 0) {
		loop_remove(&l->s);
		return;
	}
	log_reader_release(&l->reader);
	free(l);
}

/* Send what there is, as far as the client takes it. */
static void logs_pump(struct logs *l)
{
	struct req *q = l->q;
	owned_buf struct buf out = BUF_INIT(JSON_LOG_LINE * 4 + BATCH);
	struct log_record rec;
	int r = 1;
	bool is_over = false;

	while (r == 1 && !is_over && !stream_is_full(q)) {
		buf_clear(&out);
		while (out.len < BATCH && !is_over && (r = log_reader_next(&l->reader, &rec, NULL)) == 1)
			is_over = !put_record(&out, &rec, &l->format);
		if (out.len > 0)
			stream_put(q, out.data, out.len);
		if (l->q == NULL)
			return; /* the client was dropped, and we with it */
	}
	if (r == 1 && !is_over)
		return; /* on_drain */
	if (!is_over && r == 0 && l->is_following && !l->has_ended)
		return; /* the next change of the file */
	logs_free(l);
	stream_close(q);
}

static void logs_ready(struct source *s, uint32_t events)
{
	struct logs *l = owner_of(s, struct logs, s);
	char b[4096] __attribute__((aligned(8)));

	(void)events;
	while (read(s->fd, b, sizeof(b)) > 0)
		;
	if (l->q != NULL)
		logs_pump(l);
}

static void logs_drain(struct req *q)
{
	logs_pump(q->ctx);
}

static void logs_client_gone(struct req *q)
{
	logs_free(q->ctx);
}

static void logs_end(struct ctr_waiter *w, struct ctr *c, const struct err *e)
{
	struct logs *l = owner_of(w, struct logs, end);

	(void)c, (void)e;
	list_init(&w->link);
	l->has_ended = true; /* and all it said is in the file */
	logs_pump(l);
}

static int logs_follow(struct logs *l, struct ctr *c, struct err *e)
{
	char dir[PATH_MAX];

	l->s = (struct source){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .name = "log", .ready = logs_ready,
			       .gone = logs_gone};
	if (l->s.fd < 0)
		return err_set(e, errno, "follow the log");
	int r = inotify_add_watch(l->s.fd, ctr_dir(c, NULL, dir), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0
			? err_set(e, errno, "follow the log in '%s'", dir)
			: loop_add(&c->d->loop, &l->s, EPOLLIN, e);
	if (r < 0) {
		close(l->s.fd);
		l->s.fd = -1;
		return r;
	}
	l->end = (struct ctr_waiter){.what = CTR_WAIT_EXIT, .done = logs_end};
	ctr_wait(c, &l->end);
	l->is_following = true;
	return 0;
}

/* Unix seconds with an optional fraction. */
static bool parse_instant(struct req *q, const char *key, int64_t *ret)
{
	const char *v = req_query(q, key);
	long long s = 0;
	char frac[10] = "";

	*ret = 0;
	if (v == NULL || v[0] == '\0' || strcmp(v, "0") == 0)
		return true;
	int n = sscanf(v, "%lld.%9[0-9]", &s, frac);
	if (n < 1) {
		reply_error(q, 400, "strconv.ParseInt: parsing \"%s\": invalid syntax", v);
		return false;
	}
	int64_t nanos = 0, unit = 100000000;
	for (const char *p = frac; *p != '\0'; p++, unit /= 10)
		nanos += (*p - '0') * unit;
	*ret = s * 1000000000 + nanos;
	return true;
}

static bool logs_format(struct req *q, const struct ctr *c, struct log_format *f)
{
	*f = (struct log_format){.is_raw = c->conf.want_tty, .want_out = req_flag(q, "stdout"),
				 .want_err = req_flag(q, "stderr"), .want_time = req_flag(q, "timestamps"),
				 .want_details = req_flag(q, "details")};
	if (!f->want_out && !f->want_err) {
		reply_error(q, 400, "Bad parameters: you must choose at least one stream");
		return false;
	}
	return parse_instant(q, "since", &f->since_ns) && parse_instant(q, "until", &f->until_ns);
}

static int64_t tail_of(struct req *q)
{
	const char *v = req_query(q, "tail");
	char *end;

	if (v == NULL || v[0] == '\0')
		return -1;
	long long n = strtoll(v, &end, 10);
	return *end != '\0' || n < 0 ? -1 : n;
}

static const char *stream_type(const struct req *q, bool is_raw)
{
	return !is_raw && q->api >= 42 ? TYPE_MUX_STREAM : TYPE_RAW_STREAM;
}

void api_container_logs(struct req *q)
{
	struct ctr *c = api_ctr(q);
	struct log_format f;
	char path[PATH_MAX];
	struct err e;

	if (c == NULL || !logs_format(q, c, &f))
		return;
	if (strcmp(c->conf.log_driver, "none") == 0) {
		reply_error(q, 501, "configured logging driver does not support reading");
		return;
	}
	struct logs *l = calloc(1, sizeof(*l));
	if (l == NULL) {
		reply_error(q, 500, "out of memory");
		return;
	}
	l->q = q;
	l->format = f;
	l->s.fd = -1;
	bool is_up = c->state == CTR_RUNNING || c->state == CTR_PAUSED || c->state == CTR_RESTARTING;
	int r = log_reader_open(&l->reader, ctr_log_path(c, path), tail_of(q), &e);
	if (r == 0 && req_flag(q, "follow") && is_up)
		r = logs_follow(l, c, &e);
	if (r < 0) {
		logs_free(l);
		reply_err(q, &e);
		return;
	}
	q->ctx = l;
	q->on_gone = logs_client_gone;
	q->on_drain = logs_drain;
	stream_open(q, 200, stream_type(q, f.is_raw));
	if (l->q != NULL)
		logs_pump(l);
}

/* ---- attach ---- */

/* Replays the log onto a hijacked connection, then attaches it. */
struct replay {
	struct source s; /* the connection; fd owned */
	struct daemon *d;
	char id[CTR_ID_SIZE];
	struct log_reader reader;
	struct log_format format;
	struct buf out;
	unsigned flags;
	char keys[32];
	bool want_stream;
	struct timer head; /* until the client has read the head of the reply */
	int tries;
};

/* Some clients (docker-py) lose what arrives in one read with the head. */
#define HEAD_TRIES  20
#define HEAD_MILLIS 1

static void replay_gone(struct source *s)
{
	struct replay *p = owner_of(s, struct replay, s);

	timer_disarm(&p->d->loop, &p->head);
	if (s->fd >= 0)
		close(s->fd);
	log_reader_release(&p->reader);
	buf_release(&p->out);
	free(p);
}

static void replay_end(struct replay *p)
{
	struct ctr *c = NULL;
	int fd = fcntl(p->s.fd, F_DUPFD_CLOEXEC, 3);

	loop_remove(&p->s);
	if (fd < 0)
		return;
	if (p->want_stream && ctr_find(p->d, p->id, &c, NULL) == 0) {
		(void)ctr_attach(c, fd, p->flags, p->keys, NULL); /* the client sees its end */
		return;
	}
	(void)shutdown(fd, SHUT_WR); /* gone already is fine */
	close(fd);
}

static void replay_ready(struct source *s, uint32_t events)
{
	struct replay *p = owner_of(s, struct replay, s);
	struct log_record rec;
	bool is_end = false;

	if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		loop_remove(s);
		return;
	}
	while (p->out.len < BATCH && !is_end) {
		is_end = log_reader_next(&p->reader, &rec, NULL) != 1;
		if (!is_end)
			(void)put_record(&p->out, &rec, &p->format); /* no `until`: never too late */
	}
	ssize_t n = p->out.len > 0 ? send(s->fd, p->out.data, p->out.len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
	if (n < 0 && errno != EAGAIN) {
		loop_remove(s);
		return;
	}
	if (n > 0)
		buf_consume(&p->out, (size_t)n);
	if (is_end && p->out.len == 0)
		replay_end(p);
}

static void replay_head(struct timer *t)
{
	struct replay *p = owner_of(t, struct replay, head);
	int unread = 0;

	if (p->tries++ < HEAD_TRIES && ioctl(p->s.fd, SIOCOUTQ, &unread) == 0 && unread > 0)
		timer_arm(&p->d->loop, t, clock_mono_ms() + HEAD_MILLIS);
	else if (loop_change(&p->s, EPOLLOUT, NULL) < 0)
		loop_remove(&p->s);
}

static void replay_start(struct ctr *c, int fd, unsigned flags, const char *keys, bool want_stream)
{
	struct replay *p = calloc(1, sizeof(*p));
	char path[PATH_MAX];

	if (p == NULL) {
		close(fd);
		return;
	}
	p->s = (struct source){.fd = fd, .name = "attach", .ready = replay_ready, .gone = replay_gone};
	p->d = c->d;
	strcpy(p->id, c->id);
	p->flags = flags;
	p->want_stream = want_stream;
	(void)snprintf(p->keys, sizeof(p->keys), "%s", keys); /* same size */
	p->format = (struct log_format){.is_raw = (flags & MON_ATTACH_RAW) != 0,
					.want_out = (flags & MON_ATTACH_STDOUT) != 0,
					.want_err = (flags & MON_ATTACH_STDERR) != 0};
	buf_init(&p->out, JSON_LOG_LINE * 4 + BATCH);
	if (log_reader_open(&p->reader, ctr_log_path(c, path), -1, NULL) < 0 ||
	    loop_add(&c->d->loop, &p->s, 0, NULL) < 0) {
		replay_gone(&p->s);
		return;
	}
	p->head.fire = replay_head;
	replay_head(&p->head);
}

bool api_detach_keys(struct req *q, const char *fallback, char *out, unsigned size)
{
	const char *text = req_query(q, "detachKeys");

	if (text == NULL || text[0] == '\0') {
		(void)snprintf(out, size, "%s", fallback); /* short */
		return true;
	}
	if (detach_keys_parse(text, out, size) == 0)
		return true;
	reply_error(q, 400, "Invalid detach keys (%s) provided", text);
	return false;
}

void api_container_attach(struct req *q)
{
	char text[600], keys[32];
	struct ctr *c = NULL;
	unsigned flags = 0;
	struct err e;

	/* errors before the connection is taken over are plain text */
	int r = ctr_find(q->d, q->var, &c, &e);
	if (r == 0 && c->state == CTR_PAUSED)
		r = err_say(&e, EBUSY, "container %s is paused, unpause the container before attach", q->var);
	if (r == 0 && c->state == CTR_RESTARTING)
		r = err_say(&e, EBUSY, "container %s is restarting, wait until the container is running", q->var);
	if (r < 0) {
		(void)snprintf(text, sizeof(text), "%s\r\n", e.msg); /* fits */
		reply_text(q, status_of(e.code), TYPE_RAW_STREAM, text);
		return;
	}
	if (!api_detach_keys(q, c->conf.want_tty && req_flag(q, "stdin") ? "\x10\x11" : "", keys, sizeof(keys)))
		return;
	flags |= c->conf.want_tty ? MON_ATTACH_RAW : 0;
	flags |= req_flag(q, "stdin") && c->conf.want_stdin ? MON_ATTACH_STDIN : 0;
	flags |= req_flag(q, "stdout") ? MON_ATTACH_STDOUT : 0;
	flags |= req_flag(q, "stderr") ? MON_ATTACH_STDERR : 0;
	bool want_stream = req_flag(q, "stream") && (flags & ~(unsigned)MON_ATTACH_RAW) != 0, want_logs = req_flag(q, "logs");
	int fd = hijack(q, stream_type(q, c->conf.want_tty || !q->want_upgrade)); /* the end of q */
	if (fd < 0)
		return;
	if (want_stream)
		ctr_event(c, "attach", NULL, NULL);
	if (want_logs && strcmp(c->conf.log_driver, "none") != 0)
		replay_start(c, fd, flags, keys, want_stream);
	else if (want_stream)
		(void)ctr_attach(c, fd, flags, keys, NULL); /* the client sees its end */
	else
		close(fd);
}

/* ---- the terminal's size ---- */

bool api_size(struct req *q, unsigned *ret_rows, unsigned *ret_cols)
{
	static const char *const names[] = {"height", "width"}, *const keys[] = {"h", "w"};
	unsigned v[2];

	for (size_t i = 0; i < countof(v); i++) {
		const char *s = req_query(q, keys[i]);
		char *end = NULL;
		long n = s != NULL ? strtol(s, &end, 10) : -1;
		if (s == NULL || end == s || *end != '\0' || n < 0 || n > 65535) {
			reply_error(q, 400, "invalid resize %s \"%s\": invalid syntax", names[i], s != NULL ? s : "");
			return false;
		}
		v[i] = (unsigned)n;
	}
	*ret_rows = v[0];
	*ret_cols = v[1];
	return true;
}

void api_container_resize(struct req *q)
{
	unsigned rows, cols;
	struct err e;

	if (!api_size(q, &rows, &cols))
		return;
	struct ctr *c = api_ctr(q);
	if (c == NULL)
		return;
	if (ctr_resize(c, rows, cols, &e) < 0)
		reply_err(q, &e);
	else
		reply_empty(q, 200);
}
