// SPDX-License-Identifier: Apache-2.0
/* docker pull: one helper talks to the registry and writes an archive, another unpacks it, and what they say becomes docker's
 * progress records. Nothing is answered before the registry has said what the reference means, so that an early error has a status. */
#include "userctr/api_image.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_image.h"
#include "lib/image/load_msg.h"
#include "lib/image/store.h"
#include "userctr/daemon.h"
#include "userctr/events.h"
#include "userctr/image_fetch.h"
#include "userctr/image_progress.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pull_layer {
	struct digest blob;
	uint64_t size;
	bool is_here, is_done;
};

struct pull {
	struct source s; /* fd owned: messages of the helper that fetches */
	struct req *q;
	struct daemon *d;
	struct ref ref;
	struct fetch_platform platform;
	struct json_doc *auth; /* owned */
	struct digest top, config;
	struct pull_layer *layers; /* owned */
	size_t n, told;
	bool is_resolved, is_current, is_added, is_over;
	struct err why;
	int status; /* of an early error */
};

static void pull_free(struct pull *p)
{
	drop_fd(&p->s.fd);
	json_free(p->auth);
	free(p->layers);
	free(p);
}

static void open_stream(struct pull *p)
{
	char id[DIGEST_TEXT_SIZE + REF_TAG_MAX];

	stream_open(p->q, 200, TYPE_JSON);
	if (p->ref.has_digest)
		digest_text(&p->ref.digest, id);
	else
		strcpy(id, p->ref.tag);
	progress_status(p->q, id, "Pulling from %s", p->ref.name + p->ref.domain_len + 1);
}

/* ---- the end ---- */

/* Its tag, and the digest that the tag had. */
static size_t names_of(const struct pull *p, struct ref refs[2])
{
	size_t n = 0;

	if (!p->ref.has_digest)
		refs[n++] = p->ref;
	refs[n] = p->ref;
	refs[n].tag[0] = '\0';
	refs[n].has_digest = true;
	refs[n++].digest = p->top;
	return n;
}

/* Whether the reference meant this image before. */
static bool has_name(const struct image *i, const struct ref *r)
{
	char a[REF_TEXT_SIZE], b[REF_TEXT_SIZE];

	for (size_t k = 0; k < i->n_refs; k++)
		if (strcmp(ref_text(&i->refs[k], a), ref_text(r, b)) == 0)
			return true;
	return false;
}

static int commit(struct pull *p, const char *work, const struct load_msg *const *msgs, size_t n, bool *ret_is_new, struct err *e)
{
	struct image *i = store_by_id(p->d->store, &p->config);
	struct ref refs[2];
	size_t k = names_of(p, refs);
	int r = 0;

	*ret_is_new = i == NULL || !has_name(i, &refs[0]);
	if (i == NULL || !p->is_current) {
		if (n != 1 || msgs[0]->kind != LOAD_IMAGE)
			return err_say(e, EPROTO, "the helper brought %zu images", n);
		r = store_commit(p->d->store, work, &msgs[0]->one, refs, k, &i, e);
		if (r == 0 && !digest_eq(&i->id, &p->config))
			r = err_say(e, E_DIGEST, "the helper brought another image");
		return r;
	}
	for (size_t j = 0; j < k && r >= 0; j++)
		if (!has_name(i, &refs[j]))
			r = store_tag(p->d->store, i, &refs[j], NULL, e);
	return r < 0 ? r : 0;
}

static void finish(struct pull *p, const char *work, const struct load_msg *const *msgs, size_t n)
{
	char text[DIGEST_TEXT_SIZE], name[REF_TEXT_SIZE], id[REF_TEXT_SIZE];
	struct image *i;
	bool is_new;

	if (p->why.code == 0 && commit(p, work, msgs, n, &is_new, &p->why) == 0) {
		i = store_by_id(p->d->store, &p->config);
		(void)snprintf(name, sizeof(name), "%s", ref_familiar_name(&p->ref)); /* fits */
		ref_familiar(&p->ref, id);
		struct event_attr attr = {"name", name};
		event_emit(p->d, EVENT_TYPE_IMAGE, "pull", id, &attr, 1, i != NULL ? json_get(i->config.config, "Labels") : NULL);
		progress_status(p->q, NULL, "Digest: %s", digest_text(&p->top, text));
		progress_status(p->q, NULL, is_new ? "Status: Downloaded newer image for %s" : "Status: Image is up to date for %s", id);
		stream_close(p->q);
		return;
	}
	if (!p->is_resolved) {
		reply_error(p->q, p->status, "%s", p->why.msg);
		return;
	}
	progress_error(p->q, p->why.msg);
	stream_close(p->q);
}

/* ---- what the helper says ---- */

static int take_layer(struct pull *p, const struct load_msg *m)
{
	if (p->told == p->n)
		return -EPROTO;
	p->layers[p->told++] = (struct pull_layer){.blob = m->one, .size = m->a, .is_here = m->b == 1};
	return 0;
}

static int take_resolved(struct pull *p, const struct load_msg *m)
{
	if (p->is_resolved || m->a > OCI_LAYERS_MAX)
		return -EPROTO;
	p->layers = calloc(m->a + 1, sizeof(*p->layers));
	if (p->layers == NULL)
		return -ENOMEM;
	p->n = m->a;
	p->top = m->one;
	p->config = m->two;
	p->is_resolved = true;
	open_stream(p);
	if (store_by_id(p->d->store, &p->config) != NULL) {
		p->is_current = true;
		image_work_stop(p->q);
	}
	return 0;
}

static void tell_layers(struct pull *p)
{
	for (size_t i = 0; i < p->told; i++) {
		p->layers[i].is_done = p->layers[i].is_here;
		progress_layer(p->q, &p->layers[i].blob, p->layers[i].is_here ? "Already exists" : "Pulling fs layer", PROGRESS_NO_BAR, 0);
	}
}

static int take(struct pull *p, const struct load_msg *m)
{
	bool has_layer = m->a < p->told;

	switch (m->kind) {
	case FETCH_RESOLVED: return take_resolved(p, m);
	case FETCH_LAYER: return take_layer(p, m);
	case FETCH_READY: tell_layers(p); return 0;
	case FETCH_PROGRESS:
		if (!has_layer)
			return -EPROTO;
		progress_layer(p->q, &p->layers[m->a].blob, "Downloading", m->b, p->layers[m->a].size);
		return 0;
	case FETCH_FETCHED:
		if (!has_layer)
			return -EPROTO;
		progress_layer(p->q, &p->layers[m->a].blob, "Download complete", PROGRESS_NO_BAR, 0);
		return 0;
	case FETCH_FAILED:
		(void)err_say(&p->why, m->a > 0 && m->a < 4096 ? (int)m->a : EIO, "%.480s", m->text);
		/* never 401: docker's client would ask for a password, and wait for it */
		p->status = m->b == 404 ? 404 : 500;
		/* its reader ended, and says why */
		if (m->a == EPIPE)
			p->why.code = 0;
		return 0;
	case FETCH_DONE: return 0;
	default: return -EPROTO;
	}
}

/* Returns false at its end. */
static bool hear(struct pull *p)
{
	static struct load_msg m; /* large */
	int r;

	while ((r = load_msg_recv(p->s.fd, &m, MSG_DONTWAIT)) > 0) {
		r = p->is_current ? 0 : take(p, &m);
		if (r < 0) {
			(void)err_set(&p->why, -r, "message %u of the helper", m.kind);
			image_work_stop(p->q);
			return false;
		}
	}
	return r == -EAGAIN;
}

static void on_message(struct source *s, uint32_t events)
{
	struct pull *p = owner_of(s, struct pull, s);

	(void)events;
	if (!hear(p))
		loop_remove(s);
	/* a client that left: what came so far is thrown away, as docker does */
	else if (p->q->conn == NULL && !p->is_current && p->why.code == 0) {
		(void)err_say(&p->why, ECANCELED, "the client left");
		image_work_stop(p->q);
	}
}

static void on_gone(struct source *s)
{
	struct pull *p = owner_of(s, struct pull, s);

	drop_fd(&p->s.fd);
	p->s.fd = -1;
	p->is_added = false;
	if (p->is_over)
		pull_free(p);
}

/* ---- as the maker of an archive ---- */

static int start(void *ctx, const char *folder, int to, struct err *e)
{
	struct pull *p = ctx;
	struct fetch_start s = {.op = "pull", .folder = folder, .ref = &p->ref, .platform = &p->platform,
				.auth = json_root(p->auth), .to = to};

	int pidfd = fetch_start(&p->d->conf, &s, &p->s.fd, e);
	if (pidfd < 0)
		return pidfd;
	json_free(take_ptr(p->auth)); /* kept no longer than needed */
	int r = loop_add(&p->d->loop, &p->s, EPOLLIN, e);
	if (r < 0) {
		close(pidfd); /* its socket ends, and so does it */
		return r;
	}
	p->is_added = true;
	return pidfd;
}

static void on_unpacked(void *ctx, const struct digest *blob)
{
	struct pull *p = ctx;

	if (p->s.fd >= 0)
		(void)hear(p); /* what was said before comes before */
	for (size_t i = 0; i < p->told; i++)
		if (!p->layers[i].is_done && digest_eq(&p->layers[i].blob, blob)) {
			p->layers[i].is_done = true;
			progress_layer(p->q, blob, "Extracting", p->layers[i].size, p->layers[i].size);
			progress_layer(p->q, &p->layers[i].blob, "Pull complete", PROGRESS_NO_BAR, 0);
		}
}

static void on_done(void *ctx, const char *work, const struct load_msg *const *msgs, size_t n, const struct err *why)
{
	struct pull *p = ctx;

	if (p->s.fd >= 0)
		(void)hear(p);
	if (p->why.code == 0 && why != NULL && !p->is_current)
		p->why = *why;
	finish(p, work, msgs, n);
	p->is_over = true;
	if (p->is_added)
		loop_remove(&p->s);
	else
		pull_free(p);
}

/* ---- the request ---- */

static int parse(struct pull *p, struct err *e)
{
	const char *image = req_query(p->q, "fromImage"), *tag = req_query(p->q, "tag");

	int r = ref_parse(image, strlen(image), &p->ref, e);
	if (r < 0)
		return r;
	if (tag != NULL && strchr(tag, ':') != NULL) {
		p->ref.has_digest = true;
		if (digest_parse(tag, strlen(tag), &p->ref.digest, NULL) < 0)
			return err_say(e, EINVAL, "invalid reference format");
	} else if (tag != NULL && *tag != '\0') {
		if (!ref_tag_is_valid(tag, strlen(tag)))
			return err_say(e, EINVAL, "invalid tag format");
		strcpy(p->ref.tag, tag);
		p->ref.has_digest = false;
	}
	if (!p->ref.has_digest && p->ref.tag[0] == '\0')
		return err_say(e, ENOSYS, "pulling all tags of '%.200s' is not supported: name one", image);
	if (p->ref.has_digest)
		p->ref.tag[0] = '\0';
	return fetch_platform_parse(req_query(p->q, "platform"), &p->platform, e);
}

void handle_pull(struct req *q)
{
	struct pull *p = calloc(1, sizeof(*p));
	struct err e;

	if (p == NULL) {
		reply_error(q, 500, "out of memory");
		return;
	}
	p->s = (struct source){.fd = -1, .name = "fetch", .ready = on_message, .gone = on_gone};
	p->q = q;
	p->d = q->d;
	p->status = 500;
	if (parse(p, &e) < 0) {
		reply_err(q, &e);
		pull_free(p);
		return;
	}
	p->auth = fetch_auth(q);
	const struct image_maker maker = {start, on_unpacked, on_done, p};
	image_work_from(q, &maker);
}
