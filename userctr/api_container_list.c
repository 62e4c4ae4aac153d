// SPDX-License-Identifier: Apache-2.0
/* The list of containers with its filters, inspect, prune. */
#include "userctr/api_container.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/store.h"
#include "userctr/ctr_health.h"
#include "userctr/ctr_internal.h"
#include "userctr/ctr_net.h"
#include "userctr/ctr_print.h"
#include "userctr/daemon.h"
#include "userctr/events.h"
#include "userctr/filters.h"
#include "userctr/req.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REPLY_MAX (64u << 20)
#define LIST_KEYS                                                                                                  \
	"ancestor before exited expose health id is-task isolation label name network publish since status volume"

static const char *const states[] = {"created", "running", "paused", "restarting", "removing", "exited", "dead"};
static const char *const state_of[] = {"", "created", "running", "paused", "restarting", "exited", "removing", "dead"};

void api_container_inspect(struct req *q)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	struct ctr *c = api_ctr(q);
	struct json_writer w;

	if (c == NULL)
		return;
	jw_init(&w, &b);
	ctr_print_inspect(c, &w, req_flag(q, "size"));
	reply_json(q, 200, &b);
}

/* ---- filters ---- */

struct list_query {
	struct filters f;
	bool want_all, with_size;
	int64_t limit;
	struct ctr *before, *since;
};

static bool is_ancestor(const struct ctr *c, const char *value)
{
	struct image *image = NULL;

	if (c->conf.image != NULL && strcmp(c->conf.image, value) == 0)
		return true;
	return store_find(c->d->store, value, &image, NULL) == 0 && digest_eq(&image->id, &c->image);
}

static bool has_mount(const struct ctr *c, const char *value)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (strcmp(c->mounts[i].destination, value) == 0 ||
		    (c->mounts[i].name != NULL && strcmp(c->mounts[i].name, value) == 0))
			return true;
	return false;
}

/* "80", "80/tcp", "80-90/udp" */
static bool has_port(const struct json *ports, const char *value)
{
	unsigned from = 0, to = 0, port;
	char proto[8] = "tcp", have[8];

	int n = sscanf(value, "%u-%u/%7s", &from, &to, proto);
	if (n < 2) {
		to = 0;
		n = sscanf(value, "%u/%7s", &from, proto);
		to = from;
	}
	if (n < 1)
		return false;
	struct json_iter it = json_iter(ports);
	while (json_next(&it)) {
		strcpy(have, "tcp");
		if (sscanf(it.key, "%u/%7s", &port, have) >= 1 && port >= from && port <= to && strcmp(have, proto) == 0)
			return true;
	}
	return false;
}

static bool value_matches(const struct ctr *c, const char *key, const char *v)
{
	char number[16];

	if (strcmp(key, "ancestor") == 0)
		return is_ancestor(c, v);
	if (strcmp(key, "volume") == 0)
		return has_mount(c, v);
	if (strcmp(key, "network") == 0)
		return ctr_net_has(c->net, v);
	if (strcmp(key, "expose") == 0)
		return has_port(json_get(c->conf.config, "ExposedPorts"), v);
	if (strcmp(key, "publish") == 0)
		return has_port(json_get(c->conf.host, "PortBindings"), v);
	if (strcmp(key, "status") == 0)
		return strcmp(state_of[c->state], v) == 0;
	if (strcmp(key, "health") == 0)
		return strcmp(ctr_health_status(c), v) == 0;
	if (strcmp(key, "exited") == 0) {
		(void)snprintf(number, sizeof(number), "%d", c->exit_code); /* fits */
		return c->finished_ns > 0 && c->state == CTR_EXITED && strcmp(number, v) == 0;
	}
	return true;
}

/* One of the key's values holds, or the key is not there. */
static bool any_matches(const struct filters *f, const struct ctr *c, const char *key)
{
	bool is_there = false;

	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->v[i].key, key) != 0)
			continue;
		is_there = true;
		if (value_matches(c, key, f->v[i].value))
			return true;
	}
	return !is_there;
}

static bool matches(const struct list_query *lq, const struct ctr *c)
{
	static const char *const keys[] = {"ancestor", "volume", "network", "expose", "publish", "status", "health", "exited"};
	char slashed[CTR_NAME_SIZE + 1];
	const struct filters *f = &lq->f;

	for (size_t i = 0; i < countof(keys); i++)
		if (!any_matches(f, c, keys[i]))
			return false;
	(void)snprintf(slashed, sizeof(slashed), "/%s", c->name); /* fits */
	if (!filters_match_regex(f, "name", c->name) && !filters_match_regex(f, "name", slashed))
		return false;
	return filters_match_prefix(f, "id", c->id) &&
	       filters_match_labels(f, "label", json_get(c->conf.config, "Labels"));
}

static int find_for(struct req *q, const struct filters *f, const char *key, struct ctr **ret, struct err *e)
{
	const char *v = filters_first(f, key);

	return v == NULL ? 0 : ctr_find(q->d, v, ret, e);
}

static int check_values(const struct filters *f, struct err *e)
{
	for (size_t i = 0; i < f->n; i++) {
		bool is_known = strcmp(f->v[i].key, "status") != 0;
		for (size_t s = 0; s < countof(states); s++)
			is_known |= strcmp(f->v[i].value, states[s]) == 0;
		if (!is_known)
			return err_say(e, EINVAL,
				       "invalid filter 'status=%s': invalid value for state (%s): must be one of created, "
				       "running, paused, restarting, removing, exited, dead",
				       f->v[i].value, f->v[i].value);
	}
	return 0;
}

static int parse(struct req *q, struct list_query *lq, struct err *e)
{
	int r = filters_parse(req_query(q, "filters"), LIST_KEYS, &lq->f, e);

	if (r < 0)
		return r;
	lq->with_size = req_flag(q, "size");
	r = req_int(q, "limit", 0, &lq->limit, e);
	if (r < 0)
		return r;
	r = check_values(&lq->f, e);
	if (r == 0)
		r = find_for(q, &lq->f, "before", &lq->before, e);
	if (r == 0)
		r = find_for(q, &lq->f, "since", &lq->since, e);
	/* asking for others than running ones is asking for all */
	lq->want_all = req_flag(q, "all") || lq->limit > 0 || lq->before != NULL || lq->since != NULL ||
		       filters_has(&lq->f, "status") || filters_has(&lq->f, "exited");
	return r;
}

void api_containers_list(struct req *q)
{
	struct list_query lq = {0};
	struct buf b = BUF_INIT(REPLY_MAX);
	struct json_writer w;
	struct err e;
	bool is_before = false;
	int64_t n = 0;

	if (parse(q, &lq, &e) < 0) {
		filters_release(&lq.f);
		if (strncmp(e.msg, "strconv", 7) == 0)
			reply_error(q, 500, "%s", e.msg); /* as dockerd */
		else
			reply_err(q, &e);
		return;
	}
	jw_init(&w, &b);
	jw_arr(&w);
	list_for_each(it, ctrs_all(q->d)) {
		struct ctr *c = owner_of(it, struct ctr, link);
		bool is_up = c->state == CTR_RUNNING || c->state == CTR_PAUSED || c->state == CTR_RESTARTING;
		if (c == lq.since || (lq.limit > 0 && n >= lq.limit))
			break;
		bool is_late = lq.before != NULL && !is_before;
		is_before |= c == lq.before;
		if (is_late || (!lq.want_all && !is_up) || !matches(&lq, c))
			continue;
		ctr_print_summary(c, &w, lq.with_size);
		n++;
	}
	jw_end_arr(&w);
	filters_release(&lq.f);
	reply_json(q, 200, &b);
}

/* ---- prune ---- */

static bool is_prunable(const struct ctr *c, const struct filters *f, int64_t until)
{
	if (c->state != CTR_CREATED && c->state != CTR_EXITED && c->state != CTR_DEAD)
		return false;
	if (c->life->phase == PHASE_STARTING || (until > 0 && c->created_ns > until))
		return false;
	const struct json *labels = json_get(c->conf.config, "Labels");
	return filters_match_labels(f, "label", labels) && filters_miss_labels(f, "label!", labels);
}

void api_containers_prune(struct req *q)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	struct filters f = {0};
	struct json_writer w;
	char id[CTR_ID_SIZE], bytes[32];
	int64_t until = 0, freed = 0;
	struct err e;

	if (filters_parse(req_query(q, "filters"), "label label! until", &f, &e) < 0 ||
	    filters_until(&f, clock_real_ns(), &until, &e) < 0) {
		filters_release(&f);
		reply_err(q, &e);
		return;
	}
	jw_init(&w, &b);
	jw_obj(&w);
	jw_key(&w, "ContainersDeleted");
	bool is_first = true;
	list_for_each_safe(it, ctrs_all(q->d)) {
		struct ctr *c = owner_of(it, struct ctr, link);
		if (!is_prunable(c, &f, until))
			continue;
		int64_t size = ctr_size_rw(c);
		strcpy(id, c->id);
		if (ctr_remove(c, /* force */ false, /* volumes */ false, NULL) < 0)
			continue;
		if (is_first)
			jw_arr(&w);
		is_first = false;
		jw_str(&w, id);
		freed += size;
	}
	if (is_first)
		jw_null(&w);
	else
		jw_end_arr(&w);
	jw_kint(&w, "SpaceReclaimed", freed);
	jw_end_obj(&w);
	filters_release(&f);
	(void)snprintf(bytes, sizeof(bytes), "%lld", (long long)freed); /* fits */
	event_emit(q->d, EVENT_TYPE_CONTAINER, "prune", "", &(struct event_attr){"reclaimed", bytes}, 1, NULL);
	reply_json(q, 200, &b);
}
