// SPDX-License-Identifier: Apache-2.0
/* From a request's head to its handler: version negotiation, the route table, JSON bodies. */
#include "userctr/route.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/http1.h"
#include "lib/codec/json.h"
#include "userctr/conn.h"
#include "userctr/daemon.h"
#include "userctr/req.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- replies for what has no handler ---- */

static void no_page(struct req *q)
{
	reply_error(q, 404, "page not found");
}

static void options(struct req *q)
{
	reply_empty(q, 200);
}

static void bad_path(struct req *q)
{
	reply_error(q, 400, "malformed path or query");
}

static void too_old(struct req *q)
{
	char text[160];

	(void)snprintf(text, sizeof(text),
		       "client version %.16s is too old. Minimum supported API version is 1.%d, "
		       "please upgrade your client to a newer version\n",
		       q->var, API_MINOR_MIN); /* fits by the precision */
	reply_text(q, 400, "text/plain; charset=utf-8", text);
}

static void too_new(struct req *q)
{
	reply_error(q, 400, "client version %.32s is too new. Maximum supported API version is 1.%d", q->var,
		    API_MINOR_MAX);
}

static const struct route not_found = {.handle = no_page};
static const struct route any_options = {.handle = options};
static const struct route malformed = {.handle = bad_path};
static const struct route version_old = {.handle = too_old};
static const struct route version_new = {.handle = too_new};

/* ---- matching ---- */

bool route_match(const char *pattern, const char *path, const char **ret_var, size_t *ret_len)
{
	const char *star = strchr(pattern, '*');

	if (star == NULL) {
		*ret_var = "";
		*ret_len = 0;
		return strcmp(pattern, path) == 0;
	}
	size_t head = (size_t)(star - pattern), tail = strlen(star + 1), n = strlen(path);
	if (n <= head + tail || memcmp(pattern, path, head) != 0 || strcmp(path + n - tail, star + 1) != 0)
		return false;
	*ret_var = path + head;
	*ret_len = n - head - tail;
	return true;
}

int route_version(const char *path, const char **ret_rest, unsigned *ret_minor, char *text, size_t size)
{
	*ret_rest = path;
	*ret_minor = API_MINOR_MAX;
	if (path[0] != '/' || path[1] != 'v')
		return 0;
	size_t n = strspn(path + 2, "0123456789.");
	if (n == 0 || path[2 + n] != '/' || n >= size)
		return 0;
	memcpy(text, path + 2, n);
	text[n] = '\0';
	char *end;
	unsigned long major = strtoul(text, &end, 10), minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	*ret_rest = path + 2 + n;
	if (major < 1 || (major == 1 && minor < API_MINOR_MIN))
		return -1;
	if (major > 1 || minor > API_MINOR_MAX)
		return 1;
	*ret_minor = (unsigned)minor;
	return 0;
}

static const struct route *find(const struct route *const *tables, const char *method, const char *path, unsigned api,
				const char **var, size_t *len)
{
	for (; *tables != NULL; tables++)
		for (const struct route *r = *tables; r->method != NULL; r++)
			if ((r->min_api == 0 || api >= r->min_api) && (r->max_api == 0 || api <= r->max_api) &&
			    strcmp(r->method, method) == 0 && route_match(r->pattern, path, var, len))
				return r;
	return NULL;
}

/* Choose q's route by its decoded path. */
static void choose(struct req *q, const struct http1_head *h, const char *path)
{
	const char *rest, *var = "";
	char version[32];
	size_t len = 0;

	int r = route_version(path, &rest, &q->api, version, sizeof(version));
	if (strcmp(h->method, "OPTIONS") == 0) {
		q->route = &any_options;
	} else if (r != 0) {
		q->route = r < 0 ? &version_old : &version_new;
		var = version;
		len = strlen(version);
	} else {
		q->route = find(q->d->routes, h->method, rest, q->api, &var, &len);
	}
	if (q->route == NULL)
		q->route = &not_found;
	q->var = strndup(var, len);
}

struct req *route_request(struct conn *c)
{
	const struct http1_head *h = http1_head(c->http);
	struct req *q = calloc(1, sizeof(*q));
	owned_mem char *path = malloc(strlen(h->path) + 1);

	if (q == NULL || path == NULL) {
		free(q);
		return NULL;
	}
	q->d = c->d;
	q->conn = c;
	q->api = API_MINOR_MAX;
	q->want_upgrade = h->want_upgrade;
	if (http1_decode(h->path, strlen(h->path), /* is_query= */ false, path) < 0 ||
	    http1_query_parse(h->query, &q->query, NULL) < 0) {
		q->route = &malformed;
		q->var = strdup("");
	} else {
		choose(q, h, path);
	}
	if (q->var == NULL) {
		req_free(q);
		return NULL;
	}
	return q;
}

/* ---- bodies ---- */

static bool is_json_type(const char *type)
{
	size_t n = strcspn(type, "; \t");

	return n == strlen(TYPE_JSON) && strncasecmp(type, TYPE_JSON, n) == 0;
}

void route_dispatch(struct req *q, const char *body, size_t len)
{
	const char *type = req_header(q, "Content-Type");
	struct err e;

	q->body_len = len;
	if ((q->route->flags & ROUTE_JSON) != 0) {
		if (type == NULL ? len > 0 : !is_json_type(type)) {
			reply_error(q, 400, "unsupported Content-Type header (%.200s): must be 'application/json'",
				    type != NULL ? type : "");
			return;
		}
		if (len > 0 && json_parse(body, len, &q->doc, &e) < 0) {
			reply_error(q, 400, "invalid JSON: %s", e.msg);
			return;
		}
		q->body = q->doc != NULL ? json_root(q->doc) : NULL;
		if (q->body != NULL && json_type(q->body) != JSON_OBJ) {
			reply_error(q, 400, "invalid JSON: the body must be an object");
			return;
		}
	}
	q->route->handle(q);
}
