// SPDX-License-Identifier: Apache-2.0
/* Execs over the API. */
#include "userctr/api_container.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/ctr_exec.h"
#include "userctr/ctr_internal.h"
#include "userctr/ctr_mon.h"
#include "userctr/detach_keys.h"
#include "userctr/req.h"
#include "userctr/route.h"

#include <errno.h>
#include <stddef.h>

static struct ctr_exec *find(struct req *q)
{
	struct ctr_exec *x = NULL;
	struct err e;

	int r = ctr_exec_find(q->d, q->var, &x, &e);
	if (r == 0) {
		mon_listen(x->mon);
		r = ctr_exec_find(q->d, q->var, &x, &e);
	}
	if (r < 0) {
		reply_err(q, &e);
		return NULL;
	}
	return x;
}

static void post_exec(struct req *q)
{
	struct ctr *c = api_ctr(q);
	struct buf b = BUF_INIT(512);
	struct ctr_exec *x = NULL;
	char keys[32] = "";
	struct err e;

	if (c == NULL)
		return;
	const char *text = json_str_or(json_iget(q->body, "DetachKeys"), "");
	if (text[0] != '\0' && detach_keys_parse(text, keys, sizeof(keys)) < 0) {
		reply_error(q, 400, "Invalid detach keys (%s) provided", text);
		return;
	}
	if (ctr_exec_make(c, q->body, keys, &x, &e) < 0) {
		reply_err(q, &e);
		return;
	}
	buf_printf(&b, "{\"Id\":\"%s\"}", x->id);
	reply_json(q, 201, &b);
}

/* ---- start ---- */

static void detached_started(struct ctr_exec *x, const struct err *e)
{
	struct req *q = x->ctx;

	x->ctx = NULL;
	x->on_started = NULL;
	if (e != NULL)
		reply_err(q, e);
	else
		reply_empty(q, 200);
}

static void start_detached(struct req *q, struct ctr_exec *x)
{
	struct err e;

	x->ctx = q;
	x->on_started = detached_started;
	if (ctr_exec_start(x, -1, 0, 0, 0, &e) < 0) {
		x->ctx = NULL;
		x->on_started = NULL;
		reply_err(q, &e);
	}
}

/* The connection is taken over before the start: what fails is written there. */
static void start_attached(struct req *q, struct ctr_exec *x)
{
	const struct json *size = json_iget(q->body, "ConsoleSize");
	unsigned flags = 0, wh[2] = {0, 0}, n = 0;

	struct json_iter it = json_iter(size);
	while (json_next(&it) && n < countof(wh))
		wh[n++] = (unsigned)json_int(it.value, 0) & 0xffff;
	flags |= x->want_tty ? MON_ATTACH_RAW : 0;
	flags |= x->want_stdin ? MON_ATTACH_STDIN : 0;
	flags |= x->want_stdout ? MON_ATTACH_STDOUT : 0;
	flags |= x->want_stderr ? MON_ATTACH_STDERR : 0;
	if (x->want_tty && x->want_stdin && x->keys[0] == '\0')
		(void)detach_keys_parse("ctrl-p,ctrl-q", x->keys, sizeof(x->keys)); /* is well formed */
	bool is_mux = !x->want_tty && q->want_upgrade && q->api >= 42; /* told only to those who upgrade, as docker does */
	int fd = hijack(q, is_mux ? TYPE_MUX_STREAM : TYPE_RAW_STREAM); /* the end of q */
	if (fd >= 0)
		(void)ctr_exec_start(x, fd, flags, wh[0], wh[1], NULL); /* told on the connection */
}

static void post_start(struct req *q)
{
	struct ctr_exec *x = find(q);

	if (x == NULL)
		return;
	struct ctr *c = x->c;
	if (x->was_started) {
		reply_error(q, 409, "exec %s has already been started", x->id);
		return;
	}
	if (c->state == CTR_PAUSED) {
		reply_error(q, 409, "container %s is paused, unpause the container before exec", c->id);
		return;
	}
	if (c->state != CTR_RUNNING) {
		reply_error(q, 409, "container %s is not running", c->id);
		return;
	}
	if (json_bool(json_iget(q->body, "Detach"), false))
		start_detached(q, x);
	else
		start_attached(q, x);
}

/* ---- resize, inspect ---- */

static void post_resize(struct req *q)
{
	unsigned rows, cols;
	struct err e;

	if (!api_size(q, &rows, &cols))
		return;
	struct ctr_exec *x = find(q);
	if (x == NULL)
		return;
	if (ctr_exec_resize(x, rows, cols, &e) < 0)
		reply_err(q, &e);
	else
		reply_empty(q, 200);
}

static void print_process(const struct ctr_exec *x, struct json_writer *w)
{
	struct json_iter it = json_iter(json_iget(x->body, "Cmd"));
	const char *user = json_str_or(json_iget(x->body, "User"), "");

	jw_key(w, "ProcessConfig");
	jw_obj(w);
	jw_kbool(w, "tty", x->want_tty);
	jw_kstr(w, "entrypoint", json_next(&it) ? json_str_or(it.value, "") : "");
	jw_key(w, "arguments");
	jw_arr(w);
	while (json_next(&it))
		jw_value(w, it.value);
	jw_end_arr(w);
	jw_kbool(w, "privileged", json_bool(json_iget(x->body, "Privileged"), false));
	if (user[0] != '\0')
		jw_kstr(w, "user", user);
	jw_end_obj(w);
}

static void get_exec(struct req *q)
{
	struct buf b = BUF_INIT(1 << 20);
	struct ctr_exec *x = find(q);
	struct json_writer w;

	if (x == NULL)
		return;
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "ID", x->id);
	jw_kbool(&w, "Running", x->is_running);
	jw_key(&w, "ExitCode");
	if (x->has_code)
		jw_int(&w, x->exit_code);
	else
		jw_null(&w);
	print_process(x, &w);
	jw_kbool(&w, "OpenStdin", x->want_stdin);
	jw_kbool(&w, "OpenStderr", x->want_stderr);
	jw_kbool(&w, "OpenStdout", x->want_stdout);
	jw_kbool(&w, "CanRemove", false);
	jw_kstr(&w, "ContainerID", x->c->id);
	jw_kstr(&w, "DetachKeys", json_str_or(json_iget(x->body, "DetachKeys"), ""));
	jw_kint(&w, "Pid", x->pid);
	jw_end_obj(&w);
	reply_json(q, 200, &b);
}

const struct route routes_exec[] = {
	{"POST", "/containers/*/exec", post_exec, ROUTE_JSON, 0, 0},
	{"POST", "/exec/*/start", post_start, ROUTE_JSON, 0, 0},
	{"POST", "/exec/*/resize", post_resize, 0, 0, 0},
	{"GET", "/exec/*/json", get_exec, 0, 0, 0},
	{0},
};
