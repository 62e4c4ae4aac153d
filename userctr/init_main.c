// SPDX-License-Identifier: Apache-2.0
/* The first process of a container that is no init itself. */
#include "userctr/init_main.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t start(char **argv, const sigset_t *old)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	/* a session of jobs: the terminal's signals are for it */
	if (setpgid(0, 0) == 0 && isatty(0)) {
		(void)signal(SIGTTOU, SIG_IGN);
		(void)tcsetpgrp(0, getpgrp()); /* without a controlling terminal there is nothing to give */
		(void)signal(SIGTTOU, SIG_DFL);
	}
	(void)sigprocmask(SIG_SETMASK, old, NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "docker-init: exec: \"%s\": %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

int init_main(int argc, char **argv)
{
	sigset_t all, old;
	int status, code = -1;

	int at = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
	if (argc <= at) {
		fprintf(stderr, "usage: docker-init -- PROGRAM [ARGS]\n");
		return 2;
	}
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid_t child = start(argv + at, &old);
	if (child < 0) {
		perror("docker-init: fork");
		return 1;
	}
	while (code < 0) {
		int sig = sigwaitinfo(&all, NULL);
		if (sig > 0 && sig != SIGCHLD)
			(void)kill(child, sig); /* it has ended: then so do we, below */
		for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
			if (pid == child)
				code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
	return code;
}
