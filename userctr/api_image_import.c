// SPDX-License-Identifier: Apache-2.0
/* POST /images/create: docker import; pulling is in api_image_pull.c. */
#include "userctr/api_image.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/json.h"
#include "lib/image/load_msg.h"
#include "lib/image/store.h"
#include "userctr/daemon.h"
#include "userctr/image_changes.h"

#include <errno.h>
#include <string.h>

static int commit(struct req *q, const char *work, const struct load_msg *m, struct digest *ret_id, struct err *e)
{
	const char *message = req_query(q, "message");
	struct image_parts p = {.layer = m, .comment = message != NULL && *message != '\0' ? message : "Imported from -"};

	return image_commit_layer(q, work, &p, ret_id, e);
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
	int r = image_target(q, &ref, e);
	return r < 0 ? r : image_changes(q, NULL, &w, e);
}

void handle_import(struct req *q)
{
	const char *from = req_query(q, "fromSrc"), *image = req_query(q, "fromImage");
	struct err e;

	if (image != NULL && *image != '\0') {
		handle_pull(q);
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
	image_work(q, "import", /* tree= */ NULL, imported);
}
