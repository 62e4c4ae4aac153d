// SPDX-License-Identifier: Apache-2.0
/* Questions to a registry that bring no image: POST /auth, GET /distribution/NAME/json. The helper makes the whole answer; here it is
 * bounded and passed on. */
#include "userctr/api_image.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/load_msg.h"
#include "lib/sys/syscalls.h"
#include "userctr/daemon.h"
#include "userctr/image_fetch.h"
#include "userctr/image_helper.h"
#include "userctr/route.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_MAX ((size_t)1 << 20)

struct ask {
	struct source s; /* fd owned */
	struct req *q;
	int pidfd;	 /* owned */
	struct buf text; /* owned */
	struct err why;
	int status;
	bool is_done;
};

static void on_gone(struct source *s)
{
	struct ask *a = owner_of(s, struct ask, s);

	drop_fd(&s->fd);
	(void)sys_pidfd_send_signal(a->pidfd, SIGKILL); /* has ended already, most likely */
	(void)helper_reap(a->pidfd);
	if (a->is_done && a->why.code == 0)
		reply_json(a->q, 200, &a->text);
	else
		reply_error(a->q, a->status, "%s", a->why.code != 0 ? a->why.msg : "the helper that asks registries ended without a word");
	buf_release(&a->text);
	free(a);
}

static void on_message(struct source *s, uint32_t events)
{
	static struct load_msg m; /* large */
	struct ask *a = owner_of(s, struct ask, s);
	int r;

	(void)events;
	while ((r = load_msg_recv(s->fd, &m, MSG_DONTWAIT)) > 0) {
		if (m.kind == FETCH_TEXT) {
			buf_put(&a->text, m.text, m.text_len);
		} else if (m.kind == FETCH_FAILED) {
			(void)err_say(&a->why, m.a > 0 && m.a < 4096 ? (int)m.a : EIO, "%.480s", m.text);
			a->status = m.b == 404 || m.b == 401 ? (int)m.b : 500;
		} else {
			a->is_done = m.kind == FETCH_DONE;
		}
	}
	if (r != -EAGAIN)
		loop_remove(s);
}

static void ask(struct req *q, const struct fetch_start *start)
{
	struct ask *a = calloc(1, sizeof(*a));
	char folder[CONF_PATH_SIZE + 8];
	struct err e;

	if (a == NULL) {
		reply_error(q, 500, "out of memory");
		return;
	}
	a->s = (struct source){.fd = -1, .name = "registry", .ready = on_message, .gone = on_gone};
	a->q = q;
	a->status = 500;
	buf_init(&a->text, ANSWER_MAX);
	(void)snprintf(folder, sizeof(folder), "%s/tmp", q->d->conf.root); /* fits; only covered by an empty one, in its own view */
	struct fetch_start in = *start;
	in.folder = folder;
	a->pidfd = fetch_start(&q->d->conf, &in, &a->s.fd, &e);
	int r = a->pidfd < 0 ? a->pidfd : loop_add(&q->d->loop, &a->s, EPOLLIN, &e);
	if (r == 0)
		return;
	if (a->pidfd >= 0) {
		(void)sys_pidfd_send_signal(a->pidfd, SIGKILL); /* ours, not yet waited for */
		(void)helper_reap(a->pidfd);
	}
	drop_fd(&a->s.fd);
	free(a);
	reply_err(q, &e);
}

/* "https://index.docker.io/v1/" is docker.io; of others the host is what counts. */
static void host_of(const char *server, char out[REF_DOMAIN_MAX + 1])
{
	const char *p = strstr(server, "://");

	p = p != NULL ? p + 3 : server;
	(void)snprintf(out, REF_DOMAIN_MAX + 1, "%.*s", (int)strcspn(p, "/"), p); /* cut: is no host */
	if (*out == '\0' || strcmp(out, "index.docker.io") == 0 || strcmp(out, "registry-1.docker.io") == 0)
		strcpy(out, "docker.io");
}

static void login(struct req *q)
{
	const char *server = json_str_or(json_iget(q->body, "serveraddress"), "");
	char host[REF_DOMAIN_MAX + 1];

	host_of(server, host);
	const struct fetch_start s = {.op = "login", .host = host, .auth = q->body, .to = -1};
	ask(q, &s);
}

static void distribution(struct req *q)
{
	struct fetch_platform platform;
	struct ref ref;
	struct err e;

	int r = ref_parse(q->var, strlen(q->var), &ref, &e);
	if (r == 0)
		r = fetch_platform_parse(NULL, &platform, &e);
	if (r < 0) {
		reply_err(q, &e);
		return;
	}
	ref_default_tag(&ref);
	struct json_doc *auth = fetch_auth(q);
	const struct fetch_start s = {.op = "describe", .ref = &ref, .platform = &platform,
				      .auth = json_root(auth), .to = -1};
	ask(q, &s);
	json_free(auth);
}

const struct route routes_registry[] = {
	{"POST", "/auth", login, ROUTE_JSON, 0, 0},
	{"GET", "/distribution/*/json", distribution, 0, 30, 0},
	{0},
};
