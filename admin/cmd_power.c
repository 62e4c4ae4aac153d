// SPDX-License-Identifier: Apache-2.0
/* poweroff, reboot, halt, shutdown. They ask PID 1; without a way to it they do what a process in a container can:
 * signal the first process of the system, or end the container's PID namespace with reboot(2), which PID 1 obeys when
 * the service may do that. */
#include "admin/client.h"
#include "admin/verbs.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>

#define INITIAL_PID_NS 0xEFFFFFFCu /* the inode number the kernel gives the first PID namespace */

static int syscall_of(enum ctl_power power)
{
	switch (power) {
	case CTL_POWER_OFF: return RB_POWER_OFF;
	case CTL_POWER_REBOOT: return RB_AUTOBOOT;
	case CTL_POWER_HALT: return RB_HALT_SYSTEM;
	}
	return RB_AUTOBOOT;
}

static int signal_of(enum ctl_power power)
{
	switch (power) {
	case CTL_POWER_OFF: return SIGUSR2;
	case CTL_POWER_REBOOT: return SIGTERM;
	case CTL_POWER_HALT: return SIGUSR1;
	}
	return SIGTERM;
}

static int at_once(enum ctl_power power, struct err *e)
{
	sync();
	return reboot(syscall_of(power)) < 0 ? err_set(e, errno, "reboot system call") : 0;
}

static int ask(enum ctl_power power, struct err *e)
{
	unsigned char what = (unsigned char)power;
	struct stat st;

	owned_fd int fd = client_open(e);
	if (fd >= 0)
		return client_ask(fd, CTL_POWER, &what, 1, NULL, NULL, NULL, e);
	if (stat("/proc/self/ns/pid", &st) < 0)
		return fd; /* nobody there, and not knowing where we are */
	if (st.st_ino != INITIAL_PID_NS)
		return at_once(power, e);
	return kill(1, signal_of(power)) < 0 ? err_set(e, errno, "signal PID 1") : 0;
}

struct wish {
	enum ctl_power power;
	bool is_forced;
};

static bool parse(int argc, char **argv, bool is_shutdown, struct wish *w)
{
	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];
		if (strcmp(a, "-f") == 0 || strcmp(a, "--force") == 0)
			w->is_forced = true;
		else if (is_shutdown && (strcmp(a, "now") == 0 || strcmp(a, "+0") == 0))
			continue;
		else if (is_shutdown && (strcmp(a, "-r") == 0 || strcmp(a, "--reboot") == 0))
			w->power = CTL_POWER_REBOOT;
		else if (is_shutdown && (strcmp(a, "-H") == 0 || strcmp(a, "--halt") == 0))
			w->power = CTL_POWER_HALT;
		else if (is_shutdown && (strcmp(a, "-P") == 0 || strcmp(a, "-h") == 0 || strcmp(a, "--poweroff") == 0))
			w->power = CTL_POWER_OFF;
		else
			return false;
	}
	return true;
}

int cmd_power(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash != NULL ? slash + 1 : argv[0];
	bool is_shutdown = strcmp(name, "shutdown") == 0;
	struct wish w = {.power = CTL_POWER_OFF};
	struct err e;

	if (strcmp(name, "reboot") == 0)
		w.power = CTL_POWER_REBOOT;
	else if (strcmp(name, "halt") == 0)
		w.power = CTL_POWER_HALT;
	if (!parse(argc, argv, is_shutdown, &w)) {
		fprintf(stderr, "Usage: %s [-f]%s\n\n-f does not stop services first: the file systems are synced, no more.\n",
			name, is_shutdown ? " [-r|-H|-P] [now]" : "");
		return EXIT_USAGE;
	}
	return (w.is_forced ? at_once(w.power, &e) : ask(w.power, &e)) < 0 ? fail(&e) : 0;
}
