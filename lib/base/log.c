// SPDX-License-Identifier: Apache-2.0
/* The log line writer. Everything is on the stack: PID 1 uses it too. */
#include "lib/base/log.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static struct {
	int fd;
	enum log_form form;
	enum log_level level;
} out = {2, LOG_FORM_TEXT, LOG_LEVEL_INFO};

static const char *const level_name[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

/* syslog priorities as /dev/kmsg wants them */
static const int kmsg_level[] = {
	[LOG_LEVEL_ERROR] = 3,
	[LOG_LEVEL_WARN] = 4,
	[LOG_LEVEL_INFO] = 6,
	[LOG_LEVEL_DEBUG] = 7,
};

void log_setup(int fd, enum log_form form, enum log_level level)
{
	out.fd = fd;
	out.form = form;
	out.level = level;
}

void log_set_level(enum log_level level)
{
	out.level = level;
}

/* Copy s to line[at..], escaping control characters, and quotes when json. Returns the new end. */
static size_t put_escaped(char *line, size_t at, size_t room, const char *s, bool json)
{
	for (; *s != '\0' && at + 8 < room; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20 || c == 0x7f)
			at += (size_t)snprintf(line + at, room - at, json ? "\\u%04x" : "\\x%02x", c);
		else if (json && (c == '"' || c == '\\')) {
			line[at++] = '\\';
			line[at++] = (char)c;
		} else
			line[at++] = (char)c;
	}
	return at;
}

static size_t put_head(char *line, size_t room, enum log_level level, const char *subsystem)
{
	char when[CLOCK_RFC3339_SIZE];
	int n = 0;

	switch (out.form) {
	case LOG_FORM_TEXT:
		n = snprintf(line, room, "%s %s: ", level_name[level], subsystem);
		break;
	case LOG_FORM_KMSG:
		n = snprintf(line, room, "<%d>%s: ", kmsg_level[level], subsystem);
		break;
	case LOG_FORM_JSON:
		clock_rfc3339(clock_real_ns(), when);
		n = snprintf(line, room, "{\"level\":\"%s\",\"time\":\"%s\",\"msg\":\"",
			     level_name[level], when);
		break;
	}
	return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

void log_at(enum log_level level, const char *subsystem, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES - 160];
	char line[LINE_MAX_BYTES];
	int saved = errno;
	va_list ap;

	if (level > out.level)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	size_t at = put_head(line, sizeof(line) - 4, level, subsystem);
	at = put_escaped(line, at, sizeof(line) - 4, text, out.form == LOG_FORM_JSON);
	if (out.form == LOG_FORM_JSON) {
		line[at++] = '"';
		line[at++] = '}';
	}
	line[at++] = '\n';
	while (write(out.fd, line, at) < 0 && errno == EINTR)
		; /* any other failure has nowhere to be told */
	errno = saved;
}
