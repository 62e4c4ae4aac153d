// SPDX-License-Identifier: Apache-2.0
/* Authorization: what a 401 asks for becomes the header that later requests carry. */
#include "lib/image/registry_internal.h"

#include "lib/codec/base64.h"
#include "lib/codec/challenge.h"
#include "lib/codec/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADER_MAX ((size_t)64 << 10) /* tokens of some registries are large */

static bool has_user(const struct registry *r)
{
	return r->conf.user[0] != '\0';
}

static void put_basic(const struct registry *r, struct buf *out)
{
	struct buf plain __attribute__((cleanup(buf_release))) = BUF_INIT(HEADER_MAX);

	buf_printf(&plain, "%s:%s", r->conf.user, r->conf.password);
	buf_puts(out, "Authorization: Basic ");
	base64_encode(out, buf_str(&plain), plain.len, BASE64_STD, true);
}

/* application/x-www-form-urlencoded */
static void put_escaped(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("-_.~", c) != NULL)
			buf_putc(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void put_scope(const struct registry *r, const struct challenge *c, const char *path, struct buf *out)
{
	if (c->scope[0] != '\0') {
		buf_puts(out, "&scope=");
		put_escaped(out, c->scope);
	} else if (path[0] != '\0') {
		buf_puts(out, "&scope=");
		put_escaped(out, "repository:");
		put_escaped(out, path);
		put_escaped(out, ":");
		put_escaped(out, r->conf.actions);
	}
}

/* The token server is another host than the registry, as a rule. It gets the password: so only over TLS, unless the registry
 * itself is one that we talk to in the clear. */
static int check_realm(struct registry *r, const struct challenge *c, struct err *e)
{
	if (strncmp(c->realm, "https://", 8) == 0 || registry_is_ours(r, c->realm))
		return 0;
	if (strncmp(c->realm, "http://", 7) == 0 && r->conf.is_insecure && r->no_verify)
		return 0;
	return registry_fail(r, 500, E_REGISTRY, e, "the token server '%.200s' of registry '%s' is not reached by https", c->realm,
			     r->conf.host);
}

static int take_token(struct registry *r, const struct http_xfer *x, struct err *e)
{
	struct json_doc *doc = NULL;
	const char *token;

	int code = json_parse(buf_str(&x->body), x->body.len, &doc, NULL);
	token = code < 0 ? NULL : json_str(json_get(json_root(doc), "token"));
	if (token == NULL && code == 0)
		token = json_str(json_get(json_root(doc), "access_token"));
	bool is_good = token != NULL && *token != '\0';
	for (const char *p = token; is_good && *p != '\0'; p++)
		is_good = *p > 0x20 && *p < 0x7f;
	if (is_good) {
		buf_clear(&r->auth);
		buf_printf(&r->auth, "Authorization: Bearer %s", token);
		is_good = buf_error(&r->auth) == 0;
	}
	json_free(doc);
	return is_good ? 0 : registry_fail(r, 500, E_REGISTRY, e, "the token server of registry '%s' gave no token", r->conf.host);
}

static int get_token(struct registry *r, const struct challenge *c, const char *path, struct err *e)
{
	struct buf url __attribute__((cleanup(buf_release))) = BUF_INIT(REGISTRY_URL_SIZE);
	struct buf basic __attribute__((cleanup(buf_release))) = BUF_INIT(HEADER_MAX);
	struct buf form __attribute__((cleanup(buf_release))) = BUF_INIT(HEADER_MAX);
	const char *headers[] = {NULL, NULL, NULL};
	struct http_request q = {.method = "GET", .headers = headers, .body_fd = -1, .max = HEADER_MAX,
				 .no_verify = r->no_verify, .only_public = !r->is_inner};
	struct http_xfer x;

	int code = check_realm(r, c, e);
	if (code < 0)
		return code;
	buf_puts(&url, c->realm);
	if (r->conf.identity[0] != '\0') {
		q.method = "POST";
		buf_puts(&form, "grant_type=refresh_token&client_id=docker&service=");
		put_escaped(&form, c->service);
		put_scope(r, c, path, &form);
		buf_puts(&form, "&refresh_token=");
		put_escaped(&form, r->conf.identity);
		q.body = buf_str(&form);
		q.body_len = form.len;
		headers[0] = "Content-Type: application/x-www-form-urlencoded";
	} else {
		buf_puts(&url, strchr(c->realm, '?') != NULL ? "&service=" : "?service=");
		put_escaped(&url, c->service);
		put_scope(r, c, path, &url);
		if (has_user(r)) {
			buf_puts(&url, "&account=");
			put_escaped(&url, r->conf.user);
			put_basic(r, &basic);
			headers[0] = buf_str(&basic);
		}
	}
	if (buf_error(&url) < 0 || buf_error(&form) < 0)
		return registry_fail(r, 500, E_LIMIT, e, "what registry '%s' asks for is too long", r->conf.host);
	q.url = buf_str(&url);
	code = http_start(r->http, &x, &q, e);
	if (code < 0)
		return code;
	code = registry_run(r, &x, e);
	if (code == 0 && x.code < 0)
		code = registry_fail(r, 500, -x.code, e, "Get \"%.300s\": %s", c->realm, x.why);
	else if (code == 0 && (x.status == 401 || x.status == 403))
		code = registry_fail(r, 401, EACCES, e, "%s",
				     has_user(r) ? "unauthorized: incorrect username or password" : "unauthorized: authentication required");
	else if (code == 0 && x.status != 200)
		code = registry_error(r, &x, "get a token", e);
	if (code == 0)
		code = take_token(r, &x, e);
	http_end(r->http, &x);
	return code;
}

int registry_authorize(struct registry *r, const char *challenge, const char *path, struct err *e)
{
	struct challenge c;

	int code = challenge_parse(challenge, strlen(challenge), &c, e);
	if (code < 0)
		return err_wrap(e, code, "registry '%s'", r->conf.host);
	if (r->conf.token[0] != '\0' && r->auth.len == 0 && c.kind == CHALLENGE_BEARER) {
		buf_printf(&r->auth, "Authorization: Bearer %s", r->conf.token);
		return buf_error(&r->auth) == 0 ? 0 : err_set(e, E_LIMIT, "token");
	}
	if (c.kind == CHALLENGE_BEARER)
		return get_token(r, &c, path, e);
	if (c.kind == CHALLENGE_NONE)
		return registry_fail(r, 500, E_REGISTRY, e, "registry '%s' asks for an authorization that is not supported",
				     r->conf.host);
	if (!has_user(r))
		return registry_fail(r, 401, EACCES, e, "no basic auth credentials");
	buf_clear(&r->auth);
	put_basic(r, &r->auth);
	return buf_error(&r->auth) == 0 ? 0 : err_set(e, E_LIMIT, "credentials");
}
