// SPDX-License-Identifier: Apache-2.0
/* Images as objects: made from a manifest and its config, given their references, put in order. */
#include "lib/image/internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t store_time(const char *text)
{
	struct tm tm = {0};
	char zone = '\0', sign = '+';
	int used = 0, hours = 0, minutes = 0;

	if (text == NULL || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
				   &tm.tm_min, &tm.tm_sec, &used) != 6)
		return 0;
	text += used;
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	zone = *text;
	if (zone != 'Z' && sscanf(text, "%c%2d:%2d", &sign, &hours, &minutes) != 3)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	int64_t shift = (hours * 60 + minutes) * 60;
	int64_t t = (int64_t)timegm(&tm) - (sign == '-' ? -shift : shift);
	return t > 0 ? t : 0;
}

void image_free(struct image *i)
{
	if (i == NULL)
		return;
	list_del(&i->link);
	oci_config_release(&i->config);
	free(i->refs);
	free(i);
}

/* Read a small document; what is on disk is hashed again: a store that was damaged must not run. */
int doc_read(struct store *s, const struct digest *d, const char *what, struct buf *text, struct err *e)
{
	size_t at = text->len;
	struct digest have;

	owned_fd int fd = store_blob_open(s, d, e);
	if (fd < 0)
		return err_wrap(e, fd, "%s", what);
	int r = read_all(fd, text);
	if (r < 0)
		return err_set(e, -r, "read %s", what);
	digest_of(buf_str(text) + at, text->len - at, &have);
	if (!digest_eq(&have, d)) {
		char t[DIGEST_TEXT_SIZE];
		return err_set(e, E_DIGEST, "%s %s", what, digest_text(d, t));
	}
	return 0;
}

/* Builtin layers have no description of their own; they are known by their folder. */
static int find_builtin_layer(struct store *s, const struct digest *d, struct err *e)
{
	char path[8 + DIGEST_HEX_SIZE], hex[DIGEST_HEX_SIZE];
	struct store_layer l = {.diff_id = *d, .is_builtin = true};

	if (s->builtin_fd < 0 || layer_find(s, d) != NULL)
		return 0;
	(void)snprintf(path, sizeof(path), "layers/%s", digest_hex(d, hex)); /* fits */
	if (tree_size(s->builtin_fd, path, &l.size) < 0)
		return 0;
	return layer_add(s, &l, e);
}

static int load_parts(struct store *s, const struct digest *manifest, struct image *i, struct err *e)
{
	struct buf text __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	struct oci_manifest m;

	i->manifest = *manifest;
	int r = store_manifest(s, i, &m, &text, e);
	if (r < 0)
		return r;
	i->id = m.config.digest;
	oci_manifest_release(&m);
	buf_clear(&text);
	r = doc_read(s, &i->id, "config", &text, e);
	if (r == 0)
		r = oci_config_parse(buf_str(&text), text.len, "config", &i->config, e);
	if (r < 0)
		return r;
	i->created = store_time(i->config.created);
	i->is_builtin = i->config.n > 0;
	for (size_t k = 0; r == 0 && k < i->config.n; k++) {
		char t[DIGEST_TEXT_SIZE];
		r = find_builtin_layer(s, &i->config.diff_ids[k], e);
		if (r < 0)
			break;
		const struct store_layer *l = layer_find(s, &i->config.diff_ids[k]);
		if (l == NULL)
			r = err_set(e, ENOENT, "layer %s", digest_text(&i->config.diff_ids[k], t));
		else
			i->size_bytes += l->size;
		i->is_builtin = i->is_builtin && l != NULL && l->is_builtin;
	}
	return r;
}

int image_load(struct store *s, const struct digest *manifest, struct image **ret, struct err *e)
{
	struct image *i = calloc(1, sizeof(*i));

	if (i == NULL)
		return err_set(e, ENOMEM, "image");
	list_init(&i->link);
	int r = load_parts(s, manifest, i, e);
	if (r < 0) {
		char t[DIGEST_TEXT_SIZE];
		image_free(i);
		return err_wrap(e, r, "image of manifest %s", digest_text(manifest, t));
	}
	struct image *known = store_by_id(s, &i->id);
	if (known != NULL)
		image_free(i);
	else
		list_add_tail(&s->hidden, &i->link);
	*ret = known != NULL ? known : i;
	return 0;
}

/* Which image a manifest means. Two manifests may have one config. */
static struct image *image_of(struct store *s, const struct digest *manifest)
{
	struct list *lists[] = {&s->images, &s->hidden};
	struct image *i;

	for (size_t k = 0; k < countof(lists); k++)
		list_for_each(it, lists[k])
			if (digest_eq(&owner_of(it, struct image, link)->manifest, manifest))
				return owner_of(it, struct image, link);
	return image_load(s, manifest, &i, NULL) == 0 ? i : NULL;
}

static int cmp_refs(const void *a, const void *b)
{
	return ref_cmp(a, b);
}

static void insert_newest_first(struct list *images, struct image *i)
{
	struct list *at = images->next;

	while (at != images && owner_of(at, struct image, link)->created >= i->created)
		at = at->next;
	list_add_tail(at, &i->link); /* before at */
}

void images_refresh(struct store *s)
{
	struct list all = LIST_INIT(all);
	struct list *lists[] = {&s->images, &s->hidden};

	for (size_t k = 0; k < countof(lists); k++)
		list_for_each(it, lists[k])
			owner_of(it, struct image, link)->n_refs = 0;
	for (size_t k = 0; k < s->n_names; k++) {
		struct image *i = image_of(s, &s->names[k].manifest);
		struct ref *slot = i != NULL ? array_add(&i->refs, &i->n_refs, sizeof(*slot)) : NULL;
		if (slot == NULL)
			continue;
		*slot = s->names[k].ref;
		if (s->names[k].tagged_ns > i->tagged_ns)
			i->tagged_ns = s->names[k].tagged_ns;
	}
	for (size_t k = 0; k < countof(lists); k++)
		list_for_each_safe(it, lists[k]) {
			list_del(it);
			list_add_tail(&all, it);
		}
	list_for_each_safe(it, &all) {
		struct image *i = owner_of(it, struct image, link);
		bool is_listed = i->n_refs > 0;
		for (size_t k = 0; k < s->n_unnamed && !is_listed; k++)
			is_listed = digest_eq(&s->unnamed[k], &i->manifest);
		if (i->n_refs > 1)
			qsort(i->refs, i->n_refs, sizeof(i->refs[0]), cmp_refs);
		list_del(it);
		if (is_listed)
			insert_newest_first(&s->images, i);
		else
			list_add_tail(&s->hidden, it);
	}
}

/* One image that cannot be read must not take the others with it. Returns whether its reference stays: one whose manifest is
 * not there at all never was complete, or was preloaded by another system image. */
static bool load_one(struct store *s, const struct digest *manifest)
{
	struct image *i;
	struct err why;

	if (image_load(s, manifest, &i, &why) == 0)
		return true;
	log_error("images", "left out: %s", why.msg);
	owned_fd int fd = store_blob_open(s, manifest, NULL);
	s->is_damaged = s->is_damaged || fd != -ENOENT;
	return fd != -ENOENT;
}

int images_load(struct store *s, struct err *e)
{
	(void)e;
	for (size_t k = s->n_names; k-- > 0;)
		if (!load_one(s, &s->names[k].manifest))
			s->names[k] = s->names[--s->n_names];
	for (size_t k = s->n_unnamed; k-- > 0;)
		if (!load_one(s, &s->unnamed[k]))
			s->unnamed[k] = s->unnamed[--s->n_unnamed];
	images_refresh(s);
	return 0;
}
