// SPDX-License-Identifier: Apache-2.0
/* docker cp into a container: the request's body goes to a helper, which may do nothing but write below the folder. */
#include "userctr/api_container.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/path.h"
#include "userctr/ctr_files.h"
#include "userctr/ctr_internal.h"
#include "userctr/daemon.h"
#include "userctr/image_helper.h"
#include "userctr/req.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

struct extraction {
	struct source end; /* pidfd of the helper; owned by helper_reap() */
	struct req *q;
	int words;	   /* what it says; owned */
	char id[CTR_ID_SIZE];
	bool is_sent, is_reaped;
	bool is_stopped;   /* the container: its layer is ours meanwhile */
	int sent;	   /* how the body ended */
	int status;
};

static void maybe_reply(struct extraction *x)
{
	char text[512];
	struct ctr *c = NULL;
	struct req *q = x->q;

	if (!x->is_sent || !x->is_reaped)
		return;
	ssize_t n = read(x->words, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	if (ctr_find(q->d, x->id, &c, NULL) == 0 && x->is_stopped)
		c->life->is_written = false;
	if (x->status != 0 || (x->sent < 0 && x->sent != -EPIPE)) {
		reply_error(q, 400, "%s", text[0] != '\0' ? text : "the archive did not arrive whole");
	} else {
		if (c != NULL)
			ctr_event(c, "extract-to-dir", NULL, NULL);
		reply_empty(q, 200);
	}
	close(x->words);
	free(x);
}

static void end_ready(struct source *s, uint32_t events)
{
	struct extraction *x = owner_of(s, struct extraction, end);

	(void)events;
	loop_remove(s);
	x->status = helper_reap(s->fd);
}

static void end_gone(struct source *s)
{
	struct extraction *x = owner_of(s, struct extraction, end);

	x->is_reaped = true;
	maybe_reply(x); /* x may be gone: the source is not looked at any more */
}

static void sent(struct req *q, int r)
{
	struct extraction *x = q->ctx;

	x->is_sent = true;
	x->sent = r;
	maybe_reply(x);
}

/* dir is borrowed. */
static int start(struct req *q, struct ctr *c, int dir, struct err *e)
{
	static const char *const argv[] = {"userctr", "extract", NULL};
	struct extraction *x = calloc(1, sizeof(*x));
	int body[2], words[2];

	if (x == NULL)
		return err_set(e, ENOMEM, "extract");
	if (pipe2(body, O_CLOEXEC) < 0) {
		free(x);
		return err_set(e, errno, "make a pipe");
	}
	owned_fd int body_in = body[0], body_out = body[1];
	if (pipe2(words, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(x);
		return err_set(e, errno, "make a pipe");
	}
	owned_fd int words_in = words[0], words_out = words[1];
	const int fds[] = {body_in, words_out, -1, dir};
	int pidfd = helper_spawn(argv, fds, countof(fds), e);
	if (pidfd < 0) {
		free(x);
		return pidfd;
	}
	x->end = (struct source){.fd = pidfd, .name = "extract", .ready = end_ready, .gone = end_gone};
	int r = loop_add(&q->d->loop, &x->end, EPOLLIN, e);
	if (r < 0) {
		close(take_fd(body_out)); /* the helper ends by that */
		(void)helper_reap(pidfd);
		free(x);
		return r;
	}
	x->q = q;
	x->words = take_fd(words_in);
	strcpy(x->id, c->id);
	x->is_stopped = c->life->is_written = c->pid == 0;
	q->ctx = x;
	req_body_to(q, take_fd(body_out), sent);
	return 0;
}

void api_container_extract(struct req *q)
{
	const char *path = req_query(q, "path");
	struct ctr *c = api_ctr(q);
	struct err e;

	if (c == NULL)
		return;
	if (path == NULL || path[0] == '\0') {
		reply_error(q, 400, "bad parameter: path cannot be empty");
		return;
	}
	if (json_bool(json_get(c->conf.host, "ReadonlyRootfs"), false)) {
		reply_error(q, 403, "container rootfs is marked read-only");
		return;
	}
	if (c->life->is_written) {
		reply_error(q, 409, "files are being copied into container %s", c->id);
		return;
	}
	const char *in = path;
	owned_fd int root = ctr_files_open(c, &in, /* want_write */ true, &e);
	if (root < 0) {
		reply_err(q, &e);
		return;
	}
	owned_fd int dir = path_open_in(root, in[0] != '\0' ? in : "/", O_RDONLY | O_DIRECTORY, 0, &e);
	if (dir == -ENOTDIR)
		reply_error(q, 400, "extraction point is not a directory");
	else if (dir < 0)
		reply_error(q, 404, "Could not find the file %s in container %s", path, q->var);
	else if (start(q, c, dir, &e) < 0)
		reply_err(q, &e);
}
