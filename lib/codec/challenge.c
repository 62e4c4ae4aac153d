// SPDX-License-Identifier: Apache-2.0
/* The grammar of challenges: scheme, then token68 or a list of name=value. A comma may end a parameter or a whole challenge, which
 * only shows at what follows: a word without '=' behind it begins the next one. */
#include "lib/codec/challenge.h"

#include "lib/base/err.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct scan {
	const char *p, *end;
};

static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
}

static void skip_commas(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == ','))
		s->p++;
}

static size_t token(struct scan *s, const char **ret)
{
	*ret = s->p;
	while (s->p < s->end && is_token(*s->p))
		s->p++;
	return (size_t)(s->p - *ret);
}

static bool is_word(const char *p, size_t n, const char *word)
{
	return n == strlen(word) && strncasecmp(p, word, n) == 0;
}

/* A value, quotes undone, into out; size 0 drops it. */
static int value(struct scan *s, char *out, size_t size, struct err *e)
{
	bool is_quoted = s->p < s->end && *s->p == '"';
	size_t n = 0;

	s->p += is_quoted;
	for (;; s->p++) {
		if (s->p == s->end) {
			if (is_quoted)
				return err_say(e, E_SPEC, "challenge: a quote is not closed");
			break;
		}
		if (is_quoted && *s->p == '"') {
			s->p++;
			break;
		}
		if (!is_quoted && !is_token(*s->p))
			break;
		if (is_quoted && *s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		if ((unsigned char)*s->p < 0x20 || (unsigned char)*s->p > 0x7e)
			return err_say(e, E_SPEC, "challenge: a character that is not printable");
		if (size > 0 && n + 1 >= size)
			return err_say(e, E_LIMIT, "challenge: a parameter is too long");
		if (size > 0)
			out[n++] = *s->p;
	}
	if (size > 0)
		out[n] = '\0';
	return 0;
}

/* One name=value. Returns 1, 0 when what follows is none. */
static int parameter(struct scan *s, struct challenge *c, struct err *e)
{
	const struct {
		const char *name;
		char *out;
		size_t size;
	} known[] = {{"realm", c->realm, sizeof(c->realm)},
		     {"service", c->service, sizeof(c->service)},
		     {"scope", c->scope, sizeof(c->scope)},
		     {"error", c->error, sizeof(c->error)}};
	struct scan at = *s;
	const char *name;
	char *out = NULL;
	size_t size = 0;

	skip_commas(&at);
	size_t n = token(&at, &name);
	skip_blanks(&at);
	if (n == 0 || at.p == at.end || *at.p != '=')
		return 0;
	at.p++;
	skip_blanks(&at);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is_word(name, n, known[i].name)) {
			out = known[i].out;
			size = known[i].size;
		}
	int r = value(&at, out, size, e);
	*s = at;
	return r < 0 ? r : 1;
}

int challenge_parse(const char *text, size_t n, struct challenge *ret, struct err *e)
{
	struct scan s = {text, text + n};
	struct challenge best = {.kind = CHALLENGE_NONE};

	for (skip_commas(&s); s.p < s.end; skip_commas(&s)) {
		struct challenge c = {.kind = CHALLENGE_NONE};
		const char *scheme;
		size_t len = token(&s, &scheme);
		int r;
		if (len == 0 || (s.p < s.end && *s.p != ' ' && *s.p != '\t' && *s.p != ','))
			return err_say(e, E_SPEC, "challenge: a scheme was expected at byte %zu", (size_t)(s.p - text));
		if (is_word(scheme, len, "bearer"))
			c.kind = CHALLENGE_BEARER;
		else if (is_word(scheme, len, "basic"))
			c.kind = CHALLENGE_BASIC;
		while ((r = parameter(&s, &c, e)) > 0)
			;
		if (r < 0)
			return r;
		if (c.kind > best.kind)
			best = c;
		/* "Negotiate YIIJ...=": token68 of a scheme that is not ours */
		skip_blanks(&s);
		if (s.p < s.end && *s.p != ',') {
			while (s.p < s.end && *s.p != ',')
				s.p++;
		}
	}
	*ret = best;
	return 0;
}
