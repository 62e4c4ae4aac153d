// SPDX-License-Identifier: Apache-2.0
/* One terminal's login: busybox' getty asks for a name, its login for the password. Without a password asked, login is
 * started here, with what getty would have done for the terminal. */
#include "images/console/console.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"
#include "lib/base/buf.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#define QUICK_MS     2000
#define PAUSE_MS     500
#define PAUSE_MAX_MS 30000

static const char *term_type(const char *name)
{
	return strncmp(name, "tty", 3) == 0 && name[3] >= '0' && name[3] <= '9' ? "TERM=linux" : "TERM=vt220";
}

/* Sane modes for lines and control characters; speed and frame stay as the kernel's console= set them. */
static void set_modes(int fd)
{
	struct winsize ws;
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return; /* then it is no terminal with modes */
	t.c_iflag = ICRNL | IXON | (t.c_iflag & IUTF8);
	t.c_oflag = OPOST | ONLCR;
	t.c_cflag |= CREAD | HUPCL | CLOCAL; /* nobody wires carrier detect any more */
	t.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
	t.c_cc[VINTR] = 3;
	t.c_cc[VQUIT] = 28;
	t.c_cc[VERASE] = 127;
	t.c_cc[VKILL] = 21;
	t.c_cc[VEOF] = 4;
	t.c_cc[VSUSP] = 26;
	(void)tcsetattr(fd, TCSANOW, &t); /* see above */
	/* a serial line knows no size; the usual one is better than none. `resize` asks the terminal. */
	if (ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_row == 0) {
		ws.ws_row = 24;
		ws.ws_col = 80;
		(void)ioctl(fd, TIOCSWINSZ, &ws); /* a hint */
	}
}

static void show_issue(void)
{
	owned_buf struct buf b = BUF_INIT(4096);

	if (file_read(AT_FDCWD, "/etc/issue", &b, NULL) == 0)
		(void)write_all(1, buf_str(&b), b.len); /* a greeting */
}

static _Noreturn void login_now(const char *path, const char *type)
{
	char *const envp[] = {(char *)(uintptr_t)type, NULL};

	int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY); /* cloexec: becomes 0, 1, 2 */
	if (fd < 0)
		_exit(1);
	(void)fcntl(fd, F_SETFL, O_RDWR); /* non-blocking was for the opening only */
	if (ioctl(fd, TIOCSCTTY, 1) < 0)
		_exit(1);
	set_modes(fd);
	for (int i = 0; i < 3; i++)
		if (dup2(fd, i) < 0)
			_exit(1);
	if (fd > 2)
		close(fd);
	show_issue();
	execle("/bin/login", "login", "-f", CONSOLE_USER, NULL, envp);
	_exit(1);
}

int term_start(struct term *t, int64_t now_ms, struct err *e)
{
	char path[TERM_NAME_SIZE + 8];
	const char *type = term_type(t->name);
	char *const envp[] = {(char *)(uintptr_t)type, NULL};
	sigset_t none;

	(void)snprintf(path, sizeof(path), "/dev/%s", t->name); /* fits */
	t->started_ms = now_ms;
	/* what cannot be opened now would end at once, and again, and again */
	owned_fd int probe = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (probe < 0)
		return err_set(e, errno, "open '%s'", path);
	pid_t pid = fork();
	if (pid < 0)
		return err_set(e, errno, "fork");
	if (pid == 0) {
		sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail for a valid set */
		(void)setsid();				      /* a fresh child leads nothing yet */
		close(probe);
		if (t->is_auto)
			login_now(path, type);
		/* "-L": no carrier detect; speed 0: as it is */
		execle("/bin/getty", "getty", "-L", "0", t->name, type + strlen("TERM="), NULL, envp);
		_exit(1);
	}
	t->pid = pid;
	return 0;
}

int64_t term_pause_ms(struct term *t, int64_t now_ms)
{
	if (t->started_ms == 0 || now_ms - t->started_ms >= QUICK_MS) {
		t->quick = 0;
		return 0;
	}
	t->quick++;
	/* the first time is a shell that somebody left at once */
	if (t->quick == 1)
		return 0;
	int64_t ms = (int64_t)PAUSE_MS << (t->quick < 8 ? t->quick : 8);
	return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}
