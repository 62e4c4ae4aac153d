// SPDX-License-Identifier: Apache-2.0
/* Blobs before the manifest: a registry refuses one whose parts it has not. */
#include "lib/image/push.h"

#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_image.h"
#include "lib/codec/ref.h"
#include "lib/image/registry_internal.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UPLOADS_MAX 3 /* of one blob: a session that broke off is begun anew */

struct push {
	struct registry *r;
	const struct push_job *job;
	const struct push_sink *sink;
	const char *path;
};

static int open_blob(const struct push *p, const struct digest *d, struct err *e)
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(d, hex);
	for (size_t i = 0; i < p->job->n; i++) {
		int fd = p->job->blobs[i] >= 0 ? openat(p->job->blobs[i], hex, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (fd >= 0)
			return fd;
	}
	return err_say(e, ENOENT, "blob sha256:%s is not here", hex);
}

/* Returns 1 when the registry has it. */
static int is_there(struct push *p, const struct digest *d, struct err *e)
{
	char url[REGISTRY_URL_SIZE], rest[16 + DIGEST_TEXT_SIZE], t[DIGEST_TEXT_SIZE];
	struct registry_call c = {.method = "HEAD", .url = url, .fd = -1};
	struct http_xfer x;

	(void)snprintf(rest, sizeof(rest), "blobs/%s", digest_text(d, t)); /* fits */
	registry_url(p->r, p->path, rest, url);
	int r = registry_call(p->r, p->path, &c, &x, e);
	if (r < 0)
		return r;
	r = x.status == 200 ? 1 : x.status == 404 ? 0 : registry_error(p->r, &x, "ask for a blob", e);
	http_end(p->r->http, &x);
	return r;
}

/* One session. Returns 1 when it is worth another try. */
static int upload(struct push *p, const struct digest *d, int fd, uint64_t size, struct err *e)
{
	char url[REGISTRY_URL_SIZE], to[REGISTRY_URL_SIZE], t[DIGEST_TEXT_SIZE];
	struct registry_call c = {.method = "POST", .url = url, .fd = -1};
	struct http_xfer x;

	registry_url(p->r, p->path, "blobs/uploads/", url);
	int r = registry_call(p->r, p->path, &c, &x, e);
	if (r < 0)
		return r;
	r = x.status == 202 ? registry_next_url(p->r, &x, to, e) : registry_error(p->r, &x, "begin an upload", e);
	http_end(p->r->http, &x);
	if (r < 0)
		return r;
	size_t at = strlen(to);
	int n = snprintf(to + at, sizeof(to) - at, "%cdigest=%s", strchr(to, '?') != NULL ? '&' : '?', digest_text(d, t));
	if (n < 0 || (size_t)n >= sizeof(to) - at)
		return err_say(e, E_LIMIT, "the URL of an upload is too long");
	c = (struct registry_call){.method = "PUT", .url = to, .type = "application/octet-stream", .len = size, .fd = fd};
	r = registry_call(p->r, p->path, &c, &x, e);
	if (r < 0)
		return r;
	bool is_lost = x.status == 404 || x.status == 416;
	if (x.status != 201)
		r = registry_error(p->r, &x, "upload a blob", e);
	http_end(p->r->http, &x);
	return is_lost ? 1 : r;
}

static int push_blob(struct push *p, const struct digest *d, struct err *e)
{
	struct stat st;

	owned_fd int fd = open_blob(p, d, e);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "read a blob");
	int r = 1;
	for (int i = 0; r == 1 && i < UPLOADS_MAX; i++)
		r = upload(p, d, fd, (uint64_t)st.st_size, e);
	return r == 1 ? -e->code : r;
}

static int push_layer(struct push *p, size_t i, const struct digest *d, struct err *e)
{
	int r = is_there(p, d, e);

	if (r < 0)
		return r;
	enum push_state s = r == 1 ? PUSH_WAS_THERE : PUSH_IS_THERE;
	r = 0;
	if (s == PUSH_IS_THERE) {
		r = p->sink->state(p->sink->ctx, i, PUSH_BEGINS);
		if (r == 0)
			r = push_blob(p, d, e);
	}
	if (r == 0 && (r = p->sink->state(p->sink->ctx, i, s)) < 0)
		return err_set(e, -r, "tell the daemon");
	return r;
}

static int push_manifest(struct push *p, const struct buf *text, const char *type, struct err *e)
{
	char url[REGISTRY_URL_SIZE], rest[16 + REF_TAG_MAX];
	struct registry_call c = {.method = "PUT", .url = url, .type = type, .body = text->data, .len = text->len, .fd = -1};
	struct http_xfer x;

	(void)snprintf(rest, sizeof(rest), "manifests/%s", p->job->ref->tag); /* fits */
	registry_url(p->r, p->path, rest, url);
	int r = registry_call(p->r, p->path, &c, &x, e);
	if (r < 0)
		return r;
	if (x.status != 201 && x.status != 200)
		r = registry_error(p->r, &x, "push the manifest", e);
	http_end(p->r->http, &x);
	return r;
}

/* What it says of itself is what it is pushed as. */
static const char *type_of(const struct oci_manifest *m)
{
	return json_str_or(json_get(json_root(m->doc), "mediaType"), OCI_MEDIA_MANIFEST);
}

int push_image(struct registry *r, const struct push_job *job, const struct push_sink *sink, struct err *e)
{
	struct buf text __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	struct push p = {r, job, sink, job->ref->name + job->ref->domain_len + 1};
	struct oci_manifest m;

	owned_fd int fd = open_blob(&p, job->manifest, e);
	if (fd < 0)
		return fd;
	int code = read_all(fd, &text);
	if (code < 0)
		return err_set(e, -code, "read the manifest");
	code = oci_manifest_parse(buf_str(&text), text.len, "manifest", &m, e);
	if (code < 0)
		return code;
	for (size_t i = 0; i < m.n && code == 0; i++)
		code = push_layer(&p, i, &m.layers[i].digest, e);
	if (code == 0 && (code = is_there(&p, &m.config.digest, e)) == 0)
		code = push_blob(&p, &m.config.digest, e);
	if (code >= 0)
		code = push_manifest(&p, &text, type_of(&m), e);
	oci_manifest_release(&m);
	if (code == 0 && (code = sink->pushed(sink->ctx, job->manifest, text.len)) < 0)
		return err_set(e, -code, "tell the daemon");
	return code;
}
