// SPDX-License-Identifier: Apache-2.0
/* docker push: the helper reads the store and talks to the registry; here its words become docker's records. */
#include "userctr/api_image.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/load_msg.h"
#include "lib/image/store.h"
#include "lib/sys/syscalls.h"
#include "userctr/daemon.h"
#include "userctr/events.h"
#include "userctr/image_fetch.h"
#include "userctr/image_helper.h"
#include "userctr/image_progress.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct push_layer {
	struct digest diff_id;
	uint64_t size;
};

struct push {
	struct source s; /* fd owned */
	struct req *q;
	struct daemon *d;
	struct ref ref;
	struct digest id;
	int pidfd;		   /* owned */
	struct push_layer *layers; /* owned */
	size_t n;
	struct err why;
	bool is_done;
};

/* "1: digest: sha256:... size: 527", and the same for programs. */
static void put_end(struct push *p, const struct load_msg *m)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(4096);
	char t[DIGEST_TEXT_SIZE], line[REF_TAG_MAX + 128];
	struct json_writer w;

	(void)snprintf(line, sizeof(line), "%s: digest: %s size: %llu", p->ref.tag, digest_text(&m->one, t),
		       (unsigned long long)m->a); /* fits */
	progress_status(p->q, NULL, "%s", line);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_key(&w, "progressDetail");
	jw_obj(&w);
	jw_end_obj(&w);
	jw_key(&w, "aux");
	jw_obj(&w);
	jw_kstr(&w, "Tag", p->ref.tag);
	jw_kstr(&w, "Digest", t);
	jw_kuint(&w, "Size", m->a);
	jw_end_obj(&w);
	jw_end_obj(&w);
	buf_puts(&b, "\r\n");
	stream_put(p->q, buf_str(&b), b.len);
}

/* The image is known by what the registry has of it from now on. */
static void keep_digest(struct push *p, const struct digest *manifest)
{
	struct image *i = store_by_id(p->d->store, &p->id);
	struct ref named = p->ref;
	char name[REF_TEXT_SIZE], id[REF_TEXT_SIZE];
	struct err e;

	if (i == NULL)
		return; /* was removed meanwhile */
	named.tag[0] = '\0';
	named.has_digest = true;
	named.digest = *manifest;
	(void)store_tag(p->d->store, i, &named, NULL, &e); /* only a name less */
	(void)snprintf(name, sizeof(name), "%s", ref_familiar_name(&p->ref)); /* fits */
	struct event_attr attr = {"name", name};
	event_emit(p->d, EVENT_TYPE_IMAGE, "push", ref_familiar(&p->ref, id), &attr, 1, json_get(i->config.config, "Labels"));
}

static void take(struct push *p, const struct load_msg *m)
{
	const struct push_layer *l = m->kind == FETCH_PUSH && m->a < p->n ? &p->layers[m->a] : NULL;

	switch (m->kind) {
	case FETCH_PUSH:
		if (l == NULL)
			break;
		if (m->b == 1) {
			progress_layer(p->q, &l->diff_id, "Pushing", 0, l->size);
		} else {
			if (m->b == 2)
				progress_layer(p->q, &l->diff_id, "Pushing", l->size, l->size);
			progress_layer(p->q, &l->diff_id, m->b == 3 ? "Layer already exists" : "Pushed", PROGRESS_NO_BAR, 0);
		}
		return;
	case FETCH_PUSHED:
		keep_digest(p, &m->one);
		put_end(p, m);
		return;
	case FETCH_FAILED: (void)err_say(&p->why, m->a > 0 && m->a < 4096 ? (int)m->a : EIO, "%.480s", m->text); return;
	case FETCH_DONE: p->is_done = true; return;
	default: break;
	}
	(void)err_set(&p->why, EPROTO, "message %u of the helper", m->kind);
}

static void push_free(struct push *p)
{
	drop_fd(&p->s.fd);
	if (p->pidfd >= 0) {
		(void)sys_pidfd_send_signal(p->pidfd, SIGKILL); /* has ended already, most likely */
		(void)helper_reap(p->pidfd);
	}
	free(p->layers);
	free(p);
}

static void on_gone(struct source *s)
{
	struct push *p = owner_of(s, struct push, s);

	if (!p->is_done && p->why.code == 0)
		(void)err_say(&p->why, EIO, "the helper that pushes ended without a word");
	if (p->why.code != 0)
		progress_error(p->q, p->why.msg);
	stream_close(p->q);
	push_free(p);
}

static void on_message(struct source *s, uint32_t events)
{
	static struct load_msg m; /* large */
	struct push *p = owner_of(s, struct push, s);
	int r;

	(void)events;
	while ((r = load_msg_recv(s->fd, &m, MSG_DONTWAIT)) > 0)
		take(p, &m);
	if (r != -EAGAIN || p->q->conn == NULL)
		loop_remove(s);
}

/* What the image has, before anything is sent. */
static int look(struct push *p, struct image **ret, struct err *e)
{
	const char *tag = req_query(p->q, "tag");
	char text[REF_TEXT_SIZE];

	int r = ref_parse(p->q->var, strlen(p->q->var), &p->ref, e);
	if (r < 0)
		return r;
	if (tag != NULL && *tag != '\0') {
		if (!ref_tag_is_valid(tag, strlen(tag)))
			return err_say(e, EINVAL, "invalid tag format");
		strcpy(p->ref.tag, tag);
	}
	if (p->ref.tag[0] == '\0' || p->ref.has_digest)
		return err_say(e, p->ref.has_digest ? EINVAL : ENOSYS, "%s",
			       p->ref.has_digest ? "cannot push a digest reference" : "pushing all tags is not supported: name one");
	ref_text(&p->ref, text);
	if (store_find(p->d->store, text, ret, NULL) < 0)
		return err_say(e, ENOENT, "An image does not exist locally with the tag: %s", ref_familiar_name(&p->ref));
	return image_have_blobs(p->q, *ret, e);
}

static int begin(struct push *p, struct err *e)
{
	struct json_doc *auth = NULL;
	struct image *i;

	int r = look(p, &i, e);
	if (r < 0)
		return r;
	p->id = i->id;
	p->n = i->config.n;
	p->layers = calloc(p->n + 1, sizeof(*p->layers));
	if (p->layers == NULL)
		return err_set(e, ENOMEM, "push");
	for (size_t k = 0; k < p->n; k++) {
		p->layers[k].diff_id = i->config.diff_ids[k];
		(void)store_layer_size(p->d->store, &p->layers[k].diff_id, &p->layers[k].size); /* 0 is only less to see */
	}
	auth = fetch_auth(p->q);
	const struct fetch_start s = {.op = "push", .folder = p->d->conf.root, .ref = &p->ref, .manifest = &i->manifest,
				      .auth = json_root(auth), .to = -1};
	p->pidfd = fetch_start(&p->d->conf, &s, &p->s.fd, e);
	json_free(auth);
	if (p->pidfd < 0)
		return p->pidfd;
	return loop_add(&p->d->loop, &p->s, EPOLLIN, e);
}

void handle_push(struct req *q)
{
	struct push *p = calloc(1, sizeof(*p));
	struct err e;

	if (p == NULL) {
		reply_error(q, 500, "out of memory");
		return;
	}
	p->s = (struct source){.fd = -1, .name = "push", .ready = on_message, .gone = on_gone};
	p->q = q;
	p->d = q->d;
	p->pidfd = -1;
	if (begin(p, &e) < 0) {
		reply_err(q, &e);
		push_free(p);
		return;
	}
	stream_open(q, 200, TYPE_JSON);
	progress_status(q, NULL, "The push refers to repository [%s]", p->ref.name);
	for (size_t i = 0; i < p->n; i++)
		progress_layer(q, &p->layers[i].diff_id, "Preparing", PROGRESS_NO_BAR, 0);
}
