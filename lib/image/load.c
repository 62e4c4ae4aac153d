// SPDX-License-Identifier: Apache-2.0
/* The members of an archive as they come by. A member is a document when it is small and holds no NUL, else a layer; one that
 * turns out to be neither is an error only when an image refers to it. */
#include "lib/image/load_internal.h"

#include "lib/base/buf.h"
#include "lib/base/owned.h"
#include "lib/codec/oci_image.h"
#include "lib/image/tar.h"
#include "lib/stream/stream.h"
#include "lib/sys/io.h"

#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const struct load_limits load_limits = {
	.unpack = {.bytes = (uint64_t)1 << 38, .entries = 4000000, .depth = 256, .path = 4095, .attrs = 65536},
	.archive_bytes = (uint64_t)1 << 39,
	.ratio = 500,
	.free_bytes = (uint64_t)64 << 20,
	.members = 16384,
	.documents = (size_t)64 << 20,
};

#define PEEK	    512
#define FLUSH_BYTES ((off_t)8 << 20)

/* Content of one member on its way: hashed and written as it is taken. */
struct flow {
	struct load *l;
	struct tar *tar;      /* NULL: the bytes come from src */
	struct stream *src;   /* borrowed */
	uint64_t at;
	uint8_t peek[PEEK];
	size_t peek_n;
	const uint8_t *rest; /* of the piece that peek was cut from */
	size_t rest_n;
	bool peek_is_taken;
	int blob; /* where to keep what passes; -1 = nowhere */
	off_t blob_at, flushed;
};

static ssize_t take_piece(struct flow *f, const void **ret, struct err *e)
{
	uint64_t offset = 0;

	if (f->tar == NULL)
		return stream_next(f->src, ret, e);
	ssize_t n = tar_data(f->tar, ret, &offset, e);
	if (n > 0 && offset != f->at)
		return err_say(e, E_SPEC, "is a sparse file");
	if (n > 0)
		f->at += (uint64_t)n;
	return n;
}

/* The first bytes, to tell what it is. They pass again in flow_next(). */
static int peek(struct flow *f, struct err *e)
{
	while (f->peek_n < PEEK && f->rest_n == 0) {
		const void *p = NULL;
		ssize_t n = take_piece(f, &p, e);
		if (n <= 0)
			return (int)n;
		size_t take = (size_t)n < PEEK - f->peek_n ? (size_t)n : PEEK - f->peek_n;
		memcpy(f->peek + f->peek_n, p, take);
		f->peek_n += take;
		f->rest = (const uint8_t *)p + take;
		f->rest_n = (size_t)n - take;
	}
	return 0;
}

static ssize_t flow_next(void *ctx, const void **ret, struct err *e)
{
	struct flow *f = ctx;
	ssize_t n;

	if (!f->peek_is_taken && f->peek_n > 0) {
		*ret = f->peek;
		n = (ssize_t)f->peek_n;
	} else if (f->rest_n > 0) {
		*ret = f->rest;
		n = (ssize_t)f->rest_n;
		f->rest_n = 0;
	} else {
		n = take_piece(f, ret, e);
	}
	f->peek_is_taken = true;
	if (n > 0 && f->blob >= 0) {
		int r = write_all(f->blob, *ret, (size_t)n);
		if (r < 0)
			return err_set(e, -r, "write a blob");
		f->blob_at += n;
		/* let the disk begin: what is left for the sync at the end is what everybody waits for */
		if (f->blob_at - f->flushed >= FLUSH_BYTES) {
			(void)sync_file_range(f->blob, f->flushed, f->blob_at - f->flushed, SYNC_FILE_RANGE_WRITE); /* a hint */
			f->flushed = f->blob_at;
		}
	}
	return n;
}

/* ---- layers ---- */

struct opaque_ctx {
	struct load *l;
	unsigned serial;
};

static int on_opaque(void *ctx, const char *path, struct err *e)
{
	struct opaque_ctx *o = ctx;
	char whole[8192];

	int n = snprintf(whole, sizeof(whole), "layers/%u/%s", o->serial, path);
	if (n < 0 || (size_t)n >= sizeof(whole))
		return err_set(e, ENAMETOOLONG, "opaque directory");
	return o->l->sink->opaque(o->l->sink->ctx, whole, e);
}

static ssize_t borrow_next(void *ctx, const void **ret, struct err *e)
{
	return stream_next(ctx, ret, e);
}

static int unpack_to(struct load *l, struct member *m, struct stream *s, struct err *e)
{
	struct opaque_ctx ctx = {l, m->serial};
	struct unpack_sink sink = {on_opaque, NULL, &ctx};
	char name[16];

	(void)snprintf(name, sizeof(name), "%u", m->serial); /* fits */
	if (mkdirat(l->layers, name, 0755) < 0)
		return err_set(e, errno, "make a layer's folder");
	owned_fd int dir = openat(l->layers, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open a layer's folder");
	return unpack_layer(stream_call(borrow_next, s), dir, &l->limits->unpack, &sink, &m->size, e);
}

/* raw -> (undo compression) -> unpack; both digests on the way, one when they are the same. */
static int run_layer(struct load *l, struct member *m, struct flow *f, const struct digest *want, struct err *e)
{
	struct stream_limits limits = {l->limits->archive_bytes, l->limits->free_bytes, l->limits->ratio};
	struct stream *raw = stream_verify(stream_call(flow_next, f), want, STREAM_ANY_SIZE);
	struct stream *plain = stream_inflate(raw, &limits), *top = plain;

	int r = plain == NULL ? err_set(e, ENOMEM, "a layer") : stream_coding(plain, e);
	if (r < 0) {
		stream_free(plain);
		return r;
	}
	m->coding = r;
	if (m->coding != STREAM_PLAIN)
		top = stream_verify(plain, NULL, STREAM_ANY_SIZE);
	if (top == NULL)
		return err_set(e, ENOMEM, "a layer");
	r = m->is_unpacked_here ? stream_drain(top, e) : unpack_to(l, m, top, e);
	/* behind the end of its archive a layer may have padding; a digest covers that too */
	if (r == 0)
		r = stream_drain(top, e);
	if (r == 0) {
		m->raw_size = stream_passed(raw);
		if (!stream_digest(raw, &m->raw))
			r = err_set(e, EIO, "not read to its end");
		else if (m->coding == STREAM_PLAIN)
			m->diff_id = m->raw;
		else if (!stream_digest(top, &m->diff_id))
			r = err_set(e, EIO, "not read to its end");
	}
	stream_free(top);
	return r;
}

/* What the store has: lines of "<diff id> <blob or ->". */
static void look_it_up(struct load *l, struct member *m, const struct digest *name)
{
	const char *line = l->have, *end = l->have + l->have_n;
	const size_t hex = DIGEST_HEX_SIZE - 1;

	for (; line + hex + 2 < end; line = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1) {
		struct digest diff, blob;
		if (memchr(line, '\n', (size_t)(end - line)) == NULL || !digest_parse_hex(line, hex, &diff))
			return;
		const char *second = line + hex + 1;
		bool has_blob = second + hex < end && digest_parse_hex(second, hex, &blob);
		bool is_blob = has_blob && digest_eq(&blob, name);
		if (!is_blob && !digest_eq(&diff, name))
			continue;
		m->is_unpacked_here = true;
		m->is_blob_here = m->is_blob_here || is_blob;
		m->diff_id = diff;
	}
}

static int take_layer(struct load *l, struct member *m, struct flow *f, struct err *e)
{
	struct digest want, known;
	bool is_named = strncmp(m->name, "blobs/sha256/", 13) == 0 && digest_parse_hex(m->name + 13, strlen(m->name + 13), &want);
	char name[16];

	m->kind = MEMBER_LAYER;
	m->serial = l->serial++;
	if (is_named)
		look_it_up(l, m, &want);
	known = m->diff_id;
	(void)snprintf(name, sizeof(name), "l%u", m->serial); /* fits */
	owned_fd int blob = -1;
	if (!m->is_blob_here) {
		blob = openat(l->blobs, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (blob < 0)
			return err_set(e, errno, "make a blob");
	}
	f->blob = blob;
	int r = run_layer(l, m, f, is_named ? &want : NULL, e);
	if (r == 0 && m->is_unpacked_here && !digest_eq(&known, &m->diff_id)) {
		char t[DIGEST_TEXT_SIZE];
		return err_set(e, E_DIGEST, "layer %s", digest_text(&known, t));
	}
	if (r == 0 && is_named && l->sink->layer != NULL)
		l->sink->layer(l->sink->ctx, &m->raw);
	return r;
}

/* ---- documents ---- */

static int take_doc(struct load *l, struct member *m, struct flow *f, struct err *e)
{
	struct buf b = BUF_INIT(OCI_DOC_MAX);
	const void *p;
	ssize_t n;

	m->kind = MEMBER_DOC;
	while ((n = flow_next(f, &p, e)) > 0)
		buf_put(&b, p, (size_t)n);
	int r = n < 0 ? (int)n : buf_error(&b);
	if (r < 0) {
		buf_release(&b);
		m->kind = MEMBER_LAYER; /* whose reason is looked at, unlike a document's */
		return n < 0 ? r : err_set(e, -r, "keep a document");
	}
	m->raw_size = b.len;
	l->documents += b.len;
	digest_of(buf_str(&b), b.len, &m->raw);
	buf_putc(&b, '\0');
	m->text = buf_take(&b);
	if (m->text == NULL)
		return err_set(e, ENOMEM, "keep a document");
	return l->documents <= l->limits->documents ? 0 : err_say(e, E_LIMIT, "too many documents");
}

static bool looks_like_doc(const struct flow *f, la_int64_t size)
{
	static const uint8_t gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};

	if (size > (la_int64_t)OCI_DOC_MAX || memchr(f->peek, '\0', f->peek_n) != NULL)
		return false;
	return !(f->peek_n >= 2 && memcmp(f->peek, gzip, 2) == 0) && !(f->peek_n >= 4 && memcmp(f->peek, zstd, 4) == 0);
}

/* ---- members ---- */

static void member_free(struct member *m)
{
	if (m == NULL)
		return;
	free(m->name);
	free(m->text);
	free(m->why);
	free(m);
}

static struct member *member_add(struct load *l, const char *name, struct err *e)
{
	if (l->n >= l->limits->members) {
		err_say(e, E_LIMIT, "more than %u members", l->limits->members);
		return NULL;
	}
	if (l->members == NULL)
		l->members = calloc(l->limits->members, sizeof(struct member *));
	struct member *m = l->members != NULL ? calloc(1, sizeof(*m)) : NULL;
	if (m == NULL || (m->name = strdup(name)) == NULL) {
		err_set(e, ENOMEM, "members");
		member_free(m);
		return NULL;
	}
	l->members[l->n++] = m;
	return m;
}

/* A layer that the archive leaves out because the store has it, blob and all. NULL: it has not, or no memory. */
struct member *member_of_store(struct load *l, const struct digest *blob, uint64_t size)
{
	char name[16 + DIGEST_HEX_SIZE], hex[DIGEST_HEX_SIZE];
	struct member probe = {0};

	look_it_up(l, &probe, blob);
	if (!probe.is_blob_here)
		return NULL;
	(void)snprintf(name, sizeof(name), "blobs/sha256/%s", digest_hex(blob, hex)); /* fits */
	struct member *m = member_add(l, name, NULL);
	if (m == NULL)
		return NULL;
	m->kind = MEMBER_LAYER;
	m->is_blob_here = m->is_unpacked_here = true;
	m->diff_id = probe.diff_id;
	m->raw = *blob;
	m->raw_size = size;
	return m;
}

/* What is wrong with a member alone; anything else is wrong with the machine. */
static bool is_of_member(int r)
{
	return r == -E_SPEC || r == -E_DIGEST || r == -E_LIMIT;
}

static int take_member(struct load *l, struct tar *tar, struct archive_entry *entry, struct err *e)
{
	struct flow f = {.l = l, .tar = tar, .blob = -1};
	const char *name = tar_name(entry), *link = archive_entry_hardlink(entry);
	struct err why;

	while (name != NULL && strncmp(name, "./", 2) == 0)
		name += 2;
	if (name == NULL || *name == '\0')
		return 0;
	if (link == NULL && archive_entry_filetype(entry) == AE_IFLNK)
		link = archive_entry_symlink(entry);
	if (link == NULL && archive_entry_filetype(entry) != AE_IFREG)
		return 0;
	struct member *m = member_add(l, name, e);
	if (m == NULL)
		return -e->code;
	if (link != NULL) {
		m->kind = MEMBER_LINK;
		m->text = strdup(link);
		return m->text != NULL ? 0 : err_set(e, ENOMEM, "members");
	}
	int r = peek(&f, &why);
	if (r == 0)
		r = looks_like_doc(&f, archive_entry_size(entry)) ? take_doc(l, m, &f, &why) : take_layer(l, m, &f, &why);
	if (r == 0)
		return 0;
	if (is_of_member(r) && l->documents <= l->limits->documents) {
		m->why = malloc(sizeof(why));
		if (m->why != NULL) {
			*m->why = why;
			return 0;
		}
	}
	*e = why;
	return err_wrap(e, r, "'%.200s'", name);
}

static int take_all(struct load *l, struct stream *archive, struct err *e)
{
	struct stream_limits limits = {l->limits->archive_bytes, l->limits->free_bytes, l->limits->ratio};
	struct tar *tar = tar_open(stream_inflate(archive, &limits));
	struct archive_entry *entry;
	int r = tar == NULL ? err_set(e, ENOMEM, "archive") : 0;

	while (r == 0 && (r = tar_next(tar, &entry, e)) > 0)
		r = take_member(l, tar, entry, e);
	tar_free(tar);
	return r;
}

static int open_folders(struct load *l, struct err *e)
{
	l->blobs = openat(l->work, "blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->layers = openat(l->work, "layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return l->blobs < 0 || l->layers < 0 ? err_set(e, errno, "open the work folder") : 0;
}

static void load_release(struct load *l)
{
	for (size_t i = 0; i < l->n; i++)
		member_free(l->members[i]);
	free(l->members);
	drop_fd(&l->blobs);
	drop_fd(&l->layers);
}

int load_archive(struct stream *archive, int work, const char *have, size_t n, const struct load_limits *limits,
		 const struct load_sink *sink, struct err *e)
{
	struct load l = {.work = work, .blobs = -1, .layers = -1, .have = have, .have_n = n, .limits = limits, .sink = sink};

	int r = open_folders(&l, e);
	if (r < 0)
		stream_free(archive);
	else
		r = take_all(&l, archive, e);
	if (r == 0)
		r = load_images(&l, e);
	load_release(&l);
	return r;
}

int load_layer(struct stream *archive, int work, const struct load_limits *limits, const struct load_sink *sink,
	       struct load_layer *ret, struct err *e)
{
	struct load l = {.work = work, .blobs = -1, .layers = -1, .limits = limits, .sink = sink};
	struct flow f = {.l = &l, .src = archive, .blob = -1};
	struct member *m = NULL;

	int r = open_folders(&l, e);
	if (r == 0 && (m = member_add(&l, "archive", e)) == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = take_layer(&l, m, &f, e);
	if (r == 0)
		r = member_place(&l, m, e);
	if (r == 0) {
		*ret->blob = m->raw;
		*ret->diff_id = m->diff_id;
		ret->blob_size = m->raw_size;
		ret->size = m->size;
		ret->coding = m->coding;
	}
	stream_free(archive);
	load_release(&l);
	return r;
}
