// SPDX-License-Identifier: Apache-2.0
/* Events in docker's form, old fields included: clients of before 25.0 fall over without them. */
#include "userctr/event.h"

#include "lib/base/buf.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/filters.h"

#include <stdlib.h>
#include <string.h>

static int by_key(const void *a, const void *b)
{
	const struct event_attr *x = a, *y = b;

	return strcmp(x->key, y->key);
}

/* Both in one sorted array, without the labels that attrs hide. NULL: no memory. */
static struct event_attr *gather(const struct event_attr *attrs, size_t n, const struct json *labels, size_t *ret_n)
{
	struct event_attr *v = calloc(n + json_len(labels) + 1, sizeof(*v));
	struct json_iter it = json_iter(labels);

	*ret_n = 0;
	if (v == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		v[(*ret_n)++] = attrs[i];
	while (json_next(&it)) {
		size_t i = 0;
		while (i < n && strcmp(attrs[i].key, it.key) != 0)
			i++;
		if (i == n && json_str(it.value) != NULL)
			v[(*ret_n)++] = (struct event_attr){it.key, json_str(it.value)};
	}
	qsort(v, *ret_n, sizeof(*v), by_key);
	return v;
}

static void print_actor(struct json_writer *w, const char *id, const struct event_attr *v, size_t n)
{
	jw_obj(w);
	jw_kstr(w, "ID", id);
	jw_key(w, "Attributes");
	jw_obj(w);
	for (size_t i = 0; i < n; i++)
		jw_kstr(w, v[i].key, v[i].value != NULL ? v[i].value : "");
	jw_end_obj(w);
	jw_end_obj(w);
}

static void print_line(struct buf *out, const char *type, const char *action, const char *id, const char *image,
		       const struct event_attr *v, size_t n, int64_t ns)
{
	bool is_ctr = strcmp(type, EVENT_TYPE_CONTAINER) == 0;
	struct json_writer w;

	jw_init(&w, out);
	jw_obj(&w);
	if (is_ctr || strcmp(type, EVENT_TYPE_IMAGE) == 0) {
		jw_kstr(&w, "status", action);
		jw_kstr(&w, "id", id);
	}
	if (is_ctr && image != NULL)
		jw_kstr(&w, "from", image);
	jw_kstr(&w, "Type", type);
	jw_kstr(&w, "Action", action);
	jw_key(&w, "Actor");
	print_actor(&w, id, v, n);
	jw_kstr(&w, "scope", "local");
	jw_kint(&w, "time", ns / 1000000000);
	jw_kint(&w, "timeNano", ns);
	jw_end_obj(&w);
	buf_putc(out, '\n');
}

void event_print(struct buf *out, const char *type, const char *action, const char *id, const struct event_attr *attrs,
		 size_t n, const struct json *labels, int64_t time_ns)
{
	struct buf line = BUF_INIT(EVENT_MAX);
	const char *image = NULL;
	size_t all = 0;

	owned_mem struct event_attr *v = gather(attrs, n, labels, &all);
	for (size_t i = 0; i < n; i++)
		if (strcmp(attrs[i].key, "image") == 0)
			image = attrs[i].value;
	print_line(&line, type, action, id, image, v, v != NULL ? all : 0, time_ns);
	if (buf_error(&line) < 0) {
		buf_clear(&line);
		print_line(&line, type, action, id, image, attrs, n, time_ns);
	}
	if (buf_error(&line) == 0)
		buf_put(out, line.data, line.len);
	buf_release(&line);
}

/* ---- filters ---- */

/* Actions that carry a command or a state behind a colon are matched by their beginning, as soon as one is asked for. */
static bool matches_action(const struct filters *f, const char *action)
{
	static const char *const begun[] = {"exec_create", "exec_start", "health_status"};

	for (size_t i = 0; i < f->n; i++)
		for (size_t k = 0; k < countof(begun); k++)
			if (strcmp(f->v[i].key, "event") == 0 && strcmp(f->v[i].value, begun[k]) == 0)
				return filters_match_prefix(f, "event", action);
	return filters_match(f, "event", action);
}

/* By the beginning of an id or name. */
static bool matches_named(const struct filters *f, const char *key, const char *id, const char *name)
{
	return filters_match_prefix(f, key, id) || filters_match_prefix(f, key, name);
}

/* "repo:tag" also as "repo". */
static bool matches_image(const struct filters *f, const char *name)
{
	char repo[512];

	if (filters_match(f, "image", name))
		return true;
	const char *slash = strrchr(name, '/'), *colon = strchr(slash != NULL ? slash : name, ':');
	size_t n = colon != NULL ? (size_t)(colon - name) : strlen(name);
	if (n >= sizeof(repo))
		return false;
	memcpy(repo, name, n);
	repo[n] = '\0';
	return filters_match(f, "image", repo);
}

bool event_matches(const struct filters *f, const struct json *event)
{
	static const char *const named[] = {"container", "daemon", "network", "plugin", "volume", "node", "service", "secret", "config"};
	const struct json *actor = json_get(event, "Actor"), *attrs = json_get(actor, "Attributes");
	const char *id = json_str_or(json_get(actor, "ID"), ""), *name = json_str_or(json_get(attrs, "name"), "");
	const char *type = json_str_or(json_get(event, "Type"), "");
	const char *image = strcmp(type, EVENT_TYPE_IMAGE) == 0 ? name : json_str_or(json_get(attrs, "image"), "");

	for (size_t i = 0; i < countof(named); i++)
		if (!matches_named(f, named[i], id, name))
			return false;
	return matches_action(f, json_str_or(json_get(event, "Action"), "")) && filters_match(f, "type", type) &&
	       filters_match(f, "scope", json_str_or(json_get(event, "scope"), "")) &&
	       (matches_image(f, id) || matches_image(f, image)) && filters_match_labels(f, "label", attrs);
}
