// SPDX-License-Identifier: Apache-2.0
/* The verbs about containers that are there: kill, list, update. */
#include "sysctr/cli.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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

int cli_kill(const struct sysctr_opt *opt, int argc, char **argv)
{
	struct err e = {0};
	bool all = argc > 1 && (strcmp(argv[1], "--all") == 0 || strcmp(argv[1], "-a") == 0);
	int at = 1 + all;

	if (argc < at + 1 || argc > at + 2)
		return cli_usage(argv[0], "needs a container id and at most one signal");
	if (argv[at][0] == '-')
		return cli_usage(argv[0], "knows -a, --all only");
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

static void list_line(const char *id, const struct sysctr_state *st)
{
	char when[CLOCK_RFC3339_SIZE];

	clock_rfc3339(st->created_ns, when);
	printf("%-24s %-8d %-9s %-30s %s\n", id, st->pid, status_word(st->status), st->bundle, when);
}

int cli_list(const struct sysctr_opt *opt, int argc, char **argv)
{
	bool quiet = argc == 2 && (strcmp(argv[1], "-q") == 0 || strcmp(argv[1], "--quiet") == 0);
	const char *format = argc == 3 && (strcmp(argv[1], "--format") == 0 || strcmp(argv[1], "-f") == 0) ? argv[2]
			     : argc == 2 && strncmp(argv[1], "--format=", 9) == 0		   ? argv[1] + 9
												   : NULL;
	bool json = format != NULL && strcmp(format, "json") == 0;
	struct dirent **names = NULL;

	if (argc != 1 && !quiet && !json && (format == NULL || strcmp(format, "table") != 0))
		return cli_usage(argv[0], "knows -q and --format table|json");
	int n = scandir(opt->root, &names, NULL, alphasort);
	if (json)
		putchar('[');
	else if (!quiet)
		printf("%-24s %-8s %-9s %-30s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED");
	bool first = true;
	for (int i = 0; i < n; i++) {
		struct sysctr_state st;
		struct buf b = BUF_INIT(65536);
		const char *id = names[i]->d_name;
		if (id[0] != '.' && sysctr_state(opt, id, &st, NULL) == 0) {
			if (quiet)
				puts(id);
			else if (!json)
				list_line(id, &st);
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

/* ---- update ---- */

/* Flags of update: where their number goes in the resources object. */
static const struct {
	const char *flag, *object, *key;
	enum { KIND_NUMBER, KIND_BYTES, KIND_TEXT, KIND_REFUSED } kind;
} update_flags[] = {
	{"blkio-weight", "blockIO", "weight", KIND_NUMBER}, {"cpu-period", "cpu", "period", KIND_NUMBER},
	{"cpu-quota", "cpu", "quota", KIND_NUMBER}, {"cpu-burst", "cpu", "burst", KIND_NUMBER},
	{"cpu-share", "cpu", "shares", KIND_NUMBER}, {"cpu-rt-period", "cpu", "realtimePeriod", KIND_NUMBER},
	{"cpu-rt-runtime", "cpu", "realtimeRuntime", KIND_NUMBER}, {"cpu-idle", "cpu", "idle", KIND_NUMBER},
	{"cpuset-cpus", "cpu", "cpus", KIND_TEXT}, {"cpuset-mems", "cpu", "mems", KIND_TEXT},
	{"kernel-memory", "memory", "kernel", KIND_BYTES}, {"kernel-memory-tcp", "memory", "kernelTCP", KIND_BYTES},
	{"memory", "memory", "limit", KIND_BYTES}, {"memory-reservation", "memory", "reservation", KIND_BYTES},
	{"memory-swap", "memory", "swap", KIND_BYTES}, {"pids-limit", "pids", "limit", KIND_NUMBER},
	{"l3-cache-schema", NULL, NULL, KIND_REFUSED}, {"mem-bw-schema", NULL, NULL, KIND_REFUSED},
};

/* "-1", "1048576", "512m" */
static bool number_of(const char *text, bool is_bytes, int64_t *ret)
{
	static const char units[] = "bkmgt";
	char *end;

	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (end == text || errno != 0)
		return false;
	if (is_bytes && *end != '\0') {
		const char *unit = strchr(units, tolower((unsigned char)*end));
		if (unit == NULL || n < 0)
			return false;
		for (const char *u = units; u < unit; u++)
			if (__builtin_mul_overflow(n, 1024, &n))
				return false;
		end++;
		if (*end != '\0' && strcasecmp(end, "b") != 0 && strcasecmp(end, "ib") != 0)
			return false;
		end += strlen(end);
	}
	*ret = n;
	return *end == '\0';
}

static bool put_flag(struct json_writer *w, size_t i, const char *value)
{
	int64_t n;

	if (update_flags[i].kind == KIND_TEXT) {
		jw_kstr(w, update_flags[i].key, value);
		return true;
	}
	if (!number_of(value, update_flags[i].kind == KIND_BYTES, &n))
		return false;
	jw_kint(w, update_flags[i].key, n);
	return true;
}

/* The resources object that the given flags make. Returns the flag that is wrong, or NULL. */
static const char *flags_json(const char *const values[], struct buf *b)
{
	static const char *const objects[] = {"memory", "cpu", "pids", "blockIO"};
	struct json_writer w;

	jw_init(&w, b);
	jw_obj(&w);
	for (size_t o = 0; o < countof(objects); o++) {
		jw_key(&w, objects[o]);
		jw_obj(&w);
		for (size_t i = 0; i < countof(update_flags); i++) {
			if (values[i] == NULL || update_flags[i].object == NULL || strcmp(update_flags[i].object, objects[o]) != 0)
				continue;
			if (!put_flag(&w, i, values[i]))
				return update_flags[i].flag;
		}
		jw_end_obj(&w);
	}
	jw_end_obj(&w);
	return NULL;
}

static int update_with(const struct sysctr_opt *opt, const char *id, const char *file, const char *const values[])
{
	struct buf b = BUF_INIT(1u << 20);
	struct err e = {0};
	int r = 0;

	if (file == NULL) {
		const char *bad = flags_json(values, &b);
		if (bad != NULL)
			r = err_say(&e, EINVAL, "invalid value for --%s", bad);
	} else if (strcmp(file, "-") == 0) {
		r = read_all(0, &b);
		if (r < 0)
			(void)err_set(&e, -r, "read standard input");
	} else {
		r = file_read(AT_FDCWD, file, &b, &e);
	}
	if (r == 0)
		r = sysctr_update(opt, id, buf_str(&b), b.len, &e);
	buf_release(&b);
	return r < 0 ? cli_fail(&e) : 0;
}

int cli_update(const struct sysctr_opt *opt, int argc, char **argv)
{
	struct option longs[countof(update_flags) + 2] = {{"resources", required_argument, NULL, 'r'}};
	const char *values[countof(update_flags)] = {NULL}, *file = NULL;
	bool has_flags = false;
	int c;

	for (size_t i = 0; i < countof(update_flags); i++)
		longs[i + 1] = (struct option){update_flags[i].flag, required_argument, NULL, 256 + (int)i};
	optind = 1;
	while ((c = getopt_long(argc, argv, "r:", longs, NULL)) != -1) {
		if (c == 'r') {
			file = optarg;
		} else if (c >= 256 && update_flags[c - 256].kind == KIND_REFUSED) {
			struct err e;
			(void)err_say(&e, EOPNOTSUPP, "--%s: intelRdt is not supported by this runtime", update_flags[c - 256].flag);
			return cli_fail(&e);
		} else if (c >= 256) {
			values[c - 256] = optarg;
			has_flags = true;
		} else {
			return cli_usage(argv[0], "has an unknown option");
		}
	}
	if (optind != argc - 1 || (file == NULL && !has_flags))
		return cli_usage(argv[0], "needs --resources FILE or limits, and a container id");
	return update_with(opt, argv[optind], file, values);
}
