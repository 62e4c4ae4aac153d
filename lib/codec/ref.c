// SPDX-License-Identifier: Apache-2.0
/* Reference grammar. Each scanner returns how many bytes belong to its part, 0 when none do. */
#include "lib/codec/ref.h"

#include "lib/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char hub[] = "docker.io", hub_alias[] = "index.docker.io", official[] = "library/";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_alnum(char c)
{
	return is_digit(c) || is_lower(c) || is_upper(c);
}

static bool has_upper(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_upper(p[i]))
			return true;
	return false;
}

/* A host name's letters, digits and inner dashes between dots. */
static bool is_host(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool edge = i == 0 || i + 1 == n || p[i - 1] == '.' || p[i + 1] == '.';
		if (!is_alnum(p[i]) && (edge || (p[i] != '-' && p[i] != '.')))
			return false;
	}
	return n > 0;
}

static bool is_ipv6(const char *p, size_t n)
{
	if (n < 3 || p[0] != '[' || p[n - 1] != ']')
		return false;
	for (size_t i = 1; i + 1 < n; i++)
		if (!is_digit(p[i]) && p[i] != ':' && !(p[i] >= 'a' && p[i] <= 'f') &&
		    !(p[i] >= 'A' && p[i] <= 'F'))
			return false;
	return true;
}

static bool is_domain(const char *p, size_t n)
{
	size_t host = n;

	while (host > 0 && is_digit(p[host - 1]))
		host--;
	if (host > 0 && host < n && p[host - 1] == ':')
		n = host - 1;
	return is_host(p, n) || is_ipv6(p, n);
}

/* One separator between runs of letters and digits: ".", "_", "__" or dashes. Returns its length. */
static size_t separator(const char *p, size_t n)
{
	size_t dashes = 0;

	if (n > 0 && p[0] == '.')
		return 1;
	if (n > 0 && p[0] == '_')
		return n > 1 && p[1] == '_' ? 2 : 1;
	while (dashes < n && p[dashes] == '-')
		dashes++;
	return dashes;
}

static bool is_component(const char *p, size_t n)
{
	for (size_t i = 0;;) {
		size_t run = i;
		while (i < n && (is_lower(p[i]) || is_digit(p[i])))
			i++;
		if (i == run)
			return false;
		if (i == n)
			return true;
		size_t s = separator(p + i, n - i);
		if (s == 0)
			return false;
		i += s;
	}
}

static bool is_path(const char *p, size_t n)
{
	for (;;) {
		const char *slash = memchr(p, '/', n);
		size_t len = slash != NULL ? (size_t)(slash - p) : n;
		if (!is_component(p, len))
			return false;
		if (slash == NULL)
			return true;
		p += len + 1;
		n -= len + 1;
	}
}

bool ref_tag_is_valid(const char *tag, size_t n)
{
	if (n == 0 || n > REF_TAG_MAX || (!is_alnum(tag[0]) && tag[0] != '_'))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_alnum(tag[i]) && tag[i] != '_' && tag[i] != '.' && tag[i] != '-')
			return false;
	return true;
}

struct slice {
	const char *p;
	size_t n;
};

/* Cut s at the first c: what follows c is returned (p NULL when c is not there), s keeps what precedes it. */
static struct slice cut(struct slice *s, char c)
{
	const char *at = memchr(s->p, c, s->n);

	if (at == NULL)
		return (struct slice){NULL, 0};
	struct slice rest = {at + 1, s->n - (size_t)(at - s->p) - 1};
	s->n = (size_t)(at - s->p);
	return rest;
}

static bool looks_like_host(const char *p, size_t n)
{
	return memchr(p, '.', n) != NULL || memchr(p, ':', n) != NULL || has_upper(p, n) ||
	       (n == 9 && memcmp(p, "localhost", 9) == 0);
}

/* Which registry: what is before the first slash when it looks like a host, else the hub. */
static struct slice take_domain(struct slice *s)
{
	struct slice first = *s, rest = cut(&first, '/');

	if (rest.p == NULL || !looks_like_host(first.p, first.n))
		return (struct slice){hub, sizeof(hub) - 1};
	*s = rest;
	if (first.n == sizeof(hub_alias) - 1 && memcmp(first.p, hub_alias, first.n) == 0)
		return (struct slice){hub, sizeof(hub) - 1};
	return first;
}

static int invalid(struct err *e)
{
	return err_say(e, EINVAL, "invalid reference format");
}

static int set_name(struct ref *r, struct slice domain, struct slice path, struct err *e)
{
	bool is_official = domain.n == sizeof(hub) - 1 && memcmp(domain.p, hub, domain.n) == 0 &&
			   memchr(path.p, '/', path.n) == NULL;
	size_t extra = is_official ? sizeof(official) - 1 : 0;

	if (has_upper(path.p, path.n))
		return err_say(e, EINVAL,
			       "invalid reference format: repository name (%s%.*s) must be lowercase",
			       is_official ? official : "", path.n < 300 ? (int)path.n : 300, path.p);
	if (!is_domain(domain.p, domain.n) || !is_path(path.p, path.n) || domain.n > REF_DOMAIN_MAX)
		return invalid(e);
	if (path.n + extra > REF_PATH_MAX)
		return err_say(e, EINVAL, "repository name must not be more than %d characters",
			       REF_PATH_MAX);
	r->domain_len = domain.n;
	/* fits: both parts were measured */
	(void)snprintf(r->name, sizeof(r->name), "%.*s/%s%.*s", (int)domain.n, domain.p,
		       is_official ? official : "", (int)path.n, path.p);
	return 0;
}

int ref_parse(const char *text, size_t n, struct ref *ret, struct err *e)
{
	struct ref r = {.has_digest = false};
	struct slice rest = {text, n};
	struct digest d;

	if (memchr(text, '\0', n) != NULL || n > REF_TEXT_SIZE)
		return invalid(e);
	if (digest_parse_hex(text, n, &d))
		return err_say(e, EINVAL,
			       "invalid repository name (%.64s), cannot specify 64-byte hexadecimal strings",
			       text);
	struct slice domain = take_domain(&rest);
	struct slice digest = cut(&rest, '@');
	struct slice tag = cut(&rest, ':');
	int code = set_name(&r, domain, rest, e);
	if (code < 0)
		return code;
	if (tag.p != NULL) {
		if (!ref_tag_is_valid(tag.p, tag.n))
			return invalid(e);
		memcpy(r.tag, tag.p, tag.n);
	}
	if (digest.p != NULL) {
		if (digest_parse(digest.p, digest.n, &r.digest, NULL) < 0)
			return invalid(e);
		r.has_digest = true;
	}
	*ret = r;
	return 0;
}

void ref_default_tag(struct ref *r)
{
	if (r->tag[0] == '\0' && !r->has_digest)
		memcpy(r->tag, "latest", sizeof("latest"));
}

const char *ref_familiar_name(const struct ref *r)
{
	if (r->domain_len != sizeof(hub) - 1 || memcmp(r->name, hub, r->domain_len) != 0)
		return r->name;
	const char *path = r->name + r->domain_len + 1, *slash = strchr(path, '/');
	if (strncmp(path, official, sizeof(official) - 1) == 0 && strchr(slash + 1, '/') == NULL)
		return slash + 1;
	/* "docker.io/localhost/x" must not become another registry's "localhost/x" */
	return slash != NULL && looks_like_host(path, (size_t)(slash - path)) ? r->name : path;
}

static const char *print(const struct ref *r, const char *name, char out[REF_TEXT_SIZE])
{
	char digest[DIGEST_TEXT_SIZE];

	/* fits: REF_TEXT_SIZE is the sum of the parts */
	(void)snprintf(out, REF_TEXT_SIZE, "%s%s%s%s%s", name, r->tag[0] != '\0' ? ":" : "", r->tag,
		       r->has_digest ? "@" : "", r->has_digest ? digest_text(&r->digest, digest) : "");
	return out;
}

const char *ref_text(const struct ref *r, char out[REF_TEXT_SIZE])
{
	return print(r, r->name, out);
}

const char *ref_familiar(const struct ref *r, char out[REF_TEXT_SIZE])
{
	return print(r, ref_familiar_name(r), out);
}
