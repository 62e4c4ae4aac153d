// SPDX-License-Identifier: Apache-2.0
/* Wishes into deeds: after each batch of events, and the signals that are wishes from outside. */
#include "init/pid1.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"

#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>

#define ROUNDS_MAX 16 /* then the loop gets its turn: what is left comes with the kick */

/* The numbers other tools send, which are glibc's; musl's SIGRTMIN is one higher. */
enum {
	SIG_HALT = 34 + 3,
	SIG_POWER_OFF = 34 + 4,
	SIG_REBOOT = 34 + 5,
};

void act_soon(struct pid1 *p, unsigned want)
{
	p->want |= want;
	timer_arm(&p->loop, &p->kick, 0);
}

static bool act_on_services(struct pid1 *p)
{
	bool any = false;

	for (unsigned w = 0; w < countof(p->pending); w++)
		while (p->pending[w] != 0) {
			unsigned bit = (unsigned)__builtin_ctzll(p->pending[w]);
			p->pending[w] &= p->pending[w] - 1;
			svc_act(&p->svcs[w * 64 + bit]);
			any = true;
		}
	return any;
}

static bool round_once(struct pid1 *p)
{
	unsigned want = p->want;

	p->want = 0;
	if ((want & WANT_REAP) != 0)
		reap(p);
	bool any = act_on_services(p);
	if ((want & WANT_GRAPH) != 0)
		svc_graph(p);
	return any || want != 0;
}

void act(struct loop *l)
{
	struct pid1 *p = owner_of(l, struct pid1, loop);
	unsigned rounds = 0;

	while (rounds < ROUNDS_MAX && round_once(p))
		rounds++;
	if (rounds == ROUNDS_MAX)
		act_soon(p, 0);
	if (rounds > 0)
		report_progress(p);
	/* a boot step that waits gives up first */
	if (p->power != 0 && !shutdown_is_on(p) && !p->is_booting)
		shutdown_begin(p);
	if (shutdown_is_on(p))
		shutdown_advance(p);
}

static void on_signal(struct pid1 *p, const struct signalfd_siginfo *si)
{
	char who[32];

	(void)snprintf(who, sizeof(who), "signal %u", si->ssi_signo); /* fits */
	switch (si->ssi_signo) {
	case SIGCHLD: p->want |= WANT_REAP; break; /* several ends may come as one */
	case SIGTERM:
	case SIGINT:
	case SIG_REBOOT: shutdown_ask(p, CTL_POWER_REBOOT, si->ssi_signo == SIGINT ? "ctrl-alt-del" : who); break;
	case SIGUSR2:
	case SIGPWR:
	case SIG_POWER_OFF: shutdown_ask(p, CTL_POWER_OFF, who); break;
	case SIGUSR1:
	case SIG_HALT: shutdown_ask(p, CTL_POWER_HALT, who); break;
	default: break;
	}
}

static void on_signals(struct source *src, uint32_t events)
{
	struct pid1 *p = owner_of(src, struct pid1, signals);
	struct signalfd_siginfo si;

	(void)events;
	while (read(src->fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		on_signal(p, &si);
}

static void on_kick(struct timer *t)
{
	(void)t; /* act() runs after every batch; this makes one */
}

int signals_setup(struct pid1 *p, struct err *e)
{
	sigset_t all;

	/* every signal is blocked, not only those listened to: none may have its default effect on PID 1 */
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		return err_set(e, errno, "block signals");
	owned_fd int fd = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "make signalfd");
	p->signals = (struct source){.fd = fd, .name = "signals", .ready = on_signals};
	int r = loop_add(&p->loop, &p->signals, EPOLLIN, e);
	if (r < 0)
		return r;
	(void)take_fd(fd);
	p->kick.fire = on_kick;
	p->loop.idle = act;
	return 0;
}
