// SPDX-License-Identifier: Apache-2.0
/* Which images the members of an archive make. docker's manifest.json names them when there is one, else the OCI index. The
 * manifest an archive brings is kept, so that its digest survives; an archive without gets one made from its parts. */
#include "lib/image/load_internal.h"

#include "lib/base/buf.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_image.h"
#include "lib/codec/ref.h"
#include "lib/stream/stream.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define INDEX_DEPTH 3
#define LINKS_MAX   8
#define NAMES_MAX   1024
#define A_NAME	    "io.containerd.image.name"
#define A_REF	    "org.opencontainers.image.ref.name"

/* A manifest that an index names. */
struct found {
	struct digest digest;
	struct oci_manifest m; /* owned */
	char *name;	       /* owned; NULL */
	bool is_ours;	       /* for this machine */
};

struct images {
	struct load *l;
	struct found *found; /* owned */
	size_t n;
};

/* ---- members ---- */

static struct member *by_exact_name(const struct load *l, const char *name)
{
	for (size_t i = l->n; i-- > 0;) /* of two with one name the last one counts */
		if (strcmp(l->members[i]->name, name) == 0)
			return l->members[i];
	return NULL;
}

/* "a/layer.tar" + "../b/layer.tar" = "b/layer.tar". Only a name to be looked up: nothing is opened by it. */
static void join(const char *at, const char *link, char out[512])
{
	const char *slash = strrchr(at, '/');
	size_t len = slash != NULL ? (size_t)(slash - at) : 0;

	len = len < 256 ? len : 256;
	memcpy(out, at, len);
	while (strncmp(link, "../", 3) == 0) {
		while (len > 0 && out[len - 1] != '/')
			len--;
		len -= len > 0;
		link += 3;
	}
	(void)snprintf(out + len, 512 - len, "%s%.200s", len > 0 ? "/" : "", link); /* a name cut short is none of a member */
}

struct member *member_by_name(const struct load *l, const char *name)
{
	struct member *m = by_exact_name(l, name);
	char path[512];

	for (int i = 0; m != NULL && m->kind == MEMBER_LINK && i < LINKS_MAX; i++) {
		struct member *direct = by_exact_name(l, m->text); /* a hard link's target is from the root */
		join(m->name, m->text, path);
		m = direct != NULL && direct != m ? direct : by_exact_name(l, path);
	}
	return m != NULL && m->kind != MEMBER_LINK ? m : NULL;
}

struct member *member_by_digest(const struct load *l, const struct digest *d)
{
	char name[16 + DIGEST_HEX_SIZE], hex[DIGEST_HEX_SIZE];

	(void)snprintf(name, sizeof(name), "blobs/sha256/%s", digest_hex(d, hex)); /* fits */
	return member_by_name(l, name);
}

/* A document by its digest, which it must have. NULL and 0: the archive does not bring it. */
static int doc_by_digest(const struct load *l, const struct digest *d, struct member **ret, struct err *e)
{
	char t[DIGEST_TEXT_SIZE];

	*ret = member_by_digest(l, d);
	if (*ret == NULL)
		return 0;
	if ((*ret)->kind != MEMBER_DOC)
		return err_say(e, E_SPEC, "'%s' is not a document", (*ret)->name);
	return digest_eq(&(*ret)->raw, d) ? 0 : err_set(e, E_DIGEST, "'%s' is not %s", (*ret)->name, digest_text(d, t));
}

static int layer_is_good(const struct member *m, const char *name, struct err *e)
{
	if (m == NULL)
		return err_say(e, E_SPEC, "layer '%.200s' is not in the archive", name);
	if (m->why != NULL) {
		if (e != NULL)
			*e = *m->why;
		return err_wrap(e, -m->why->code, "layer '%.200s'", name);
	}
	return m->kind == MEMBER_LAYER ? 0 : err_say(e, E_SPEC, "layer '%.200s' is not a tar archive", name);
}

static int describe(struct load *l, const struct member *m, const char *hex, struct err *e)
{
	char name[DIGEST_HEX_SIZE + 8], text[256], t[DIGEST_TEXT_SIZE];

	int n = snprintf(text, sizeof(text), "{\"size\":%llu,\"blob\":\"%s\"}", (unsigned long long)m->size,
			 digest_text(&m->raw, t));
	(void)snprintf(name, sizeof(name), "%s.json", hex); /* both fit */
	owned_fd int fd = openat(l->layers, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : write_all(fd, text, (size_t)n);
	return r < 0 ? err_set(e, -r, "describe a layer") : 0;
}

int member_place(struct load *l, struct member *m, struct err *e)
{
	char from[16], hex[DIGEST_HEX_SIZE];

	if (m->is_placed)
		return 0;
	m->is_placed = true;
	if (!m->is_blob_here) {
		(void)snprintf(from, sizeof(from), "l%u", m->serial); /* fits */
		if (renameat(l->blobs, from, l->blobs, digest_hex(&m->raw, hex)) < 0)
			return err_set(e, errno, "place a blob");
	}
	digest_hex(&m->diff_id, hex);
	/* two members can be one layer, compressed differently */
	if (m->is_unpacked_here || faccessat(l->layers, hex, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	(void)snprintf(from, sizeof(from), "%u", m->serial); /* fits */
	int r = describe(l, m, hex, e);
	if (r == 0 && renameat(l->layers, from, l->layers, hex) < 0)
		r = err_set(e, errno, "place a layer");
	return r;
}

static int put_doc(struct load *l, const char *text, size_t n, const struct digest *d, struct err *e)
{
	char hex[DIGEST_HEX_SIZE];

	owned_fd int fd = openat(l->blobs, digest_hex(d, hex), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : write_all(fd, text, n);
	return r < 0 ? err_set(e, -r, "write a document") : 0;
}

/* ---- one image ---- */

/* Every layer against config and manifest; then all of it gets its place. */
static int check_layers(const struct oci_config *c, struct member *const *layers, size_t n, struct err *e)
{
	char want[DIGEST_TEXT_SIZE], have[DIGEST_TEXT_SIZE];

	if (n != c->n)
		return err_say(e, E_SPEC, "has %zu layers, its config %zu", n, c->n);
	for (size_t i = 0; i < n; i++)
		if (!digest_eq(&layers[i]->diff_id, &c->diff_ids[i]))
			return err_set(e, E_DIGEST, "layer '%.100s' unpacks to %s, its config says %s", layers[i]->name,
				       digest_text(&layers[i]->diff_id, have), digest_text(&c->diff_ids[i], want));
	return 0;
}

static int place(struct load *l, const struct member *config, struct member *const *layers, size_t n, struct err *e)
{
	int r = put_doc(l, config->text, config->raw_size, &config->raw, e);

	for (size_t i = 0; i < n && r == 0; i++)
		r = member_place(l, layers[i], e);
	return r;
}

static void make_manifest(const struct member *config, struct member *const *layers, size_t n, struct buf *out)
{
	struct oci_descriptor c = {OCI_CONFIG, OCI_MEDIA_CONFIG, config->raw, config->raw_size, NULL, NULL};
	owned_mem struct oci_descriptor *d = calloc(n + 1, sizeof(*d));

	if (d == NULL) {
		out->error = ENOMEM;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		bool is_gzip = layers[i]->coding == STREAM_GZIP, is_zstd = layers[i]->coding == STREAM_ZSTD;
		d[i] = (struct oci_descriptor){OCI_LAYER, OCI_MEDIA_LAYER, layers[i]->raw, layers[i]->raw_size, NULL, NULL};
		if (is_gzip || is_zstd) {
			d[i].kind = is_gzip ? OCI_LAYER_GZIP : OCI_LAYER_ZSTD;
			d[i].media_type = is_gzip ? OCI_MEDIA_LAYER_GZIP : OCI_MEDIA_LAYER_ZSTD;
		}
	}
	oci_manifest_print(out, &c, d, n);
}

/* The manifest of the archive for these very parts, if it brings one. */
static const struct found *found_for(const struct images *im, const struct member *config, struct member *const *layers, size_t n)
{
	for (size_t i = 0; i < im->n; i++) {
		const struct found *f = &im->found[i];
		bool same = digest_eq(&f->m.config.digest, &config->raw) && f->m.n == n;
		for (size_t k = 0; k < n && same; k++)
			same = digest_eq(&f->m.layers[k].digest, &layers[k]->raw) && f->m.layers[k].size == layers[k]->raw_size;
		if (same)
			return f;
	}
	return NULL;
}

static int finish(struct images *im, const struct member *config, struct member *const *layers, size_t n,
		  const struct found *f, const char *const *names, size_t n_names, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	struct load *l = im->l;
	struct digest d;

	int r = place(l, config, layers, n, e);
	if (r < 0)
		return r;
	if (f != NULL) {
		const struct member *m = member_by_digest(l, &f->digest);
		d = f->digest;
		r = put_doc(l, m->text, m->raw_size, &d, e);
	} else {
		make_manifest(config, layers, n, &b);
		r = buf_error(&b);
		if (r < 0)
			return err_set(e, -r, "make a manifest");
		digest_of(b.data, b.len, &d);
		r = put_doc(l, b.data, b.len, &d, e);
	}
	return r < 0 ? r : l->sink->image(l->sink->ctx, &d, names, n_names, e);
}

static int with_config(struct images *im, const struct member *config, struct member *const *layers, size_t n,
		       const struct found *f, const char *const *names, size_t n_names, struct err *e)
{
	struct oci_config c;

	int r = oci_config_parse(config->text, config->raw_size, "config", &c, e);
	if (r < 0)
		return r;
	r = check_layers(&c, layers, n, e);
	oci_config_release(&c);
	return r < 0 ? r : finish(im, config, layers, n, f, names, n_names, e);
}

static int check_names(const char *const *names, size_t n, struct err *e)
{
	struct ref r;

	for (size_t i = 0; i < n; i++) {
		int code = ref_parse(names[i], strlen(names[i]), &r, e);
		if (code < 0)
			return err_wrap(e, code, "name '%.100s'", names[i]);
	}
	return 0;
}

/* ---- manifest.json ---- */

static int docker_one(struct images *im, const struct docker_image *d, struct err *e)
{
	owned_mem struct member **layers = calloc(d->n_layers + 1, sizeof(struct member *));
	const struct member *config = member_by_name(im->l, d->config);

	if (layers == NULL)
		return err_set(e, ENOMEM, "layers");
	if (config == NULL || config->kind != MEMBER_DOC)
		return err_say(e, E_SPEC, "config '%.200s' is not in the archive", d->config);
	for (size_t i = 0; i < d->n_layers; i++) {
		layers[i] = member_by_name(im->l, d->layers[i]);
		int r = layer_is_good(layers[i], d->layers[i], e);
		if (r < 0)
			return r;
	}
	int r = d->n_tags <= NAMES_MAX ? check_names(d->tags, d->n_tags, e) : err_say(e, E_LIMIT, "too many names");
	if (r < 0)
		return r;
	return with_config(im, config, layers, d->n_layers, found_for(im, config, layers, d->n_layers), d->tags, d->n_tags, e);
}

static int docker_all(struct images *im, const struct member *doc, struct err *e)
{
	struct docker_archive a;

	int r = doc->kind == MEMBER_DOC ? docker_archive_parse(doc->text, doc->raw_size, &a, e)
					: err_say(e, E_SPEC, "manifest.json is not a document");
	if (r < 0)
		return r;
	for (size_t i = 0; i < a.n && r == 0; i++) {
		r = docker_one(im, &a.images[i], e);
		if (r < 0)
			r = err_wrap(e, r, "image '%.200s'", a.images[i].n_tags > 0 ? a.images[i].tags[0] : a.images[i].config);
	}
	docker_archive_release(&a);
	return r;
}

/* ---- the OCI index ---- */

static int oci_one(struct images *im, const struct found *f, struct err *e)
{
	owned_mem struct member **layers = calloc(f->m.n + 1, sizeof(struct member *));
	struct member *config;
	char t[DIGEST_TEXT_SIZE];

	int r = layers == NULL ? err_set(e, ENOMEM, "layers") : doc_by_digest(im->l, &f->m.config.digest, &config, e);
	if (r < 0)
		return r;
	if (config == NULL)
		return err_say(e, E_SPEC, "config %s is not in the archive", digest_text(&f->m.config.digest, t));
	for (size_t i = 0; i < f->m.n; i++) {
		const struct oci_descriptor *d = &f->m.layers[i];
		if (d->kind != OCI_LAYER && d->kind != OCI_LAYER_GZIP && d->kind != OCI_LAYER_ZSTD)
			return err_say(e, E_SPEC, "layer %s is of type '%.100s', which is not supported", digest_text(&d->digest, t),
				       d->media_type);
		layers[i] = member_by_digest(im->l, &d->digest);
		if (layers[i] == NULL)
			layers[i] = member_of_store(im->l, &d->digest, d->size);
		r = layer_is_good(layers[i], digest_text(&d->digest, t), e);
		if (r == 0 && (!digest_eq(&layers[i]->raw, &d->digest) || layers[i]->raw_size != d->size))
			r = err_set(e, E_DIGEST, "layer %s", t);
		if (r < 0)
			return r;
	}
	r = check_names((const char *const *)&f->name, f->name != NULL, e);
	return r < 0 ? r : with_config(im, config, layers, f->m.n, f, (const char *const *)&f->name, f->name != NULL, e);
}

static int oci_all(struct images *im, struct err *e)
{
	char t[DIGEST_TEXT_SIZE];
	size_t ours = 0;

	for (size_t i = 0; i < im->n; i++) {
		if (!im->found[i].is_ours)
			continue;
		ours++;
		int r = oci_one(im, &im->found[i], e);
		if (r < 0)
			return err_wrap(e, r, "image %s", digest_text(&im->found[i].digest, t));
	}
	return ours > 0 ? 0 : err_say(e, E_SPEC, "index.json has no image for linux/amd64");
}

/* ref.name is a tag alone in many archives: not a name then. */
static const char *name_of(const struct oci_descriptor *d)
{
	const char *name = oci_annotation(d, A_NAME), *ref = oci_annotation(d, A_REF);

	if (name == NULL && ref != NULL && (strchr(ref, ':') != NULL || strchr(ref, '/') != NULL))
		name = ref;
	return name;
}

static int add_found(struct images *im, const struct oci_descriptor *d, const struct member *doc, const char *name,
		     struct err *e)
{
	struct found f = {.digest = d->digest, .is_ours = oci_platform_is(d, "linux", "amd64", NULL)};

	if (im->n == OCI_ENTRIES_MAX)
		return err_say(e, E_LIMIT, "more than %d manifests", OCI_ENTRIES_MAX);
	int r = oci_manifest_parse(doc->text, doc->raw_size, doc->name, &f.m, e);
	if (r < 0) {
		/* of another platform, or no image at all: nobody asks for it */
		return f.is_ours ? r : 0;
	}
	f.name = name != NULL ? strdup(name) : NULL;
	if (im->found == NULL)
		im->found = calloc(OCI_ENTRIES_MAX, sizeof(f));
	if (im->found == NULL || (name != NULL && f.name == NULL)) {
		oci_manifest_release(&f.m);
		free(f.name);
		return err_set(e, ENOMEM, "manifests");
	}
	im->found[im->n++] = f;
	return 0;
}

static int walk_index(struct images *im, const struct member *doc, const char *outer_name, unsigned depth, struct err *e)
{
	struct oci_index index;

	int r = doc->kind == MEMBER_DOC ? oci_index_parse(doc->text, doc->raw_size, doc->name, &index, e)
					: err_say(e, E_SPEC, "'%s' is not a document", doc->name);
	if (r < 0)
		return r;
	for (size_t i = 0; i < index.n && r == 0; i++) {
		const struct oci_descriptor *d = &index.manifests[i];
		const char *name = name_of(d) != NULL ? name_of(d) : outer_name;
		struct member *m;
		r = doc_by_digest(im->l, &d->digest, &m, e);
		if (r < 0 || m == NULL) /* an archive need not bring every platform */
			continue;
		if (d->kind == OCI_INDEX)
			r = depth < INDEX_DEPTH ? walk_index(im, m, name, depth + 1, e)
						: err_say(e, E_LIMIT, "'%s' is nested too deep", m->name);
		else if (d->kind == OCI_MANIFEST)
			r = add_found(im, d, m, name, e);
	}
	oci_index_release(&index);
	return r;
}

int load_images(struct load *l, struct err *e)
{
	struct member *docker = member_by_name(l, "manifest.json"), *index = member_by_name(l, "index.json");
	struct images im = {.l = l};
	int r = 0;

	if (docker == NULL && index == NULL)
		return err_say(e, E_SPEC, "not an archive of images: neither manifest.json nor index.json is in it");
	if (index != NULL)
		r = walk_index(&im, index, NULL, 0, e);
	/* docker's own list comes first; the index beside it then only lends its manifests */
	if (docker != NULL)
		r = docker_all(&im, docker, e);
	else if (r == 0)
		r = oci_all(&im, e);
	for (size_t i = 0; i < im.n; i++) {
		oci_manifest_release(&im.found[i].m);
		free(im.found[i].name);
	}
	free(im.found);
	return r;
}
