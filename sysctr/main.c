// SPDX-License-Identifier: Apache-2.0
/* sysctr: the runc-compatible command line. Verbs are a table; each is a few lines over the library. */
#include "sysctr/cli.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/base/version.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_ROOT "/run/sysctr"

static bool is_json_log, has_log;

int cli_fail(const struct err *e)
{
	/* whoever gave a log reads it there; people read it here */
	if (has_log || is_json_log)
		log_error("sysctr", "%s", e->msg);
	if (has_log || !is_json_log)
		fprintf(stderr, "sysctr: %s\n", e->msg);
	return 1;
}

int cli_usage(const char *verb, const char *what)
{
	fprintf(stderr, "sysctr: %s: %s\nTry 'sysctr %s --help'.\n", verb, what, verb);
	return 1;
}

static int one_id(int argc, char **argv, const char **ret)
{
	if (argc != 2 || argv[1][0] == '-')
		return cli_usage(argv[0], "needs exactly one container id");
	*ret = argv[1];
	return 0;
}

static int start(const struct sysctr_opt *opt, int argc, char **argv)
{
	struct err e = {0};
	const char *id;

	int r = one_id(argc, argv, &id);
	return r != 0 ? r : sysctr_start(opt, id, &e) < 0 ? cli_fail(&e) : 0;
}

static int pause_it(const struct sysctr_opt *opt, int argc, char **argv)
{
	struct err e = {0};
	const char *id;

	int r = one_id(argc, argv, &id);
	return r != 0 ? r : sysctr_pause(opt, id, &e) < 0 ? cli_fail(&e) : 0;
}

static int resume_it(const struct sysctr_opt *opt, int argc, char **argv)
{
	struct err e = {0};
	const char *id;

	int r = one_id(argc, argv, &id);
	return r != 0 ? r : sysctr_resume(opt, id, &e) < 0 ? cli_fail(&e) : 0;
}

static int state(const struct sysctr_opt *opt, int argc, char **argv)
{
	struct buf b = BUF_INIT(65536);
	struct err e = {0};
	const char *id;

	int r = one_id(argc, argv, &id);
	if (r != 0)
		return r;
	if (sysctr_state_json(opt, id, &b, &e) < 0)
		return cli_fail(&e);
	puts(buf_str(&b));
	buf_release(&b);
	return 0;
}

static int delete_it(const struct sysctr_opt *opt, int argc, char **argv)
{
	struct err e = {0};
	bool force = argc > 1 && (strcmp(argv[1], "--force") == 0 || strcmp(argv[1], "-f") == 0);

	if (argc != 2 + force)
		return cli_usage(argv[0], "needs exactly one container id");
	int r = sysctr_delete(opt, argv[1 + force], force, &e);
	/* forced removal of what is not there is done already */
	return r == 0 || (force && r == -ESRCH) ? 0 : cli_fail(&e);
}

static const struct cli_verb verbs[] = {
	{"run", cli_run, "[-b DIR] [-d] [--keep] [--pid-file FILE] [--console-socket SOCKET] [--pidfd-socket SOCKET] [--preserve-fds N] [--no-pivot] "
	 "[--no-new-keyring] ID", "create and start a container",
	 "sysctr run -b /srv/web web", true},
	{"create", cli_create, "[-b DIR] [--pid-file FILE] [--console-socket SOCKET] [--pidfd-socket SOCKET] [--preserve-fds N] [--no-pivot] "
	 "[--no-new-keyring] ID", "create a container, do not start it",
	 "sysctr create -b /srv/web web", true},
	{"start", start, "ID", "start a created container", "sysctr start web", false},
	{"exec", cli_exec, "[-t] [-d] [-u UID[:GID]] [-g GID] [-e NAME=VALUE] [--cwd DIR] [--cap CAP] [--no-new-privs] [--apparmor PROFILE] "
	 "[--process-label LABEL] [--cgroup PATH] [--pid-file FILE] [--console-socket SOCKET] [--preserve-fds N] [-p FILE] "
	 "ID COMMAND [ARG...]",
	 "run one more process in a container", "sysctr exec -t web /bin/sh", true},
	{"kill", cli_kill, "[-a] ID [SIGNAL]", "send a signal (default SIGTERM)", "sysctr kill web KILL", false},
	{"delete", delete_it, "[-f] ID", "remove a stopped container; -f kills it first", "sysctr delete -f web", false},
	{"state", state, "ID", "print the state of a container as JSON", "sysctr state web", false},
	{"list", cli_list, "[-q] [-f table|json]", "list containers", "sysctr list", false},
	{"pause", pause_it, "ID", "freeze every process of a container", "sysctr pause web", false},
	{"resume", resume_it, "ID", "thaw a paused container", "sysctr resume web", false},
	{"update", cli_update,
	 "[-r FILE] [--memory BYTES] [--memory-swap BYTES] [--memory-reservation BYTES] [--cpu-quota USEC] [--cpu-period USEC] "
	 "[--cpu-burst USEC] [--cpu-share N] [--cpu-idle 0|1] [--cpuset-cpus LIST] [--cpuset-mems LIST] [--pids-limit N] "
	 "[--blkio-weight N] ID",
	 "change limits: FILE holds an OCI resources object, - is standard input",
	 "echo '{\"pids\":{\"limit\":100}}' | sysctr update -r - web", false},
	{"ps", cli_ps, "[-f table|json] ID [PS-OPTION...]", "list the processes of a container", "sysctr ps -f json web", false},
	{"events", cli_events, "[--stats] [--interval DURATION] ID", "print statistics once, or again and again with memory events",
	 "sysctr events --stats web", false},
	{"spec", cli_spec, "[-b DIR] [--rootless]", "write a config.json to start from", "sysctr spec -b /srv/web", false},
	{"features", cli_features, "", "print what this runtime can do as JSON", "sysctr features", false},
	{"checkpoint", cli_checkpoint, "ID", "not supported: says so", "sysctr checkpoint web", false},
	{"restore", cli_checkpoint, "ID", "not supported: says so", "sysctr restore web", false},
	{"compile-filters", cli_compile_filters, "DIR [BUNDLE...]", "compile system call filters for a system image",
	 "sysctr compile-filters filters services/*", false},
	{"service-run", cli_service_run, "--fd N -b DIR NAME", "start a system service for PID 1 (docs/ARCHITECTURE.md)",
	 "sysctr service-run --fd 3 -b /usr/lib/slipway/services/syslog syslog", true},
};

static int help(FILE *to)
{
	fprintf(to, "Usage: sysctr [--root DIR] [--log FILE] [--log-format text|json] [--debug] VERB ...\n\n"
		    "Runs containers from OCI bundles; takes the place of runc and crun.\n\nVerbs:\n");
	for (size_t i = 0; i < countof(verbs); i++)
		fprintf(to, "  %-12s %s\n", verbs[i].name, verbs[i].help);
	fprintf(to, "\n'sysctr VERB --help' says more. State is kept in --root (default " DEFAULT_ROOT ").\n"
		    "--systemd-cgroup is accepted: a cgroupsPath of the form slice:prefix:name becomes the directory that systemd\n"
		    "would use, made in the cgroup file system itself. --rootless is accepted: it is found out.\n");
	return to == stdout ? 0 : 1;
}

static const struct option globals[] = {
	{"root", required_argument, NULL, 'r'}, {"log", required_argument, NULL, 'l'},
	{"log-format", required_argument, NULL, 'f'}, {"debug", no_argument, NULL, 'd'},
	{"systemd-cgroup", no_argument, NULL, 's'}, {"rootless", required_argument, NULL, 's'},
	{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'v'}, {NULL, 0, NULL, 0},
};

/* An ordinary user has a directory of their own. */
static const char *default_root(void)
{
	static char path[512];
	const char *run = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		return DEFAULT_ROOT;
	int n = run != NULL && run[0] == '/' ? snprintf(path, sizeof(path), "%s/sysctr", run)
					     : snprintf(path, sizeof(path), "/tmp/sysctr-%u", geteuid());
	return n > 0 && (size_t)n < sizeof(path) ? path : DEFAULT_ROOT;
}

int main(int argc, char **argv)
{
	struct sysctr_opt opt = {0};
	const char *log = NULL;
	bool is_debug = false;
	int c;

	while ((c = getopt_long(argc, argv, "+hv", globals, NULL)) != -1) {
		switch (c) {
		case 'r': opt.root = optarg; break;
		case 'l': log = optarg; break;
		case 'f':
			is_json_log = strcmp(optarg, "json") == 0;
			if (!is_json_log && strcmp(optarg, "text") != 0) {
				fprintf(stderr, "sysctr: --log-format wants text or json\n");
				return 1;
			}
			break;
		case 'd': is_debug = true; break;
		case 's': break;
		case 'h': return help(stdout);
		case 'v': puts("sysctr version " SLIPWAY_VERSION "\nspec: " SYSCTR_SPEC_VERSION); return 0;
		default: return help(stderr);
		}
	}
	if (opt.root == NULL)
		opt.root = default_root();
	int fd = log != NULL ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : 2;
	if (fd < 0) {
		fprintf(stderr, "sysctr: open log '%s': %s\n", log, strerror(errno));
		return 1;
	}
	has_log = log != NULL;
	log_setup(fd, is_json_log ? LOG_FORM_JSON : LOG_FORM_TEXT, is_debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (optind >= argc)
		return help(stderr);
	const char *name = argv[optind];
	for (size_t i = 0; i < countof(verbs); i++) {
		if (strcmp(name, verbs[i].name) != 0)
			continue;
		if (optind + 1 < argc && (strcmp(argv[optind + 1], "--help") == 0 || strcmp(argv[optind + 1], "-h") == 0)) {
			printf("Usage: sysctr %s %s\n\n%s\n\nExample: %s\n", name, verbs[i].args, verbs[i].help, verbs[i].example);
			return 0;
		}
		struct err e = {0};
		if (verbs[i].starts && cli_be_safe(argv, &e) < 0)
			return cli_fail(&e);
		return verbs[i].run(&opt, argc - optind, argv + optind);
	}
	fprintf(stderr, "sysctr: unknown verb '%s'\n", name);
	return help(stderr);
}
