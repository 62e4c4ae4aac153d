// SPDX-License-Identifier: Apache-2.0
/* Volumes of the local driver: a directory and a record each. Making and removing are one rename: half a volume is never seen. */
#include "userctr/volumes_internal.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "userctr/ctr_internal.h"
#include "userctr/daemon.h"
#include "userctr/events.h"
#include "userctr/ids.h"
#include "userctr/volume_opts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the set ---- */

static void volume_free(struct volume *v)
{
	if (v == NULL)
		return;
	list_del(&v->link);
	json_free(v->doc);
	free(v->name);
	free(v->path);
	free(v);
}

static int add(struct volumes *s, const char *name, const char *record, size_t len, struct volume **ret, struct err *e)
{
	struct volume *v = calloc(1, sizeof(*v));
	size_t size = strlen(s->path) + strlen(name) + sizeof("//_data");

	if (v == NULL)
		return err_set(e, ENOMEM, "volume '%s'", name);
	list_init(&v->link);
	v->name = strdup(name);
	v->path = malloc(size);
	int r = v->name == NULL || v->path == NULL ? err_set(e, ENOMEM, "volume '%s'", name) : json_parse(record, len, &v->doc, e);
	if (r < 0) {
		volume_free(v);
		return r;
	}
	(void)snprintf(v->path, size, "%s/%s/_data", s->path, name); /* fits */
	v->record = json_root(v->doc);
	list_add_tail(&s->all, &v->link);
	s->count++;
	*ret = v;
	return 0;
}

int volumes_find(struct daemon *d, const char *name, struct volume **ret, struct err *e)
{
	list_for_each(it, &d->volumes->all) {
		struct volume *v = owner_of(it, struct volume, link);
		if (strcmp(v->name, name) == 0) {
			*ret = v;
			return 0;
		}
	}
	return err_say(e, ENOENT, "get %.255s: no such volume", name);
}

/* ---- coming up ---- */

static void put_record(struct buf *b, const char *name, int64_t now_ns, const struct json *options, const struct json *labels,
		       bool is_anonymous)
{
	char when[CLOCK_RFC3339_SIZE];
	struct json_writer w;

	clock_rfc3339(now_ns, when);
	strcpy(when + 19, "Z"); /* whole seconds */
	jw_init(&w, b);
	jw_obj(&w);
	jw_kstr(&w, "Name", name);
	jw_kstr(&w, "CreatedAt", when);
	jw_key(&w, "Options");
	if (json_type(options) == JSON_OBJ)
		jw_value(&w, options);
	else
		jw_null(&w);
	jw_key(&w, "Labels");
	if (json_type(labels) == JSON_OBJ || is_anonymous) {
		struct json_iter it = json_iter(labels);
		jw_obj(&w);
		while (json_next(&it))
			jw_kstr(&w, it.key, json_str_or(it.value, ""));
		if (is_anonymous && json_get(labels, VOLUME_ANONYMOUS) == NULL)
			jw_kstr(&w, VOLUME_ANONYMOUS, "");
		jw_end_obj(&w);
	} else {
		jw_null(&w);
	}
	jw_end_obj(&w);
}

/* One that has lost its record, or was put there by hand, is still somebody's data. */
static int load_one(struct volumes *s, const char *name, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(VOLUME_RECORD_MAX);
	char path[VOLUME_NAME_MAX + 16];
	struct json_doc *probe;
	struct volume *v;
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/_data", name); /* names are short */
	if (fstatat(s->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return err_say(e, ENOENT, "no _data");
	(void)snprintf(path, sizeof(path), "%s/volume.json", name);
	bool is_good = file_read(s->dir, path, &b, NULL) == 0 && json_parse(buf_str(&b), b.len, &probe, NULL) == 0;
	if (is_good) {
		json_free(probe);
	} else {
		log_warn("volumes", "volume '%s' has no readable record", name);
		buf_clear(&b);
		put_record(&b, name, (int64_t)st.st_mtim.tv_sec * 1000000000, NULL, NULL, /* is_anonymous= */ false);
	}
	return add(s, name, buf_str(&b), b.len, &v, e);
}

/* Half a volume that was being made. It gets another name first: a sweep must not take one that is being made right now. */
static bool put_aside(int dir, const char *name)
{
	char aside[VOLUME_NAME_MAX + 16];

	if (strncmp(name, ".new-", 5) != 0)
		return true;
	(void)snprintf(aside, sizeof(aside), ".gone-%.255s", name + 5); /* fits */
	return renameat(dir, name, dir, aside) == 0;
}

static int load(struct daemon *d, struct err *e)
{
	int own = openat(d->volumes->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = own >= 0 ? fdopendir(own) : NULL;
	bool want_sweep = false;
	struct err why;

	if (list == NULL)
		return err_set(e, errno, "read '%s'", d->volumes->path);
	for (struct dirent *de; (de = readdir(list)) != NULL;) {
		if (strncmp(de->d_name, ".new-", 5) == 0 || strncmp(de->d_name, ".gone-", 6) == 0)
			want_sweep = put_aside(d->volumes->dir, de->d_name) || want_sweep;
		else if (de->d_name[0] != '.' && d->volumes->count < VOLUMES_MAX &&
			 load_one(d->volumes, de->d_name, &why) < 0)
			log_warn("volumes", "'%s/%s' is left out: %s", d->volumes->path, de->d_name, why.msg);
	}
	(void)closedir(list);
	if (want_sweep)
		volumes_sweep(d);
	return 0;
}

int volumes_open(struct daemon *d, struct err *e)
{
	struct volumes *s = d->volumes = calloc(1, sizeof(*s));
	size_t size = strlen(d->conf.root) + sizeof("/volumes");

	if (s == NULL)
		return err_set(e, ENOMEM, "volumes");
	list_init(&s->all);
	s->dir = -1;
	s->path = malloc(size);
	if (s->path == NULL)
		return err_set(e, ENOMEM, "volumes");
	(void)snprintf(s->path, size, "%s/volumes", d->conf.root); /* fits */
	int r = dir_make_all(AT_FDCWD, s->path, 0711, e);
	if (r < 0)
		return r;
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return err_set(e, errno, "open '%s'", s->path);
	return load(d, e);
}

void volumes_close(struct daemon *d)
{
	if (d->volumes == NULL)
		return;
	list_for_each_safe(it, &d->volumes->all)
		volume_free(owner_of(it, struct volume, link));
	drop_fd(&d->volumes->dir);
	free(d->volumes->path);
	free(d->volumes);
	d->volumes = NULL;
}

/* ---- making ---- */

static int check_labels(const struct json *labels, struct err *e)
{
	struct json_iter it = json_iter(labels);

	while (json_next(&it))
		if (json_str(it.value) == NULL)
			return err_say(e, EINVAL, "Labels: '%.100s' is no string", it.key);
	return 0;
}

/* The directory with its record, under a name that is none yet; then its name. */
static int make_files(struct volumes *s, const char *name, const struct buf *record, struct err *e)
{
	char id[ID_SIZE], tmp[ID_SIZE + 8];

	id_make(id);
	(void)snprintf(tmp, sizeof(tmp), ".new-%s", id); /* fits */
	if (mkdirat(s->dir, tmp, 0711) < 0)
		return err_set(e, errno, "make volume '%s'", name);
	owned_fd int dir = openat(s->dir, tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = dir < 0 || mkdirat(dir, "_data", 0755) < 0 || fchmodat(dir, "_data", 0755, 0) < 0 ?
			err_set(e, errno, "make volume '%s'", name) :
			file_replace(dir, "volume.json", buf_str(record), record->len, 0600, e);
	if (r == 0 && (renameat(s->dir, tmp, s->dir, name) < 0 || fsync(s->dir) < 0))
		r = err_set(e, errno, "make volume '%s'", name);
	if (r < 0)
		(void)tree_remove(s->dir, tmp, NULL); /* undo */
	return r;
}

int volume_make(struct daemon *d, const char *name, const struct json *options, const struct json *labels,
		const char **ret_name, const char **ret_path, bool *ret_new, struct err *e)
{
	owned_buf struct buf record = BUF_INIT(VOLUME_RECORD_MAX);
	bool is_anonymous = name == NULL || *name == '\0';
	char id[ID_SIZE];
	struct volume *v;

	if (is_anonymous) {
		id_make(id);
		name = id;
	}
	*ret_new = false;
	int r = volumes_find(d, name, &v, NULL);
	if (r < 0) {
		r = volume_name_check(name, e);
		if (r == 0)
			r = volume_opts_parse(options, NULL, e);
		if (r < 0)
			return r;
		r = check_labels(labels, e);
		if (r == 0 && d->volumes->count >= VOLUMES_MAX)
			r = err_say(e, E_LIMIT, "more than %d volumes", VOLUMES_MAX);
		if (r < 0)
			return r;
		put_record(&record, name, clock_real_ns(), options, labels, is_anonymous);
		r = buf_error(&record) < 0 ? err_say(e, EINVAL, "create %s: labels and options are too long", name) :
					     make_files(d->volumes, name, &record, e);
		if (r == 0)
			r = add(d->volumes, name, buf_str(&record), record.len, &v, e);
		if (r < 0)
			return r;
		/* what is mounted over it is not filled from an image */
		*ret_new = !volume_opts_have_mount(options);
		struct event_attr attr = {"driver", "local"};
		event_emit(d, EVENT_TYPE_VOLUME, "create", v->name, &attr, 1, NULL);
	}
	*ret_name = v->name;
	*ret_path = v->path;
	return 0;
}

int volume_use(struct daemon *d, const char *name, const char **ret_name, const char **ret_path, bool *ret_new, struct err *e)
{
	return volume_make(d, name, NULL, NULL, ret_name, ret_path, ret_new, e);
}

/* ---- who has it ---- */

static bool has(const struct ctr *c, const struct volume *v)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].name != NULL && strcmp(c->mounts[i].name, v->name) == 0)
			return true;
	return false;
}

unsigned volume_users(struct daemon *d, const struct volume *v, struct buf *who)
{
	unsigned n = 0;

	list_for_each(it, ctrs_all(d)) {
		const struct ctr *c = owner_of(it, struct ctr, link);
		if (c->state == CTR_REMOVING || !has(c, v))
			continue;
		if (who != NULL)
			buf_printf(who, "%s%s", n > 0 ? ", " : "", c->id);
		n++;
	}
	return n;
}

/* ---- removing ---- */

static void unmount(struct volume *v)
{
	if (v->is_mounted && umount2(v->path, MNT_DETACH) < 0 && errno != EINVAL)
		log_warn("volumes", "unmount '%s': %s", v->path, strerror(errno));
	v->is_mounted = false;
}

int volume_remove(struct daemon *d, struct volume *v, struct err *e)
{
	owned_buf struct buf who = BUF_INIT(400);
	char id[ID_SIZE], aside[ID_SIZE + 8];

	if (volume_users(d, v, &who) > 0)
		return err_say(e, EBUSY, "remove %s: volume is in use - [%s]", v->name, buf_str(&who));
	unmount(v);
	id_make(id);
	(void)snprintf(aside, sizeof(aside), ".gone-%s", id); /* fits */
	if (renameat(d->volumes->dir, v->name, d->volumes->dir, aside) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove %s", v->name);
	if (fsync(d->volumes->dir) < 0)
		return err_set(e, errno, "remove %s", v->name);
	struct event_attr attr = {"driver", "local"};
	event_emit(d, EVENT_TYPE_VOLUME, "destroy", v->name, &attr, 1, NULL);
	d->volumes->count--;
	volume_free(v);
	volumes_sweep(d);
	return 0;
}

bool volume_is_anonymous(const struct volume *v)
{
	return json_get(json_get(v->record, "Labels"), VOLUME_ANONYMOUS) != NULL;
}

int volume_remove_anonymous(struct daemon *d, const char *name, struct err *e)
{
	struct volume *v;

	if (volumes_find(d, name, &v, NULL) < 0 || !volume_is_anonymous(v))
		return 0;
	return volume_remove(d, v, e);
}

/* ---- mounting ---- */

static int mount_failed(const struct volume *v, const struct volume_mount *m, struct err *e)
{
	int code = errno;

	return err_say(e, code == ENOENT ? EINVAL : code,
		       "error while mounting volume '%s': failed to mount local volume: mount %s:%s, flags: 0x%lx%s%s: %s", v->path,
		       m->device, v->path, m->flags, m->data[0] != '\0' ? ", data: " : "", m->data, strerror(code));
}

int volume_mount(struct daemon *d, const char *name, struct err *e)
{
	struct volume_mount m;
	struct volume *v;

	int r = volumes_find(d, name, &v, e);
	if (r < 0)
		return r;
	const struct json *options = json_get(v->record, "Options");
	if (v->is_mounted || !volume_opts_have_mount(options))
		return 0;
	r = volume_opts_parse(options, &m, e);
	if (r < 0)
		return r;
	if (mount(m.device, v->path, m.is_bind ? NULL : m.type, m.flags, m.is_bind ? NULL : m.data) < 0)
		return mount_failed(v, &m, e);
	/* a bind takes its flags in a second step */
	unsigned long rest = m.flags & ~(unsigned long)MS_REC;
	if (m.is_bind && rest != MS_BIND && mount(NULL, v->path, NULL, rest | MS_REMOUNT, NULL) < 0) {
		r = mount_failed(v, &m, e);
		(void)umount2(v->path, MNT_DETACH); /* undo */
		return r;
	}
	v->is_mounted = true;
	return 0;
}

void volume_unmount(struct daemon *d, const char *name)
{
	struct volume *v;

	if (volumes_find(d, name, &v, NULL) < 0 || !v->is_mounted)
		return;
	list_for_each(it, ctrs_all(d)) {
		const struct ctr *c = owner_of(it, struct ctr, link);
		/* one that is starting has a monitor and no process yet; one that has just ended is still called running */
		bool is_starting = c->life != NULL && c->life->mon != NULL && c->state != CTR_RUNNING && c->state != CTR_PAUSED;
		if ((c->pid > 0 || is_starting) && has(c, v))
			return;
	}
	unmount(v);
}

/* ---- showing ---- */

/* Blocks of everything below, without following links or mounts. */
static int64_t size_below(int dir, dev_t dev, unsigned depth)
{
	DIR *list = depth < 128 ? fdopendir(dir) : NULL;
	int64_t sum = 0;
	struct stat st;

	if (list == NULL) {
		close(dir);
		return 0;
	}
	for (struct dirent *de; (de = readdir(list)) != NULL;) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    fstatat(dirfd(list), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!S_ISDIR(st.st_mode)) {
			sum += st.st_nlink > 0 ? (int64_t)(st.st_size / (off_t)st.st_nlink) : 0; /* shared among its names */
		} else if (st.st_dev == dev) {
			int sub = openat(dirfd(list), de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			sum += sub >= 0 ? size_below(sub, dev, depth + 1) : 0;
		}
	}
	(void)closedir(list);
	return sum;
}

int64_t volume_size(const struct volume *v)
{
	struct stat st;
	int dir = open(v->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || fstat(dir, &st) < 0) {
		drop_fd(&dir);
		return 0;
	}
	return size_below(dir, st.st_dev, 0);
}

void volume_print(const struct volume *v, struct json_writer *w, bool want_usage, struct daemon *d)
{
	jw_obj(w);
	jw_kstr(w, "CreatedAt", json_str_or(json_get(v->record, "CreatedAt"), ""));
	jw_kstr(w, "Driver", "local");
	jw_key(w, "Labels");
	jw_value(w, json_get(v->record, "Labels"));
	jw_kstr(w, "Mountpoint", v->path);
	jw_kstr(w, "Name", v->name);
	jw_key(w, "Options");
	jw_value(w, json_get(v->record, "Options"));
	jw_kstr(w, "Scope", "local");
	if (want_usage) {
		jw_key(w, "UsageData");
		jw_obj(w);
		jw_kint(w, "RefCount", volume_users(d, v, NULL));
		jw_kint(w, "Size", volume_size(v));
		jw_end_obj(w);
	}
	jw_end_obj(w);
}

void volumes_print_usage(struct daemon *d, struct json_writer *w)
{
	jw_arr(w);
	list_for_each(it, &d->volumes->all)
		volume_print(owner_of(it, struct volume, link), w, /* want_usage= */ true, d);
	jw_end_arr(w);
}
