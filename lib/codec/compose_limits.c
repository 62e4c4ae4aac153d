// SPDX-License-Identifier: Apache-2.0
/* deploy.resources, cpus and ulimits of a service.yml. */
#include "lib/codec/compose_in.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERIOD_USEC 100000

/* "1.5": decimal by hand, so that no rounding depends on the machine */
static int cpus_text(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	static const char expected[] = "a number of processors like 0.5";
	char *end;

	if (v->type != YAML_INT && v->type != YAML_FLOAT && v->type != YAML_STR)
		return compose_bad(in, key, v, expected);
	long whole = strtol(v->text, &end, 10), milli = 0;
	if (*end == '.') {
		long scale = 100;
		for (end++; *end >= '0' && *end <= '9'; end++, scale /= 10)
			milli += (*end - '0') * scale;
	}
	if (*end != '\0' || v->len == 0 || v->text[0] == '-' || whole > 4096 || (whole == 0 && milli < 10))
		return compose_bad(in, key, v, expected);
	s->cpu_quota = (whole * 1000 + milli) * (PERIOD_USEC / 1000);
	return 0;
}

int take_cpus(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return cpus_text(in, "cpus", v, s);
}

static int on_cpus(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return cpus_text(in, "cpus", v, s);
}

static int on_memory(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_bytes(in, "memory", v, &s->memory_limit);
}

static int on_pids(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_int(in, "pids", v, -1, 4194304, &s->pids_limit);
}

static int on_reserved_memory(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	return take_bytes(in, "memory", v, &s->memory_reservation);
}

static int on_limits(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	static const struct compose_key keys[] = {{"cpus", on_cpus}, {"memory", on_memory}, {"pids", on_pids}};
	struct compose_in sub = compose_sub(in, "limits");

	return compose_take_map(&sub, v, keys, countof(keys), s);
}

static int on_reservations(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	static const struct compose_key keys[] = {{"memory", on_reserved_memory}, {"cpus", NULL}, {"devices", NULL}};
	struct compose_in sub = compose_sub(in, "reservations");

	return compose_take_map(&sub, v, keys, countof(keys), s);
}

static int on_resources(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	static const struct compose_key keys[] = {{"limits", on_limits}, {"reservations", on_reservations}};
	struct compose_in sub = compose_sub(in, "resources");

	return compose_take_map(&sub, v, keys, countof(keys), s);
}

int take_deploy(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	static const struct compose_key keys[] = {{"resources", on_resources}, {"mode", NULL}, {"replicas", NULL},
						  {"restart_policy", NULL}, {"placement", NULL}, {"update_config", NULL}};
	struct compose_in sub = compose_sub(in, "deploy");

	return compose_take_map(&sub, v, keys, countof(keys), s);
}

static const struct {
	const char *name, *resource;
} limits[] = {
	{"as", "RLIMIT_AS"}, {"core", "RLIMIT_CORE"}, {"cpu", "RLIMIT_CPU"}, {"data", "RLIMIT_DATA"},
	{"fsize", "RLIMIT_FSIZE"}, {"locks", "RLIMIT_LOCKS"}, {"memlock", "RLIMIT_MEMLOCK"}, {"msgqueue", "RLIMIT_MSGQUEUE"},
	{"nice", "RLIMIT_NICE"}, {"nofile", "RLIMIT_NOFILE"}, {"nproc", "RLIMIT_NPROC"}, {"rss", "RLIMIT_RSS"},
	{"rtprio", "RLIMIT_RTPRIO"}, {"rttime", "RLIMIT_RTTIME"}, {"sigpending", "RLIMIT_SIGPENDING"}, {"stack", "RLIMIT_STACK"},
};

static int one_limit(struct compose_in *in, const char *key, const struct yaml_node *v, uint64_t *ret)
{
	int64_t n = 0;

	int r = v == NULL ? 0 : take_int(in, key, v, -1, INT64_MAX, &n);
	if (r == 0 && v != NULL)
		*ret = n < 0 ? UINT64_MAX : (uint64_t)n;
	return r;
}

int take_ulimits(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	if (v->type != YAML_MAP)
		return compose_bad(in, "ulimits", v, "a map");
	s->rlimits = arena_array(in->memory, v->count + 1, sizeof(*s->rlimits));
	if (s->rlimits == NULL)
		return err_set(in->e, ENOMEM, "%s: %s", in->file, in->at);
	struct compose_in sub = compose_sub(in, "ulimits");
	for (size_t i = 0; i < v->count; i++) {
		const struct yaml_pair *p = &v->pairs[i];
		struct compose_rlimit *l = &s->rlimits[s->rlimit_count++];
		size_t k = 0;
		while (k < countof(limits) && strcmp(limits[k].name, p->key) != 0)
			k++;
		if (k == countof(limits))
			return compose_bad_text(&sub, p->line, p->key, "a limit like nofile", "an unknown one");
		l->name = limits[k].resource;
		const struct yaml_node *soft = yaml_get(p->value, "soft"), *hard = yaml_get(p->value, "hard");
		if (p->value->type == YAML_MAP && (soft == NULL || hard == NULL || p->value->count != 2))
			return compose_bad_text(&sub, p->line, p->key, "a number, or soft and hard", "another map");
		bool is_map = p->value->type == YAML_MAP;
		int r = one_limit(&sub, p->key, is_map ? soft : p->value, &l->soft);
		if (r == 0)
			r = one_limit(&sub, p->key, is_map ? hard : p->value, &l->hard);
		if (r == 0 && l->soft > l->hard)
			r = compose_bad_text(&sub, p->line, p->key, "soft not above hard", "the contrary");
		if (r < 0)
			return r;
	}
	return 0;
}
