// SPDX-License-Identifier: Apache-2.0
/* Containers as JSON. */
#include "userctr/ctr_print.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/store.h"
#include "userctr/ctr_exec.h"
#include "userctr/ctr_health.h"
#include "userctr/ctr_internal.h"
#include "userctr/ctr_net.h"
#include "userctr/daemon.h"
#include "userctr/human.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_MAX (256u << 10)

static const char *const state_names[] = {"", "created", "running", "paused", "restarting", "exited", "removing", "dead"};

void print_time(struct json_writer *w, const char *key, int64_t ns)
{
	char when[CLOCK_RFC3339_SIZE];

	if (ns == 0) {
		jw_kstr(w, key, "0001-01-01T00:00:00Z");
		return;
	}
	clock_rfc3339(ns, when);
	jw_kstr(w, key, when);
}

/* ---- sizes ---- */

static int64_t size_sum;

static int size_add(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path, (void)type, (void)at;
	if (S_ISREG(st->st_mode))
		size_sum += st->st_size;
	return 0;
}

int64_t ctr_size_rw(const struct ctr *c)
{
	char path[PATH_MAX];

	size_sum = 0;
	(void)nftw(ctr_dir(c, "diff", path), size_add, 20, FTW_PHYS | FTW_MOUNT); /* what cannot be read has no size */
	return size_sum;
}

static void print_sizes(const struct ctr *c, struct json_writer *w)
{
	char id[DIGEST_TEXT_SIZE];
	struct image *image = NULL;
	int64_t rw = ctr_size_rw(c);

	int64_t below = store_find(c->d->store, digest_text(&c->image, id), &image, NULL) == 0 ? (int64_t)image->size_bytes : 0;
	jw_kint(w, "SizeRw", rw);
	jw_kint(w, "SizeRootFs", rw + below);
}

/* ---- parts ---- */

/* Entrypoint and Cmd are one command line: its first word is the path. */
static void print_command(const struct ctr *c, struct json_writer *w)
{
	const struct json *parts[] = {json_get(c->conf.config, "Entrypoint"), json_get(c->conf.config, "Cmd")};
	bool is_first = true;

	for (size_t i = 0; i < countof(parts); i++) {
		struct json_iter it = json_iter(parts[i]);
		while (json_next(&it)) {
			if (is_first) {
				jw_kstr(w, "Path", json_str_or(it.value, ""));
				jw_key(w, "Args");
				jw_arr(w);
			} else {
				jw_value(w, it.value);
			}
			is_first = false;
		}
	}
	if (is_first) {
		jw_kstr(w, "Path", "");
		jw_key(w, "Args");
		jw_arr(w);
	}
	jw_end_arr(w);
}

/* The same as one string, arguments with blanks quoted. */
static void command_text(const struct ctr *c, struct buf *out)
{
	const struct json *parts[] = {json_get(c->conf.config, "Entrypoint"), json_get(c->conf.config, "Cmd")};
	bool is_first = true;

	for (size_t i = 0; i < countof(parts); i++) {
		struct json_iter it = json_iter(parts[i]);
		while (json_next(&it)) {
			const char *s = json_str_or(it.value, "");
			bool quote = !is_first && strchr(s, ' ') != NULL;
			buf_printf(out, "%s%s%s%s", is_first ? "" : " ", quote ? "'" : "", s, quote ? "'" : "");
			is_first = false;
		}
	}
}

static bool is_alive(const struct ctr *c)
{
	return c->state == CTR_RUNNING || c->state == CTR_PAUSED;
}

static void print_state(const struct ctr *c, struct json_writer *w)
{
	jw_key(w, "State");
	jw_obj(w);
	jw_kstr(w, "Status", state_names[c->state]);
	/* one that will be started again counts as running: clients then stop and remove it as such */
	jw_kbool(w, "Running", is_alive(c) || c->state == CTR_RESTARTING);
	jw_kbool(w, "Paused", c->state == CTR_PAUSED);
	jw_kbool(w, "Restarting", c->state == CTR_RESTARTING);
	jw_kbool(w, "OOMKilled", c->oom_killed);
	jw_kbool(w, "Dead", c->state == CTR_DEAD);
	jw_kint(w, "Pid", c->pid);
	jw_kint(w, "ExitCode", c->exit_code);
	jw_kstr(w, "Error", c->error);
	print_time(w, "StartedAt", c->started_ns);
	print_time(w, "FinishedAt", c->finished_ns);
	ctr_health_print(c, w);
	jw_end_obj(w);
}

static void print_paths(const struct ctr *c, struct json_writer *w)
{
	char path[PATH_MAX];

	jw_kstr(w, "ResolvConfPath", ctr_dir(c, "resolv.conf", path));
	jw_kstr(w, "HostnamePath", ctr_dir(c, "hostname", path));
	jw_kstr(w, "HostsPath", ctr_dir(c, "hosts", path));
	jw_kstr(w, "LogPath", strcmp(c->conf.log_driver, "none") == 0 ? "" : ctr_log_path(c, path));
}

static void print_graph(const struct ctr *c, struct json_writer *w)
{
	owned_buf struct buf lower = BUF_INIT(TEXT_MAX);
	char path[PATH_MAX], id[DIGEST_TEXT_SIZE];
	struct image *image = NULL;

	jw_key(w, "GraphDriver");
	jw_obj(w);
	jw_key(w, "Data");
	jw_obj(w);
	jw_kstr(w, "ID", c->id);
	if (store_find(c->d->store, digest_text(&c->image, id), &image, NULL) == 0 &&
	    store_lower(c->d->store, image, &lower, NULL) == 0)
		jw_kstr(w, "LowerDir", buf_str(&lower));
	if (c->pid > 0) { /* it is mounted nowhere else */
		(void)snprintf(path, sizeof(path), "/proc/%d/root", c->pid); /* fits */
		jw_kstr(w, "MergedDir", path);
	}
	jw_kstr(w, "UpperDir", ctr_dir(c, "diff", path));
	jw_kstr(w, "WorkDir", ctr_dir(c, "work", path));
	jw_end_obj(w);
	jw_kstr(w, "Name", "overlay2");
	jw_end_obj(w);
}

static void print_mounts(const struct ctr *c, struct json_writer *w)
{
	jw_key(w, "Mounts");
	jw_arr(w);
	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct ctr_mount *m = &c->mounts[i];
		if (m->is_hidden)
			continue;
		jw_obj(w);
		jw_kstr(w, "Type", m->type);
		if (m->name != NULL)
			jw_kstr(w, "Name", m->name);
		jw_kstr(w, "Source", m->source != NULL ? m->source : "");
		jw_kstr(w, "Destination", m->destination);
		if (m->name != NULL)
			jw_kstr(w, "Driver", "local");
		jw_kstr(w, "Mode", m->mode != NULL ? m->mode : "");
		jw_kbool(w, "RW", m->is_rw);
		jw_kstr(w, "Propagation", m->propagation != NULL ? m->propagation : "");
		jw_end_obj(w);
	}
	jw_end_arr(w);
}

static void print_execs(const struct ctr *c, struct json_writer *w)
{
	unsigned n = 0;

	jw_key(w, "ExecIDs");
	list_for_each(it, &c->life->execs) {
		const struct ctr_exec *x = owner_of(it, struct ctr_exec, link);
		if (x->has_code)
			continue;
		if (n++ == 0)
			jw_arr(w);
		jw_str(w, x->id);
	}
	if (n == 0)
		jw_null(w);
	else
		jw_end_arr(w);
}

/* ---- the whole ---- */

void ctr_print_inspect(struct ctr *c, struct json_writer *w, bool with_size)
{
	char text[DIGEST_TEXT_SIZE], name[CTR_NAME_SIZE + 1];

	jw_obj(w);
	jw_kstr(w, "Id", c->id);
	print_time(w, "Created", c->created_ns);
	print_command(c, w);
	print_state(c, w);
	jw_kstr(w, "Image", digest_text(&c->image, text));
	print_paths(c, w);
	(void)snprintf(name, sizeof(name), "/%s", c->name); /* fits */
	jw_kstr(w, "Name", name);
	jw_kint(w, "RestartCount", c->restart_count);
	jw_kstr(w, "Driver", "overlay2");
	jw_kstr(w, "Platform", "linux");
	jw_kstr(w, "MountLabel", "");
	jw_kstr(w, "ProcessLabel", "");
	jw_kstr(w, "AppArmorProfile", "");
	print_execs(c, w);
	jw_key(w, "HostConfig");
	jw_value(w, c->conf.host);
	print_graph(c, w);
	if (with_size)
		print_sizes(c, w);
	print_mounts(c, w);
	jw_key(w, "Config");
	jw_value(w, c->conf.config);
	jw_key(w, "NetworkSettings");
	ctr_net_print(c->net, w, is_alive(c));
	jw_end_obj(w);
}

static void status_text(const struct ctr *c, char *out, size_t size)
{
	char span[HUMAN_MAX];
	const char *health = ctr_health_status(c);
	int64_t now = clock_real_ns();

	(void)human_duration((now - c->started_ns) / 1000000000, span);
	switch (c->state) {
	case CTR_CREATED: (void)snprintf(out, size, "Created"); return; /* all of these fit */
	case CTR_RUNNING:
		if (strcmp(health, "none") == 0)
			(void)snprintf(out, size, "Up %s", span);
		else
			(void)snprintf(out, size, "Up %s (%s%s)", span, strcmp(health, "starting") == 0 ? "health: " : "",
				       health);
		return;
	case CTR_PAUSED: (void)snprintf(out, size, "Up %s (Paused)", span); return;
	case CTR_RESTARTING:
	case CTR_EXITED:
		(void)human_duration((now - c->finished_ns) / 1000000000, span);
		(void)snprintf(out, size, "%s (%d) %s ago", c->state == CTR_EXITED ? "Exited" : "Restarting", c->exit_code,
			       span);
		return;
	case CTR_REMOVING: (void)snprintf(out, size, "Removal In Progress"); return;
	case CTR_DEAD: (void)snprintf(out, size, "Dead"); return;
	}
}

/* As typed, unless that names another image by now. */
static void print_image(const struct ctr *c, struct json_writer *w)
{
	char text[DIGEST_TEXT_SIZE];
	struct image *image = NULL;
	bool is_same = store_find(c->d->store, c->conf.image, &image, NULL) == 0 && digest_eq(&image->id, &c->image);

	jw_kstr(w, "Image", is_same ? c->conf.image : digest_text(&c->image, text));
	jw_kstr(w, "ImageID", digest_text(&c->image, text));
}

void ctr_print_summary(struct ctr *c, struct json_writer *w, bool with_size)
{
	owned_buf struct buf command = BUF_INIT(TEXT_MAX);
	char status[128], name[CTR_NAME_SIZE + 1];
	const struct json *labels = json_get(c->conf.config, "Labels");

	jw_obj(w);
	jw_kstr(w, "Id", c->id);
	jw_key(w, "Names");
	jw_arr(w);
	(void)snprintf(name, sizeof(name), "/%s", c->name); /* fits */
	jw_str(w, name);
	jw_end_arr(w);
	print_image(c, w);
	command_text(c, &command);
	jw_kstr(w, "Command", buf_str(&command));
	jw_kint(w, "Created", c->created_ns / 1000000000);
	jw_key(w, "Ports");
	ctr_net_print_ports(c->net, w, is_alive(c));
	if (with_size)
		print_sizes(c, w);
	jw_key(w, "Labels");
	if (labels != NULL && json_type(labels) == JSON_OBJ) {
		jw_value(w, labels);
	} else {
		jw_obj(w);
		jw_end_obj(w);
	}
	jw_kstr(w, "State", state_names[c->state]);
	status_text(c, status, sizeof(status));
	jw_kstr(w, "Status", status);
	jw_key(w, "HostConfig");
	jw_obj(w);
	jw_kstr(w, "NetworkMode", c->conf.network_mode);
	jw_end_obj(w);
	jw_key(w, "NetworkSettings");
	ctr_net_print_summary(c->net, w, is_alive(c));
	print_mounts(c, w);
	jw_end_obj(w);
}
