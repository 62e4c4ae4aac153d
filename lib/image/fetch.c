// SPDX-License-Identifier: Apache-2.0
/* From a reference to a manifest and its config, and the archive around the layers. */
#include "lib/image/fetch_internal.h"

#include "lib/base/buf.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/registry_internal.h"
#include "lib/image/tar_write.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 3

/* ---- the archive ---- */

static int put(struct fetch *f, const void *p, size_t n, struct err *e)
{
	int r = write_all(f->job->out, p, n);

	return r < 0 ? err_set(e, -r, "write to the process that unpacks") : 0;
}

int fetch_put_head(struct fetch *f, const char *name, uint64_t size, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(4096);
	struct tar_head h = {.name = name, .type = '0', .mode = 0644, .size = size, .owner = ""};

	tar_put_head(&b, &h);
	return put(f, buf_str(&b), b.len, e);
}

int fetch_put_end(struct fetch *f, uint64_t size, struct err *e)
{
	static const char zeros[TAR_BLOCK];

	return put(f, zeros, tar_padding(size), e);
}

static int put_member(struct fetch *f, const char *name, const char *p, size_t n, struct err *e)
{
	int r = fetch_put_head(f, name, n, e);

	if (r == 0)
		r = put(f, p, n, e);
	return r == 0 ? fetch_put_end(f, n, e) : r;
}

static int put_doc(struct fetch *f, const struct digest *d, const struct buf *text, struct err *e)
{
	char name[16 + DIGEST_HEX_SIZE], hex[DIGEST_HEX_SIZE];

	(void)snprintf(name, sizeof(name), "blobs/sha256/%s", digest_hex(d, hex)); /* fits */
	return put_member(f, name, buf_str(text), text->len, e);
}

/* Without a name: the daemon knows what was asked for. */
static int put_index(struct fetch *f, const struct digest *manifest, size_t size, struct err *e)
{
	static const char zeros[TAR_RECORD];
	char text[400], t[DIGEST_TEXT_SIZE];

	int n = snprintf(text, sizeof(text),
			 "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"digest\":\"%s\",\"size\":%zu}]}",
			 digest_text(manifest, t), size); /* fits */
	int r = put_member(f, "index.json", text, (size_t)n, e);
	return r == 0 ? put(f, zeros, 2 * TAR_BLOCK, e) : r;
}

bool fetch_has(const struct fetch *f, const struct digest *d)
{
	const char *line = f->job->have, *end = line + f->job->have_n, *next;
	const size_t hex = DIGEST_HEX_SIZE - 1;
	char want[DIGEST_HEX_SIZE];

	digest_hex(d, want);
	for (; line < end && (next = memchr(line, '\n', (size_t)(end - line))) != NULL; line = next + 1)
		if ((size_t)(next - line) == 2 * hex + 1 && memcmp(line + hex + 1, want, hex) == 0)
			return true;
	return false;
}

/* ---- documents ---- */

/* Which it is, by its content; what the registry calls it must agree: one digest must not mean two things. */
static int kind_of(struct registry *r, const struct buf *text, const char *type, struct err *e)
{
	struct json_doc *doc = NULL;

	int code = json_parse(buf_str(text), text->len, &doc, e);
	if (code < 0)
		return err_wrap(e, registry_fail(r, 500, -code, NULL, "manifest"), "manifest");
	enum oci_kind kind = oci_document_kind(json_root(doc)), said = oci_kind_of(type);
	int64_t schema = json_int(json_get(json_root(doc), "schemaVersion"), 2);
	json_free(doc);
	if (schema == 1)
		return registry_fail(r, 500, E_SPEC, e, "the image has a manifest of docker's first schema, which is not supported");
	if ((kind != OCI_INDEX && kind != OCI_MANIFEST) || (said != OCI_UNKNOWN && said != kind))
		return registry_fail(r, 500, E_SPEC, e, "what the registry sent is not clearly a manifest or an index (%.100s)", type);
	return (int)kind;
}

static const struct oci_descriptor *choose(const struct fetch *f, const struct oci_index *index)
{
	const struct fetch_job *j = f->job;

	for (int with = 1; with >= 0; with--) /* those that name a platform come first */
		for (size_t i = 0; i < index->n; i++) {
			const struct oci_descriptor *d = &index->manifests[i];
			if ((d->kind == OCI_MANIFEST || d->kind == OCI_INDEX) && (d->platform != NULL) == with &&
			    oci_platform_is(d, j->os, j->arch, j->variant))
				return d;
		}
	return NULL;
}

static int from_index(struct fetch *f, struct buf *text, char type[128], struct digest *d, struct err *e)
{
	struct oci_index index;
	char t[DIGEST_TEXT_SIZE];

	int r = oci_index_parse(buf_str(text), text->len, "index", &index, e);
	if (r < 0)
		return r;
	const struct oci_descriptor *one = choose(f, &index);
	if (one == NULL) {
		r = registry_fail(f->r, 404, ENOENT, e, "no matching manifest for %s/%s%s%s in the manifest list entries", f->job->os,
				  f->job->arch, f->job->variant != NULL ? "/" : "", f->job->variant != NULL ? f->job->variant : "");
	} else {
		uint64_t size = one->size;
		struct digest want = one->digest;
		buf_clear(text);
		r = registry_manifest(f->r, f->path, digest_text(&want, t), text, type, d, e);
		if (r == 0 && text->len != size)
			r = registry_fail(f->r, 500, E_DIGEST, e, "manifest %s is not as large as its index says", t);
	}
	oci_index_release(&index);
	return r;
}

static int refused(struct registry *reg, const struct ref *ref, int r, struct err *e)
{
	char name[REF_TEXT_SIZE];
	struct ref only = *ref;

	if (r == -ENOENT)
		return registry_fail(reg, 404, ENOENT, e, "manifest for %s not found: manifest unknown: manifest unknown",
				     ref_familiar(&only, name));
	if (r == -EACCES && strcmp(e->msg, "no basic auth credentials") != 0 && strncmp(e->msg, "unauthorized: inc", 17) != 0)
		return registry_fail(reg, 404, ENOENT, e,
				     "pull access denied for %s, repository does not exist or may require 'docker login': denied: "
				     "requested access to the resource is denied",
				     ref_familiar_name(&only));
	return r;
}

static int get_top(struct registry *r, const struct ref *ref, struct buf *text, char type[128], struct digest *ret, struct err *e)
{
	char what[DIGEST_TEXT_SIZE + REF_TAG_MAX];

	if (ref->has_digest)
		digest_text(&ref->digest, what);
	else
		strcpy(what, ref->tag);
	return registry_manifest(r, ref->name + ref->domain_len + 1, what, text, type, ret, e);
}

static int resolve(struct fetch *f, struct buf *text, struct digest *top, struct digest *manifest, struct err *e)
{
	char type[128];

	int r = get_top(f->r, f->job->ref, text, type, top, e);
	if (r < 0)
		return refused(f->r, f->job->ref, r, e);
	*manifest = *top;
	for (int depth = 0; (r = kind_of(f->r, text, type, e)) == OCI_INDEX; depth++) {
		r = depth < DEPTH_MAX ? from_index(f, text, type, manifest, e)
				      : registry_fail(f->r, 500, E_LIMIT, e, "indexes are nested too deep");
		if (r < 0)
			return r;
	}
	return r < 0 ? r : oci_manifest_parse(buf_str(text), text->len, "manifest", &f->m, e);
}

static int check_config(struct fetch *f, const struct buf *text, struct err *e)
{
	struct oci_config c;
	char name[REF_TEXT_SIZE];
	const struct fetch_job *j = f->job;

	int r = oci_config_parse(buf_str(text), text->len, "config", &c, e);
	if (r < 0)
		return r;
	if (c.n != f->m.n)
		r = err_say(e, E_SPEC, "the manifest has %zu layers and the config %zu", f->m.n, c.n);
	else if (strcmp(c.os, j->os) != 0 || (j->has_platform && strcmp(c.architecture, j->arch) != 0))
		r = registry_fail(f->r, 404, ENOENT, e,
				  "image with reference %s was found but its platform (%.30s/%.30s) does not match the specified platform "
				  "(%s/%s)",
				  ref_familiar(j->ref, name), c.os, c.architecture, j->os, j->arch);
	oci_config_release(&c);
	return r;
}

static int check_layers(const struct fetch *f, struct err *e)
{
	char t[DIGEST_TEXT_SIZE];

	for (size_t i = 0; i < f->m.n; i++) {
		const struct oci_descriptor *d = &f->m.layers[i];
		if (d->kind != OCI_LAYER && d->kind != OCI_LAYER_GZIP && d->kind != OCI_LAYER_ZSTD)
			return err_say(e, E_SPEC, "layer %s is of type '%.100s', which is not supported", digest_text(&d->digest, t),
				       d->media_type);
	}
	return 0;
}

static int run(struct fetch *f, struct buf *text, struct buf *config, struct err *e)
{
	const struct fetch_sink *s = f->sink;
	struct digest top, manifest;

	int r = resolve(f, text, &top, &manifest, e);
	if (r == 0)
		r = check_layers(f, e);
	if (r == 0)
		r = registry_blob(f->r, f->path, &f->m.config.digest, f->m.config.size, config, e);
	if (r == 0)
		r = check_config(f, config, e);
	if (r < 0)
		return r;
	r = s->resolved(s->ctx, &top, &manifest, &f->m.config.digest, f->m.n);
	if (r != 0)
		return r < 0 ? err_set(e, -r, "tell the daemon") : 0;
	for (size_t i = 0; i < f->m.n && r == 0; i++)
		r = s->layer(s->ctx, i, &f->m.layers[i], fetch_has(f, &f->m.layers[i].digest));
	if (r == 0)
		r = s->ready(s->ctx);
	if (r < 0)
		return err_set(e, -r, "tell the daemon");
	r = put_doc(f, &manifest, text, e);
	if (r == 0)
		r = put_doc(f, &f->m.config.digest, config, e);
	if (r == 0)
		r = fetch_layers(f, e);
	return r == 0 ? put_index(f, &manifest, text->len, e) : r;
}

int fetch_image(struct registry *r, const struct fetch_job *job, const struct fetch_sink *sink, struct err *e)
{
	struct buf text __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	struct buf config __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	struct fetch f = {.r = r, .job = job, .sink = sink, .path = job->ref->name + job->ref->domain_len + 1};

	int code = run(&f, &text, &config, e);
	oci_manifest_release(&f.m);
	return code;
}

/* ---- describing ---- */

static void put_platform(struct json_writer *w, const char *os, const char *arch, const char *variant)
{
	jw_obj(w);
	jw_kstr(w, "architecture", arch);
	jw_kstr(w, "os", os);
	if (variant != NULL)
		jw_kstr(w, "variant", variant);
	jw_end_obj(w);
}

static int index_platforms(const struct buf *text, struct json_writer *w, struct err *e)
{
	struct oci_index index;

	int r = oci_index_parse(buf_str(text), text->len, "index", &index, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < index.n; i++)
		if (index.manifests[i].platform != NULL)
			jw_value(w, index.manifests[i].platform);
	oci_index_release(&index);
	return 0;
}

static int config_platform(struct registry *r, const char *path, const struct buf *text, struct json_writer *w, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	struct oci_manifest m;
	struct oci_config c;

	int code = oci_manifest_parse(buf_str(text), text->len, "manifest", &m, e);
	if (code < 0)
		return code;
	code = registry_blob(r, path, &m.config.digest, m.config.size, &b, e);
	if (code == 0)
		code = oci_config_parse(buf_str(&b), b.len, "config", &c, e);
	if (code == 0) {
		put_platform(w, c.os, c.architecture, c.variant);
		oci_config_release(&c);
	}
	oci_manifest_release(&m);
	return code;
}

int fetch_describe(struct registry *r, const struct ref *ref, struct json_writer *w, struct err *e)
{
	struct buf text __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	char type[128], t[DIGEST_TEXT_SIZE];
	struct digest d;

	int code = get_top(r, ref, &text, type, &d, e);
	if (code < 0)
		return refused(r, ref, code, e);
	code = kind_of(r, &text, type, e);
	if (code < 0)
		return code;
	jw_obj(w);
	jw_key(w, "Descriptor");
	jw_obj(w);
	jw_kstr(w, "mediaType", type);
	jw_kstr(w, "digest", digest_text(&d, t));
	jw_kuint(w, "size", text.len);
	jw_end_obj(w);
	jw_key(w, "Platforms");
	jw_arr(w);
	code = code == OCI_INDEX ? index_platforms(&text, w, e) : config_platform(r, ref->name + ref->domain_len + 1, &text, w, e);
	jw_end_arr(w);
	jw_end_obj(w);
	return code;
}
