// SPDX-License-Identifier: Apache-2.0
/* The mounts of a container: docker's own, less those that the user put something else at, then the user's. */
#include "userctr/ctr_conf.h"
#include "userctr/ctr_conf_internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXTRA 4 /* name files and the init program */

static const struct own {
	const char *destination, *type, *source, *options; /* options: comma-separated */
} own_mounts[] = {
	{"/proc", "proc", "proc", "nosuid,noexec,nodev"},
	{"/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"},
	{"/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"},
	{"/sys", "sysfs", "sysfs", "nosuid,noexec,nodev"},
	{"/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev"},
	{"/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"},
	{"/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777"},
};

static bool is_at(const struct ctr_facts *f, const char *destination)
{
	for (size_t i = 0; i < f->n_mounts; i++)
		if (strcmp(f->mounts[i].destination, destination) == 0)
			return true;
	return false;
}

/* Taken by the user: the place itself, or /dev as a whole. */
static bool is_taken(const struct ctr_facts *f, const char *destination)
{
	return is_at(f, destination) || (strncmp(destination, "/dev/", 5) == 0 && is_at(f, "/dev"));
}

static void open_mount(struct json_writer *w, const char *destination, const char *type, const char *source)
{
	jw_obj(w);
	jw_kstr(w, "destination", destination);
	jw_kstr(w, "type", type);
	jw_kstr(w, "source", source);
	jw_key(w, "options");
	jw_arr(w);
}

static void close_mount(struct json_writer *w)
{
	jw_end_arr(w);
	jw_end_obj(w);
}

static void write_options(struct json_writer *w, const char *text)
{
	for (const char *p = text; p != NULL && *p != '\0';) {
		size_t n = strcspn(p, ",");
		if (n > 0)
			jw_strn(w, p, n);
		p += n + (p[n] == ',');
	}
}

static void write_own(struct json_writer *w, const struct ctr_conf *c, const struct ctr_facts *f, const struct own *m)
{
	bool is_privileged = conf_bool(c->host, "Privileged"), is_shm = strcmp(m->destination, "/dev/shm") == 0;
	const char *ipc = conf_str(c->host, "IpcMode");
	const char *shm = f->shm_path != NULL ? f->shm_path : strcmp(ipc, "host") == 0 ? "/dev/shm" : NULL;
	char size[40];

	if (is_taken(f, m->destination) || (is_shm && strcmp(ipc, "none") == 0))
		return;
	if (is_shm && shm != NULL) {
		open_mount(w, m->destination, "bind", shm);
		write_options(w, "rbind,rprivate");
		close_mount(w);
		return;
	}
	open_mount(w, m->destination, m->type, m->source);
	/* what is below /sys is the host's; with a read-only root, what docker leaves writable there too */
	if (strcmp(m->destination, "/sys/fs/cgroup") == 0 && (!is_privileged || conf_bool(c->host, "ReadonlyRootfs")))
		jw_str(w, "ro");
	write_options(w, m->options);
	if (strcmp(m->destination, "/sys") == 0 && (!is_privileged || conf_bool(c->host, "ReadonlyRootfs")))
		jw_str(w, "ro");
	if (is_shm) {
		(void)snprintf(size, sizeof(size), "size=%lld", (long long)conf_int(c->host, "ShmSize"));
		jw_str(w, size);
	}
	close_mount(w);
}

static void write_asked(struct json_writer *w, const struct ctr_mount *m)
{
	if (strcmp(m->type, "tmpfs") == 0) {
		open_mount(w, m->destination, "tmpfs", "tmpfs");
		write_options(w, m->tmpfs_opts);
		jw_str(w, "rprivate");
	} else {
		open_mount(w, m->destination, "bind", m->source);
		jw_str(w, m->not_recursive ? "bind" : "rbind");
		if (!m->is_rw)
			jw_str(w, m->ro_not_recursive || m->not_recursive ? "ro" : "rro");
		if (m->propagation[0] != '\0')
			jw_str(w, m->propagation);
	}
	close_mount(w);
}

static unsigned depth_of(const char *path)
{
	unsigned n = 0;

	for (; *path != '\0'; path++)
		n += *path == '/';
	return n;
}

static int by_depth(const void *a, const void *b)
{
	const struct ctr_mount *const *x = a, *const *y = b;
	unsigned dx = depth_of((*x)->destination), dy = depth_of((*y)->destination);

	/* among equals as they were asked for: the pointers are into one array, and the extras come after it */
	return dx != dy ? (dx < dy ? -1 : 1) : (*x < *y ? -1 : *x > *y);
}

/* One list: what was asked for, then the name files at places where the user put nothing. Parents before children. */
static int write_sorted(struct json_writer *w, const struct ctr_conf *c, const struct ctr_facts *f, struct err *e)
{
	const struct {
		const char *source, *destination;
	} files[] = {{f->resolv_path, "/etc/resolv.conf"}, {f->hostname_path, "/etc/hostname"}, {f->hosts_path, "/etc/hosts"}};
	size_t n = 0;

	owned_mem struct ctr_mount *all = calloc(f->n_mounts + EXTRA, sizeof(*all));
	owned_mem const struct ctr_mount **order = calloc(f->n_mounts + EXTRA, sizeof(*order));
	if (all == NULL || order == NULL)
		return err_set(e, ENOMEM, "mounts");
	/* docker mounts those without a place on the host first */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < f->n_mounts; i++)
			if ((strcmp(f->mounts[i].type, "tmpfs") == 0) == (pass == 0))
				all[n++] = f->mounts[i];
	for (size_t i = 0; i < countof(files); i++)
		if (files[i].source != NULL && !is_at(f, files[i].destination))
			all[n++] = (struct ctr_mount){.type = (char *)"bind", .source = (char *)files[i].source,
						      .destination = (char *)files[i].destination, .propagation = (char *)"rprivate",
						      .is_rw = !conf_bool(c->host, "ReadonlyRootfs")};
	for (size_t i = 0; i < n; i++)
		order[i] = &all[i];
	qsort(order, n, sizeof(*order), by_depth);
	for (size_t i = 0; i < n; i++)
		write_asked(w, order[i]);
	return 0;
}

int spec_mounts_write(struct json_writer *w, const struct ctr_conf *c, const struct ctr_facts *f, struct err *e)
{
	jw_arr(w);
	for (size_t i = 0; i < countof(own_mounts); i++)
		write_own(w, c, f, &own_mounts[i]);
	if (conf_bool(c->host, "Init") && f->init_path != NULL) {
		open_mount(w, "/sbin/docker-init", "bind", f->init_path);
		write_options(w, "bind,ro");
		close_mount(w);
	}
	int r = write_sorted(w, c, f, e);
	jw_end_arr(w);
	return r;
}
