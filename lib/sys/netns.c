// SPDX-License-Identifier: Apache-2.0
/* Network namespaces: finding a process's, and opening sockets inside. */
#include "lib/sys/netns.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* <linux/pidfd.h> of the build machine may be older than the kernel. */
#ifndef PIDFD_GET_NET_NAMESPACE
#define PIDFD_GET_NET_NAMESPACE _IO(0xFF, 4)
#endif

int netns_of_pid(pid_t pid, struct err *e)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid); /* fits */
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? ESRCH : errno, "network namespace of process %d", (int)pid);
	return fd;
}

int netns_of_pidfd(int pidfd, pid_t pid, struct err *e)
{
	int fd = ioctl(pidfd, PIDFD_GET_NET_NAMESPACE, 0);

	if (fd >= 0)
		return fd; /* born CLOEXEC */
	if (errno == ESRCH)
		return err_set(e, ESRCH, "network namespace of process %d", (int)pid);
	owned_fd int by_number = netns_of_pid(pid, e);
	if (by_number < 0)
		return by_number;
	/* As long as its pidfd is not readable the process was not reaped, so the number was its own all the time. */
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	if (poll(&p, 1, 0) != 0)
		return err_set(e, ESRCH, "network namespace of process %d", (int)pid);
	return take_fd(by_number);
}

int netns_socket(int netns, int family, int type, int protocol, struct err *e)
{
	owned_fd int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (home < 0)
		return err_set(e, errno, "open own network namespace");
	if (setns(netns, CLONE_NEWNET) < 0)
		return err_set(e, errno, "enter network namespace");
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);
	int saved = errno;
	/* Returning can only fail for lack of memory. Going on would make the container's network the host's. */
	for (int tries = 0; setns(home, CLONE_NEWNET) < 0; tries++) {
		if (tries == 1000) {
			log_error("netns", "cannot return to the own network namespace: aborting");
			abort();
		}
		(void)sched_yield(); /* let somebody free some */
	}
	return fd < 0 ? err_set(e, saved, "open socket in network namespace") : fd;
}
