// SPDX-License-Identifier: Apache-2.0
/* record.json: what a container is and how it stands, replaced atomically at every turn of its life. */
#include "userctr/ctr_internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "userctr/ctr_net.h"
#include "userctr/ids.h"
#include "userctr/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define RECORD_MAX     (8u << 20)
#define RECORD_VERSION 1

/* Stored numbers of enum ctr_phase; STARTING is never stored: a start that was not finished did not happen. One by policy is
 * then still to come. */
static enum ctr_phase stored_phase(const struct ctr *c)
{
	if (c->life->phase != PHASE_STARTING)
		return c->life->phase;
	return c->state == CTR_RESTARTING ? PHASE_BACKOFF : c->life->has_run ? PHASE_EXITED : PHASE_CREATED;
}

static void print_mount(struct json_writer *w, const struct ctr_mount *m)
{
	jw_obj(w);
	jw_kstr(w, "type", m->type);
	jw_kstr(w, "name", m->name);
	jw_kstr(w, "source", m->source);
	jw_kstr(w, "destination", m->destination);
	jw_kstr(w, "mode", m->mode);
	jw_kstr(w, "propagation", m->propagation);
	jw_kstr(w, "subpath", m->subpath);
	jw_kstr(w, "tmpfs", m->tmpfs_opts);
	jw_kbool(w, "rw", m->is_rw);
	jw_kbool(w, "noCopy", m->no_copy);
	jw_kbool(w, "anonymous", m->is_anonymous);
	jw_kbool(w, "makeSource", m->make_source);
	jw_kbool(w, "roNotRecursive", m->ro_not_recursive);
	jw_kbool(w, "notRecursive", m->not_recursive);
	jw_kbool(w, "hidden", m->is_hidden);
	jw_end_obj(w);
}

void ctr_record_print(const struct ctr *c, struct buf *out)
{
	char image[DIGEST_TEXT_SIZE];
	struct json_writer w;

	jw_init(&w, out);
	jw_obj(&w);
	jw_kint(&w, "version", RECORD_VERSION);
	jw_kstr(&w, "id", c->id);
	jw_kstr(&w, "name", c->name);
	jw_kstr(&w, "image", digest_text(&c->image, image));
	jw_kint(&w, "phase", stored_phase(c));
	jw_kint(&w, "exitCode", c->exit_code);
	jw_kbool(&w, "oomKilled", c->oom_killed);
	jw_kint(&w, "created", c->created_ns);
	jw_kint(&w, "started", c->started_ns);
	jw_kint(&w, "finished", c->finished_ns);
	jw_kstr(&w, "error", c->error);
	jw_kint(&w, "restartCount", c->restart_count);
	jw_kbool(&w, "hasRun", c->life->has_run);
	jw_kbool(&w, "manualStop", c->life->manual_stop);
	jw_kbool(&w, "wentDown", c->life->went_down);
	jw_kbool(&w, "removeVolumes", c->life->remove_volumes);
	jw_key(&w, "config");
	jw_value(&w, c->conf.config);
	jw_key(&w, "hostConfig");
	jw_value(&w, c->conf.host);
	jw_key(&w, "mounts");
	jw_arr(&w);
	for (size_t i = 0; i < c->n_mounts; i++)
		print_mount(&w, &c->mounts[i]);
	jw_end_arr(&w);
	jw_key(&w, "net");
	if (c->net != NULL)
		ctr_net_save(c->net, &w);
	else
		jw_null(&w);
	jw_end_obj(&w);
	buf_putc(out, '\n');
}

static char *copy_str(const struct json *v, bool *oom)
{
	const char *s = json_str(v);
	char *p = s != NULL ? strdup(s) : NULL;

	*oom |= s != NULL && p == NULL;
	return p;
}

static int parse_mounts(struct ctr *c, const struct json *v, struct err *e)
{
	size_t n = json_len(v);
	bool oom = false;

	if (n == 0)
		return 0;
	c->mounts = calloc(n, sizeof(*c->mounts));
	if (c->mounts == NULL)
		return err_set(e, ENOMEM, "mounts");
	struct json_iter it = json_iter(v);
	while (json_next(&it)) {
		struct ctr_mount *m = &c->mounts[c->n_mounts++];
		m->type = copy_str(json_get(it.value, "type"), &oom);
		m->name = copy_str(json_get(it.value, "name"), &oom);
		m->source = copy_str(json_get(it.value, "source"), &oom);
		m->destination = copy_str(json_get(it.value, "destination"), &oom);
		m->mode = copy_str(json_get(it.value, "mode"), &oom);
		m->propagation = copy_str(json_get(it.value, "propagation"), &oom);
		m->subpath = copy_str(json_get(it.value, "subpath"), &oom);
		m->tmpfs_opts = copy_str(json_get(it.value, "tmpfs"), &oom);
		m->is_rw = json_bool(json_get(it.value, "rw"), true);
		m->no_copy = json_bool(json_get(it.value, "noCopy"), false);
		m->is_anonymous = json_bool(json_get(it.value, "anonymous"), false);
		m->make_source = json_bool(json_get(it.value, "makeSource"), false);
		m->ro_not_recursive = json_bool(json_get(it.value, "roNotRecursive"), false);
		m->not_recursive = json_bool(json_get(it.value, "notRecursive"), false);
		m->is_hidden = json_bool(json_get(it.value, "hidden"), false);
		if (!oom && (m->type == NULL || m->destination == NULL))
			return err_say(e, E_SPEC, "mounts: type or destination is missing");
	}
	return oom ? err_set(e, ENOMEM, "mounts") : 0;
}

static int parse_conf(struct ctr *c, const struct json *root, struct err *e)
{
	owned_buf struct buf config = BUF_INIT(RECORD_MAX);
	owned_buf struct buf host = BUF_INIT(RECORD_MAX);
	struct json_writer w;

	jw_init(&w, &config);
	jw_value(&w, json_get(root, "config"));
	jw_init(&w, &host);
	jw_value(&w, json_get(root, "hostConfig"));
	if (buf_error(&config) < 0 || buf_error(&host) < 0)
		return err_set(e, ENOMEM, "config");
	return ctr_conf_load(config.data, config.len, host.data, host.len, &c->conf, e);
}

static int parse(struct ctr *c, const struct json *root, struct err *e)
{
	const char *id = json_str_or(json_get(root, "id"), ""), *name = json_str_or(json_get(root, "name"), "");
	const char *image = json_str_or(json_get(root, "image"), "");

	if (json_int(json_get(root, "version"), 0) != RECORD_VERSION)
		return err_say(e, E_SPEC, "version is not %d", RECORD_VERSION);
	if (!id_is_full(id) || !name_is_valid(name))
		return err_say(e, E_SPEC, "id or name");
	strcpy(c->id, id);
	strcpy(c->name, name);
	int r = digest_parse(image, strlen(image), &c->image, e);
	if (r < 0)
		return r;
	int64_t phase = json_int(json_get(root, "phase"), 0);
	if (phase < PHASE_CREATED || phase > PHASE_LAST || phase == PHASE_STARTING)
		return err_say(e, E_SPEC, "phase");
	c->life->phase = (enum ctr_phase)phase;
	c->exit_code = (int)json_int(json_get(root, "exitCode"), 0);
	c->oom_killed = json_bool(json_get(root, "oomKilled"), false);
	c->created_ns = json_int(json_get(root, "created"), 0);
	c->started_ns = json_int(json_get(root, "started"), 0);
	c->finished_ns = json_int(json_get(root, "finished"), 0);
	c->restart_count = (unsigned)json_int(json_get(root, "restartCount"), 0);
	(void)snprintf(c->error, sizeof(c->error), "%s", json_str_or(json_get(root, "error"), "")); /* may cut */
	c->life->has_run = json_bool(json_get(root, "hasRun"), false);
	c->life->manual_stop = json_bool(json_get(root, "manualStop"), false);
	c->life->went_down = json_bool(json_get(root, "wentDown"), false);
	c->life->remove_volumes = json_bool(json_get(root, "removeVolumes"), false);
	r = parse_conf(c, root, e);
	if (r == 0)
		r = parse_mounts(c, json_get(root, "mounts"), e);
	if (r == 0)
		r = ctr_net_load(c->d, &c->conf, json_get(root, "net"), &c->net, e);
	if (r == 0)
		ctr_show_phase(c);
	return r;
}

int ctr_record_parse(struct ctr *c, const char *p, size_t n, struct err *e)
{
	struct json_doc *doc = NULL;

	int r = json_parse(p, n, &doc, e);
	if (r == 0)
		r = parse(c, json_root(doc), e);
	json_free(doc);
	return r;
}

int ctr_save(struct ctr *c, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(RECORD_MAX);
	char path[PATH_MAX];

	ctr_record_print(c, &b);
	if (buf_error(&b) < 0)
		return err_set(e, -buf_error(&b), "record of container '%s'", c->id);
	owned_fd int dir = open(ctr_dir(c, NULL, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open '%s'", path);
	return file_replace(dir, "record.json", b.data, b.len, 0600, e);
}
