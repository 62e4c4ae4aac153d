// SPDX-License-Identifier: Apache-2.0
/* Events into transitions (svc_fsm.c), transitions into effects. Called from act() only. */
#include "init/svc.h"

#include "init/console.h"
#include "init/pid1.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/syscalls.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

void svc_wish(struct svc *s, unsigned wishes)
{
	unsigned i = (unsigned)(s - s->p->svcs);

	s->wishes |= (uint16_t)wishes;
	s->p->pending[i / 64] |= UINT64_C(1) << (i % 64);
}

void svc_reason(struct svc *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(s->reason, sizeof(s->reason), fmt, ap) < 0)
		s->reason[0] = '\0';
	va_end(ap);
}

static bool has_mark(const struct svc *s, enum svc_mark mark)
{
	return (s->marks & mark) != 0;
}

static bool is_cleaning(const struct svc *s)
{
	return s->state >= SVC_CLEAN_DOWN && s->state <= SVC_CLEAN_AGAIN;
}

static void arm(struct svc *s, int64_t due_ms)
{
	timer_arm(&s->p->loop, &s->timer, due_ms);
}

static void on_timer(struct timer *t)
{
	svc_wish(owner_of(t, struct svc, timer), SVC_WISH_TIMER);
}

/* The instance is over, or is judged to be: what now? */
static void end(struct svc *s, bool is_success)
{
	const struct svcdef *d = s->def;

	if (clock_mono_ms() - s->launched_ms >= GOOD_RUN_MS)
		s->failures = 0;
	if (!is_success && s->failures < UINT8_MAX)
		s->failures++;
	struct svc_end how = {
		.is_success = is_success,
		.was_ready = has_mark(s, SVC_MARK_WAS_READY),
		.is_limit_hit = d->restart_max != 0 && s->window_starts >= d->restart_max,
		.is_permanent = has_mark(s, SVC_MARK_PERMANENT),
	};
	enum svc_event ev = svc_judge(d, &how);
	if (ev == SVC_EV_DONE)
		s->reason[0] = '\0';
	else if (how.is_limit_hit && !how.is_permanent && d->restart != SVCDEF_RESTART_NO) {
		size_t used = strlen(s->reason);
		(void)snprintf(s->reason + used, sizeof(s->reason) - used, ", %u times in a row",
			       s->window_starts); /* a cut reason is a reason */
	}
	svc_event(s, ev);
}

static void launch(struct svc *s)
{
	const struct svcdef *d = s->def;
	int64_t now = clock_mono_ms();
	struct err e;

	s->marks &= (uint8_t) ~(SVC_MARK_KILLED | SVC_MARK_EARLY_READY | SVC_MARK_WAS_READY | SVC_MARK_PERMANENT);
	s->status_text[0] = '\0';
	if (s->window_starts == 0 || (d->restart_window_ms != 0 && now - s->window_ms > d->restart_window_ms)) {
		s->window_ms = now;
		s->window_starts = 0;
	}
	s->window_starts++;
	s->starts++;
	s->launched_ms = now;
	if (s->first_start_usec == 0)
		s->first_start_usec = since_start_usec(s->p);
	log_debug("slipway", "service '%s' is being started", d->name);
	if (svc_launch(s, &e) < 0) {
		svc_reason(s, "%s", e.msg);
		end(s, false);
		return;
	}
	arm(s, now + (d->start_timeout_ms != 0 ? d->start_timeout_ms : LAUNCH_TIMEOUT_MS));
}

static void ask_to_stop(struct svc *s)
{
	const struct svcdef *d = s->def;
	int sig = d->stop_signal;

	if (shutdown_is_on(s->p) && d->shutdown_signal != 0)
		sig = d->shutdown_signal;
	s->marks |= SVC_MARK_KILLED;
	s->reason[0] = '\0';
	log_info("slipway", "service '%s' is being stopped", d->name);
	if (s->pidfd >= 0 && sys_pidfd_send_signal(s->pidfd, sig) < 0 && errno != ESRCH)
		log_warn("slipway", "service '%s': send signal %d: %s", d->name, sig, strerror(errno));
	arm(s, clock_mono_ms() + d->grace_ms);
}

/* Nothing of the instance may survive. The runtime first: it could still add to the cgroup. */
static void kill_all(struct svc *s)
{
	s->marks |= SVC_MARK_KILLED;
	if (s->runtime != 0)
		(void)kill(s->runtime, SIGKILL); /* our child, not reaped: the pid is its own */
	if (s->pid != 0 && s->pidfd >= 0)
		(void)sys_pidfd_send_signal(s->pidfd, SIGKILL); /* gone already is fine */
	svc_cgroup_kill(s);
	arm(s, clock_mono_ms() + CLEAN_NAG_MS);
	svc_wish(s, SVC_WISH_EMPTY);
}

static void pause_before_restart(struct svc *s)
{
	unsigned doublings = s->failures > 1 ? s->failures - 1u : 0;
	int64_t ms = doublings < 16 ? (int64_t)PAUSE_FIRST_MS << doublings : PAUSE_MAX_MS;

	if (ms > PAUSE_MAX_MS)
		ms = PAUSE_MAX_MS;
	log_warn("slipway", "service '%s' %s; starting again in %lld.%lld s", s->def->name, s->reason,
		 (long long)ms / 1000, (long long)ms % 1000 / 100);
	arm(s, clock_mono_ms() + ms);
}

/* A new state: what everybody wants to know about it. */
static void enter(struct svc *s, enum svc_state state)
{
	if (s->state == SVC_STARTING)
		s->p->starting--;
	if (state == SVC_STARTING)
		s->p->starting++;
	s->state = (uint8_t)state;
	s->since_usec = (uint64_t)clock_mono_usec();
	timer_disarm(&s->p->loop, &s->timer);
	s->timer.fire = on_timer;
	s->p->want |= WANT_GRAPH;
	if ((state == SVC_READY || state == SVC_DONE) && s->first_ready_usec == 0)
		s->first_ready_usec = since_start_usec(s->p);
	if (state == SVC_READY)
		s->marks |= SVC_MARK_WAS_READY;
	if (state == SVC_READY && s->def->watchdog_ms != 0)
		arm(s, clock_mono_ms() + s->def->watchdog_ms);
	/* a person or the end of the system took it down: what it kept was for its next instance */
	if (state == SVC_DOWN || state == SVC_FAILED)
		svc_fdstore_clear(s);
	svc_sockets_watch(s);
	if (state == SVC_READY || state == SVC_DONE || state == SVC_DOWN)
		s->reason[0] = '\0';
	if (state == SVC_FAILED)
		log_warn("slipway", "service '%s' failed: %s", s->def->name, s->reason);
	else if (state == SVC_READY || state == SVC_DONE || state == SVC_DOWN)
		log_info("slipway", "service '%s' is %s", s->def->name, svc_state_name(state));
}

void svc_event(struct svc *s, enum svc_event ev)
{
	struct svc_step next = svc_step(s->state, ev);

	if (next.state != s->state)
		enter(s, next.state);
	if ((next.actions & SVC_ACT_FORGIVE) != 0) {
		s->failures = 0;
		s->window_starts = 0;
	}
	if ((next.actions & SVC_ACT_LAUNCH) != 0)
		launch(s);
	if ((next.actions & SVC_ACT_SIGNAL) != 0)
		ask_to_stop(s);
	if ((next.actions & SVC_ACT_KILL) != 0)
		kill_all(s);
	if ((next.actions & SVC_ACT_PAUSE) != 0)
		pause_before_restart(s);
}

static void describe_end(struct svc *s)
{
	int st = s->status;

	if (WIFSIGNALED(st))
		svc_reason(s, "was killed by signal %d%s", WTERMSIG(st),
			   WTERMSIG(st) == SIGKILL && svc_cgroup_was_oom(s) ? " (out of memory)" : "");
	else if (WEXITSTATUS(st) == 0 && !has_mark(s, SVC_MARK_WAS_READY))
		svc_reason(s, "exited before it was ready");
	else
		svc_reason(s, "exited with status %d", WEXITSTATUS(st));
}

/* reboot(2) in a PID namespace ends its first process with SIGHUP (restart) or SIGINT (halt, power off). */
static void obey_power(struct svc *s)
{
	if ((s->def->flags & SVCDEF_MAY_POWER) == 0 || has_mark(s, SVC_MARK_KILLED) || !WIFSIGNALED(s->status))
		return;
	if (WTERMSIG(s->status) == SIGHUP)
		shutdown_ask(s->p, CTL_POWER_REBOOT, s->def->name);
	else if (WTERMSIG(s->status) == SIGINT)
		shutdown_ask(s->p, CTL_POWER_OFF, s->def->name);
}

static void act_ended(struct svc *s)
{
	drop_fd(&s->pidfd);
	s->pidfd = -1;
	if (is_cleaning(s)) {
		svc_wish(s, SVC_WISH_EMPTY);
		return;
	}
	describe_end(s);
	obey_power(s);
	end(s, WIFEXITED(s->status) && WEXITSTATUS(s->status) == 0);
}

static void act_ready(struct svc *s)
{
	if (s->state == SVC_STARTING)
		s->marks |= SVC_MARK_EARLY_READY;
	svc_event(s, SVC_EV_READY);
}

/* Dead and reaped: a zombie still takes signals. */
static bool is_reaped(int pidfd)
{
	return sys_pidfd_send_signal(pidfd, 0) < 0 && errno == ESRCH;
}

static void started(struct svc *s)
{
	int64_t now = clock_mono_ms();
	int status = 0;

	if (s->first_run_usec == 0)
		s->first_run_usec = since_start_usec(s->p);
	svc_event(s, SVC_EV_STARTED);
	if (s->def->ready == SVCDEF_READY_STARTED || has_mark(s, SVC_MARK_EARLY_READY))
		svc_event(s, SVC_EV_READY);
	else if (s->def->start_timeout_ms != 0)
		arm(s, s->launched_ms + s->def->start_timeout_ms > now ? s->launched_ms + s->def->start_timeout_ms : now);
	/* it may have ended, and been reaped as a stranger, before its report was read */
	if (!is_reaped(s->pidfd) || !orphan_take(s->p, s->pid, &status))
		return;
	s->pid = 0;
	s->status = status;
	svc_wish(s, SVC_WISH_ENDED);
}

static void act_report(struct svc *s)
{
	int status;
	struct err e;

	if (s->report.loop == NULL || s->report.leaving)
		return;
	int r = svc_take_report(s, &e);
	if (r == -EAGAIN)
		return;
	if (is_cleaning(s)) {
		/* reported just before the runtime was killed */
		if (r == 0 && is_reaped(s->pidfd) && orphan_take(s->p, s->pid, &status))
			s->pid = 0;
		kill_all(s);
	} else if (r == 0) {
		started(s);
	} else {
		if (e.code == E_SPEC || e.code == ENOEXEC)
			s->marks |= SVC_MARK_PERMANENT;
		svc_reason(s, "cannot be started: %s", e.msg);
		end(s, false);
	}
}

static void act_timer(struct svc *s)
{
	switch ((enum svc_state)s->state) {
	case SVC_STARTING:
	case SVC_RUNNING:
		svc_reason(s, "was not ready within %u s",
			   (s->def->start_timeout_ms != 0 ? s->def->start_timeout_ms : LAUNCH_TIMEOUT_MS) / 1000);
		end(s, false);
		break;
	case SVC_STOPPING:
	case SVC_STOP_AGAIN: svc_event(s, SVC_EV_GRACE_OVER); break;
	case SVC_BACKOFF: svc_event(s, SVC_EV_PAUSE_OVER); break;
	case SVC_CLEAN_DOWN:
	case SVC_CLEAN_DONE:
	case SVC_CLEAN_BACKOFF:
	case SVC_CLEAN_FAILED:
	case SVC_CLEAN_AGAIN:
		log_warn("slipway", "service '%s': killed processes are still there", s->def->name);
		kill_all(s);
		break;
	case SVC_READY:
		svc_reason(s, "did not say that it is alive for %u s", s->def->watchdog_ms / 1000);
		end(s, false);
		break;
	case SVC_DOWN:
	case SVC_WAITING:
	case SVC_DONE:
	case SVC_FAILED: break;
	}
}

static void act_empty(struct svc *s)
{
	if (!is_cleaning(s) || s->runtime != 0 || s->pid != 0 || !svc_cgroup_is_empty(s))
		return;
	loop_remove(&s->report);
	svc_log_end(s);
	svc_cgroup_leave(s);
	drop_fd(&s->pidfd);
	s->pidfd = -1;
	svc_event(s, SVC_EV_EMPTY);
}

/* The console is what people see of the system: when it fails, there has to be another one. */
static void mind_console(struct svc *s)
{
	if ((s->def->flags & SVCDEF_CONSOLE) == 0)
		return;
	if (s->state == SVC_FAILED || (s->state == SVC_BACKOFF && s->failures >= FAILING_STARTS)) {
		char why[REASON_MAX + SVCDEF_NAME_MAX + 16];
		(void)snprintf(why, sizeof(why), "service '%s': %s", s->def->name, s->reason); /* fits */
		emergency_begin(s->p, why);
	} else if (s->state == SVC_READY) {
		emergency_end(s->p);
	}
}

void svc_act(struct svc *s)
{
	enum svc_state before = s->state;
	unsigned w = s->wishes;

	s->wishes = 0;
	if ((w & SVC_WISH_REPORT) != 0)
		act_report(s);
	if ((w & SVC_WISH_READY) != 0)
		act_ready(s);
	if ((w & SVC_WISH_ALIVE) != 0 && s->state == SVC_READY && s->def->watchdog_ms != 0)
		arm(s, clock_mono_ms() + s->def->watchdog_ms);
	if ((w & SVC_WISH_SICK) != 0 && (s->state == SVC_RUNNING || s->state == SVC_READY)) {
		svc_reason(s, "said that it is not well");
		end(s, false);
	}
	if ((w & SVC_WISH_ENDED) != 0)
		act_ended(s);
	/* a timer of a state that was left in this very round means nothing any more */
	if ((w & SVC_WISH_TIMER) != 0 && s->state == before)
		act_timer(s);
	if ((w & SVC_WISH_STOP) != 0)
		svc_event(s, SVC_EV_STOP);
	if ((w & SVC_WISH_START) != 0)
		svc_event(s, SVC_EV_START);
	if ((w & SVC_WISH_RESTART) != 0)
		svc_event(s, SVC_EV_RESTART);
	if ((w & SVC_WISH_EMPTY) != 0)
		act_empty(s);
	mind_console(s);
}

bool svc_reaped(struct pid1 *p, pid_t pid, int status)
{
	for (unsigned i = 0; i < p->svc_count; i++) {
		struct svc *s = &p->svcs[i];
		if (s->runtime == pid) {
			s->runtime = 0;
			if (is_cleaning(s))
				svc_cgroup_kill(s); /* it may have filled the cgroup after the first kill */
			svc_wish(s, SVC_WISH_REPORT | SVC_WISH_EMPTY);
			return true;
		}
		if (s->pid == pid) {
			s->pid = 0;
			s->status = status;
			svc_wish(s, SVC_WISH_ENDED);
			return true;
		}
	}
	return false;
}
