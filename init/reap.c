// SPDX-License-Identifier: Apache-2.0
/* Every process whose parent died ends here. Ours are told from strangers; strangers are remembered for a moment,
 * because a service's first process may end before the runtime's message says that it is one. */
#include "init/pid1.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static bool child_reaped(struct pid1 *p, pid_t pid, int status)
{
	for (struct child **at = &p->children; *at != NULL; at = &(*at)->next) {
		struct child *c = *at;
		if (c->pid != pid)
			continue;
		*at = c->next;
		c->pid = 0;
		c->status = status;
		if (c->ended != NULL)
			c->ended(c);
		return true;
	}
	return false;
}

static void remember(struct pid1 *p, pid_t pid, int status)
{
	if (p->starting == 0)
		return; /* nobody can turn out to be a service */
	p->orphans[p->orphan_next].pid = pid;
	p->orphans[p->orphan_next].status = status;
	p->orphan_next = (p->orphan_next + 1) % ORPHANS_MAX;
}

bool orphan_take(struct pid1 *p, pid_t pid, int *ret_status)
{
	for (unsigned i = 0; i < ORPHANS_MAX; i++)
		if (p->orphans[i].pid == pid) {
			*ret_status = p->orphans[i].status;
			p->orphans[i].pid = 0;
			return true;
		}
	return false;
}

void reap(struct pid1 *p)
{
	unsigned failures = 0;

	for (int i = 0; i < REAP_BATCH; i++) {
		int status = 0;
		pid_t pid = waitpid(-1, &status, WNOHANG);
		/* tried again, for no other signal will tell of it; but not for ever */
		if (pid < 0 && errno != ECHILD && failures++ < REAP_TRIES)
			continue;
		p->is_childless = pid < 0 && errno == ECHILD;
		if (pid <= 0)
			return;
		if (!child_reaped(p, pid, status) && !svc_reaped(p, pid, status))
			remember(p, pid, status);
	}
	act_soon(p, WANT_REAP); /* more may be waiting, and no signal will say so again */
}

void child_watch(struct pid1 *p, struct child *c, pid_t pid)
{
	c->pid = pid;
	c->next = p->children;
	p->children = c;
}

int child_await(struct pid1 *p, struct child *c, int64_t timeout_ms, struct err *e)
{
	int64_t due = clock_mono_ms() + timeout_ms;

	while (c->pid != 0) {
		int64_t left = due - clock_mono_ms();
		if (left <= 0 || p->power != 0) {
			(void)kill(c->pid, SIGKILL); /* not reaped yet: it is still this process */
			if (p->power != 0)
				return err_say(e, ECANCELED, "a shutdown was asked for");
			return err_say(e, ETIMEDOUT, "no answer within %lld s", (long long)timeout_ms / 1000);
		}
		if (loop_once(&p->loop, (int)left, e) < 0)
			log_warn("slipway", "%s", e != NULL ? e->msg : "wait for events");
	}
	return 0;
}
