// SPDX-License-Identifier: Apache-2.0
/* Files of a container as archives: export, and docker cp out of it. A helper reads and packs; here the bytes only pass. */
#include "userctr/api_container.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/base64.h"
#include "lib/codec/json.h"
#include "lib/sys/path.h"
#include "userctr/conn.h"
#include "userctr/ctr_files.h"
#include "userctr/ctr_internal.h"
#include "userctr/daemon.h"
#include "userctr/image_helper.h"
#include "userctr/req.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- the bytes ---- */

struct passing {
	struct source s;   /* the helper's output; fd owned */
	struct source end; /* its pidfd; owned by helper_reap() */
	struct req *q;	   /* NULL: the client went, or was served */
	bool is_read;	   /* to the end */
	bool is_reaped;
	bool was_good;
};

static void passing_free(struct passing *p)
{
	if (p->is_read && p->is_reaped && p->s.fd < 0 && p->end.fd < 0)
		free(p);
}

static void out_gone(struct source *s)
{
	struct passing *p = owner_of(s, struct passing, s);

	close(s->fd);
	s->fd = -1;
	passing_free(p);
}

static void end_gone(struct source *s)
{
	struct passing *p = owner_of(s, struct passing, end);

	s->fd = -1;
	passing_free(p);
}

/* Everything was read and the helper told how it went: only then is the archive known to be whole. */
static void maybe_close(struct passing *p)
{
	struct req *q = p->q;

	if (q == NULL || !p->is_read || !p->is_reaped)
		return;
	p->q = NULL;
	if (p->was_good)
		stream_close(q);
	else
		stream_abort(q);
}

static void out_ready(struct source *s, uint32_t events)
{
	struct passing *p = owner_of(s, struct passing, s);
	static char b[65536];

	(void)events;
	ssize_t n = read(s->fd, b, sizeof(b));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		p->is_read = true;
		loop_remove(s);
		maybe_close(p);
		return;
	}
	if (p->q != NULL)
		stream_put(p->q, b, (size_t)n);
	if (p->q != NULL && stream_is_full(p->q))
		(void)loop_change(s, 0, NULL); /* on_drain */
}

static void end_ready(struct source *s, uint32_t events)
{
	struct passing *p = owner_of(s, struct passing, end);

	(void)events;
	loop_remove(s);
	int status = helper_reap(s->fd);
	p->is_reaped = true;
	p->was_good = status == 0;
	maybe_close(p);
}

static void drained(struct req *q)
{
	struct passing *p = q->ctx;

	(void)loop_change(&p->s, EPOLLIN, NULL); /* it is in the loop until its end */
}

static void client_gone(struct req *q)
{
	struct passing *p = q->ctx;

	p->q = NULL;
	p->is_read = true;
	loop_remove(&p->s); /* the helper's next write ends it */
}

/* Send what a helper writes. dirs are borrowed: its descriptors 3 and 4, -1 = none. */
static int pass(struct req *q, const char *const argv[], const int dirs[2], const char *type, struct err *e)
{
	struct passing *p = calloc(1, sizeof(*p));
	int out[2];

	if (p == NULL)
		return err_set(e, ENOMEM, "archive");
	if (pipe2(out, O_CLOEXEC) < 0) {
		free(p);
		return err_set(e, errno, "make a pipe");
	}
	int fds[] = {-1, out[1], -1, dirs[0], dirs[1]};
	int pidfd = helper_spawn(argv, fds, countof(fds), e);
	close(out[1]);
	if (pidfd < 0) {
		close(out[0]);
		free(p);
		return pidfd;
	}
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK); /* a pipe of ours */
	p->s = (struct source){.fd = out[0], .name = "archive", .ready = out_ready, .gone = out_gone};
	p->end = (struct source){.fd = pidfd, .name = "pack", .ready = end_ready, .gone = end_gone};
	p->q = q;
	int r = loop_add(&q->d->loop, &p->end, EPOLLIN, e);
	if (r < 0) {
		close(out[0]); /* the helper ends by that */
		(void)helper_reap(pidfd);
		free(p);
		return r;
	}
	r = loop_add(&q->d->loop, &p->s, EPOLLIN, e);
	if (r < 0) {
		p->q = NULL;
		p->is_read = true;
		close(out[0]);
		p->s.fd = -1;
		return r;
	}
	q->ctx = p;
	q->on_gone = client_gone;
	q->on_drain = drained;
	stream_open(q, 200, type);
	return 0;
}

static int pass_tar(struct req *q, int dir, const char *name, const char *as, struct err *e)
{
	const char *const argv[] = {"userctr", "pack", name, name != NULL ? as : NULL, NULL};

	return pass(q, argv, (const int[]){dir, -1}, TYPE_TAR, e);
}

/* ---- export ---- */

void api_container_export(struct req *q)
{
	struct ctr *c = api_ctr(q);
	struct err e;

	if (c == NULL)
		return;
	owned_fd int root = ctr_files_merged(c, &e);
	owned_fd int dir = root < 0 ? -1 : path_open_in(root, "/", O_RDONLY | O_DIRECTORY, 0, &e);
	int r = dir < 0 ? -e.code : pass_tar(q, dir, NULL, NULL, &e);
	if (r < 0)
		reply_err(q, &e);
	else
		ctr_event(c, "export", NULL, NULL);
}

/* ---- diff ---- */

void api_container_changes(struct req *q)
{
	static const char *const argv[] = {"userctr", "list-changes", NULL};
	struct ctr *c = api_ctr(q);
	char path[PATH_MAX];
	struct err e;

	if (c == NULL)
		return;
	owned_fd int upper = open(ctr_dir(c, "diff", path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	owned_fd int image = upper < 0 ? err_set(&e, errno, "open '%s'", path) : ctr_files_image(c, &e);
	int r = image < 0 ? -e.code : pass(q, argv, (const int[]){upper, image}, TYPE_JSON, &e);
	if (r < 0)
		reply_err(q, &e);
}

/* ---- docker cp ---- */

/* A mode as Go's os.FileMode has it. */
static uint32_t go_mode(mode_t m)
{
	uint32_t r = m & 0777;

	r |= S_ISDIR(m) ? 1u << 31 : S_ISLNK(m) ? 1u << 27 : S_ISFIFO(m) ? 1u << 25 : S_ISSOCK(m) ? 1u << 24 : 0;
	r |= S_ISBLK(m) ? 1u << 26 : S_ISCHR(m) ? 1u << 26 | 1u << 21 : 0;
	return r | ((m & S_ISUID) != 0 ? 1u << 23 : 0) | ((m & S_ISGID) != 0 ? 1u << 22 : 0) |
	       ((m & S_ISVTX) != 0 ? 1u << 20 : 0);
}

static int put_stat(struct req *q, int dir, const char *name, const char *shown, const struct stat *st, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(16384), text = BUF_INIT(32768);
	char target[PATH_MAX] = "", when[CLOCK_RFC3339_SIZE];
	struct json_writer w;

	ssize_t n = S_ISLNK(st->st_mode) ? readlinkat(dir, name, target, sizeof(target) - 1) : 0;
	target[n > 0 ? n : 0] = '\0';
	clock_rfc3339((int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec, when);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "name", shown);
	jw_kint(&w, "size", st->st_size);
	jw_kuint(&w, "mode", go_mode(st->st_mode));
	jw_kstr(&w, "mtime", when);
	jw_kstr(&w, "linkTarget", target);
	jw_end_obj(&w);
	base64_encode(&text, b.data, b.len, BASE64_STD, /* with_padding */ true);
	if (buf_error(&b) < 0 || buf_error(&text) < 0)
		return err_set(e, ENOMEM, "archive");
	reply_header(q, "X-Docker-Container-Path-Stat", buf_str(&text));
	return 0;
}

void api_container_archive(struct req *q)
{
	const char *path = req_query(q, "path");
	char name[NAME_MAX + 1];
	struct ctr *c = api_ctr(q);
	struct stat st;
	struct err e;

	if (c == NULL)
		return;
	if (path == NULL || path[0] == '\0') {
		reply_error(q, 400, "bad parameter: path cannot be empty");
		return;
	}
	const char *in = path;
	owned_fd int root = ctr_files_open(c, &in, /* want_write */ false, &e);
	size_t len = strlen(in);
	/* "dir/" and "dir/." are what is there, behind links too */
	bool is_inside = len == 0 || in[len - 1] == '/' || (len > 1 && strcmp(in + len - 2, "/.") == 0) || strcmp(in, ".") == 0;
	owned_fd int dir = root < 0 ? -1
			   : is_inside ? path_open_in(root, len > 0 ? in : "/", O_RDONLY | O_DIRECTORY, 0, &e)
				       : path_open_parent_in(root, in, name, &e);
	if (is_inside || (dir >= 0 && name[0] == '\0'))
		strcpy(name, ".");
	if (root < 0) {
		reply_err(q, &e);
		return;
	}
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		reply_error(q, 404, "Could not find the file %s in container %s", path, q->var);
		return;
	}
	/* its last name, however it was reached */
	char shown[NAME_MAX + 1];
	size_t end = strlen(path);
	while (end > 1 && (path[end - 1] == '/' || (path[end - 1] == '.' && path[end - 2] == '/')))
		end--;
	size_t begin = end;
	while (begin > 0 && path[begin - 1] != '/')
		begin--;
	(void)snprintf(shown, sizeof(shown), "%.*s", (int)(end - begin), path + begin); /* a name: fits */
	if (put_stat(q, dir, name, shown[0] != '\0' ? shown : "/", &st, &e) < 0) {
		reply_err(q, &e);
		return;
	}
	if (q->conn != NULL && q->conn->is_head) {
		reply_empty(q, 200);
		return;
	}
	bool is_content = len > 1 && strcmp(in + len - 2, "/.") == 0;
	if (pass_tar(q, dir, name, is_content || shown[0] == '\0' ? "." : shown, &e) < 0)
		reply_err(q, &e);
	else
		ctr_event(c, "archive-path", NULL, NULL);
}
