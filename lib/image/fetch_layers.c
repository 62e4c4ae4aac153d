// SPDX-License-Identifier: Apache-2.0
/* Layers side by side. One is the front: its bytes go into the pipe as they come, and when the reader is slow, so is everything, which
 * is what should happen. The others are written to files without a name until it is their turn. */
#include "lib/image/fetch_internal.h"

#include "lib/base/clock.h"
#include "lib/base/owned.h"
#include "lib/image/registry_internal.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TELL_MS	    100
#define PROGRESS_OK ((uint64_t)1 << 20) /* so much more than before: the registry is not to blame */

enum state {
	WAITING = 1, /* nothing was asked for */
	PAUSED,	     /* to be asked for again at due_ms */
	RUNNING,
	FETCHED,     /* all bytes are here */
	WRITTEN,     /* and in the pipe */
};

struct part {
	struct layers *all;
	const struct oci_descriptor *d;
	size_t i;
	enum state state;
	bool is_front;
	int file;	   /* owned; -1 = none */
	uint64_t got;	   /* bytes that are here */
	uint64_t mark;	   /* of them, when the last attempt began */
	uint64_t skip;	   /* bytes to be thrown away: the server began from the start */
	bool is_checked;   /* the head of the answer was looked at */
	unsigned attempt;
	int64_t due_ms, told_ms;
	uint64_t told; /* bytes */
	struct registry_step step;
	struct http_xfer x;
	struct err why;
};

struct layers {
	struct fetch *f;
	struct part *parts; /* owned */
	size_t n, front;
	unsigned running;
};

static int refuse(struct part *p, const char *what)
{
	char t[DIGEST_TEXT_SIZE];

	return err_say(&p->why, E_DIGEST, "layer %s: %s", digest_text(&p->d->digest, t), what);
}

/* The first bytes of an answer: is it about what was asked for? */
static int check_head(struct part *p)
{
	bool is_range = p->x.status == 206;
	uint64_t from = is_range ? p->got : 0;

	p->is_checked = true;
	if (is_range && p->x.range_from != p->got)
		return refuse(p, "the registry sent another range than was asked for");
	if (p->x.length != HTTP_NO_LENGTH && p->x.length != p->d->size - from)
		return refuse(p, "the registry sends another size than the manifest says");
	p->skip = is_range ? 0 : p->got;
	return 0;
}

static int on_data(void *ctx, const void *data, size_t n)
{
	struct part *p = ctx;
	struct fetch *f = p->all->f;
	const char *b = data;

	int r = p->is_checked ? 0 : check_head(p);
	if (r < 0)
		return r;
	if (p->skip > 0) {
		size_t cut = n < p->skip ? n : (size_t)p->skip;
		p->skip -= cut;
		b += cut;
		n -= cut;
	}
	if (n > p->d->size - p->got)
		return refuse(p, "the registry sends more than the manifest says");
	r = write_all(p->is_front ? f->job->out : p->file, b, n);
	if (r < 0)
		return err_set(&p->why, -r, p->is_front ? "write to the process that unpacks" : "keep a layer");
	p->got += n;
	if (clock_mono_ms() - p->told_ms >= TELL_MS) {
		p->told_ms = clock_mono_ms();
		p->told = p->got;
		f->sink->progress(f->sink->ctx, p->i, p->got);
	}
	return 0;
}

/* ---- writing ---- */

static int copy_file(struct part *p, struct err *e)
{
	static char block[1 << 17];
	ssize_t n;

	if (lseek(p->file, 0, SEEK_SET) < 0)
		return err_set(e, errno, "read a layer");
	while ((n = read(p->file, block, sizeof(block))) > 0) {
		int r = write_all(p->all->f->job->out, block, (size_t)n);
		if (r < 0)
			return err_set(e, -r, "write to the process that unpacks");
	}
	if (n < 0)
		return err_set(e, errno, "read a layer");
	drop_fd(&p->file);
	p->file = -1;
	return 0;
}

static bool is_twice(const struct layers *l, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (digest_eq(&l->parts[k].d->digest, &l->parts[i].d->digest))
			return true;
	return false;
}

/* The next layer becomes the front: what is here of it goes first. */
static int begin_front(struct layers *l, struct err *e)
{
	struct part *p = &l->parts[l->front];
	char name[16 + DIGEST_HEX_SIZE], hex[DIGEST_HEX_SIZE];

	(void)snprintf(name, sizeof(name), "blobs/sha256/%s", digest_hex(&p->d->digest, hex)); /* fits */
	p->is_front = true;
	int r = fetch_put_head(l->f, name, p->d->size, e);
	return r == 0 && p->file >= 0 ? copy_file(p, e) : r;
}

static int advance(struct layers *l, struct err *e)
{
	int r = 0;

	while (r == 0 && l->front < l->n) {
		struct part *p = &l->parts[l->front];
		if (p->state != WRITTEN && !p->is_front)
			r = begin_front(l, e);
		if (r == 0 && p->state == FETCHED) {
			r = fetch_put_end(l->f, p->d->size, e);
			p->state = WRITTEN;
		}
		if (p->state != WRITTEN)
			break;
		l->front++;
	}
	return r;
}

/* ---- asking ---- */

static int open_spool(const struct layers *l, struct part *p, struct err *e)
{
	char name[24];

	(void)snprintf(name, sizeof(name), "%zu", p->i); /* fits */
	p->file = openat(l->f->job->spool, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (p->file < 0 || unlinkat(l->f->job->spool, name, 0) < 0)
		return err_set(e, errno, "make a file for a layer");
	return 0;
}

static int ask(struct layers *l, struct part *p, struct err *e)
{
	int r = !p->is_front && p->file < 0 ? open_spool(l, p, e) : 0;

	if (r < 0)
		return r;
	if (p->step.url[0] == '\0')
		registry_blob_step(l->f->r, l->f->path, &p->d->digest, &p->step);
	p->is_checked = false;
	p->mark = p->got;
	r = registry_start(l->f->r, &p->step, &p->x, p->got, on_data, p, e);
	if (r < 0)
		return r;
	p->state = RUNNING;
	l->running++;
	return 0;
}

static int ask_more(struct layers *l, struct err *e)
{
	int64_t now = clock_mono_ms();
	unsigned busy = 0;
	int r = 0;

	for (size_t i = l->front; i < l->n && r == 0 && busy < l->f->job->parallel; i++) {
		struct part *p = &l->parts[i];
		if (p->state == WAITING || (p->state == PAUSED && p->due_ms <= now))
			r = ask(l, p, e);
		busy += p->state == RUNNING || p->state == PAUSED;
	}
	return r;
}

static void pause_part(struct part *p, int ms)
{
	p->step.url[0] = '\0'; /* where it was redirected to may be valid for a while only */
	p->step.has_authorized = false;
	p->step.redirects = 0;
	p->due_ms = clock_mono_ms() + ms;
	p->state = PAUSED;
}

static int finish(struct layers *l, struct part *p, struct err *e)
{
	struct fetch *f = l->f;
	char t[DIGEST_TEXT_SIZE], what[100];
	int ms = 0;

	p->attempt = p->got - p->mark >= PROGRESS_OK ? 0 : p->attempt;
	if (p->why.code != 0) {
		*e = p->why;
		return -e->code;
	}
	/* an answer without a length that ends early looks whole */
	bool is_ok = p->x.code == 0 && (p->x.status == 200 || p->x.status == 206);
	if (is_ok && p->got < p->d->size) {
		p->x.code = -EIO;
		(void)snprintf(p->x.why, sizeof(p->x.why), "%llu bytes of %llu came", (unsigned long long)p->got,
			       (unsigned long long)p->d->size); /* fits */
	}
	if (p->x.code == 0 && p->x.status == 416 && p->got == p->d->size)
		is_ok = true;
	int r = is_ok && p->x.code == 0 ? REGISTRY_FINAL : registry_judge(f->r, f->path, &p->step, &p->x, p->attempt, &ms, e);
	(void)snprintf(what, sizeof(what), "layer %s", digest_text(&p->d->digest, t)); /* fits */
	if (r == REGISTRY_FINAL && !is_ok)
		r = registry_error(f->r, &p->x, what, e);
	else if (r < 0)
		r = err_wrap(e, r, "%s", what);
	http_end(f->r->http, &p->x);
	l->running--;
	p->state = WAITING;
	if (r == REGISTRY_LATER) {
		p->attempt++;
		pause_part(p, ms);
	} else if (r == REGISTRY_FINAL) {
		p->state = FETCHED;
		if (p->told < p->got)
			f->sink->progress(f->sink->ctx, p->i, p->got);
		f->sink->fetched(f->sink->ctx, p->i);
	}
	return r < 0 ? r : 0;
}

static int wait_ms(const struct layers *l)
{
	int64_t now = clock_mono_ms(), ms = 1000;

	for (size_t i = l->front; i < l->n; i++)
		if (l->parts[i].state == PAUSED && l->parts[i].due_ms - now < ms)
			ms = l->parts[i].due_ms > now ? l->parts[i].due_ms - now : 1;
	return (int)ms;
}

static int run(struct layers *l, struct err *e)
{
	int r = advance(l, e);

	while (r == 0 && l->front < l->n) {
		r = ask_more(l, e);
		if (r == 0)
			r = http_wait(l->f->r->http, wait_ms(l), e);
		for (size_t i = l->front; i < l->n && r == 0; i++)
			if (l->parts[i].state == RUNNING && l->parts[i].x.is_done)
				r = finish(l, &l->parts[i], e);
		if (r == 0)
			r = advance(l, e);
	}
	return r;
}

int fetch_layers(struct fetch *f, struct err *e)
{
	struct layers l = {.f = f, .n = f->m.n, .parts = calloc(f->m.n + 1, sizeof(struct part))};

	if (l.parts == NULL)
		return err_set(e, ENOMEM, "layers");
	for (size_t i = 0; i < l.n; i++) {
		struct part *p = &l.parts[i];
		p->all = &l;
		p->d = &f->m.layers[i];
		p->i = i;
		p->file = -1;
		p->state = is_twice(&l, i) || fetch_has(f, &p->d->digest) ? WRITTEN : WAITING;
	}
	int r = run(&l, e);
	for (size_t i = 0; i < l.n; i++) {
		if (l.parts[i].state == RUNNING)
			http_end(f->r->http, &l.parts[i].x);
		drop_fd(&l.parts[i].file);
	}
	free(l.parts);
	return r;
}
