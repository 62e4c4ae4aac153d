// SPDX-License-Identifier: Apache-2.0
/* PID 1: the boot table, then one loop until the shutdown table has run. No allocation, no threads, no exit. */
#include "init/pid1.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

static struct pid1 pid1; /* all zero: its untouched pages cost nothing, in memory or in the file */

/* A kernel without /dev/console starts us with nothing open: 0 to 3 are occupied until boot_log() has better. */
static void plug_descriptors(void)
{
	int fd = -1;

	/* a failure is tried again: a descriptor of ours at 3 or below would be replaced later */
	for (int tries = 0; fd <= 3 && tries < 16; tries++)
		fd = open("/", O_PATH | O_CLOEXEC);
	if (fd > 3)
		close(fd);
}

static void run(struct pid1 *p)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	sigset_t all;
	bool was_said = false;
	struct err e;

	sigfillset(&all);
	for (;;) {
		if (loop_once(&p->loop, -1, &e) == 0)
			continue;
		if (!was_said)
			log_error("slipway", "%s", e.msg);
		was_said = true;
		(void)sigtimedwait(&all, NULL, &pause); /* a loop that cannot wait must not spin */
		p->want |= WANT_REAP;
		act(&p->loop);
	}
}

int main(void)
{
	struct pid1 *p = &pid1;
	struct rlimit files = {FDS_MAX, FDS_MAX};
	struct err e;

	p->start_usec = clock_mono_usec();
	if (getpid() != 1) {
		static const char text[] = "init: this is PID 1 of Slipway and nothing else\n";
		(void)!write(2, text, sizeof(text) - 1); /* nowhere else to say it */
		return 1;
	}
	p->phase = -1;
	p->watchdog = -1;
	for (size_t i = 0; i < countof(p->state_fds); i++)
		p->state_fds[i] = -1;
	plug_descriptors();
	umask(022);
	(void)setrlimit(RLIMIT_NOFILE, &files); /* fewer services then */
	(void)reboot(RB_DISABLE_CAD);		/* ctrl-alt-del becomes SIGINT; not in a PID namespace */

	/* ---- From here on PID 1 must not die: the kernel panics when it does. ---- */

	/* without these two nothing works: each gets a second try */
	if ((loop_init(&p->loop, &e) < 0 && loop_init(&p->loop, &e) < 0) ||
	    (signals_setup(p, &e) < 0 && signals_setup(p, &e) < 0))
		emergency_begin(p, e.msg);
	else
		(void)boot_run(p); /* a failure is on the consoles, with a shell */
	run(p);
}
