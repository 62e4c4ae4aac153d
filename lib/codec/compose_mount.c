// SPDX-License-Identifier: Apache-2.0
/* volumes and tmpfs of a service.yml. Sources are paths of the host: system services have no named volumes. */
#include "lib/codec/compose_in.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OPTIONS_MAX 16
#define MOUNTS_MAX  128

static int add(struct compose_in *in, struct compose_service *s, const struct compose_mount *m)
{
	if (s->mounts == NULL)
		s->mounts = arena_array(in->memory, MOUNTS_MAX, sizeof(*s->mounts));
	if (s->mounts == NULL)
		return err_set(in->e, ENOMEM, "%s: %s", in->file, in->at);
	if (s->mount_count == MOUNTS_MAX)
		return compose_bad_text(in, m->line, "", "at most 128 mounts", "more");
	for (size_t i = 0; i < s->mount_count; i++)
		if (strcmp(s->mounts[i].target, m->target) == 0)
			return compose_bad_text(in, m->line, m->target, "one mount for a place", "two");
	s->mounts[s->mount_count++] = *m;
	return 0;
}

static bool is_bind_option(const char *o)
{
	static const char *const known[] = {"ro", "rw", "bind", "rbind", "nosuid", "nodev", "noexec", "shared", "rshared", "slave",
					    "rslave", "private", "rprivate", "rro"};

	for (size_t i = 0; i < countof(known); i++)
		if (strcmp(o, known[i]) == 0)
			return true;
	return false;
}

static int split_options(struct compose_in *in, const char *text, const char **out, size_t *n)
{
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		char *o = arena_copy(in->memory, text, len);
		if (o == NULL)
			return err_set(in->e, ENOMEM, "%s: %s", in->file, in->at);
		if (*n + 1 >= OPTIONS_MAX)
			return -E_LIMIT;
		if (len > 0)
			out[(*n)++] = o;
		text += len + (text[len] == ',');
	}
	out[*n] = NULL;
	return 0;
}

static int short_volume(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	static const char expected[] = "/SOURCE:/TARGET[:OPTIONS]";
	const char **options = arena_array(in->memory, OPTIONS_MAX, sizeof(*options));
	size_t n = 0, len = strcspn(v->text, ":");
	const char *rest = v->text + len;

	char *source = arena_copy(in->memory, v->text, len);
	size_t target_len = *rest == ':' ? strcspn(rest + 1, ":") : 0;
	char *target = arena_copy(in->memory, *rest == ':' ? rest + 1 : "", target_len);
	if (source == NULL || target == NULL || options == NULL)
		return err_set(in->e, ENOMEM, "%s: %s", in->file, in->at);
	if (source[0] != '/' || target[0] != '/')
		return compose_bad(in, key, v, expected);
	options[n++] = "rbind";
	rest += 1 + target_len;
	int r = *rest == ':' ? split_options(in, rest + 1, options, &n) : 0;
	if (r < 0)
		return compose_bad(in, key, v, expected);
	for (size_t i = 0; i < n; i++)
		if (!is_bind_option(options[i]))
			return compose_bad(in, key, v, "options of ro, rw, bind, nosuid, nodev, noexec, rslave, rshared, ...");
	if (n > 1 && strcmp(options[1], "bind") == 0)
		options[0] = "bind";
	return add(in, s, &(struct compose_mount){.source = source, .target = target, .options = options, .line = v->line});
}

/* "/run" or "/run:size=1m,mode=755" */
static int one_tmpfs(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	const char **options = arena_array(in->memory, OPTIONS_MAX, sizeof(*options)), *text = NULL;
	size_t n = 0;

	int r = take_path(in, key, v, &text);
	if (r < 0)
		return r;
	size_t len = strcspn(text, ":");
	char *target = arena_copy(in->memory, text, len);
	if (target == NULL || options == NULL)
		return err_set(in->e, ENOMEM, "%s: %s", in->file, in->at);
	options[n++] = "nosuid";
	options[n++] = "nodev";
	r = text[len] == ':' ? split_options(in, text + len + 1, options, &n) : 0;
	if (r < 0)
		return compose_bad(in, key, v, "at most 12 options");
	return add(in, s, &(struct compose_mount){.target = target, .options = options, .line = v->line});
}

/* The long form's parts, collected before they are put together. */
struct volume {
	const char *type, *source, *target, *propagation;
	bool is_read_only;
	int64_t size, mode;
};

static int volume_part(struct compose_in *in, const char *name, const struct yaml_node *v, struct volume *o)
{
	if (strcmp(name, "type") == 0)
		return take_text(in, name, v, &o->type);
	if (strcmp(name, "source") == 0)
		return take_path(in, name, v, &o->source);
	if (strcmp(name, "target") == 0)
		return take_path(in, name, v, &o->target);
	if (strcmp(name, "read_only") == 0)
		return take_bool(in, name, v, &o->is_read_only);
	if (strcmp(name, "bind") != 0 && strcmp(name, "tmpfs") != 0)
		return compose_bad_text(in, v->line, name, "type, source, target, read_only, bind or tmpfs", "another key");
	if (v->type != YAML_MAP)
		return compose_bad(in, name, v, "a map");
	for (size_t i = 0; i < v->count; i++) {
		const struct yaml_pair *p = &v->pairs[i];
		int r;
		if (strcmp(p->key, "propagation") == 0)
			r = take_text(in, "bind.propagation", p->value, &o->propagation);
		else if (strcmp(p->key, "size") == 0)
			r = take_bytes(in, "tmpfs.size", p->value, &o->size);
		else if (strcmp(p->key, "mode") == 0)
			r = take_int(in, "tmpfs.mode", p->value, 0, 07777, &o->mode);
		else
			r = compose_bad_text(in, p->line, p->key, "propagation, size or mode", "another key");
		if (r < 0)
			return r;
	}
	return 0;
}

static int long_volume(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	const char **options = arena_array(in->memory, OPTIONS_MAX, sizeof(*options));
	struct volume o = {.size = -1, .mode = -1};
	char text[48];
	size_t n = 0;

	if (options == NULL)
		return err_set(in->e, ENOMEM, "%s: %s", in->file, in->at);
	for (size_t i = 0; i < v->count; i++) {
		int r = volume_part(in, v->pairs[i].key, v->pairs[i].value, &o);
		if (r < 0)
			return r;
	}
	bool is_tmpfs = o.type != NULL && strcmp(o.type, "tmpfs") == 0;
	if (o.type == NULL || (!is_tmpfs && strcmp(o.type, "bind") != 0))
		return compose_bad_text(in, v->line, "type", "bind or tmpfs", o.type != NULL ? o.type : "nothing");
	if (o.target == NULL || (o.source == NULL) != is_tmpfs)
		return compose_bad_text(in, v->line, "", "target, and a source with bind only", "others");
	if (!is_tmpfs)
		options[n++] = "rbind";
	if (o.is_read_only)
		options[n++] = "ro";
	if (o.propagation != NULL && !is_bind_option(o.propagation))
		return compose_bad_text(in, v->line, "bind.propagation", "rslave, rshared, rprivate, ...", o.propagation);
	if (o.propagation != NULL)
		options[n++] = o.propagation;
	if (o.size >= 0) {
		(void)snprintf(text, sizeof(text), "size=%lld", (long long)o.size);
		options[n++] = arena_copy(in->memory, text, strlen(text));
	}
	if (o.mode >= 0) {
		(void)snprintf(text, sizeof(text), "mode=%llo", (unsigned long long)o.mode);
		options[n++] = arena_copy(in->memory, text, strlen(text));
	}
	if (is_tmpfs) {
		options[n++] = "nosuid";
		options[n++] = "nodev";
	}
	return add(in, s, &(struct compose_mount){.source = o.source, .target = o.target, .options = options, .line = v->line});
}

int take_volumes(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	char name[64];

	if (v->type != YAML_LIST)
		return compose_bad(in, "volumes", v, "a list");
	for (size_t i = 0; i < v->count; i++) {
		const struct yaml_node *one = v->items[i];
		(void)snprintf(name, sizeof(name), "volumes[%zu]", i);
		struct compose_in sub = compose_sub(in, name);
		int r = one->type == YAML_MAP ? long_volume(&sub, one, s) : one->type == YAML_STR ? short_volume(&sub, "", one, s)
								       : compose_bad(&sub, "", one, "a string or a map");
		if (r < 0)
			return r;
	}
	return 0;
}

int take_tmpfs(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	char name[64];

	if (v->type != YAML_LIST)
		return one_tmpfs(in, "tmpfs", v, s);
	for (size_t i = 0; i < v->count; i++) {
		(void)snprintf(name, sizeof(name), "tmpfs[%zu]", i);
		int r = one_tmpfs(in, name, v->items[i], s);
		if (r < 0)
			return r;
	}
	return 0;
}
