// SPDX-License-Identifier: Apache-2.0
/* What there is of images: list, inspect, history; and the table of all image endpoints. */
#include "userctr/api_image.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/store.h"
#include "userctr/ctr.h"
#include "userctr/daemon.h"
#include "userctr/events.h"
#include "userctr/filters.h"
#include "userctr/route.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define REPLY_MAX     ((size_t)64 << 20)
#define NO_TIME	      "0001-01-01T00:00:00Z"
#define LIST_FILTERS  "before dangling label label! reference since until"

void image_event(struct daemon *d, const char *action, const struct digest *id, const char *name)
{
	struct image *i = store_by_id(d->store, id);
	struct event_attr attr = {"name", name};
	char text[DIGEST_TEXT_SIZE];

	event_emit(d, EVENT_TYPE_IMAGE, action, digest_text(id, text), &attr, 1,
		   i != NULL ? json_get(i->config.config, "Labels") : NULL);
}

/* ---- list ---- */

static void put_refs(struct json_writer *w, const struct image *i, bool want_digests)
{
	char text[REF_TEXT_SIZE];

	jw_arr(w);
	for (size_t k = 0; k < i->n_refs; k++)
		if (i->refs[k].has_digest == want_digests)
			jw_str(w, ref_familiar(&i->refs[k], text));
	jw_end_arr(w);
}

static size_t count_users(struct daemon *d, const struct image *i)
{
	size_t n = 0;

	list_for_each(it, ctrs_all(d))
		n += digest_eq(&owner_of(it, struct ctr, link)->image, &i->id);
	return n;
}

/* Bytes of layers that another image has as well. */
static uint64_t shared_size(struct store *s, const struct image *i)
{
	uint64_t sum = 0, size;

	for (size_t k = 0; k < i->config.n; k++) {
		bool is_shared = false;
		list_for_each(it, store_images(s)) {
			const struct image *o = owner_of(it, struct image, link);
			for (size_t j = 0; o != i && j < o->config.n && !is_shared; j++)
				is_shared = digest_eq(&o->config.diff_ids[j], &i->config.diff_ids[k]);
		}
		if (is_shared && store_layer_size(s, &i->config.diff_ids[k], &size))
			sum += size;
	}
	return sum;
}

void image_print_summary(struct daemon *d, struct json_writer *w, const struct image *i, bool want_shared, bool want_users)
{
	const struct json *labels = json_get(i->config.config, "Labels");
	char text[DIGEST_TEXT_SIZE];

	jw_obj(w);
	jw_kint(w, "Containers", want_users ? (int64_t)count_users(d, i) : -1);
	jw_kint(w, "Created", i->created);
	jw_kstr(w, "Id", digest_text(&i->id, text));
	jw_key(w, "Labels");
	if (labels != NULL)
		jw_value(w, labels);
	else
		jw_null(w);
	jw_kstr(w, "ParentId", "");
	jw_key(w, "RepoDigests");
	put_refs(w, i, /* want_digests= */ true);
	jw_key(w, "RepoTags");
	put_refs(w, i, /* want_digests= */ false);
	jw_kint(w, "SharedSize", want_shared ? (int64_t)shared_size(d->store, i) : -1);
	jw_kuint(w, "Size", i->size_bytes);
	jw_end_obj(w);
}

static bool has_tag(const struct image *i)
{
	for (size_t k = 0; k < i->n_refs; k++)
		if (!i->refs[k].has_digest)
			return true;
	return false;
}

struct list_query {
	struct filters f;
	int dangling;		/* -1 = both */
	int64_t until, before, since; /* seconds; 0 = none */
};

/* Shell patterns as Go's path.Match has them: '*' and '?' stop at '/'. */
static bool matches_reference(const struct filters *f, const struct image *i)
{
	char full[REF_TEXT_SIZE], name[REF_NAME_SIZE];

	if (!filters_has(f, "reference"))
		return true;
	for (size_t k = 0; k < i->n_refs; k++) {
		struct ref r = i->refs[k];
		ref_familiar(&r, full);
		(void)snprintf(name, sizeof(name), "%s", ref_familiar_name(&r)); /* fits */
		for (size_t j = 0; j < f->n; j++) {
			const char *p = f->v[j].value;
			if (strcmp(f->v[j].key, "reference") == 0 && (fnmatch(p, full, FNM_PATHNAME) == 0 || fnmatch(p, name, FNM_PATHNAME) == 0))
				return true;
		}
	}
	return false;
}

static bool matches(const struct list_query *lq, const struct image *i)
{
	const struct json *labels = json_get(i->config.config, "Labels");

	if (lq->dangling >= 0 && (lq->dangling == 1) != (i->n_refs == 0))
		return false;
	if ((lq->until != 0 && i->created >= lq->until) || (lq->before != 0 && i->created >= lq->before) ||
	    (lq->since != 0 && i->created <= lq->since))
		return false;
	return filters_match_labels(&lq->f, "label", labels) && filters_miss_labels(&lq->f, "label!", labels) &&
	       matches_reference(&lq->f, i);
}

/* "before" and "since" name images. */
static int time_of_image(struct req *q, const struct filters *f, const char *key, int64_t *ret, struct err *e)
{
	const char *name = filters_first(f, key);
	struct image *i;

	if (name == NULL)
		return 0;
	int r = store_find(q->d->store, name, &i, e);
	if (r == 0)
		*ret = i->created;
	return r;
}

static int parse_list(struct req *q, struct list_query *lq, struct err *e)
{
	int64_t ns = 0;

	int r = filters_parse(req_query(q, "filters"), LIST_FILTERS, &lq->f, e);
	if (r < 0)
		return r;
	lq->dangling = filters_bool(&lq->f, "dangling", 2, e);
	if (lq->dangling < 0)
		return lq->dangling;
	if (lq->dangling == 2)
		lq->dangling = -1;
	r = filters_until(&lq->f, clock_real_ns(), &ns, e);
	if (r < 0)
		return r;
	lq->until = r == 1 ? ns / 1000000000 : 0;
	r = time_of_image(q, &lq->f, "before", &lq->before, e);
	return r < 0 ? r : time_of_image(q, &lq->f, "since", &lq->since, e);
}

static void get_images(struct req *q)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	struct list_query lq = {0};
	struct json_writer w;
	struct err e;

	if (parse_list(q, &lq, &e) < 0) {
		filters_release(&lq.f);
		reply_err(q, &e);
		return;
	}
	jw_init(&w, &b);
	jw_arr(&w);
	list_for_each(it, store_images(q->d->store)) {
		const struct image *i = owner_of(it, struct image, link);
		if (matches(&lq, i))
			image_print_summary(q->d, &w, i, req_flag(q, "shared-size"), q->api >= 51);
	}
	jw_end_arr(&w);
	filters_release(&lq.f);
	reply_json(q, 200, &b);
}

/* ---- inspect ---- */

static void put_or(struct json_writer *w, const char *key, const char *text, const char *fallback)
{
	jw_kstr(w, key, text != NULL ? text : fallback);
}

static void put_graph(struct req *q, struct json_writer *w, const struct image *i)
{
	struct buf lower __attribute__((cleanup(buf_release))) = BUF_INIT((size_t)1 << 20);
	const char *p;

	if (store_lower(q->d->store, i, &lower, NULL) < 0)
		buf_clear(&lower);
	p = strchr(buf_str(&lower), ':');
	jw_key(w, "GraphDriver");
	jw_obj(w);
	jw_key(w, "Data");
	jw_obj(w);
	if (p != NULL)
		jw_kstr(w, "LowerDir", p + 1);
	jw_key(w, "UpperDir");
	jw_strn(w, buf_str(&lower), p != NULL ? (size_t)(p - buf_str(&lower)) : lower.len);
	jw_end_obj(w);
	jw_kstr(w, "Name", "overlay2");
	jw_end_obj(w);
}

static void put_layers(struct json_writer *w, const struct image *i)
{
	char text[DIGEST_TEXT_SIZE];

	jw_key(w, "RootFS");
	jw_obj(w);
	jw_kstr(w, "Type", "layers");
	if (i->config.n > 0) {
		jw_key(w, "Layers");
		jw_arr(w);
		for (size_t k = 0; k < i->config.n; k++)
			jw_str(w, digest_text(&i->config.diff_ids[k], text));
		jw_end_arr(w);
	}
	jw_end_obj(w);
}

static void inspect(struct req *q)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	char text[DIGEST_TEXT_SIZE], when[CLOCK_RFC3339_SIZE];
	struct json_writer w;
	struct image *i;
	struct err e;

	if (store_find(q->d->store, q->var, &i, &e) < 0) {
		reply_err(q, &e);
		return;
	}
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "Id", digest_text(&i->id, text));
	jw_key(&w, "RepoTags");
	put_refs(&w, i, /* want_digests= */ false);
	jw_key(&w, "RepoDigests");
	put_refs(&w, i, /* want_digests= */ true);
	jw_kstr(&w, "Parent", "");
	put_or(&w, "Comment", i->config.comment, "");
	put_or(&w, "Created", i->config.created, NO_TIME);
	put_or(&w, "DockerVersion", json_str(json_get(i->config.root, "docker_version")), "");
	put_or(&w, "Author", i->config.author, "");
	jw_key(&w, "Config");
	if (i->config.config != NULL)
		jw_value(&w, i->config.config);
	else
		jw_null(&w);
	jw_kstr(&w, "Architecture", i->config.architecture);
	if (i->config.variant != NULL)
		jw_kstr(&w, "Variant", i->config.variant);
	jw_kstr(&w, "Os", i->config.os);
	jw_kuint(&w, "Size", i->size_bytes);
	if (q->api < 44)
		jw_kuint(&w, "VirtualSize", i->size_bytes);
	put_graph(q, &w, i);
	put_layers(&w, i);
	jw_key(&w, "Metadata");
	jw_obj(&w);
	clock_rfc3339(i->tagged_ns, when);
	jw_kstr(&w, "LastTagTime", i->tagged_ns != 0 ? when : NO_TIME);
	jw_end_obj(&w);
	jw_end_obj(&w);
	reply_json(q, 200, &b);
}

/* ---- history ---- */

/* The layers belong to the entries that are not empty, in order; of a history too short the rest has no entry. */
static void put_history(struct daemon *d, struct json_writer *w, const struct image *i, const struct json *h, size_t layer,
			bool is_top)
{
	char id[DIGEST_TEXT_SIZE], text[REF_TEXT_SIZE];
	bool is_empty = json_bool(json_get(h, "empty_layer"), false);
	uint64_t size = 0;

	if (!is_empty && layer < i->config.n)
		(void)store_layer_size(d->store, &i->config.diff_ids[layer], &size);
	jw_obj(w);
	jw_kstr(w, "Id", is_top ? digest_text(&i->id, id) : "<missing>");
	jw_kint(w, "Created", store_time(json_str(json_get(h, "created"))));
	jw_kstr(w, "CreatedBy", json_str_or(json_get(h, "created_by"), ""));
	jw_key(w, "Tags");
	if (is_top && has_tag(i)) {
		jw_arr(w);
		for (size_t k = 0; k < i->n_refs; k++)
			if (!i->refs[k].has_digest)
				jw_str(w, ref_familiar(&i->refs[k], text));
		jw_end_arr(w);
	} else {
		jw_null(w);
	}
	jw_kuint(w, "Size", size);
	jw_kstr(w, "Comment", json_str_or(json_get(h, "comment"), ""));
	jw_end_obj(w);
}

static void history(struct req *q)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	struct json_writer w;
	struct image *i;
	struct err e;

	if (store_find(q->d->store, q->var, &i, &e) < 0) {
		reply_err(q, &e);
		return;
	}
	size_t n = json_len(i->config.history), at = 0, layer = 0;
	owned_mem const struct json **entries = calloc(n + 1, sizeof(*entries));
	owned_mem size_t *layers = calloc(n + 1, sizeof(*layers));
	if (entries == NULL || layers == NULL) {
		reply_error(q, 500, "out of memory");
		return;
	}
	struct json_iter it = json_iter(i->config.history);
	while (json_next(&it)) {
		entries[at] = it.value;
		layers[at++] = layer;
		layer += !json_bool(json_get(it.value, "empty_layer"), false);
	}
	jw_init(&w, &b);
	jw_arr(&w);
	for (size_t k = at; k-- > 0;)
		put_history(q->d, &w, i, entries[k], layers[k], k + 1 == at);
	jw_end_arr(&w);
	reply_json(q, 200, &b);
}

static void search(struct req *q)
{
	reply_error(q, 501, "searching registries is not supported");
}

const struct route routes_image[] = {
	{"GET", "/images/json", get_images, 0, 0, 0},
	{"GET", "/images/search", search, 0, 0, 0},
	{"GET", "/images/get", handle_save_many, 0, 0, 0},
	{"POST", "/images/load", handle_load, ROUTE_BODY, 0, 0},
	{"POST", "/images/create", handle_import, ROUTE_BODY, 0, 0},
	{"POST", "/images/prune", handle_prune, 0, 0, 0},
	{"GET", "/images/*/json", inspect, 0, 0, 0},
	{"GET", "/images/*/history", history, 0, 0, 0},
	{"GET", "/images/*/get", handle_save, 0, 0, 0},
	{"POST", "/images/*/tag", handle_tag, 0, 0, 0},
	{"POST", "/images/*/push", handle_push, 0, 0, 0},
	{"DELETE", "/images/*", handle_delete, 0, 0, 0},
	{0},
};
