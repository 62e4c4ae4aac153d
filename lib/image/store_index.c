// SPDX-License-Identifier: Apache-2.0
/* index.json: which manifests the store has and by which references, and the preloaded references that were taken away.
 * It is an OCI index, so that other tools can read the store; one file, replaced as a whole, decides what exists.
 *
 *   manifests[].annotations  io.containerd.image.name         the reference in full; absent: an image without a name
 *                            org.opencontainers.image.ref.name  its tag, for tools that know no more
 *                            org.slipway.tagged               when, nanoseconds since 1970
 *   annotations              org.slipway.untagged             preloaded references taken away, blanks between
 */
#include "lib/image/internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define A_NAME	   "io.containerd.image.name"
#define A_TAG	   "org.opencontainers.image.ref.name"
#define A_TAGGED   "org.slipway.tagged"
#define A_UNTAGGED "org.slipway.untagged"
#define INDEX_MAX  ((size_t)16 << 20)

int ref_cmp(const struct ref *a, const struct ref *b)
{
	int r = strcmp(a->name, b->name);

	if (r == 0 && a->has_digest != b->has_digest)
		r = a->has_digest ? 1 : -1;
	if (r == 0)
		r = a->has_digest ? digest_cmp(&a->digest, &b->digest) : strcmp(a->tag, b->tag);
	return r;
}

struct store_name *name_find(struct store *s, const struct ref *r)
{
	for (size_t i = 0; i < s->n_names; i++)
		if (ref_cmp(&s->names[i].ref, r) == 0)
			return &s->names[i];
	return NULL;
}

static int take_entry(struct store *s, const struct json *v, struct err *e)
{
	const char *text = json_str_or(json_get(v, "digest"), "");
	const struct json *notes = json_get(v, "annotations");
	const char *name = json_str(json_get(notes, A_NAME));
	struct digest manifest;

	int r = digest_parse(text, strlen(text), &manifest, e);
	if (r < 0)
		return r;
	if (name == NULL) {
		struct digest *d = array_add(&s->unnamed, &s->n_unnamed, sizeof(*d));
		if (d == NULL)
			return err_set(e, ENOMEM, "index.json");
		*d = manifest;
		return 0;
	}
	struct ref ref;
	r = ref_parse(name, strlen(name), &ref, e);
	if (r < 0 || name_find(s, &ref) != NULL)
		return r;
	struct store_name *n = s->n_names < STORE_NAMES_MAX ? array_add(&s->names, &s->n_names, sizeof(*n)) : NULL;
	if (n == NULL)
		return err_set(e, ENOMEM, "index.json");
	*n = (struct store_name){.ref = ref, .manifest = manifest};
	n->tagged_ns = strtoll(json_str_or(json_get(notes, A_TAGGED), "0"), NULL, 10);
	return 0;
}

static int take_untagged(struct store *s, const char *list, struct err *e)
{
	while (*list != '\0') {
		size_t n = strcspn(list, " ");
		struct ref ref;
		if (n > 0 && ref_parse(list, n, &ref, NULL) == 0) {
			struct ref *slot = array_add(&s->untagged, &s->n_untagged, sizeof(*slot));
			if (slot == NULL)
				return err_set(e, ENOMEM, "index.json");
			*slot = ref;
		}
		list += n + (list[n] == ' ');
	}
	return 0;
}

int index_load(struct store *s, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(INDEX_MAX);
	struct json_doc *doc = NULL;
	struct json_iter it;

	int r = file_read(s->root_fd, "index.json", &b, e);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = json_parse(buf_str(&b), b.len, &doc, e);
	if (r < 0)
		return err_wrap(e, r, "index.json");
	it = json_iter(json_get(json_root(doc), "manifests"));
	while (r == 0 && json_next(&it))
		r = take_entry(s, it.value, e);
	if (r == 0)
		r = take_untagged(s, json_str_or(json_get(json_get(json_root(doc), "annotations"), A_UNTAGGED), ""), e);
	json_free(doc);
	return r < 0 ? err_wrap(e, r, "index.json") : 0;
}

static void put_entry(struct store *s, struct json_writer *w, const struct digest *manifest, const struct store_name *n)
{
	char text[REF_TEXT_SIZE], when[24], d[DIGEST_TEXT_SIZE];
	struct stat st = {0};

	owned_fd int fd = store_blob_open(s, manifest, NULL);
	if (fd >= 0)
		(void)fstat(fd, &st); /* its own descriptor: cannot fail */
	jw_obj(w);
	jw_kstr(w, "mediaType", OCI_MEDIA_MANIFEST);
	jw_kstr(w, "digest", digest_text(manifest, d));
	jw_kint(w, "size", (int64_t)st.st_size);
	if (n != NULL) {
		(void)snprintf(when, sizeof(when), "%lld", (long long)n->tagged_ns); /* fits */
		jw_key(w, "annotations");
		jw_obj(w);
		jw_kstr(w, A_NAME, ref_text(&n->ref, text));
		if (!n->ref.has_digest)
			jw_kstr(w, A_TAG, n->ref.tag);
		jw_kstr(w, A_TAGGED, when);
		jw_end_obj(w);
	}
	jw_end_obj(w);
}

int index_save(struct store *s, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(INDEX_MAX);
	struct buf list __attribute__((cleanup(buf_release))) = BUF_INIT(INDEX_MAX);
	char text[REF_TEXT_SIZE];
	struct json_writer w;

	jw_init(&w, &b);
	jw_obj(&w);
	jw_kint(&w, "schemaVersion", 2);
	jw_kstr(&w, "mediaType", OCI_MEDIA_INDEX);
	jw_key(&w, "manifests");
	jw_arr(&w);
	for (size_t i = 0; i < s->n_names; i++)
		if (!s->names[i].is_builtin)
			put_entry(s, &w, &s->names[i].manifest, &s->names[i]);
	for (size_t i = 0; i < s->n_unnamed; i++)
		put_entry(s, &w, &s->unnamed[i], NULL);
	jw_end_arr(&w);
	if (s->n_untagged > 0) {
		for (size_t i = 0; i < s->n_untagged; i++)
			buf_printf(&list, "%s%s", i > 0 ? " " : "", ref_text(&s->untagged[i], text));
		jw_key(&w, "annotations");
		jw_obj(&w);
		jw_kstr(&w, A_UNTAGGED, buf_str(&list));
		jw_end_obj(&w);
	}
	jw_end_obj(&w);
	int r = buf_error(&b) < 0 ? buf_error(&b) : buf_error(&list);
	if (r < 0)
		return err_set(e, -r, "write index.json");
	return file_replace(s->root_fd, "index.json", b.data, b.len, 0600, e);
}

/* ---- the preloaded set ---- */

static bool is_untagged(const struct store *s, const struct ref *r)
{
	for (size_t i = 0; i < s->n_untagged; i++)
		if (ref_cmp(&s->untagged[i], r) == 0)
			return true;
	return false;
}

/* A preloaded image stays known to containers when its name goes: it is remembered under no name at all. */
static int take_builtin(struct store *s, const char *name, const char *digest, struct err *e)
{
	struct ref ref;
	struct digest manifest;
	struct image *image;

	int r = ref_parse(name, strlen(name), &ref, e);
	if (r == 0)
		r = digest_parse(digest, strlen(digest), &manifest, e);
	if (r == 0)
		r = image_load(s, &manifest, &image, e);
	if (r < 0)
		return err_wrap(e, r, "'%.100s'", name);
	ref_default_tag(&ref);
	if (is_untagged(s, &ref) || name_find(s, &ref) != NULL)
		return 0;
	struct store_name *n = s->n_names < STORE_NAMES_MAX ? array_add(&s->names, &s->n_names, sizeof(*n)) : NULL;
	if (n == NULL)
		return err_set(e, ENOMEM, "references");
	*n = (struct store_name){.ref = ref, .manifest = manifest, .is_builtin = true};
	return 0;
}

int builtin_load(struct store *s, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	struct json_doc *doc = NULL;
	struct json_iter it;

	int r = file_read(s->builtin_fd, "../user-images.json", &b, e);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = json_parse(buf_str(&b), b.len, &doc, e);
	if (r < 0)
		return err_wrap(e, r, "user-images.json");
	it = json_iter(json_root(doc));
	while (r == 0 && json_next(&it))
		r = take_builtin(s, it.key, json_str_or(it.value, ""), e);
	json_free(doc);
	return r < 0 ? err_wrap(e, r, "user-images.json") : 0;
}
