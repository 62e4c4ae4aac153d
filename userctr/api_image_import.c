// SPDX-License-Identifier: Apache-2.0
/* POST /images/create: docker import, and the honest answer to docker pull. The helper makes a layer of the body; config and manifest
 * are ours. `changes` are Dockerfile lines. */
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
#include <sys/stat.h>

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

static int put_config(struct req *q, const char *work, const struct load_msg *m, struct digest *ret, size_t *ret_size,
		      struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	const char *message = req_query(q, "message");
	char when[CLOCK_RFC3339_SIZE], text[DIGEST_TEXT_SIZE];
	struct json_writer w;

	if (message == NULL || *message == '\0')
		message = "Imported from -";
	clock_rfc3339(clock_real_ns(), when);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "architecture", "amd64");
	jw_kstr(&w, "comment", message);
	jw_key(&w, "config");
	int r = image_changes(q, NULL, &w, e);
	if (r < 0)
		return r;
	jw_kstr(&w, "created", when);
	jw_key(&w, "history");
	jw_arr(&w);
	jw_obj(&w);
	jw_kstr(&w, "created", when);
	jw_kstr(&w, "comment", message);
	jw_end_obj(&w);
	jw_end_arr(&w);
	jw_kstr(&w, "os", "linux");
	jw_key(&w, "rootfs");
	jw_obj(&w);
	jw_kstr(&w, "type", "layers");
	jw_key(&w, "diff_ids");
	jw_arr(&w);
	jw_str(&w, digest_text(&m->one, text));
	jw_end_arr(&w);
	jw_end_obj(&w);
	jw_end_obj(&w);
	*ret_size = b.len;
	return put_blob(q, work, &b, ret, e);
}

static int put_manifest(struct req *q, const char *work, const struct load_msg *m, struct digest *ret, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	bool is_gzip = m->b == STREAM_GZIP, is_zstd = m->b == STREAM_ZSTD;
	struct oci_descriptor layer = {
		.kind = is_gzip ? OCI_LAYER_GZIP : is_zstd ? OCI_LAYER_ZSTD : OCI_LAYER,
		.media_type = is_gzip ? OCI_MEDIA_LAYER_GZIP : is_zstd ? OCI_MEDIA_LAYER_ZSTD : OCI_MEDIA_LAYER,
		.digest = m->two,
		.size = m->a,
	};
	struct oci_descriptor config = {.kind = OCI_CONFIG, .media_type = OCI_MEDIA_CONFIG};
	size_t size;

	int r = put_config(q, work, m, &config.digest, &size, e);
	if (r < 0)
		return r;
	config.size = size;
	oci_manifest_print(&b, &config, &layer, 1);
	return put_blob(q, work, &b, ret, e);
}

/* repo and tag of the query; none is fine. Returns the number of references. */
static int target(struct req *q, struct ref *ret, struct err *e)
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

static int commit(struct req *q, const char *work, const struct load_msg *m, struct digest *ret_id, struct err *e)
{
	struct digest manifest;
	struct image *i;
	struct ref ref;

	int n = target(q, &ref, e);
	int r = n < 0 ? n : put_manifest(q, work, m, &manifest, e);
	if (r == 0)
		r = store_commit(q->d->store, work, &manifest, &ref, (size_t)n, &i, e);
	if (r == 0)
		*ret_id = i->id;
	return r;
}

static void imported(struct req *q, const char *work, const struct load_msg *const *msgs, size_t n, const struct err *why)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(4096);
	char text[DIGEST_TEXT_SIZE];
	struct json_writer w;
	struct digest id;
	struct err e = {0};

	if (why != NULL)
		e = *why;
	else if (n != 1 || msgs[0]->kind != LOAD_LAYER)
		(void)err_say(&e, EPROTO, "the helper brought no layer");
	if (e.code != 0 || commit(q, work, msgs[0], &id, &e) < 0) {
		reply_err(q, &e);
		return;
	}
	digest_text(&id, text);
	image_event(q->d, "import", &id, text);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "status", text);
	jw_end_obj(&w);
	buf_puts(&b, "\r\n");
	stream_open(q, 200, TYPE_JSON);
	stream_put(q, buf_str(&b), b.len);
	stream_close(q);
}

/* What is wrong with the question is said before gigabytes have come. */
static int check_import(struct req *q, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	struct json_writer w;
	struct ref ref;

	jw_init(&w, &b);
	int r = target(q, &ref, e);
	return r < 0 ? r : image_changes(q, NULL, &w, e);
}

void handle_import(struct req *q)
{
	const char *from = req_query(q, "fromSrc"), *image = req_query(q, "fromImage"), *tag = req_query(q, "tag");
	struct err e;

	if (image != NULL && *image != '\0') {
		bool is_digest = tag != NULL && strchr(tag, ':') != NULL;
		reply_error(q, 501,
			    "cannot pull '%.200s%s%.100s': this version has no registry client yet; bring the image with docker load",
			    image, tag == NULL || *tag == '\0' ? "" : is_digest ? "@" : ":", tag != NULL ? tag : "");
		return;
	}
	if (from == NULL || strcmp(from, "-") != 0) {
		reply_error(q, 501, "importing from a URL is not supported: send the archive itself (docker import -)");
		return;
	}
	if (check_import(q, &e) < 0) {
		reply_err(q, &e);
		return;
	}
	image_work(q, "import", imported);
}
