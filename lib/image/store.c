// SPDX-License-Identifier: Apache-2.0
/* The store as a whole: opening with recovery, looking up, where layers and blobs are. Changes are in store_change.c,
 * what helpers bring in store_commit.c. */
#include "lib/image/internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/base/steps.h"
#include "lib/sys/io.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

static int open_dir(int dir, const char *name, int *ret, struct err *e)
{
	int r = dir_make_all(dir, name, 0700, e);
	if (r < 0)
		return r;
	*ret = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? err_set(e, errno, "open '%s'", name) : 0;
}

static int go_folders(void *ctx, struct err *e)
{
	struct store *s = ctx;

	int r = open_dir(AT_FDCWD, s->root, &s->root_fd, e);
	if (r == 0)
		r = open_dir(s->root_fd, "blobs/sha256", &s->blobs_fd, e);
	if (r == 0)
		r = open_dir(s->root_fd, "layers", &s->layers_fd, e);
	if (r == 0)
		r = open_dir(s->root_fd, "tmp", &s->tmp_fd, e);
	/* what an image without layers has below it */
	if (r == 0)
		r = dir_make_all(s->root_fd, "empty", 0755, e);
	if (r == 0 && faccessat(s->root_fd, "oci-layout", F_OK, 0) < 0)
		r = file_replace(s->root_fd, "oci-layout", LAYOUT, sizeof(LAYOUT) - 1, 0644, e);
	return r;
}

/* Whatever is in tmp/ belongs to nobody any more. */
static int go_leftovers(void *ctx, struct err *e)
{
	struct store *s = ctx;

	(void)e;
	struct err why;
	if (store_sweep_all(s->root, &why) < 0)
		log_warn("images", "leftovers: %s", why.msg);
	return 0;
}

static int go_builtin(void *ctx, struct err *e)
{
	struct store *s = ctx;
	struct err why;

	(void)e;
	if (s->builtin == NULL)
		return 0;
	s->builtin_fd = open(s->builtin, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->builtin_fd < 0) {
		if (errno != ENOENT)
			log_warn("images", "preloaded images in '%s': %s", s->builtin, strerror(errno));
	} else if (builtin_load(s, &why) < 0) {
		log_warn("images", "preloaded images: %s", why.msg);
	}
	return 0;
}

static int go_index(void *ctx, struct err *e)
{
	return index_load(ctx, e);
}

static int go_layers(void *ctx, struct err *e)
{
	return layers_load(ctx, e);
}

static int go_images(void *ctx, struct err *e)
{
	return images_load(ctx, e);
}

static int go_collect(void *ctx, struct err *e)
{
	return store_collect(ctx, e);
}

static const struct step open_steps[] = {
	{"folders", go_folders, NULL}, {"leftovers", go_leftovers, NULL}, {"layers", go_layers, NULL},
	{"index", go_index, NULL},     {"preloaded", go_builtin, NULL},	  {"images", go_images, NULL},
	{"collect", go_collect, NULL},
};

int store_open(const char *root, const char *builtin, struct store **ret, struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ENOMEM, "images in '%s'", root);
	s->root_fd = s->blobs_fd = s->layers_fd = s->tmp_fd = s->builtin_fd = -1;
	list_init(&s->images);
	list_init(&s->hidden);
	s->root = strdup(root);
	s->builtin = builtin != NULL ? strdup(builtin) : NULL;
	int r = s->root != NULL && (builtin == NULL || s->builtin != NULL)
			? steps_run(open_steps, countof(open_steps), s, e)
			: err_set(e, ENOMEM, "out of memory");
	if (r < 0) {
		store_close(s);
		return err_wrap(e, r, "images in '%s'", root);
	}
	*ret = s;
	return 0;
}

static void free_images(struct list *l)
{
	list_for_each_safe(it, l)
		image_free(owner_of(it, struct image, link));
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	free_images(&s->images);
	free_images(&s->hidden);
	drop_fd(&s->root_fd);
	drop_fd(&s->blobs_fd);
	drop_fd(&s->layers_fd);
	drop_fd(&s->tmp_fd);
	drop_fd(&s->builtin_fd);
	free(s->root);
	free(s->builtin);
	free(s->names);
	free(s->untagged);
	free(s->unnamed);
	free(s->layers);
	free(s);
}

struct list *store_images(struct store *s)
{
	return &s->images;
}

/* ---- looking up ---- */

struct image *store_by_id(struct store *s, const struct digest *id)
{
	struct list *lists[] = {&s->images, &s->hidden};

	for (size_t i = 0; i < countof(lists); i++)
		list_for_each(it, lists[i])
			if (digest_eq(&owner_of(it, struct image, link)->id, id))
				return owner_of(it, struct image, link);
	return NULL;
}

static bool is_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)s[i]) && (s[i] < 'a' || s[i] > 'f'))
			return false;
	return n > 0;
}

/* Returns how many images have the prefix: 0, 1 or 2 for more. */
static int by_prefix(struct store *s, const char *prefix, struct image **ret)
{
	size_t n = strlen(prefix);
	char hex[DIGEST_HEX_SIZE];
	int found = 0;

	if (n >= DIGEST_HEX_SIZE || !is_hex(prefix, n))
		return 0;
	list_for_each(it, &s->images) {
		struct image *i = owner_of(it, struct image, link);
		if (strncmp(digest_hex(&i->id, hex), prefix, n) != 0)
			continue;
		*ret = i;
		if (++found == 2)
			break;
	}
	return found;
}

static struct image *by_ref(struct store *s, const struct ref *r)
{
	list_for_each(it, &s->images) {
		struct image *i = owner_of(it, struct image, link);
		for (size_t k = 0; k < i->n_refs; k++) {
			const struct ref *have = &i->refs[k];
			if (strcmp(have->name, r->name) != 0)
				continue;
			if (r->has_digest ? have->has_digest && digest_eq(&have->digest, &r->digest)
					  : !have->has_digest && strcmp(have->tag, r->tag) == 0)
				return i;
		}
	}
	return NULL;
}

int store_find(struct store *s, const char *name, struct image **ret, struct err *e)
{
	const char *hex = strncmp(name, "sha256:", 7) == 0 ? name + 7 : name;
	char text[REF_TEXT_SIZE];
	struct digest id;
	struct ref r;

	if (digest_parse_hex(hex, strlen(hex), &id)) {
		*ret = store_by_id(s, &id);
		return *ret != NULL ? 0 : err_say(e, ENOENT, "No such image: sha256:%s", hex);
	}
	int code = ref_parse(name, strlen(name), &r, e);
	if (code < 0)
		return code;
	ref_default_tag(&r);
	*ret = by_ref(s, &r);
	if (*ret != NULL)
		return 0;
	int n = by_prefix(s, hex, ret);
	if (n > 1)
		return err_say(e, EINVAL, "multiple IDs found with provided prefix: %.80s", name);
	return n == 1 ? 0 : err_say(e, ENOENT, "No such image: %s", ref_familiar(&r, text));
}

/* ---- parts of images ---- */

int store_lower(struct store *s, const struct image *i, struct buf *out, struct err *e)
{
	char hex[DIGEST_HEX_SIZE];
	size_t added = 0;

	for (size_t k = i->config.n; k-- > 0;) {
		const struct digest *d = &i->config.diff_ids[k];
		const struct store_layer *l = layer_find(s, d);
		bool is_above = false;

		if (l == NULL)
			return err_say(e, ENOENT, "layer sha256:%s is missing", digest_hex(d, hex));
		/* overlay refuses a directory twice; what lies lower is hidden by itself above */
		for (size_t above = k + 1; above < i->config.n; above++)
			is_above = is_above || digest_eq(d, &i->config.diff_ids[above]);
		if (is_above)
			continue;
		buf_printf(out, "%s%s/layers/%s", added++ > 0 ? ":" : "", l->is_builtin ? s->builtin : s->root,
			   digest_hex(d, hex));
	}
	if (added == 0)
		buf_printf(out, "%s/empty", s->root);
	int r = buf_error(out);
	return r < 0 ? err_set(e, -r, "layers of an image") : 0;
}

int store_blob_open(struct store *s, const struct digest *d, struct err *e)
{
	char path[sizeof("blobs/sha256/") + DIGEST_HEX_SIZE], hex[DIGEST_HEX_SIZE];

	digest_hex(d, hex);
	int fd = openat(s->blobs_fd, hex, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && s->builtin_fd >= 0) {
		(void)snprintf(path, sizeof(path), "blobs/sha256/%s", hex); /* cannot be cut */
		fd = openat(s->builtin_fd, path, O_RDONLY | O_CLOEXEC);
	}
	return fd < 0 ? err_set(e, errno, "blob sha256:%s", hex) : fd;
}

int store_manifest(struct store *s, const struct image *i, struct oci_manifest *ret, struct buf *text, struct err *e)
{
	char what[16 + DIGEST_TEXT_SIZE], t[DIGEST_TEXT_SIZE];
	size_t at = text->len;

	(void)snprintf(what, sizeof(what), "manifest %s", digest_text(&i->manifest, t));
	int r = doc_read(s, &i->manifest, "manifest", text, e);
	return r < 0 ? r : oci_manifest_parse(buf_str(text) + at, text->len - at, what, ret, e);
}
