// SPDX-License-Identifier: Apache-2.0
/* The client's main: global flags, the verb, its arguments. */
#include "userctr/cli.h"

#include "lib/base/owned.h"
#include "lib/base/version.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_HOST "unix:///var/run/docker.sock"
#define MEM_MAX	     (64u << 20)

static const struct cli_verb *const tables[] = {
	cli_verbs_run, cli_verbs_list, cli_verbs_ctr, cli_verbs_image, cli_verbs_transfer, cli_verbs_inspect,
	cli_verbs_info, cli_verbs_network, cli_verbs_volume, cli_verbs_prune, cli_verbs_system, cli_verbs_watch,
	cli_verbs_copy, cli_verbs_auth, NULL,
};

const struct cli_verb *const *cli_tables(void)
{
	return tables;
}

/* What a docker client can do elsewhere, and why not here. */
static const struct {
	const char *verb, *why;
} refused[] = {
	{"build", "images are not built by this daemon; use 'docker buildx create --driver docker-container' of a docker client"},
	{"builder", "there is no build cache: images are not built by this daemon"},
	{"buildx", "it is a plugin of the docker client"},
	{"compose", "it is a plugin of the docker client; point it at this daemon with DOCKER_HOST"},
	{"context", "the daemon is chosen with -H or DOCKER_HOST"},
	{"checkpoint", "processes are not checkpointed"},
	{"manifest", "manifest lists are not edited"},
	{"plugin", "the daemon has no plugins"},
	{"trust", "notary signatures are not used"},
	{"swarm", "this is a single machine"},
	{"service", "this is a single machine, not a swarm"},
	{"stack", "this is a single machine, not a swarm"},
	{"node", "this is a single machine, not a swarm"},
	{"config", "this is a single machine, not a swarm"},
	{"secret", "this is a single machine, not a swarm"},
};

static const struct cli_flag global_flags[] = {
	{"config", 0, CLI_STRING, "Location of client config files", NULL},
	{"context", 'c', CLI_STRING, "Only \"default\" is known", NULL},
	{"debug", 'D', CLI_BOOL, "Accepted and ignored", NULL},
	{"host", 'H', CLI_LIST, "Daemon socket to connect to", NULL},
	{"log-level", 'l', CLI_STRING, "Accepted and ignored", NULL},
	{"tls", 0, CLI_BOOL, "Not supported", NULL},
	{"tlscacert", 0, CLI_STRING, "Not supported", NULL},
	{"tlscert", 0, CLI_STRING, "Not supported", NULL},
	{"tlskey", 0, CLI_STRING, "Not supported", NULL},
	{"tlsverify", 0, CLI_BOOL, "Not supported", NULL},
	{"version", 'v', CLI_BOOL, "Print version information and quit", NULL},
	{0},
};
static const struct cli_verb global = {.names = "", .flags = global_flags, .stops = true, .max = -1};

/* Does one of the comma-divided names consist of the first words of argv? Returns how many words, 0 = no. */
static int match_names(const char *names, int argc, char **argv)
{
	while (*names != '\0') {
		size_t len = strcspn(names, ",");
		size_t first = strcspn(names, " ,");
		if (first == len && argc >= 1 && strlen(argv[0]) == len && memcmp(argv[0], names, len) == 0)
			return 1;
		if (first < len && argc >= 2 && strlen(argv[0]) == first && memcmp(argv[0], names, first) == 0 &&
		    strlen(argv[1]) == len - first - 1 && memcmp(argv[1], names + first + 1, len - first - 1) == 0)
			return 2;
		names += len;
		names += strspn(names, ", ");
	}
	return 0;
}

static const struct cli_verb *find_verb(int argc, char **argv, int *ret_words)
{
	for (size_t t = 0; tables[t] != NULL; t++)
		for (const struct cli_verb *v = tables[t]; v->names != NULL; v++) {
			*ret_words = match_names(v->names, argc, argv);
			if (*ret_words > 0)
				return v;
		}
	return NULL;
}

/* "docker container ls" whatever spelling of the group was used */
static const char *verb_path(struct cli *c, const struct cli_verb *v, char **argv, int words)
{
	char path[128];

	if (words == 1)
		(void)snprintf(path, sizeof(path), "%s %s", c->program, argv[0]);
	else /* the first name is the one with the group */
		(void)snprintf(path, sizeof(path), "%s %.*s", c->program, (int)strcspn(v->names, ","), v->names);
	const char *copy = arena_copy(c->mem, path, strlen(path));
	return copy != NULL ? copy : c->program;
}

static int wrong_usage(const struct cli *c, const struct cli_verb *v, const char *what)
{
	char usage[256];

	cli_usage_line(c, v, usage, sizeof(usage));
	fprintf(stderr, "%s\n\nUsage:  %s\n\nRun '%s --help' for more information\n", what, usage, c->path);
	return 125;
}

static int check_count(const struct cli *c, const struct cli_verb *v, int n)
{
	char usage[256], what[80];

	if (n >= v->min && (v->max < 0 || n <= v->max))
		return 0;
	if (v->max == 0)
		(void)snprintf(what, sizeof(what), "accepts no arguments");
	else if (v->min == v->max)
		(void)snprintf(what, sizeof(what), "requires %d argument%s", v->min, v->min == 1 ? "" : "s");
	else if (v->max < 0)
		(void)snprintf(what, sizeof(what), "requires at least %d argument%s", v->min, v->min == 1 ? "" : "s");
	else if (v->min == 0)
		(void)snprintf(what, sizeof(what), "requires at most %d argument%s", v->max, v->max == 1 ? "" : "s");
	else
		(void)snprintf(what, sizeof(what), "requires at least %d and at most %d arguments", v->min, v->max);
	cli_usage_line(c, v, usage, sizeof(usage));
	fprintf(stderr, "%s: '%s' %s\n\nUsage:  %s\n\n%s '%s --help' for more information\n", c->program, c->path, what,
		usage, v->max < 0 ? "See" : "Run", c->path);
	return 1;
}

static int run_verb(struct cli *c, const struct cli_verb *v, int argc, char **argv)
{
	static struct cli_args a; /* too large for a stack */
	struct err e = {0};

	c->is_run = v->is_run;
	int r = cli_args_parse(v, argc, argv, c->mem, &a, &e);
	if (r == 1) {
		cli_help_verb(c, v);
		return 0;
	}
	if (r < 0)
		return wrong_usage(c, v, e.msg);
	r = check_count(c, v, a.argc);
	return r != 0 ? r : v->run(c, &a);
}

static int no_such_verb(struct cli *c, int argc, char **argv)
{
	for (size_t i = 0; i < countof(refused); i++)
		if (strcmp(argv[0], refused[i].verb) == 0) {
			fprintf(stderr, "%s: '%s' is not supported here: %s\n", c->program, argv[0], refused[i].why);
			return 1;
		}
	if (argc == 1 || argv[1][0] == '-') {
		if (cli_help_group(c->program, argv[0], argc > 1 ? stdout : stderr))
			return 0;
		fprintf(stderr, "%s: unknown command: %s %s\n\nRun '%s --help' for more information\n", c->program,
			c->program, argv[0], c->program);
		return 1;
	}
	fprintf(stderr, "%s: unknown command: %s %s %s\n\nUsage:  %s %s\n\nRun '%s %s --help' for more information\n",
		c->program, c->program, argv[0], argv[1], c->program, argv[0], c->program, argv[0]);
	return 1;
}

static int choose_host(struct cli *c, const struct cli_args *g)
{
	const struct cli_value *hosts = cli_get(g, "host");
	const char *env = getenv("DOCKER_HOST"), *context = cli_text(g, "context");

	if (hosts->n > 1) {
		fprintf(stderr, "Specify only one -H\n");
		return 1;
	}
	if (cli_on(g, "tls") || cli_on(g, "tlsverify") || getenv("DOCKER_TLS_VERIFY") != NULL) {
		fprintf(stderr, "%s: TLS is not supported here: use a unix socket, or ssh to the machine\n", c->program);
		return 1;
	}
	if (context[0] != '\0' && strcmp(context, "default") != 0) {
		fprintf(stderr, "Failed to initialize: unable to resolve docker endpoint: context \"%s\": context not found: "
			"only \"default\" is known here\n", context);
		return 1;
	}
	c->host = hosts->n == 1 ? hosts->list[0] : env != NULL && env[0] != '\0' ? env : DEFAULT_HOST;
	if (c->host[0] == '/') {
		char url[300];
		(void)snprintf(url, sizeof(url), "unix://%.250s", c->host);
		c->host = arena_copy(c->mem, url, strlen(url));
	} else if (strstr(c->host, "://") == NULL) {
		char url[300];
		(void)snprintf(url, sizeof(url), "tcp://%.250s%s", c->host, strrchr(c->host, ':') == NULL ? ":2375" : "");
		c->host = arena_copy(c->mem, url, strlen(url));
	}
	if (cli_text(g, "config")[0] != '\0')
		(void)setenv("DOCKER_CONFIG", cli_text(g, "config"), 1); /* without memory the default stays */
	return c->host != NULL ? 0 : 1;
}

int cli_main(int argc, char **argv)
{
	static struct cli_args g;
	struct arena mem = ARENA_INIT(MEM_MAX);
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	struct cli c = {.fd = -1, .mem = &mem,
			.program = argc == 0 ? "docker" : slash != NULL ? slash + 1 : argv[0]};
	struct err e = {0};
	int words = 0;

	(void)signal(SIGPIPE, SIG_IGN); /* a closed connection is an error, not a death */
	c.path = c.program;
	int r = cli_args_parse(&global, argc > 0 ? argc - 1 : 0, argv + 1, &mem, &g, &e);
	if (r < 0) {
		fprintf(stderr, "%s\n\nUsage:  %s [OPTIONS] COMMAND [ARG...]\n\nRun '%s --help' for more information\n", e.msg,
			c.program, c.program);
		r = 125;
	} else if (r == 1 || (g.argc == 0 && !cli_on(&g, "version")) || (g.argc == 1 && strcmp(g.argv[0], "help") == 0)) {
		cli_help_program(c.program);
		r = 0;
	} else if (cli_on(&g, "version")) {
		printf("Docker version " SLIPWAY_VERSION ", build slipway\n");
	} else if ((r = choose_host(&c, &g)) == 0) {
		if (strcmp(g.argv[0], "help") == 0) {
			g.argv++;
			g.argc--;
			const struct cli_verb *v = find_verb(g.argc, g.argv, &words);
			if (v != NULL)
				cli_help_verb(&(struct cli){.program = c.program, .path = verb_path(&c, v, g.argv, words)}, v);
			else
				r = no_such_verb(&c, g.argc, g.argv);
		} else {
			const struct cli_verb *v = find_verb(g.argc, g.argv, &words);
			if (v != NULL)
				c.path = verb_path(&c, v, g.argv, words);
			r = v != NULL ? run_verb(&c, v, g.argc - words, g.argv + words) : no_such_verb(&c, g.argc, g.argv);
		}
	}
	cli_close(&c);
	arena_release(&mem);
	if (fflush(stdout) != 0 && r == 0) {
		fprintf(stderr, "write standard output: %s\n", strerror(errno));
		r = 1;
	}
	return r;
}
