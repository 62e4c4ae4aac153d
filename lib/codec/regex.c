// SPDX-License-Identifier: Apache-2.0
/* An expression becomes a program of steps with relative jumps; all its threads advance over the text together (Thompson). */
#include "lib/codec/regex.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SETS_MAX  64
#define DEPTH_MAX 64
#define TIMES_MAX 1000

enum op { OP_CHAR = 1, OP_ANY, OP_SET, OP_BOL, OP_EOL, OP_JUMP, OP_SPLIT, OP_MATCH };

struct inst {
	uint8_t op;
	uint8_t arg; /* character, or index of a set */
	int16_t x;   /* relative; a split also goes to the next one */
};

struct set {
	uint8_t bits[32];
};

struct re {
	const char *p; /* what is left of the pattern */
	int error;
	unsigned depth;
	size_t n, n_sets;
	struct inst code[REGEX_CODE_MAX];
	struct set sets[SETS_MAX];
};

static void fail(struct re *re, int error)
{
	if (re->error == 0)
		re->error = error;
}

/* Insert a step at a place; jumps are relative and never cross it from outside. */
static void insert(struct re *re, size_t at, enum op op, uint8_t arg, ptrdiff_t x)
{
	if (re->n == REGEX_CODE_MAX) {
		fail(re, -E2BIG);
		return;
	}
	memmove(&re->code[at + 1], &re->code[at], (re->n - at) * sizeof(re->code[0]));
	re->code[at] = (struct inst){(uint8_t)op, arg, (int16_t)x};
	re->n++;
}

static void emit(struct re *re, enum op op, uint8_t arg, ptrdiff_t x)
{
	insert(re, re->n, op, arg, x);
}

/* ---- sets ---- */

static void set_add(struct set *s, unsigned char c)
{
	s->bits[c / 8] |= (uint8_t)(1u << c % 8);
}

static void set_invert(struct set *s)
{
	for (size_t i = 0; i < sizeof(s->bits); i++)
		s->bits[i] = (uint8_t)~s->bits[i];
}

static int is_word(int c)
{
	return isalnum(c) || c == '_';
}

static void set_class(struct set *s, int (*is)(int c), bool inverted)
{
	for (int c = 0; c < 256; c++)
		if ((c < 128 && is(c) != 0) != inverted)
			set_add(s, (unsigned char)c);
}

/* \d \w \s and their opposites. */
static bool set_escape(struct set *s, char c)
{
	switch (c | 0x20) {
	case 'd': set_class(s, isdigit, c == 'D'); return true;
	case 'w': set_class(s, is_word, c == 'W'); return true;
	case 's': set_class(s, isspace, c == 'S'); return true;
	default: return false;
	}
}

/* The character that an escape stands for, or -1. */
static int escaped(char c)
{
	switch (c) {
	case 't': return '\t';
	case 'n': return '\n';
	case 'r': return '\r';
	case 'f': return '\f';
	case 'v': return '\v';
	default: return c != '\0' && !isalnum((unsigned char)c) ? (unsigned char)c : -1;
	}
}

static bool named_class(struct re *re, struct set *s)
{
	static const struct {
		const char *name;
		int (*is)(int c);
	} classes[] = {{"[:alnum:]", isalnum}, {"[:alpha:]", isalpha}, {"[:digit:]", isdigit}, {"[:lower:]", islower},
		       {"[:upper:]", isupper}, {"[:space:]", isspace}, {"[:punct:]", ispunct}, {"[:xdigit:]", isxdigit},
		       {"[:word:]", is_word}};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strncmp(re->p, classes[i].name, strlen(classes[i].name)) == 0) {
			set_class(s, classes[i].is, /* inverted: */ false);
			re->p += strlen(classes[i].name);
			return true;
		}
	return false;
}

/* One end of a range; -1 when it was a class (added already) or wrong. */
static int bracket_char(struct re *re, struct set *s)
{
	if (*re->p == '[' && re->p[1] == ':') {
		if (!named_class(re, s))
			fail(re, -EINVAL);
		return -1;
	}
	if (*re->p != '\\')
		return (unsigned char)*re->p++;
	char c = re->p[1];
	re->p += c != '\0' ? 2 : 1;
	if (set_escape(s, c))
		return -1;
	int plain = escaped(c);
	if (plain < 0)
		fail(re, -EINVAL);
	return plain;
}

static void parse_bracket(struct re *re)
{
	struct set s = {0};
	bool is_inverted = *re->p == '^';

	re->p += is_inverted;
	for (bool first = true; re->error == 0 && (*re->p != ']' || first); first = false) {
		if (*re->p == '\0') {
			fail(re, -EINVAL);
			return;
		}
		int from = bracket_char(re, &s), to = from;
		if (from >= 0 && *re->p == '-' && re->p[1] != ']' && re->p[1] != '\0') {
			re->p++;
			to = bracket_char(re, &s);
			if (to < from)
				fail(re, -EINVAL);
		}
		for (int c = from; from >= 0 && c <= to; c++)
			set_add(&s, (unsigned char)c);
	}
	re->p++;
	if (is_inverted)
		set_invert(&s);
	if (re->n_sets == SETS_MAX) {
		fail(re, -E2BIG);
		return;
	}
	re->sets[re->n_sets] = s;
	emit(re, OP_SET, (uint8_t)re->n_sets++, 0);
}

/* ---- the grammar ---- */

static void parse_alternatives(struct re *re);

static void parse_escape(struct re *re)
{
	struct set s = {0};
	char c = *re->p;
	int plain = escaped(c);

	re->p += c != '\0';
	if (plain >= 0) {
		emit(re, OP_CHAR, (uint8_t)plain, 0);
	} else if (set_escape(&s, c) && re->n_sets < SETS_MAX) {
		re->sets[re->n_sets] = s;
		emit(re, OP_SET, (uint8_t)re->n_sets++, 0);
	} else {
		fail(re, -EINVAL);
	}
}

static void parse_atom(struct re *re)
{
	char c = *re->p++;

	switch (c) {
	case '(':
		if (*re->p == '?' && re->p[1] != ':')
			fail(re, -EINVAL);
		if (*re->p == '?')
			re->p += 2;
		if (++re->depth > DEPTH_MAX)
			fail(re, -E2BIG);
		if (re->error == 0)
			parse_alternatives(re);
		re->depth--;
		if (re->error == 0 && *re->p++ != ')')
			fail(re, -EINVAL);
		break;
	case '[': parse_bracket(re); break;
	case '\\': parse_escape(re); break;
	case '.': emit(re, OP_ANY, 0, 0); break;
	case '^': emit(re, OP_BOL, 0, 0); break;
	case '$': emit(re, OP_EOL, 0, 0); break;
	case '*':
	case '+':
	case '?': fail(re, -EINVAL); break;
	default: emit(re, OP_CHAR, (uint8_t)c, 0);
	}
}

/* Append a copy of the steps from..from+len. */
static void copy(struct re *re, size_t from, size_t len)
{
	if (len > REGEX_CODE_MAX - re->n) {
		fail(re, -E2BIG);
		return;
	}
	memcpy(&re->code[re->n], &re->code[from], len * sizeof(re->code[0]));
	re->n += len;
}

/* {m}, {m,}, {m,n} behind the atom that begins at `at`. False: no repetition, the brace is a character. */
static bool parse_times(struct re *re, size_t at)
{
	char *end;
	long min, max;

	if (re->p[0] != '{' || !isdigit((unsigned char)re->p[1]))
		return false;
	min = max = strtol(re->p + 1, &end, 10);
	if (*end == ',') {
		max = -1;
		end++;
		if (isdigit((unsigned char)*end))
			max = strtol(end, &end, 10);
	}
	if (*end != '}')
		return false;
	re->p = end + 1;
	if (min > TIMES_MAX || max > TIMES_MAX || (max >= 0 && max < min)) {
		fail(re, -EINVAL);
		return true;
	}
	size_t len = re->n - at;
	struct inst *block = malloc((len + 1) * sizeof(*block)); /* the atom: what is at its place is rewritten */
	if (block == NULL) {
		fail(re, -ENOMEM);
		return true;
	}
	memcpy(block, &re->code[at], len * sizeof(*block));
	for (long i = 1; re->error == 0 && i < min; i++)
		copy(re, at, len);
	if (min == 0)
		re->n = at;
	for (long i = min; re->error == 0 && i < (max < 0 ? min + 1 : max); i++) {
		emit(re, OP_SPLIT, 0, (ptrdiff_t)len + (max < 0 ? 2 : 1));
		if (len > REGEX_CODE_MAX - re->n)
			fail(re, -E2BIG);
		if (re->error != 0)
			break;
		memcpy(&re->code[re->n], block, len * sizeof(*block));
		re->n += len;
		if (max < 0)
			emit(re, OP_JUMP, 0, -(ptrdiff_t)len - 1);
	}
	free(block);
	return true;
}

static void parse_repeat(struct re *re)
{
	size_t at = re->n;

	parse_atom(re);
	while (re->error == 0) {
		ptrdiff_t len = (ptrdiff_t)(re->n - at);
		if (*re->p == '*') {
			insert(re, at, OP_SPLIT, 0, len + 2);
			emit(re, OP_JUMP, 0, -len - 1);
			re->p++;
		} else if (*re->p == '+') {
			emit(re, OP_SPLIT, 0, -len);
			re->p++;
		} else if (*re->p == '?') { /* also the mark of lazy repetition, which changes nothing here */
			insert(re, at, OP_SPLIT, 0, len + 1);
			re->p++;
		} else if (!parse_times(re, at)) {
			return;
		}
	}
}

static void parse_alternatives(struct re *re)
{
	size_t at = re->n;

	while (re->error == 0) {
		while (re->error == 0 && *re->p != '\0' && *re->p != '|' && *re->p != ')')
			parse_repeat(re);
		if (re->error != 0 || *re->p != '|')
			return;
		re->p++;
		/* split before what was read; after it, over what follows: known when that is read */
		insert(re, at, OP_SPLIT, 0, (ptrdiff_t)(re->n - at) + 2);
		size_t jump = re->n;
		emit(re, OP_JUMP, 0, 0);
		parse_alternatives(re);
		if (re->error == 0)
			re->code[jump].x = (int16_t)(re->n - jump);
		return;
	}
}

/* ---- running ---- */

struct threads {
	uint16_t at[REGEX_CODE_MAX];
	size_t n;
};

struct run {
	const struct re *re;
	uint16_t seen[REGEX_CODE_MAX]; /* the round in which a step was added; rounds are counted from 1, modulo 65535 */
	uint16_t stack[REGEX_CODE_MAX + 1];
	uint16_t round;
};

/* Add a thread and all that it reaches without a character. True: one reached the end of the program. */
static bool add(struct run *r, struct threads *t, size_t start, bool is_bol, bool is_eol)
{
	size_t n = 0;
	bool found = false;

	if (r->seen[start] == r->round)
		return false;
	r->seen[start] = r->round;
	r->stack[n++] = (uint16_t)start;
	while (n > 0) {
		size_t at = r->stack[--n], next[2], k = 0;
		const struct inst *i = &r->re->code[at];
		if (i->op == OP_MATCH)
			found = true;
		else if (i->op == OP_JUMP)
			next[k++] = at + (size_t)i->x;
		else if (i->op == OP_SPLIT)
			next[k++] = at + (size_t)i->x, next[k++] = at + 1;
		else if ((i->op == OP_BOL && is_bol) || (i->op == OP_EOL && is_eol))
			next[k++] = at + 1;
		else if (i->op != OP_BOL && i->op != OP_EOL)
			t->at[t->n++] = (uint16_t)at;
		while (k-- > 0)
			if (r->seen[next[k]] != r->round) {
				r->seen[next[k]] = r->round;
				r->stack[n++] = (uint16_t)next[k];
			}
	}
	return found;
}

static bool takes(const struct re *re, const struct inst *i, unsigned char c)
{
	switch (i->op) {
	case OP_CHAR: return i->arg == c;
	case OP_ANY: return c != '\n';
	case OP_SET: return (re->sets[i->arg].bits[c / 8] >> c % 8 & 1) != 0;
	default: return false;
	}
}

static bool run(struct run *r, struct threads *now, struct threads *next, const char *text)
{
	for (const char *s = text;; s++) {
		if (r->round == 0) { /* a wrapped count: nothing is seen yet */
			memset(r->seen, 0, sizeof(r->seen));
			r->round = 1;
		}
		if (s == text && add(r, now, 0, /* is_bol: */ true, *s == '\0'))
			return true;
		if (*s == '\0')
			return false;
		r->round++;
		if (r->round == 0) {
			memset(r->seen, 0, sizeof(r->seen));
			r->round = 1;
		}
		next->n = 0;
		for (size_t k = 0; k < now->n; k++)
			if (takes(r->re, &r->re->code[now->at[k]], (unsigned char)*s) &&
			    add(r, next, now->at[k] + 1u, /* is_bol: */ false, s[1] == '\0'))
				return true;
		/* a match may begin here too */
		if (add(r, next, 0, /* is_bol: */ false, s[1] == '\0'))
			return true;
		struct threads *t = now;
		now = next;
		next = t;
	}
}

int regex_match(const char *pattern, const char *text)
{
	struct both {
		struct re re;
		struct run run;
		struct threads a, b;
	} *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return -ENOMEM;
	x->re.p = pattern;
	parse_alternatives(&x->re);
	if (x->re.error == 0 && *x->re.p != '\0')
		x->re.error = -EINVAL; /* a parenthesis too many */
	emit(&x->re, OP_MATCH, 0, 0);
	int r = x->re.error;
	if (r == 0) {
		x->run.re = &x->re;
		x->run.round = 1;
		r = run(&x->run, &x->a, &x->b, text);
	}
	free(x);
	return r;
}
