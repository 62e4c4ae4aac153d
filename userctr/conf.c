// SPDX-License-Identifier: Apache-2.0
/* Options of the daemon. */
#include "userctr/conf.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/codec/cmdline.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_HOST "unix:///run/docker.sock"
#define HELP                                                                                                 \
	"usage: userctr daemon [OPTIONS]\n"                                                                  \
	"  -H, --host ADDR      listen on unix:///PATH or tcp://ADDRESS:PORT; may be given several times\n"   \
	"      --root DIR       what persists (/var/lib/userctr)\n"                                           \
	"      --run DIR        what does not (/run/userctr)\n"                                               \
	"      --group NAME     who may use the API (docker)\n"                                               \
	"      --insecure-registry HOST[:PORT]   reach it without TLS too, or with any certificate\n"          \
	"      --no-network     do not touch bridges and packet filter rules\n"                               \
	"      --debug          say more\n"

static int copy(char *out, size_t size, const char *what, const char *value, struct err *e)
{
	if (strlen(value) >= size)
		return err_set(e, ENAMETOOLONG, "option '%s': '%.100s'", what, value);
	strcpy(out, value);
	return 0;
}

static int add_host(struct conf *c, const char *host, struct err *e)
{
	for (unsigned i = 0; i < c->n_hosts; i++)
		if (strcmp(c->hosts[i], host) == 0)
			return 0;
	if (c->n_hosts == CONF_HOSTS_MAX)
		return err_set(e, E_LIMIT, "more than %d addresses to listen on", CONF_HOSTS_MAX);
	if (strncmp(host, "unix:///", 8) != 0 && strncmp(host, "tcp://", 6) != 0)
		return err_say(e, EINVAL, "address '%.100s' is neither unix:///PATH nor tcp://ADDRESS:PORT", host);
	int r = copy(c->hosts[c->n_hosts], CONF_HOST_SIZE, "host", host, e);
	if (r == 0)
		c->n_hosts++;
	return r;
}

static int add_insecure(struct conf *c, const char *host, struct err *e)
{
	if (c->n_insecure == CONF_HOSTS_MAX)
		return err_set(e, E_LIMIT, "more than %d insecure registries", CONF_HOSTS_MAX);
	int r = copy(c->insecure[c->n_insecure], CONF_HOST_SIZE, "insecure-registry", host, e);
	if (r == 0)
		c->n_insecure++;
	return r;
}

/* The keys slipway.docker.* of the system's command line. */
static void load_cmdline(struct conf *c, const char *path)
{
	struct buf line = BUF_INIT(CMDLINE_MAX);
	struct cmdline_arg a;
	char host[CONF_HOST_SIZE];
	struct err e;

	if (file_read(AT_FDCWD, path, &line, NULL) == 0) {
		for (unsigned n = 0; cmdline_nth(buf_str(&line), line.len, "docker.host", n, &a); n++) {
			if (!cmdline_copy_value(&a, host, sizeof(host)))
				log_warn("userctr", "slipway.docker.host: too long or not printable");
			else if (add_host(c, host, &e) < 0)
				log_warn("userctr", "slipway.docker.host: %s", e.msg);
		}
		for (unsigned n = 0; cmdline_nth(buf_str(&line), line.len, "docker.insecure-registry", n, &a); n++) {
			if (!cmdline_copy_value(&a, host, sizeof(host)))
				log_warn("userctr", "slipway.docker.insecure-registry: too long or not printable");
			else if (add_insecure(c, host, &e) < 0)
				log_warn("userctr", "slipway.docker.insecure-registry: %s", e.msg);
		}
		if (cmdline_flag(buf_str(&line), line.len, "docker.debug"))
			c->want_debug = true;
	}
	buf_release(&line);
}

static int take_option(struct conf *c, int opt, struct err *e)
{
	switch (opt) {
	case 'H': return add_host(c, optarg, e);
	case 'r': return copy(c->root, sizeof(c->root), "root", optarg, e);
	case 'R': return copy(c->run, sizeof(c->run), "run", optarg, e);
	case 'g': return copy(c->group, sizeof(c->group), "group", optarg, e);
	case 'i': return add_insecure(c, optarg, e);
	case 'n': c->no_network = true; return 0;
	case 'D': c->want_debug = true; return 0;
	case 'h': return 1;
	default: return err_say(e, EINVAL, "unknown option");
	}
}

int conf_load(struct conf *c, const char *cmdline_path, int argc, char **argv, struct err *e)
{
	static const struct option longs[] = {
		{"host", required_argument, NULL, 'H'},	 {"root", required_argument, NULL, 'r'},
		{"run", required_argument, NULL, 'R'},	 {"group", required_argument, NULL, 'g'},
		{"no-network", no_argument, NULL, 'n'}, {"debug", no_argument, NULL, 'D'},
		{"help", no_argument, NULL, 'h'},	 {"insecure-registry", required_argument, NULL, 'i'},
		{NULL, 0, NULL, 0},
	};
	int opt;

	*c = (struct conf){
		.root = "/var/lib/userctr",
		.run = "/run/userctr",
		.group = "docker",
		.max_conns = 1024,
		.head_ms = 30000,
		.idle_ms = 300000,
		.reply_max = (size_t)64 << 20,
	};
	optind = 1;
	while ((opt = getopt_long(argc, argv, "H:D", longs, NULL)) != -1) {
		int r = take_option(c, opt, e);
		if (r > 0)
			fputs(HELP, stdout);
		if (r != 0)
			return r;
	}
	if (optind != argc)
		return err_say(e, EINVAL, "unexpected argument '%.100s'", argv[optind]);
	if (cmdline_path != NULL)
		load_cmdline(c, cmdline_path);
	bool has_unix = false;
	for (unsigned i = 0; i < c->n_hosts; i++)
		has_unix = has_unix || strncmp(c->hosts[i], "unix:", 5) == 0;
	return has_unix ? 0 : add_host(c, DEFAULT_HOST, e);
}
