// SPDX-License-Identifier: Apache-2.0
/* sysctr: the runc-compatible command line. Verbs are a table; each is a few lines over the library. */
#include "sysctr/cli.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_ROOT "/run/sysctr"

static bool is_json_log;

int cli_fail(const struct err *e)
{
	if (is_json_log)
		log_error("sysctr", "%s", e->msg);
	else
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

static const struct {
	const char *name;
	int sig;
} signals[] = {
	{"HUP", SIGHUP}, {"INT", SIGINT}, {"QUIT", SIGQUIT}, {"ILL", SIGILL}, {"TRAP", SIGTRAP}, {"ABRT", SIGABRT},
	{"BUS", SIGBUS}, {"FPE", SIGFPE}, {"KILL", SIGKILL}, {"USR1", SIGUSR1}, {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},
	{"PIPE", SIGPIPE}, {"ALRM", SIGALRM}, {"TERM", SIGTERM}, {"CHLD", SIGCHLD}, {"CONT", SIGCONT}, {"STOP", SIGSTOP},
	{"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU}, {"URG", SIGURG}, {"WINCH", SIGWINCH}, {"IO", SIGIO},
	{"PWR", SIGPWR}, {"SYS", SIGSYS},
};

static int signal_of(const char *s)
{
	char *end;

	if (isdigit((unsigned char)*s)) {
		long n = strtol(s, &end, 10);
		return *end == '\0' && n > 0 && n < NSIG ? (int)n : -1;
	}
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	for (size_t i = 0; i < countof(signals); i++)
		if (strcasecmp(s, signals[i].name) == 0)
			return signals[i].sig;
	return -1;
}

static int kill_it(const struct sysctr_opt *opt, int argc, char **argv)
{
	struct err e = {0};
	bool all = argc > 1 && (strcmp(argv[1], "--all") == 0 || strcmp(argv[1], "-a") == 0);
	int at = 1 + all;

	if (argc < at + 1 || argc > at + 2)
		return cli_usage(argv[0], "needs a container id and at most one signal");
	int sig = argc == at + 2 ? signal_of(argv[at + 1]) : SIGTERM;
	if (sig < 0) {
		(void)err_say(&e, EINVAL, "unknown signal \"%s\"", argv[at + 1]);
		return cli_fail(&e);
	}
	return sysctr_kill(opt, argv[at], sig, all, &e) < 0 ? cli_fail(&e) : 0;
}

static const char *status_word(enum sysctr_status s)
{
	static const char *const words[] = {"", "creating", "created", "running", "paused", "stopped"};

	return words[s];
}

static int list(const struct sysctr_opt *opt, int argc, char **argv)
{
	bool quiet = argc == 2 && (strcmp(argv[1], "-q") == 0 || strcmp(argv[1], "--quiet") == 0);
	bool json = argc == 3 && strcmp(argv[1], "--format") == 0 && strcmp(argv[2], "json") == 0;
	struct dirent **names = NULL;

	if (argc != 1 && !quiet && !json)
		return cli_usage(argv[0], "knows -q and --format json");
	int n = scandir(opt->root, &names, NULL, alphasort);
	if (json)
		putchar('[');
	else if (!quiet)
		printf("%-24s %-8s %-9s %s\n", "ID", "PID", "STATUS", "BUNDLE");
	bool first = true;
	for (int i = 0; i < n; i++) {
		struct sysctr_state st;
		struct buf b = BUF_INIT(65536);
		const char *id = names[i]->d_name;
		if (id[0] != '.' && sysctr_state(opt, id, &st, NULL) == 0) {
			if (quiet)
				puts(id);
			else if (!json)
				printf("%-24s %-8d %-9s %s\n", id, st.pid, status_word(st.status), st.bundle);
			else if (sysctr_state_json(opt, id, &b, NULL) == 0)
				printf("%s%s", first ? "" : ",", buf_str(&b));
			first = false;
		}
		buf_release(&b);
		free(names[i]);
	}
	free(names);
	if (json)
		puts("]");
	return 0;
}

static int update(const struct sysctr_opt *opt, int argc, char **argv)
{
	struct buf b = BUF_INIT(1u << 20);
	struct err e = {0};

	if (argc != 4 || (strcmp(argv[1], "-r") != 0 && strcmp(argv[1], "--resources") != 0))
		return cli_usage(argv[0], "needs --resources FILE and a container id");
	bool is_stdin = strcmp(argv[2], "-") == 0;
	int r = is_stdin ? read_all(0, &b) : file_read(AT_FDCWD, argv[2], &b, &e);
	if (r < 0 && is_stdin)
		(void)err_set(&e, -r, "read standard input");
	if (r == 0)
		r = sysctr_update(opt, argv[3], buf_str(&b), b.len, &e);
	buf_release(&b);
	return r < 0 ? cli_fail(&e) : 0;
}

static const struct cli_verb verbs[] = {
	{"run", cli_run, "[-b DIR] [-d] [--pid-file FILE] [--console-socket SOCKET] ID", "create and start a container",
	 "sysctr run -b /srv/web web"},
	{"create", cli_create, "[-b DIR] [--pid-file FILE] [--console-socket SOCKET] ID", "create a container, do not start it",
	 "sysctr create -b /srv/web web"},
	{"start", start, "ID", "start a created container", "sysctr start web"},
	{"exec", cli_exec, "[-t] [-d] [-u UID[:GID]] [-e NAME=VALUE] [--cwd DIR] [--cap CAP] [-p FILE] ID COMMAND [ARG...]",
	 "run one more process in a container", "sysctr exec -t web /bin/sh"},
	{"kill", kill_it, "[-a] ID [SIGNAL]", "send a signal (default SIGTERM)", "sysctr kill web KILL"},
	{"delete", delete_it, "[-f] ID", "remove a stopped container; -f kills it first", "sysctr delete -f web"},
	{"state", state, "ID", "print the state of a container as JSON", "sysctr state web"},
	{"list", list, "[-q] [--format json]", "list containers", "sysctr list"},
	{"pause", pause_it, "ID", "freeze every process of a container", "sysctr pause web"},
	{"resume", resume_it, "ID", "thaw a paused container", "sysctr resume web"},
	{"update", update, "-r FILE ID", "change limits: FILE holds an OCI resources object, - is standard input",
	 "echo '{\"pids\":{\"limit\":100}}' | sysctr update -r - web"},
	{"service-run", cli_service_run, "--fd N -b DIR NAME", "start a system service for PID 1 (docs/ARCHITECTURE.md)",
	 "sysctr service-run --fd 3 -b /usr/lib/slipway/services/syslog syslog"},
};

static int help(FILE *to)
{
	fprintf(to, "Usage: sysctr [--root DIR] [--log FILE] [--log-format text|json] [--debug] VERB ...\n\n"
		    "Runs containers from OCI bundles; takes the place of runc and crun.\n\nVerbs:\n");
	for (size_t i = 0; i < countof(verbs); i++)
		fprintf(to, "  %-12s %s\n", verbs[i].name, verbs[i].help);
	fprintf(to, "\n'sysctr VERB --help' says more. State is kept in --root (default " DEFAULT_ROOT ").\n"
		    "--systemd-cgroup is accepted and has no effect: cgroups are made in the cgroup file system itself.\n");
	return to == stdout ? 0 : 1;
}

static const struct option globals[] = {
	{"root", required_argument, NULL, 'r'}, {"log", required_argument, NULL, 'l'},
	{"log-format", required_argument, NULL, 'f'}, {"debug", no_argument, NULL, 'd'},
	{"systemd-cgroup", no_argument, NULL, 's'}, {"rootless", required_argument, NULL, 's'},
	{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'v'}, {NULL, 0, NULL, 0},
};

int main(int argc, char **argv)
{
	struct sysctr_opt opt = {.root = DEFAULT_ROOT};
	const char *log = NULL;
	bool is_debug = false;
	int c;

	while ((c = getopt_long(argc, argv, "+hv", globals, NULL)) != -1) {
		switch (c) {
		case 'r': opt.root = optarg; break;
		case 'l': log = optarg; break;
		case 'f': is_json_log = strcmp(optarg, "json") == 0; break;
		case 'd': is_debug = true; break;
		case 's': break;
		case 'h': return help(stdout);
		case 'v': puts("sysctr version 0.1.0\nspec: 1.2.1"); return 0;
		default: return help(stderr);
		}
	}
	int fd = log != NULL ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : 2;
	if (fd < 0) {
		fprintf(stderr, "sysctr: open log '%s': %s\n", log, strerror(errno));
		return 1;
	}
	is_json_log |= log != NULL;
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
		return verbs[i].run(&opt, argc - optind, argv + optind);
	}
	fprintf(stderr, "sysctr: unknown verb '%s'\n", name);
	return help(stderr);
}
