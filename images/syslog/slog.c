// SPDX-License-Identifier: Apache-2.0
/* One message's way: may it pass, its line, and where that goes. Lines of one batch are written at once. */
#include "images/syslog/slog.h"

#include "lib/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static void put(struct slog *s, const struct syslog_msg *m, int64_t real_ns)
{
	size_t before = s->pending.len;
	struct utsname u;

	if (before == 0 && uname(&u) == 0) /* once per batch: it may change */
		(void)snprintf(s->host, sizeof(s->host), "%s", u.nodename);
	syslog_write(&s->pending, real_ns, s->host, m);
	if (buf_error(&s->pending) != 0) { /* dropped as a whole; what came before stays */
		s->pending.error = 0;
		s->pending.len = before;
		s->too_many++;
	}
	if (s->remote.kind == REMOTE_NONE)
		return;
	buf_clear(&s->one);
	syslog_write_5424(&s->one, real_ns, s->host, m);
	if (buf_error(&s->one) == 0)
		remote_send(&s->remote, buf_str(&s->one), s->one.len);
}

void slog_note(struct slog *s, const char *fmt, ...)
{
	struct syslog_msg m = {.facility = 5, .severity = 4, .tag = {"syslog", 6}};
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	m.text = (struct syslog_text){text, n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1};
	put(s, &m, clock_real_ns());
}

static void tell_over(struct slog *s, uint32_t count, const char *tag)
{
	slog_note(s, "%u messages of '%s' were dropped: more than %u within %lld s", count, tag, s->rate.burst,
		  (long long)(s->rate.window_ms / 1000));
}

/* Not at once: what goes wrong a thousand times is one line. */
static void tell_later(struct slog *s)
{
	if (!s->tick.armed)
		timer_arm(&s->loop, &s->tick, clock_mono_ms() + TELL_MS);
}

void slog_take(struct slog *s, const struct syslog_msg *m, int64_t real_ns)
{
	char tag[SYSLOG_TAG_MAX + 1];
	uint32_t over = 0;

	if (m->text.len == 0 && m->tag.len == 0)
		return;
	/* the kernel limits itself, and what it said before we were there comes all at once */
	bool may_pass = m->facility == 0 || rate_allow(&s->rate, &m->tag, clock_mono_ms(), &over, tag);
	if (over > 0)
		tell_over(s, over, tag);
	if (may_pass)
		put(s, m, real_ns);
	else
		tell_later(s);
	/* a reader that is never done within a batch must not lose lines for that */
	if (s->pending.len > PENDING_MAX / 2)
		slog_flush(s);
}

void slog_tell(struct slog *s)
{
	char tag[SYSLOG_TAG_MAX + 1];
	uint32_t over;
	uint64_t n;

	while ((over = rate_expire(&s->rate, clock_mono_ms(), tag)) > 0)
		tell_over(s, over, tag);
	if ((n = s->remote.lost) > 0) {
		s->remote.lost = 0;
		slog_note(s, "%llu messages did not reach %s: %s", (unsigned long long)n, s->remote.name,
			  strerror(s->remote.reason));
	}
}

void slog_flush(struct slog *s)
{
	uint64_t n = s->too_many;

	if (n > 0) {
		s->too_many = 0;
		slog_note(s, "%llu messages were dropped: they came faster than they could be written", (unsigned long long)n);
	}
	if (s->remote.lost > 0)
		tell_later(s);
	if (s->pending.len > 0)
		log_file_write(&s->file, buf_str(&s->pending), s->pending.len, s->host);
	buf_clear(&s->pending);
	kmsg_save(s);
}
