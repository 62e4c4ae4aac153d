// SPDX-License-Identifier: Apache-2.0
/* slipway-cloud-init: which part of it runs. */
#include "images/cloud-init/cloud_init.h"

#include "lib/base/err.h"
#include "lib/base/log.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
	"usage: slipway-cloud-init save | execute | apply [--again]\n"
	"\n"
	"save finds a datasource and makes a plan of it and the machine's own configuration; execute runs 'apply' in the\n"
	"console, which does what the plan says; --again does only what a new console has lost. 'slipway cloud-init status'\n"
	"shows the outcome.\n";

extern char **environ;

int run_words(const char *const *words, struct err *e)
{
	pid_t pid;
	int status;
	int r = posix_spawn(&pid, words[0], NULL, NULL, (char *const *)(uintptr_t)words, environ);

	if (r == 0 && strchr(words[0], '/') == NULL)
		return err_set(e, EINVAL, "run '%s'", words[0]);
	if (r != 0)
		return err_set(e, r, "run '%s'", words[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, errno, "wait for '%s'", words[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int do_execute(void)
{
	static const char *const words[] = {"/bin/sysctr", "--root", "/run/sysctr", "exec", "console", "/bin/slipway-cloud-init",
					    "apply", NULL};
	struct err e;
	int r = run_words(words, &e);

	if (r < 0)
		log_error(SUB, "%s", e.msg);
	else if (r > 0)
		log_error(SUB, "applying the plan in the console ended with %d", r);
	return r != 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "save") == 0)
		return do_save();
	if (argc == 2 && strcmp(argv[1], "execute") == 0)
		return do_execute();
	if (argc >= 2 && strcmp(argv[1], "apply") == 0 && (argc == 2 || (argc == 3 && strcmp(argv[2], "--again") == 0)))
		return do_apply(/* is_again= */ argc == 3);
	bool is_help = argc == 2 && strcmp(argv[1], "--help") == 0;
	fputs(usage, is_help ? stdout : stderr);
	return is_help ? 0 : 2;
}
