// SPDX-License-Identifier: Apache-2.0
/* Index and manifest. One helper reads a descriptor; what is an image's description is in oci_config.c. */
#include "lib/codec/oci_image.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *media_type;
	enum oci_kind kind;
} kinds[] = {
	{OCI_MEDIA_INDEX, OCI_INDEX},
	{"application/vnd.docker.distribution.manifest.list.v2+json", OCI_INDEX},
	{OCI_MEDIA_MANIFEST, OCI_MANIFEST},
	{"application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST},
	{OCI_MEDIA_CONFIG, OCI_CONFIG},
	{"application/vnd.docker.container.image.v1+json", OCI_CONFIG},
	{OCI_MEDIA_LAYER, OCI_LAYER},
	{"application/vnd.docker.image.rootfs.diff.tar", OCI_LAYER},
	{OCI_MEDIA_LAYER_GZIP, OCI_LAYER_GZIP},
	{"application/vnd.docker.image.rootfs.diff.tar.gzip", OCI_LAYER_GZIP},
	{OCI_MEDIA_LAYER_ZSTD, OCI_LAYER_ZSTD},
	{"application/vnd.docker.image.rootfs.diff.tar.zstd", OCI_LAYER_ZSTD},
	{"application/vnd.docker.image.rootfs.foreign.diff.tar", OCI_LAYER_FOREIGN},
	{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", OCI_LAYER_FOREIGN},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar", OCI_LAYER_FOREIGN},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", OCI_LAYER_FOREIGN},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", OCI_LAYER_FOREIGN},
};

enum oci_kind oci_kind_of(const char *media_type)
{
	for (size_t i = 0; media_type != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(media_type, kinds[i].media_type) == 0)
			return kinds[i].kind;
	return OCI_UNKNOWN;
}

/* A string without a NUL inside, or NULL. */
static const char *plain_str(const struct json *v)
{
	const char *s = json_str(v);

	return s != NULL && strlen(s) == json_str_len(v) ? s : NULL;
}

const char *oci_annotation(const struct oci_descriptor *d, const char *key)
{
	return plain_str(json_get(d->annotations, key));
}

bool oci_platform_is(const struct oci_descriptor *d, const char *os, const char *arch, const char *variant)
{
	if (d->platform == NULL)
		return true;
	if (strcmp(json_str_or(json_get(d->platform, "os"), ""), os) != 0 ||
	    strcmp(json_str_or(json_get(d->platform, "architecture"), ""), arch) != 0)
		return false;
	return variant == NULL || strcmp(json_str_or(json_get(d->platform, "variant"), ""), variant) == 0;
}

enum oci_kind oci_document_kind(const struct json *root)
{
	bool is_index = json_get(root, "manifests") != NULL;
	bool is_manifest = json_get(root, "layers") != NULL || json_get(root, "config") != NULL ||
			   json_get(root, "fsLayers") != NULL;

	if (is_index == is_manifest)
		return OCI_UNKNOWN;
	return is_index ? OCI_INDEX : OCI_MANIFEST;
}

static int descriptor(const struct json *v, const char *field, struct oci_descriptor *ret, struct err *e)
{
	struct oci_descriptor d = {.media_type = ""};
	const struct json *media = json_get(v, "mediaType"), *urls = json_get(v, "urls");
	const char *digest = plain_str(json_get(v, "digest"));

	if (json_type(v) != JSON_OBJ)
		return err_set(e, E_SPEC, "%s is not an object", field);
	if (media != NULL && (d.media_type = plain_str(media)) == NULL)
		return err_set(e, E_SPEC, "%s.mediaType is not a string", field);
	d.kind = oci_kind_of(d.media_type);
	if (digest == NULL)
		return err_set(e, E_SPEC, "%s.digest is missing", field);
	int r = digest_parse(digest, strlen(digest), &d.digest, e);
	if (r < 0)
		return err_wrap(e, r, "%s.digest", field);
	if (!json_is_uint(json_get(v, "size"), OCI_CONTENT_MAX, &d.size))
		return err_set(e, E_SPEC, "%s.size is not a number of bytes", field);
	/* content that is somewhere else is content nobody here can vouch for */
	if (json_len(urls) > 0)
		return err_set(e, E_SPEC, "%s.urls: content from other places is not supported", field);
	if (json_type(json_get(v, "platform")) == JSON_OBJ)
		d.platform = json_get(v, "platform");
	if (json_type(json_get(v, "annotations")) == JSON_OBJ)
		d.annotations = json_get(v, "annotations");
	*ret = d;
	return 0;
}

static int descriptors(const struct json *list, const char *field, size_t max, struct oci_descriptor **ret,
		       size_t *ret_n, struct err *e)
{
	size_t n = json_len(list), i = 0;
	char name[64];

	if (json_type(list) != JSON_ARR)
		return err_set(e, E_SPEC, "%s is not a list", field);
	if (n > max)
		return err_set(e, E_LIMIT, "%s has %zu entries, more than %zu", field, n, max);
	struct oci_descriptor *d = calloc(n + 1, sizeof(*d));
	if (d == NULL)
		return err_set(e, ENOMEM, "%s", field);
	struct json_iter it = json_iter(list);
	while (json_next(&it)) {
		(void)snprintf(name, sizeof(name), "%s[%zu]", field, i); /* may cut: a message */
		int r = descriptor(it.value, name, &d[i++], e);
		if (r < 0) {
			free(d);
			return r;
		}
	}
	*ret = d;
	*ret_n = n;
	return 0;
}

/* What index and manifest have in common; want is which of the two it must be. */
static int open_document(const char *p, size_t n, enum oci_kind want, struct json_doc **ret, struct err *e)
{
	int64_t version = 0;

	if (n > OCI_DOC_MAX)
		return err_set(e, E_LIMIT, "%zu bytes, more than %zu", n, OCI_DOC_MAX);
	int r = json_parse(p, n, ret, e);
	if (r < 0)
		return r;
	const struct json *root = json_root(*ret), *media = json_get(root, "mediaType");
	if (json_type(root) != JSON_OBJ)
		r = err_set(e, E_SPEC, "is not an object");
	else if (!json_is_int(json_get(root, "schemaVersion"), 2, 2, &version))
		r = err_set(e, E_SPEC, "schemaVersion is not 2");
	else if (oci_document_kind(root) != want)
		r = err_set(e, E_SPEC, "is not %s, or more than that",
			    want == OCI_INDEX ? "an index" : "a manifest");
	else if (media != NULL && oci_kind_of(plain_str(media)) != want)
		r = err_set(e, E_SPEC, "mediaType '%.100s' is not %s", json_str_or(media, ""),
			    want == OCI_INDEX ? "an index's" : "a manifest's");
	if (r < 0)
		json_free(*ret);
	return r;
}

int oci_index_parse(const char *p, size_t n, const char *what, struct oci_index *ret, struct err *e)
{
	struct oci_index x = {0};

	int r = open_document(p, n, OCI_INDEX, &x.doc, e);
	if (r < 0)
		return err_wrap(e, r, "%s", what);
	r = descriptors(json_get(json_root(x.doc), "manifests"), "manifests", OCI_ENTRIES_MAX, &x.manifests,
			&x.n, e);
	if (r < 0) {
		json_free(x.doc);
		return err_wrap(e, r, "%s", what);
	}
	*ret = x;
	return 0;
}

static int check_parts(const struct oci_manifest *m, struct err *e)
{
	if (m->config.kind != OCI_CONFIG)
		return err_set(e, E_SPEC, "config.mediaType '%.100s' is not an image's", m->config.media_type);
	if (m->config.size > OCI_DOC_MAX)
		return err_set(e, E_LIMIT, "config.size is more than %zu", OCI_DOC_MAX);
	for (size_t i = 0; i < m->n; i++)
		if (m->layers[i].kind != OCI_LAYER && m->layers[i].kind != OCI_LAYER_GZIP &&
		    m->layers[i].kind != OCI_LAYER_ZSTD)
			return err_set(e, E_SPEC, "layers[%zu].mediaType '%.100s' is not supported", i,
				       m->layers[i].media_type);
	return 0;
}

int oci_manifest_parse(const char *p, size_t n, const char *what, struct oci_manifest *ret, struct err *e)
{
	struct oci_manifest m = {0};

	int r = open_document(p, n, OCI_MANIFEST, &m.doc, e);
	if (r < 0)
		return err_wrap(e, r, "%s", what);
	const struct json *root = json_root(m.doc);
	r = descriptor(json_get(root, "config"), "config", &m.config, e);
	if (r == 0)
		r = descriptors(json_get(root, "layers"), "layers", OCI_LAYERS_MAX, &m.layers, &m.n, e);
	if (r == 0)
		r = check_parts(&m, e);
	if (r < 0) {
		oci_manifest_release(&m);
		return err_wrap(e, r, "%s", what);
	}
	*ret = m;
	return 0;
}

void oci_index_release(struct oci_index *i)
{
	free(i->manifests);
	json_free(i->doc);
	*i = (struct oci_index){0};
}

void oci_manifest_release(struct oci_manifest *m)
{
	free(m->layers);
	json_free(m->doc);
	*m = (struct oci_manifest){0};
}

static void print_descriptor(struct json_writer *w, const struct oci_descriptor *d)
{
	char text[DIGEST_TEXT_SIZE];

	jw_obj(w);
	jw_kstr(w, "mediaType", d->media_type);
	jw_kstr(w, "digest", digest_text(&d->digest, text));
	jw_kuint(w, "size", d->size);
	jw_end_obj(w);
}

void oci_manifest_print(struct buf *out, const struct oci_descriptor *config, const struct oci_descriptor *layers,
			size_t n)
{
	struct json_writer w;

	jw_init(&w, out);
	jw_obj(&w);
	jw_kint(&w, "schemaVersion", 2);
	jw_kstr(&w, "mediaType", OCI_MEDIA_MANIFEST);
	jw_key(&w, "config");
	print_descriptor(&w, config);
	jw_key(&w, "layers");
	jw_arr(&w);
	for (size_t i = 0; i < n; i++)
		print_descriptor(&w, &layers[i]);
	jw_end_arr(&w);
	jw_end_obj(&w);
}
