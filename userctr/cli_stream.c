// SPDX-License-Identifier: Apache-2.0
/* Attached streams on the client's side: raw terminal, frames, half-close, detach keys, signals. */
#include "userctr/cli.h"

#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved_mode;
static bool is_raw;

static void restore_terminal(void)
{
	if (is_raw)
		(void)tcsetattr(0, TCSANOW, &saved_mode); /* the terminal may be gone */
	is_raw = false;
}

static void make_raw(void)
{
	if (tcgetattr(0, &saved_mode) < 0)
		return;
	struct termios raw = saved_mode;
	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	is_raw = tcsetattr(0, TCSANOW, &raw) == 0; /* what was typed ahead stays */
}

int cli_demux(void *ctx, const char *p, size_t n)
{
	struct cli_demux *d = ctx;

	if (d->is_raw)
		return write_all(1, p, n);
	while (n > 0) {
		if (d->left == 0) {
			size_t take = sizeof(d->head) - d->have < n ? sizeof(d->head) - d->have : n;
			memcpy(d->head + d->have, p, take);
			d->have += take;
			p += take;
			n -= take;
			if (d->have < sizeof(d->head))
				return 0;
			d->have = 0;
			for (int i = 4; i < 8; i++)
				d->left = d->left << 8 | d->head[i];
			continue;
		}
		size_t take = d->left < n ? d->left : n;
		int r = write_all(d->head[0] <= 1 ? 1 : 2, p, take);
		if (r < 0)
			return r;
		d->left -= take;
		p += take;
		n -= take;
	}
	return 0;
}

int cli_detach_keys(const char *text, unsigned char out[16])
{
	int n = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		if (n == 16)
			return -1;
		if (len == 1) {
			out[n++] = (unsigned char)text[0];
		} else if (len == 6 && memcmp(text, "ctrl-", 5) == 0) {
			char ch = text[5];
			if (ch >= 'a' && ch <= 'z')
				out[n++] = (unsigned char)(ch - 'a' + 1);
			else if (ch == '@')
				out[n++] = 0;
			else if (ch >= '[' && ch <= '_')
				out[n++] = (unsigned char)(ch - '[' + 27);
			else
				return -1;
		} else {
			return -1;
		}
		text += len;
		text += *text == ',' ? 1 : 0;
	}
	return n;
}

/* The signals of a session: the window's size, and what is passed on. */
static void session_set(const struct cli_session *s, sigset_t *ret)
{
	static const int proxied[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT};

	sigemptyset(ret);
	sigaddset(ret, SIGWINCH);
	if (s->proxies)
		for (size_t i = 0; i < sizeof(proxied) / sizeof(proxied[0]); i++)
			sigaddset(ret, proxied[i]);
}

void cli_session_signals(const struct cli_session *s)
{
	sigset_t set;

	session_set(s, &set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL); /* cannot fail for a valid set */
}

struct pump {
	struct cli_session *s;
	struct cli_demux demux;
	unsigned char keys[16];
	int n_keys, matched;
	char pending[4096 + 16]; /* input the daemon has not taken yet: output is read meanwhile */
	size_t at, len;
	bool input_ended;
	int sigfd;
};

static void tell_size(const struct pump *p)
{
	struct winsize ws;

	if (p->s->is_tty && p->s->on_resize != NULL && ioctl(1, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0)
		p->s->on_resize(p->s->ctx, ws.ws_row, ws.ws_col);
}

/* Take input without the detach keys. Returns 1 when they were typed. */
static int take_input(struct pump *p, const char *in, size_t n)
{
	p->at = p->len = 0;
	for (size_t i = 0; i < n; i++) {
		if (p->n_keys > 0 && (unsigned char)in[i] == p->keys[p->matched]) {
			if (++p->matched == p->n_keys)
				return 1;
			continue;
		}
		for (int k = 0; k < p->matched; k++)
			p->pending[p->len++] = (char)p->keys[k];
		p->matched = p->n_keys > 0 && p->matched > 0 && (unsigned char)in[i] == p->keys[0] ? 1 : 0;
		if (p->matched == 0)
			p->pending[p->len++] = in[i];
	}
	return 0;
}

static void end_input(struct pump *p)
{
	if (p->input_ended)
		return;
	p->input_ended = true;
	(void)shutdown(p->s->c->fd, SHUT_WR); /* the daemon may be gone */
}

/* Returns 1 detached. */
static int read_input(struct pump *p)
{
	char b[4096 - 16];
	ssize_t n = read(0, b, sizeof(b));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) { /* the end of our input is not the end of the session */
		end_input(p);
		return 0;
	}
	int r = take_input(p, b, (size_t)n);
	if (r == 1) /* what was typed before the keys still goes there */
		(void)send(p->s->c->fd, p->pending, p->len, MSG_NOSIGNAL | MSG_DONTWAIT);
	return r;
}

static void send_input(struct pump *p)
{
	ssize_t n = send(p->s->c->fd, p->pending + p->at, p->len - p->at, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		p->at += (size_t)n;
	else if (errno != EINTR && errno != EAGAIN)
		p->input_ended = true, p->at = p->len = 0;
}

static void take_signal(struct pump *p)
{
	struct signalfd_siginfo si;

	if (read(p->sigfd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGWINCH)
		tell_size(p);
	else if (p->s->on_signal != NULL)
		p->s->on_signal(p->s->ctx, (int)si.ssi_signo);
}

static int pump(struct pump *p)
{
	struct cli *c = p->s->c;
	char b[16384];

	for (;;) {
		bool has_pending = p->at < p->len;
		struct pollfd pf[3] = {
			{.fd = c->fd, .events = (short)(POLLIN | (has_pending ? POLLOUT : 0))},
			{.fd = p->s->with_stdin && !p->input_ended && !has_pending ? 0 : -1, .events = POLLIN},
			{.fd = p->sigfd, .events = POLLIN}};
		if (poll(pf, 3, -1) < 0 && errno != EINTR)
			return 0;
		if (pf[2].revents != 0)
			take_signal(p);
		if ((pf[0].revents & POLLOUT) != 0)
			send_input(p);
		if ((pf[0].revents & ~POLLOUT) != 0) {
			ssize_t n = recv(c->fd, b, sizeof(b), MSG_DONTWAIT);
			if (n < 0 && (errno == EINTR || errno == EAGAIN))
				continue;
			if (n <= 0 || cli_demux(&p->demux, b, (size_t)n) < 0)
				return 0;
		}
		if (pf[1].revents != 0 && read_input(p) == 1)
			return 1;
	}
}

int cli_session_run(struct cli_session *s)
{
	static struct pump p;
	sigset_t set;

	p = (struct pump){.s = s, .demux = {.is_raw = s->is_tty}};
	session_set(s, &set);
	cli_session_signals(s);
	p.sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->is_tty && s->with_stdin) {
		p.n_keys = cli_detach_keys(s->detach_keys != NULL ? s->detach_keys : "ctrl-p,ctrl-q", p.keys);
		make_raw();
	}
	tell_size(&p);
	if (!s->with_stdin)
		end_input(&p);
	int r = cli_demux(&p.demux, buf_str(s->early), s->early->len) < 0 ? 0 : pump(&p);
	restore_terminal();
	if (p.sigfd >= 0)
		close(p.sigfd);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL); /* cannot fail for a valid set */
	cli_close(s->c);
	return r;
}
