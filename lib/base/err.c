// SPDX-License-Identifier: Apache-2.0
/* Errors as values. Formatting truncates: a cut message is better than a lost one. */
#include "lib/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *err_text(int code)
{
	switch (code) {
	case E_DIGEST: return "digest mismatch";
	case E_SPEC: return "does not follow its specification";
	case E_REGISTRY: return "registry error";
	case E_LIMIT: return "limit exceeded";
	default: return strerror(code);
	}
}

__attribute__((format(printf, 3, 0))) static int say(struct err *e, int code, const char *fmt,
						     va_list ap)
{
	if (code <= 0)
		code = EINVAL;
	if (e == NULL)
		return -code;
	e->code = code;
	if (vsnprintf(e->msg, sizeof(e->msg), fmt, ap) < 0)
		e->msg[0] = '\0';
	return -code;
}

int err_say(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int r = say(e, code, fmt, ap);
	va_end(ap);
	return r;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int r = say(e, code, fmt, ap);
	va_end(ap);
	if (e == NULL || -r == E_SPEC || -r == E_LIMIT)
		return r;
	size_t used = strlen(e->msg);
	(void)snprintf(e->msg + used, sizeof(e->msg) - used, ": %s", err_text(-r)); /* may cut */
	return r;
}

int err_wrap(struct err *e, int r, const char *fmt, ...)
{
	char outer[sizeof(e->msg)];
	va_list ap;

	if (e == NULL)
		return r;
	va_start(ap, fmt);
	int n = vsnprintf(outer, sizeof(outer), fmt, ap);
	va_end(ap);
	if (n <= 0)
		return r;
	size_t len = (size_t)n < sizeof(outer) ? (size_t)n : sizeof(outer) - 1;
	size_t room = sizeof(e->msg) - 1;
	if (len + 2 > room)
		len = room - 2;
	size_t keep = strlen(e->msg);
	if (keep > room - len - 2)
		keep = room - len - 2;
	memmove(e->msg + len + 2, e->msg, keep);
	e->msg[len + 2 + keep] = '\0';
	memcpy(e->msg, outer, len);
	memcpy(e->msg + len, ": ", 2);
	if (e->code == 0)
		e->code = -r;
	return r;
}
