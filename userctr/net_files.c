// SPDX-License-Identifier: Apache-2.0
/* /etc/hosts and /etc/resolv.conf. */
#include "userctr/net_files.h"

#include "lib/base/buf.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"

#include <string.h>

#define BLANKS " \t\r"

/* The next word of [*at, end), or length 0. */
static size_t word(const char **at, const char *end, const char **ret)
{
	while (*at < end && strchr(BLANKS, **at) != NULL)
		(*at)++;
	*ret = *at;
	while (*at < end && strchr(BLANKS, **at) == NULL)
		(*at)++;
	return (size_t)(*at - *ret);
}

/* Append a word to a blank-separated list, whole or not at all. */
static void append(char *list, size_t size, const char *p, size_t n)
{
	size_t used = strlen(list);

	if (n == 0 || used + n + 2 > size)
		return;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] <= ' ' || p[i] == 127)
			return;
	if (used > 0)
		list[used++] = ' ';
	memcpy(list + used, p, n);
	list[used + n] = '\0';
}

static void add_server(struct resolv *r, const char *p, size_t n)
{
	struct ip ip;
	const char *zone = memchr(p, '%', n);

	if (r->n_servers == RESOLV_SERVERS_MAX)
		return;
	if (ip_parse(p, zone != NULL ? (size_t)(zone - p) : n, &ip) == 0)
		r->servers[r->n_servers++] = ip;
}

static bool is(const char *p, size_t n, const char *text)
{
	return strlen(text) == n && memcmp(p, text, n) == 0;
}

static void parse_line(struct resolv *r, const char *at, const char *end)
{
	const char *w, *key;
	size_t n = word(&at, end, &key), len;

	if (n == 0 || *key == '#' || *key == ';')
		return;
	bool is_search = is(key, n, "search") || is(key, n, "domain");
	if (is_search)
		r->search[0] = '\0'; /* the last one counts */
	while ((len = word(&at, end, &w)) > 0 && *w != '#' && *w != ';') {
		if (is(key, n, "nameserver"))
			add_server(r, w, len);
		else if (is_search)
			append(r->search, sizeof(r->search), w, len);
		else if (is(key, n, "options"))
			append(r->options, sizeof(r->options), w, len);
	}
}

void resolv_parse(const char *text, size_t len, struct resolv *ret)
{
	const char *end = text + len;

	*ret = (struct resolv){0};
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		const char *stop = nl != NULL ? nl : end;
		if (memchr(text, '\0', (size_t)(stop - text)) == NULL)
			parse_line(ret, text, stop);
		text = stop + 1;
	}
}

static void override_list(char *list, size_t size, const struct json *words)
{
	struct json_iter it = json_iter(words);

	if (json_len(words) == 0)
		return;
	list[0] = '\0';
	while (json_next(&it)) {
		const char *s = json_str_or(it.value, "");
		if (strcmp(s, ".") != 0)
			append(list, size, s, strlen(s));
	}
}

void resolv_override(struct resolv *r, const struct json *servers, const struct json *search, const struct json *options)
{
	struct json_iter it = json_iter(servers);

	if (json_len(servers) > 0)
		r->n_servers = 0;
	while (json_next(&it)) {
		const char *s = json_str_or(it.value, "");
		add_server(r, s, strlen(s));
	}
	override_list(r->search, sizeof(r->search), search);
	override_list(r->options, sizeof(r->options), options);
}

size_t resolv_filter(struct resolv *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_servers; i++)
		if (r->servers[i].family == IP_V4 && !ip_is_loopback(&r->servers[i]))
			r->servers[n++] = r->servers[i];
	r->n_servers = n;
	return n;
}

void resolv_embed(struct resolv *r)
{
	r->servers[0] = ip4(0x7f00000b);
	r->n_servers = 1;
	if (strncmp(r->options, "ndots:", 6) != 0 && strstr(r->options, " ndots:") == NULL)
		append(r->options, sizeof(r->options), "ndots:0", 7);
}

void resolv_write(const struct resolv *r, struct buf *out)
{
	char text[IP_TEXT_MAX];

	buf_puts(out, "# written by userctr when the container starts\n");
	for (size_t i = 0; i < r->n_servers; i++)
		buf_printf(out, "nameserver %s\n", ip_text(&r->servers[i], text));
	if (r->search[0] != '\0')
		buf_printf(out, "search %s\n", r->search);
	if (r->options[0] != '\0')
		buf_printf(out, "options %s\n", r->options);
}

/* ---- hosts ---- */

void hosts_begin(struct buf *out)
{
	buf_puts(out, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\n"
		      "ff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
}

void hosts_add(struct buf *out, const struct ip *ip, const char *names)
{
	char text[IP_TEXT_MAX];

	buf_printf(out, "%s\t%s\n", ip_text(ip, text), names);
}

/* Split "name:address"; the name ends at the first ':' or '='. Returns the address's length, 0 when there is none. */
static size_t split(const char *entry, size_t *ret_name, const char **ret_addr)
{
	size_t n = strcspn(entry, ":=");
	const char *a = entry + n + 1;

	*ret_name = n;
	if (n == 0 || entry[n] == '\0')
		return 0;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)entry[i] <= ' ' || entry[i] == 127 || entry[i] == '#')
			return 0;
	size_t len = strlen(a);
	if (len > 2 && a[0] == '[' && a[len - 1] == ']') {
		a++;
		len -= 2;
	}
	*ret_addr = a;
	return len;
}

bool hosts_extra_is_valid(const char *entry)
{
	const char *a;
	size_t name;
	struct ip ip;
	size_t len = split(entry, &name, &a);

	return len > 0 && (is(a, len, "host-gateway") || ip_parse(a, len, &ip) == 0);
}

void hosts_add_extra(struct buf *out, const struct json *extra, const struct ip *gateway)
{
	struct json_iter it = json_iter(extra);

	while (json_next(&it)) {
		const char *entry = json_str_or(it.value, ""), *a;
		size_t name, len = split(entry, &name, &a);
		struct ip ip = *gateway;
		char text[IP_TEXT_MAX];
		if (len == 0 || (!is(a, len, "host-gateway") && ip_parse(a, len, &ip) < 0) || !ip_is_set(&ip))
			continue;
		buf_printf(out, "%s\t%.*s\n", ip_text(&ip, text), (int)name, entry);
	}
}
