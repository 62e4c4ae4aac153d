/* sysctr/cli.h - the command line: one entry per verb. */
#ifndef SYSCTR_CLI_H
#define SYSCTR_CLI_H

#include "sysctr/sysctr.h"

struct err;

struct cli_verb {
	const char *name;
	int (*run)(const struct sysctr_opt *opt, int argc, char **argv); /* argv[0] is the verb; exit status */
	const char *args, *help, *example;
	bool starts; /* makes a process that becomes a container's */
};

int cli_run(const struct sysctr_opt *opt, int argc, char **argv);
int cli_create(const struct sysctr_opt *opt, int argc, char **argv);
int cli_exec(const struct sysctr_opt *opt, int argc, char **argv);
int cli_service_run(const struct sysctr_opt *opt, int argc, char **argv);

int cli_kill(const struct sysctr_opt *opt, int argc, char **argv);
int cli_list(const struct sysctr_opt *opt, int argc, char **argv);
int cli_update(const struct sysctr_opt *opt, int argc, char **argv);
int cli_ps(const struct sysctr_opt *opt, int argc, char **argv);
int cli_events(const struct sysctr_opt *opt, int argc, char **argv);
int cli_spec(const struct sysctr_opt *opt, int argc, char **argv);
int cli_features(const struct sysctr_opt *opt, int argc, char **argv);
int cli_compile_filters(const struct sysctr_opt *opt, int argc, char **argv);
int cli_checkpoint(const struct sysctr_opt *opt, int argc, char **argv);

/* Return with 0 when no container can write to this program through /proc; else start it again so that none can. */
int cli_be_safe(char **argv, struct err *e);

/* Say a failure as runc does and return the exit status. */
int cli_fail(const struct err *e);
/* Usage error of a verb: said on standard error. Returns the exit status. */
int cli_usage(const char *verb, const char *what);

#endif
