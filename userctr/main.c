// SPDX-License-Identifier: Apache-2.0
/* One program, several lives: the daemon, the monitors and helpers it starts, and the client. */
#include "lib/base/owned.h"
#include "userctr/cli.h"
#include "userctr/daemon.h"
#include "userctr/helpers.h"
#include "userctr/image_helper.h"
#include "userctr/init_main.h"
#include "userctr/monitor.h"

#include <string.h>

static const struct {
	const char *verb;
	int (*run)(int argc, char **argv);
} lives[] = {
	{"daemon", daemon_main},
	{"monitor", monitor_main},
	{"unpack", unpack_main},
	{"fetch", fetch_main},
	{"extract", extract_main},
	{"pack", pack_main},
	{"list-changes", diff_main},
	{"populate", populate_main},
	{"remove-tree", remove_tree_main},
};

int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = argc == 0 ? "" : slash != NULL ? slash + 1 : argv[0];

	if (slash != NULL && strcmp(name, "docker-init") == 0)
		return init_main(argc, argv);
	if (argc > 1 && strcmp(name, "docker") != 0) /* by that name it is the client and nothing else */
		for (size_t i = 0; i < countof(lives); i++)
			if (strcmp(argv[1], lives[i].verb) == 0)
				return lives[i].run(argc - 1, argv + 1);
	return cli_main(argc, argv);
}
