// SPDX-License-Identifier: Apache-2.0
/* Execs: made by one request, started by another, told of for a while after their end. */
#include "userctr/ctr_exec.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/store.h"
#include "lib/sys/io.h"
#include "lib/sys/syscalls.h"
#include "userctr/child.h"
#include "userctr/ctr_internal.h"
#include "userctr/ctr_mon.h"
#include "userctr/daemon.h"
#include "userctr/events.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define BODY_MAX   (1u << 20)
#define CONFIG_MAX (2u << 20)

static const char *exec_dir(const struct ctr_exec *x, const char *file, char out[PATH_MAX])
{
	char sub[128];

	(void)snprintf(sub, sizeof(sub), "exec/%s%s%s", x->id, file != NULL ? "/" : "", file != NULL ? file : ""); /* fits */
	return ctr_run_dir(x->c, sub, out);
}

/* "exec_start: sh -c x" and the id of the exec. */
static void tell(struct ctr_exec *x, const char *action, bool with_command)
{
	owned_buf struct buf b = BUF_INIT(8192);
	char code[16];
	struct event_attr a[4] = {{"execID", x->id}, {"image", x->c->conf.image}, {"name", x->c->name}};
	size_t n = 3;

	buf_puts(&b, action);
	if (with_command) {
		struct json_iter it = json_iter(json_iget(x->body, "Cmd"));
		bool is_first = true;
		buf_putc(&b, ':');
		while (json_next(&it)) {
			buf_printf(&b, " %s", json_str_or(it.value, ""));
			is_first = false;
		}
		if (!is_first && json_len(json_iget(x->body, "Cmd")) == 1)
			buf_putc(&b, ' '); /* as dockerd: command, blank, arguments */
	} else {
		(void)snprintf(code, sizeof(code), "%d", x->exit_code); /* fits */
		a[n++] = (struct event_attr){"exitCode", code};
	}
	event_emit(x->c->d, EVENT_TYPE_CONTAINER, buf_str(&b), x->c->id, a, n, json_get(x->c->conf.config, "Labels"));
}

void ctr_exec_drop(struct ctr_exec *x)
{
	list_del(&x->link);
	x->c->life->n_execs--;
	timer_disarm(&x->c->d->loop, &x->forget);
	mon_close(x->mon);
	if (x->client >= 0)
		close(x->client);
	json_free(x->doc);
	free(x);
}

static void forget_fire(struct timer *t)
{
	ctr_exec_drop(owner_of(t, struct ctr_exec, forget));
}

static int copy_body(struct ctr_exec *x, const struct json *body, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(BODY_MAX);
	struct json_writer w;

	jw_init(&w, &b);
	jw_value(&w, body);
	if (buf_error(&b) < 0)
		return err_set(e, -buf_error(&b), "exec");
	int r = json_parse(b.data, b.len, &x->doc, e);
	if (r == 0)
		x->body = json_root(x->doc);
	return r;
}

int ctr_exec_make(struct ctr *c, const struct json *body, const char *detach_keys, struct ctr_exec **ret, struct err *e)
{
	if (c->state == CTR_PAUSED)
		return err_say(e, EBUSY, "Container %s is paused, unpause the container before exec", c->name);
	if (c->state == CTR_RESTARTING)
		return err_say(e, EBUSY, "Container %s is restarting, wait until the container is running", c->id);
	if (c->state != CTR_RUNNING)
		return err_say(e, EBUSY, "container %s is not running", c->id);
	if (json_len(json_iget(body, "Cmd")) == 0)
		return err_say(e, EINVAL, "No exec command specified");
	if (c->life->n_execs >= CTR_EXECS_MAX)
		return err_say(e, E_LIMIT, "container %s has %d execs already", c->id, CTR_EXECS_MAX);
	struct ctr_exec *x = calloc(1, sizeof(*x));
	if (x == NULL)
		return err_set(e, ENOMEM, "exec");
	x->client = -1;
	int r = copy_body(x, body, e);
	if (r < 0) {
		free(x);
		return r;
	}
	id_make(x->id);
	x->c = c;
	x->want_tty = json_bool(json_iget(x->body, "Tty"), false);
	x->want_stdin = json_bool(json_iget(x->body, "AttachStdin"), false);
	x->want_stdout = json_bool(json_iget(x->body, "AttachStdout"), false);
	x->want_stderr = json_bool(json_iget(x->body, "AttachStderr"), false);
	(void)snprintf(x->keys, sizeof(x->keys), "%s", detach_keys); /* keys are short */
	x->forget.fire = forget_fire;
	list_add_tail(&c->life->execs, &x->link);
	c->life->n_execs++;
	tell(x, "exec_create", /* with_command */ true);
	*ret = x;
	return 0;
}

int ctr_exec_find(struct daemon *d, const char *id, struct ctr_exec **ret, struct err *e)
{
	size_t len = strlen(id);
	unsigned n = 0;

	list_for_each(it, ctrs_all(d)) {
		struct ctr *c = owner_of(it, struct ctr, link);
		list_for_each(jt, &c->life->execs) {
			struct ctr_exec *x = owner_of(jt, struct ctr_exec, link);
			if (len > 0 && strncmp(x->id, id, len) == 0) {
				*ret = x;
				n++;
			}
		}
	}
	return n == 1 ? 0 : err_say(e, ENOENT, "No such exec instance: %s", id);
}

/* ---- its life ---- */

/* What went wrong is told to who is attached, where the output would be. */
static void write_error(struct ctr_exec *x, const char *text)
{
	owned_buf struct buf b = BUF_INIT(2048);

	if (x->client < 0)
		return;
	size_t n = strlen(text) + 2;
	if ((x->client_flags & MON_ATTACH_RAW) == 0) {
		const unsigned char head[8] = {1, 0, 0, 0, 0, 0, (unsigned char)(n >> 8), (unsigned char)n};
		buf_put(&b, head, sizeof(head));
	}
	buf_printf(&b, "%s\r\n", text);
	(void)send(x->client, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL); /* a fresh socket takes this */
	(void)shutdown(x->client, SHUT_WR);				   /* likewise */
	close(take_fd(x->client));
}

static void ended(struct ctr_exec *x, int code)
{
	char path[PATH_MAX];

	mon_close(take_ptr(x->mon));
	(void)tree_remove(AT_FDCWD, exec_dir(x, NULL, path), NULL); /* memory only */
	x->is_running = false;
	x->has_code = true;
	x->exit_code = code;
	x->pid = 0;
	timer_arm(&x->c->d->loop, &x->forget, clock_mono_ms() + EXEC_KEEP_MS);
}

static void failed(struct ctr_exec *x, const struct err *e)
{
	bool is_missing = strstr(e->msg, "executable file not found") != NULL || strstr(e->msg, "no such file") != NULL;

	ended(x, is_missing ? 127 : 126);
	write_error(x, e->msg);
	if (x->on_started != NULL)
		x->on_started(x, e); /* may be the last of x */
}

static void on_failed(struct ctr_exec *x, const struct mon_msg *msg)
{
	char text[sizeof(msg->text)];
	struct err e;

	memcpy(text, msg->text, sizeof(text));
	char *at = strrchr(text, ':');
	if (strncmp(text, "exec: ", 6) == 0 && at != NULL && at[1] == ' ')
		at[2] = (char)tolower((unsigned char)at[2]); /* as Go spells errno: clients look for it */
	(void)err_say(&e, EINVAL, "OCI runtime exec failed: exec failed: unable to start container process: %s", text);
	failed(x, &e);
}

static void on_created(struct ctr_exec *x, const struct mon_msg *msg)
{
	struct mon_msg m = {.tag = MON_ATTACH, .flags = (uint16_t)x->client_flags};
	struct err e;
	int r = 0;

	x->pid = msg->a;
	if (x->rows > 0 && x->cols > 0) {
		const struct mon_msg size = {.tag = MON_RESIZE, .a = (int32_t)x->rows, .b = (int32_t)x->cols};
		(void)mon_say(x->mon, &size, -1, NULL); /* the size is a courtesy */
	}
	if (x->client >= 0) {
		(void)snprintf(m.text, sizeof(m.text), "%s", x->keys); /* same size */
		r = mon_say(x->mon, &m, x->client, &e);
		if (r == 0)
			close(take_fd(x->client));
	}
	m = (struct mon_msg){.tag = MON_START};
	if (r == 0)
		r = mon_say(x->mon, &m, -1, &e);
	if (r < 0)
		failed(x, &e);
}

static void said(struct mon *m, const struct mon_msg *msg, int fd)
{
	struct ctr_exec *x = m->ctx;
	owned_fd int got = fd; /* nothing of it is wanted: closed */

	(void)got;
	switch ((enum mon_tag)msg->tag) {
	case MON_CREATED: on_created(x, msg); break;
	case MON_STARTED:
		x->is_running = true;
		tell(x, "exec_start", /* with_command */ true);
		if (x->on_started != NULL)
			x->on_started(x, NULL);
		break;
	case MON_FAILED: on_failed(x, msg); break;
	case MON_EXITED: {
		const struct mon_msg quit = {.tag = MON_QUIT};
		(void)mon_say(m, &quit, -1, NULL); /* it ends with our connection too */
		ended(x, WIFSIGNALED(msg->a) ? 128 + WTERMSIG(msg->a) : WEXITSTATUS(msg->a));
		tell(x, "exec_die", /* with_command */ false);
		if (x->on_ended != NULL)
			x->on_ended(x); /* may be the last of x */
		break;
	}
	case MON_STATE:
	case MON_ATTACH:
	case MON_START:
	case MON_RESIZE:
	case MON_QUIT: break;
	}
}

static void lost(struct mon *m)
{
	struct ctr_exec *x = m->ctx;
	bool was_running = x->is_running;
	struct err e;

	x->mon = NULL; /* it frees itself after this */
	if (!was_running) {
		(void)err_say(&e, EIO, "OCI runtime exec failed: the monitor ended");
		failed(x, &e);
		return;
	}
	ended(x, 137);
	tell(x, "exec_die", /* with_command */ false);
	if (x->on_ended != NULL)
		x->on_ended(x); /* may be the last of x */
}

/* ---- starting ---- */

static int write_process(struct ctr_exec *x, struct err *e)
{
	struct ctr *c = x->c;
	owned_buf struct buf lower = BUF_INIT(256u << 10);
	owned_buf struct buf b = BUF_INIT(CONFIG_MAX);
	char id[DIGEST_TEXT_SIZE], path[PATH_MAX];
	struct image *image = NULL;
	struct ctr_user user;

	const char *who = json_str_or(json_iget(x->body, "User"), "");
	if (who[0] == '\0')
		who = json_str_or(json_get(c->conf.config, "User"), "");
	int r = store_find(c->d->store, digest_text(&c->image, id), &image, e);
	if (r == 0)
		r = store_lower(c->d->store, image, &lower, e);
	if (r == 0)
		r = ctr_user_of(c, buf_str(&lower), who, &user, e);
	if (r < 0)
		return r;
	struct ctr_facts f = {.id = c->id, .uid = user.uid, .gid = user.gid, .groups = user.groups,
				    .n_groups = user.n_groups, .home = user.home[0] != '\0' ? user.home : NULL};
	ctr_facts_rights(&f);
	r = exec_spec_write(&b, &c->conf, &f, x->body, e);
	if (r == 0 && buf_error(&b) < 0)
		r = err_set(e, -buf_error(&b), "process of an exec");
	if (r < 0)
		return r;
	r = dir_make_all(AT_FDCWD, exec_dir(x, NULL, path), 0700, e);
	if (r < 0)
		return r;
	owned_fd int fd = open(exec_dir(x, "config.json", path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : write_all(fd, b.data, b.len);
	return r < 0 ? err_set(e, -r, "write '%s'", path) : 0;
}

static int start_monitor(struct ctr_exec *x, struct err *e)
{
	char dir[PATH_MAX], root[PATH_MAX];
	const char *argv[CHILD_ARGS_MAX] = {"userctr", "monitor", "--dir", exec_dir(x, NULL, dir), "--id", x->c->id,
					    "--exec", x->id, "--sysctr-root", ctr_sysctr_root(x->c->d, root)};
	size_t n = 10;

	if (x->want_tty)
		argv[n++] = "--tty";
	if (x->want_stdin) {
		argv[n++] = "--stdin";
		argv[n++] = "--stdin-once";
	}
	int r = mon_start(x->c->d, dir, argv, &x->mon, e);
	if (r < 0)
		return r;
	x->mon->ctx = x;
	x->mon->said = said;
	x->mon->lost = lost;
	return 0;
}

int ctr_exec_start(struct ctr_exec *x, int client, unsigned flags, unsigned rows, unsigned cols, struct err *e)
{
	x->client = client;
	x->client_flags = flags;
	x->rows = rows;
	x->cols = cols;
	x->was_started = true;
	int r = write_process(x, e);
	if (r == 0)
		r = start_monitor(x, e);
	if (r < 0) {
		ended(x, 126);
		write_error(x, e->msg);
	}
	return r;
}

int ctr_exec_resize(struct ctr_exec *x, unsigned rows, unsigned cols, struct err *e)
{
	const struct mon_msg m = {.tag = MON_RESIZE, .a = (int32_t)rows, .b = (int32_t)cols};

	if (!x->is_running || x->mon == NULL)
		return err_say(e, EBUSY, "exec %s is not running", x->id);
	return mon_say(x->mon, &m, -1, e);
}

/* ---- with their container ---- */

void ctr_execs_ended(struct ctr *c)
{
	list_for_each_safe(it, &c->life->execs) {
		struct ctr_exec *x = owner_of(it, struct ctr_exec, link);
		/* one that is at work hears from its monitor; what never was started cannot be any more */
		if (!x->was_started)
			ctr_exec_drop(x);
	}
}

void ctr_execs_free(struct ctr *c)
{
	list_for_each_safe(it, &c->life->execs)
		ctr_exec_drop(owner_of(it, struct ctr_exec, link));
}
