// SPDX-License-Identifier: Apache-2.0
/* POST /images/load and /images/create: what a helper brought becomes images. */
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

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX 1024

/* One line of a progress stream, its text as docker's clients print it. */
static void put_stream(struct buf *b, const char *fmt, const char *text)
{
	char line[REF_TEXT_SIZE + 64];
	struct json_writer w;

	(void)snprintf(line, sizeof(line), fmt, text); /* fits */
	jw_init(&w, b);
	jw_obj(&w);
	jw_kstr(&w, "stream", line);
	jw_end_obj(&w);
	buf_puts(b, "\n");
}

static void put_error(struct buf *b, const char *msg)
{
	struct json_writer w;

	jw_init(&w, b);
	jw_obj(&w);
	jw_key(&w, "errorDetail");
	jw_obj(&w);
	jw_kstr(&w, "message", msg);
	jw_end_obj(&w);
	jw_kstr(&w, "error", msg);
	jw_end_obj(&w);
	buf_puts(b, "\n");
}

static int take_names(const struct load_msg *m, struct ref *refs, size_t *ret_n, struct err *e)
{
	size_t n = 0;

	for (const char *p = m->text; p < m->text + m->text_len; p += strlen(p) + 1) {
		if (n == NAMES_MAX)
			return err_say(e, E_LIMIT, "more than %d names", NAMES_MAX);
		int r = ref_parse(p, strlen(p), &refs[n], e);
		if (r < 0)
			return r;
		ref_default_tag(&refs[n++]);
	}
	*ret_n = n;
	return 0;
}

static int commit_one(struct req *q, const char *work, const struct load_msg *m, struct ref *refs, struct buf *out,
		      struct err *e)
{
	char text[REF_TEXT_SIZE], id[DIGEST_TEXT_SIZE];
	struct image *i = NULL;
	size_t n = 0;

	int r = take_names(m, refs, &n, e);
	if (r == 0)
		r = store_commit(q->d->store, work, &m->one, refs, n, &i, e);
	if (r < 0)
		return r;
	struct digest known = i->id;
	digest_text(&known, id);
	for (size_t k = 0; k < n; k++)
		put_stream(out, "Loaded image: %s\n", ref_familiar(&refs[k], text));
	if (n == 0)
		put_stream(out, "Loaded image ID: %s\n", id);
	image_event(q->d, "load", &known, id);
	return 0;
}

static void loaded(struct req *q, const char *work, const struct load_msg *const *msgs, size_t n, const struct err *why)
{
	struct buf b = BUF_INIT((size_t)4 << 20);
	owned_mem struct ref *refs = calloc(NAMES_MAX, sizeof(*refs));
	struct err e = {0};
	size_t done = 0;

	if (why != NULL)
		e = *why;
	else if (refs == NULL)
		(void)err_set(&e, ENOMEM, "load");
	for (size_t i = 0; i < n && e.code == 0; i++)
		if (msgs[i]->kind == LOAD_IMAGE && commit_one(q, work, msgs[i], refs, &b, &e) == 0)
			done++;
	if (e.code != 0 && done == 0) {
		buf_release(&b);
		reply_err(q, &e);
		return;
	}
	if (e.code != 0) /* the first ones are here to stay, and said so */
		put_error(&b, e.msg);
	stream_open(q, 200, TYPE_JSON);
	stream_put(q, buf_str(&b), b.len);
	stream_close(q);
	buf_release(&b);
}

void handle_load(struct req *q)
{
	image_work(q, "load", /* tree= */ NULL, loaded);
}
