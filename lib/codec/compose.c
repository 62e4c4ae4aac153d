// SPDX-License-Identifier: Apache-2.0
/* service.yml, from the top: the file, its services, and a row per key. */
#include "lib/codec/compose.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/compose_in.h"
#include "lib/codec/svcdef.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_MAX	((size_t)16 << 20)
#define GRACE_MS	10000
#define LOG_BYTES	(256u << 10)
#define RESTART_MAX	10
#define RESTART_WINDOW	60000

#define TEXT(field)                                                                                         \
	static int on_##field(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)  \
	{                                                                                                   \
		return take_text(in, #field, v, &s->field);                                                 \
	}
TEXT(hostname)
TEXT(cpuset)

static int on_image(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	s->image_line = v->line;
	return take_text(in, "image", v, &s->image);
}

static int on_working_dir(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_path(in, "working_dir", v, &s->working_dir);
}

static int on_user(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	int r = take_text(in, "user", v, &s->user);
	if (r < 0 || strcmp(s->user, "root") == 0)
		return r;
	size_t n = strspn(s->user, "0123456789");
	const char *rest = s->user + n;
	if (*rest == ':' && rest[1] != '\0')
		rest += 1 + strspn(rest + 1, "0123456789");
	return n == 0 || n > 9 || *rest != '\0' ? compose_bad(in, "user", v, "root, UID or UID:GID") : 0;
}

static int on_command(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_words(in, "command", v, &s->command);
}

static int on_entrypoint(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_words(in, "entrypoint", v, &s->entrypoint);
}

static int on_environment(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_pairs(in, "environment", v, &s->env, &s->env_count);
}

static int on_sysctls(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	int r = take_pairs(in, "sysctls", v, &s->sysctls, &s->sysctl_count);
	for (size_t i = 0; r == 0 && i < s->sysctl_count; i++)
		if (s->sysctls[i].value == NULL)
			r = compose_bad_text(in, v->line, "sysctls", "a value for each", s->sysctls[i].key);
	return r;
}

static int on_cap_add(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_caps(in, "cap_add", v, &s->cap_add);
}

static int on_cap_drop(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_caps(in, "cap_drop", v, &s->cap_drop);
}

static int on_group_add(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	char name[64];
	int64_t n = 0;

	if (v->type != YAML_LIST)
		return compose_bad(in, "group_add", v, "a list");
	s->groups = arena_array(in->memory, v->count + 1, sizeof(*s->groups));
	if (s->groups == NULL)
		return err_set(in->e, ENOMEM, "%s: %s", in->file, in->at);
	for (size_t i = 0; i < v->count; i++) {
		(void)snprintf(name, sizeof(name), "group_add[%zu]", i);
		int r = take_int(in, name, v->items[i], 0, UINT32_MAX - 1, &n);
		if (r < 0)
			return r;
		s->groups[s->group_count++] = (uint32_t)n;
	}
	return 0;
}

static int on_security_opt(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	const char **list = NULL;
	char name[64];

	int r = take_texts(in, "security_opt", v, &list);
	for (size_t i = 0; r == 0 && list[i] != NULL; i++) {
		const char *o = list[i], *value = o + strcspn(o, ":=");
		size_t n = (size_t)(value - o);
		value += *value != '\0';
		(void)snprintf(name, sizeof(name), "security_opt[%zu]", i);
		if (n == 17 && memcmp(o, "no-new-privileges", n) == 0 && (*value == '\0' || strcmp(value, "true") == 0))
			s->may_gain_privileges = false;
		else if (n == 17 && memcmp(o, "no-new-privileges", n) == 0 && strcmp(value, "false") == 0)
			s->may_gain_privileges = true;
		else if (n == 7 && memcmp(o, "seccomp", n) == 0 && strcmp(value, "unconfined") == 0)
			s->no_seccomp = true;
		else
			r = compose_bad(in, name, v->items[i], "no-new-privileges[:false] or seccomp:unconfined");
	}
	return r;
}

static int on_read_only(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_bool(in, "read_only", v, &s->is_read_only);
}

static int on_privileged(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_bool(in, "privileged", v, &s->is_privileged);
}

static int host_or(struct compose_in *in, const char *key, const struct yaml_node *v, const char *other, bool *ret)
{
	char expected[40];

	*ret = strcmp(v->text, "host") == 0;
	if (*ret || (v->type == YAML_STR && strcmp(v->text, other) == 0))
		return 0;
	(void)snprintf(expected, sizeof(expected), "host or %s", other);
	return compose_bad(in, key, v, expected);
}

static int on_network_mode(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return host_or(in, "network_mode", v, "none", &s->has_host_network);
}

static int on_pid(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return host_or(in, "pid", v, "private", &s->has_host_pid);
}

static int on_ipc(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return host_or(in, "ipc", v, "private", &s->has_host_ipc);
}

static int on_uts(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return host_or(in, "uts", v, "private", &s->has_host_uts);
}

static int on_cgroup(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return host_or(in, "cgroup", v, "private", &s->has_host_cgroup);
}

static int on_userns(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	(void)s;
	return strcmp(v->text, "host") == 0 ? 0 : compose_bad(in, "userns_mode", v, "host");
}

#define BYTES(key, field)                                                                                   \
	static int on_##key(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)    \
	{                                                                                                   \
		return take_bytes(in, #key, v, &s->field);                                                  \
	}
BYTES(mem_limit, memory_limit)
BYTES(mem_reservation, memory_reservation)
BYTES(memswap_limit, memory_swap)
BYTES(shm_size, shm_size)

static int on_pids_limit(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_int(in, "pids_limit", v, -1, 4194304, &s->pids_limit);
}

static int on_cpu_shares(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_int(in, "cpu_shares", v, 2, 262144, &s->cpu_shares);
}

static int on_oom_score_adj(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_int(in, "oom_score_adj", v, -1000, 1000, &s->oom_score_adj);
}

static int on_stop_signal(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_signal(in, "stop_signal", v, &s->stop_signal);
}

static int on_grace(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	int r = take_ms(in, "stop_grace_period", v, &s->grace_ms);
	return r == 0 && s->grace_ms > 3600u * 1000 ? compose_bad(in, "stop_grace_period", v, "an hour at most") : r;
}

static int on_max_size(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	int64_t n = 0;

	int r = take_bytes(in, "max-size", v, &n);
	if (r == 0 && (n < 4096 || n > 64 << 20))
		r = compose_bad(in, "max-size", v, "a size from 4k to 64m");
	if (r == 0)
		s->log_max_bytes = (uint32_t)n;
	return r;
}

static int on_log_options(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	static const struct compose_key keys[] = {{"max-size", on_max_size}};
	struct compose_in sub = compose_sub(in, "options");

	return compose_take_map(&sub, v, keys, countof(keys), s);
}

static int on_logging(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	static const struct compose_key keys[] = {{"options", on_log_options}, {"driver", NULL}};
	struct compose_in sub = compose_sub(in, "logging");

	return compose_take_map(&sub, v, keys, countof(keys), s);
}

static const struct compose_key service_keys[] = {
	{"image", on_image}, {"command", on_command}, {"entrypoint", on_entrypoint}, {"environment", on_environment},
	{"volumes", take_volumes}, {"tmpfs", take_tmpfs}, {"devices", take_devices}, {"device_cgroup_rules", take_rules},
	{"cap_add", on_cap_add}, {"cap_drop", on_cap_drop}, {"security_opt", on_security_opt}, {"read_only", on_read_only},
	{"user", on_user}, {"group_add", on_group_add}, {"working_dir", on_working_dir}, {"hostname", on_hostname},
	{"network_mode", on_network_mode}, {"pid", on_pid}, {"ipc", on_ipc}, {"uts", on_uts}, {"cgroup", on_cgroup},
	{"userns_mode", on_userns}, {"depends_on", take_depends}, {"restart", take_restart}, {"deploy", take_deploy},
	{"mem_limit", on_mem_limit}, {"mem_reservation", on_mem_reservation}, {"memswap_limit", on_memswap_limit},
	{"cpus", take_cpus}, {"cpu_shares", on_cpu_shares}, {"cpuset", on_cpuset}, {"pids_limit", on_pids_limit},
	{"oom_score_adj", on_oom_score_adj}, {"shm_size", on_shm_size}, {"ulimits", take_ulimits}, {"sysctls", on_sysctls},
	{"stop_signal", on_stop_signal}, {"stop_grace_period", on_grace}, {"labels", take_labels}, {"privileged", on_privileged},
	{"logging", on_logging},
	/* Compose's, and not for what PID 1 starts: a network or a registry need not be there */
	{"build", NULL}, {"ports", NULL}, {"expose", NULL}, {"networks", NULL}, {"links", NULL}, {"healthcheck", NULL},
	{"configs", NULL}, {"secrets", NULL}, {"env_file", NULL}, {"extends", NULL}, {"profiles", NULL}, {"scale", NULL},
	{"container_name", NULL}, {"dns", NULL}, {"dns_search", NULL}, {"extra_hosts", NULL}, {"init", NULL}, {"tty", NULL},
	{"stdin_open", NULL}, {"pull_policy", NULL}, {"platform", NULL}, {"runtime", NULL}, {"isolation", NULL},
	{"volumes_from", NULL}, {"external_links", NULL}, {"credential_spec", NULL}, {"develop", NULL}, {"annotations", NULL},
};

static const struct compose_service defaults = {
	.memory_limit = COMPOSE_UNSET, .memory_reservation = COMPOSE_UNSET, .memory_swap = COMPOSE_UNSET,
	.pids_limit = COMPOSE_UNSET, .cpu_shares = COMPOSE_UNSET, .cpu_quota = COMPOSE_UNSET, .oom_score_adj = COMPOSE_UNSET,
	.shm_size = COMPOSE_UNSET, .restart = SVCDEF_RESTART_NO, .ready = SVCDEF_READY_STARTED, .restart_max = RESTART_MAX,
	.restart_window_ms = RESTART_WINDOW, .grace_ms = GRACE_MS, .log_max_bytes = LOG_BYTES, .flags = SVCDEF_BOOT,
};

static int parse_service(struct compose_in *file, const struct yaml_pair *p, struct compose_service *s)
{
	struct compose_in in = compose_sub(file, p->key);

	*s = defaults;
	s->name = p->key;
	s->line = p->line;
	if (!svcdef_name_is_valid(p->key, p->key_len))
		return compose_bad_text(&in, p->line, "", "a name of at most 31 letters, digits, '_', '-', '.'", p->key);
	int r = compose_take_map(&in, p->value, service_keys, countof(service_keys), s);
	if (r < 0)
		return r;
	if (s->image == NULL)
		return compose_bad_text(&in, p->line, "image", "an image", "nothing");
	if (s->hostname != NULL && s->has_host_uts)
		return compose_bad_text(&in, p->line, "hostname", "none with uts: host", s->hostname);
	if (s->ready == SVCDEF_READY_EXIT && s->restart == SVCDEF_RESTART_ALWAYS)
		return compose_bad_text(&in, p->line, "restart", "no or on-failure with io.slipway.ready: exit", "always");
	if ((s->flags & SVCDEF_ON_DEMAND) != 0 && s->socket_count == 0)
		return compose_bad_text(&in, p->line, "labels", "io.slipway.listen with io.slipway.on-demand", "nothing");
	if (s->is_privileged)
		s->no_seccomp = s->may_gain_privileges = true;
	return 0;
}

static int parse_root(struct compose_in *in, struct compose_file *f, compose_refused_fn *refused, void *ctx)
{
	const struct yaml_node *root = yaml_root(f->doc), *list = yaml_get(root, "services");
	int count = 0;

	if (root->type != YAML_MAP)
		return compose_bad(in, "", root, "a map with services");
	for (size_t i = 0; i < root->count; i++) {
		const struct yaml_pair *p = &root->pairs[i];
		if (strcmp(p->key, "services") != 0 && strcmp(p->key, "version") != 0 && strcmp(p->key, "name") != 0 &&
		    strncmp(p->key, "x-", 2) != 0)
			return compose_bad_text(in, p->line, p->key, "services, version, name or x-...", "another key");
	}
	if (list == NULL || list->type != YAML_MAP)
		return list == NULL ? compose_bad_text(in, root->line, "services", "a map", "nothing")
				    : compose_bad(in, "services", list, "a map");
	f->services = arena_array(&f->memory, list->count + 1, sizeof(*f->services));
	if (f->services == NULL)
		return err_set(in->e, ENOMEM, "%s", in->file);
	struct compose_in sub = compose_sub(in, "services");
	for (size_t i = 0; i < list->count; i++) {
		struct err why = {0};
		sub.e = &why;
		if (parse_service(&sub, &list->pairs[i], &f->services[f->count]) == 0) {
			f->count++;
			continue;
		}
		count++;
		refused(ctx, list->pairs[i].key, &why);
	}
	return count;
}

int compose_parse(const char *text, size_t len, const char *file, compose_refused_fn *refused, void *ctx,
		  struct compose_file **ret, struct err *e)
{
	struct compose_file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return err_set(e, ENOMEM, "%s", file);
	f->memory.max = MEMORY_MAX;
	int r = yaml_parse(text, len, &f->doc, e);
	struct compose_in in = {.memory = &f->memory, .file = file, .e = e};
	if (r < 0)
		r = err_wrap(e, r, "%s", file);
	else
		r = parse_root(&in, f, refused, ctx);
	if (r < 0) {
		compose_free(f);
		return r;
	}
	*ret = f;
	return r;
}

void compose_free(struct compose_file *f)
{
	if (f == NULL)
		return;
	yaml_doc_free(f->doc);
	arena_release(&f->memory);
	free(f);
}
