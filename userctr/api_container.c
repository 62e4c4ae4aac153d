// SPDX-License-Identifier: Apache-2.0
/* Containers over the API: made, started, stopped, removed, waited for. What is done is in ctr*.c. */
#include "userctr/api_container.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/ctr_internal.h"
#include "userctr/daemon.h"
#include "userctr/req.h"
#include "userctr/route.h"
#include "userctr/signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct ctr *api_ctr(struct req *q)
{
	struct ctr *c = NULL;
	struct err e;

	int r = ctr_find(q->d, q->var, &c, &e);
	if (r == 0) {
		ctr_listen(c);
		r = ctr_find(q->d, q->var, &c, &e);
	}
	if (r < 0) {
		reply_err(q, &e);
		return NULL;
	}
	return c;
}

/* ---- requests that end later ---- */

struct later {
	struct ctr_waiter w;
	struct req *q;
	route_fn *again; /* do the request anew instead of replying */
};

static void later_done(struct ctr_waiter *w, struct ctr *c, const struct err *e)
{
	struct later *l = owner_of(w, struct later, w);
	struct req *q = l->q;
	route_fn *again = l->again;

	(void)c;
	free(l);
	if (again != NULL)
		again(q);
	else if (e != NULL)
		reply_err(q, e);
	else
		reply_empty(q, 204);
}

/* Returns NULL after having replied. */
static struct later *wait_for(struct req *q, struct ctr *c, enum ctr_wait_for what, route_fn *again)
{
	struct later *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		reply_error(q, 500, "out of memory");
		return NULL;
	}
	l->w.what = what;
	l->w.done = later_done;
	l->q = q;
	l->again = again;
	ctr_wait(c, &l->w);
	return l;
}

static void cancel(struct later *l)
{
	ctr_wait_cancel(&l->w);
	free(l);
}

/* A request that must wait until a start at work has come to its end. */
static void try_again(struct req *q, struct ctr *c, route_fn *again)
{
	(void)wait_for(q, c, CTR_WAIT_STARTED, again);
}

/* ---- create ---- */

struct creation {
	struct req *q;
	char id[CTR_ID_SIZE];
	struct buf reply;
};

static void created(void *ctx, int r)
{
	struct creation *cr = ctx;
	struct ctr *c = NULL;

	if (r == 0) {
		reply_json(cr->q, 201, &cr->reply);
	} else {
		if (ctr_find(cr->q->d, cr->id, &c, NULL) == 0)
			(void)ctr_remove(c, /* force */ true, /* volumes */ true, NULL); /* logged where it fails */
		reply_error(cr->q, 500, "the volumes of the container could not be filled from its image");
	}
	buf_release(&cr->reply);
	free(cr);
}

static void post_create(struct req *q)
{
	struct json_writer w;
	struct ctr *c = NULL;
	struct err e = {0};
	const char *name = req_query(q, "name");

	if (q->body == NULL || json_len(q->body) == 0) {
		reply_error(q, 400, "config cannot be empty in order to create a container");
		return;
	}
	struct creation *cr = calloc(1, sizeof(*cr));
	if (cr == NULL) {
		reply_error(q, 500, "out of memory");
		return;
	}
	cr->q = q;
	buf_init(&cr->reply, 65536);
	jw_init(&w, &cr->reply);
	jw_obj(&w);
	jw_key(&w, "Warnings");
	jw_arr(&w);
	int r = ctr_create(q->d, name != NULL && name[0] != '\0' ? name : NULL, q->body, q->api, &w, &c, &e);
	if (r == 0) {
		jw_end_arr(&w);
		jw_kstr(&w, "Id", c->id);
		jw_end_obj(&w);
		strcpy(cr->id, c->id);
		r = ctr_mounts_fill(c, created, cr, &e);
		if (r < 0)
			(void)ctr_remove(c, /* force */ true, /* volumes */ true, NULL); /* as above */
	}
	if (r < 0) {
		reply_err(q, &e);
		buf_release(&cr->reply);
		free(cr);
	}
}

/* ---- start, stop, restart, kill ---- */

#define START_BODY 7 /* "{}", "null" and spaces, which old clients send */

static void post_start(struct req *q)
{
	struct err e;

	if (q->body_len > START_BODY) {
		reply_error(q, 400, "starting container with non-empty request body was deprecated since API v1.22 and "
				    "removed in v1.24");
		return;
	}
	struct ctr *c = api_ctr(q);
	/* the waiter comes first: the start may fail at once */
	struct later *l = c == NULL ? NULL : wait_for(q, c, CTR_WAIT_STARTED, NULL);
	if (l == NULL)
		return;
	int r = ctr_start(c, &e);
	if (r == 0 || r == -EAGAIN)
		return;
	cancel(l);
	if (r == -EALREADY)
		reply_empty(q, 304);
	else
		reply_err(q, &e);
}

/* t and signal. Returns false after having replied. */
static bool stop_options(struct req *q, int *ret_signal, int64_t *ret_seconds)
{
	const char *s = req_query(q, "signal");
	struct err e;

	*ret_signal = 0;
	if (s != NULL && s[0] != '\0' && signal_parse(s, ret_signal, &e) < 0) {
		reply_err(q, &e);
		return false;
	}
	if (req_int(q, "t", INT64_MIN, ret_seconds, &e) < 0) {
		reply_err(q, &e);
		return false;
	}
	return true;
}

static void post_stop(struct req *q)
{
	struct ctr *c = api_ctr(q);
	int64_t seconds;
	struct err e;
	int sig;

	if (c == NULL || !stop_options(q, &sig, &seconds))
		return;
	int r = ctr_stop(c, sig, seconds, /* want_again */ false, &e);
	if (r == 1)
		(void)wait_for(q, c, CTR_WAIT_EXIT, NULL);
	else if (r == -EAGAIN)
		try_again(q, c, post_stop);
	else if (r == -EALREADY)
		reply_empty(q, 304);
	else if (r < 0)
		reply_err(q, &e);
	else
		reply_empty(q, 204);
}

static void post_restart(struct req *q)
{
	struct ctr *c = api_ctr(q);
	int64_t seconds;
	struct err e;
	int sig;

	if (c == NULL || !stop_options(q, &sig, &seconds))
		return;
	if (c->life->phase == PHASE_STARTING) {
		try_again(q, c, post_restart);
		return;
	}
	struct later *l = wait_for(q, c, CTR_WAIT_STARTED, NULL);
	if (l == NULL)
		return;
	bool is_up = c->life->phase == PHASE_RUNNING || c->life->phase == PHASE_PAUSED || c->life->phase == PHASE_STOPPING;
	c->life->is_restarted = true;
	int r = is_up ? ctr_stop(c, sig, seconds, /* want_again */ true, &e) : ctr_start(c, &e);
	if (r < 0) {
		cancel(l);
		reply_err(q, &e);
	}
}

static void post_kill(struct req *q)
{
	struct ctr *c = api_ctr(q);
	struct err e;

	if (c == NULL)
		return;
	const char *name = req_query(q, "signal");
	int sig = SIGKILL;
	if (name != NULL && name[0] != '\0' && signal_parse(name, &sig, &e) < 0) {
		reply_error(q, 400, "cannot kill container: %s: %s", q->var, e.msg);
		return;
	}
	if (c->life->phase == PHASE_STARTING) {
		try_again(q, c, post_kill);
		return;
	}
	if (ctr_kill(c, sig, &e) < 0) {
		(void)err_wrap(&e, -e.code, "cannot kill container: %s", q->var);
		reply_err(q, &e);
	} else if (sig == SIGKILL) {
		(void)wait_for(q, c, CTR_WAIT_EXIT, NULL); /* clients look at once */
	} else {
		reply_empty(q, 204);
	}
}

static void simple(struct req *q, enum ctr_event ev)
{
	struct ctr *c = api_ctr(q);
	struct err e;

	if (c == NULL)
		return;
	if (ctr_fire(c, ev, /* force */ false, &e) < 0)
		reply_err(q, &e);
	else
		reply_empty(q, 204);
}

static void post_pause(struct req *q)
{
	simple(q, CEV_PAUSE);
}

static void post_unpause(struct req *q)
{
	simple(q, CEV_UNPAUSE);
}

/* ---- change, remove ---- */

static void post_rename(struct req *q)
{
	struct ctr *c = api_ctr(q);
	struct err e;

	if (c == NULL)
		return;
	if (ctr_rename(c, req_query(q, "name"), &e) < 0)
		reply_err(q, &e);
	else
		reply_empty(q, 204);
}

static void post_update(struct req *q)
{
	struct ctr *c = api_ctr(q);
	struct buf b = BUF_INIT(256);
	struct err e;

	if (c == NULL)
		return;
	if (q->body == NULL) {
		reply_error(q, 400, "invalid JSON: got EOF while reading request body");
		return;
	}
	if (ctr_update(c, q->body, &e) < 0) {
		reply_err(q, &e);
		return;
	}
	buf_puts(&b, "{\"Warnings\":null}");
	reply_json(q, 200, &b);
}

static void delete_container(struct req *q)
{
	struct ctr *c = api_ctr(q);
	struct err e;

	if (c == NULL)
		return;
	struct later *l = wait_for(q, c, CTR_WAIT_REMOVED, NULL);
	if (l == NULL)
		return;
	int r = ctr_remove(c, req_flag(q, "force"), req_flag(q, "v"), &e);
	if (r == 0)
		return;
	cancel(l);
	if (r == -EAGAIN)
		try_again(q, c, delete_container);
	else
		reply_err(q, &e);
}

/* ---- wait ---- */

struct waiting {
	struct ctr_waiter w;
	struct req *q;
};

static void put_code(struct req *q, int code, const struct err *e)
{
	owned_buf struct buf b = BUF_INIT(4096);
	struct json_writer w;

	jw_init(&w, &b);
	jw_obj(&w);
	if (e != NULL) {
		jw_key(&w, "Error");
		jw_obj(&w);
		jw_kstr(&w, "Message", e->msg);
		jw_end_obj(&w);
	}
	jw_kint(&w, "StatusCode", code);
	jw_end_obj(&w);
	buf_putc(&b, '\n');
	stream_put(q, b.data, b.len);
	stream_close(q);
}

static void wait_done(struct ctr_waiter *w, struct ctr *c, const struct err *e)
{
	struct waiting *wa = owner_of(w, struct waiting, w);
	struct req *q = wa->q;

	free(wa);
	put_code(q, c->exit_code, e);
}

static void wait_gone(struct req *q)
{
	struct waiting *wa = q->ctx;

	ctr_wait_cancel(&wa->w);
	free(wa);
}

static void post_wait(struct req *q)
{
	const char *condition = req_query(q, "condition");
	struct ctr *c = api_ctr(q);

	if (c == NULL)
		return;
	if (condition == NULL || condition[0] == '\0')
		condition = "not-running";
	bool is_removal = strcmp(condition, "removed") == 0, is_next = strcmp(condition, "next-exit") == 0;
	if (!is_removal && !is_next && strcmp(condition, "not-running") != 0) {
		reply_error(q, 400, "invalid condition: \"%s\"", condition);
		return;
	}
	/* the head at once: clients wait for it before they start the container */
	bool is_up = c->state == CTR_RUNNING || c->state == CTR_PAUSED || c->state == CTR_RESTARTING;
	if (!is_removal && !is_next && !is_up) {
		stream_open(q, 200, TYPE_JSON);
		put_code(q, c->exit_code, NULL);
		return;
	}
	struct waiting *wa = calloc(1, sizeof(*wa));
	if (wa == NULL) {
		reply_error(q, 500, "out of memory");
		return;
	}
	wa->w.what = is_removal ? CTR_WAIT_REMOVED : CTR_WAIT_EXIT;
	wa->w.done = wait_done;
	wa->q = q;
	q->ctx = wa;
	q->on_gone = wait_gone;
	ctr_wait(c, &wa->w);
	stream_open(q, 200, TYPE_JSON);
}

const struct route routes_container[] = {
	{"POST", "/containers/create", post_create, ROUTE_JSON, 0, 0},
	{"POST", "/containers/prune", api_containers_prune, 0, 25, 0},
	{"GET", "/containers/json", api_containers_list, 0, 0, 0},
	{"GET", "/containers/*/json", api_container_inspect, 0, 0, 0},
	{"POST", "/containers/*/start", post_start, 0, 0, 0},
	{"POST", "/containers/*/stop", post_stop, 0, 0, 0},
	{"POST", "/containers/*/restart", post_restart, 0, 0, 0},
	{"POST", "/containers/*/kill", post_kill, 0, 0, 0},
	{"POST", "/containers/*/pause", post_pause, 0, 0, 0},
	{"POST", "/containers/*/unpause", post_unpause, 0, 0, 0},
	{"POST", "/containers/*/rename", post_rename, 0, 0, 0},
	{"POST", "/containers/*/update", post_update, ROUTE_JSON, 0, 0},
	{"POST", "/containers/*/wait", post_wait, 0, 0, 0},
	{"POST", "/containers/*/attach", api_container_attach, 0, 0, 0},
	{"POST", "/containers/*/resize", api_container_resize, 0, 0, 0},
	{"GET", "/containers/*/logs", api_container_logs, 0, 0, 0},
	{"GET", "/containers/*/top", api_container_top, 0, 0, 0},
	{"GET", "/containers/*/stats", api_container_stats, 0, 0, 0},
	{"GET", "/containers/*/changes", api_container_changes, 0, 0, 0},
	{"GET", "/containers/*/export", api_container_export, 0, 0, 0},
	{"HEAD", "/containers/*/archive", api_container_archive, 0, 0, 0},
	{"GET", "/containers/*/archive", api_container_archive, 0, 0, 0},
	{"PUT", "/containers/*/archive", api_container_extract, ROUTE_BODY, 0, 0},
	{"DELETE", "/containers/*", delete_container, 0, 0, 0},
	{0},
};
