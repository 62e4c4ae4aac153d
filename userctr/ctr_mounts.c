// SPDX-License-Identifier: Apache-2.0
/* What Binds, Mounts, Tmpfs and Volumes ask for, as one list of mount points. */
#include "userctr/ctr_conf.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/ctr_conf_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOUNTS_MAX 1024

struct list_of {
	struct ctr_mount *v; /* owned */
	size_t n;
};

static void mount_release(struct ctr_mount *m)
{
	free(m->type);
	free(m->name);
	free(m->source);
	free(m->destination);
	free(m->mode);
	free(m->propagation);
	free(m->subpath);
	free(m->tmpfs_opts);
}

void ctr_mounts_free(struct ctr_mount *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mount_release(&m[i]);
	free(m);
}

static struct ctr_mount *find(const struct list_of *l, const char *destination)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].destination, destination) == 0)
			return &l->v[i];
	return NULL;
}

/* An absolute path in its shortest spelling, lexically: "/a//b/../c/" is "/a/c". NULL: no memory. */
static char *clean(const char *path)
{
	char *out = malloc(strlen(path) + 2);
	size_t len = 0;

	if (out == NULL)
		return NULL;
	for (const char *p = path; *p != '\0';) {
		p += strspn(p, "/");
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			while (len > 0 && out[--len] != '/')
				;
		} else if (n > 0 && !(n == 1 && p[0] == '.')) {
			out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
		}
		p += n;
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

/* Room for one more whose destination is checked; the other fields are set by the caller. NULL on error. */
static int add(struct list_of *l, const char *type, const char *destination, struct ctr_mount **ret, struct err *e)
{
	if (*destination == '\0')
		return err_say(e, EINVAL, "invalid mount config for type \"%s\": field Target must not be empty", type);
	if (*destination != '/')
		return err_say(e, EINVAL, "invalid mount config for type \"%s\": invalid mount path: '%.200s' mount path must be absolute",
			       type, destination);
	if (strlen(destination) >= PATH_MAX)
		return err_say(e, EINVAL, "invalid mount path: longer than %d", PATH_MAX - 1);
	if (l->n == MOUNTS_MAX)
		return err_say(e, E_LIMIT, "more than %d mounts", MOUNTS_MAX);
	owned_mem char *path = clean(destination);
	struct ctr_mount *v = reallocarray(l->v, l->n + 1, sizeof(*v));
	if (v != NULL)
		l->v = v;
	if (v == NULL || path == NULL)
		return err_set(e, ENOMEM, "mounts");
	if (strcmp(path, "/") == 0)
		return err_say(e, EINVAL, "invalid mount config for type \"%s\": invalid specification: destination can't be '/'", type);
	if (find(l, path) != NULL)
		return err_say(e, EINVAL, "Duplicate mount point: %.200s", path);
	v[l->n] = (struct ctr_mount){.type = strdup(type), .destination = take_ptr(path), .source = strdup(""), .mode = strdup(""),
				     .propagation = strdup(""), .is_rw = true};
	*ret = &v[l->n++];
	return (*ret)->type != NULL && (*ret)->source != NULL && (*ret)->mode != NULL && (*ret)->propagation != NULL ?
		       0 : err_set(e, ENOMEM, "mounts");
}

static int set(char **field, char *value, struct err *e)
{
	if (value == NULL)
		return err_set(e, ENOMEM, "mounts");
	free(*field);
	*field = value;
	return 0;
}

/* ---- Binds: source:destination[:mode] ---- */

enum word { WORD_RW = 1, WORD_LABEL, WORD_PROPAGATION, WORD_COPY, WORD_CONSISTENCY };

static int word_of(const char *s, size_t n)
{
	static const struct {
		const char *text;
		enum word kind;
	} words[] = {
		{"ro", WORD_RW}, {"rw", WORD_RW}, {"z", WORD_LABEL}, {"Z", WORD_LABEL}, {"copy", WORD_COPY}, {"nocopy", WORD_COPY},
		{"private", WORD_PROPAGATION}, {"rprivate", WORD_PROPAGATION}, {"shared", WORD_PROPAGATION},
		{"rshared", WORD_PROPAGATION}, {"slave", WORD_PROPAGATION}, {"rslave", WORD_PROPAGATION},
		{"consistent", WORD_CONSISTENCY}, {"cached", WORD_CONSISTENCY}, {"delegated", WORD_CONSISTENCY},
		{"default", WORD_CONSISTENCY},
	};

	for (size_t i = 0; i < countof(words); i++)
		if (strlen(words[i].text) == n && memcmp(words[i].text, s, n) == 0)
			return (int)words[i].kind;
	return -1;
}

static bool is_mode(const char *s)
{
	unsigned seen = 0;

	if (*s == '\0')
		return false;
	for (const char *p = s; *p != '\0';) {
		size_t n = strcspn(p, ",");
		int kind = word_of(p, n);
		if (kind < 0 || (seen & 1u << kind) != 0)
			return false;
		seen |= 1u << kind;
		p += n + (p[n] == ',');
	}
	return true;
}

static int apply_mode(struct ctr_mount *m, const char *mode, struct err *e)
{
	bool is_bind = strcmp(m->type, "bind") == 0;

	int r = set(&m->mode, strdup(mode), e);
	for (const char *p = mode; r == 0 && *p != '\0';) {
		size_t n = strcspn(p, ",");
		int kind = word_of(p, n);
		if (kind == WORD_RW)
			m->is_rw = p[1] == 'w';
		if (kind == WORD_PROPAGATION && !is_bind)
			return err_say(e, EINVAL, "invalid mode: %.100s: propagation is for binds", mode);
		if (kind == WORD_PROPAGATION)
			r = set(&m->propagation, strndup(p, n), e);
		if (kind == WORD_COPY && is_bind)
			return err_say(e, EINVAL, "invalid mode: %.100s", mode);
		if (kind == WORD_COPY)
			m->no_copy = p[0] == 'n';
		p += n + (p[n] == ',');
	}
	/* docker names the label that it would give, SELinux or not */
	if (r == 0 && *mode == '\0' && !is_bind)
		r = set(&m->mode, strdup("z"), e);
	return r;
}

static int add_bind(struct list_of *l, const char *raw, struct err *e)
{
	struct ctr_mount *m;

	owned_mem char *text = strdup(raw);
	if (text == NULL)
		return err_set(e, ENOMEM, "mounts");
	char *dest = strchr(text, ':'), *mode = NULL;
	if (dest != NULL) {
		*dest++ = '\0';
		mode = strchr(dest, ':');
		if (mode != NULL)
			*mode++ = '\0';
	}
	if (text[0] == '\0' || (dest != NULL && (*dest == '\0' || (mode == NULL && is_mode(dest)))))
		return err_say(e, EINVAL, "invalid volume specification: '%.300s'", raw);
	if (mode != NULL && *mode != '\0' && !is_mode(mode))
		return err_say(e, EINVAL, "invalid mode: %.100s", mode);
	bool is_bind = dest != NULL && text[0] == '/';
	int r = add(l, is_bind ? "bind" : "volume", dest != NULL ? dest : text, &m, e);
	if (r < 0)
		return r == -EINVAL && strncmp(e != NULL ? e->msg : "D", "D", 1) != 0 ?
			       err_wrap(e, r, "invalid volume specification: '%.300s'", raw) : r;
	m->is_anonymous = dest == NULL;
	m->make_source = is_bind;
	if (is_bind) {
		r = set(&m->source, clean(text), e);
		if (r == 0)
			r = set(&m->propagation, strdup("rprivate"), e);
	} else if (dest != NULL) {
		r = set(&m->name, strdup(text), e);
	}
	if (r == 0 && dest != NULL)
		r = apply_mode(m, mode != NULL ? mode : "", e);
	return r;
}

/* ---- Mounts ---- */

static int bad_mount(const char *type, const char *why, struct err *e)
{
	return err_say(e, EINVAL, "invalid mount config for type \"%.50s\": %s", type, why);
}

static int mount_bind(struct ctr_mount *m, const struct json *v, struct err *e)
{
	const struct json *o = json_get(v, "BindOptions");
	const char *source = conf_str(v, "Source"), *prop = conf_str(o, "Propagation");

	if (*source == '\0')
		return bad_mount("bind", "field Source must not be empty", e);
	if (*source != '/')
		return bad_mount("bind", "invalid mount path: mount path must be absolute", e);
	if (json_get(v, "VolumeOptions") != NULL)
		return bad_mount("bind", "field VolumeOptions must not be specified", e);
	if (*prop != '\0' && word_of(prop, strlen(prop)) != WORD_PROPAGATION)
		return bad_mount("bind", "invalid propagation mode", e);
	if (conf_bool(o, "ReadOnlyForceRecursive") && (m->is_rw || conf_bool(o, "ReadOnlyNonRecursive")))
		return bad_mount("bind", "ReadOnlyForceRecursive needs ReadOnly and excludes ReadOnlyNonRecursive", e);
	m->make_source = conf_bool(o, "CreateMountpoint");
	m->ro_not_recursive = conf_bool(o, "ReadOnlyNonRecursive");
	m->not_recursive = conf_bool(o, "NonRecursive");
	int r = set(&m->source, clean(source), e);
	return r < 0 ? r : set(&m->propagation, strdup(*prop != '\0' ? prop : "rprivate"), e);
}

static int mount_volume(struct ctr_mount *m, const struct json *v, struct err *e)
{
	const struct json *o = json_get(v, "VolumeOptions"), *driver = json_get(o, "DriverConfig");
	const char *name = conf_str(v, "Source"), *sub = conf_str(o, "Subpath"), *dname = conf_str(driver, "Name");
	int r = 0;

	if (json_get(v, "BindOptions") != NULL)
		return bad_mount("volume", "field BindOptions must not be specified", e);
	if (*name == '\0' && !m->is_rw)
		return bad_mount("volume", "must not set ReadOnly mode when using anonymous volumes", e);
	if (*name == '\0' && *sub != '\0')
		return bad_mount("volume", "must not set Subpath when using anonymous volumes", e);
	/* following it safely while a container changes the volume needs more than a path */
	if (*sub != '\0')
		return bad_mount("volume", "VolumeOptions.Subpath is not supported", e);
	if (*dname != '\0' && strcmp(dname, "local") != 0)
		return err_say(e, ENOENT, "error looking up volume plugin %.100s: plugin \"%.100s\" not found", dname, dname);
	m->is_anonymous = *name == '\0';
	m->no_copy = conf_bool(o, "NoCopy");
	m->volume_options = json_get(driver, "Options");
	m->volume_labels = json_get(o, "Labels");
	if (*name != '\0')
		r = set(&m->name, strdup(name), e);
	return r < 0 ? r : set(&m->mode, strdup("z"), e);
}

static int mount_tmpfs(struct ctr_mount *m, const struct json *v, struct err *e)
{
	const struct json *o = json_get(v, "TmpfsOptions");
	struct json_iter it = json_iter(json_get(o, "Options"));
	char text[512], opts[512];
	size_t len = 0;

	if (json_get(v, "BindOptions") != NULL)
		return bad_mount("tmpfs", "field BindOptions must not be specified", e);
	if (json_get(v, "VolumeOptions") != NULL)
		return bad_mount("tmpfs", "field VolumeOptions must not be specified", e);
	if (conf_str(v, "Source")[0] != '\0')
		return bad_mount("tmpfs", "field Source must not be specified", e);
	text[0] = '\0';
	if (!m->is_rw)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "ro,");
	if (conf_int(o, "Mode") > 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "mode=%" PRIo64 ",", conf_int(o, "Mode") & 07777);
	if (conf_int(o, "SizeBytes") > 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "size=%" PRId64 ",", conf_int(o, "SizeBytes"));
	while (json_next(&it)) {
		struct json_iter pair = json_iter(it.value);
		for (const char *sep = ""; json_next(&pair) && len < sizeof(text); sep = "=")
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", sep, json_str_or(pair.value, ""));
		if (len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len, ",");
	}
	if (len >= sizeof(text))
		return bad_mount("tmpfs", "options are too long", e);
	int r = tmpfs_options(text, opts, sizeof(opts), e);
	return r < 0 ? r : set(&m->tmpfs_opts, strdup(opts), e);
}

static int add_mount(struct list_of *l, const struct json *v, struct err *e)
{
	static const struct {
		const char *type;
		int (*take)(struct ctr_mount *m, const struct json *v, struct err *e);
	} types[] = {{"bind", mount_bind}, {"volume", mount_volume}, {"tmpfs", mount_tmpfs}};
	const char *type = conf_str(v, "Type");
	struct ctr_mount *m;

	for (size_t i = 0; i < countof(types); i++) {
		if (strcmp(type, types[i].type) != 0)
			continue;
		int r = add(l, type, conf_str(v, "Target"), &m, e);
		if (r < 0)
			return r;
		m->is_rw = !conf_bool(v, "ReadOnly");
		return types[i].take(m, v, e);
	}
	if (strcmp(type, "image") == 0 || strcmp(type, "cluster") == 0 || strcmp(type, "npipe") == 0)
		return bad_mount(type, "mounts of this type are not supported", e);
	return bad_mount(type, "mount type unknown", e);
}

/* ---- Tmpfs and Volumes ---- */

static int add_tmpfs(struct list_of *l, const char *destination, const char *text, struct err *e)
{
	struct ctr_mount *m;
	char opts[512];

	int r = tmpfs_options(text, opts, sizeof(opts), e);
	if (r == 0)
		r = add(l, "tmpfs", destination, &m, e);
	if (r < 0)
		return r;
	m->is_hidden = true;
	return set(&m->tmpfs_opts, strdup(opts), e);
}

/* A volume of the image, or of -v /path in old clients: unless something else was asked for at its place. */
static int add_volume(struct list_of *l, const char *destination, struct err *e)
{
	struct ctr_mount *m;

	owned_mem char *path = clean(destination);
	if (path == NULL)
		return err_set(e, ENOMEM, "mounts");
	if (find(l, path) != NULL)
		return 0;
	int r = add(l, "volume", destination, &m, e);
	if (r == 0)
		m->is_anonymous = true;
	return r;
}

int ctr_conf_mounts(const struct ctr_conf *c, struct ctr_mount **ret, size_t *ret_n, struct err *e)
{
	struct list_of l = {0};
	int r = 0;

	struct json_iter it = json_iter(json_get(c->host, "Binds"));
	while (r == 0 && json_next(&it))
		r = add_bind(&l, json_str_or(it.value, ""), e);
	it = json_iter(json_get(c->host, "Mounts"));
	while (r == 0 && json_next(&it))
		r = add_mount(&l, it.value, e);
	it = json_iter(json_get(c->host, "Tmpfs"));
	while (r == 0 && json_next(&it))
		r = add_tmpfs(&l, it.key, json_str_or(it.value, ""), e);
	it = json_iter(json_get(c->config, "Volumes"));
	while (r == 0 && json_next(&it))
		r = add_volume(&l, it.key, e);
	if (r < 0) {
		ctr_mounts_free(l.v, l.n);
		return r;
	}
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}
