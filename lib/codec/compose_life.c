// SPDX-License-Identifier: Apache-2.0
/* restart and depends_on of a service.yml. */
#include "lib/codec/compose_in.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/svcdef.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int take_restart(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	static const char expected[] = "no, always, unless-stopped or on-failure[:STARTS]";
	const char *text = NULL;
	char *end;

	/* YAML 1.1 readers take a plain no for false; ours does not, but who writes it does not know */
	if (v->type == YAML_BOOL && !v->truth) {
		s->restart = SVCDEF_RESTART_NO;
		return 0;
	}
	int r = take_text(in, "restart", v, &text);
	if (r < 0)
		return r;
	if (strcmp(text, "no") == 0) {
		s->restart = SVCDEF_RESTART_NO;
	} else if (strcmp(text, "always") == 0 || strcmp(text, "unless-stopped") == 0) {
		s->restart = SVCDEF_RESTART_ALWAYS; /* stopped by hand it stays down either way, until the next boot */
	} else if (strncmp(text, "on-failure", 10) == 0 && (text[10] == '\0' || text[10] == ':')) {
		s->restart = SVCDEF_RESTART_ON_FAILURE;
		if (text[10] == ':') {
			long n = strtol(text + 11, &end, 10);
			if (end == text + 11 || *end != '\0' || n < 1 || n > 1000)
				return compose_bad(in, "restart", v, expected);
			s->restart_max = (uint16_t)(n + 1); /* Compose counts what follows the first start */
			s->restart_window_ms = 24u * 3600 * 1000;
		}
	} else {
		return compose_bad(in, "restart", v, expected);
	}
	return 0;
}

static int on_condition(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_dep *d)
{
	static const struct {
		const char *word;
		uint8_t value;
	} words[] = {{"service_started", SVCDEF_DEP_STARTED},
		     {"service_healthy", SVCDEF_DEP_READY},
		     {"service_completed_successfully", SVCDEF_DEP_COMPLETED}};

	for (size_t i = 0; i < countof(words); i++)
		if (strcmp(v->text, words[i].word) == 0) {
			d->condition = words[i].value;
			return 0;
		}
	return compose_bad(in, key, v, "service_started, service_healthy or service_completed_successfully");
}

static int long_dep(struct compose_in *in, const struct yaml_pair *p, struct compose_dep *d)
{
	struct compose_in sub = compose_sub(in, p->key);

	if (p->value->type == YAML_NULL)
		return 0;
	if (p->value->type != YAML_MAP)
		return compose_bad(&sub, "", p->value, "a map");
	for (size_t i = 0; i < p->value->count; i++) {
		const struct yaml_pair *o = &p->value->pairs[i];
		int r;
		if (strcmp(o->key, "condition") == 0)
			r = on_condition(&sub, "condition", o->value, d);
		else if (strcmp(o->key, "required") == 0)
			r = take_bool(&sub, "required", o->value, &d->is_required);
		else
			r = compose_bad_text(&sub, o->line, o->key, "condition or required", "another key");
		if (r < 0)
			return r;
	}
	return 0;
}

int take_depends(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	char name[64];

	if (v->type != YAML_LIST && v->type != YAML_MAP)
		return compose_bad(in, "depends_on", v, "a list or a map");
	if (v->count > SVCDEF_DEPS_MAX)
		return compose_bad_text(in, v->line, "depends_on", "at most 8 services", "more");
	s->deps = arena_array(in->memory, v->count + 1, sizeof(*s->deps));
	if (s->deps == NULL)
		return err_set(in->e, ENOMEM, "%s: %s", in->file, in->at);
	struct compose_in sub = compose_sub(in, "depends_on");
	for (size_t i = 0; i < v->count; i++) {
		struct compose_dep *d = &s->deps[s->dep_count++];
		*d = (struct compose_dep){.condition = SVCDEF_DEP_STARTED, .is_required = true};
		d->line = v->type == YAML_MAP ? v->pairs[i].line : v->items[i]->line;
		(void)snprintf(name, sizeof(name), "[%zu]", i);
		int r = v->type == YAML_LIST ? take_text(&sub, name, v->items[i], &d->service) : long_dep(&sub, &v->pairs[i], d);
		if (r < 0)
			return r;
		if (v->type == YAML_MAP)
			d->service = v->pairs[i].key;
	}
	return 0;
}
