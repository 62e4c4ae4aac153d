/* images/console/console.h - logins on the machine's consoles.
 *
 *   terms_find()   which terminals: every console= and every slipway.autologin=
 *   users_set()    the password of the command line, homes
 *   term_start()   login or getty on one of them, as a session leader with the terminal as its controlling one
 */
#ifndef IMAGES_CONSOLE_CONSOLE_H
#define IMAGES_CONSOLE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

#define TERMS_MAX	16
#define TERM_NAME_SIZE	32
#define CONSOLE_USER	"slipway"

struct term {
	char name[TERM_NAME_SIZE]; /* "ttyS0" */
	bool is_auto;		   /* logs in without a password */
	pid_t pid;		   /* session leader; 0: none */
	int64_t started_ms, due_ms; /* due: when to start again */
	unsigned quick;		   /* ends in a row that came at once */
};

struct terms {
	struct term t[TERMS_MAX];
	size_t n;
};

/*
 * Terminals of a command line and of what the kernel writes to (the content of /sys/class/tty/console/active).
 *
 *   has_tty   whether there is such a device; tests give their own
 */
void terms_find(struct terms *all, const char *cmdline, size_t len, const char *active, bool (*has_tty)(const char *name));

/* Returns 0 or -errno; all->pid, started_ms are set. */
int term_start(struct term *t, int64_t now_ms, struct err *e);

/* How long to wait before the next start, given how this one ended; pure. */
int64_t term_pause_ms(struct term *t, int64_t now_ms);

/* Set the console users' password from the command line, if there is one; make the homes. */
int users_set(const char *cmdline, size_t len, struct err *e);

/* Write /etc/issue: version, addresses, and how to log in when nobody can. */
int issue_write(const char *path, bool has_password, struct err *e);

/* Whether the command line has a password. */
bool users_have_password(const char *cmdline, size_t len);

#endif
