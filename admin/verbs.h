/* admin/verbs.h - one verb of `slipway` per entry; a verb with words of its own has a table of the same kind. */
#ifndef ADMIN_VERBS_H
#define ADMIN_VERBS_H

#include <stddef.h>

struct err;

struct verb {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit code */
	const char *args;    /* "[-q] [--format json]" */
	const char *help;    /* one line */
	const char *example; /* one command line, or NULL */
};

/* Exit codes beside 0 and 1, as systemctl has them. */
enum {
	EXIT_USAGE = 2,
	EXIT_NOT_RUNNING = 3,
	EXIT_NO_SUCH = 4,
};

/* Run the verb that argv[1] names. `program` is for messages ("slipway service"). */
int verbs_run(const char *program, const char *about, const struct verb *verbs, size_t count, int argc, char **argv);

/* Print "slipway: message" to standard error; returns 1. */
int fail(const struct err *e);

/* Print why the arguments are wrong and how they should be; returns EXIT_USAGE. */
int usage(const char *program, const struct verb *v, const char *why);

int cmd_cloud_init(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_boot_times(int argc, char **argv);
int cmd_service(int argc, char **argv);
#define SERVICE_COMPILE_ARGS "[--images DIR] [--images-at DIR] [--bundles-at DIR] --out DIR FILE..."
int cmd_service_compile(int argc, char **argv);
int cmd_power(int argc, char **argv); /* argv[0]: poweroff, reboot, halt or shutdown */
int cmd_version(int argc, char **argv);

#endif
