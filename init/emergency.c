// SPDX-License-Identifier: Apache-2.0
/* Whatever fails, a person at a console gets a reason and a prompt. The shell is busybox, from the system image when
 * that is mounted, else from the initramfs: the same path in both. PID 1 goes on as usual meanwhile. */
#include "init/console.h"
#include "init/pid1.h"
#include "init/spawn.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define SHELL "/bin/busybox"

/* A login program may have left the terminal in any state, and nobody will be asked for a password: say why. */
static void explain(const struct pid1 *p, int tty)
{
	char text[768];

	int n = snprintf(text, sizeof(text),
			 "\r\n*** slipway: emergency console ***\r\n"
			 "    reason: %s\r\n"
			 "    'reboot' tries again; 'dmesg' tells more; 'poweroff' ends\r\n\r\n",
			 p->emergency);
	if (n > 0)
		(void)!write(tty, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1); /* the log has it too */
}

/* The terminal behind a console name: tty0 is whichever is in front, and cannot be anyone's own. */
static int open_tty(const char *name)
{
	char path[PATH_TEXT_MAX];

	if (strcmp(name, "tty0") == 0)
		name = "tty1";
	(void)snprintf(path, sizeof(path), "/dev/%s", name); /* names are bounded */
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		(void)fcntl(fd, F_SETFL, 0); /* a shell expects to wait for its input */
	return fd;
}

static void start_shell(struct shell *sh)
{
	char *const argv[] = {(char[]){"sh"}, (char[]){"-i"}, NULL};
	struct err e;

	if (sh->p->emergency[0] == '\0' || shutdown_is_on(sh->p))
		return;
	owned_fd int tty = open_tty(sh->tty);
	if (tty < 0)
		return; /* a console= that names no device */
	explain(sh->p, tty);
	struct spawn sp = {.path = SHELL, .argv = argv, .fds = (int[]){tty, tty, tty}, .fd_count = 3, .has_terminal = true};
	pid_t pid = spawn(&sp, &e);
	if (pid < 0)
		log_error("slipway", "emergency console on '%s': %s", sh->tty, e.msg);
	else
		child_watch(sh->p, &sh->child, pid);
}

static void on_again(struct timer *t)
{
	start_shell(owner_of(t, struct shell, again));
}

static void on_shell_end(struct child *c)
{
	struct shell *sh = owner_of(c, struct shell, child);

	timer_arm(&sh->p->loop, &sh->again, clock_mono_ms() + SHELL_PAUSE_MS);
}

void emergency_begin(struct pid1 *p, const char *reason)
{
	bool is_on = p->emergency[0] != '\0', any = false;

	if (is_on && strcmp(p->emergency, reason) == 0)
		return;
	(void)snprintf(p->emergency, sizeof(p->emergency), "%s", reason); /* may be cut */
	say(p, "emergency: %s", reason);
	if (is_on)
		return; /* the shells are there; the next ones show the newer reason */
	if (p->console_count == 0)
		console_find(p);
	p->shell_count = p->console_count;
	for (unsigned i = 0; i < p->shell_count; i++) {
		struct shell *sh = &p->shells[i];
		if (sh->child.pid != 0 || sh->again.armed) {
			any = true;
			continue;
		}
		*sh = (struct shell){.p = p, .child.ended = on_shell_end, .again.fire = on_again};
		memcpy(sh->tty, p->consoles[i], sizeof(sh->tty));
		start_shell(sh);
		any |= sh->child.pid != 0;
	}
	/* none of them is a device: the kernel's own console is better than nobody */
	if (!any && p->shell_count > 0 && strcmp(p->shells[0].tty, "console") != 0 && !p->shells[0].again.armed) {
		(void)snprintf(p->shells[0].tty, sizeof(p->shells[0].tty), "console"); /* fits */
		start_shell(&p->shells[0]);
	}
}

void emergency_end(struct pid1 *p)
{
	p->emergency[0] = '\0'; /* shells that run are left to whoever uses them; none is started again */
}
