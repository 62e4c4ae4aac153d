// SPDX-License-Identifier: Apache-2.0
/* The verbs that look at a running container: ps, events. */
#include "sysctr/cli.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "lib/sys/syscalls.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static bool is_listed(const char *pids, long pid)
{
	for (const char *p = pids; *p != '\0'; p = strchr(p, '\n') != NULL ? strchr(p, '\n') + 1 : "")
		if (strtol(p, NULL, 10) == pid)
			return true;
	return false;
}

/* One line of our own table: UID PID PPID COMMAND. */
static void show_process(long pid)
{
	char path[64], command[256] = "";
	struct buf b = BUF_INIT(4096);
	struct stat st;
	long parent = 0;

	(void)snprintf(path, sizeof(path), "/proc/%ld", pid);
	owned_fd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0)
		return; /* ended meanwhile */
	if (file_read(dir, "stat", &b, NULL) == 0) {
		const char *open_par = strchr(buf_str(&b), '('), *close_par = strrchr(buf_str(&b), ')');
		if (open_par != NULL && close_par != NULL) {
			(void)sscanf(close_par + 1, " %*c %ld", &parent);
			(void)snprintf(command, sizeof(command), "[%.*s]", (int)(close_par - open_par - 1), open_par + 1);
		}
	}
	buf_clear(&b);
	if (file_read(dir, "cmdline", &b, NULL) == 0 && b.len > 0) {
		for (size_t i = 0; i < b.len; i++)
			if ((unsigned char)b.data[i] < ' ')
				b.data[i] = ' ';
		(void)snprintf(command, sizeof(command), "%.250s", buf_str(&b));
	}
	printf("%-10u %-8ld %-8ld %s\n", st.st_uid, pid, parent, command);
	buf_release(&b);
}

/* Start ps with these options (args[0] is replaced). Returns its output's descriptor, caller owns. */
static int start_ps(char **args, pid_t *ret_pid)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0) {
		args[0] = (char[]){"ps"};
		if (dup2(ends[1], 1) >= 0)
			(void)execvp("ps", args);
		_exit(127);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -errno;
	}
	*ret_pid = pid;
	return ends[0];
}

/* The lines of ps with a pid of the container, by the column that its heading calls PID. */
static int filter_ps(char **args, const char *pids)
{
	struct buf b = BUF_INIT(16u << 20);
	int column = -1, status = 0;
	char *next = NULL;
	pid_t pid = -1;

	owned_fd int fd = start_ps(args, &pid);
	int r = fd < 0 ? fd : read_all(fd, &b);
	while (fd >= 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	bool is_head = true;
	for (char *line = r == 0 && b.len > 0 ? strtok_r(b.data, "\n", &next) : NULL; line != NULL; line = strtok_r(NULL, "\n", &next)) {
		char copy[4096], *save = NULL;
		int at = 0;
		(void)snprintf(copy, sizeof(copy), "%s", line);
		for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save), at++) {
			if (is_head && strcmp(w, "PID") == 0)
				column = at;
			if (is_head ? strcmp(w, "PID") == 0 : at == column && is_listed(pids, strtol(w, NULL, 10)))
				puts(line);
		}
		is_head = false;
	}
	buf_release(&b);
	return r == 0 && status == 0 && column >= 0 ? 0 : cli_usage("ps", "ps failed or shows no PID column");
}

int cli_ps(const struct sysctr_opt *opt, int argc, char **argv)
{
	static const struct option longs[] = {{"format", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
	struct buf b = BUF_INIT(1u << 20);
	const char *format = "table";
	struct err e = {0};
	int c, r = 0;

	optind = 1;
	while ((c = getopt_long(argc, argv, "+f:", longs, NULL)) != -1) {
		if (c != 'f')
			return cli_usage(argv[0], "has an unknown option");
		format = optarg;
	}
	bool is_json = strcmp(format, "json") == 0;
	if (optind >= argc || (!is_json && strcmp(format, "table") != 0))
		return cli_usage(argv[0], "needs a container id; the format is table or json");
	if (sysctr_processes(opt, argv[optind], &b, &e) < 0)
		return cli_fail(&e);
	if (!is_json && optind + 1 < argc) {
		r = filter_ps(argv + optind, buf_str(&b));
	} else {
		printf(is_json ? "[" : "%-10s %-8s %-8s %s\n", "UID", "PID", "PPID", "CMD");
		const char *sep = "";
		for (const char *p = buf_str(&b); *p != '\0'; p = strchr(p, '\n') != NULL ? strchr(p, '\n') + 1 : "") {
			if (is_json)
				printf("%s%ld", sep, strtol(p, NULL, 10));
			else
				show_process(strtol(p, NULL, 10));
			sep = ",";
		}
		if (is_json)
			puts("]");
	}
	buf_release(&b);
	return r;
}

/* ---- events ---- */

static void event(const char *type, const char *id, const char *data)
{
	struct buf b = BUF_INIT(1u << 20);
	struct json_writer w;

	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "type", type);
	jw_kstr(&w, "id", id);
	if (data != NULL) {
		jw_key(&w, "data");
		jw_raw(&w, data, strlen(data));
	}
	jw_end_obj(&w);
	puts(buf_str(&b));
	(void)fflush(stdout); /* a closed pipe ends us by its signal */
	buf_release(&b);
}

static int stats(const struct sysctr_opt *opt, const char *id, struct err *e)
{
	struct buf b = BUF_INIT(1u << 20);

	int r = sysctr_stats_json(opt, id, &b, e);
	if (r == 0)
		event("stats", id, buf_str(&b));
	buf_release(&b);
	return r;
}

static long oom_kills(int events)
{
	char text[512] = "";

	(void)pread(events, text, sizeof(text) - 1, 0); /* gone: no more of them */
	const char *at = strstr(text, "oom_kill ");
	return at != NULL ? strtol(at + 9, NULL, 10) : 0;
}

/* Until the container ends: statistics every interval, and a line whenever the kernel killed for memory. */
static int follow(const struct sysctr_opt *opt, const char *id, int64_t interval_ms, struct err *e)
{
	struct sysctr_state st;
	char path[PATH_MAX];

	int r = sysctr_state(opt, id, &st, e);
	if (r < 0)
		return r;
	owned_fd int pidfd = st.pid > 0 ? sys_pidfd_open(st.pid, 0) : -1;
	if (pidfd < 0)
		return err_say(e, EINVAL, "container not running: '%s'", id);
	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.events", st.cgroup);
	owned_fd int events = open(path, O_RDONLY | O_CLOEXEC); /* -1 on a host without the controller: poll(2) ignores it */
	long seen = events >= 0 ? oom_kills(events) : 0;
	int64_t due = clock_mono_ms();
	for (;;) {
		int64_t left = due - clock_mono_ms();
		if (left <= 0) {
			r = stats(opt, id, e);
			if (r < 0)
				return r == -EINVAL ? 0 : r; /* it has ended */
			due += interval_ms;
			continue;
		}
		struct pollfd p[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = events, .events = POLLPRI}};
		if (poll(p, 2, (int)left) < 0 && errno != EINTR)
			return err_set(e, errno, "wait for container '%s'", id);
		long now = p[1].revents != 0 ? oom_kills(events) : seen;
		for (; seen < now; seen++)
			event("oom", id, NULL);
		if (p[0].revents != 0)
			return 0;
	}
}

/* "5s", "500ms", "1m", "5" */
static int64_t duration_ms(const char *text)
{
	char *end;
	double n = strtod(text, &end);
	double unit = strcmp(end, "ms") == 0 ? 1 : strcmp(end, "s") == 0 || *end == '\0' ? 1000 : strcmp(end, "m") == 0 ? 60000 : strcmp(end, "h") == 0 ? 3600000 : 0;

	return end == text || !(n > 0) || n * unit < 1 || n * unit > 1e9 ? -1 : (int64_t)(n * unit);
}

int cli_events(const struct sysctr_opt *opt, int argc, char **argv)
{
	static const struct option longs[] = {{"interval", required_argument, NULL, 'i'}, {"stats", no_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	int64_t interval_ms = 5000;
	struct err e = {0};
	bool once = false;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's': once = true; break;
		case 'i': interval_ms = duration_ms(optarg); break;
		default: return cli_usage(argv[0], "has an unknown option");
		}
	}
	if (optind != argc - 1 || interval_ms < 0)
		return cli_usage(argv[0], "needs a container id, and an interval like 5s");
	int r = once ? stats(opt, argv[optind], &e) : follow(opt, argv[optind], interval_ms, &e);
	return r < 0 ? cli_fail(&e) : 0;
}
