// SPDX-License-Identifier: Apache-2.0
/* Names of signals. */
#include "userctr/signals.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* the C library keeps the first two of the kernel's for itself; containers know the kernel's */
#define RT_MIN 34
#define RT_MAX 64

static const struct {
	const char *name;
	int number;
} names[] = {
	{"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"BUS", SIGBUS},	   {"CHLD", SIGCHLD}, {"CLD", SIGCHLD},	  {"CONT", SIGCONT},
	{"FPE", SIGFPE},   {"HUP", SIGHUP},   {"ILL", SIGILL},	   {"INT", SIGINT},   {"IO", SIGIO},	  {"IOT", SIGABRT},
	{"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"POLL", SIGIO},	   {"PROF", SIGPROF}, {"PWR", SIGPWR},	  {"QUIT", SIGQUIT},
	{"SEGV", SIGSEGV}, {"STKFLT", 16},    {"STOP", SIGSTOP},   {"SYS", SIGSYS},   {"TERM", SIGTERM},  {"TRAP", SIGTRAP},
	{"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},   {"URG", SIGURG},   {"USR1", SIGUSR1},  {"USR2", SIGUSR2},
	{"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH}, {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}, {"RTMIN", RT_MIN}, {"RTMAX", RT_MAX},
};

static int by_name(const char *s)
{
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	for (size_t i = 0; i < countof(names); i++)
		if (strcasecmp(s, names[i].name) == 0)
			return names[i].number;
	bool is_up = strncasecmp(s, "RTMIN+", 6) == 0;
	if (!is_up && strncasecmp(s, "RTMAX-", 6) != 0)
		return -1;
	size_t n = strspn(s + 6, "0123456789");
	if (n == 0 || n > 2 || s[6 + n] != '\0')
		return -1;
	int off = atoi(s + 6);
	return off > RT_MAX - RT_MIN ? -1 : is_up ? RT_MIN + off : RT_MAX - off;
}

int signal_parse(const char *text, int *ret, struct err *e)
{
	size_t n = strspn(text, "0123456789");
	int sig = n > 0 && n < 4 && text[n] == '\0' ? atoi(text) : by_name(text);

	if (sig < 1 || sig > RT_MAX)
		return err_say(e, EINVAL, "invalid signal: %.100s", text);
	*ret = sig;
	return 0;
}
