// SPDX-License-Identifier: Apache-2.0
/* The monitor: creates one container (or exec), owns its streams and its exit code, serves the daemon over a socket.
 * It knows nothing of HTTP, images or networks. See monitor.h. */
#include "userctr/monitor.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/base/steps.h"
#include "lib/loop/loop.h"
#include "lib/sys/io.h"
#include "lib/sys/syscalls.h"
#include "lib/sys/unixsock.h"
#include "sysctr/sysctr.h"
#include "userctr/json_log.h"
#include "userctr/monitor_session.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CONNS_MAX      16
#define DRAIN_MS       2000 /* how long output may trail the end of the process */
#define LINGER_MS      10000 /* how long clients may take what is left */
#define CONFIG_MAX     (4u << 20)
#define MONITORS_PROCS "/sys/fs/cgroup/monitors/cgroup.procs"

struct stream {
	struct source s;
	enum log_stream which;
	struct monitor *m;
};

struct conn {
	struct source s;
	struct monitor *m;
};

struct monitor {
	/* what was asked for */
	const char *dir, *id, *exec_id, *log_path;
	int64_t log_size;
	unsigned log_files;
	bool want_tty, want_stdin, stdin_once;
	/* the container */
	struct sysctr_opt opt;
	struct sysctr_child child;
	struct buf config;
	char cgroup[1024];
	enum mon_phase phase;
	int wait_status;
	bool was_oom_killed;
	int64_t changed_ns; /* started, later exited */
	/* streams */
	struct loop loop;
	struct source exit_source, listen_source;
	struct stream out[2];
	int pty; /* owned by the input; -1 without a terminal */
	struct session_input input;
	struct sessions sessions;
	struct json_log log;
	struct timer drain;
	struct conn conns[CONNS_MAX]; /* s.fd < 0: free */
	bool is_told;		      /* MON_EXITED went out */
};

/* ---- talking to the daemon ---- */

static void say(struct conn *c, const struct mon_msg *msg, const int *fd)
{
	/* a daemon that does not read is one that is gone: it will ask again when it is back */
	if (unixsock_send(c->s.fd, msg, sizeof(*msg), fd, fd != NULL ? 1 : 0, MSG_DONTWAIT) < 0)
		loop_remove(&c->s);
}

static void say_all(struct monitor *m, const struct mon_msg *msg, const int *fd)
{
	for (int i = 0; i < CONNS_MAX; i++)
		if (m->conns[i].s.fd >= 0 && !m->conns[i].s.leaving)
			say(&m->conns[i], msg, fd);
}

static bool anyone_there(const struct monitor *m)
{
	for (int i = 0; i < CONNS_MAX; i++)
		if (m->conns[i].s.fd >= 0)
			return true;
	return false;
}

static struct mon_msg exited_msg(const struct monitor *m)
{
	return (struct mon_msg){.tag = MON_EXITED, .a = m->wait_status, .b = m->was_oom_killed,
				.time = m->changed_ns};
}

static void conn_gone(struct source *s)
{
	close(s->fd);
	s->fd = -1;
}

/* ---- the end ---- */

/* oom_kill of the container's memory.events; read before the cgroup goes. */
static bool read_oom(const struct monitor *m)
{
	char path[PATH_MAX];
	struct buf b = BUF_INIT(4096);

	if (m->cgroup[0] == '\0' || m->exec_id != NULL)
		return false;
	int n = snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.events", m->cgroup);
	bool is_killed = false;
	if (n > 0 && (size_t)n < sizeof(path) && file_read(AT_FDCWD, path, &b, NULL) == 0) {
		const char *at = strstr(buf_str(&b), "oom_kill ");
		is_killed = at != NULL && strtoul(at + 9, NULL, 10) > 0;
	}
	buf_release(&b);
	return is_killed;
}

static void write_exit(struct monitor *m)
{
	char line[80];

	owned_fd int dir = open(m->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int n = snprintf(line, sizeof(line), "%d %d %lld\n", m->wait_status, m->was_oom_killed,
			 (long long)m->changed_ns);
	struct err e;
	if (dir < 0 || file_replace(dir, "exit", line, (size_t)n, 0600, &e) < 0)
		log_error("monitor", "container '%s': the exit code could not be written", m->id);
}

/* Once the process is gone and its output is all read: log, exit record, clients, daemon, in this order. */
static void finish(struct monitor *m)
{
	if (m->is_told)
		return;
	m->is_told = true;
	json_log_close(&m->log);
	write_exit(m);
	struct mon_msg msg = exited_msg(m);
	say_all(m, &msg, NULL); /* before the clients see the end: they ask for the exit code at once */
	sessions_finish(&m->sessions);
	timer_arm(&m->loop, &m->drain, clock_mono_ms() + LINGER_MS);
}

static void drain_fire(struct timer *t)
{
	struct monitor *m = owner_of(t, struct monitor, drain);

	if (m->is_told) {
		sessions_drop(&m->sessions); /* clients that do not close their end */
		return;
	}
	for (int i = 0; i < 2; i++)
		if (m->out[i].s.fd >= 0)
			loop_remove(&m->out[i].s);
	finish(m);
}

static bool streams_open(const struct monitor *m)
{
	return m->out[0].s.fd >= 0 || m->out[1].s.fd >= 0;
}

static void exit_ready(struct source *s, uint32_t events)
{
	struct monitor *m = owner_of(s, struct monitor, exit_source);
	int status = 0;

	(void)events;
	pid_t r = waitpid(m->child.pid, &status, WNOHANG);
	if (r == 0)
		return;
	loop_remove(s);
	m->wait_status = r == m->child.pid ? status : 255 << 8;
	m->changed_ns = clock_real_ns();
	m->phase = MON_PHASE_EXITED;
	m->was_oom_killed = read_oom(m);
	session_input_close(&m->input);
	/* with a shared PID namespace its children may still hold the pipes: they end with it */
	if (m->exec_id == NULL)
		(void)sysctr_delete(&m->opt, m->id, /* force */ true, NULL);
	timer_arm(&m->loop, &m->drain, clock_mono_ms() + DRAIN_MS);
}

/* ---- output ---- */

static void stream_gone(struct source *s)
{
	struct stream *st = owner_of(s, struct stream, s);

	close(s->fd);
	s->fd = -1;
	(void)st;
}

static void stream_ready(struct source *s, uint32_t events)
{
	struct stream *st = owner_of(s, struct stream, s);
	static char b[32768];

	(void)events;
	ssize_t n = read(s->fd, b, sizeof(b));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* a terminal says EIO when its last user is gone */
	if (n <= 0) {
		loop_remove(s);
		return;
	}
	json_log_put(&st->m->log, st->which, b, (size_t)n);
	sessions_output(&st->m->sessions, st->which, b, (size_t)n);
}

/* Only a started container is listened to: who attached before the start misses nothing. */
static void take_stream(struct monitor *m, enum log_stream which, int fd)
{
	m->out[which] = (struct stream){.s = {.fd = fd, .name = "output", .ready = stream_ready, .gone = stream_gone},
					.which = which, .m = m};
	if (fd >= 0)
		(void)fcntl(fd, F_SETFL, O_NONBLOCK | O_RDWR); /* access mode bits are ignored by the kernel */
}

static int watch_streams(struct monitor *m, struct err *e)
{
	for (int i = 0; i < 2; i++)
		if (m->out[i].s.fd >= 0) {
			int r = loop_add(&m->loop, &m->out[i].s, EPOLLIN, e);
			if (r < 0)
				return r;
		}
	return 0;
}

/* ---- requests ---- */

static void fail_start(struct monitor *m, int r, const struct err *e)
{
	struct mon_msg msg = {.tag = MON_FAILED, .a = -r};

	(void)snprintf(msg.text, sizeof(msg.text), "%s", e->msg); /* cut rather than lost */
	say_all(m, &msg, NULL);
}

static void do_start(struct monitor *m)
{
	struct err e = {0};

	if (m->phase != MON_PHASE_CREATED)
		return;
	int r = watch_streams(m, &e);
	/* the process of an exec runs already */
	if (r == 0)
		r = m->exec_id == NULL ? sysctr_start(&m->opt, m->id, &e)
				       : loop_add(&m->loop, &m->exit_source, EPOLLIN, &e);
	if (r < 0) {
		fail_start(m, r, &e);
		if (m->exec_id == NULL)
			(void)sysctr_delete(&m->opt, m->id, /* force */ true, NULL);
		else
			(void)sys_pidfd_send_signal(m->child.pidfd, SIGKILL);
		m->loop.stop = true;
		return;
	}
	m->phase = MON_PHASE_RUNNING;
	m->changed_ns = clock_real_ns();
	struct mon_msg msg = {.tag = MON_STARTED, .time = m->changed_ns};
	say_all(m, &msg, NULL);
}

static void do_resize(struct monitor *m, const struct mon_msg *msg)
{
	struct winsize ws = {.ws_row = (unsigned short)msg->a, .ws_col = (unsigned short)msg->b};

	if (m->pty >= 0 && m->phase != MON_PHASE_EXITED)
		(void)ioctl(m->pty, TIOCSWINSZ, &ws); /* a dead terminal has no size */
}

static void conn_ready(struct source *s, uint32_t events)
{
	struct conn *c = owner_of(s, struct conn, s);
	struct monitor *m = c->m;
	struct mon_msg msg;
	size_t nfds = 0;
	int fd = -1;

	(void)events;
	ssize_t n = unixsock_recv(s->fd, &msg, sizeof(msg), &fd, 1, &nfds, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return;
	owned_fd int got = nfds > 0 ? fd : -1;
	if (n != (ssize_t)sizeof(msg)) {
		loop_remove(s); /* the end, or not our protocol */
		return;
	}
	msg.text[sizeof(msg.text) - 1] = '\0';
	switch ((enum mon_tag)msg.tag) {
	case MON_ATTACH:
		if (got >= 0 && sessions_add(&m->sessions, take_fd(got), msg.flags, msg.text, NULL) == 0 && m->is_told)
			sessions_finish(&m->sessions);
		break;
	case MON_START: do_start(m); break;
	case MON_RESIZE: do_resize(m, &msg); break;
	case MON_QUIT:
		if (m->phase == MON_PHASE_EXITED)
			m->loop.stop = true;
		break;
	case MON_STATE:
	case MON_CREATED:
	case MON_STARTED:
	case MON_FAILED:
	case MON_EXITED:
	default: loop_remove(s);
	}
}

static int add_conn(struct monitor *m, int fd, struct err *e)
{
	for (int i = 0; i < CONNS_MAX; i++) {
		struct conn *c = &m->conns[i];
		if (c->s.fd >= 0)
			continue;
		*c = (struct conn){.s = {.fd = fd, .name = "daemon", .ready = conn_ready, .gone = conn_gone}, .m = m};
		int r = loop_add(&m->loop, &c->s, EPOLLIN, e);
		if (r < 0)
			conn_gone(&c->s);
		return r < 0 ? r : i;
	}
	close(fd);
	return err_set(e, EMFILE, "connections of monitor '%s'", m->id);
}

static void listen_ready(struct source *s, uint32_t events)
{
	struct monitor *m = owner_of(s, struct monitor, listen_source);

	(void)events;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	int i = add_conn(m, fd, NULL);
	if (i < 0)
		return;
	struct mon_msg msg = {.tag = MON_STATE, .a = m->child.pid, .b = (int32_t)m->phase, .time = m->changed_ns};
	say(&m->conns[i], &msg, NULL);
	if (m->is_told) {
		msg = exited_msg(m);
		say(&m->conns[i], &msg, NULL);
	}
}

/* ---- setting up ---- */

static int go_place(void *ctx, struct err *e)
{
	struct monitor *m = ctx;

	(void)m, (void)e;
	/* outside the daemon's cgroup, so that killing that service spares us; where there is no such cgroup
	 * (a host that is not ours) the daemon's own supervisor decides */
	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 &&
	    (mkdir("/sys/fs/cgroup/monitors", 0755) == 0 || errno == EEXIST))
		(void)file_write_at(AT_FDCWD, MONITORS_PROCS, "0", NULL);
	(void)setsid();			 /* fails only for a leader, which then has its session already */
	(void)prctl(PR_SET_DUMPABLE, 0); /* the payload's neighbour must not be traced */
	(void)prctl(PR_SET_NAME, "userctr-monitor"); /* it was started through /proc/self/exe */
	(void)signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int go_read_config(void *ctx, struct err *e)
{
	struct monitor *m = ctx;

	buf_init(&m->config, CONFIG_MAX);
	owned_fd int dir = open(m->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open '%s'", m->dir);
	return file_read(dir, "config.json", &m->config, e);
}

static int go_log(void *ctx, struct err *e)
{
	struct monitor *m = ctx;

	return m->log_path == NULL ? 0 : json_log_open(&m->log, m->log_path, m->log_size, m->log_files, e);
}

static int go_listen(void *ctx, struct err *e)
{
	struct monitor *m = ctx;
	char path[PATH_MAX];

	int r = loop_init(&m->loop, e);
	if (r < 0)
		return r;
	sessions_init(&m->sessions, &m->loop, &m->input);
	r = snprintf(path, sizeof(path), "%s/monitor.sock", m->dir);
	if (r < 0 || (size_t)r >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "socket in '%s'", m->dir);
	int fd = unixsock_listen(path, SOCK_SEQPACKET | SOCK_NONBLOCK, 0600, e);
	if (fd < 0)
		return fd;
	m->listen_source = (struct source){.fd = fd, .name = "monitor.sock", .ready = listen_ready};
	r = loop_add(&m->loop, &m->listen_source, EPOLLIN, e);
	return r < 0 ? r : add_conn(m, 3, e);
}

/* Pipes or nothing for what is not a terminal; ends[0] of stdin and ends[1] of the others are the container's. */
static int make_pipes(const struct monitor *m, int theirs[3], int ours[3], struct err *e)
{
	for (int i = 0; i < 3; i++) {
		int p[2];
		if (i == 0 && !m->want_stdin)
			continue;
		if (pipe2(p, O_CLOEXEC) < 0)
			return err_set(e, errno, "make a pipe");
		theirs[i] = i == 0 ? p[0] : p[1];
		ours[i] = i == 0 ? p[1] : p[0];
	}
	return 0;
}

static int run_it(struct monitor *m, struct sysctr_io io, struct err *e)
{
	if (m->exec_id != NULL) {
		struct sysctr_exec x = {.json = buf_str(&m->config), .len = m->config.len, .io = io};
		return sysctr_exec(&m->opt, m->id, &x, &m->child, e);
	}
	struct sysctr_config cfg = {.json = buf_str(&m->config), .len = m->config.len, .bundle = m->dir, .io = io};
	return sysctr_create(&m->opt, m->id, &cfg, &m->child, e);
}

static void open_streams(struct monitor *m, int ours[3])
{
	int in = m->pty >= 0 ? fcntl(m->pty, F_DUPFD_CLOEXEC, 3) : ours[0];

	if (in >= 0)
		(void)fcntl(in, F_SETFL, O_NONBLOCK | (m->pty >= 0 ? O_RDWR : O_WRONLY));
	if (m->pty >= 0 && !m->want_stdin && in >= 0) {
		close(in); /* a terminal without input: output only */
		in = -1;
	}
	session_input_init(&m->input, &m->loop, in, m->stdin_once, m->pty >= 0);
	take_stream(m, LOG_STREAM_OUT, m->pty >= 0 ? fcntl(m->pty, F_DUPFD_CLOEXEC, 3) : ours[1]);
	take_stream(m, LOG_STREAM_ERR, ours[2]);
}

static int go_create(void *ctx, struct err *e)
{
	struct monitor *m = ctx;
	int theirs[3] = {-1, -1, -1}, ours[3] = {-1, -1, -1};
	struct sysctr_io io = {.fds = {-1, -1, -1}, .console_socket = -1};
	struct sysctr_state st;

	int r = m->want_tty ? 0 : make_pipes(m, theirs, ours, e);
	if (r < 0)
		return r; /* the process ends: its descriptors go with it */
	memcpy(io.fds, theirs, sizeof(theirs));
	if (m->want_tty)
		io.ret_pty = &m->pty;
	r = run_it(m, io, e);
	for (int i = 0; i < 3; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	if (r < 0)
		return r;
	m->phase = MON_PHASE_CREATED;
	if (m->exec_id == NULL && sysctr_state(&m->opt, m->id, &st, NULL) == 0)
		(void)snprintf(m->cgroup, sizeof(m->cgroup), "%s", st.cgroup); /* same size */
	open_streams(m, ours);
	return 0;
}

static void undo_create(void *ctx)
{
	struct monitor *m = ctx;

	if (m->exec_id == NULL)
		(void)sysctr_delete(&m->opt, m->id, /* force */ true, NULL);
}

static int go_watch(void *ctx, struct err *e)
{
	struct monitor *m = ctx;

	m->exit_source = (struct source){.fd = m->child.pidfd, .name = "exit", .ready = exit_ready};
	int r = m->exec_id == NULL ? loop_add(&m->loop, &m->exit_source, EPOLLIN, e) : 0;
	if (r < 0)
		return r;
	struct mon_msg msg = {.tag = MON_CREATED, .a = m->child.pid};
	say_all(m, &msg, &m->child.pidfd);
	return 0;
}

static const struct step setup_steps[] = {
	{"place", go_place, NULL},
	{"listen", go_listen, NULL}, /* before what can fail: the daemon hears why */
	{"configuration", go_read_config, NULL},
	{"log", go_log, NULL},
	{"create", go_create, undo_create},
	{"watch", go_watch, NULL},
};

/* After each batch: is there anything left to do? */
static void idle(struct loop *l)
{
	struct monitor *m = owner_of(l, struct monitor, loop);

	if (m->phase == MON_PHASE_EXITED && !m->is_told && !streams_open(m))
		finish(m);
	if (anyone_there(m))
		return;
	if (m->is_told && !sessions_any(&m->sessions)) {
		m->loop.stop = true; /* DIR/exit tells the rest */
	} else if (m->phase == MON_PHASE_CREATED) {
		/* the daemon died between create and start: nobody will open the gate */
		undo_create(m);
		m->loop.stop = true;
	}
}

static int parse(struct monitor *m, int argc, char **argv)
{
	static const struct option longs[] = {
		{"dir", required_argument, NULL, 'd'},	  {"id", required_argument, NULL, 'i'},
		{"exec", required_argument, NULL, 'x'},	  {"log", required_argument, NULL, 'l'},
		{"log-size", required_argument, NULL, 's'}, {"log-files", required_argument, NULL, 'f'},
		{"tty", no_argument, NULL, 't'},	  {"stdin", no_argument, NULL, 'I'},
		{"stdin-once", no_argument, NULL, 'o'},	  {"sysctr-root", required_argument, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'd': m->dir = optarg; break;
		case 'i': m->id = optarg; break;
		case 'x': m->exec_id = optarg; break;
		case 'l': m->log_path = optarg; break;
		case 's': m->log_size = strtoll(optarg, NULL, 10); break;
		case 'f': m->log_files = (unsigned)strtoul(optarg, NULL, 10); break;
		case 't': m->want_tty = true; break;
		case 'I': m->want_stdin = true; break;
		case 'r': m->opt.root = optarg; break;
		case 'o': m->stdin_once = true; break;
		default: return -EINVAL;
		}
	}
	return m->dir == NULL || m->id == NULL || optind != argc ? -EINVAL : 0;
}

int monitor_main(int argc, char **argv)
{
	static struct monitor m = {
		.opt = {.root = MON_SYSCTR_ROOT},
		.phase = MON_PHASE_NEW,
		.pty = -1,
		.child = {.pidfd = -1},
		.out = {{.s = {.fd = -1}}, {.s = {.fd = -1}}},
		.input = {.s = {.fd = -1}},
		.log = {.fd = -1},
		.log_files = 1,
		.drain = {.fire = drain_fire},
	};
	struct err e = {0};

	if (parse(&m, argc, argv) < 0) {
		fprintf(stderr, "userctr monitor: is started by the daemon: "
				"--dir DIR --id ID [--exec EXECID] [--log FILE]\n");
		return 2;
	}
	for (int i = 0; i < CONNS_MAX; i++)
		m.conns[i].s.fd = -1;
	int r = steps_run(setup_steps, countof(setup_steps), &m, &e);
	if (r < 0) {
		fail_start(&m, r, &e);
		return 1;
	}
	m.loop.idle = idle;
	r = loop_run(&m.loop, &e);
	if (r < 0)
		log_error("monitor", "container '%s': %s", m.id, e.msg);
	return r < 0;
}
