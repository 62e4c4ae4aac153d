// SPDX-License-Identifier: Apache-2.0
/* docker save: the store's own blobs as one tar that is an OCI layout and docker's archive at once. Blobs go out as they came in,
 * so that every digest is the same on the other side. Written as fast as the client reads it.
 *
 *   oci-layout  blobs/sha256/<hex>...  index.json  manifest.json
 */
#include "userctr/api_image.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/store.h"
#include "lib/image/tar_write.h"
#include "lib/sys/io.h"
#include "userctr/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DOC_MAX	  ((size_t)16 << 20)
#define NAMES_MAX 256
#define PIECE	  ((size_t)128 << 10)

struct part {
	struct digest digest; /* of the blob, when text is NULL */
	char *text;	      /* owned */
	size_t text_len;
	const char *name; /* static; with text */
};

struct save {
	struct part *parts; /* owned */
	size_t n, at;
	int fd; /* owned; blob being sent */
	uint64_t left;
	unsigned pad;
	struct buf docker, index; /* the two lists, while they are made */
	struct json_writer dw, iw;
};

static void save_free(struct save *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->parts[i].text);
	free(s->parts);
	buf_release(&s->docker);
	buf_release(&s->index);
	drop_fd(&s->fd);
	free(s);
}

/* ---- what goes into it ---- */

static int add_part(struct save *s, const struct part *p, struct err *e)
{
	for (size_t i = 0; i < s->n; i++)
		if (p->text == NULL && s->parts[i].text == NULL && digest_eq(&s->parts[i].digest, &p->digest))
			return 0;
	struct part *grown = realloc(s->parts, (s->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_set(e, ENOMEM, "save");
	s->parts = grown;
	s->parts[s->n++] = *p;
	return 0;
}

static int add_text(struct save *s, const char *name, struct buf *b, struct err *e)
{
	struct part p = {.name = name, .text_len = b->len};

	int r = buf_error(b);
	p.text = r == 0 ? buf_take(b) : NULL;
	return p.text != NULL ? add_part(s, &p, e) : err_set(e, r < 0 ? -r : ENOMEM, "save");
}

static int add_blob(struct store *st, struct save *s, const struct digest *d, bool is_layer, struct err *e)
{
	struct part p = {.digest = *d};

	owned_fd int fd = is_layer ? store_layer_blob_open(st, d, e) : store_blob_open(st, d, e);
	return fd < 0 ? fd : add_part(s, &p, e);
}

static void put_path(struct json_writer *w, const struct digest *d)
{
	char path[16 + DIGEST_HEX_SIZE], hex[DIGEST_HEX_SIZE];

	(void)snprintf(path, sizeof(path), "blobs/sha256/%s", digest_hex(d, hex)); /* fits */
	jw_str(w, path);
}

static void put_index_entry(struct save *s, const struct image *i, size_t size, const struct ref *r)
{
	char text[REF_TEXT_SIZE], d[DIGEST_TEXT_SIZE];
	struct json_writer *w = &s->iw;

	jw_obj(w);
	jw_kstr(w, "mediaType", OCI_MEDIA_MANIFEST);
	jw_kstr(w, "digest", digest_text(&i->manifest, d));
	jw_kuint(w, "size", size);
	if (r != NULL) {
		jw_key(w, "annotations");
		jw_obj(w);
		jw_kstr(w, "io.containerd.image.name", ref_text(r, text));
		jw_kstr(w, "org.opencontainers.image.ref.name", r->tag);
		jw_end_obj(w);
	}
	jw_end_obj(w);
}

/* An image under some of its names; refs may be none. */
static int add_image(struct store *st, struct save *s, const struct image *i, const struct ref *refs, size_t n, struct err *e)
{
	struct buf text __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	char name[REF_TEXT_SIZE];
	struct oci_manifest m;

	int r = store_manifest(st, i, &m, &text, e);
	if (r < 0)
		return r;
	jw_obj(&s->dw);
	jw_key(&s->dw, "Config");
	put_path(&s->dw, &i->id);
	jw_key(&s->dw, "RepoTags");
	jw_arr(&s->dw);
	for (size_t k = 0; k < n; k++)
		jw_str(&s->dw, ref_familiar(&refs[k], name));
	jw_end_arr(&s->dw);
	jw_key(&s->dw, "Layers");
	jw_arr(&s->dw);
	r = add_blob(st, s, &i->manifest, /* is_layer= */ false, e);
	if (r == 0)
		r = add_blob(st, s, &i->id, /* is_layer= */ false, e);
	for (size_t k = 0; k < m.n && r == 0; k++) {
		put_path(&s->dw, &m.layers[k].digest);
		r = add_blob(st, s, &m.layers[k].digest, /* is_layer= */ true, e);
	}
	jw_end_arr(&s->dw);
	jw_end_obj(&s->dw);
	oci_manifest_release(&m);
	for (size_t k = 0; k < n; k++)
		put_index_entry(s, i, text.len, &refs[k]);
	if (n == 0)
		put_index_entry(s, i, text.len, NULL);
	return r;
}

/* A name means this one reference; a repository without tag all of its tags; an id none. */
static int add_name(struct daemon *d, struct save *s, const char *name, struct err *e)
{
	struct ref r, all[64];
	struct image *i;
	size_t n = 0;

	int code = store_find(d->store, name, &i, e);
	if (code < 0)
		return code;
	if (ref_parse(name, strlen(name), &r, NULL) == 0) {
		ref_default_tag(&r);
		for (size_t k = 0; k < i->n_refs && n < countof(all); k++)
			if (!i->refs[k].has_digest && strcmp(i->refs[k].name, r.name) == 0 && strcmp(i->refs[k].tag, r.tag) == 0)
				all[n++] = i->refs[k];
	}
	return add_image(d->store, s, i, all, n, e);
}

static int make_lists(struct save *s, struct err *e)
{
	struct buf layout = BUF_INIT(64);

	buf_puts(&layout, "{\"imageLayoutVersion\":\"1.0.0\"}");
	jw_end_arr(&s->dw);
	jw_end_arr(&s->iw);
	jw_end_obj(&s->iw);
	int r = add_text(s, "index.json", &s->index, e);
	if (r == 0)
		r = add_text(s, "manifest.json", &s->docker, e);
	if (r == 0)
		r = add_text(s, "oci-layout", &layout, e);
	return r;
}

/* ---- sending ---- */

static void put_head(struct req *q, const char *name, uint64_t size)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(4096);
	struct tar_head h = {.name = name, .type = '0', .mode = 0644, .size = size, .owner = ""};

	tar_put_head(&b, &h);
	stream_put(q, buf_str(&b), b.len);
}

static int begin_part(struct req *q, struct save *s)
{
	const struct part *p = &s->parts[s->at];
	char name[16 + DIGEST_HEX_SIZE], hex[DIGEST_HEX_SIZE];
	struct stat st;

	if (p->text != NULL) {
		put_head(q, p->name, p->text_len);
		stream_put(q, p->text, p->text_len);
		s->pad = tar_padding(p->text_len);
		return 0;
	}
	s->fd = store_blob_open(q->d->store, &p->digest, NULL);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return -ENOENT;
	(void)snprintf(name, sizeof(name), "blobs/sha256/%s", digest_hex(&p->digest, hex)); /* fits */
	put_head(q, name, (uint64_t)st.st_size);
	s->left = (uint64_t)st.st_size;
	s->pad = tar_padding(s->left);
	return 0;
}

static int send_piece(struct req *q, struct save *s)
{
	static char piece[PIECE];
	static const char zeros[2 * TAR_BLOCK];

	if (s->left > 0) {
		ssize_t n = read_full(s->fd, piece, s->left < PIECE ? (size_t)s->left : PIECE);
		if (n <= 0)
			return -EIO;
		stream_put(q, piece, (size_t)n);
		s->left -= (uint64_t)n;
		if (s->left > 0)
			return 0;
	}
	drop_fd(&s->fd);
	s->fd = -1;
	stream_put(q, zeros, s->pad);
	s->pad = 0;
	return ++s->at < s->n ? begin_part(q, s) : 0;
}

static void send_more(struct req *q)
{
	static const char zeros[2 * TAR_BLOCK];
	struct save *s = q->ctx;
	int r = 0;

	while (r == 0 && s->at < s->n && !stream_is_full(q))
		r = send_piece(q, s);
	if (r == 0 && s->at < s->n)
		return;
	q->ctx = NULL;
	save_free(s);
	if (r < 0) {
		log_error("images", "save: %s", strerror(-r));
		stream_abort(q);
		return;
	}
	stream_put(q, zeros, sizeof(zeros));
	stream_close(q);
}

static void on_gone(struct req *q)
{
	save_free(q->ctx);
	q->ctx = NULL;
}

static void save_names(struct req *q, const char *const *names, size_t n)
{
	struct save *s = calloc(1, sizeof(*s));
	struct err e;
	int r = s == NULL ? err_set(&e, ENOMEM, "save") : 0;

	if (s != NULL) {
		s->fd = -1;
		buf_init(&s->docker, DOC_MAX);
		buf_init(&s->index, DOC_MAX);
		jw_init(&s->dw, &s->docker);
		jw_init(&s->iw, &s->index);
		jw_arr(&s->dw);
		jw_obj(&s->iw);
		jw_kint(&s->iw, "schemaVersion", 2);
		jw_kstr(&s->iw, "mediaType", OCI_MEDIA_INDEX);
		jw_key(&s->iw, "manifests");
		jw_arr(&s->iw);
	}
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_name(q->d, s, names[i], &e);
	if (r == 0)
		r = make_lists(s, &e);
	if (r < 0) {
		save_free(s);
		reply_err(q, &e);
		return;
	}
	q->ctx = s;
	q->on_gone = on_gone;
	q->on_drain = send_more;
	stream_open(q, 200, TYPE_TAR);
	if (begin_part(q, s) < 0) {
		on_gone(q);
		stream_abort(q);
		return;
	}
	send_more(q);
}

void handle_save(struct req *q)
{
	const char *name = q->var;

	save_names(q, &name, 1);
}

void handle_save_many(struct req *q)
{
	const char *names[NAMES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < q->query.n; i++)
		if (strcmp(q->query.pair[i].name, "names") == 0 && n < NAMES_MAX)
			names[n++] = q->query.pair[i].value;
	if (n == 0)
		reply_error(q, 400, "no image was named");
	else
		save_names(q, names, n);
}
