// SPDX-License-Identifier: Apache-2.0
/* One helper at work: its folder, its end of the pipe that the body goes into, and what it says. The request ends when the helper
 * has, whether its body was read to the end or not. */
#include "userctr/api_image.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/image/load_msg.h"
#include "lib/image/store.h"
#include "lib/sys/io.h"
#include "lib/sys/syscalls.h"
#include "userctr/daemon.h"
#include "userctr/image_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define MSGS_MAX 1024
#define PIPE_SIZE (1 << 20)

struct work {
	struct source s; /* fd owned: the helper's messages */
	struct req *q;
	struct daemon *d;
	char name[STORE_WORK_SIZE];
	int pidfd; /* owned */
	int packer; /* owned; pidfd of the one that makes the archive; -1: the body brings it */
	struct load_msg **msgs; /* owned */
	size_t n;
	struct err why;
	bool body_done, is_over, has_folder;
	struct image_maker maker; /* start is NULL: none */
	void (*done)(struct req *q, const char *work, const struct load_msg *const *msgs, size_t n, const struct err *why);
};

static void work_finish(struct work *w)
{
	struct daemon *d = w->d;

	w->q->ctx = NULL;
	const struct load_msg *const *msgs = (const struct load_msg *const *)w->msgs;
	if (w->maker.start != NULL)
		w->maker.done(w->maker.ctx, w->name, msgs, w->n, w->why.code != 0 ? &w->why : NULL);
	else
		w->done(w->q, w->name, msgs, w->n, w->why.code != 0 ? &w->why : NULL);
	if (w->has_folder)
		store_work_end(d->store, w->name);
	images_sweep(d);
	for (size_t i = 0; i < w->n; i++)
		free(w->msgs[i]);
	free(w->msgs);
	free(w);
}

/* Its messages said how it went. It must not be able to make the daemon wait. */
static void end_one(int *pidfd)
{
	if (*pidfd < 0)
		return;
	(void)sys_pidfd_send_signal(*pidfd, SIGKILL); /* has ended already, most likely */
	(void)helper_reap(*pidfd);
	*pidfd = -1;
}

static void end_helpers(struct work *w)
{
	end_one(&w->pidfd);
	end_one(&w->packer);
}

static void on_gone(struct source *s)
{
	struct work *w = owner_of(s, struct work, s);

	close(s->fd);
	s->fd = -1;
	end_helpers(w);
	w->is_over = true;
	if (w->body_done)
		work_finish(w);
}

static void on_body(struct req *q, int r)
{
	struct work *w = q->ctx;

	/* -EPIPE: the helper needs no more of it, and says why */
	if (r < 0 && r != -EPIPE && w->why.code == 0)
		(void)err_set(&w->why, -r, "the archive was cut off");
	w->body_done = true;
	if (w->is_over)
		work_finish(w);
}

static int keep(struct work *w, const struct load_msg *m)
{
	size_t size = LOAD_MSG_HEAD + m->text_len + 1;
	struct load_msg *copy = w->n < MSGS_MAX ? malloc(size) : NULL;

	if (copy == NULL)
		return err_say(&w->why, E_LIMIT, "more than %d images in one archive", MSGS_MAX);
	memcpy(copy, m, size);
	w->msgs[w->n++] = copy;
	return 0;
}

/* The helper is not trusted: its messages are a few kinds, bounded, and what they name is checked when it is committed. */
static void take(struct work *w, const struct load_msg *m, bool *ret_end)
{
	switch (m->kind) {
	case LOAD_PROGRESS: return;
	case LOAD_MEMBER:
		if (w->maker.layer != NULL)
			w->maker.layer(w->maker.ctx, &m->one);
		return;
	case LOAD_IMAGE:
	case LOAD_LAYER: *ret_end = keep(w, m) < 0; return;
	case LOAD_FAILED:
		(void)err_say(&w->why, m->a > 0 && m->a < 4096 ? (int)m->a : EIO, "%.400s", m->text);
		*ret_end = true;
		return;
	case LOAD_DONE: *ret_end = true; return;
	default: (void)err_set(&w->why, EPROTO, "message %u of the helper", m->kind); *ret_end = true;
	}
}

static void on_message(struct source *s, uint32_t events)
{
	static struct load_msg m; /* large */
	struct work *w = owner_of(s, struct work, s);
	bool is_end = false;
	int r;

	(void)events;
	while (!is_end && (r = load_msg_recv(s->fd, &m, MSG_DONTWAIT)) != -EAGAIN) {
		if (r <= 0) {
			if (w->why.code == 0)
				(void)err_say(&w->why, EIO, "the helper that reads the archive ended without a word");
			is_end = true;
		} else {
			take(w, &m, &is_end);
		}
	}
	if (is_end)
		loop_remove(s);
}

static int write_have(struct work *w, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT((size_t)16 << 20);
	char path[CONF_PATH_SIZE + STORE_WORK_SIZE + 16];

	store_have(w->q->d->store, &b);
	(void)snprintf(path, sizeof(path), "%s/tmp/%s/have", w->q->d->conf.root, w->name); /* fits */
	owned_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : buf_error(&b);
	if (r == 0)
		r = write_all(fd, buf_str(&b), b.len);
	return r < 0 ? err_set(e, -r, "write '%s'", path) : 0;
}

/* The archive is made from a folder by another process, which writes where the body would go. */
static int start_packer(struct work *w, const char *tree, int to, struct err *e)
{
	const char *const argv[] = {"userctr", "unpack", "pack", tree, NULL};
	const int fds[] = {-1, to, -1};

	w->packer = helper_spawn(argv, fds, countof(fds), e);
	w->body_done = true;
	return w->packer < 0 ? w->packer : 0;
}

static int start_maker(struct work *w, const char *folder, int to, struct err *e)
{
	w->packer = w->maker.start(w->maker.ctx, folder, to, e);
	w->body_done = true;
	return w->packer < 0 ? w->packer : 0;
}

static int start(struct work *w, const char *mode, const char *tree, int *ret_pipe, struct err *e)
{
	struct daemon *d = w->q->d;
	char path[CONF_PATH_SIZE + STORE_WORK_SIZE + 16];
	int body[2], pair[2];

	int r = store_work_begin(d->store, w->name, e);
	if (r < 0)
		return r;
	w->has_folder = true;
	r = write_have(w, e);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/tmp/%s", d->conf.root, w->name); /* fits */
	w->msgs = calloc(MSGS_MAX, sizeof(struct load_msg *));
	if (w->msgs == NULL)
		return err_set(e, ENOMEM, "start a helper");
	if (pipe2(body, O_CLOEXEC) < 0)
		return err_set(e, errno, "start a helper");
	owned_fd int body_read = body[0], body_write = body[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "start a helper");
	owned_fd int theirs = pair[1];
	w->s.fd = pair[0];
	(void)fcntl(body_write, F_SETPIPE_SZ, PIPE_SIZE); /* only faster */
	const char *const argv[] = {"userctr", "unpack", mode, path, NULL};
	const int fds[] = {body_read, -1, -1, theirs};
	w->pidfd = helper_spawn(argv, fds, countof(fds), e);
	if (w->pidfd < 0)
		return w->pidfd;
	r = tree != NULL ? start_packer(w, tree, body_write, e) : w->maker.start != NULL ? start_maker(w, path, body_write, e) : 0;
	if (r == 0)
		r = loop_add(&d->loop, &w->s, EPOLLIN, e);
	if (r == 0)
		*ret_pipe = take_fd(body_write);
	return r;
}

static void begin(struct req *q, const char *mode, const char *tree, const struct image_maker *maker,
		  void (*done)(struct req *q, const char *work, const struct load_msg *const *msgs, size_t n, const struct err *why))
{
	struct work *w = calloc(1, sizeof(*w));
	int pipe = -1;

	if (w == NULL) {
		struct err e;
		(void)err_set(&e, ENOMEM, "start a helper");
		if (maker != NULL)
			maker->done(maker->ctx, "", NULL, 0, &e);
		else
			reply_err(q, &e);
		return;
	}
	w->s = (struct source){.fd = -1, .name = "unpack", .ready = on_message, .gone = on_gone};
	w->q = q;
	w->d = q->d;
	if (maker != NULL)
		w->maker = *maker;
	w->pidfd = w->packer = -1;
	w->done = done;
	q->ctx = w;
	int r = start(w, mode, tree, &pipe, &w->why);
	if (r < 0) {
		drop_fd(&w->s.fd);
		end_helpers(w);
		work_finish(w);
		return;
	}
	if (tree != NULL || maker != NULL)
		close(pipe);
	else
		req_body_to(q, pipe, on_body);
}

void image_work(struct req *q, const char *mode, const char *tree,
		void (*done)(struct req *q, const char *work, const struct load_msg *const *msgs, size_t n, const struct err *why))
{
	begin(q, mode, tree, /* maker= */ NULL, done);
}

void image_work_from(struct req *q, const struct image_maker *maker)
{
	begin(q, "load", /* tree= */ NULL, maker, /* done= */ NULL);
}

void image_work_stop(struct req *q)
{
	struct work *w = q->ctx;

	if (w == NULL)
		return;
	if (w->why.code == 0)
		(void)err_say(&w->why, ECANCELED, "was not needed");
	loop_remove(&w->s);
}

/* ---- deleting ---- */

static void sweep_ended(struct source *s, uint32_t events)
{
	(void)events;
	loop_remove(s);
}

static void sweep_gone(struct source *s)
{
	(void)helper_reap(s->fd);
	free(s);
}

/* Deleting takes time: a child does it. */
void images_sweep(struct daemon *d)
{
	const char *const argv[] = {"userctr", "unpack", "sweep", d->conf.root, NULL};
	struct err e;

	if (!store_needs_sweep(d->store))
		return;
	struct source *s = calloc(1, sizeof(*s));
	int pidfd = s != NULL ? helper_spawn(argv, NULL, 0, &e) : err_set(&e, ENOMEM, "sweep");
	if (pidfd < 0) {
		log_warn("images", "%s", e.msg);
		free(s);
		return;
	}
	store_swept(d->store);
	*s = (struct source){.fd = pidfd, .name = "sweep", .ready = sweep_ended, .gone = sweep_gone};
	if (loop_add(&d->loop, s, EPOLLIN, NULL) < 0)
		sweep_gone(s);
}
