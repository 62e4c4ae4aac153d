// SPDX-License-Identifier: Apache-2.0
/* config.json to struct: the top level, mounts, hooks, and the entry points. */
#include "lib/codec/oci_spec.h"

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_spec_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_MAX ((size_t)64 << 20)

static int one_mount(struct in *in, const struct json *v, void *slot)
{
	struct oci_mount *m = slot;

	int r = in_str(in, v, "destination", &m->destination);
	if (r == 0)
		r = in_str(in, v, "type", &m->type);
	if (r == 0)
		r = in_str(in, v, "source", &m->source);
	if (r == 0)
		r = in_strings(in, v, "options", &m->options);
	if (r == 0)
		r = in_array(in, v, "uidMappings", sizeof(*m->uid_maps), (void **)&m->uid_maps, &m->uid_map_count, in_idmap);
	if (r == 0)
		r = in_array(in, v, "gidMappings", sizeof(*m->gid_maps), (void **)&m->gid_maps, &m->gid_map_count, in_idmap);
	if (r < 0)
		return r;
	if (m->destination == NULL || m->destination[0] != '/')
		return in_bad(in, "destination", "must be an absolute path");
	if ((m->uid_map_count > 0) != (m->gid_map_count > 0))
		return in_bad(in, m->uid_map_count > 0 ? "gidMappings" : "uidMappings", "is missing");
	if (m->options == NULL && (m->options = in_take(in, 1, sizeof(*m->options))) == NULL)
		return in_failed(in);
	return 0;
}

static const char *const hook_names[OCI_HOOKS] = {"prestart", "createRuntime", "createContainer", "startContainer", "poststart",
						  "poststop"};

const char *oci_hook_name(enum oci_hook_kind kind)
{
	return hook_names[kind];
}

static int one_hook(struct in *in, const struct json *v, void *slot)
{
	struct oci_hook *h = slot;

	h->timeout_s = OCI_UNSET;
	int r = in_str(in, v, "path", &h->path);
	if (r == 0)
		r = in_strings(in, v, "args", &h->args);
	if (r == 0)
		r = in_strings(in, v, "env", &h->env);
	if (r == 0)
		r = in_int(in, v, "timeout", 1, INT32_MAX, &h->timeout_s);
	if (r < 0)
		return r;
	if (h->path == NULL || h->path[0] != '/')
		return in_bad(in, "path", "must be an absolute path");
	if (h->args == NULL && (h->args = in_take(in, 2, sizeof(*h->args))) != NULL)
		h->args[0] = h->path;
	if (h->env == NULL)
		h->env = in_take(in, 1, sizeof(*h->env));
	return h->args == NULL || h->env == NULL ? in_failed(in) : 0;
}

static int parse_hooks(struct in *up, const struct json *o, struct oci_spec *p)
{
	int r = in_typed(up, o, "hooks", JSON_OBJ, &p->hooks_json);
	struct in in = in_sub(up, "hooks");
	for (int i = 0; r == 0 && p->hooks_json != NULL && i < OCI_HOOKS; i++)
		r = in_array(&in, p->hooks_json, hook_names[i], sizeof(*p->hooks[i]), (void **)&p->hooks[i], &p->hook_counts[i],
			     one_hook);
	return r;
}

static int parse_kept_hooks(struct in *in, const struct json *o, struct oci_spec *p)
{
	int r = in_str(in, o, "ociVersion", &p->version);
	if (r == 0)
		r = in_pairs(in, o, "annotations", &p->annotations, &p->annotation_count);
	if (r == 0)
		r = in_typed(in, o, "seccomp", JSON_OBJ, &p->seccomp);
	return r < 0 ? r : parse_hooks(in, o, p);
}

static int parse_root(struct in *in, const struct json *o, struct oci_spec *p)
{
	const struct json *root;

	int r = in_typed(in, o, "root", JSON_OBJ, &root);
	if (r < 0)
		return r;
	if (root == NULL)
		return in_bad(in, "root", "is missing");
	struct in s = in_sub(in, "root");
	r = in_str(&s, root, "path", &p->root_path);
	if (r == 0)
		r = in_bool(&s, root, "readonly", &p->root_readonly);
	if (r == 0 && (p->root_path == NULL || p->root_path[0] == '\0'))
		return in_bad(&s, "path", "is missing");
	return r;
}

static int parse_all(struct in *in, const struct json *o, struct oci_spec *p)
{
	static const char *const later[] = {"solaris", "windows", "vm", "zos", "freebsd"};
	const struct json *process, *linux_part;

	int r = in_str(in, o, "ociVersion", &p->version);
	if (r < 0)
		return r;
	if (p->version == NULL || strncmp(p->version, "1.", 2) != 0)
		return in_bad(in, "ociVersion", "is missing or not 1.x");
	r = parse_root(in, o, p);
	if (r == 0)
		r = in_typed(in, o, "process", JSON_OBJ, &process);
	if (r < 0)
		return r;
	if (process == NULL)
		return in_bad(in, "process", "is missing");
	struct in s = in_sub(in, "process");
	r = in_process(&s, process, &p->process);
	if (r == 0)
		r = in_str(in, o, "hostname", &p->hostname);
	if (r == 0)
		r = in_str(in, o, "domainname", &p->domainname);
	if (r == 0)
		r = in_array(in, o, "mounts", sizeof(*p->mounts), (void **)&p->mounts, &p->mount_count, one_mount);
	if (r == 0)
		r = in_pairs(in, o, "annotations", &p->annotations, &p->annotation_count);
	if (r == 0)
		r = parse_hooks(in, o, p);
	if (r == 0)
		r = in_typed(in, o, "linux", JSON_OBJ, &linux_part);
	if (r == 0)
		r = in_refuse(in, o, later, countof(later));
	if (r < 0)
		return r;
	s = in_sub(in, "linux");
	return in_linux(&s, linux_part, p);
}

/* ---- entry points ---- */

static int one_process(struct in *in, const struct json *o, struct oci_spec *p)
{
	return in_process(in, o, &p->process);
}

static int one_resources(struct in *in, const struct json *o, struct oci_spec *p)
{
	return in_resources(in, o, &p->resources);
}

/* The memory of a spec is part of it. */
struct box {
	struct oci_spec spec;
	struct arena arena;
};

static int parse_with(const char *json, size_t len, struct oci_spec **ret, struct err *e,
		      int (*part)(struct in *in, const struct json *o, struct oci_spec *p))
{
	struct err own = {0};
	struct box *b = calloc(1, sizeof(*b));

	if (e == NULL)
		e = &own; /* in_take() reports through it */
	if (b == NULL)
		return err_set(e, ENOMEM, "configuration");
	struct oci_spec *s = &b->spec;
	b->arena.max = MEMORY_MAX;
	s->memory = &b->arena;
	s->personality = OCI_UNSET;
	struct in in = {.spec = s, .e = e};
	int r = json_parse(json, len, &s->doc, e);
	if (r == 0 && json_type(json_root(s->doc)) != JSON_OBJ)
		r = err_set(e, E_SPEC, "configuration: must be an object");
	if (r == 0)
		r = part(&in, json_root(s->doc), s);
	if (r < 0) {
		oci_spec_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

int oci_spec_parse(const char *json, size_t len, struct oci_spec **ret, struct err *e)
{
	return parse_with(json, len, ret, e, parse_all);
}

int oci_process_parse(const char *json, size_t len, struct oci_spec **ret, struct err *e)
{
	return parse_with(json, len, ret, e, one_process);
}

int oci_resources_parse(const char *json, size_t len, struct oci_spec **ret, struct err *e)
{
	return parse_with(json, len, ret, e, one_resources);
}

int oci_hooks_parse(const char *json, size_t len, struct oci_spec **ret, struct err *e)
{
	return parse_with(json, len, ret, e, parse_kept_hooks);
}

void oci_spec_free(struct oci_spec *s)
{
	if (s == NULL)
		return;
	arena_release(s->memory);
	json_free(s->doc);
	free(owner_of(s, struct box, spec));
}

const char *oci_spec_annotation(const struct oci_spec *s, const char *key)
{
	for (size_t i = 0; i < s->annotation_count; i++)
		if (strcmp(s->annotations[i].key, key) == 0)
			return s->annotations[i].value;
	return NULL;
}
