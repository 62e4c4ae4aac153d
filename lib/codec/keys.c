// SPDX-License-Identifier: Apache-2.0
/* The key table, its search and the check of a value's form. */
#include "lib/codec/keys.h"

#include "lib/codec/cmdline.h"

#include <stdio.h>
#include <string.h>

static const struct key table[] = {
	{"autologin", KEY_FLAG_OR_TEXT, true, 0, 0, NULL, "log in on this terminal, or on all, without a password"},
	{"debug", KEY_FLAG, false, 0, 0, NULL, "log more, and show the kernel's messages on the consoles"},
	{"docker.host", KEY_TEXT, true, 0, 0, NULL, "address on which userctr serves the Docker Engine API"},
	{"docker.insecure-registry", KEY_TEXT, true, 0, 0, NULL, "registry that may be without TLS, or with any certificate"},
	{"hostname", KEY_HOSTNAME, false, 0, 0, NULL, "name of the machine"},
	{"log_level", KEY_CHOICE, false, 0, 0, "error warning info debug", "least level that PID 1 logs"},
	{"network.dns.nameservers", KEY_TEXT, true, 0, 0, NULL, "name servers, before those of leases"},
	{"network.dns.search", KEY_TEXT, true, 0, 0, NULL, "domains in which names are looked for"},
	{"network.interfaces.*.address", KEY_TEXT, true, 0, 0, NULL, "address of a link, with the length of its network"},
	{"network.interfaces.*.addresses", KEY_TEXT, true, 0, 0, NULL, "several of them"},
	{"network.interfaces.*.dhcp", KEY_FLAG, false, 0, 0, NULL, "ask for an address"},
	{"network.interfaces.*.gateway", KEY_TEXT, false, 0, 0, NULL, "gateway of a link"},
	{"network.interfaces.*.gateway_ipv6", KEY_TEXT, false, 0, 0, NULL, "the same for version 6"},
	{"network.interfaces.*.match", KEY_TEXT, false, 0, 0, NULL, "which links are meant, instead of the key's own word"},
	{"network.interfaces.*.mtu", KEY_NUMBER, false, 68, 65535, NULL, "largest packet of a link"},
	{"network.interfaces.mac", KEY_TEXT, true, 0, 0, NULL, "ADDRESS.FIELD=value: a link by its hardware address"},
	{"ntp.servers", KEY_TEXT, true, 0, 0, NULL, "time servers, instead of those of leases"},
	{"password", KEY_TEXT, false, 0, 0, NULL, "password of the console user, for this boot"},
	{"recovery", KEY_FLAG, false, 0, 0, NULL, "stop before the state partition with a root shell"},
	{"shutdown_timeout", KEY_NUMBER, false, 5, 3600, NULL, "seconds until an orderly shutdown is cut short"},
	{"state.dev", KEY_DEVICE, false, 0, 0, NULL, "the state partition"},
	{"state.directory", KEY_SUBDIR, false, 0, 0, NULL, "directory of the state partition to use as its root"},
	{"state.fstype", KEY_CHOICE, false, 0, 0, "auto ext4 vfat", "file system of the state partition"},
	{"state.required", KEY_FLAG, false, 0, 0, NULL, "emergency console instead of memory without a state partition"},
	{"state.wait", KEY_SECONDS, false, 0, 300, NULL, "seconds to wait for the state partition to appear"},
	{"syslog.remote", KEY_TEXT, false, 0, 0, NULL, "another machine that gets the log's messages too"},
	{"watchdog", KEY_SECONDS, false, 1, 3600, NULL, "feed the hardware watchdog, with this timeout"},
};
#define COUNT (sizeof(table) / sizeof(table[0]))

size_t keys_count(void)
{
	return COUNT;
}

const struct key *keys_at(size_t i)
{
	return i < COUNT ? &table[i] : NULL;
}

/* A name of the table may have one '*', which stands for any text. */
static bool is_named(const char *name, size_t len, const char *pattern)
{
	const char *star = strchr(pattern, '*');
	struct cmdline_arg a = {.key = name, .key_len = len};

	if (star == NULL)
		return cmdline_key_is(&a, pattern);
	size_t head = (size_t)(star - pattern), tail = strlen(star + 1);
	if (len <= head + tail || memcmp(name, pattern, head) != 0)
		return false;
	a.key = name + len - tail;
	a.key_len = tail;
	return cmdline_key_is(&a, star + 1);
}

const struct key *keys_find(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT; i++)
		if (is_named(name, len, table[i].name))
			return &table[i];
	return NULL;
}

#define WORD_MAX 40

/* Edits (insert, remove, replace one character) from a to b; both at most WORD_MAX long. */
static unsigned distance(const char *a, size_t alen, const char *b, size_t blen)
{
	unsigned char row[WORD_MAX + 1];

	for (size_t j = 0; j <= blen; j++)
		row[j] = (unsigned char)j;
	for (size_t i = 1; i <= alen; i++) {
		unsigned char diagonal = row[0];
		row[0] = (unsigned char)i;
		for (size_t j = 1; j <= blen; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1] ? 1u : 0u);
			diagonal = row[j];
			if (row[j] + 1u < best)
				best = row[j] + 1u;
			if (row[j - 1] + 1u < best)
				best = row[j - 1] + 1u;
			row[j] = (unsigned char)best;
		}
	}
	return row[blen];
}

const struct key *keys_nearest(const char *name, size_t len)
{
	const struct key *best = NULL;
	unsigned least = 4; /* more edits than three is another word */

	if (len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < COUNT; i++) {
		size_t n = strlen(table[i].name);
		unsigned d = distance(name, len, table[i].name, n < WORD_MAX ? n : WORD_MAX);
		if (d < least && d * 2 < n) {
			least = d;
			best = &table[i];
		}
	}
	return best;
}

static bool is_word_of(const char *words, const struct cmdline_arg *a)
{
	for (const char *w = words; *w != '\0';) {
		size_t n = strcspn(w, " ");
		if (n == a->value_len && memcmp(w, a->value, n) == 0)
			return true;
		w += n + strspn(w + n, " ");
	}
	return false;
}

static bool value_starts(const struct cmdline_arg *a, const char *prefix, size_t min_rest, size_t max_rest)
{
	size_t n = strlen(prefix);

	return a->value_len >= n + min_rest && a->value_len <= n + max_rest && memcmp(a->value, prefix, n) == 0;
}

/* No part of the path may be "..", "." or empty. */
static bool is_plain_path(const char *p, size_t len)
{
	size_t start = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && p[i] != '/')
			continue;
		size_t n = i - start;
		if (n == 0 || (n == 1 && p[start] == '.') || (n == 2 && p[start] == '.' && p[start + 1] == '.'))
			return false;
		start = i + 1;
	}
	return true;
}

static bool is_device(const struct cmdline_arg *a)
{
	if (a->value_len == 4 && memcmp(a->value, "none", 4) == 0)
		return true;
	if (value_starts(a, "LABEL=", 1, 16) || value_starts(a, "UUID=", 1, 36))
		return true;
	return value_starts(a, "/dev/", 1, 48) && is_plain_path(a->value + 5, a->value_len - 5);
}

static bool is_hostname(const struct cmdline_arg *a)
{
	if (a->value_len == 0 || a->value_len > 63)
		return false;
	for (size_t i = 0; i < a->value_len; i++) {
		char c = a->value[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		bool edge = i == 0 || i + 1 == a->value_len;
		if (!alnum && (edge || (c != '-' && c != '.')))
			return false;
	}
	return true;
}

static bool is_clean_text(const struct cmdline_arg *a)
{
	for (size_t i = 0; i < a->value_len; i++)
		if ((unsigned char)a->value[i] < 0x20 || a->value[i] == 0x7f)
			return false;
	return a->value_len > 0;
}

static bool is_number(const struct key *k, const struct cmdline_arg *a)
{
	uint32_t v;

	return cmdline_parse_number(a, k->max, &v) && v >= k->min;
}

const char *keys_check(const struct key *k, const struct cmdline_arg *a, char why[KEYS_WHY_MAX])
{
	bool ok = false;
	int n = 0;

	switch (k->form) {
	case KEY_FLAG:
		ok = cmdline_parse_flag(a) >= 0;
		n = snprintf(why, KEYS_WHY_MAX, "true or false");
		break;
	case KEY_TEXT:
		ok = is_clean_text(a);
		n = snprintf(why, KEYS_WHY_MAX, "a value");
		break;
	case KEY_FLAG_OR_TEXT:
		ok = !a->has_value || is_clean_text(a);
		n = snprintf(why, KEYS_WHY_MAX, "a value, or none");
		break;
	case KEY_NUMBER:
		ok = is_number(k, a);
		n = snprintf(why, KEYS_WHY_MAX, "a number from %u to %u", k->min, k->max);
		break;
	case KEY_SECONDS:
		ok = cmdline_parse_flag(a) >= 0 || is_number(k, a);
		n = snprintf(why, KEYS_WHY_MAX, "a number of seconds from %u to %u", k->min, k->max);
		break;
	case KEY_DEVICE:
		ok = is_device(a);
		n = snprintf(why, KEYS_WHY_MAX, "LABEL=name, UUID=id, /dev/name or none");
		break;
	case KEY_CHOICE:
		ok = is_word_of(k->words, a);
		n = snprintf(why, KEYS_WHY_MAX, "one of: %s", k->words);
		break;
	case KEY_SUBDIR:
		ok = a->value_len < 128 && is_clean_text(a) && is_plain_path(a->value, a->value_len);
		n = snprintf(why, KEYS_WHY_MAX, "a relative path without '..'");
		break;
	case KEY_HOSTNAME:
		ok = is_hostname(a);
		n = snprintf(why, KEYS_WHY_MAX, "letters, digits, '-' and '.', at most 63");
		break;
	}
	(void)n; /* the longest text is far below KEYS_WHY_MAX, and a cut one would do */
	return ok ? NULL : why;
}
