// SPDX-License-Identifier: Apache-2.0
/* slipway-time: asks time servers and keeps the clock right. */
#include "images/time/timed.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/unixsock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

static const char usage[] =
	"usage: slipway-time [--run DIR]\n"
	"\n"
	"Asks the servers that slipway.ntp.servers in DIR/cmdline names, else those of leases in DIR/network/network.json;\n"
	"sets the clock when it is far off at first, else makes it faster or slower. DIR/time/time.json says how it stands.\n"
	"\n"
	"  --run DIR   /run/slipway\n";

static void on_signal(struct source *s, uint32_t events)
{
	struct timed *t = owner_of(s, struct timed, signals);
	struct signalfd_siginfo si;

	(void)events;
	while (read(s->fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		t->loop.stop = true;
}

static int watch_signals(struct timed *t, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_set(e, errno, "make signalfd");
	t->signals = (struct source){.fd = fd, .name = "signals", .ready = on_signal};
	return loop_add(&t->loop, &t->signals, EPOLLIN, e);
}

static int open_folder(struct timed *t, struct err *e)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/time", t->run); /* cut: it is not found */
	(void)mkdir(path, 0755); /* there already, or the next line says why */
	t->state_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->state_fd < 0 ? err_set(e, errno, "open '%s'", path) : 0;
}

static void tell_ready(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct err e;

	if (path == NULL)
		return;
	owned_fd int fd = unixsock_connect(path, SOCK_DGRAM, &e);
	if (fd < 0 || unixsock_send(fd, "READY=1", 7, NULL, 0, 0) < 0)
		log_warn(SUB, "tell that it is ready: %s", fd < 0 ? e.msg : strerror(errno));
}

static int serve(struct timed *t, struct err *e)
{
	int r;

	if ((r = open_folder(t, e)) < 0 || (r = loop_init(&t->loop, e)) < 0 || (r = watch_signals(t, e)) < 0 ||
	    (r = servers_begin(t, e)) < 0)
		return r;
	state_write(t);
	/* nobody waits for the time: a clock that lags is better than a boot that does */
	tell_ready();
	round_begin(t);
	return loop_run(&t->loop, e);
}

int main(int argc, char **argv)
{
	static struct timed t = {.run = "/run/slipway", .lookup.fd = -1, .policy.poll = POLICY_POLL_MIN};
	struct err e;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return fputs(usage, stdout) < 0;
	if (argc == 3 && strcmp(argv[1], "--run") == 0) {
		t.run = argv[2];
	} else if (argc != 1) {
		(void)fputs(usage, stderr); /* exit code says it too */
		return 2;
	}
	if (serve(&t, &e) < 0) {
		log_error(SUB, "%s", e.msg);
		return 1;
	}
	return 0;
}
