/* init/spawn.h - start a program without allocating anything. */
#ifndef INIT_SPAWN_H
#define INIT_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

struct err;

struct spawn {
	const char *path;
	char *const *argv;
	const int *fds; /* become 0 .. fd_count-1 */
	int fd_count;	/* at most PASSED_MAX */
	bool has_terminal; /* fd 0 becomes the controlling terminal */
	const char *env[3]; /* "NAME=value", more of the environment; NULL-ended unless full */
};

/*
 * vfork and execve with a fresh session, default signals, no other descriptor, and a small fixed environment.
 *
 * Returns  the pid
 * Errors   of vfork(2) or execve(2); nothing is left then
 * Blocks   until the new program is loaded
 */
pid_t spawn(const struct spawn *s, struct err *e);

#endif
