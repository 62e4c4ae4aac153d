// SPDX-License-Identifier: Apache-2.0
/* The daemon: wiring and signals. Everything it does begins in an api_*.c or in what a monitor says. */
#include "userctr/daemon.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/loop/service.h"
#include "lib/base/steps.h"
#include "lib/image/store.h"
#include "lib/sys/unixsock.h"
#include "userctr/api_image.h"
#include "userctr/ctr.h"
#include "userctr/ctr_net.h"
#include "userctr/events.h"
#include "userctr/route.h"
#include "userctr/volumes.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CMDLINE_PATH "/run/slipway/cmdline"
#define PRELOADED    "/usr/lib/slipway/images"

static const struct route *const tables[] = {routes_system, routes_events, routes_image,   routes_container,
					     routes_exec,   routes_network, routes_volume, routes_commit,
					     routes_registry, NULL};

/* ---- signals ---- */

static void on_signal(struct source *s, uint32_t events)
{
	struct daemon *d = owner_of(s, struct daemon, signals);
	struct signalfd_siginfo si;

	(void)events;
	/* SIGPWR: the machine goes down, and the containers with it. Else they go on without us. */
	while (read(s->fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGPWR && d->ctrs != NULL)
			ctrs_shutdown(d);
		else
			d->loop.stop = true;
	}
}

static int go_signals(void *ctx, struct err *e)
{
	struct daemon *d = ctx;
	struct rlimit nofile;
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGPWR);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	/* a descriptor per client and several per container */
	if (getrlimit(RLIMIT_NOFILE, &nofile) == 0) {
		nofile.rlim_cur = nofile.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &nofile); /* not needed by small machines */
	}
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_set(e, errno, "make a signal descriptor");
	d->signals = (struct source){.fd = fd, .name = "signals", .ready = on_signal};
	return loop_add(&d->loop, &d->signals, EPOLLIN, e);
}

/* ---- coming up ---- */

static int go_loop(void *ctx, struct err *e)
{
	struct daemon *d = ctx;

	conns_init(&d->conns);
	return loop_init(&d->loop, e);
}

static int go_images(void *ctx, struct err *e)
{
	struct daemon *d = ctx;

	int r = store_open(d->conf.root, PRELOADED, &d->store, e);
	if (r == 0)
		images_sweep(d);
	return r;
}

static int go_networks(void *ctx, struct err *e)
{
	return nets_open(ctx, e);
}

static int go_volumes(void *ctx, struct err *e)
{
	return volumes_open(ctx, e);
}

/* After the containers that run have taken their addresses and ports. Without it there are still containers on the host's
 * network and on none, so a kernel that refuses does not end the daemon. */
static int go_rules(void *ctx, struct err *e)
{
	if (nets_apply(ctx, e) < 0)
		log_error("userctr", "containers have no networks: %s", e->msg);
	return 0;
}

static int go_events(void *ctx, struct err *e)
{
	return events_open(ctx, e);
}

static int go_listen(void *ctx, struct err *e)
{
	return daemon_listen(ctx, e);
}

static int go_containers(void *ctx, struct err *e)
{
	return ctrs_open(ctx, e);
}

static int go_recover(void *ctx, struct err *e)
{
	return ctrs_recover(ctx, e);
}

static int go_ready(void *ctx, struct err *e)
{
	(void)ctx, (void)e;
	service_tell_ready("userctr");
	return 0;
}

static const struct step up_steps[] = {
	{"loop", go_loop, NULL},
	{"signals", go_signals, NULL},
	{"events", go_events, NULL},
	{"images", go_images, NULL},
	{"networks", go_networks, NULL},
	{"volumes", go_volumes, NULL},
	{"containers", go_containers, NULL},
	{"recover", go_recover, NULL}, /* takes the addresses of what runs */
	{"rules", go_rules, NULL},
	{"listen", go_listen, NULL},
	{"ready", go_ready, NULL},
};

int daemon_main(int argc, char **argv)
{
	static struct daemon d;
	struct err e = {0};

	int r = conf_load(&d.conf, CMDLINE_PATH, argc, argv, &e);
	if (r != 0) {
		if (r < 0)
			fprintf(stderr, "userctr daemon: %s\n", e.msg);
		return r < 0 ? 2 : 0;
	}
	if (d.conf.want_debug)
		log_set_level(LOG_LEVEL_DEBUG);
	int64_t start = clock_mono_usec();
	d.routes = tables;
	r = steps_run(up_steps, countof(up_steps), &d, &e);
	if (r < 0) {
		log_error("userctr", "%s", e.msg);
		return 1;
	}
	log_info("userctr", "ready in_ms=%lld", (long long)(clock_mono_usec() - start) / 1000);
	r = loop_run(&d.loop, &e);
	if (r < 0)
		log_error("userctr", "%s", e.msg);
	events_close(&d);
	conns_release(&d.conns);
	ctrs_close(&d);
	nets_close(&d);
	volumes_close(&d);
	store_close(d.store);
	loop_release(&d.loop);
	return r < 0;
}
