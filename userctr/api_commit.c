// SPDX-License-Identifier: Apache-2.0
/* POST /commit: the upper layer of a container becomes one of an image. It goes the way of every archive: one helper writes it, the
 * confined one reads it. The container is not paused: a file that changes meanwhile has its old size and any content. */
#include "userctr/api_image.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/json.h"
#include "lib/image/load_msg.h"
#include "lib/image/store.h"
#include "userctr/ctr_internal.h"
#include "userctr/daemon.h"
#include "userctr/image_changes.h"
#include "userctr/route.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static int commit(struct req *q, const char *work, const struct load_msg *m, struct digest *ret_id, struct err *e)
{
	const char *comment = req_query(q, "comment"), *author = req_query(q, "author");
	struct ctr *c;

	int r = ctr_find(q->d, req_query(q, "container"), &c, e);
	if (r < 0)
		return r;
	struct image_parts p = {
		.layer = m,
		.parent = store_by_id(q->d->store, &c->image),
		.config = c->conf.config,
		.comment = comment != NULL ? comment : "",
		.author = author != NULL && *author != '\0' ? author : NULL,
		.created_by = "docker commit",
	};
	if (p.parent == NULL)
		return err_say(e, ENOENT, "the image of container %s is gone", c->id);
	return image_commit_layer(q, work, &p, ret_id, e);
}

static void committed(struct req *q, const char *work, const struct load_msg *const *msgs, size_t n, const struct err *why)
{
	struct buf b = BUF_INIT(4096);
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
	image_event(q->d, "create", &id, text);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "Id", text);
	jw_end_obj(&w);
	reply_json(q, 201, &b);
}

static void post_commit(struct req *q)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(OCI_DOC_MAX);
	const char *name = req_query(q, "container");
	char upper[PATH_MAX];
	struct json_writer w;
	struct ctr *c;
	struct ref ref;
	struct err e;

	/* what is wrong with the question is said before anything is read */
	int r = ctr_find(q->d, name != NULL ? name : "", &c, &e);
	if (r == 0)
		r = image_target(q, &ref, &e);
	jw_init(&w, &b);
	if (r >= 0)
		r = image_changes(q, c->conf.config, &w, &e);
	if (r < 0) {
		reply_err(q, &e);
		return;
	}
	image_work(q, "import", ctr_dir(c, "diff", upper), committed);
}

const struct route routes_commit[] = {
	{"POST", "/commit", post_commit, ROUTE_JSON, 0, 0},
	{0},
};
