// SPDX-License-Identifier: Apache-2.0
/* The mounts of a container: volumes are found or made, sources checked, empty volumes filled from the image. */
#include "userctr/ctr_internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/store.h"
#include "lib/sys/io.h"
#include "userctr/child.h"
#include "userctr/daemon.h"
#include "userctr/volumes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MOUNTS_MAX 256

static bool is_volume(const struct ctr_mount *m)
{
	return strcmp(m->type, "volume") == 0;
}

static bool is_bind(const struct ctr_mount *m)
{
	return strcmp(m->type, "bind") == 0;
}

static int use_volume(struct ctr *c, struct ctr_mount *m, struct err *e)
{
	const char *name = NULL, *path = NULL;
	bool is_new;

	int r = volume_make(c->d, m->name, m->volume_options, m->volume_labels, &name, &path, &is_new, e);
	m->volume_options = m->volume_labels = NULL; /* of a document that `docker update` replaces */
	if (r < 0)
		return r;
	char *n = strdup(name), *s = strdup(path);
	if (n == NULL || s == NULL) {
		free(n);
		free(s);
		return err_set(e, ENOMEM, "volume '%s'", name);
	}
	free(m->name);
	free(m->source);
	m->name = n;
	m->source = s;
	return 0;
}

static int check_source(const struct ctr_mount *m, struct err *e)
{
	struct stat st;

	if (stat(m->source, &st) == 0)
		return 0;
	if (errno != ENOENT)
		return err_set(e, errno, "mount source '%s'", m->source);
	if (!m->make_source)
		return err_say(e, EINVAL, "invalid mount config for type \"bind\": bind source path does not exist: %s",
			       m->source);
	int r = dir_make_all(AT_FDCWD, m->source, 0755, e);
	return r < 0 ? err_wrap(e, r, "error while creating mount source path '%s'", m->source) : 0;
}

/* ---- --volumes-from ---- */

static char *copy_of(const char *s, bool *oom)
{
	char *p = s != NULL ? strdup(s) : NULL;

	*oom |= s != NULL && p == NULL;
	return p;
}

static bool has_destination(const struct ctr *c, const char *destination)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (strcmp(c->mounts[i].destination, destination) == 0)
			return true;
	return false;
}

static int add_copy(struct ctr *c, const struct ctr_mount *m, bool read_only, struct err *e)
{
	bool oom = false;

	if (c->n_mounts >= MOUNTS_MAX)
		return err_say(e, E_LIMIT, "more than %d mounts", MOUNTS_MAX);
	struct ctr_mount *a = realloc(c->mounts, (c->n_mounts + 1) * sizeof(*a));
	if (a == NULL)
		return err_set(e, ENOMEM, "mounts");
	c->mounts = a;
	a += c->n_mounts++;
	*a = (struct ctr_mount){.type = copy_of(m->type, &oom), .name = copy_of(m->name, &oom),
				.source = copy_of(m->source, &oom), .destination = copy_of(m->destination, &oom),
				.mode = copy_of(m->mode, &oom), .propagation = copy_of(m->propagation, &oom),
				.subpath = copy_of(m->subpath, &oom), .is_rw = m->is_rw && !read_only, .no_copy = true,
				.is_anonymous = m->is_anonymous, .ro_not_recursive = m->ro_not_recursive};
	return oom ? err_set(e, ENOMEM, "mounts") : 0;
}

static int from_one(struct ctr *c, const char *text, struct err *e)
{
	char name[CTR_NAME_SIZE + 1];
	struct ctr *other = NULL;
	size_t n = strcspn(text, ":");
	const char *mode = text[n] == ':' ? text + n + 1 : "";

	if (n >= sizeof(name) || n == 0)
		return err_say(e, EINVAL, "malformed volumes-from specification: %s", text);
	if (strcmp(mode, "") != 0 && strcmp(mode, "ro") != 0 && strcmp(mode, "rw") != 0 && strcmp(mode, "z") != 0)
		return err_say(e, EINVAL, "invalid mode for volumes-from: %s", mode);
	memcpy(name, text, n);
	name[n] = '\0';
	int r = ctr_find(c->d, name, &other, e);
	for (size_t i = 0; r == 0 && i < other->n_mounts; i++)
		if ((is_volume(&other->mounts[i]) || is_bind(&other->mounts[i])) &&
		    !has_destination(c, other->mounts[i].destination))
			r = add_copy(c, &other->mounts[i], strcmp(mode, "ro") == 0, e);
	return r;
}

int ctr_mounts_make(struct ctr *c, struct err *e)
{
	int r = ctr_conf_mounts(&c->conf, &c->mounts, &c->n_mounts, e);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < c->n_mounts; i++) {
		struct ctr_mount *m = &c->mounts[i];
		if (is_bind(m))
			r = check_source(m, e);
	}
	struct json_iter it = json_iter(json_get(c->conf.host, "VolumesFrom"));
	while (r == 0 && json_next(&it))
		r = from_one(c, json_str_or(it.value, ""), e);
	/* last: what fails above leaves no volumes behind */
	for (size_t i = 0; r == 0 && i < c->n_mounts; i++)
		if (is_volume(&c->mounts[i]))
			r = use_volume(c, &c->mounts[i], e);
	return r;
}

/* ---- first content ---- */

static bool dir_is_empty(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	if (d == NULL)
		return false;
	while (n < 3 && readdir(d) != NULL)
		n++;
	closedir(d);
	return n <= 2;
}

struct filling {
	void (*done)(void *ctx, int r);
	void *ctx;
};

static void filled(void *ctx, int status)
{
	struct filling *f = ctx;

	f->done(f->ctx, status == 0 ? 0 : -EIO);
	free(f);
}

int ctr_mounts_fill(struct ctr *c, void (*done)(void *ctx, int r), void *ctx, struct err *e)
{
	owned_buf struct buf lower = BUF_INIT(256u << 10);
	char id[DIGEST_TEXT_SIZE];
	const char *argv[CHILD_ARGS_MAX] = {"userctr", "populate"};
	struct image *image = NULL;
	size_t n = 3;

	for (size_t i = 0; i < c->n_mounts && n + 2 < CHILD_ARGS_MAX; i++) {
		const struct ctr_mount *m = &c->mounts[i];
		if (!is_volume(m) || m->no_copy || m->subpath != NULL || !dir_is_empty(m->source))
			continue;
		argv[n++] = m->destination;
		argv[n++] = m->source;
	}
	if (n == 3) {
		done(ctx, 0);
		return 0;
	}
	int r = store_find(c->d->store, digest_text(&c->image, id), &image, e);
	if (r == 0)
		r = store_lower(c->d->store, image, &lower, e);
	if (r < 0)
		return r;
	argv[2] = buf_str(&lower);
	struct filling *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return err_set(e, ENOMEM, "fill volumes");
	*f = (struct filling){done, ctx};
	pid_t pid = child_start(c->d, argv, -1, 2, filled, f, e);
	if (pid < 0)
		free(f);
	return pid < 0 ? pid : 0;
}

/* ---- around a run ---- */

int ctr_mounts_ready(struct ctr *c, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->n_mounts; i++) {
		const struct ctr_mount *m = &c->mounts[i];
		if (is_bind(m))
			r = check_source(m, e);
		else if (is_volume(m))
			r = volume_mount(c->d, m->name, e);
	}
	return r;
}

void ctr_mounts_idle(struct ctr *c)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (is_volume(&c->mounts[i]))
			volume_unmount(c->d, c->mounts[i].name);
}
