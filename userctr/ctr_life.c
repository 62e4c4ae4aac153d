// SPDX-License-Identifier: Apache-2.0
/* What the transitions of ctr_fsm.c do to the world. */
#include "userctr/ctr_internal.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "lib/sys/syscalls.h"
#include "sysctr/sysctr.h"
#include "userctr/ctr_exec.h"
#include "userctr/ctr_health.h"
#include "userctr/ctr_mon.h"
#include "userctr/ctr_net.h"
#include "userctr/daemon.h"
#include "userctr/events.h"
#include "userctr/volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* ---- events ---- */

static void tell(struct ctr *c, const char *action, const struct event_attr *more, size_t n)
{
	struct event_attr a[6] = {{"image", c->conf.image}, {"name", c->name}};

	for (size_t i = 0; i < n && i < countof(a) - 2; i++)
		a[2 + i] = more[i];
	event_emit(c->d, EVENT_TYPE_CONTAINER, action, c->id, a, 2 + n, json_get(c->conf.config, "Labels"));
}

void ctr_event(struct ctr *c, const char *action, const char *key, const char *value)
{
	const struct event_attr a = {key, value};

	tell(c, action, &a, key != NULL);
}

static void tell_die(struct ctr *c)
{
	char code[16], secs[24];
	int64_t ran = c->started_ns > 0 && c->finished_ns > c->started_ns ? c->finished_ns - c->started_ns : 0;

	(void)snprintf(code, sizeof(code), "%d", c->exit_code); /* numbers fit */
	(void)snprintf(secs, sizeof(secs), "%lld", (long long)(ran / 1000000000));
	const struct event_attr a[] = {{"execDuration", secs}, {"exitCode", code}};
	tell(c, "die", a, countof(a));
}

/* ---- state as others see it ---- */

void ctr_show_phase(struct ctr *c)
{
	switch (c->life->phase) {
	case PHASE_CREATED: c->state = CTR_CREATED; break;
	case PHASE_STARTING:
		if (c->state != CTR_RESTARTING)
			c->state = c->life->has_run ? CTR_EXITED : CTR_CREATED;
		break;
	case PHASE_RUNNING:
	case PHASE_STOPPING: c->state = CTR_RUNNING; break;
	case PHASE_PAUSED: c->state = CTR_PAUSED; break;
	case PHASE_BACKOFF: c->state = CTR_RESTARTING; break;
	case PHASE_EXITED: c->state = CTR_EXITED; break;
	case PHASE_REMOVING: c->state = CTR_REMOVING; break;
	case PHASE_DEAD: c->state = CTR_DEAD; break;
	}
}

/* ---- refusals, in dockerd's words ---- */

static int refuse_remove(const struct ctr *c, const char *why, struct err *e)
{
	return err_say(e, EBUSY, "cannot remove container \"%s\": container is %s", c->name, why);
}

static int refusal(const struct ctr *c, enum ctr_event ev, enum ctr_refusal why, struct err *e)
{
	const bool is_remove = ev == CEV_REMOVE;

	switch (why) {
	case REFUSE_NONE: return 0;
	case REFUSE_DONE: return err_say(e, EALREADY, "container %s is so already", c->id);
	case REFUSE_NOT_RUNNING: return err_say(e, EBUSY, "container %s is not running", c->id);
	case REFUSE_RUNNING:
		return refuse_remove(c, "running: stop the container before removing or force remove", e);
	case REFUSE_PAUSED:
		if (is_remove)
			return refuse_remove(c, "paused and must be unpaused first", e);
		if (ev == CEV_START)
			return err_say(e, EBUSY, "cannot start a paused container, try unpause instead");
		return err_say(e, EBUSY, "container %s is already paused", c->id);
	case REFUSE_NOT_PAUSED: return err_say(e, EIO, "Container %s is not paused", c->id);
	case REFUSE_RESTARTING:
		if (is_remove)
			return refuse_remove(c, "restarting: stop the container before removing or force remove", e);
		return err_say(e, EBUSY, "Container %s is restarting, wait until the container is running", c->id);
	case REFUSE_REMOVING:
		if (is_remove)
			return err_say(e, EBUSY, "removal of container %s is already in progress", c->name);
		return err_say(e, EBUSY, "container is marked for removal and cannot be started");
	case REFUSE_BUSY: return err_say(e, EAGAIN, "container %s is being started or stopped", c->id);
	case REFUSE_IGNORED: return err_say(e, ECANCELED, "container %s: late event", c->id);
	}
	return err_say(e, EINVAL, "container %s", c->id);
}

/* ---- acts ---- */

static void send_signal(struct ctr *c, int sig)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", sig); /* fits */
	ctr_event(c, "kill", "signal", number);
	if (c->pidfd >= 0)
		(void)sys_pidfd_send_signal(c->pidfd, sig); /* gone already: its monitor will say so */
}

static void timer_fired(struct timer *t)
{
	struct ctr_life *l = owner_of(t, struct ctr_life, timer);

	(void)ctr_fire(l->c, l->phase == PHASE_BACKOFF ? CEV_DUE : CEV_GRACE, /* force */ false, NULL);
}

static void arm(struct ctr *c, int64_t ms)
{
	c->life->timer.fire = timer_fired;
	timer_arm(&c->d->loop, &c->life->timer, clock_mono_ms() + ms);
}

/* In a host's or another container's PID namespace killing the first process does not end the others. */
static void kill_all(struct ctr *c)
{
	char root[PATH_MAX];
	const struct sysctr_opt opt = {.root = ctr_sysctr_root(c->d, root)};

	send_signal(c, SIGKILL);
	if (json_str_or(json_get(c->conf.host, "PidMode"), "")[0] != '\0')
		(void)sysctr_kill(&opt, c->id, SIGKILL, /* all */ true, NULL); /* likewise */
}

static int freeze(struct ctr *c, bool want, struct err *e)
{
	char root[PATH_MAX];
	const struct sysctr_opt opt = {.root = ctr_sysctr_root(c->d, root)};

	return want ? sysctr_pause(&opt, c->id, e) : sysctr_resume(&opt, c->id, e);
}

static void remove_volumes(struct ctr *c)
{
	struct err e;

	if (!c->life->remove_volumes && !c->conf.auto_remove)
		return;
	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct ctr_mount *m = &c->mounts[i];
		if (!m->is_anonymous || m->name == NULL)
			continue;
		if (volume_remove_anonymous(c->d, m->name, &e) < 0 && e.code != EBUSY)
			log_warn("userctr", "container '%s': %s", c->name, e.msg);
	}
}

static void remove_it(struct ctr *c)
{
	char path[PATH_MAX];
	struct err e = {0};

	int r = ctr_files_drop(c, &e);
	if (r < 0) {
		log_error("userctr", "container '%s': %s", c->name, e.msg);
		(void)snprintf(c->error, sizeof(c->error), "%s", e.msg); /* both cut alike */
		(void)ctr_fire(c, CEV_STUCK, false, NULL);
		ctr_wake(c, CTR_WAIT_REMOVED, &e);
		return;
	}
	(void)tree_remove(AT_FDCWD, ctr_run_dir(c, NULL, path), NULL); /* memory only; gone with the next boot */
	(void)ctr_fire(c, CEV_GONE, false, NULL); /* the last of c */
}

static void forget(struct ctr *c)
{
	struct daemon *d = c->d;

	/* its volumes are in use as long as it is in the set */
	list_del(&c->link);
	d->ctrs->count--;
	remove_volumes(c);
	ctr_event(c, "destroy", NULL, NULL);
	ctr_wake(c, CTR_WAIT_STARTED, &(struct err){.code = ENOENT, .msg = "the container was removed"});
	ctr_wake(c, CTR_WAIT_EXIT, NULL);
	ctr_wake(c, CTR_WAIT_REMOVED, NULL);
	ctr_free(c);
}

static void launch(struct ctr *c)
{
	struct err e = {0};

	if (ctr_launch(c, &e) < 0)
		ctr_start_failed(c, &e);
}

static void told_started(struct ctr *c)
{
	struct ctr_life *l = c->life;

	ctr_event(c, "start", NULL, NULL);
	if (l->is_restarted)
		ctr_event(c, "restart", NULL, NULL);
	l->is_restarted = false;
	ctr_health_start(c);
	ctr_wake(c, CTR_WAIT_STARTED, NULL);
}

/* The exit is on disk: the monitor may forget it, and so may we what was only for running. */
static void let_go(struct ctr *c)
{
	const struct mon_msg quit = {.tag = MON_QUIT};
	char path[PATH_MAX];

	if (c->life->mon != NULL)
		(void)mon_say(c->life->mon, &quit, -1, NULL); /* it ends with our connection too */
	mon_close(take_ptr(c->life->mon));
	(void)tree_remove(AT_FDCWD, ctr_run_dir(c, NULL, path), NULL); /* memory only; gone with the next boot */
}

static void told_exit(struct ctr *c)
{
	let_go(c);
	ctr_mounts_idle(c); /* it does not count as a user any more */
	if (c->oom_killed)
		ctr_event(c, "oom", NULL, NULL);
	if (c->life->was_stopped)
		ctr_event(c, "stop", NULL, NULL);
	c->life->was_stopped = false;
	tell_die(c);
	ctr_wake(c, CTR_WAIT_EXIT, NULL);
}

static void act(struct ctr *c, unsigned acts, const struct err *why)
{
	struct ctr_life *l = c->life;
	struct err e = {0};

	if ((acts & ACT_DISARM) != 0)
		timer_disarm(&c->d->loop, &l->timer);
	if ((acts & ACT_SAVE) != 0 && ctr_save(c, &e) < 0)
		log_error("userctr", "container '%s': %s", c->name, e.msg);
	if ((acts & ACT_SIGNAL) != 0) {
		l->was_stopped = true;
		send_signal(c, l->stop_signal);
		if (l->grace_ms >= 0)
			arm(c, l->grace_ms);
	}
	if ((acts & ACT_KILL) != 0)
		kill_all(c);
	if ((acts & ACT_BACKOFF) != 0)
		arm(c, l->backoff_ms);
	if ((acts & ACT_TELL_STARTED) != 0)
		told_started(c);
	if ((acts & ACT_TELL_FAILED) != 0)
		ctr_wake(c, CTR_WAIT_STARTED, why);
	if ((acts & ACT_TELL_EXIT) != 0)
		told_exit(c);
	if ((acts & ACT_LAUNCH) != 0)
		l->want_again = false;
	/* these may be the last of c: one at most is there */
	if ((acts & ACT_LAUNCH) != 0)
		launch(c);
	if ((acts & ACT_REMOVE) != 0)
		remove_it(c);
	if ((acts & ACT_FORGET) != 0)
		forget(c);
}

static int fire(struct ctr *c, enum ctr_event ev, bool force, const struct err *why, struct err *e)
{
	struct ctr_life *l = c->life;
	int64_t ran_ms = (c->finished_ns - c->started_ns) / 1000000;
	const struct ctr_fsm_in in = {
		.has_run = l->has_run,
		.want_again = l->want_again,
		.want_restart = !l->remove_after && !c->d->ctrs->is_ending && (ev == CEV_EXIT || (ev == CEV_FAIL && l->has_run && c->state == CTR_RESTARTING)) &&
				ctr_restart_wanted(c->conf.restart_name, c->conf.restart_max, c->restart_count, c->exit_code,
						   l->manual_stop),
		.auto_remove = c->conf.auto_remove || l->remove_after,
		.force = force,
	};

	struct ctr_fsm_out o = ctr_fsm_step(l->phase, ev, &in);
	if (o.refusal != REFUSE_NONE)
		return refusal(c, ev, o.refusal, e);
	if ((o.acts & ACT_FREEZE) != 0 || (o.acts & ACT_THAW) != 0) {
		int r = freeze(c, (o.acts & ACT_FREEZE) != 0, e);
		if (r < 0 && (ev == CEV_PAUSE || ev == CEV_UNPAUSE))
			return r;
	}
	log_debug("userctr", "container '%s': %s, now %s", c->name, ctr_phase_name(l->phase), ctr_phase_name(o.next));
	l->phase = o.next;
	ctr_show_phase(c);
	if ((o.acts & ACT_BACKOFF) != 0) {
		l->backoff_ms = ctr_backoff_ms(l->backoff_ms, ran_ms);
		c->restart_count++;
	}
	if (ev == CEV_PAUSE)
		ctr_event(c, "pause", NULL, NULL);
	if (ev == CEV_UNPAUSE)
		ctr_event(c, "unpause", NULL, NULL);
	act(c, o.acts, why);
	return 0;
}

int ctr_fire(struct ctr *c, enum ctr_event ev, bool force, struct err *e)
{
	return fire(c, ev, force, NULL, e);
}

/* ---- the ends of a start ---- */

void ctr_start_failed(struct ctr *c, const struct err *e)
{
	struct ctr_life *l = c->life;
	char path[PATH_MAX];

	mon_close(take_ptr(l->mon));
	if (l->net_up)
		ctr_net_stop(c->d, c->net, c->id);
	l->net_up = false;
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pidfd = -1;
	c->pid = 0;
	ctr_mounts_idle(c);
	ctr_pending_drop(c);
	(void)tree_remove(AT_FDCWD, ctr_run_dir(c, NULL, path), NULL); /* the next start makes it anew */
	/* what docker's client makes its own exit code of */
	c->exit_code = strstr(e->msg, "executable file not found") != NULL || strcasestr(e->msg, "no such file") != NULL ? 127
		       : strcasestr(e->msg, "permission denied") != NULL || strstr(e->msg, "s a directory") != NULL ? 126
														      : 128;
	(void)snprintf(c->error, sizeof(c->error), "%s", e->msg); /* both cut alike */
	l->want_again = false;
	log_info("userctr", "container '%s' was not started: %s", c->name, e->msg);
	(void)fire(c, CEV_FAIL, /* force */ false, e, NULL);
}

void ctr_ended(struct ctr *c, int wait_status, bool oom, int64_t time_ns)
{
	struct ctr_life *l = c->life;

	ctr_health_stop(c);
	ctr_execs_ended(c);
	if (l->net_up)
		ctr_net_stop(c->d, c->net, c->id);
	l->net_up = false;
	l->went_down = c->d->ctrs->is_ending && !l->manual_stop;
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pidfd = -1;
	c->pid = 0;
	c->exit_code = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
	c->oom_killed = oom;
	c->finished_ns = time_ns;
	if (l->want_again)
		l->is_restarted = true;
	struct daemon *d = c->d;
	struct err e;
	int r = fire(c, CEV_EXIT, /* force */ false, NULL, &e); /* may be the last of c */
	if (r < 0)
		log_warn("userctr", "%s", e.msg);
	ctrs_check_end(d);
}

/* ---- requests ---- */

static bool is_alive(const struct ctr *c)
{
	return c->life->phase == PHASE_RUNNING || c->life->phase == PHASE_PAUSED || c->life->phase == PHASE_STOPPING;
}

int ctr_start(struct ctr *c, struct err *e)
{
	struct ctr_life *l = c->life;
	bool is_ours = l->phase == PHASE_CREATED || l->phase == PHASE_EXITED || l->phase == PHASE_BACKOFF;

	if (is_ours) {
		l->manual_stop = false;
		l->remove_after = false;
		l->backoff_ms = 0;
		c->restart_count = 0;
	}
	return ctr_fire(c, CEV_START, /* force */ false, e);
}

int ctr_stop(struct ctr *c, int sig, int64_t seconds, bool want_again, struct err *e)
{
	struct ctr_life *l = c->life;

	if (seconds == INT64_MIN)
		seconds = c->conf.stop_timeout_s;
	l->stop_signal = sig > 0 ? sig : c->conf.stop_signal > 0 ? c->conf.stop_signal : SIGTERM;
	l->grace_ms = seconds < 0 ? -1 : seconds > INT32_MAX ? INT32_MAX * 1000LL : seconds * 1000;
	if (is_alive(c)) {
		l->want_again = want_again;
		l->manual_stop = true;
	}
	bool was_waiting = l->phase == PHASE_BACKOFF;
	l->manual_stop |= was_waiting;
	int r = ctr_fire(c, CEV_STOP, /* force */ false, e);
	return r < 0 ? r : !was_waiting;
}

int ctr_kill(struct ctr *c, int sig, struct err *e)
{
	if (!is_alive(c))
		return err_say(e, EBUSY, "container %s is not running", c->id);
	int stop = c->conf.stop_signal > 0 ? c->conf.stop_signal : SIGTERM;
	if (sig == SIGKILL || sig == stop) /* who asks for the end does not want it started again */
		c->life->manual_stop = true;
	if (sig == SIGKILL)
		kill_all(c);
	else
		send_signal(c, sig);
	return 0;
}

int ctr_remove(struct ctr *c, bool force, bool volumes, struct err *e)
{
	struct ctr_life *l = c->life;

	if (volumes)
		l->remove_volumes = true;
	if (force && is_alive(c)) {
		l->remove_after = true;
		l->want_again = false;
		l->manual_stop = true;
	}
	return ctr_fire(c, CEV_REMOVE, force, e);
}

int ctr_resize(struct ctr *c, unsigned rows, unsigned cols, struct err *e)
{
	const struct mon_msg m = {.tag = MON_RESIZE, .a = (int32_t)rows, .b = (int32_t)cols};

	if (!is_alive(c) || c->life->mon == NULL)
		return err_say(e, EBUSY, "container %s is not running", c->id);
	return mon_say(c->life->mon, &m, -1, e);
}

#define CONF_MAX (4u << 20)

static int apply_limits(struct ctr *c, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(CONF_MAX);
	char root[PATH_MAX];
	const struct sysctr_opt opt = {.root = ctr_sysctr_root(c->d, root)};
	struct json_writer w;

	if (!is_alive(c))
		return 0;
	jw_init(&w, &b);
	ctr_resources_write(&w, &c->conf);
	return buf_error(&b) < 0 ? err_set(e, -buf_error(&b), "limits") : sysctr_update(&opt, c->id, b.data, b.len, e);
}

/* What the kernel refuses is not kept either. */
int ctr_update(struct ctr *c, const struct json *body, struct err *e)
{
	owned_buf struct buf config = BUF_INIT(CONF_MAX);
	owned_buf struct buf host = BUF_INIT(CONF_MAX);
	struct ctr_conf old;
	struct json_writer w;

	jw_init(&w, &config);
	jw_value(&w, c->conf.config);
	jw_init(&w, &host);
	jw_value(&w, c->conf.host);
	if (buf_error(&config) < 0 || buf_error(&host) < 0)
		return err_set(e, ENOMEM, "update");
	int r = ctr_conf_update(&c->conf, body, e);
	if (r == 0)
		r = apply_limits(c, e);
	if (r == 0)
		r = ctr_save(c, e);
	if (r < 0) {
		if (ctr_conf_load(config.data, config.len, host.data, host.len, &old, NULL) == 0) {
			ctr_conf_release(&c->conf);
			c->conf = old;
		}
		return r;
	}
	ctr_event(c, "update", NULL, NULL);
	return 0;
}

void ctr_listen(struct ctr *c)
{
	mon_listen(c->life->mon);
}

/* ---- the machine goes down ---- */

void ctrs_check_end(struct daemon *d)
{
	if (!d->ctrs->is_ending)
		return;
	list_for_each(it, &d->ctrs->all)
		if (is_alive(owner_of(it, struct ctr, link)))
			return;
	d->loop.stop = true;
}

static void end_fired(struct timer *t)
{
	struct ctrs *cs = owner_of(t, struct ctrs, end);

	log_warn("userctr", "shutting down with containers still running");
	cs->d->loop.stop = true;
}

void ctrs_shutdown(struct daemon *d)
{
	if (d->ctrs->is_ending)
		return;
	d->ctrs->is_ending = true;
	d->ctrs->d = d;
	d->ctrs->end.fire = end_fired;
	timer_arm(&d->loop, &d->ctrs->end, clock_mono_ms() + CTRS_SHUTDOWN_MS);
	list_for_each_safe(it, &d->ctrs->all) {
		struct ctr *c = owner_of(it, struct ctr, link);
		bool was_manual = c->life->manual_stop;
		if (!is_alive(c))
			continue;
		/* half the time for who listens, the rest for what must be killed */
		int64_t s = c->conf.stop_timeout_s;
		(void)ctr_stop(c, 0, s < 0 || s > CTRS_SHUTDOWN_MS / 2000 ? CTRS_SHUTDOWN_MS / 2000 : s, /* want_again */ false,
			       NULL); /* what is not ended is killed with the machine */
		c->life->manual_stop = was_manual;
	}
	ctrs_check_end(d);
}
