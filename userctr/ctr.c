// SPDX-License-Identifier: Apache-2.0
/* The set of containers: made, found, loaded, recovered. What happens to one is in ctr_life.c. */
#include "userctr/ctr_internal.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/store.h"
#include "lib/sys/io.h"
#include "userctr/child.h"
#include "userctr/ctr_exec.h"
#include "userctr/ctr_health.h"
#include "userctr/ctr_mon.h"
#include "userctr/ctr_net.h"
#include "userctr/daemon.h"
#include "userctr/ids.h"
#include "userctr/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define RECORD_MAX (8u << 20)
#define GONE	   ".gone-" /* a folder that is being removed */

/* ---- paths: lengths are bounded by CONF_PATH_SIZE, so nothing is cut ---- */

static const char *join(char out[PATH_MAX], const char *base, const char *mid, const char *id, const char *file)
{
	(void)snprintf(out, PATH_MAX, "%s%s/%s%s%s", base, mid, id, file != NULL ? "/" : "", file != NULL ? file : "");
	return out;
}

const char *ctr_dir(const struct ctr *c, const char *file, char out[PATH_MAX])
{
	return join(out, c->d->conf.root, "/containers", c->id, file);
}

const char *ctr_run_dir(const struct ctr *c, const char *file, char out[PATH_MAX])
{
	return join(out, c->d->conf.run, "", c->id, file);
}

const char *ctr_log_path(const struct ctr *c, char out[PATH_MAX])
{
	char file[CTR_ID_SIZE + 16];

	(void)snprintf(file, sizeof(file), "%s-json.log", c->id); /* fits */
	return ctr_dir(c, file, out);
}

const char *ctr_sysctr_root(const struct daemon *d, char out[PATH_MAX])
{
	(void)snprintf(out, PATH_MAX, "%s/sysctr", d->conf.run); /* fits */
	return out;
}

/* ---- objects ---- */

struct ctr *ctr_new(struct daemon *d)
{
	struct ctr *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->life = calloc(1, sizeof(*c->life));
	if (c->life == NULL) {
		free(c);
		return NULL;
	}
	c->d = d;
	c->pidfd = -1;
	c->life->c = c;
	c->life->phase = PHASE_CREATED;
	c->state = CTR_CREATED;
	list_init(&c->link);
	list_init(&c->life->waiters);
	list_init(&c->life->pending);
	list_init(&c->life->execs);
	return c;
}

void ctr_free(struct ctr *c)
{
	if (c == NULL)
		return;
	list_del(&c->link);
	timer_disarm(&c->d->loop, &c->life->timer);
	ctr_health_free(c);
	ctr_execs_free(c);
	ctr_pending_drop(c);
	mon_close(c->life->mon);
	if (c->pidfd >= 0)
		close(c->pidfd);
	ctr_mounts_free(c->mounts, c->n_mounts);
	ctr_net_free(c->net);
	ctr_conf_release(&c->conf);
	free(c->life);
	free(c);
}

struct list *ctrs_all(struct daemon *d)
{
	return &d->ctrs->all;
}

static void insert(struct daemon *d, struct ctr *c)
{
	struct list *at = d->ctrs->all.next;

	while (at != &d->ctrs->all && owner_of(at, struct ctr, link)->created_ns > c->created_ns)
		at = at->next;
	list_add_tail(at, &c->link); /* before it */
}

/* ---- finding ---- */

static struct ctr *by_name(struct daemon *d, const char *name)
{
	list_for_each(it, &d->ctrs->all) {
		struct ctr *c = owner_of(it, struct ctr, link);
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

int ctr_find(struct daemon *d, const char *name, struct ctr **ret, struct err *e)
{
	struct ctr *found = NULL;
	unsigned n = 0;

	if (id_is_full(name))
		list_for_each(it, &d->ctrs->all) {
			struct ctr *c = owner_of(it, struct ctr, link);
			if (strcmp(c->id, name) == 0) {
				*ret = c;
				return 0;
			}
		}
	const char *bare = name[0] == '/' ? name + 1 : name;
	found = by_name(d, bare);
	if (found != NULL) {
		*ret = found;
		return 0;
	}
	size_t len = strlen(name);
	if (len > 0)
		list_for_each(it, &d->ctrs->all) {
			struct ctr *c = owner_of(it, struct ctr, link);
			if (strncmp(c->id, name, len) == 0) {
				found = c;
				n++;
			}
		}
	if (n > 1)
		return err_say(e, EINVAL, "multiple IDs found with provided prefix: %s", name);
	if (n == 0)
		return err_say(e, ENOENT, "No such container: %s", name);
	*ret = found;
	return 0;
}

struct ctr *ctr_of_image(struct daemon *d, const struct digest *image)
{
	struct ctr *any = NULL;

	if (d->ctrs == NULL)
		return NULL;
	list_for_each(it, &d->ctrs->all) {
		struct ctr *c = owner_of(it, struct ctr, link);
		if (!digest_eq(&c->image, image))
			continue;
		if (c->state == CTR_RUNNING || c->state == CTR_PAUSED || c->state == CTR_RESTARTING)
			return c;
		any = c;
	}
	return any;
}

struct ctr *ctr_of_volume(struct daemon *d, const char *volume)
{
	if (d->ctrs == NULL)
		return NULL;
	list_for_each(it, &d->ctrs->all) {
		struct ctr *c = owner_of(it, struct ctr, link);
		for (size_t i = 0; i < c->n_mounts; i++)
			if (c->mounts[i].name != NULL && strcmp(c->mounts[i].name, volume) == 0)
				return c;
	}
	return NULL;
}

void ctrs_count(struct daemon *d, unsigned ret[CTR_DEAD + 1])
{
	memset(ret, 0, sizeof(*ret) * (CTR_DEAD + 1));
	if (d->ctrs != NULL)
		list_for_each(it, &d->ctrs->all)
			ret[owner_of(it, struct ctr, link)->state]++;
}

/* ---- names ---- */

static int name_claim(struct daemon *d, const struct ctr *self, const char *name, struct err *e)
{
	const char *bare = name[0] == '/' ? name + 1 : name;

	if (!name_is_valid(bare))
		return err_say(e, EINVAL, "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name);
	const struct ctr *other = by_name(d, bare);
	if (other != NULL && other != self)
		return err_say(e, EEXIST,
			       "Conflict. The container name \"/%s\" is already in use by container \"%s\". You have to "
			       "remove (or rename) that container to be able to reuse that name.",
			       bare, other->id);
	return 0;
}

static int name_give(struct ctr *c, const char *name, struct err *e)
{
	if (name != NULL) {
		int r = name_claim(c->d, NULL, name, e);
		if (r == 0)
			strcpy(c->name, name[0] == '/' ? name + 1 : name); /* valid ones fit */
		return r;
	}
	for (unsigned i = 0; i < 100; i++) {
		uint64_t random = 0;
		if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
			break;
		name_make(random, i, c->name, sizeof(c->name));
		if (by_name(c->d, c->name) == NULL)
			return 0;
	}
	(void)snprintf(c->name, sizeof(c->name), "%.12s", c->id); /* ids do not clash */
	return 0;
}

int ctr_rename(struct ctr *c, const char *name, struct err *e)
{
	char old[CTR_NAME_SIZE], slashed[CTR_NAME_SIZE + 1];

	if (name == NULL || name[0] == '\0')
		return err_say(e, EINVAL, "Neither old nor new names may be empty");
	const char *bare = name[0] == '/' ? name + 1 : name;
	if (strlen(bare) >= sizeof(c->name))
		return err_say(e, EINVAL, "Error when allocating new name: the name is too long");
	if (strcmp(bare, c->name) == 0)
		return err_say(e, EINVAL, "Renaming a container with the same name as its current name");
	(void)snprintf(slashed, sizeof(slashed), "/%s", bare); /* fits */
	int r = name_claim(c->d, c, slashed, e);
	if (r < 0)
		return err_wrap(e, r, "Error when allocating new name");
	strcpy(old, c->name);
	strcpy(c->name, bare);
	r = ctr_save(c, e);
	if (r < 0) {
		strcpy(c->name, old);
		return r;
	}
	ctr_net_rename(c->net, c->name);
	(void)snprintf(slashed, sizeof(slashed), "/%s", old); /* fits */
	ctr_event(c, "rename", "oldName", slashed);
	return 0;
}

/* ---- making ---- */

/* The upper layer looks like the image's root, and is marked as docker marks containers. */
static int make_upper(struct ctr *c, struct image *image, struct err *e)
{
	owned_buf struct buf lower = BUF_INIT(1 << 20);
	char path[PATH_MAX];
	struct stat st = {.st_mode = 0755};

	int r = store_lower(c->d->store, image, &lower, e);
	if (r < 0)
		return r;
	char *top = lower.data;
	if (top != NULL) {
		top[strcspn(top, ":")] = '\0';
		if (stat(top, &st) < 0)
			return err_set(e, errno, "layer '%s'", top);
	}
	if (mkdir(ctr_dir(c, "work", path), 0700) < 0 || mkdir(ctr_dir(c, "diff", path), 0700) < 0 ||
	    chmod(path, st.st_mode & 07777) < 0 || chown(path, st.st_uid, st.st_gid) < 0)
		return err_set(e, errno, "make '%s'", path);
	owned_fd int fd = open(ctr_dir(c, "diff/.dockerenv", path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	return fd < 0 ? err_set(e, errno, "make '%s'", path) : 0;
}

static int make_files(struct ctr *c, struct image *image, struct err *e)
{
	char path[PATH_MAX];

	if (mkdir(ctr_dir(c, NULL, path), 0710) < 0)
		return err_set(e, errno, "make '%s'", path);
	int r = make_upper(c, image, e);
	if (r == 0)
		r = ctr_save(c, e); /* from here on it is there after a power cut */
	return r;
}

static void remove_files(struct ctr *c)
{
	char path[PATH_MAX];
	struct err e;

	if (tree_remove(AT_FDCWD, ctr_dir(c, NULL, path), &e) < 0)
		log_warn("userctr", "%s", e.msg);
}

static int fill(struct ctr *c, struct image *image, const struct json *body, unsigned api, struct json_writer *warnings,
		struct err *e)
{
	int r = ctr_conf_make(body, image, c->id, api, &c->conf, warnings, e);
	if (r == 0)
		r = ctr_net_make(c->d, &c->conf, json_iget(body, "NetworkingConfig"), api, &c->net, e);
	if (r == 0)
		r = ctr_mounts_make(c, e);
	return r;
}

int ctr_create(struct daemon *d, const char *name, const struct json *body, unsigned api, struct json_writer *warnings,
	       struct ctr **ret, struct err *e)
{
	struct image *image = NULL;

	if (d->ctrs->count >= CTRS_MAX)
		return err_say(e, E_LIMIT, "there are %u containers already", CTRS_MAX);
	struct ctr *c = ctr_new(d);
	if (c == NULL)
		return err_set(e, ENOMEM, "create a container");
	id_make(c->id);
	c->created_ns = clock_real_ns();
	int r = name_give(c, name, e);
	if (r == 0)
		r = store_find(d->store, json_str_or(json_iget(body, "Image"), ""), &image, e);
	if (r == 0) {
		c->image = image->id;
		r = fill(c, image, body, api, warnings, e);
	}
	if (r == 0) {
		r = make_files(c, image, e);
		if (r < 0)
			remove_files(c);
	}
	if (r < 0) {
		ctr_free(c);
		return r;
	}
	insert(d, c);
	d->ctrs->count++;
	ctr_event(c, "create", NULL, NULL);
	*ret = c;
	return 0;
}

/* ---- coming up ---- */

static int load_one(struct daemon *d, int dir, const char *id, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(RECORD_MAX);
	char path[CTR_ID_SIZE + 16];

	(void)snprintf(path, sizeof(path), "%.64s/record.json", id); /* fits */
	int r = file_read(dir, path, &b, e);
	if (r < 0)
		return r;
	struct ctr *c = ctr_new(d);
	if (c == NULL)
		return err_set(e, ENOMEM, "load container '%s'", id);
	r = ctr_record_parse(c, b.data, b.len, e);
	if (r == 0 && strcmp(c->id, id) != 0)
		r = err_say(e, E_SPEC, "the id is another");
	if (r < 0) {
		ctr_free(c);
		return err_wrap(e, r, "record of container '%s'", id);
	}
	insert(d, c);
	d->ctrs->count++;
	return 0;
}

static void remove_later(struct daemon *d, const char *name)
{
	char path[PATH_MAX];
	struct err e;

	join(path, d->conf.root, "/containers", name, NULL);
	const char *const argv[] = {"userctr", "remove-tree", path, NULL};
	if (child_start(d, argv, -1, 2, NULL, NULL, &e) < 0)
		log_warn("userctr", "%s", e.msg); /* the next start of the daemon tries again */
}

int ctrs_open(struct daemon *d, struct err *e)
{
	char path[PATH_MAX];

	d->ctrs = calloc(1, sizeof(*d->ctrs));
	if (d->ctrs == NULL)
		return err_set(e, ENOMEM, "containers");
	list_init(&d->ctrs->all);
	(void)snprintf(path, sizeof(path), "%s/containers", d->conf.root); /* fits */
	int r = dir_make_all(AT_FDCWD, path, 0711, e);
	if (r < 0)
		return r;
	DIR *dp = opendir(path);
	if (dp == NULL)
		return err_set(e, errno, "open '%s'", path);
	for (struct dirent *de; (de = readdir(dp)) != NULL;) {
		struct err why = {0};
		if (strncmp(de->d_name, GONE, strlen(GONE)) == 0)
			remove_later(d, de->d_name);
		if (!id_is_full(de->d_name))
			continue;
		r = load_one(d, dirfd(dp), de->d_name, &why);
		if (r == -ENOENT) {
			log_info("userctr", "container '%s' was not finished: removed", de->d_name);
			remove_later(d, de->d_name);
		} else if (r < 0) {
			/* its files are kept: somebody may want to look */
			log_error("userctr", "%s: the container is left out", why.msg);
		}
	}
	closedir(dp);
	return 0;
}

/* After the folder was renamed there is no way back; the rest is done by a child. */
int ctr_files_drop(struct ctr *c, struct err *e)
{
	char from[PATH_MAX], to[PATH_MAX], name[CTR_ID_SIZE + 16];

	(void)snprintf(name, sizeof(name), GONE "%s", c->id); /* fits */
	join(to, c->d->conf.root, "/containers", name, NULL);
	if (rename(ctr_dir(c, NULL, from), to) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove '%s'", from);
	remove_later(c->d, name);
	return 0;
}

static void recover(struct ctr *c)
{
	if (c->life->phase == PHASE_REMOVING || c->life->phase == PHASE_DEAD) {
		c->life->phase = PHASE_DEAD;
		(void)ctr_fire(c, CEV_REMOVE, /* force */ true, NULL); /* logged where it fails */
	} else {
		ctr_adopt(c); /* c may be gone: one of --rm that ended meanwhile */
	}
}

int ctrs_recover(struct daemon *d, struct err *e)
{
	(void)e;
	list_for_each_safe(it, &d->ctrs->all)
		recover(owner_of(it, struct ctr, link));
	return 0;
}

void ctrs_close(struct daemon *d)
{
	if (d->ctrs == NULL)
		return;
	list_for_each_safe(it, &d->ctrs->all)
		ctr_free(owner_of(it, struct ctr, link));
	free(d->ctrs);
	d->ctrs = NULL;
}
