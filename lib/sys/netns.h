/* lib/sys/netns.h - network namespaces by descriptor, and sockets born in them. */
#ifndef SYS_NETNS_H
#define SYS_NETNS_H

#include <sys/types.h>

struct err;

/*
 * The network namespace of a process.
 *
 * Returns  a descriptor, caller owns; it keeps the namespace alive: close it when the container's start is done
 * Errors   -ESRCH no such process
 */
int netns_of_pid(pid_t pid, struct err *e);

/* The same by pidfd, so that the number cannot have been reused; pid is its number, used where the kernel is too old to be
 * asked by pidfd alone (before 6.11) and verified to be still the same process. */
int netns_of_pidfd(int pidfd, pid_t pid, struct err *e);

/*
 * socket(2) in another network namespace. The calling thread enters it for one call; a thread that cannot come back must
 * not go on in a foreign namespace and aborts.
 *
 * Returns  the socket (CLOEXEC), caller owns
 */
int netns_socket(int netns, int family, int type, int protocol, struct err *e);

#endif
