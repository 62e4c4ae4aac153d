// SPDX-License-Identifier: Apache-2.0
/* What helpers bring: folders to work in, and moving a finished image into place. The order on disk is parts, then their
 * folders made durable, then index.json: before the last step there is only space to be collected. */
#include "lib/image/internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int store_work_begin(struct store *s, char name[STORE_WORK_SIZE], struct err *e)
{
	static const char *const parts[] = {"blobs", "layers"};

	(void)snprintf(name, STORE_WORK_SIZE, "work-%u", ++s->work_serial); /* fits */
	if (mkdirat(s->tmp_fd, name, 0700) < 0)
		return err_set(e, errno, "make 'tmp/%s'", name);
	owned_fd int dir = openat(s->tmp_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < countof(parts); i++)
		if (dir < 0 || mkdirat(dir, parts[i], 0700) < 0) {
			int r = err_set(e, errno, "make 'tmp/%s/%s'", name, parts[i]);
			(void)tree_remove(s->tmp_fd, name, NULL); /* the next start tries again */
			return r;
		}
	s->works++;
	return 0;
}

void store_work_end(struct store *s, const char *name)
{
	char to[STORE_WORK_SIZE + 8];

	(void)snprintf(to, sizeof(to), "gone-%s", name); /* fits */
	if (renameat(s->tmp_fd, name, s->tmp_fd, to) == 0)
		s->want_sweep = true;
	if (--s->works == 0 && s->want_collect)
		(void)store_collect(s, NULL); /* logs what it cannot do */
}

/* ---- committing ---- */

struct commit {
	struct store *s;
	int blobs, layers; /* owned; of the work */
	const struct digest *manifest_digest;
	struct oci_manifest manifest;
	struct oci_config config;
};

/* A document the helper brought, or one that is here already. */
static int read_doc(struct commit *c, const struct digest *d, struct buf *text, const char *what, struct err *e)
{
	char hex[DIGEST_HEX_SIZE];
	struct digest have;

	owned_fd int fd = openat(c->blobs, digest_hex(d, hex), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return doc_read(c->s, d, what, text, e);
	int r = read_all(fd, text);
	if (r < 0)
		return err_set(e, -r, "read %s sha256:%s", what, hex);
	digest_of(buf_str(text), text->len, &have);
	return digest_eq(&have, d) ? 0 : err_set(e, E_DIGEST, "%s sha256:%s", what, hex);
}

static int read_docs(struct commit *c, struct err *e)
{
	struct buf text __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);

	int r = read_doc(c, c->manifest_digest, &text, "manifest", e);
	if (r == 0)
		r = oci_manifest_parse(buf_str(&text), text.len, "manifest", &c->manifest, e);
	if (r < 0)
		return r;
	buf_clear(&text);
	r = read_doc(c, &c->manifest.config.digest, &text, "config", e);
	if (r == 0)
		r = oci_config_parse(buf_str(&text), text.len, "config", &c->config, e);
	if (r < 0)
		return r;
	if (c->config.n != c->manifest.n)
		return err_say(e, E_SPEC, "manifest has %zu layers and config %zu", c->manifest.n, c->config.n);
	return 0;
}

/* Move one name, which must be of this type. Returns 1 when it was not brought, which is for the caller to judge. */
static int move(int from, int to, const char *name, mode_t type, struct err *e)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 1 : err_set(e, errno, "take '%s'", name);
	if ((st.st_mode & S_IFMT) != type)
		return err_say(e, E_SPEC, "'%s' is not what a helper may bring", name);
	if (type == S_IFREG && fchmodat(from, name, 0600, 0) < 0)
		return err_set(e, errno, "take '%s'", name);
	return renameat(from, name, to, name) < 0 ? err_set(e, errno, "take '%s'", name) : 0;
}

static int move_blob(struct commit *c, const struct digest *d, bool is_layer, struct err *e)
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(d, hex);
	int r = move(c->blobs, c->s->blobs_fd, hex, S_IFREG, e);
	if (r <= 0)
		return r;
	owned_fd int have = store_blob_open(c->s, d, NULL);
	if (have >= 0)
		return 0;
	return err_say(e, ENOENT, "%s sha256:%s was not brought and is not here", is_layer ? "layer" : "blob", hex);
}

static int move_layer(struct commit *c, const struct digest *d, struct err *e)
{
	char hex[DIGEST_HEX_SIZE], meta[DIGEST_HEX_SIZE + 8];
	struct store_layer l;

	if (layer_find(c->s, d) != NULL)
		return 0;
	(void)snprintf(meta, sizeof(meta), "%s.json", digest_hex(d, hex)); /* fits */
	int r = layer_meta_read(c->layers, d, &l, e);
	if (r == -ENOENT)
		return err_say(e, ENOENT, "layer with diff id sha256:%s was not brought and is not here", hex);
	/* the description first: a folder without one is none */
	if (r == 0)
		r = move(c->layers, c->s->layers_fd, meta, S_IFREG, e);
	if (r == 0)
		r = move(c->layers, c->s->layers_fd, hex, S_IFDIR, e);
	if (r > 0)
		r = err_set(e, ENOENT, "layer sha256:%s", hex);
	return r < 0 ? r : layer_add(c->s, &l, e);
}

static int move_all(struct commit *c, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < c->manifest.n && r == 0; i++)
		r = move_layer(c, &c->config.diff_ids[i], e);
	for (size_t i = 0; i < c->manifest.n && r == 0; i++)
		r = move_blob(c, &c->manifest.layers[i].digest, /* is_layer= */ true, e);
	if (r == 0)
		r = move_blob(c, &c->manifest.config.digest, /* is_layer= */ false, e);
	if (r == 0)
		r = move_blob(c, c->manifest_digest, /* is_layer= */ false, e);
	if (r == 0 && (fsync(c->s->layers_fd) < 0 || fsync(c->s->blobs_fd) < 0))
		r = err_set(e, errno, "sync");
	return r;
}

static int commit_names(struct commit *c, const struct ref *refs, size_t n, struct image **ret, struct err *e)
{
	struct image *i;

	int r = image_load(c->s, c->manifest_digest, &i, e);
	if (r == 0 && n == 0)
		r = name_keep(c->s, &i->manifest, e);
	for (size_t k = 0; k < n && r >= 0; k++)
		r = name_set(c->s, i, &refs[k], NULL, e);
	if (r < 0)
		return r;
	images_refresh(c->s);
	*ret = i;
	/* the same image with another manifest: the one that is here stays, and what came is collected */
	if (!digest_eq(&i->manifest, c->manifest_digest))
		c->s->want_collect = true;
	return index_save(c->s, e);
}

int store_commit(struct store *s, const char *work, const struct digest *manifest, const struct ref *refs, size_t n,
		 struct image **ret, struct err *e)
{
	struct commit c = {.s = s, .blobs = -1, .layers = -1, .manifest_digest = manifest};
	char path[STORE_WORK_SIZE + 16], t[DIGEST_TEXT_SIZE];
	int r = 0;

	(void)snprintf(path, sizeof(path), "%s/blobs", work); /* fits */
	c.blobs = openat(s->tmp_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "%s/layers", work);
	c.layers = openat(s->tmp_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c.blobs < 0 || c.layers < 0)
		r = err_set(e, errno, "open 'tmp/%s'", work);
	if (r == 0)
		r = read_docs(&c, e);
	if (r == 0)
		r = move_all(&c, e);
	if (r == 0)
		r = commit_names(&c, refs, n, ret, e);
	drop_fd(&c.blobs);
	drop_fd(&c.layers);
	oci_manifest_release(&c.manifest);
	oci_config_release(&c.config);
	/* parts that were moved already are reached by nothing */
	if (r < 0)
		s->want_collect = true;
	return r < 0 ? err_wrap(e, r, "image of manifest %s", digest_text(manifest, t)) : 0;
}
