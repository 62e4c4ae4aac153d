// SPDX-License-Identifier: Apache-2.0
/* Tag, delete, prune: docker's rules of what may go while containers use it. */
#include "userctr/api_image.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/store.h"
#include "userctr/ctr.h"
#include "userctr/daemon.h"
#include "userctr/filters.h"

#include <string.h>

#define REPLY_MAX     ((size_t)16 << 20)
#define SHORT_ID      12
#define PRUNE_FILTERS "dangling label label! until"

void handle_tag(struct req *q)
{
	const char *repo = req_query(q, "repo"), *tag = req_query(q, "tag");
	char text[REF_TEXT_SIZE];
	struct image *i;
	struct ref r;
	struct err e;

	int code = store_find(q->d->store, q->var, &i, &e);
	if (code == 0)
		code = ref_parse(repo != NULL ? repo : "", repo != NULL ? strlen(repo) : 0, &r, &e);
	if (code == 0 && r.has_digest)
		code = err_say(&e, EINVAL, "refusing to create a tag with a digest reference");
	if (code == 0 && tag != NULL && *tag != '\0') {
		if (ref_tag_is_valid(tag, strlen(tag)))
			strcpy(r.tag, tag);
		else
			code = err_say(&e, EINVAL, "invalid tag format");
	}
	if (code < 0) {
		reply_err(q, &e);
		return;
	}
	ref_default_tag(&r);
	struct digest id = i->id;
	if (store_tag(q->d->store, i, &r, NULL, &e) < 0) {
		reply_err(q, &e);
		return;
	}
	image_event(q->d, "tag", &id, ref_familiar(&r, text));
	reply_empty(q, 201);
}

/* ---- delete ---- */

struct deletion {
	struct daemon *d;
	struct json_writer *w; /* an array is open */
	bool want_force;
};

static void put_record(struct deletion *x, const char *key, const char *value)
{
	jw_obj(x->w);
	jw_kstr(x->w, key, value);
	jw_end_obj(x->w);
}

static int untag(struct deletion *x, const struct image *i, const struct ref *r, struct err *e)
{
	char text[REF_TEXT_SIZE], id[DIGEST_TEXT_SIZE];
	struct digest known = i->id;
	struct ref ref = *r; /* it is the image's own and goes */

	int code = store_untag(x->d->store, &ref, e);
	if (code < 0)
		return code;
	put_record(x, "Untagged", ref_familiar(&ref, text));
	image_event(x->d, "untag", &known, digest_text(&known, id));
	return 0;
}

static bool is_running(const struct ctr *c)
{
	return c->state == CTR_RUNNING || c->state == CTR_PAUSED || c->state == CTR_RESTARTING;
}

static int conflict(const struct image *i, bool is_hard, const char *why, const struct ctr *c, struct err *e)
{
	char hex[DIGEST_HEX_SIZE];

	return err_say(e, EBUSY, "conflict: unable to delete %.*s (%s) - image is %s%.*s", SHORT_ID, digest_hex(&i->id, hex),
		       is_hard ? "cannot be forced" : "must be forced", why, SHORT_ID, c != NULL ? c->id : "");
}

/* What stands against deleting i altogether. A container keeps its image's layers, so even by force the image of a stopped one
 * only loses its names. */
static int check_conflict(const struct deletion *x, const struct image *i, bool by_id, struct err *e)
{
	const struct ctr *c = ctr_of_image(x->d, &i->id);

	if (c != NULL && is_running(c))
		return conflict(i, true, "being used by running container ", c, e);
	if (c != NULL && !x->want_force)
		return conflict(i, false, "being used by stopped container ", c, e);
	if (c != NULL && i->n_refs == 0)
		return conflict(i, true, "being used by stopped container ", c, e);
	if (by_id && !x->want_force && i->n_refs > 1)
		return conflict(i, false, "referenced in multiple repositories", NULL, e);
	return 0;
}

static int remove_whole(struct deletion *x, struct image *i, struct err *e)
{
	struct digest known = i->id;
	char id[DIGEST_TEXT_SIZE];
	int r = 0;

	while (r == 0 && i->n_refs > 0) {
		r = untag(x, i, &i->refs[i->n_refs - 1], e);
		i = store_by_id(x->d->store, &known);
		if (i == NULL)
			return r;
	}
	if (r < 0 || ctr_of_image(x->d, &known) != NULL)
		return r;
	digest_text(&known, id);
	image_event(x->d, "delete", &known, id);
	r = store_remove(x->d->store, i, e);
	if (r == 0)
		put_record(x, "Deleted", id);
	return r;
}

static bool is_prefix_of_id(const char *name, const struct digest *id)
{
	char hex[DIGEST_HEX_SIZE];

	if (strncmp(name, "sha256:", 7) == 0)
		name += 7;
	return strncmp(digest_hex(id, hex), name, strlen(name)) == 0;
}

/* By reference: it goes, and the image with its last one, unless containers use that. */
static int delete_by_ref(struct deletion *x, struct image *i, const char *name, struct err *e)
{
	const struct ctr *c = ctr_of_image(x->d, &i->id);
	char hex[DIGEST_HEX_SIZE];
	struct digest known = i->id;
	struct ref r;

	if (!x->want_force && i->n_refs == 1 && c != NULL)
		return err_say(e, EBUSY,
			       "conflict: unable to remove repository reference \"%.200s\" (must force) - container %.*s is using "
			       "its referenced image %.*s",
			       name, SHORT_ID, c->id, SHORT_ID, digest_hex(&i->id, hex));
	int code = ref_parse(name, strlen(name), &r, e);
	if (code < 0)
		return code;
	ref_default_tag(&r);
	if (r.has_digest)
		r.tag[0] = '\0';
	code = untag(x, i, &r, e);
	if (code < 0)
		return code;
	i = store_by_id(x->d->store, &known);
	if (i == NULL || i->n_refs > 0 || check_conflict(x, i, /* by_id= */ false, NULL) < 0)
		return 0;
	return remove_whole(x, i, e);
}

static int delete_one(struct deletion *x, const char *name, struct err *e)
{
	struct image *i;

	int r = store_find(x->d->store, name, &i, e);
	if (r < 0)
		return r;
	if (!is_prefix_of_id(name, &i->id))
		return delete_by_ref(x, i, name, e);
	r = check_conflict(x, i, /* by_id= */ true, e);
	return r < 0 ? r : remove_whole(x, i, e);
}

void handle_delete(struct req *q)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	struct json_writer w;
	struct deletion x = {q->d, &w, req_flag(q, "force")};
	struct err e;

	jw_init(&w, &b);
	jw_arr(&w);
	int r = delete_one(&x, q->var, &e);
	jw_end_arr(&w);
	images_sweep(q->d);
	if (r < 0) {
		buf_release(&b);
		reply_err(q, &e);
		return;
	}
	reply_json(q, 200, &b);
}

/* ---- prune ---- */

struct prune {
	struct filters f;
	int only_dangling;
	int64_t until;
};

static bool may_go(struct daemon *d, const struct prune *p, const struct image *i)
{
	const struct json *labels = json_get(i->config.config, "Labels");

	if ((p->only_dangling && i->n_refs > 0) || (p->until != 0 && i->created >= p->until))
		return false;
	return ctr_of_image(d, &i->id) == NULL && filters_match_labels(&p->f, "label", labels) &&
	       filters_miss_labels(&p->f, "label!", labels);
}

static int parse_prune(struct req *q, struct prune *p, struct err *e)
{
	int64_t ns = 0;

	int r = filters_parse(req_query(q, "filters"), PRUNE_FILTERS, &p->f, e);
	if (r < 0)
		return r;
	p->only_dangling = filters_bool(&p->f, "dangling", 1, e);
	if (p->only_dangling < 0)
		return p->only_dangling;
	r = filters_until(&p->f, clock_real_ns(), &ns, e);
	p->until = r == 1 ? ns / 1000000000 : 0;
	return r;
}

/* One at a time, looked for again: removing one may change the list. */
static int prune_all(struct deletion *x, const struct prune *p, struct err *e)
{
	for (;;) {
		struct image *next = NULL;
		list_for_each(it, store_images(x->d->store)) {
			struct image *i = owner_of(it, struct image, link);
			if (may_go(x->d, p, i)) {
				next = i;
				break;
			}
		}
		if (next == NULL)
			return 0;
		int r = remove_whole(x, next, e);
		if (r < 0)
			return r;
	}
}

void handle_prune(struct req *q)
{
	struct buf list = BUF_INIT(REPLY_MAX), b = BUF_INIT(REPLY_MAX);
	struct json_writer w;
	struct deletion x = {q->d, &w, /* want_force= */ false};
	struct prune p = {0};
	struct err e;

	uint64_t before = store_layers_size(q->d->store);
	jw_init(&w, &list);
	jw_arr(&w);
	int r = parse_prune(q, &p, &e);
	if (r >= 0)
		r = prune_all(&x, &p, &e);
	jw_end_arr(&w);
	filters_release(&p.f);
	images_sweep(q->d);
	if (r < 0) {
		buf_release(&list);
		reply_err(q, &e);
		return;
	}
	uint64_t after = store_layers_size(q->d->store);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_key(&w, "ImagesDeleted");
	if (list.len > 2)
		jw_raw(&w, list.data, list.len);
	else
		jw_null(&w);
	jw_kuint(&w, "SpaceReclaimed", before > after ? before - after : 0);
	jw_end_obj(&w);
	buf_release(&list);
	reply_json(q, 200, &b);
}
