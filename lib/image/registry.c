// SPDX-License-Identifier: Apache-2.0
/* Requests to a registry, and what its answers mean. */
#include "lib/image/registry_internal.h"

#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_image.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ACCEPT                                                                                                        \
	"Accept: " OCI_MEDIA_MANIFEST ", " OCI_MEDIA_INDEX ", application/vnd.docker.distribution.manifest.v2+json, " \
	"application/vnd.docker.distribution.manifest.list.v2+json"
#define PAUSE_MAX_MS 30000

int registry_fail(struct registry *r, int status, int code, struct err *e, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut rather than lost */
	va_end(ap);
	r->status = status;
	return err_say(e, code, "%s", text);
}

int registry_status(const struct registry *r)
{
	return r->status;
}

int registry_run(struct registry *r, struct http_xfer *x, struct err *e)
{
	int code = 0;

	while (code == 0 && !x->is_done)
		code = http_wait(r->http, 1000, e);
	return code;
}

/* Up to the path: scheme, host, port. */
static size_t origin_len(const char *url)
{
	const char *p = strstr(url, "://");

	return p == NULL ? 0 : (size_t)(p + 3 - url) + strcspn(p + 3, "/?#");
}

bool registry_is_ours(const struct registry *r, const char *url)
{
	size_t n = origin_len(url);

	return n > 0 && n == strlen(r->base) && memcmp(url, r->base, n) == 0;
}

/* ---- errors ---- */

/* {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]} as docker says it: "manifest unknown: manifest unknown" */
static void error_text(const struct http_xfer *x, char *out, size_t size)
{
	struct json_doc *doc = NULL;
	struct json_iter it;
	size_t n;

	(void)snprintf(out, size, "received unexpected HTTP status: %d", x->status);
	if (x->status == 429)
		(void)snprintf(out, size, "toomanyrequests: too many requests");
	if (json_parse(buf_str(&x->body), x->body.len, &doc, NULL) < 0)
		return;
	it = json_iter(json_get(json_root(doc), "errors"));
	if (json_next(&it)) {
		const char *code = json_str_or(json_get(it.value, "code"), ""), *say = json_str_or(json_get(it.value, "message"), "");
		(void)snprintf(out, size, "%.60s: %.200s", code, say); /* fits */
		n = strlen(code) < 60 ? strlen(code) : 60;
		for (size_t i = 0; i < n; i++)
			out[i] = out[i] == '_' ? ' ' : out[i] >= 'A' && out[i] <= 'Z' ? (char)(out[i] | 0x20) : out[i];
	}
	for (char *p = out; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	json_free(doc);
}

int registry_error(struct registry *r, const struct http_xfer *x, const char *what, struct err *e)
{
	char text[300];

	error_text(x, text, sizeof(text));
	if (x->status == 404)
		return registry_fail(r, 404, ENOENT, e, "%s: %s", what, text);
	if (x->status == 401 || x->status == 403)
		return registry_fail(r, 401, EACCES, e, "%s: %s", what, text);
	return registry_fail(r, 500, E_REGISTRY, e, "%s: %s", what, text);
}

/* ---- one request ---- */

static int begin(struct registry *r, struct registry_step *s, const struct registry_call *c, struct http_xfer *x, uint64_t from,
		 int (*data)(void *ctx, const void *p, size_t n), void *ctx, struct err *e)
{
	bool is_ours = registry_is_ours(r, s->url);
	char type[160] = "";
	const char *headers[5] = {ACCEPT, "Expect:"}; /* the second one: do not wait for leave to send */
	size_t n = 2;
	struct http_request q = {
		.method = c->method,
		.url = s->url,
		.headers = headers,
		.from = from,
		.body = c->body,
		.body_len = c->len,
		.body_fd = c->fd,
		.no_verify = is_ours && r->no_verify,
		.only_public = !is_ours && !r->is_inner,
		.max = data == NULL ? OCI_DOC_MAX : 16384,
		.data = data,
		.ctx = ctx,
	};

	if (c->type != NULL) {
		(void)snprintf(type, sizeof(type), "Content-Type: %.140s", c->type); /* fits */
		headers[n++] = type;
	}
	if (is_ours && r->auth.len > 0)
		headers[n++] = buf_str(&r->auth);
	return http_start(r->http, x, &q, e);
}

int registry_start(struct registry *r, struct registry_step *s, struct http_xfer *x, uint64_t from,
		   int (*data)(void *ctx, const void *p, size_t n), void *ctx, struct err *e)
{
	const struct registry_call c = {.method = "GET", .fd = -1};

	return begin(r, s, &c, x, from, data, ctx, e);
}

static int follow(struct registry *r, struct registry_step *s, const struct http_xfer *x, struct err *e)
{
	if (++s->redirects > REGISTRY_REDIRECTS)
		return registry_fail(r, 500, E_REGISTRY, e, "registry '%s' redirects more than %d times", r->conf.host,
				     REGISTRY_REDIRECTS);
	if (x->location[0] == '\0' || strlen(x->location) >= sizeof(s->url))
		return registry_fail(r, 500, E_REGISTRY, e, "registry '%s' redirects to nowhere", r->conf.host);
	if (strncmp(x->location, "https://", 8) != 0 && strncmp(x->location, "http://", 7) != 0)
		return registry_fail(r, 500, E_REGISTRY, e, "registry '%s' redirects to '%.60s'", r->conf.host, x->location);
	if (strncmp(x->location, "https://", 8) != 0 && !registry_is_ours(r, x->location) && !r->conf.is_insecure)
		return registry_fail(r, 500, E_REGISTRY, e, "registry '%s' redirects to a place without TLS", r->conf.host);
	strcpy(s->url, x->location);
	return REGISTRY_AGAIN;
}

static int pause_ms(const struct http_xfer *x, unsigned attempt)
{
	int ms = 500 << (attempt < 6 ? attempt : 6);

	if (x->retry_after_s > 0)
		ms = x->retry_after_s < PAUSE_MAX_MS / 1000 ? (int)x->retry_after_s * 1000 : PAUSE_MAX_MS;
	return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

/* A name that does not exist or a certificate that is wrong will not be better in a second. */
static bool is_passing(const struct http_xfer *x)
{
	if (x->code < 0)
		return x->stopped == 0 && !x->is_tls && x->code != -EHOSTUNREACH;
	return x->status == 429 || x->status == 408 || x->status >= 500;
}

int registry_judge(struct registry *r, const char *path, struct registry_step *s, const struct http_xfer *x, unsigned attempt,
		   int *ret_ms, struct err *e)
{
	if (is_passing(x) && attempt + 1 < REGISTRY_TRIES) {
		*ret_ms = pause_ms(x, attempt);
		return REGISTRY_LATER;
	}
	if (x->code < 0)
		return registry_fail(r, 500, -x->code, e, "Get \"%.*s\": %s", (int)strcspn(s->url, "?"), s->url, x->why);
	if (x->status == 301 || x->status == 302 || x->status == 303 || x->status == 307 || x->status == 308)
		return follow(r, s, x, e);
	if (x->status == 401 && !s->has_authorized && registry_is_ours(r, s->url)) {
		s->has_authorized = true;
		int code = registry_authorize(r, x->challenge, path, e);
		return code < 0 ? code : REGISTRY_AGAIN;
	}
	return REGISTRY_FINAL;
}

static void sleep_ms(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	(void)nanosleep(&t, NULL); /* less is fine */
}

int registry_call(struct registry *r, const char *path, const struct registry_call *c, struct http_xfer *x, struct err *e)
{
	struct registry_step s = {0};
	unsigned attempt = 0;

	(void)snprintf(s.url, sizeof(s.url), "%s", c->url); /* made by us */
	for (;;) {
		int ms = 0;
		int code = begin(r, &s, c, x, 0, NULL, NULL, e);
		if (code < 0)
			return code;
		code = registry_run(r, x, e);
		if (code == 0)
			code = registry_judge(r, path, &s, x, attempt, &ms, e);
		if (code == REGISTRY_FINAL)
			return 0;
		http_end(r->http, x);
		if (code < 0)
			return code;
		if (code == REGISTRY_LATER) {
			attempt++;
			s.redirects = 0;
			(void)snprintf(s.url, sizeof(s.url), "%s", c->url);
			sleep_ms(ms);
		}
	}
}

static int get(struct registry *r, const char *path, const char *url, struct http_xfer *x, struct err *e)
{
	const struct registry_call c = {.method = "GET", .url = url, .fd = -1};

	return registry_call(r, path, &c, x, e);
}

const char *registry_url(const struct registry *r, const char *path, const char *rest, char out[REGISTRY_URL_SIZE])
{
	(void)snprintf(out, REGISTRY_URL_SIZE, "%s/v2/%s/%s", r->base, path, rest); /* fits: parts of a reference */
	return out;
}

int registry_next_url(struct registry *r, const struct http_xfer *x, char out[REGISTRY_URL_SIZE], struct err *e)
{
	bool is_whole = strncmp(x->location, "https://", 8) == 0 || strncmp(x->location, "http://", 7) == 0;

	if (!is_whole && x->location[0] != '/')
		return registry_fail(r, 500, E_REGISTRY, e, "registry '%s' does not say where an upload goes", r->conf.host);
	int n = snprintf(out, REGISTRY_URL_SIZE, "%s%s", is_whole ? "" : r->base, x->location);
	return n < REGISTRY_URL_SIZE ? 0 : registry_fail(r, 500, E_LIMIT, e, "registry '%s' gives an URL that is too long", r->conf.host);
}

/* ---- the registry ---- */

static int ping(struct registry *r, struct http_xfer *x, struct err *e)
{
	char url[512];
	struct http_request q = {.method = "GET", .url = url, .body_fd = -1, .no_verify = r->no_verify};

	(void)snprintf(url, sizeof(url), "%s/v2/", r->base); /* fits */
	int code = http_start(r->http, x, &q, e);
	if (code < 0)
		return code;
	code = registry_run(r, x, e);
	if (code < 0)
		http_end(r->http, x);
	return code;
}

static int find_it(struct registry *r, struct err *e)
{
	const char *host = strcmp(r->conf.host, "docker.io") == 0 ? "registry-1.docker.io" : r->conf.host;
	struct http_xfer x;

	for (unsigned attempt = 0;;) {
		(void)snprintf(r->base, sizeof(r->base), "https://%s", host); /* fits */
		int code = ping(r, &x, e);
		/* no TLS there: in the clear, but only where that is allowed */
		if (code == 0 && x.code < 0 && r->conf.is_insecure && (x.is_tls || x.code == -ECONNREFUSED)) {
			http_end(r->http, &x);
			(void)snprintf(r->base, sizeof(r->base), "http://%s", host);
			code = ping(r, &x, e);
		}
		if (code < 0)
			return code;
		if (!is_passing(&x) || x.code == -ECONNREFUSED || ++attempt == REGISTRY_TRIES)
			break;
		int ms = pause_ms(&x, attempt - 1);
		http_end(r->http, &x);
		sleep_ms(ms);
	}
	int code = 0;
	r->is_inner = http_is_inner(x.address);
	if (x.code < 0)
		code = registry_fail(r, 500, -x.code, e, "Get \"%s/v2/\": %s", r->base, x.why);
	else if (x.status >= 500 || x.status == 404 || x.status == 429)
		code = registry_error(r, &x, "registry", e);
	http_end(r->http, &x);
	return code; /* 401 is fine: each repository asks for its own */
}

int registry_open(struct http *http, const struct registry_conf *conf, struct registry **ret, struct err *e)
{
	struct registry *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_set(e, ENOMEM, "registry");
	r->http = http;
	r->conf = *conf;
	r->status = 500;
	r->no_verify = conf->is_insecure;
	buf_init(&r->auth, (size_t)64 << 10);
	*ret = r;
	return find_it(r, e);
}

void registry_free(struct registry *r)
{
	if (r == NULL)
		return;
	buf_release(&r->auth);
	free(r);
}

int registry_login(struct registry *r, struct err *e)
{
	struct http_xfer x;
	char url[512];

	(void)snprintf(url, sizeof(url), "%s/v2/", r->base); /* fits */
	int code = get(r, "", url, &x, e);
	if (code < 0)
		return code;
	if (x.status != 200)
		code = registry_fail(r, 401, EACCES, e, "login attempt to %s failed with status: %d%s", url, x.status,
				     x.status == 401 ? " Unauthorized" : "");
	http_end(r->http, &x);
	return code;
}

/* ---- documents ---- */

static int check_digest(struct registry *r, const struct http_xfer *x, const char *what, struct digest *ret, struct err *e)
{
	struct digest said;

	digest_of(buf_str(&x->body), x->body.len, ret);
	if (strncmp(what, "sha256:", 7) == 0 && digest_parse(what, strlen(what), &said, NULL) == 0 && !digest_eq(&said, ret))
		return registry_fail(r, 500, E_DIGEST, e, "manifest verification failed for digest %s", what);
	if (strncmp(x->digest, "sha256:", 7) == 0 &&
	    (digest_parse(x->digest, strlen(x->digest), &said, NULL) < 0 || !digest_eq(&said, ret)))
		return registry_fail(r, 500, E_DIGEST, e, "the manifest does not have the digest %.80s that the registry says",
				     x->digest);
	return 0;
}

int registry_manifest(struct registry *r, const char *path, const char *what, struct buf *text, char ret_type[128],
		      struct digest *ret, struct err *e)
{
	char url[REGISTRY_URL_SIZE], name[700];
	struct http_xfer x;

	(void)snprintf(url, sizeof(url), "%s/v2/%s/manifests/%s", r->base, path, what); /* fits: parts of a reference */
	int code = get(r, path, url, &x, e);
	if (code < 0)
		return code;
	(void)snprintf(name, sizeof(name), "manifest '%.128s' of '%.255s'", what, path); /* fits */
	if (x.status != 200)
		code = registry_error(r, &x, name, e);
	else
		code = check_digest(r, &x, what, ret, e);
	if (code == 0) {
		buf_put(text, buf_str(&x.body), x.body.len);
		(void)snprintf(ret_type, 128, "%.*s", (int)(strcspn(x.type, "; ") < 127 ? strcspn(x.type, "; ") : 127), x.type);
		code = buf_error(text) < 0 ? err_set(e, -buf_error(text), "%s", name) : 0;
	}
	http_end(r->http, &x);
	return code;
}

void registry_blob_step(const struct registry *r, const char *path, const struct digest *d, struct registry_step *ret)
{
	char t[DIGEST_TEXT_SIZE];

	*ret = (struct registry_step){0};
	(void)snprintf(ret->url, sizeof(ret->url), "%s/v2/%s/blobs/%s", r->base, path, digest_text(d, t)); /* fits */
}

int registry_blob(struct registry *r, const char *path, const struct digest *d, uint64_t size, struct buf *text, struct err *e)
{
	char t[DIGEST_TEXT_SIZE], name[100];
	struct registry_step s;
	struct http_xfer x;
	struct digest have;

	registry_blob_step(r, path, d, &s);
	int code = get(r, path, s.url, &x, e);
	if (code < 0)
		return code;
	(void)snprintf(name, sizeof(name), "blob %s", digest_text(d, t)); /* fits */
	if (x.status != 200)
		code = registry_error(r, &x, name, e);
	digest_of(buf_str(&x.body), x.body.len, &have);
	if (code == 0 && (x.body.len != size || !digest_eq(&have, d)))
		code = registry_fail(r, 500, E_DIGEST, e, "%s is not what the registry sent for it", name);
	if (code == 0) {
		buf_put(text, buf_str(&x.body), x.body.len);
		code = buf_error(text) < 0 ? err_set(e, -buf_error(text), "%s", name) : 0;
	}
	http_end(r->http, &x);
	return code;
}
