// SPDX-License-Identifier: Apache-2.0
/* slipway-console: keeps a login on each console. It waits for its children and for signals, and does nothing else. */
#include "images/console/console.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/loop/service.h"
#include "lib/codec/cmdline.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#define CMDLINE "/run/slipway/cmdline"
#define ACTIVE	"/sys/class/tty/console/active"
#define ISSUE	"/etc/issue"
#define RESTORE "/bin/slipway-cloud-init"
#define APPLIED "/run/slipway/cloud-init/done.json"

struct console {
	struct terms terms;
	bool has_password, is_ending;
};

static bool has_tty(const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/dev/%s", name); /* names are bounded */
	return access(path, F_OK) == 0;
}

static void start_due(struct console *c, int64_t now)
{
	struct err e;

	for (size_t i = 0; i < c->terms.n; i++) {
		struct term *t = &c->terms.t[i];
		if (t->pid != 0 || t->due_ms > now)
			continue;
		if (issue_write(ISSUE, c->has_password, &e) < 0)
			log_warn("console", "%s", e.msg); /* the login works without it */
		if (term_start(t, now, &e) < 0) {
			log_error("console", "terminal '%s': %s", t->name, e.msg);
			t->due_ms = now + term_pause_ms(t, now);
		}
	}
}

static void reap(struct console *c, int64_t now)
{
	int status;

	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		for (size_t i = 0; i < c->terms.n; i++) {
			struct term *t = &c->terms.t[i];
			if (t->pid != pid)
				continue;
			t->pid = 0;
			t->due_ms = now + term_pause_ms(t, now);
			if (t->due_ms > now)
				log_info("console", "login on '%s' ended (wait status 0x%x), again in %lld ms", t->name,
					 (unsigned)status, (long long)(t->due_ms - now));
		}
}

static int next_due(const struct console *c, int64_t now)
{
	int64_t wait = -1;

	for (size_t i = 0; i < c->terms.n; i++) {
		const struct term *t = &c->terms.t[i];
		int64_t left = t->due_ms > now ? t->due_ms - now : 0;
		if (t->pid == 0 && (wait < 0 || left < wait))
			wait = left;
	}
	return (int)wait;
}

/* A getty that still asks for a name shows addresses of before: let it ask again. */
static void refresh(struct console *c)
{
	owned_buf struct buf old = BUF_INIT(65536);
	owned_buf struct buf new = BUF_INIT(65536);

	(void)file_read(AT_FDCWD, ISSUE, &old, NULL); /* without one it has changed */
	if (issue_write(ISSUE, c->has_password, NULL) < 0 || file_read(AT_FDCWD, ISSUE, &new, NULL) < 0 ||
	    strcmp(buf_str(&old), buf_str(&new)) == 0)
		return;
	for (size_t i = 0; i < c->terms.n; i++) {
		owned_buf struct buf comm = BUF_INIT(64);
		char path[64];
		(void)snprintf(path, sizeof(path), "/proc/%d/comm", c->terms.t[i].pid); /* fits */
		if (c->terms.t[i].pid != 0 && file_read(AT_FDCWD, path, &comm, NULL) == 0 &&
		    strcmp(buf_str(&comm), "getty\n") == 0) {
			c->terms.t[i].quick = 0;
			c->terms.t[i].started_ms = 0; /* this end is ours: no pause */
			(void)kill(c->terms.t[i].pid, SIGKILL);
		}
	}
}

static int watch_addresses(void)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};

	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void drain(int fd)
{
	char b[4096];

	while (recv(fd, b, sizeof(b), MSG_DONTWAIT) > 0)
		;
}

static void run(struct console *c, int signals, int addresses)
{
	struct pollfd p[2] = {{.fd = signals, .events = POLLIN}, {.fd = addresses, .events = POLLIN}};
	struct signalfd_siginfo si;

	start_due(c, clock_mono_ms());
	service_tell_ready("console");
	while (!c->is_ending) {
		if (poll(p, 2, next_due(c, clock_mono_ms())) < 0 && errno != EINTR)
			return;
		while (read(signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
			if (si.ssi_signo != SIGCHLD)
				c->is_ending = true;
		if ((p[1].revents & POLLIN) != 0) {
			drain(addresses);
			refresh(c);
		}
		int64_t now = clock_mono_ms();
		reap(c, now);
		if (!c->is_ending)
			start_due(c, now);
	}
}

/* This root is new: files and users of the configuration that were applied to the one before are missing in it. Nobody waits for
 * it, and reap() takes no notice of its end. */
static void restore(void)
{
	char *const words[] = {(char[]){RESTORE}, (char[]){"apply"}, (char[]){"--again"}, NULL};
	pid_t pid;

	if (access(APPLIED, F_OK) < 0)
		return; /* the first console: cloud-init-execute comes to it */
	int r = posix_spawn(&pid, words[0], NULL, NULL, words, environ);
	if (r != 0)
		log_warn("console", "run '%s': %s", words[0], strerror(r));
}

int main(void)
{
	static struct console c;
	owned_buf struct buf cmdline = BUF_INIT(CMDLINE_MAX);
	owned_buf struct buf active = BUF_INIT(4096);
	sigset_t set;
	struct err e;

	if (file_read(AT_FDCWD, CMDLINE, &cmdline, &e) < 0 || file_read(AT_FDCWD, ACTIVE, &active, &e) < 0)
		log_warn("console", "%s", e.msg);
	c.has_password = users_have_password(buf_str(&cmdline), cmdline.len);
	if (users_set(buf_str(&cmdline), cmdline.len, &e) < 0)
		log_error("console", "%s", e.msg);
	terms_find(&c.terms, buf_str(&cmdline), cmdline.len, buf_str(&active), has_tty);
	if (c.terms.n == 0) {
		log_error("console", "no console: neither the command line nor '%s' names a terminal that exists", ACTIVE);
		return 1;
	}
	restore();
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL); /* cannot fail for a valid set */
	owned_fd int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	owned_fd int addresses = watch_addresses();
	if (signals < 0) {
		log_error("console", "signalfd: %s", strerror(errno));
		return 1;
	}
	run(&c, signals, addresses);
	/* a shell dies of a hangup and lets its jobs know; what stays is PID 1's to end */
	for (size_t i = 0; i < c.terms.n; i++)
		if (c.terms.t[i].pid != 0)
			(void)kill(-c.terms.t[i].pid, SIGHUP);
	return 0;
}
