// SPDX-License-Identifier: Apache-2.0
/* slipway-time: asks time servers and keeps the clock right. */
#include "images/time/timed.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/loop/service.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
	"usage: slipway-time [--run DIR]\n"
	"\n"
	"Asks the servers that slipway.ntp.servers in DIR/cmdline names, else those of leases in DIR/network/network.json;\n"
	"sets the clock when it is far off at first, else makes it faster or slower. DIR/time/time.json says how it stands.\n"
	"\n"
	"  --run DIR   /run/slipway\n";

static int open_folder(struct timed *t, struct err *e)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/time", t->run); /* cut: it is not found */
	(void)mkdir(path, 0755); /* there already, or the next line says why */
	t->state_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->state_fd < 0 ? err_set(e, errno, "open '%s'", path) : 0;
}

static int serve(struct timed *t, struct err *e)
{
	int r;

	if ((r = open_folder(t, e)) < 0 || (r = loop_init(&t->loop, e)) < 0 || (r = service_end_by_signal(&t->loop, &t->signals, e)) < 0 ||
	    (r = servers_begin(t, e)) < 0)
		return r;
	state_write(t);
	/* nobody waits for the time: a clock that lags is better than a boot that does */
	service_tell_ready(SUB);
	round_begin(t);
	return loop_run(&t->loop, e);
}

int main(int argc, char **argv)
{
	static struct timed t = {.run = "/run/slipway", .lookup.fd = -1, .policy.poll = POLICY_POLL_MIN};
	struct err e;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return fputs(usage, stdout) < 0;
	if (argc == 3 && strcmp(argv[1], "--run") == 0) {
		t.run = argv[2];
	} else if (argc != 1) {
		(void)fputs(usage, stderr); /* exit code says it too */
		return 2;
	}
	if (serve(&t, &e) < 0) {
		log_error(SUB, "%s", e.msg);
		return 1;
	}
	return 0;
}
