// SPDX-License-Identifier: Apache-2.0
/* slipway-network: links, addresses, routes and names of the machine. Started once at boot; ends at SIGTERM and leaves
 * everything as it is, for the next process to go on with. */
#include "images/network/network.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/cmdline.h"
#include "lib/loop/service.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
	"usage: slipway-network [--run DIR] [--kernel-hostname FILE]\n"
	"       slipway-network wait-online [--timeout SECONDS] [--run DIR]\n"
	"\n"
	"Brings links up and configures them by DHCP or as DIR/cmdline says; writes DIR/resolv.conf, DIR/hosts,\n"
	"DIR/hostname and DIR/network/network.json. wait-online exits with 0 once a link has an address, with 1 after\n"
	"SECONDS without.\n"
	"\n"
	"  --run DIR                /run/slipway\n"
	"  --kernel-hostname FILE   /proc/sys/kernel/hostname, or where it is mounted writable\n"
	"  --timeout SECONDS        for ever\n";

struct options {
	const char *run, *kernel_hostname;
	bool want_online;
	int64_t timeout_ms;
};

static bool take_seconds(const char *text, int64_t *ret_ms)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || v < 0 || v > 1000000)
		return false;
	*ret_ms = (int64_t)v * 1000;
	return true;
}

static bool take_options(int argc, char **argv, struct options *o)
{
	int i = 1;

	if (argc > 1 && strcmp(argv[1], "wait-online") == 0) {
		o->want_online = true;
		i++;
	}
	for (; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--run") == 0)
			o->run = argv[i + 1];
		else if (strcmp(argv[i], "--kernel-hostname") == 0 && !o->want_online)
			o->kernel_hostname = argv[i + 1];
		else if (strcmp(argv[i], "--timeout") != 0 || !o->want_online || !take_seconds(argv[i + 1], &o->timeout_ms))
			return false;
	}
	return i == argc;
}

static void complain(const char *key, const char *what, void *arg)
{
	(void)arg;
	log_warn(SUB, "command line: key 'slipway.%s' wants %s", key, what);
}

static void read_conf(struct network *n)
{
	owned_buf struct buf b = BUF_INIT(CMDLINE_MAX + 1);
	struct err e;

	if (file_read(n->run_fd, "cmdline", &b, &e) < 0)
		log_warn(SUB, "nothing is configured: %s", e.msg);
	net_conf_parse(&n->conf, buf_str(&b), b.len, complain, NULL);
	if (cmdline_flag(buf_str(&b), b.len, "debug"))
		log_set_level(LOG_LEVEL_DEBUG);
}

static int open_folders(struct network *n, struct err *e)
{
	n->run_fd = open(n->run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (n->run_fd < 0)
		return err_set(e, errno, "open '%s'", n->run);
	(void)mkdirat(n->run_fd, "network", 0755); /* there already, or the next line says why */
	n->state_fd = openat(n->run_fd, "network", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return n->state_fd < 0 ? err_set(e, errno, "open '%s/network'", n->run) : 0;
}

/* Once per batch, however much has changed in it. */
static void on_idle(struct loop *l)
{
	struct network *n = owner_of(l, struct network, loop);

	if (!n->want_state)
		return;
	n->want_state = false;
	names_write(n);
	state_write(n);
}

static int serve(struct network *n, struct err *e)
{
	int r = open_folders(n, e);

	if (r < 0 || (r = loop_init(&n->loop, e)) < 0)
		return r;
	read_conf(n);
	names_set_configured(n);
	if ((r = service_end_by_signal(&n->loop, &n->signals, e)) < 0 || (r = links_begin(n, e)) < 0)
		return r;
	n->loop.idle = on_idle;
	n->want_state = true;
	on_idle(&n->loop);
	/* links are looked after from here on; nobody waits for a lease */
	service_tell_ready(SUB);
	r = loop_run(&n->loop, e);
	on_idle(&n->loop);
	links_end(n);
	loop_release(&n->loop);
	return r;
}

int main(int argc, char **argv)
{
	static struct network n = {.nl.fd = -1, .watch.fd = -1};
	struct options o = {.run = "/run/slipway", .kernel_hostname = "/proc/sys/kernel/hostname", .timeout_ms = -1};
	struct err e;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return fputs(usage, stdout) < 0;
	if (!take_options(argc, argv, &o)) {
		(void)fputs(usage, stderr); /* exit code says it too */
		return 2;
	}
	if (o.want_online)
		return online_main(o.run, o.timeout_ms);
	n.run = o.run;
	n.kernel_hostname = o.kernel_hostname;
	list_init(&n.ifaces);
	if (serve(&n, &e) < 0) {
		log_error(SUB, "%s", e.msg);
		return 1;
	}
	return 0;
}
