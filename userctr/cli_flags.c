// SPDX-License-Identifier: Apache-2.0
/* One parser of flags for all verbs: --flag, --flag=value, --flag value, -f, -fvalue, -abc, --. Messages are those of docker. */
#include "userctr/cli.h"
#include "userctr/cli_spec.h"
#include "userctr/human.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 1024

/* "-n, --last" or "--format" */
static const char *flag_name(const struct cli_flag *f, char out[80])
{
	if (f->letter != 0)
		(void)snprintf(out, 80, "-%c, --%.60s", f->letter, f->name);
	else
		(void)snprintf(out, 80, "--%.60s", f->name);
	return out;
}

static int bad_value(const struct cli_flag *f, const char *text, struct err *e, const char *why)
{
	char name[80];

	return err_say(e, EINVAL, "invalid argument \"%s\" for \"%s\" flag: %s", text, flag_name(f, name), why);
}

static int parse_bool(const char *s, bool *ret)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcmp(s, yes[i]) == 0)
			return *ret = true, 0;
		if (strcmp(s, no[i]) == 0)
			return *ret = false, 0;
	}
	return -EINVAL;
}

static int parse_int(const char *s, int64_t *ret)
{
	char *end;

	errno = 0;
	long long v = strtoll(s, &end, 10);
	if (end == s || *end != '\0' || isspace((unsigned char)*s))
		return -EINVAL;
	if (errno != 0)
		return -ERANGE;
	*ret = v;
	return 0;
}

/* "0.5" to 500000000, exactly. */
static int parse_cpus(const char *s, int64_t *ret)
{
	int64_t whole = 0, frac = 0;
	size_t n = strspn(s, "0123456789");
	int64_t scale = 100000000;

	if (n > 9 || s[0] == '\0')
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		whole = whole * 10 + (s[i] - '0');
	if (s[n] == '.') {
		for (n++; isdigit((unsigned char)s[n]); n++, scale /= 10) {
			if (scale == 0 && s[n] != '0')
				return -ERANGE;
			frac += (s[n] - '0') * scale;
		}
	}
	*ret = whole * 1000000000 + frac;
	return s[n] == '\0' ? 0 : -EINVAL;
}

static int add_to_list(struct cli_value *v, struct arena *mem, const char *s)
{
	if (v->n >= LIST_MAX)
		return -E_LIMIT;
	if ((v->n & (v->n - 1)) == 0) { /* a power of two is full */
		const char **more = arena_array(mem, v->n == 0 ? 1 : v->n * 2, sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		if (v->n > 0)
			memcpy(more, v->list, v->n * sizeof(*more));
		v->list = more;
	}
	v->list[v->n++] = s;
	return 0;
}

static int add_csv(struct cli_value *v, struct arena *mem, const char *s)
{
	for (;;) {
		size_t n = strcspn(s, ",");
		const char *part = arena_copy(mem, s, n);
		int r = part != NULL ? add_to_list(v, mem, part) : -ENOMEM;
		if (r < 0 || s[n] == '\0')
			return r;
		s += n + 1;
	}
}

static int take_number(const struct cli_flag *f, struct cli_value *v, const char *text, struct err *e)
{
	char why[300];
	int r;

	switch ((int)f->kind) {
	case CLI_INT:
		r = parse_int(text, &v->num);
		(void)snprintf(why, sizeof(why), "strconv.ParseInt: parsing \"%.200s\": %s", text,
			       r == -ERANGE ? "value out of range" : "invalid syntax");
		break;
	case CLI_BYTES:
		r = human_parse_bytes(text, &v->num);
		(void)snprintf(why, sizeof(why), "invalid size: '%.200s'", text);
		break;
	case CLI_DURATION:
		r = human_parse_duration(text, &v->num);
		(void)snprintf(why, sizeof(why), "time: %s duration \"%.200s\"",
			       r == -ENOMSG ? "missing unit in" : "invalid", text);
		break;
	default:
		r = parse_cpus(text, &v->num);
		(void)snprintf(why, sizeof(why), r == -ERANGE ? "value is too precise"
			       : "failed to parse %.200s as a rational number", text);
		break;
	}
	return r < 0 ? bad_value(f, text, e, why) : 0;
}

/* What is written goes nowhere: only whether it can be. */
static int check_spec(enum cli_kind kind, const char *text, char *why, size_t size)
{
	struct buf b = BUF_INIT(65536);
	struct json_writer w;
	struct err e = {0};

	jw_init(&w, &b);
	int r = kind == CLI_MOUNT ? spec_mount(&w, text, &e) : spec_ulimit(&w, text, &e);
	(void)snprintf(why, size, "%.250s", e.msg);
	buf_release(&b);
	return r;
}

static int take_value(const struct cli_flag *f, struct cli_value *v, const char *text, struct arena *mem, struct err *e)
{
	char why[300];
	int r = 0;

	v->text = text;
	switch (f->kind) {
	case CLI_BOOL:
		if (parse_bool(text, &v->on) == 0)
			break;
		(void)snprintf(why, sizeof(why), "strconv.ParseBool: parsing \"%.200s\": invalid syntax", text);
		return bad_value(f, text, e, why);
	case CLI_STRING:
		break;
	case CLI_FILTER:
		if (text[0] == '\0')
			break;
		if (strchr(text, '=') == NULL)
			return bad_value(f, text, e, "bad format of filter (expected name=value)");
		r = add_to_list(v, mem, text);
		break;
	case CLI_PAIRS:
		if (strchr(text, '=') == NULL || text[0] == '=') {
			(void)snprintf(why, sizeof(why), "invalid argument %.200s: must be key=value", text);
			return bad_value(f, text, e, why);
		}
		r = add_to_list(v, mem, text);
		break;
	case CLI_MOUNT:
	case CLI_ULIMIT:
		if (check_spec(f->kind, text, why, sizeof(why)) < 0)
			return bad_value(f, text, e, why);
		r = add_to_list(v, mem, text);
		break;
	case CLI_LIST:
		r = add_to_list(v, mem, text);
		break;
	case CLI_CSV:
		r = add_csv(v, mem, text);
		break;
	case CLI_INT:
	case CLI_BYTES:
	case CLI_DURATION:
	case CLI_CPUS:
		r = take_number(f, v, text, e);
		if (r < 0)
			return r;
		break;
	}
	v->is_set = true;
	return r < 0 ? err_set(e, -r, "flag --%s", f->name) : 0;
}

static int find_long(const struct cli_flag *t, const char *name, size_t n)
{
	for (int i = 0; t != NULL && t[i].name != NULL; i++)
		if (strlen(t[i].name) == n && memcmp(t[i].name, name, n) == 0)
			return i;
	return -1;
}

static int find_letter(const struct cli_flag *t, char letter)
{
	for (int i = 0; t != NULL && t[i].name != NULL; i++)
		if (t[i].letter == letter)
			return i;
	return -1;
}

struct parser {
	const struct cli_verb *verb;
	int argc, at;
	char **argv;
	struct arena *mem;
	struct cli_args *out;
};

static int parse_long(struct parser *p, const char *s, struct err *e)
{
	const char *eq = strchr(s, '=');
	size_t n = eq != NULL ? (size_t)(eq - s) : strlen(s);
	int i = find_long(p->verb->flags, s, n);

	if (i < 0 && n == 4 && memcmp(s, "help", 4) == 0)
		return 1;
	if (i < 0)
		return err_say(e, EINVAL, "unknown flag: --%.*s", (int)n, s);
	const struct cli_flag *f = &p->verb->flags[i];
	if (eq == NULL && f->kind != CLI_BOOL && p->at >= p->argc)
		return err_say(e, EINVAL, "flag needs an argument: --%s", f->name);
	const char *text = eq != NULL ? eq + 1 : f->kind == CLI_BOOL ? "true" : p->argv[p->at++];
	return take_value(f, &p->out->value[i], text, p->mem, e);
}

static int parse_letters(struct parser *p, const char *all, struct err *e)
{
	for (const char *s = all; *s != '\0'; s++) {
		int i = find_letter(p->verb->flags, *s);
		if (i < 0 && *s == 'h') /* where -h is not the host name it asks for help */
			return 1;
		if (i < 0)
			return err_say(e, EINVAL, "unknown shorthand flag: '%c' in -%s", *s, s);
		const struct cli_flag *f = &p->verb->flags[i];
		const char *text = s[1] == '=' ? s + 2 : s + 1;
		if (f->kind == CLI_BOOL && s[1] != '=') {
			int r = take_value(f, &p->out->value[i], "true", p->mem, e);
			if (r < 0)
				return r;
			continue;
		}
		if (f->kind != CLI_BOOL && s[1] == '\0') {
			if (p->at >= p->argc)
				return err_say(e, EINVAL, "flag needs an argument: '%c' in -%s", *s, s);
			text = p->argv[p->at++];
		}
		return take_value(f, &p->out->value[i], text, p->mem, e);
	}
	return 0;
}

int cli_args_parse(const struct cli_verb *v, int argc, char **argv, struct arena *mem, struct cli_args *ret,
		   struct err *e)
{
	struct parser p = {.verb = v, .argc = argc, .argv = argv, .mem = mem, .out = ret};
	bool only_args = false;

	*ret = (struct cli_args){.verb = v};
	ret->argv = arena_array(mem, (size_t)argc + 1, sizeof(*ret->argv));
	if (ret->argv == NULL)
		return err_set(e, ENOMEM, "arguments");
	for (int i = 0; v->flags != NULL && v->flags[i].name != NULL; i++) {
		struct err never;
		const char *preset = v->flags[i].preset;
		ret->value[i].text = "";
		if (preset == NULL)
			continue;
		(void)take_value(&v->flags[i], &ret->value[i], preset, mem, &never); /* the table is right */
		ret->value[i].is_set = false;
		ret->value[i].n = 0;
	}
	while (p.at < argc) {
		char *s = argv[p.at++];
		int r = 0;
		if (only_args || s[0] != '-' || s[1] == '\0') {
			ret->argv[ret->argc++] = s;
			only_args = only_args || v->stops;
		} else if (strcmp(s, "--") == 0) {
			only_args = true;
		} else if (s[1] == '-') {
			r = parse_long(&p, s + 2, e);
		} else {
			r = parse_letters(&p, s + 1, e);
		}
		if (r != 0)
			return r;
	}
	return 0;
}

bool cli_has(const struct cli_args *a, const char *name)
{
	return find_long(a->verb->flags, name, strlen(name)) >= 0;
}

const struct cli_value *cli_get(const struct cli_args *a, const char *name)
{
	int i = find_long(a->verb->flags, name, strlen(name));

	if (i < 0) {
		fprintf(stderr, "bug: '%s' has no flag --%s\n", a->verb->names, name);
		abort();
	}
	return &a->value[i];
}

bool cli_on(const struct cli_args *a, const char *name)
{
	return cli_get(a, name)->on;
}

const char *cli_text(const struct cli_args *a, const char *name)
{
	return cli_get(a, name)->text;
}
