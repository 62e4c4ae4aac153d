// SPDX-License-Identifier: Apache-2.0
/* An image around a layer that a helper brought (docker import, docker commit): its config and manifest, in the work folder. */
#include "userctr/api_image.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/load_msg.h"
#include "lib/image/store.h"
#include "lib/stream/stream.h"
#include "lib/sys/io.h"
#include "userctr/daemon.h"
#include "userctr/image_changes.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* A document into the work folder, where store_commit() looks for it. Durable: it is part of the image. */
static int put_blob(struct req *q, const char *work, struct buf *b, struct digest *ret, struct err *e)
{
	char path[CONF_PATH_SIZE + STORE_WORK_SIZE + DIGEST_HEX_SIZE + 16], hex[DIGEST_HEX_SIZE];

	int r = buf_error(b);
	if (r < 0)
		return err_set(e, -r, "make a document");
	digest_of(b->data, b->len, ret);
	(void)snprintf(path, sizeof(path), "%s/tmp/%s/blobs/%s", q->d->conf.root, work, digest_hex(ret, hex)); /* fits */
	owned_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : write_all(fd, b->data, b->len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? err_set(e, -r, "write '%s'", path) : 0;
}

static void put_history(struct json_writer *w, const struct image_parts *p, const char *when)
{
	struct json_iter it = json_iter(p->parent != NULL ? p->parent->config.history : NULL);

	jw_key(w, "history");
	jw_arr(w);
	while (json_next(&it))
		jw_value(w, it.value);
	jw_obj(w);
	jw_kstr(w, "created", when);
	if (p->created_by != NULL)
		jw_kstr(w, "created_by", p->created_by);
	if (p->author != NULL)
		jw_kstr(w, "author", p->author);
	jw_kstr(w, "comment", p->comment);
	jw_end_obj(w);
	jw_end_arr(w);
}

static int put_config(struct req *q, const char *work, const struct image_parts *p, struct digest *ret, size_t *ret_size,
		      struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	char when[CLOCK_RFC3339_SIZE], text[DIGEST_TEXT_SIZE];
	struct json_writer w;

	clock_rfc3339(clock_real_ns(), when);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "architecture", p->parent != NULL ? p->parent->config.architecture : "amd64");
	if (p->author != NULL)
		jw_kstr(&w, "author", p->author);
	jw_kstr(&w, "comment", p->comment);
	jw_key(&w, "config");
	int r = image_changes(q, p->config, &w, e);
	if (r < 0)
		return r;
	jw_kstr(&w, "created", when);
	put_history(&w, p, when);
	jw_kstr(&w, "os", "linux");
	jw_key(&w, "rootfs");
	jw_obj(&w);
	jw_kstr(&w, "type", "layers");
	jw_key(&w, "diff_ids");
	jw_arr(&w);
	for (size_t i = 0; p->parent != NULL && i < p->parent->config.n; i++)
		jw_str(&w, digest_text(&p->parent->config.diff_ids[i], text));
	jw_str(&w, digest_text(&p->layer->one, text));
	jw_end_arr(&w);
	jw_end_obj(&w);
	jw_end_obj(&w);
	*ret_size = b.len;
	return put_blob(q, work, &b, ret, e);
}

static struct oci_descriptor layer_of(const struct load_msg *m)
{
	bool is_gzip = m->b == STREAM_GZIP, is_zstd = m->b == STREAM_ZSTD;

	return (struct oci_descriptor){
		.kind = is_gzip ? OCI_LAYER_GZIP : is_zstd ? OCI_LAYER_ZSTD : OCI_LAYER,
		.media_type = is_gzip ? OCI_MEDIA_LAYER_GZIP : is_zstd ? OCI_MEDIA_LAYER_ZSTD : OCI_MEDIA_LAYER,
		.digest = m->two,
		.size = m->a,
	};
}

static int put_manifest(struct req *q, const char *work, const struct image_parts *p, struct digest *ret, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	struct buf text __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	struct oci_descriptor config = {.kind = OCI_CONFIG, .media_type = OCI_MEDIA_CONFIG};
	struct oci_manifest below = {0};
	size_t size = 0;

	int r = put_config(q, work, p, &config.digest, &size, e);
	if (r == 0 && p->parent != NULL)
		r = store_manifest(q->d->store, p->parent, &below, &text, e);
	if (r < 0)
		return r;
	config.size = size;
	owned_mem struct oci_descriptor *layers = calloc(below.n + 1, sizeof(*layers));
	if (layers != NULL) {
		for (size_t i = 0; i < below.n; i++)
			layers[i] = below.layers[i];
		layers[below.n] = layer_of(p->layer);
		oci_manifest_print(&b, &config, layers, below.n + 1);
	}
	r = layers != NULL ? put_blob(q, work, &b, ret, e) : err_set(e, ENOMEM, "manifest");
	oci_manifest_release(&below);
	return r;
}

int image_target(struct req *q, struct ref *ret, struct err *e)
{
	const char *repo = req_query(q, "repo"), *tag = req_query(q, "tag");

	if (repo == NULL || *repo == '\0')
		return 0;
	int r = ref_parse(repo, strlen(repo), ret, e);
	if (r < 0)
		return r;
	if (ret->has_digest)
		return err_say(e, EINVAL, "cannot import digest reference");
	if (tag != NULL && *tag != '\0') {
		if (!ref_tag_is_valid(tag, strlen(tag)))
			return err_say(e, EINVAL, "invalid tag format");
		strcpy(ret->tag, tag);
	}
	ref_default_tag(ret);
	return 1;
}

/* Of a preloaded parent the layers have no blobs; they are made, because this image may leave the machine. */
int image_have_blobs(struct req *q, const struct image *parent, struct err *e)
{
	struct buf text __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	struct oci_manifest m = {0};

	if (parent == NULL)
		return 0;
	int r = store_manifest(q->d->store, parent, &m, &text, e);
	for (size_t i = 0; r >= 0 && i < m.n; i++) {
		owned_fd int fd = store_layer_blob_open(q->d->store, &m.layers[i].digest, e);
		r = fd < 0 ? fd : 0;
	}
	oci_manifest_release(&m);
	return r;
}

int image_commit_layer(struct req *q, const char *work, const struct image_parts *p, struct digest *ret_id, struct err *e)
{
	struct digest manifest;
	struct image *i;
	struct ref ref;

	int n = image_target(q, &ref, e);
	int r = n < 0 ? n : image_have_blobs(q, p->parent, e);
	if (r == 0)
		r = put_manifest(q, work, p, &manifest, e);
	if (r == 0)
		r = store_commit(q->d->store, work, &manifest, &ref, (size_t)n, &i, e);
	if (r == 0)
		*ret_id = i->id;
	return r;
}
