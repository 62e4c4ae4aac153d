// SPDX-License-Identifier: Apache-2.0
/* `slipway`, also installed as `ros`, and under the names of its power verbs. */
#include "admin/verbs.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/base/version.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct verb verbs[] = {
	{"service", cmd_service, "VERB ...", "list, start and stop system services", "slipway service ls"},
	{"config", cmd_config, "VERB ...", "read and change the configuration", "slipway config get hostname"},
	{"cloud-init", cmd_cloud_init, "status [--format json]", "what the datasource gave, what was done and what was ignored",
	 "slipway cloud-init status"},
	{"boot-times", cmd_boot_times, "[--format json]", "what the boot spent its time on", "slipway boot-times"},
	{"poweroff", cmd_power, "[-f]", "stop everything and switch off", "slipway poweroff"},
	{"reboot", cmd_power, "[-f]", "stop everything and start again", "slipway reboot"},
	{"halt", cmd_power, "[-f]", "stop everything and stay", "slipway halt"},
	{"shutdown", cmd_power, "[-r|-H|-P] [-f] [now]", "power off, or reboot with -r, halt with -H", "shutdown -r now"},
	{"version", cmd_version, "[--format json]", "the version of this program and of the running system",
	 "slipway version"},
};

int fail(const struct err *e)
{
	fprintf(stderr, "slipway: %s\n", e->msg);
	return 1;
}

int usage(const char *program, const struct verb *v, const char *why)
{
	fprintf(stderr, "slipway: %s\nUsage: %s %s %s\n", why, program, v->name, v->args);
	return EXIT_USAGE;
}

static int list_verbs(FILE *to, const char *program, const char *about, const struct verb *v, size_t count)
{
	fprintf(to, "Usage: %s VERB ...\n\n%s\n\nVerbs:\n", program, about);
	for (size_t i = 0; i < count; i++)
		fprintf(to, "  %-12s %s\n", v[i].name, v[i].help);
	fprintf(to, "\n'%s VERB --help' says more.\n", program);
	return to == stdout ? 0 : EXIT_USAGE;
}

static bool is_help(const char *arg)
{
	return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0 || strcmp(arg, "help") == 0;
}

int verbs_run(const char *program, const char *about, const struct verb *v, size_t count, int argc, char **argv)
{
	if (argc < 2)
		return list_verbs(stderr, program, about, v, count);
	if (is_help(argv[1]))
		return list_verbs(stdout, program, about, v, count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(argv[1], v[i].name) != 0)
			continue;
		if (argc == 3 && is_help(argv[2]) && v[i].run != cmd_service && v[i].run != cmd_config) {
			printf("Usage: %s %s %s\n\n%s\n", program, v[i].name, v[i].args, v[i].help);
			if (v[i].example != NULL)
				printf("\nExample: %s\n", v[i].example);
			return 0;
		}
		return v[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "slipway: unknown verb '%s'\n", argv[1]);
	return list_verbs(stderr, program, about, v, count);
}

int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "";

	/* as poweroff, reboot, halt or shutdown the name is the verb */
	for (size_t i = 0; i < countof(verbs); i++)
		if (verbs[i].run == cmd_power && strcmp(name, verbs[i].name) == 0)
			return cmd_power(argc, argv);
	if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)) {
		printf("slipway version %s\n", SLIPWAY_VERSION);
		return 0;
	}
	return verbs_run("slipway", "Administers a Slipway system.", verbs, countof(verbs), argc, argv);
}
