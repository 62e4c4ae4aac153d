// SPDX-License-Identifier: Apache-2.0
/* Tag, untag, remove, and collecting what nothing refers to any more. Every change writes index.json first; what that no
 * longer reaches is then only space, which a crash may leave for the next start. */
#include "lib/image/internal.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static void drop_name(struct store *s, struct store_name *n)
{
	*n = s->names[--s->n_names];
}

static void drop_unnamed(struct store *s, const struct digest *manifest)
{
	for (size_t i = s->n_unnamed; i-- > 0;)
		if (digest_eq(&s->unnamed[i], manifest))
			s->unnamed[i] = s->unnamed[--s->n_unnamed];
}

static bool has_name(const struct store *s, const struct digest *manifest)
{
	for (size_t i = 0; i < s->n_names; i++)
		if (digest_eq(&s->names[i].manifest, manifest))
			return true;
	return false;
}

/* An own image that lost its last name stays, without one. */
static int keep_unnamed(struct store *s, const struct digest *manifest, bool was_builtin, struct err *e)
{
	if (was_builtin || has_name(s, manifest))
		return 0;
	struct digest *d = array_add(&s->unnamed, &s->n_unnamed, sizeof(*d));
	if (d == NULL)
		return err_set(e, ENOMEM, "references");
	*d = *manifest;
	return 0;
}

/* Preloaded names do not come back at the next start. */
static int remember_untagged(struct store *s, const struct store_name *n, struct err *e)
{
	if (!n->is_builtin)
		return 0;
	struct ref *slot = array_add(&s->untagged, &s->n_untagged, sizeof(*slot));
	if (slot == NULL)
		return err_set(e, ENOMEM, "references");
	*slot = n->ref;
	return 0;
}

int name_keep(struct store *s, const struct digest *manifest, struct err *e)
{
	drop_unnamed(s, manifest);
	return keep_unnamed(s, manifest, /* was_builtin= */ false, e);
}

int name_set(struct store *s, const struct image *i, const struct ref *r, struct digest *ret_old, struct err *e)
{
	struct store_name *n = name_find(s, r);
	int had = 0;

	if (n != NULL && !digest_eq(&n->manifest, &i->manifest)) {
		struct digest old = n->manifest;
		bool was_builtin = n->is_builtin;
		list_for_each(it, &s->images) {
			struct image *o = owner_of(it, struct image, link);
			if (digest_eq(&o->manifest, &old) && ret_old != NULL)
				*ret_old = o->id;
		}
		had = 1;
		n->manifest = i->manifest;
		n->is_builtin = false;
		int code = keep_unnamed(s, &old, was_builtin, e);
		if (code < 0)
			return code;
	} else if (n == NULL) {
		if (s->n_names >= STORE_NAMES_MAX)
			return err_say(e, E_LIMIT, "more than %d references", STORE_NAMES_MAX);
		n = array_add(&s->names, &s->n_names, sizeof(*n));
		if (n == NULL)
			return err_set(e, ENOMEM, "references");
		*n = (struct store_name){.ref = *r, .manifest = i->manifest};
		if (n->ref.has_digest)
			n->ref.tag[0] = '\0';
	}
	n->tagged_ns = clock_real_ns();
	drop_unnamed(s, &i->manifest);
	return had;
}

int store_tag(struct store *s, const struct image *i, const struct ref *r, struct digest *ret_old, struct err *e)
{
	int had = name_set(s, i, r, ret_old, e);

	if (had < 0)
		return had;
	images_refresh(s);
	int code = index_save(s, e);
	return code < 0 ? code : had;
}

int store_untag(struct store *s, const struct ref *r, struct err *e)
{
	struct store_name *n = name_find(s, r);
	char text[REF_TEXT_SIZE];

	if (n == NULL)
		return err_say(e, ENOENT, "No such image: %s", ref_familiar(r, text));
	struct store_name old = *n;
	int code = remember_untagged(s, n, e);
	if (code < 0)
		return code;
	drop_name(s, n);
	code = keep_unnamed(s, &old.manifest, old.is_builtin, e);
	if (code < 0)
		return code;
	images_refresh(s);
	return index_save(s, e);
}

int store_remove(struct store *s, struct image *i, struct err *e)
{
	for (size_t k = s->n_names; k-- > 0;) {
		struct store_name *n = &s->names[k];
		bool is_ours = false;
		for (size_t j = 0; j < i->n_refs; j++)
			is_ours = is_ours || ref_cmp(&i->refs[j], &n->ref) == 0;
		if (!is_ours)
			continue;
		int code = remember_untagged(s, n, e);
		if (code < 0)
			return code;
		drop_unnamed(s, &n->manifest);
		drop_name(s, n);
	}
	drop_unnamed(s, &i->manifest);
	if (!i->is_builtin)
		image_free(i);
	images_refresh(s);
	int code = index_save(s, e);
	return code < 0 ? code : store_collect(s, e);
}

/* ---- collecting ---- */

static int cmp_digests(const void *a, const void *b)
{
	return digest_cmp(a, b);
}

/* Every blob that an image needs, sorted; layers are marked in their table. Caller frees. */
static int mark(struct store *s, struct digest **ret, size_t *ret_n, struct err *e)
{
	struct list *lists[] = {&s->images, &s->hidden};
	owned_mem struct digest *need = NULL;
	size_t n = 0;

	for (size_t k = 0; k < s->n_layers; k++)
		s->layers[k].is_needed = s->layers[k].is_builtin;
	/* manifests by name, and by image: two manifests can share a config */
	for (size_t k = 0; k < s->n_names + s->n_unnamed; k++) {
		struct digest *d = array_add(&need, &n, sizeof(*d));
		if (d == NULL)
			return err_set(e, ENOMEM, "collect");
		*d = k < s->n_names ? s->names[k].manifest : s->unnamed[k - s->n_names];
	}
	size_t manifests = n;
	for (size_t k = 0; k < manifests; k++) {
		struct buf text __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
		struct image probe = {.manifest = need[k]};
		struct oci_manifest m;
		/* an unreadable manifest reaches nothing we could name: collect nothing at all */
		int r = store_manifest(s, &probe, &m, &text, e);
		if (r < 0)
			return r;
		for (size_t j = 0; j < m.n + 1 && r == 0; j++) {
			struct digest *d = array_add(&need, &n, sizeof(*d));
			if (d == NULL)
				r = err_set(e, ENOMEM, "collect");
			else
				*d = j < m.n ? m.layers[j].digest : m.config.digest;
		}
		oci_manifest_release(&m);
		if (r < 0)
			return r;
	}
	for (size_t k = 0; k < countof(lists); k++)
		list_for_each(it, lists[k]) {
			const struct image *i = owner_of(it, struct image, link);
			for (size_t j = 0; j < i->config.n; j++) {
				struct store_layer *l = layer_find(s, &i->config.diff_ids[j]);
				if (l != NULL)
					l->is_needed = true;
			}
		}
	if (n > 1)
		qsort(need, n, sizeof(*need), cmp_digests);
	*ret = take_ptr(need);
	*ret_n = n;
	return 0;
}

/* Move what is not needed out of the way at once; deleting it takes time and is store_sweep()'s. */
void store_discard(struct store *s, int dir, const char *name)
{
	char to[64];

	(void)snprintf(to, sizeof(to), "gone-%u", ++s->work_serial); /* fits */
	if (renameat(dir, name, s->tmp_fd, to) < 0)
		log_warn("images", "remove '%s': %s", name, strerror(errno));
	else
		s->want_sweep = true;
}

static void collect_blobs(struct store *s, const struct digest *need, size_t n)
{
	int fd = openat(s->root_fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (d == NULL) {
		drop_fd(&fd);
		return;
	}
	while ((de = readdir(d)) != NULL) {
		struct digest have;
		if (digest_parse_hex(de->d_name, strlen(de->d_name), &have) &&
		    (n == 0 || bsearch(&have, need, n, sizeof(have), cmp_digests) == NULL))
			store_discard(s, s->blobs_fd, de->d_name);
	}
	closedir(d);
}

static void collect_layers(struct store *s)
{
	char hex[DIGEST_HEX_SIZE], meta[DIGEST_HEX_SIZE + 8];
	size_t kept = 0;

	for (size_t k = 0; k < s->n_layers; k++) {
		struct store_layer *l = &s->layers[k];
		if (l->is_needed) {
			s->layers[kept++] = *l;
			continue;
		}
		/* the folder first: a description without a folder is harmless */
		store_discard(s, s->layers_fd, digest_hex(&l->diff_id, hex));
		(void)snprintf(meta, sizeof(meta), "%s.json", hex); /* fits */
		(void)unlinkat(s->layers_fd, meta, 0); /* likewise */
	}
	s->n_layers = kept;
}

int store_collect(struct store *s, struct err *e)
{
	owned_mem struct digest *need = NULL;
	struct err why;
	size_t n = 0;

	(void)e;
	s->want_collect = s->works > 0;
	if (s->want_collect || s->is_damaged)
		return 0;
	if (mark(s, &need, &n, &why) < 0) {
		log_error("images", "nothing is collected: %s", why.msg);
		return 0;
	}
	collect_blobs(s, need, n);
	collect_layers(s);
	return 0;
}

bool store_needs_sweep(const struct store *s)
{
	return s->want_sweep;
}

void store_swept(struct store *s)
{
	s->want_sweep = false;
}

/* Runs in a child of the daemon too: it knows only names. Folders of helpers at work are not touched then, because only
 * what is called gone-* is meant to go; at the start everything is. */
static int sweep(const char *root, const char *prefix, struct err *e)
{
	owned_fd int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = dir < 0 ? -1 : openat(dir, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int r = 0;

	if (d == NULL) {
		r = err_set(e, errno, "open '%s/tmp'", root);
		drop_fd(&fd);
		return r;
	}
	while ((de = readdir(d)) != NULL) {
		struct err why;
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    strncmp(de->d_name, prefix, strlen(prefix)) != 0)
			continue;
		int one = tree_remove(dirfd(d), de->d_name, &why);
		if (one < 0 && r == 0) {
			r = one;
			if (e != NULL)
				*e = why;
		}
	}
	closedir(d);
	return r;
}

int store_sweep(const char *root, struct err *e)
{
	return sweep(root, "gone-", e);
}

int store_sweep_all(const char *root, struct err *e)
{
	return sweep(root, "", e);
}
