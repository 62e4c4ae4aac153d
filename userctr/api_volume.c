// SPDX-License-Identifier: Apache-2.0
/* /volumes: list, inspect, create, remove, prune. */
#include "userctr/volumes_internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/daemon.h"
#include "userctr/events.h"
#include "userctr/filters.h"
#include "userctr/req.h"
#include "userctr/route.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REPLY_MAX ((size_t)64 << 20)

static void volume_list(struct req *q)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	struct json_writer w;
	struct filters f;
	struct err e;

	int r = filters_parse(req_query(q, "filters"), "dangling driver label name", &f, &e);
	int dangling = r == 0 ? filters_bool(&f, "dangling", -1, &e) : r;
	if (r < 0 || dangling == -EINVAL) {
		reply_err(q, &e);
		filters_release(&f);
		return;
	}
	jw_init(&w, &b);
	jw_obj(&w);
	jw_key(&w, "Volumes");
	jw_arr(&w);
	list_for_each(it, &q->d->volumes->all) {
		const struct volume *v = owner_of(it, struct volume, link);
		if (filters_match(&f, "driver", "local") && filters_match_regex(&f, "name", v->name) &&
		    filters_match_labels(&f, "label", json_get(v->record, "Labels")) &&
		    (dangling < 0 || (volume_users(q->d, v, NULL) == 0) == (dangling == 1)))
			volume_print(v, &w, /* want_usage= */ false, q->d);
	}
	jw_end_arr(&w);
	jw_key(&w, "Warnings");
	jw_null(&w);
	jw_end_obj(&w);
	filters_release(&f);
	reply_json(q, 200, &b);
}

static void reply_volume(struct req *q, int status, const struct volume *v)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	struct json_writer w;

	jw_init(&w, &b);
	volume_print(v, &w, /* want_usage= */ false, q->d);
	reply_json(q, status, &b);
}

static void volume_inspect(struct req *q)
{
	struct volume *v;
	struct err e;

	if (volumes_find(q->d, q->var, &v, &e) < 0)
		reply_err(q, &e);
	else
		reply_volume(q, 200, v);
}

static void volume_create(struct req *q)
{
	const char *name = json_str_or(json_iget(q->body, "Name"), ""), *driver = json_str_or(json_iget(q->body, "Driver"), "");
	const char *made, *path;
	struct volume *v;
	bool is_new;
	struct err e;
	int r = 0;

	if (*driver != '\0' && strcmp(driver, "local") != 0)
		r = err_say(&e, ENOENT, "create %.255s: error looking up volume plugin %.100s: plugin \"%.100s\" not found", name,
			    driver, driver);
	else if (json_len(json_iget(q->body, "ClusterVolumeSpec")) > 0)
		r = err_say(&e, EINVAL, "ClusterVolumeSpec: volumes of swarms are not supported");
	if (r == 0)
		r = volume_make(q->d, name, json_iget(q->body, "DriverOpts"), json_iget(q->body, "Labels"), &made, &path, &is_new,
				&e);
	if (r == 0)
		r = volumes_find(q->d, made, &v, &e);
	if (r < 0)
		reply_err(q, &e);
	else
		reply_volume(q, 201, v);
}

static void volume_delete(struct req *q)
{
	struct volume *v;
	struct err e;

	int r = volumes_find(q->d, q->var, &v, &e);
	if (r == -ENOENT && req_flag(q, "force"))
		r = 0;
	else if (r == 0)
		r = volume_remove(q->d, v, &e);
	if (r < 0)
		reply_err(q, &e);
	else
		reply_empty(q, 204);
}

static bool is_prunable(struct daemon *d, const struct volume *v, const struct filters *f, bool want_all)
{
	const struct json *labels = json_get(v->record, "Labels");

	return (want_all || volume_is_anonymous(v)) && filters_match_labels(f, "label", labels) &&
	       filters_miss_labels(f, "label!", labels) && volume_users(d, v, NULL) == 0;
}

static int64_t prune(struct daemon *d, const struct filters *f, bool want_all, struct json_writer *w)
{
	int64_t freed = 0;
	struct err e;

	list_for_each_safe(it, &d->volumes->all) {
		struct volume *v = owner_of(it, struct volume, link);
		if (!is_prunable(d, v, f, want_all))
			continue;
		int64_t size = volume_size(v);
		owned_mem char *name = strdup(v->name);
		if (volume_remove(d, v, &e) < 0) {
			log_warn("volumes", "prune: %s", e.msg);
			continue;
		}
		freed += size;
		if (name != NULL)
			jw_str(w, name);
	}
	return freed;
}

static void volume_prune(struct req *q)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	struct json_writer w;
	struct filters f;
	struct err e;

	int r = filters_parse(req_query(q, "filters"), "all label label!", &f, &e);
	/* before 1.42 it took named ones too */
	int all = r == 0 ? filters_bool(&f, "all", q->api < 42, &e) : r;
	if (r < 0 || all == -EINVAL) {
		reply_err(q, &e);
		filters_release(&f);
		return;
	}
	jw_init(&w, &b);
	jw_obj(&w);
	jw_key(&w, "VolumesDeleted");
	jw_arr(&w);
	int64_t freed = prune(q->d, &f, all == 1, &w);
	jw_end_arr(&w);
	jw_kint(&w, "SpaceReclaimed", freed);
	jw_end_obj(&w);
	filters_release(&f);
	char text[24];
	(void)snprintf(text, sizeof(text), "%" PRId64, freed); /* fits */
	struct event_attr attr = {"reclaimed", text};
	event_emit(q->d, EVENT_TYPE_VOLUME, "prune", "", &attr, 1, NULL);
	reply_json(q, 200, &b);
}

const struct route routes_volume[] = {
	{"GET", "/volumes", volume_list, 0, 0, 0},
	{"POST", "/volumes/create", volume_create, ROUTE_JSON, 0, 0},
	{"POST", "/volumes/prune", volume_prune, 0, 25, 0},
	{"GET", "/volumes/*", volume_inspect, 0, 0, 0},
	{"DELETE", "/volumes/*", volume_delete, 0, 0, 0},
	{0},
};
