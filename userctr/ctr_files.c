// SPDX-License-Identifier: Apache-2.0
/* Where a container's files are, running or not. */
#include "userctr/ctr_files.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/image/store.h"
#include "userctr/ctr_internal.h"
#include "userctr/daemon.h"
#include "userctr/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define LOWER_MAX (256u << 10)

/* What the container has, without its mounts: its upper layer over the image, looked at from beside. */
int ctr_files_merged(struct ctr *c, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(LOWER_MAX);
	char id[DIGEST_TEXT_SIZE], path[PATH_MAX];
	struct image *image = NULL;

	buf_printf(&b, "%s:", ctr_dir(c, "diff", path));
	int r = store_find(c->d->store, digest_text(&c->image, id), &image, e);
	if (r == 0)
		r = store_lower(c->d->store, image, &b, e);
	return r < 0 ? r : layers_open(buf_str(&b), NULL, NULL, e);
}

int ctr_files_image(struct ctr *c, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(LOWER_MAX);
	char id[DIGEST_TEXT_SIZE];
	struct image *image = NULL;

	int r = store_find(c->d->store, digest_text(&c->image, id), &image, e);
	if (r == 0)
		r = store_lower(c->d->store, image, &b, e);
	return r < 0 ? r : layers_open(buf_str(&b), NULL, NULL, e);
}

/* A stopped container's own layer, mounted for as long as the descriptor is open. */
static int open_writable(struct ctr *c, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(LOWER_MAX);
	char id[DIGEST_TEXT_SIZE], upper[PATH_MAX], work[PATH_MAX];
	struct image *image = NULL;

	if (c->life->phase == PHASE_STARTING)
		return err_say(e, EBUSY, "container %s is being started", c->id);
	int r = store_find(c->d->store, digest_text(&c->image, id), &image, e);
	if (r == 0)
		r = store_lower(c->d->store, image, &b, e);
	return r < 0 ? r : layers_open(buf_str(&b), ctr_dir(c, "diff", upper), ctr_dir(c, "work", work), e);
}

/* As the container sees itself; a stopped one's volumes are found by where they would be. */
int ctr_files_open(struct ctr *c, const char **path, bool want_write, struct err *e)
{
	const struct ctr_mount *best = NULL;
	char proc[64];

	if (c->pid > 0) {
		(void)snprintf(proc, sizeof(proc), "/proc/%d/root", c->pid); /* fits */
		int fd = open(proc, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? err_set(e, errno, "open '%s'", proc) : fd;
	}
	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct ctr_mount *m = &c->mounts[i];
		size_t n = strlen(m->destination);
		if (m->source != NULL && m->source[0] == '/' && strncmp(*path, m->destination, n) == 0 &&
		    ((*path)[n] == '/' || (*path)[n] == '\0') && (best == NULL || n > strlen(best->destination)))
			best = m;
	}
	if (best == NULL)
		return want_write ? open_writable(c, e) : ctr_files_merged(c, e);
	*path += strlen(best->destination);
	int fd = open(best->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open '%s'", best->source) : fd;
}
