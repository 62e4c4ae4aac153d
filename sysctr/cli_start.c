// SPDX-License-Identifier: Apache-2.0
/* Verbs that start processes: run, create, exec, and service-run for PID 1. */
#include "sysctr/cli.h"
#include "sysctr/cli_args.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "lib/sys/path.h"
#include "lib/sys/unixsock.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>

static const struct option longs[] = {
	{"bundle", required_argument, NULL, 'b'}, {"pid-file", required_argument, NULL, 'P'},
	{"console-socket", required_argument, NULL, 'S'}, {"preserve-fds", required_argument, NULL, 'F'},
	{"no-pivot", no_argument, NULL, 'N'}, {"no-new-keyring", no_argument, NULL, 'K'}, {"detach", no_argument, NULL, 'd'},
	{"keep", no_argument, NULL, 'k'}, {"no-subreaper", no_argument, NULL, '0'}, {"process", required_argument, NULL, 'p'},
	{"tty", no_argument, NULL, 't'}, {"user", required_argument, NULL, 'u'}, {"cwd", required_argument, NULL, 'w'},
	{"env", required_argument, NULL, 'e'}, {"cap", required_argument, NULL, 'c'}, {"cgroup", required_argument, NULL, 'G'},
	{"fd", required_argument, NULL, 'f'}, {"pidfd-socket", required_argument, NULL, 'D'},
	{"additional-gids", required_argument, NULL, 'g'}, {"apparmor", required_argument, NULL, 'A'},
	{"process-label", required_argument, NULL, 'L'}, {"no-new-privs", no_argument, NULL, 'n'},
	{"ignore-paused", no_argument, NULL, '0'}, {NULL, 0, NULL, 0},
};

/* Returns the index of the first operand, or -1. `+`: what follows the id belongs to the command. */
int args_parse(struct args *a, int argc, char **argv)
{
	int c;

	*a = (struct args){.bundle = ".", .report_fd = -1};
	optind = 1;
	while ((c = getopt_long(argc, argv, "+b:dtp:u:e:c:g:", longs, NULL)) != -1) {
		switch (c) {
		case 'b': a->bundle = optarg; break;
		case 'P': a->pid_file = optarg; break;
		case 'S': a->console_socket = optarg; break;
		case 'F': a->preserve_fds = atoi(optarg); break;
		case 'f': a->report_fd = atoi(optarg); break;
		case 'N': a->no_pivot = true; break;
		case 'K': a->no_new_keyring = true; break;
		case 'd': a->detach = true; break;
		case 'k': a->keep = true; break;
		case 't': a->tty = true; break;
		case 'p': a->process = optarg; break;
		case 'u': a->user = optarg; break;
		case 'w': a->cwd = optarg; break;
		case 'G': a->cgroup = optarg; break;
		case 'D': a->pidfd_socket = optarg; break;
		case 'A': a->apparmor = optarg; break;
		case 'L': a->label = optarg; break;
		case 'n': a->no_new_privs = true; break;
		case 'g':
			if (a->group_count < countof(a->groups))
				a->groups[a->group_count++] = optarg;
			break;
		case '0': break;
		case 'e':
			if (a->env_count < countof(a->env))
				a->env[a->env_count++] = optarg;
			break;
		case 'c':
			if (a->cap_count < countof(a->caps))
				a->caps[a->cap_count++] = optarg;
			break;
		default: return -1;
		}
	}
	return optind;
}

static char names_text[4096];

/* The configuration of a bundle, in *b and cfg. */
static int load_bundle(const struct args *a, char *abs, struct buf *b, struct sysctr_config *cfg, struct err *e)
{
	buf_init(b, CONFIG_MAX);
	char link[32];
	owned_fd int dir = openat(AT_FDCWD, a->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ssize_t len = dir < 0 ? -1 : readlink(path_of_fd(dir, link), abs, PATH_MAX - 1);
	if (len < 0)
		return err_set(e, errno, "bundle '%s'", a->bundle);
	abs[len] = '\0';
	int r = file_read(dir, "config.json", b, e);
	if (r < 0)
		return err_wrap(e, r, "bundle '%s'", abs);
	const char *notify = getenv("NOTIFY_SOCKET"), *listen = getenv("LISTEN_FDS");
	int n = listen != NULL ? atoi(listen) : 0;
	*cfg = (struct sysctr_config){.json = buf_str(b), .len = b->len, .bundle = abs, .listen_fds = n > 0 && n < 1024 ? n : 0,
				      .notify_socket = notify != NULL && notify[0] == '/' ? notify : NULL};
	cfg->listen_names = names_text;
	if (getenv("LISTEN_FDNAMES") == NULL)
		cfg->listen_names = NULL;
	else if ((size_t)snprintf(names_text, sizeof(names_text), "LISTEN_FDNAMES=%s", getenv("LISTEN_FDNAMES")) >= sizeof(names_text))
		return err_set(e, E_LIMIT, "LISTEN_FDNAMES is too long");
	cfg->io = (struct sysctr_io){.fds = {0, 1, 2}, .console_socket = -1, .preserve_fds = a->preserve_fds + cfg->listen_fds};
	/* what is to be passed on was given to us; a descriptor of our own that has the number is not it */
	for (int fd = 3; fd < 3 + cfg->io.preserve_fds; fd++) {
		int flags = fcntl(fd, F_GETFD);
		if (flags < 0 || (flags & FD_CLOEXEC) != 0)
			return err_set(e, EBADF, "descriptor %d to be passed on", fd);
	}
	return 0;
}

int args_write_pid(const char *file, pid_t pid, struct err *e)
{
	char text[16];

	if (file == NULL)
		return 0;
	int n = snprintf(text, sizeof(text), "%d", pid);
	owned_fd int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(e, errno, "pid file '%s'", file);
	int r = write_all(fd, text, (size_t)n);
	return r < 0 ? err_set(e, -r, "pid file '%s'", file) : 0;
}

int args_send_pidfd(const char *socket, int pidfd, struct err *e)
{
	char name[] = "pidfd";

	if (socket == NULL)
		return 0;
	owned_fd int sock = unixsock_connect(socket, SOCK_STREAM, e);
	ssize_t r = sock < 0 ? sock : unixsock_send(sock, name, sizeof(name), &pidfd, 1, 0);
	return r < 0 ? sock < 0 ? (int)r : err_set(e, (int)-r, "pidfd socket '%s'", socket) : 0;
}

static struct termios saved;
static bool is_raw;

static void leave_raw(void)
{
	if (is_raw)
		(void)tcsetattr(0, TCSAFLUSH, &saved); /* the terminal may be gone */
}

/* Copy between our streams and the container's terminal until the child ends. */
static void relay(int pty, const struct pollfd *child, int sigfd)
{
	struct pollfd p[4] = {*child, {.fd = pty, .events = POLLIN}, {.fd = 0, .events = POLLIN}, {.fd = sigfd, .events = POLLIN}};
	char b[4096];

	while (p[0].revents == 0 || (p[1].revents & POLLIN) != 0) {
		if (poll(p, 4, -1) < 0 && errno != EINTR)
			return;
		if (p[3].revents != 0) {
			struct signalfd_siginfo si;
			struct winsize ws;
			if (read(sigfd, &si, sizeof(si)) > 0 && si.ssi_signo == SIGWINCH && ioctl(0, TIOCGWINSZ, &ws) == 0)
				(void)ioctl(pty, TIOCSWINSZ, &ws); /* a size is a hint */
		}
		if (p[1].revents != 0) {
			ssize_t n = read(pty, b, sizeof(b));
			if (n <= 0 || write_all(1, b, (size_t)n) < 0)
				p[1].fd = -1, p[1].revents = 0;
		}
		if (p[2].revents != 0) {
			ssize_t n = read(0, b, sizeof(b));
			if (n <= 0 || write_all(pty, b, (size_t)n) < 0)
				p[2].fd = -1;
		}
	}
}

/* Wait for a foreground child, passing signals on. Returns its exit status as a shell tells it. */
int args_foreground(const struct sysctr_opt *opt, const char *id, const struct sysctr_child *child, int pty)
{
	struct pollfd p = {.fd = child->pidfd, .events = POLLIN};
	int status = 0;
	sigset_t set;

	if (pty >= 0) {
		sigemptyset(&set);
		sigaddset(&set, SIGWINCH);
		(void)sigprocmask(SIG_BLOCK, &set, NULL); /* cannot fail for a valid set */
		owned_fd int sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
		if (tcgetattr(0, &saved) == 0) {
			struct termios raw = saved;
			cfmakeraw(&raw);
			is_raw = tcsetattr(0, TCSAFLUSH, &raw) == 0;
		}
		relay(pty, &p, sigfd);
		leave_raw();
	}
	while (waitpid(child->pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (id != NULL)
		(void)sysctr_delete(opt, id, /* force */ true, NULL); /* a run container leaves nothing */
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int start(const struct sysctr_opt *base, int argc, char **argv, bool is_run)
{
	struct sysctr_opt opt = *base;
	struct sysctr_child child;
	struct sysctr_config cfg;
	char bundle[PATH_MAX];
	struct err e = {0};
	struct args a;
	struct buf b;
	int pty = -1;

	int at = args_parse(&a, argc, argv);
	if (at < 0 || at != argc - 1)
		return cli_usage(argv[0], "needs exactly one container id");
	const char *id = argv[at];
	opt.no_pivot = a.no_pivot;
	opt.no_new_keyring = a.no_new_keyring;
	int r = load_bundle(&a, bundle, &b, &cfg, &e);
	if (r < 0)
		return cli_fail(&e);
	owned_fd int console = a.console_socket != NULL ? unixsock_connect(a.console_socket, SOCK_STREAM, &e) : -1;
	if (a.console_socket != NULL && console < 0)
		return cli_fail(&e);
	cfg.io.console_socket = console;
	if (is_run && !a.detach)
		cfg.io.ret_pty = &pty;
	r = is_run ? sysctr_run(&opt, id, &cfg, /* replace */ false, &child, &e) : sysctr_create(&opt, id, &cfg, &child, &e);
	buf_release(&b);
	if (r < 0)
		return cli_fail(&e);
	if (args_write_pid(a.pid_file, child.pid, &e) < 0 || args_send_pidfd(a.pidfd_socket, child.pidfd, &e) < 0) {
		(void)sysctr_delete(&opt, id, /* force */ true, NULL);
		return cli_fail(&e);
	}
	return is_run && !a.detach ? args_foreground(&opt, a.keep ? NULL : id, &child, pty) : 0;
}

int cli_run(const struct sysctr_opt *opt, int argc, char **argv)
{
	return start(opt, argc, argv, /* is_run */ true);
}

int cli_create(const struct sysctr_opt *opt, int argc, char **argv)
{
	return start(opt, argc, argv, /* is_run */ false);
}

int cli_service_run(const struct sysctr_opt *base, int argc, char **argv)
{
	struct svc_started m = {.magic = SVC_STARTED_MAGIC};
	struct sysctr_opt opt = *base;
	struct sysctr_child child = {.pidfd = -1};
	struct sysctr_config cfg;
	char bundle[PATH_MAX];
	struct err e = {0};
	struct args a;
	struct buf b;

	int at = args_parse(&a, argc, argv);
	if (at < 0 || at != argc - 1 || a.report_fd < 3)
		return cli_usage(argv[0], "needs --fd, --bundle and one name");
	opt.sibling = true;
	/* ours alone: the service must not hold PID 1's socket */
	(void)fcntl(a.report_fd, F_SETFD, FD_CLOEXEC);
	int r = load_bundle(&a, bundle, &b, &cfg, &e);
	if (r == 0)
		r = sysctr_run(&opt, argv[at], &cfg, /* replace */ true, &child, &e);
	if (r < 0) {
		m.code = e.code;
		(void)snprintf(m.msg, sizeof(m.msg), "%.499s", e.msg);
	}
	m.pid = child.pid;
	ssize_t sent = unixsock_send(a.report_fd, &m, sizeof(m), &child.pidfd, r < 0 ? 0 : 1, 0);
	return r < 0 || sent < 0;
}
