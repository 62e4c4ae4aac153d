// SPDX-License-Identifier: Apache-2.0
/* Log messages in and out. */
#include "lib/codec/syslog.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip(struct syslog_text *t, size_t n)
{
	t->p += n;
	t->len -= n;
}

/* "<13>" */
static void take_priority(struct syslog_text *t, struct syslog_msg *m)
{
	unsigned v = 0;
	size_t i = 1;

	m->facility = SYSLOG_USER_NOTICE >> 3;
	m->severity = SYSLOG_USER_NOTICE & 7;
	if (t->len < 3 || t->p[0] != '<')
		return;
	for (; i < t->len && i < 4 && is_digit(t->p[i]); i++)
		v = v * 10 + (unsigned)(t->p[i] - '0');
	if (i == 1 || i == t->len || t->p[i] != '>' || v > 191)
		return;
	m->facility = (uint8_t)(v >> 3);
	m->severity = (uint8_t)(v & 7);
	skip(t, i + 1);
}

/* d: digit, A: letter, ' ': blank or digit, others themselves */
static bool has_form(const struct syslog_text *t, const char *form)
{
	size_t n = strlen(form);

	if (t->len < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = t->p[i], f = form[i];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		if (f == 'd' ? !is_digit(c) : f == 'A' ? !letter : f == '_' ? c != ' ' && !is_digit(c) : c != f)
			return false;
	}
	return true;
}

/* Until a blank; the blank is skipped too. */
static struct syslog_text word(struct syslog_text *t)
{
	struct syslog_text w = {t->p, 0};

	while (w.len < t->len && w.p[w.len] != ' ')
		w.len++;
	skip(t, w.len < t->len ? w.len + 1 : w.len);
	return w;
}

static struct syslog_text unless_nil(struct syslog_text w)
{
	return w.len == 1 && w.p[0] == '-' ? (struct syslog_text){w.p, 0} : w;
}

/* Length of "[id a="x\"]"][...]", or 0. */
static size_t structured_len(const struct syslog_text *t)
{
	bool in_quote = false, is_open = false;

	for (size_t i = 0; i < t->len; i++) {
		char c = t->p[i];
		if (in_quote && c == '\\')
			i++;
		else if (c == '"' && is_open)
			in_quote = !in_quote;
		else if (c == '[' && !is_open)
			is_open = true;
		else if (c == ']' && is_open && !in_quote) {
			is_open = false;
			if (i + 1 == t->len || t->p[i + 1] != '[')
				return i + 1;
		} else if (!is_open) {
			return 0;
		}
	}
	return 0;
}

/* Behind "<pri>1 ". */
static bool take_5424(struct syslog_text t, struct syslog_msg *m)
{
	struct syslog_text when = word(&t), host = word(&t), tag = word(&t), pid = word(&t), id = word(&t);

	if (!has_form(&when, "dddd-dd-ddTdd:dd:dd") && !(when.len == 1 && when.p[0] == '-'))
		return false;
	if (host.len == 0 || tag.len == 0 || pid.len == 0 || id.len == 0 || t.len == 0)
		return false;
	m->host = unless_nil(host);
	m->tag = unless_nil(tag);
	m->pid = unless_nil(pid);
	m->text = t;
	if (t.p[0] == '-') {
		skip(&m->text, t.len > 1 && t.p[1] == ' ' ? 2 : 1);
	} else if (structured_len(&t) == 0) {
		return false;
	}
	if (m->text.len >= 3 && memcmp(m->text.p, "\xef\xbb\xbf", 3) == 0)
		skip(&m->text, 3);
	return true;
}

static bool is_tag_char(char c)
{
	return c > ' ' && c != ':' && c != '[' && c != ']' && c != 0x7f;
}

/* "sshd[12]: text" or "sshd: text"; anything else is text. */
static void take_tag(struct syslog_text *t, struct syslog_msg *m)
{
	size_t n = 0, end;

	while (n < t->len && n < 256 && is_tag_char(t->p[n]))
		n++;
	if (n == 0 || n == t->len)
		return;
	end = n;
	if (t->p[n] == '[') {
		while (end < t->len && t->p[end] != ']')
			end++;
		if (end == t->len || end == n + 1)
			return;
		m->pid = (struct syslog_text){t->p + n + 1, end - n - 1};
		end++;
	}
	if (end == t->len || t->p[end] != ':') {
		m->pid.len = 0;
		return;
	}
	m->tag = (struct syslog_text){t->p, n};
	end++;
	skip(t, end < t->len && t->p[end] == ' ' ? end + 1 : end);
}

void syslog_parse(const char *p, size_t len, struct syslog_msg *ret)
{
	struct syslog_text t = {p, len};

	memset(ret, 0, sizeof(*ret));
	while (t.len > 0 && (t.p[t.len - 1] == '\n' || t.p[t.len - 1] == '\0'))
		t.len--;
	take_priority(&t, ret);
	if (has_form(&t, "1 ") && take_5424((struct syslog_text){t.p + 2, t.len - 2}, ret))
		return;
	*ret = (struct syslog_msg){.facility = ret->facility, .severity = ret->severity};
	/* the time is ours: theirs has neither year nor zone */
	if (has_form(&t, "AAA _d dd:dd:dd "))
		skip(&t, 16);
	else if (has_form(&t, "dddd-dd-ddTdd:dd:dd"))
		(void)word(&t);
	take_tag(&t, ret);
	ret->text = t;
}

static bool number(struct syslog_text *t, char end, uint64_t *ret)
{
	size_t i = 0;
	uint64_t v = 0;

	for (; i < t->len && i < 19 && is_digit(t->p[i]); i++)
		v = v * 10 + (uint64_t)(t->p[i] - '0');
	if (i == 0 || i == t->len || t->p[i] != end)
		return false;
	skip(t, i + 1);
	*ret = v;
	return true;
}

bool syslog_parse_kmsg(const char *p, size_t len, struct syslog_msg *ret, uint64_t *ret_seq, uint64_t *ret_usec)
{
	struct syslog_text t = {p, len};
	uint64_t priority, seq, usec;

	if (!number(&t, ',', &priority) || !number(&t, ',', &seq) || !number(&t, ',', &usec))
		return false;
	const char *text = memchr(t.p, ';', t.len);
	if (text == NULL)
		return false;
	skip(&t, (size_t)(text - t.p) + 1);
	const char *end = memchr(t.p, '\n', t.len); /* keys and values of devices follow */
	if (end != NULL)
		t.len = (size_t)(end - t.p);
	*ret = (struct syslog_msg){.facility = (uint8_t)(priority >> 3 & 0x1f), .severity = (uint8_t)(priority & 7)};
	if (ret->facility == 0)
		ret->tag = (struct syslog_text){"kernel", 6};
	else
		take_tag(&t, ret);
	ret->text = t;
	*ret_seq = seq;
	*ret_usec = usec;
	return true;
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at p that may be written as it is; 0: none, or a control character. */
static size_t plain(const unsigned char *p, size_t len)
{
	uint32_t v, least;
	size_t n;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f ? 1 : 0;
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n > len)
		return 0;
	v = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3fu);
	}
	least = n == 2 ? 0x80 : n == 3 ? 0x800 : 0x10000;
	/* overlong, halves of pairs, too large; and control characters of the upper half */
	if (v < least || (v >= 0xd800 && v < 0xe000) || v > 0x10ffff || v < 0xa0)
		return 0;
	return n;
}

static void put(struct buf *out, struct syslog_text t, size_t max)
{
	size_t i = 0, from = 0, n;

	if (t.len > max)
		t.len = max;
	while (i < t.len) {
		n = plain((const unsigned char *)t.p + i, t.len - i);
		if (n > 0) {
			i += n;
			continue;
		}
		buf_put(out, t.p + from, i - from);
		buf_printf(out, "\\x%02x", (unsigned char)t.p[i]);
		from = ++i;
	}
	if (i > from)
		buf_put(out, t.p + from, i - from);
}

/* A word of a header: no blanks, nothing beyond ASCII. */
static void put_word(struct buf *out, struct syslog_text t, size_t max)
{
	if (t.len == 0)
		buf_putc(out, '-');
	for (size_t i = 0; i < t.len && i < max; i++)
		buf_putc(out, t.p[i] > ' ' && t.p[i] < 0x7f ? t.p[i] : '?');
}

static void put_time(struct buf *out, int64_t real_ns)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_rfc3339(real_ns, text);
	size_t n = strlen(text);
	if (n > 4)
		n -= 4; /* microseconds are what RFC 5424 allows */
	buf_put(out, text, n);
	buf_putc(out, 'Z');
}

void syslog_write(struct buf *out, int64_t real_ns, const char *host, const struct syslog_msg *m)
{
	put_time(out, real_ns);
	buf_putc(out, ' ');
	put_word(out, m->host.len > 0 ? m->host : (struct syslog_text){host, strlen(host)}, 255);
	buf_putc(out, ' ');
	if (m->tag.len > 0)
		put_word(out, m->tag, SYSLOG_TAG_MAX);
	if (m->pid.len > 0) {
		buf_putc(out, '[');
		put_word(out, m->pid, 32);
		buf_putc(out, ']');
	}
	if (m->tag.len > 0 || m->pid.len > 0)
		buf_puts(out, ": ");
	put(out, m->text, m->text.len);
	buf_putc(out, '\n');
}

void syslog_write_5424(struct buf *out, int64_t real_ns, const char *host, const struct syslog_msg *m)
{
	buf_printf(out, "<%u>1 ", m->facility * 8u + m->severity);
	put_time(out, real_ns);
	buf_putc(out, ' ');
	put_word(out, m->host.len > 0 ? m->host : (struct syslog_text){host, strlen(host)}, 255);
	buf_putc(out, ' ');
	put_word(out, m->tag, SYSLOG_TAG_MAX);
	buf_putc(out, ' ');
	put_word(out, m->pid, 32);
	buf_puts(out, m->text.len > 0 && m->text.p[0] == '[' && structured_len(&m->text) > 0 ? " - " : " - - ");
	put(out, m->text, m->text.len);
}
