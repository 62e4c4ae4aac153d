// SPDX-License-Identifier: Apache-2.0
/* The two ends of a service's life: ready, and asked to end. */
#include "lib/loop/service.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/loop/loop.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

static void on_signal(struct source *s, uint32_t events)
{
	struct signalfd_siginfo si;

	(void)events;
	while (read(s->fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		s->loop->stop = true;
}

int service_end_by_signal(struct loop *l, struct source *s, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL); /* cannot fail with a valid set */
	owned_fd int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_set(e, errno, "make a signal descriptor");
	*s = (struct source){.fd = fd, .name = "signals", .ready = on_signal};
	int r = loop_add(l, s, EPOLLIN, e);
	if (r == 0)
		(void)take_fd(fd);
	return r;
}

void service_tell_ready(const char *subsystem)
{
	static const char ready[] = "READY=1";
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path != NULL ? strlen(path) : 0;

	if (len == 0)
		return;
	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(a.sun_path)) {
		log_warn(subsystem, "NOTIFY_SOCKET='%s' is no socket", path);
		return;
	}
	memcpy(a.sun_path, path, len);
	if (path[0] == '@')
		a.sun_path[0] = '\0';
	owned_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, ready, sizeof(ready) - 1, MSG_NOSIGNAL, (struct sockaddr *)&a,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_warn(subsystem, "tell '%s' that we are ready: %s", path, strerror(errno));
}
