// SPDX-License-Identifier: Apache-2.0
/* Dockerfile lines into a config object. Words may be quoted; a list may be written as JSON. */
#include "userctr/image_changes.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/req.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define CHANGES_MAX 256
#define LINE_MAX_   ((size_t)64 << 10)

struct change {
	const char *verb, *rest; /* into the query */
	size_t verb_len;
};

struct changes {
	struct change v[CHANGES_MAX];
	size_t n;
};

static const char *const verbs[] = {"CMD",  "ENTRYPOINT", "ENV",  "EXPOSE",	"LABEL",
				    "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"};

static bool is_verb(const struct change *c, const char *verb)
{
	return strlen(verb) == c->verb_len && strncasecmp(c->verb, verb, c->verb_len) == 0;
}

static int add_line(struct changes *cs, const char *line, struct err *e)
{
	struct change c;

	c.verb = line + strspn(line, " \t");
	c.verb_len = strcspn(c.verb, " \t");
	c.rest = c.verb + c.verb_len + strspn(c.verb + c.verb_len, " \t");
	if (c.verb_len == 0)
		return 0;
	if (strlen(line) > LINE_MAX_)
		return err_say(e, EINVAL, "change is too long: '%.40s...'", line);
	for (size_t i = 0; i < countof(verbs); i++)
		if (is_verb(&c, verbs[i])) {
			if (*c.rest == '\0')
				return err_say(e, EINVAL, "%s requires an argument", verbs[i]);
			if (cs->n == CHANGES_MAX)
				return err_say(e, EINVAL, "more than %d changes", CHANGES_MAX);
			cs->v[cs->n++] = c;
			return 0;
		}
	return err_say(e, EINVAL, "%.*s is not a valid change command", (int)(c.verb_len < 40 ? c.verb_len : 40), c.verb);
}

/* The next word of a line, quotes and backslashes taken off, into out (size LINE_MAX_ + 1). */
static bool next_word(const char **at, char *out)
{
	const char *p = *at + strspn(*at, " \t");
	char quote = '\0';

	if (*p == '\0')
		return false;
	for (; *p != '\0' && (quote != '\0' || (*p != ' ' && *p != '\t')); p++) {
		if (quote == '\0' && (*p == '"' || *p == '\''))
			quote = *p;
		else if (*p == quote)
			quote = '\0';
		else if (*p == '\\' && quote != '\'' && p[1] != '\0')
			*out++ = *++p;
		else
			*out++ = *p;
	}
	*out = '\0';
	*at = p;
	return true;
}

/* ["a","b"] as it is, if that is what it is. */
static bool put_json_list(struct json_writer *w, const char *text)
{
	struct json_doc *doc;

	if (*text != '[' || json_parse(text, strlen(text), &doc, NULL) < 0)
		return false;
	bool is_list = json_type(json_root(doc)) == JSON_ARR;
	struct json_iter it = json_iter(json_root(doc));
	while (json_next(&it))
		is_list = is_list && json_type(it.value) == JSON_STR;
	if (is_list)
		jw_value(w, json_root(doc));
	json_free(doc);
	return is_list;
}

static const struct change *last(const struct changes *cs, const char *verb)
{
	for (size_t i = cs->n; i-- > 0;)
		if (is_verb(&cs->v[i], verb))
			return &cs->v[i];
	return NULL;
}

static void put_command(const struct changes *cs, const char *verb, const char *key, const struct json *base,
			struct json_writer *w)
{
	const struct change *c = last(cs, verb);

	/* a new entry point makes the image's command meaningless */
	if (c == NULL && strcmp(verb, "CMD") == 0 && last(cs, "ENTRYPOINT") != NULL)
		return;
	if (c == NULL && json_get(base, key) == NULL)
		return;
	jw_key(w, key);
	if (c == NULL) {
		jw_value(w, json_get(base, key));
	} else if (!put_json_list(w, c->rest)) {
		jw_arr(w);
		jw_str(w, "/bin/sh");
		jw_str(w, "-c");
		jw_str(w, c->rest);
		jw_end_arr(w);
	}
}

static void put_string(const struct changes *cs, const char *verb, const char *key, const struct json *base,
		       struct json_writer *w)
{
	const struct change *c = last(cs, verb);
	const char *text = c != NULL ? c->rest : json_str(json_get(base, key));

	if (text != NULL && *text != '\0')
		jw_kstr(w, key, text);
}

/* ENV and LABEL: "k=v k2=v2", or "k the rest". Calls put() for each pair. */
static void pairs(const struct changes *cs, const char *verb, char *word, void (*put)(void *ctx, const char *k, const char *v),
		  void *ctx)
{
	for (size_t i = 0; i < cs->n; i++) {
		const char *at = cs->v[i].rest;
		if (!is_verb(&cs->v[i], verb))
			continue;
		const char *space = at + strcspn(at, " \t"), *equals = strchr(at, '=');
		if (equals == NULL || equals > space) {
			char *end = word + (space - at);
			memcpy(word, at, (size_t)(space - at));
			*end = '\0';
			put(ctx, word, space + strspn(space, " \t"));
			continue;
		}
		while (next_word(&at, word)) {
			char *eq = strchr(word, '=');
			if (eq != NULL)
				*eq = '\0';
			put(ctx, word, eq != NULL ? eq + 1 : "");
		}
	}
}

/* A list of pairs in order, a later one replacing an earlier one with its key. */
struct pair_list {
	struct {
		char *key, *value; /* owned */
	} v[1024];
	size_t n;
};

static void pair_put(void *ctx, const char *k, const char *v)
{
	struct pair_list *l = ctx;
	size_t i = 0;

	while (i < l->n && strcmp(l->v[i].key, k) != 0)
		i++;
	if (i == countof(l->v))
		return;
	if (i == l->n) {
		l->v[i].key = strdup(k);
		l->v[l->n++].value = NULL;
	}
	free(l->v[i].value);
	l->v[i].value = strdup(v);
	if (l->v[i].key == NULL || l->v[i].value == NULL) { /* no memory: not there */
		free(l->v[i].key);
		free(l->v[i].value);
		l->v[i] = l->v[--l->n];
	}
}

static void pair_free(struct pair_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].key);
		free(l->v[i].value);
	}
	free(l);
}

static void put_env(const struct changes *cs, const struct json *base, char *word, struct json_writer *w)
{
	struct pair_list *l = calloc(1, sizeof(*l));
	struct json_iter it = json_iter(json_get(base, "Env"));

	while (l != NULL && json_next(&it)) {
		const char *text = json_str_or(it.value, ""), *eq = strchr(text, '=');
		if (eq == NULL || (size_t)(eq - text) > LINE_MAX_)
			continue;
		memcpy(word, text, (size_t)(eq - text));
		word[eq - text] = '\0';
		pair_put(l, word, eq + 1);
	}
	if (l == NULL)
		return;
	pairs(cs, "ENV", word, pair_put, l);
	if (l->n > 0) {
		jw_key(w, "Env");
		jw_arr(w);
		for (size_t i = 0; i < l->n; i++) {
			struct buf b = BUF_INIT(2 * LINE_MAX_ + 8);
			buf_printf(&b, "%s=%s", l->v[i].key, l->v[i].value);
			jw_str(w, buf_str(&b));
			buf_release(&b);
		}
		jw_end_arr(w);
	}
	pair_free(l);
}

static void put_labels(const struct changes *cs, const struct json *base, char *word, struct json_writer *w)
{
	struct pair_list *l = calloc(1, sizeof(*l));
	struct json_iter it = json_iter(json_get(base, "Labels"));

	while (l != NULL && json_next(&it))
		pair_put(l, it.key, json_str_or(it.value, ""));
	if (l == NULL)
		return;
	pairs(cs, "LABEL", word, pair_put, l);
	if (l->n > 0) {
		jw_key(w, "Labels");
		jw_obj(w);
		for (size_t i = 0; i < l->n; i++)
			jw_kstr(w, l->v[i].key, l->v[i].value);
		jw_end_obj(w);
	}
	pair_free(l);
}

/* EXPOSE and VOLUME: objects whose keys are the words. */
static void put_set(const struct changes *cs, const char *verb, const char *key, const struct json *base, char *word,
		    struct json_writer *w)
{
	struct pair_list *l = calloc(1, sizeof(*l));
	struct json_iter it = json_iter(json_get(base, key));
	bool is_port = strcmp(verb, "EXPOSE") == 0;

	while (l != NULL && json_next(&it))
		pair_put(l, it.key, "");
	for (size_t i = 0; l != NULL && i < cs->n; i++) {
		const char *at = cs->v[i].rest;
		struct json_doc *doc = NULL;
		if (!is_verb(&cs->v[i], verb))
			continue;
		if (*at == '[' && json_parse(at, strlen(at), &doc, NULL) == 0) {
			struct json_iter words = json_iter(json_root(doc));
			while (json_next(&words))
				pair_put(l, json_str_or(words.value, ""), "");
			json_free(doc);
			continue;
		}
		while (next_word(&at, word)) {
			if (is_port && strchr(word, '/') == NULL && strlen(word) < LINE_MAX_ - 8)
				strcat(word, "/tcp");
			pair_put(l, word, "");
		}
	}
	if (l != NULL && l->n > 0) {
		jw_key(w, key);
		jw_obj(w);
		for (size_t i = 0; i < l->n; i++) {
			jw_key(w, l->v[i].key);
			jw_obj(w);
			jw_end_obj(w);
		}
		jw_end_obj(w);
	}
	if (l != NULL)
		pair_free(l);
}

static void put_onbuild(const struct changes *cs, struct json_writer *w)
{
	if (last(cs, "ONBUILD") == NULL)
		return;
	jw_key(w, "OnBuild");
	jw_arr(w);
	for (size_t i = 0; i < cs->n; i++)
		if (is_verb(&cs->v[i], "ONBUILD"))
			jw_str(w, cs->v[i].rest);
	jw_end_arr(w);
}

/* What no change touches is kept as it is, but for what was only this container's own. */
static void put_others(const struct json *base, struct json_writer *w)
{
	static const char *const done[] = {"Cmd",	 "Entrypoint",	 "Env",		 "ExposedPorts", "Labels",
					   "OnBuild",	 "StopSignal",	 "User",	 "Volumes",	 "WorkingDir",
					   "Hostname",	 "Domainname",	 "MacAddress",	 "Image",	 "NetworkDisabled",
					   "AttachStdin", "AttachStdout", "AttachStderr", "Tty",	 "OpenStdin",
					   "StdinOnce"};
	struct json_iter it = json_iter(base);

	while (json_next(&it)) {
		bool is_done = false;
		for (size_t i = 0; i < countof(done); i++)
			is_done = is_done || strcmp(it.key, done[i]) == 0;
		if (!is_done && json_type(it.value) != JSON_NULL) {
			jw_key(w, it.key);
			jw_value(w, it.value);
		}
	}
}

int image_changes(const struct req *q, const struct json *base, struct json_writer *w, struct err *e)
{
	owned_mem struct changes *cs = calloc(1, sizeof(*cs));
	owned_mem char *word = malloc(LINE_MAX_ + 1);
	int r = cs == NULL || word == NULL ? err_set(e, ENOMEM, "changes") : 0;

	for (size_t i = 0; i < q->query.n && r == 0; i++)
		if (strcmp(q->query.pair[i].name, "changes") == 0)
			r = add_line(cs, q->query.pair[i].value, e);
	if (r < 0)
		return r;
	jw_obj(w);
	put_others(base, w);
	put_command(cs, "CMD", "Cmd", base, w);
	put_command(cs, "ENTRYPOINT", "Entrypoint", base, w);
	put_env(cs, base, word, w);
	put_set(cs, "EXPOSE", "ExposedPorts", base, word, w);
	put_labels(cs, base, word, w);
	put_onbuild(cs, w);
	put_string(cs, "STOPSIGNAL", "StopSignal", base, w);
	put_string(cs, "USER", "User", base, w);
	put_set(cs, "VOLUME", "Volumes", base, word, w);
	put_string(cs, "WORKDIR", "WorkingDir", base, w);
	jw_end_obj(w);
	return 0;
}
