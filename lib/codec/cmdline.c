// SPDX-License-Identifier: Apache-2.0
/* Splitting of the kernel command line. What a key means is not known here; see keys.c for the table. */
#include "lib/codec/cmdline.h"

#include <string.h>

static const char *const prefixes[] = {"slipway.", "rancher."};
#define PREFIX_LEN (sizeof("slipway.") - 1)

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static bool has_prefix(const char *p, size_t len)
{
	if (len > 0 && *p == '"') {
		p++;
		len--;
	}
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (len > PREFIX_LEN && memcmp(p, prefixes[i], PREFIX_LEN) == 0)
			return true;
	return false;
}

/* Where the list that opens at p[open] ends (behind its ']'), or 0 when it is never closed. */
static size_t list_end(const char *p, size_t len, size_t open)
{
	for (size_t i = open; i < len && p[i] != '\0'; i++)
		if (p[i] == ']')
			return i + 1;
	return 0;
}

/* Length of the word at p, quotes and lists respected. */
static size_t word_len(const char *p, size_t len)
{
	bool in_quote = false, is_ours = has_prefix(p, len), seen_equals = false;

	for (size_t i = 0; i < len; i++) {
		if (is_blank(p[i]) && (!in_quote || p[i] == '\0'))
			return i;
		if (p[i] == '"')
			in_quote = !in_quote;
		if (p[i] != '=' || seen_equals)
			continue;
		seen_equals = true;
		size_t end = is_ours && i + 1 < len && p[i + 1] == '[' ? list_end(p, len, i + 1) : 0;
		if (end != 0 && (end == len || is_blank(p[end])))
			return end;
	}
	return len;
}

struct cmdline_iter cmdline_iter(const char *line, size_t len)
{
	return (struct cmdline_iter){.at = line, .left = len};
}

static void split_word(const char *w, size_t len, struct cmdline_arg *ret)
{
	if (len > 0 && *w == '"') { /* the whole word was quoted */
		w++;
		len--;
		if (len > 0 && w[len - 1] == '"')
			len--;
	}
	const char *equals = memchr(w, '=', len);
	*ret = (struct cmdline_arg){.key = w, .key_len = len, .value = ""};
	if (equals == NULL)
		return;
	ret->has_value = true;
	ret->key_len = (size_t)(equals - w);
	ret->value = equals + 1;
	ret->value_len = len - ret->key_len - 1;
	if (ret->value_len > 0 && ret->value[0] == '"') {
		ret->value++;
		ret->value_len--;
		if (ret->value_len > 0 && ret->value[ret->value_len - 1] == '"')
			ret->value_len--;
	}
}

bool cmdline_next(struct cmdline_iter *it, struct cmdline_arg *ret)
{
	while (it->left > 0 && is_blank(*it->at)) {
		it->at++;
		it->left--;
	}
	size_t n = word_len(it->at, it->left);
	if (n == 0 || (n == 2 && memcmp(it->at, "--", 2) == 0)) {
		it->left = 0;
		return false;
	}
	split_word(it->at, n, ret);
	it->at += n;
	it->left -= n;
	return true;
}

bool cmdline_strip_prefix(struct cmdline_arg *a)
{
	if (!has_prefix(a->key, a->key_len) || *a->key == '"')
		return false;
	a->key += PREFIX_LEN;
	a->key_len -= PREFIX_LEN;
	return true;
}

bool cmdline_key_is(const struct cmdline_arg *a, const char *name)
{
	size_t i = 0;

	for (; i < a->key_len && name[i] != '\0'; i++)
		if (a->key[i] != name[i] && !(a->key[i] == '-' && name[i] == '_'))
			return false;
	return i == a->key_len && name[i] == '\0';
}

bool cmdline_nth(const char *line, size_t len, const char *name, unsigned n, struct cmdline_arg *ret)
{
	struct cmdline_iter it = cmdline_iter(line, len);
	struct cmdline_arg a;

	while (cmdline_next(&it, &a))
		if (cmdline_strip_prefix(&a) && cmdline_key_is(&a, name) && n-- == 0) {
			*ret = a;
			return true;
		}
	return false;
}

bool cmdline_last(const char *line, size_t len, const char *name, struct cmdline_arg *ret)
{
	bool found = false;

	for (unsigned n = 0; cmdline_nth(line, len, name, n, ret); n++)
		found = true;
	return found;
}

static bool value_is(const struct cmdline_arg *a, const char *s)
{
	return a->value_len == strlen(s) && memcmp(a->value, s, a->value_len) == 0;
}

int cmdline_parse_flag(const struct cmdline_arg *a)
{
	if (!a->has_value || value_is(a, "true") || value_is(a, "1") || value_is(a, "yes") || value_is(a, "on"))
		return 1;
	if (value_is(a, "false") || value_is(a, "0") || value_is(a, "no") || value_is(a, "off"))
		return 0;
	return -1;
}

bool cmdline_flag(const char *line, size_t len, const char *name)
{
	struct cmdline_arg a;

	return cmdline_last(line, len, name, &a) && cmdline_parse_flag(&a) == 1;
}

bool cmdline_parse_number(const struct cmdline_arg *a, uint32_t max, uint32_t *ret)
{
	uint64_t v = 0;

	if (a->value_len == 0 || a->value_len > 10)
		return false;
	for (size_t i = 0; i < a->value_len; i++) {
		if (a->value[i] < '0' || a->value[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(a->value[i] - '0');
	}
	if (v > max)
		return false;
	*ret = (uint32_t)v;
	return true;
}

bool cmdline_copy_value(const struct cmdline_arg *a, char *out, size_t size)
{
	bool ok = a->value_len < size;

	for (size_t i = 0; ok && i < a->value_len; i++)
		if ((unsigned char)a->value[i] < 0x20 || a->value[i] == 0x7f)
			ok = false;
	if (ok)
		memcpy(out, a->value, a->value_len);
	out[ok ? a->value_len : 0] = '\0';
	return ok;
}
