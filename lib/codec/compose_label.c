// SPDX-License-Identifier: Apache-2.0
/* Labels of ours: what Compose has no word for. RancherOS' names are understood where they mean something here. */
#include "lib/codec/compose_in.h"

#include "lib/base/owned.h"
#include "lib/codec/svcdef.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int set_flag(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s, uint32_t flag)
{
	bool on = false;

	int r = take_bool(in, key, v, &on);
	if (r == 0)
		s->flags = on ? s->flags | flag : s->flags & ~flag;
	return r;
}

static int on_ready(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	static const struct {
		const char *word;
		uint8_t value;
	} words[] = {{"started", SVCDEF_READY_STARTED}, {"notify", SVCDEF_READY_NOTIFY}, {"exit", SVCDEF_READY_EXIT}};

	for (size_t i = 0; i < countof(words); i++)
		if (strcmp(v->text, words[i].word) == 0) {
			s->ready = words[i].value;
			return 0;
		}
	return compose_bad(in, key, v, "started, notify or exit");
}

static int on_boot(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	return set_flag(in, key, v, s, SVCDEF_BOOT);
}

static int on_create_only(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	return set_flag(in, key, v, s, SVCDEF_CREATE_ONLY);
}

static int on_may_power(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	return set_flag(in, key, v, s, SVCDEF_MAY_POWER);
}

static int on_console(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	return set_flag(in, key, v, s, SVCDEF_CONSOLE);
}

static int on_shutdown_signal(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	return take_signal(in, key, v, &s->shutdown_signal);
}

static int on_start_timeout(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	return take_ms(in, key, v, &s->start_timeout_ms);
}

/* "5/1m": five starts within a minute, then it has failed; "none" */
static int on_restart_limit(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	char *end;

	if (strcmp(v->text, "none") == 0) {
		s->restart_max = 0;
		s->restart_window_ms = 0;
		return 0;
	}
	long n = strtol(v->text, &end, 10);
	struct yaml_node window = {.type = YAML_STR, .line = v->line, .text = *end == '/' ? end + 1 : "", .len = strlen(end)};
	if (n < 1 || n > 1000 || *end != '/' || take_ms(in, key, &window, &s->restart_window_ms) < 0)
		return compose_bad(in, key, v, "STARTS/DURATION like 5/1m, or none");
	s->restart_max = (uint16_t)n;
	return 0;
}

static int on_root_size(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	int64_t n = 0;

	int r = take_bytes(in, key, v, &n);
	if (r == 0 && n <= 0)
		r = compose_bad(in, key, v, "a size like 16m");
	if (r == 0)
		s->root_size = v->text;
	return r;
}

static int on_demand(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	return set_flag(in, key, v, s, SVCDEF_ON_DEMAND);
}

static int on_watchdog(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	return take_ms(in, key, v, &s->watchdog_ms);
}

static int on_fdstore(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	int64_t n = 0;

	int r = take_int(in, key, v, 0, SVCDEF_FDSTORE_EACH_MAX, &n);
	if (r == 0)
		s->fdstore_max = (uint8_t)n;
	return r;
}

static const struct {
	const char *name;
	int (*take)(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s);
} known[] = {
	{"io.slipway.ready", on_ready},
	{"io.slipway.boot", on_boot},
	{"io.slipway.createonly", on_create_only},
	{"io.rancher.os.createonly", on_create_only},
	{"io.slipway.may-power", on_may_power},
	{"io.slipway.console", on_console},
	{"io.slipway.shutdown-signal", on_shutdown_signal},
	{"io.slipway.start-timeout", on_start_timeout},
	{"io.slipway.restart-limit", on_restart_limit},
	{"io.slipway.root-size", on_root_size},
	{"io.slipway.listen", take_listen},
	{"io.slipway.on-demand", on_demand},
	{"io.slipway.watchdog", on_watchdog},
	{"io.slipway.fdstore", on_fdstore},
};

int take_labels(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	char name[80];

	int r = take_pairs(in, "labels", v, &s->labels, &s->label_count);
	for (size_t i = 0; r == 0 && i < s->label_count; i++) {
		const struct compose_pair *p = &s->labels[i];
		unsigned line = v->type == YAML_MAP ? v->pairs[i].line : v->items[i]->line;
		struct yaml_node text = {.type = YAML_STR, .line = line, .text = p->value != NULL ? p->value : ""};
		size_t k = 0;
		text.len = strlen(text.text);
		while (k < countof(known) && strcmp(known[k].name, p->key) != 0)
			k++;
		(void)snprintf(name, sizeof(name), "labels.%.60s", p->key);
		if (k < countof(known))
			r = known[k].take(in, name, &text, s);
		else if (strncmp(p->key, "io.slipway.", 11) == 0)
			r = compose_bad_text(in, line, name, "a label that docs/services.md names", "an unknown one");
	}
	return r;
}
