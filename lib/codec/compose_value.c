// SPDX-License-Identifier: Apache-2.0
/* The values that a service.yml is made of, and how a wrong one is told. */
#include "lib/codec/compose_in.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/oci_spec.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 1024

struct compose_in compose_sub(const struct compose_in *in, const char *key)
{
	struct compose_in s = *in;

	(void)snprintf(s.at, sizeof(s.at), "%.100s%s%.50s", in->at, *key == '[' || in->at[0] == '\0' ? "" : ".", key);
	return s;
}

int compose_bad_text(struct compose_in *in, unsigned line, const char *key, const char *expected, const char *found)
{
	const char *dot = *key == '\0' || *key == '[' || in->at[0] == '\0' ? "" : ".";
	const char *colon = *key == '\0' && in->at[0] == '\0' ? "" : ": ";

	return err_say(in->e, E_SPEC, "%.120s:%u: %s%s%.50s%sexpected %s, found %.100s", in->file, line, in->at, dot, key,
		       colon, expected, found);
}

int compose_bad(struct compose_in *in, const char *key, const struct yaml_node *v, const char *expected)
{
	char found[80];

	if (v->type == YAML_LIST || v->type == YAML_MAP || v->type == YAML_NULL)
		return compose_bad_text(in, v->line, key, expected, yaml_type_name(v->type));
	(void)snprintf(found, sizeof(found), "'%.70s'", v->text);
	return compose_bad_text(in, v->line, key, expected, found);
}

static int no_memory(struct compose_in *in)
{
	return err_set(in->e, ENOMEM, "%s: %s", in->file, in->at);
}

int compose_take_map(struct compose_in *in, const struct yaml_node *map, const struct compose_key *keys, size_t n,
		     struct compose_service *s)
{
	if (map->type != YAML_MAP)
		return compose_bad(in, "", map, "a map");
	for (size_t i = 0; i < map->count; i++) {
		const struct yaml_pair *p = &map->pairs[i];
		size_t k = 0;
		while (k < n && strcmp(keys[k].name, p->key) != 0)
			k++;
		if (k == n && strncmp(p->key, "x-", 2) == 0)
			continue;
		if (k == n)
			return compose_bad_text(in, p->line, p->key, "a key of the Compose specification", "an unknown one");
		if (keys[k].take == NULL)
			return compose_bad_text(in, p->line, p->key, "nothing", "a key that system services do not have");
		int r = keys[k].take(in, p->value, s);
		if (r < 0)
			return r;
	}
	return 0;
}

int take_text(struct compose_in *in, const char *key, const struct yaml_node *v, const char **ret)
{
	if (v->type == YAML_LIST || v->type == YAML_MAP || v->type == YAML_NULL)
		return compose_bad(in, key, v, "a string");
	*ret = v->text;
	return 0;
}

int take_path(struct compose_in *in, const char *key, const struct yaml_node *v, const char **ret)
{
	const char *s = NULL;

	int r = take_text(in, key, v, &s);
	if (r == 0 && s[0] != '/')
		r = compose_bad(in, key, v, "an absolute path");
	if (r == 0)
		*ret = s;
	return r;
}

int take_bool(struct compose_in *in, const char *key, const struct yaml_node *v, bool *ret)
{
	if (v->type == YAML_BOOL)
		*ret = v->truth;
	else if (v->type == YAML_STR && strcmp(v->text, "true") == 0) /* labels are strings */
		*ret = true;
	else if (v->type == YAML_STR && strcmp(v->text, "false") == 0)
		*ret = false;
	else
		return compose_bad(in, key, v, "true or false");
	return 0;
}

int take_int(struct compose_in *in, const char *key, const struct yaml_node *v, int64_t min, int64_t max, int64_t *ret)
{
	char expected[80], *end;

	(void)snprintf(expected, sizeof(expected), "a number from %lld to %lld", (long long)min, (long long)max);
	int64_t n = v->number;
	if (v->type == YAML_STR) {
		errno = 0;
		n = strtoll(v->text, &end, 10);
		if (v->len == 0 || *end != '\0' || errno != 0)
			return compose_bad(in, key, v, expected);
	} else if (v->type != YAML_INT) {
		return compose_bad(in, key, v, expected);
	}
	if (n < min || n > max)
		return compose_bad(in, key, v, expected);
	*ret = n;
	return 0;
}

int take_bytes(struct compose_in *in, const char *key, const struct yaml_node *v, int64_t *ret)
{
	static const char expected[] = "a size like 64m";
	const char *s = NULL;
	char *end;

	int r = take_text(in, key, v, &s);
	if (r < 0)
		return r;
	errno = 0;
	long long n = strtoll(s, &end, 10);
	if (end == s || errno != 0 || n < -1)
		return compose_bad(in, key, v, expected);
	static const char units[] = "bkmgt";
	char unit = (char)(*end | 0x20);
	const char *u = *end == '\0' ? units : strchr(units, unit);
	if (u == NULL || n > INT64_MAX >> (10 * (u - units)))
		return compose_bad(in, key, v, expected);
	if (*end != '\0')
		end++;
	if (u != units && (*end | 0x20) == 'b')
		end++;
	if (*end != '\0')
		return compose_bad(in, key, v, expected);
	*ret = n < 0 ? n : n << (10 * (u - units));
	return 0;
}

int take_ms(struct compose_in *in, const char *key, const struct yaml_node *v, uint32_t *ret)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	static const char expected[] = "a duration like 1m30s, a day at most";
	const char *s = NULL;
	uint64_t total = 0;

	int r = take_text(in, key, v, &s);
	if (r < 0)
		return r;
	const char *p = s;
	do {
		uint64_t n = 0;
		size_t digits = strspn(p, "0123456789"), k = 0;
		if (digits == 0 || digits > 9)
			return compose_bad(in, key, v, expected);
		n = strtoul(p, NULL, 10);
		p += digits;
		while (k < countof(units) && strncmp(p, units[k].unit, strlen(units[k].unit)) != 0)
			k++;
		if (k == countof(units) && !(n == 0 && *p == '\0' && p == s + digits))
			return compose_bad(in, key, v, expected);
		if (k < countof(units)) {
			total += n * units[k].ms;
			p += strlen(units[k].unit);
		}
	} while (*p != '\0');
	if (total > 24ull * 3600 * 1000)
		return compose_bad(in, key, v, expected);
	*ret = (uint32_t)total;
	return 0;
}

static const struct {
	const char *name;
	int number;
} signals[] = {
	{"HUP", SIGHUP}, {"INT", SIGINT}, {"QUIT", SIGQUIT}, {"ILL", SIGILL}, {"TRAP", SIGTRAP}, {"ABRT", SIGABRT},
	{"BUS", SIGBUS}, {"FPE", SIGFPE}, {"KILL", SIGKILL}, {"USR1", SIGUSR1}, {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},
	{"PIPE", SIGPIPE}, {"ALRM", SIGALRM}, {"TERM", SIGTERM}, {"CHLD", SIGCHLD}, {"CONT", SIGCONT}, {"STOP", SIGSTOP},
	{"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU}, {"URG", SIGURG}, {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
	{"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH}, {"IO", SIGIO}, {"PWR", SIGPWR}, {"SYS", SIGSYS},
};

/* of Linux on every machine we run on; the C library takes the first ones for itself and hides them */
#define RT_MIN	34
#define RT_LAST 64

int compose_signal(const char *text)
{
	char *end;

	long n = strtol(text, &end, 10);
	if (end != text)
		return *end == '\0' && n >= 1 && n <= RT_LAST ? (int)n : 0;
	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t i = 0; i < countof(signals); i++)
		if (strcmp(text, signals[i].name) == 0)
			return signals[i].number;
	if (strncmp(text, "RTMIN", 5) == 0) {
		n = text[5] == '\0' ? 0 : strtol(text + 5, &end, 10);
		if (text[5] == '\0' || (text[5] == '+' && *end == '\0' && n >= 0 && n <= RT_LAST - RT_MIN))
			return RT_MIN + (int)n;
	}
	return 0;
}

int take_signal(struct compose_in *in, const char *key, const struct yaml_node *v, uint8_t *ret)
{
	const char *s = NULL;

	int r = take_text(in, key, v, &s);
	if (r < 0)
		return r;
	int n = compose_signal(s);
	if (n == 0)
		return compose_bad(in, key, v, "a signal like SIGTERM");
	*ret = (uint8_t)n;
	return 0;
}

int take_texts(struct compose_in *in, const char *key, const struct yaml_node *v, const char ***ret)
{
	char name[64];

	if (v->type != YAML_LIST)
		return compose_bad(in, key, v, "a list");
	const char **list = arena_array(in->memory, v->count + 1, sizeof(*list));
	if (list == NULL)
		return no_memory(in);
	for (size_t i = 0; i < v->count; i++) {
		(void)snprintf(name, sizeof(name), "%.40s[%zu]", key, i);
		int r = take_text(in, name, v->items[i], &list[i]);
		if (r < 0)
			return r;
	}
	*ret = list;
	return 0;
}

/* One word of a shell-like text into out; returns where the next begins, NULL when a quote has no end. */
static const char *split_word(const char *p, char *out)
{
	char quote = '\0';

	for (; *p != '\0' && (quote != '\0' || strchr(" \t\n", *p) == NULL); p++) {
		if (quote == '\0' && (*p == '"' || *p == '\''))
			quote = *p;
		else if (quote != '\0' && *p == quote)
			quote = '\0';
		else if (*p == '\\' && quote != '\'' && p[1] != '\0')
			*out++ = *++p;
		else
			*out++ = *p;
	}
	*out = '\0';
	return quote == '\0' ? p + strspn(p, " \t\n") : NULL;
}

int take_words(struct compose_in *in, const char *key, const struct yaml_node *v, const char ***ret)
{
	size_t n = 0;

	if (v->type == YAML_LIST)
		return take_texts(in, key, v, ret);
	if (v->type == YAML_NULL || v->type == YAML_MAP)
		return compose_bad(in, key, v, "a string or a list");
	const char **list = arena_array(in->memory, v->len / 2 + 2, sizeof(*list));
	if (list == NULL)
		return no_memory(in);
	const char *p = v->text + strspn(v->text, " \t\n");
	while (*p != '\0') {
		char *word = arena_alloc(in->memory, strlen(p) + 1);
		if (word == NULL || n == WORDS_MAX)
			return no_memory(in);
		p = split_word(p, word);
		if (p == NULL)
			return compose_bad(in, key, v, "a text whose quotes are closed");
		list[n++] = word;
	}
	*ret = list;
	return 0;
}

int take_pairs(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_pair **ret, size_t *ret_n)
{
	char name[64];

	if (v->type != YAML_MAP && v->type != YAML_LIST)
		return compose_bad(in, key, v, "a map or a list");
	struct compose_pair *list = arena_array(in->memory, v->count + 1, sizeof(*list));
	if (list == NULL)
		return no_memory(in);
	for (size_t i = 0; i < v->count; i++) {
		struct compose_pair *p = &list[i];
		if (v->type == YAML_MAP) {
			const struct yaml_node *value = v->pairs[i].value;
			*p = (struct compose_pair){v->pairs[i].key, NULL};
			(void)snprintf(name, sizeof(name), "%.20s.%.40s", key, p->key);
			int r = value->type == YAML_NULL ? 0 : take_text(in, name, value, &p->value);
			if (r < 0)
				return r;
		} else {
			const char *text = NULL;
			(void)snprintf(name, sizeof(name), "%.40s[%zu]", key, i);
			int r = take_text(in, name, v->items[i], &text);
			if (r < 0)
				return r;
			const char *eq = strchr(text, '=');
			size_t len = eq != NULL ? (size_t)(eq - text) : strlen(text);
			*p = (struct compose_pair){arena_copy(in->memory, text, len), eq != NULL ? eq + 1 : NULL};
			if (p->key == NULL)
				return no_memory(in);
		}
		if (p->key[0] == '\0' || strchr(p->key, '=') != NULL)
			return compose_bad_text(in, v->line, name, "a name", "none");
	}
	*ret = list;
	*ret_n = v->count;
	return 0;
}

int take_caps(struct compose_in *in, const char *key, const struct yaml_node *v, uint64_t *ret)
{
	const char **names = NULL;
	char name[64], full[48];
	uint64_t set = 0;

	int r = take_texts(in, key, v, &names);
	if (r < 0)
		return r;
	for (size_t i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], "ALL") == 0) {
			for (int c = 0; c <= oci_cap_by_name("CAP_CHECKPOINT_RESTORE"); c++)
				set |= UINT64_C(1) << c;
			continue;
		}
		(void)snprintf(full, sizeof(full), "%s%.40s", strncmp(names[i], "CAP_", 4) == 0 ? "" : "CAP_", names[i]);
		int c = oci_cap_by_name(full);
		(void)snprintf(name, sizeof(name), "%.40s[%zu]", key, i);
		if (c < 0)
			return compose_bad(in, name, v->items[i], "a capability like NET_ADMIN");
		set |= UINT64_C(1) << c;
	}
	*ret = set;
	return 0;
}
