// SPDX-License-Identifier: Apache-2.0
/* /networks: list, inspect, create, remove, connect, disconnect, prune. */
#include "userctr/nets.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "userctr/ctr.h"
#include "userctr/daemon.h"
#include "userctr/events.h"
#include "userctr/filters.h"
#include "userctr/req.h"
#include "userctr/route.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define REPLY_MAX ((size_t)64 << 20)
#define FILES_MAX ((size_t)1 << 20)

/* ---- list, inspect ---- */

/* A network that no container is in: neither connected nor stopped with it in its settings. */
static bool is_dangling(struct daemon *d, const struct network *n)
{
	if (n->is_predefined || !list_is_empty(&n->endpoints))
		return false;
	list_for_each(it, ctrs_all(d)) {
		const struct ctr *c = owner_of(it, struct ctr, link);
		if (c->net != NULL && ctr_net_endpoint(c->net, n) != NULL)
			return false;
	}
	return true;
}

static bool is_wanted(struct daemon *d, const struct network *n, const struct filters *f, int dangling)
{
	return filters_match(f, "driver", network_driver(n)) && filters_match_prefix(f, "id", n->drv.id) &&
	       filters_match_regex(f, "name", n->drv.name) && filters_match(f, "scope", "local") &&
	       filters_match(f, "type", n->is_predefined ? "builtin" : "custom") &&
	       filters_match_labels(f, "label", network_labels(n)) && (dangling < 0 || is_dangling(d, n) == (dangling == 1));
}

static int check_type(const struct filters *f, struct err *e)
{
	const char *type = filters_first(f, "type");

	if (type == NULL || strcmp(type, "custom") == 0 || strcmp(type, "builtin") == 0)
		return 0;
	return err_say(e, EINVAL, "invalid filter: 'type'='%.100s'", type);
}

static void network_list(struct req *q)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	struct json_writer w;
	struct filters f;
	struct err e;

	int r = filters_parse(req_query(q, "filters"), "dangling driver id label name scope type", &f, &e);
	int dangling = r == 0 ? filters_bool(&f, "dangling", -1, &e) : 0;
	if (r == 0)
		r = dangling == -EINVAL ? dangling : check_type(&f, &e);
	if (r < 0) {
		reply_err(q, &e);
		filters_release(&f);
		return;
	}
	jw_init(&w, &b);
	jw_arr(&w);
	list_for_each(it, &q->d->nets->all) {
		const struct network *n = owner_of(it, struct network, link);
		/* before 1.28 the list was as long as inspect */
		if (is_wanted(q->d, n, &f, dangling))
			network_print(n, &w, q->api < 28 ? network_print_endpoints : NULL);
	}
	jw_end_arr(&w);
	filters_release(&f);
	reply_json(q, 200, &b);
}

static void network_inspect(struct req *q)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	const char *scope = req_query(q, "scope");
	struct json_writer w;
	struct network *n;
	struct err e;

	int r = nets_find(q->d, q->var, &n, &e);
	if (r == 0 && scope != NULL && *scope != '\0' && strcmp(scope, "local") != 0)
		r = err_say(&e, ENOENT, "network %.200s not found", q->var);
	if (r < 0) {
		reply_err(q, &e);
		return;
	}
	jw_init(&w, &b);
	network_print(n, &w, network_print_endpoints);
	reply_json(q, 200, &b);
}

/* ---- create, remove ---- */

static void network_create(struct req *q)
{
	struct buf b = BUF_INIT(4096);
	struct json_writer w;
	struct network *n;
	struct err e;

	if (nets_create(q->d, q->body, &n, &e) < 0) {
		reply_err(q, &e);
		return;
	}
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "Id", n->drv.id);
	jw_kstr(&w, "Warning", "");
	jw_end_obj(&w);
	reply_json(q, 201, &b);
}

static void network_delete(struct req *q)
{
	struct network *n;
	struct err e;

	int r = nets_find(q->d, q->var, &n, &e);
	if (r == 0)
		r = nets_remove(q->d, n, &e);
	if (r < 0)
		reply_err(q, &e);
	else
		reply_empty(q, 204);
}

/* RFC 3339 as we write it: compares as text up to the second. */
static bool is_older(const struct network *n, int64_t until_ns)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_rfc3339(until_ns, text);
	return strncmp(n->created, text, 19) < 0;
}

static void prune(struct daemon *d, const struct filters *f, int until, int64_t until_ns, struct json_writer *w)
{
	char name[NET_NAME_MAX];
	struct err e;

	list_for_each_safe(it, &d->nets->all) {
		struct network *n = owner_of(it, struct network, link);
		if (n->is_predefined || !list_is_empty(&n->endpoints) || (until == 1 && !is_older(n, until_ns)) ||
		    !filters_match_labels(f, "label", network_labels(n)) ||
		    !filters_miss_labels(f, "label!", network_labels(n)))
			continue;
		(void)snprintf(name, sizeof(name), "%s", n->drv.name); /* same sizes */
		if (nets_remove(d, n, &e) < 0)
			log_warn("net", "prune network '%s': %s", name, e.msg);
		else
			jw_str(w, name);
	}
}

static void network_prune(struct req *q)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	struct json_writer w;
	struct filters f;
	int64_t until_ns = 0;
	struct err e;

	int r = filters_parse(req_query(q, "filters"), "label label! until", &f, &e);
	if (r == 0)
		r = filters_until(&f, clock_real_ns(), &until_ns, &e);
	if (r < 0) {
		reply_err(q, &e);
		filters_release(&f);
		return;
	}
	jw_init(&w, &b);
	jw_obj(&w);
	jw_key(&w, "NetworksDeleted");
	jw_arr(&w);
	prune(q->d, &f, r, until_ns, &w);
	jw_end_arr(&w);
	jw_end_obj(&w);
	filters_release(&f);
	struct event_attr attr = {"reclaimed", "0"};
	event_emit(q->d, EVENT_TYPE_NETWORK, "prune", "", &attr, 1, NULL);
	reply_json(q, 200, &b);
}

/* ---- connect, disconnect ---- */

/* In place: the file is bound into the container. Only while it says what we wrote: somebody's own lines stay. */
static void follow(const struct ctr *c, const char *name, const struct buf *before, const struct buf *after)
{
	owned_buf struct buf now = BUF_INIT(FILES_MAX);
	char path[512];

	int n = snprintf(path, sizeof(path), "%s/containers/%s/%s", c->d->conf.root, c->id, name);
	if (n < 0 || (size_t)n >= sizeof(path) || buf_error(before) < 0 || buf_error(after) < 0)
		return;
	if (file_read(AT_FDCWD, path, &now, NULL) < 0 || now.len != before->len ||
	    memcmp(buf_str(&now), buf_str(before), now.len) != 0)
		return;
	owned_fd int fd = open(path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || write_all(fd, buf_str(after), after->len) < 0)
		log_warn("net", "container %.12s: write '%s': %s", c->id, path, strerror(errno));
}

/* Do it, and let the record and the container's files follow. */
static int change(struct ctr *c, const struct network *n, const struct json *settings, bool want_connect, struct err *e)
{
	owned_buf struct buf hosts = BUF_INIT(FILES_MAX), resolv = BUF_INIT(FILES_MAX);
	owned_buf struct buf new_hosts = BUF_INIT(FILES_MAX), new_resolv = BUF_INIT(FILES_MAX);

	ctr_net_hosts(c->d, c->net, &c->conf, &hosts);
	ctr_net_resolv(c->d, c->net, &c->conf, &resolv);
	int r = want_connect ? ctr_net_connect(c->d, c->net, n, settings, e) : ctr_net_disconnect(c->d, c->net, n, e);
	if (r < 0)
		return r;
	if (c->net->is_started) {
		ctr_net_hosts(c->d, c->net, &c->conf, &new_hosts);
		ctr_net_resolv(c->d, c->net, &c->conf, &new_resolv);
		follow(c, "hosts", &hosts, &new_hosts);
		follow(c, "resolv.conf", &resolv, &new_resolv);
	}
	return ctr_save(c, e);
}

static void change_by(struct req *q, bool want_connect)
{
	const char *name = json_str_or(json_iget(q->body, "Container"), "");
	struct network *n;
	struct ctr *c = NULL;
	struct err e;

	int r = nets_find(q->d, q->var, &n, &e);
	if (r == 0)
		r = ctr_find(q->d, name, &c, &e);
	if (r == 0 && (c->net == NULL || c->state == CTR_REMOVING || c->state == CTR_DEAD))
		r = err_say(&e, EEXIST, "container %s is marked for removal and cannot be connected or disconnected to the network",
			    c->id);
	if (r == 0 && c->net->name == NULL)
		ctr_net_rename(c->net, c->name); /* never started */
	if (r == 0 && c->net->id[0] == '\0')
		(void)snprintf(c->net->id, sizeof(c->net->id), "%s", c->id); /* same sizes */
	if (r == 0)
		r = change(c, n, json_iget(q->body, "EndpointConfig"), want_connect, &e);
	if (r < 0)
		reply_err(q, &e);
	else
		reply_empty(q, 200);
}

static void network_connect(struct req *q)
{
	change_by(q, /* want_connect= */ true);
}

static void network_disconnect(struct req *q)
{
	change_by(q, /* want_connect= */ false);
}

const struct route routes_network[] = {
	{"GET", "/networks", network_list, 0, 0, 0},
	{"GET", "/networks/", network_list, 0, 0, 0},
	{"POST", "/networks/create", network_create, ROUTE_JSON, 0, 0},
	{"POST", "/networks/prune", network_prune, 0, 25, 0},
	{"POST", "/networks/*/connect", network_connect, ROUTE_JSON, 0, 0},
	{"POST", "/networks/*/disconnect", network_disconnect, ROUTE_JSON, 0, 0},
	{"GET", "/networks/*", network_inspect, 0, 0, 0},
	{"DELETE", "/networks/*", network_delete, 0, 0, 0},
	{0},
};
