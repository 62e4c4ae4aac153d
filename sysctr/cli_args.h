/* sysctr/cli_args.h - flags of the verbs that start a process, and what they share. */
#ifndef SYSCTR_CLI_ARGS_H
#define SYSCTR_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "sysctr/sysctr.h"

struct err;

#define CONFIG_MAX (4u << 20)

struct args {
	const char *bundle, *pid_file, *console_socket, *pidfd_socket, *process, *user, *cwd, *cgroup, *apparmor, *label;
	const char *env[256], *caps[64], *groups[64];
	size_t env_count, cap_count, group_count;
	int preserve_fds, report_fd;
	bool detach, tty, no_pivot, no_new_keyring, keep, no_new_privs;
};

/* Returns the index of the first operand, or -1. */
int args_parse(struct args *a, int argc, char **argv);
int args_write_pid(const char *file, pid_t pid, struct err *e);
int args_send_pidfd(const char *socket, int pidfd, struct err *e);
/* Wait for a foreground child. id: removed at the end, or NULL. Returns its exit status as a shell tells it. */
int args_foreground(const struct sysctr_opt *opt, const char *id, const struct sysctr_child *child, int pty);

#endif
