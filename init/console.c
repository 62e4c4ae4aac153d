// SPDX-License-Identifier: Apache-2.0
/* Consoles are opened for each line: they may vanish, and a descriptor kept on a terminal keeps it from hanging up.
 * O_NONBLOCK: a serial line with flow control and nobody at the other end must not stop PID 1. */
#include "init/console.h"

#include "init/pid1.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>

static void add(struct pid1 *p, const char *name, size_t len)
{
	if (len == 0 || len >= CONSOLE_NAME_MAX || p->console_count == CONSOLES_MAX || memchr(name, '/', len) != NULL)
		return;
	for (unsigned i = 0; i < p->console_count; i++)
		if (strncmp(p->consoles[i], name, len) == 0 && p->consoles[i][len] == '\0')
			return;
	memcpy(p->consoles[p->console_count], name, len);
	p->consoles[p->console_count++][len] = '\0';
}

void console_find(struct pid1 *p)
{
	struct cmdline_iter it = cmdline_iter(p->cmdline, p->cmdline_len);
	struct cmdline_arg a;
	char active[256];

	p->console_count = 0;
	while (cmdline_next(&it, &a))
		if (a.key_len == 7 && memcmp(a.key, "console", 7) == 0) {
			const char *comma = memchr(a.value, ',', a.value_len);
			add(p, a.value, comma != NULL ? (size_t)(comma - a.value) : a.value_len);
		}
	owned_fd int fd = open("/sys/class/tty/console/active", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, active, sizeof(active) - 1) : 0;
	active[n > 0 ? n : 0] = '\0';
	for (const char *w = active; *w != '\0';) {
		size_t len = strcspn(w, " \n");
		add(p, w, len);
		w += len;
		w += strspn(w, " \n");
	}
	if (p->console_count == 0)
		add(p, "console", 7);
}

static void write_line(const char *tty, const char *line, size_t len)
{
	char path[PATH_TEXT_MAX];

	(void)snprintf(path, sizeof(path), "/dev/%s", tty); /* names are bounded */
	owned_fd int fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, line, len); /* whoever does not see it finds it in the kernel log */
}

void say(struct pid1 *p, const char *fmt, ...)
{
	char line[640] = "slipway: ";
	const size_t head = sizeof("slipway: ") - 1;
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(line + head, sizeof(line) - head - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	size_t len = strlen(line);
	for (size_t i = head; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	log_info("slipway", "%s", line + head);
	line[len++] = '\n';
	for (unsigned i = 0; i < p->console_count; i++)
		write_line(p->consoles[i], line, len);
}

void console_quiet_kernel(struct pid1 *p)
{
	struct cmdline_iter it = cmdline_iter(p->cmdline, p->cmdline_len);
	struct cmdline_arg a;

	if (cmdline_flag(p->cmdline, p->cmdline_len, "debug"))
		return;
	while (cmdline_next(&it, &a)) {
		static const char *const loud[] = {"debug", "ignore_loglevel", "loglevel"};
		for (size_t i = 0; i < countof(loud); i++)
			if (a.key_len == strlen(loud[i]) && memcmp(a.key, loud[i], a.key_len) == 0)
				return;
	}
	(void)klogctl(8 /* console level */, NULL, 4); /* a loud console is no failure */
}
