// SPDX-License-Identifier: Apache-2.0
/* Attached streams on the client's side: raw terminal, frames, half-close, detach keys. */
#include "userctr/cli.h"

#include "lib/base/err.h"
#include "lib/sys/io.h"

#include <errno.h>
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
		(void)tcsetattr(0, TCSAFLUSH, &saved_mode); /* the terminal may be gone */
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
	is_raw = tcsetattr(0, TCSAFLUSH, &raw) == 0;
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
		int r = write_all(d->head[0] == 1 ? 1 : 2, p, take);
		if (r < 0)
			return r;
		d->left -= take;
		p += take;
		n -= take;
	}
	return 0;
}

struct joined {
	struct cli *c;
	struct cli_demux demux;
	bool is_tty, seen_ctrl_p;
	void (*on_resize)(void *ctx, unsigned rows, unsigned cols);
	void *ctx;
};

static void tell_size(const struct joined *j)
{
	struct winsize ws;

	if (j->on_resize != NULL && ioctl(1, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0)
		j->on_resize(j->ctx, ws.ws_row, ws.ws_col);
}

/* Returns 1 when ctrl-p ctrl-q was typed; p is passed on without it. */
static int send_input(struct joined *j, char *p, size_t n)
{
	char out[4097];
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (j->is_tty && j->seen_ctrl_p && p[i] == 'q' - 96)
			return 1;
		if (j->seen_ctrl_p)
			out[len++] = 'p' - 96;
		j->seen_ctrl_p = j->is_tty && p[i] == 'p' - 96;
		if (!j->seen_ctrl_p)
			out[len++] = p[i];
	}
	return write_all(j->c->fd, out, len) < 0 ? -1 : 0;
}

static int pump(struct joined *j, int sigfd, bool with_stdin)
{
	struct pollfd pf[3] = {{.fd = j->c->fd, .events = POLLIN},
			       {.fd = with_stdin ? 0 : -1, .events = POLLIN},
			       {.fd = sigfd, .events = POLLIN}};
	char b[4096];

	for (;;) {
		if (poll(pf, 3, -1) < 0 && errno != EINTR)
			return 0;
		if (pf[2].revents != 0) {
			struct signalfd_siginfo si;
			if (read(sigfd, &si, sizeof(si)) > 0)
				tell_size(j);
		}
		if (pf[0].revents != 0) {
			ssize_t n = read(j->c->fd, b, sizeof(b));
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0 || cli_demux(&j->demux, b, (size_t)n) < 0)
				return 0;
		}
		if (pf[1].revents != 0) {
			ssize_t n = read(0, b, sizeof(b));
			if (n < 0 && errno == EINTR)
				continue;
			int r = n > 0 ? send_input(j, b, (size_t)n) : -1;
			if (r == 1)
				return 1;
			if (r < 0) { /* the end of our input is not the end of the session */
				(void)shutdown(j->c->fd, SHUT_WR);
				pf[1].fd = -1;
			}
		}
	}
}

int cli_stream(struct cli *c, struct buf *early, bool is_tty, bool with_stdin,
	       void (*on_resize)(void *ctx, unsigned rows, unsigned cols), void *ctx)
{
	struct joined j = {.c = c, .demux = {.is_raw = is_tty}, .is_tty = is_tty, .on_resize = on_resize, .ctx = ctx};
	sigset_t winch;

	sigemptyset(&winch);
	sigaddset(&winch, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &winch, NULL); /* cannot fail for a valid set */
	int sigfd = signalfd(-1, &winch, SFD_CLOEXEC | SFD_NONBLOCK);
	if (is_tty && with_stdin)
		make_raw();
	if (is_tty)
		tell_size(&j);
	if (!with_stdin)
		(void)shutdown(c->fd, SHUT_WR);
	int r = cli_demux(&j.demux, buf_str(early), early->len) < 0 ? 0 : pump(&j, sigfd, with_stdin);
	restore_terminal();
	if (sigfd >= 0)
		close(sigfd);
	close(c->fd);
	c->fd = -1;
	return r;
}
