// SPDX-License-Identifier: Apache-2.0
/* Keys that services read from the command line, written as one. */
#include "lib/config/plan_ops.h"

#include "lib/base/buf.h"
#include "lib/base/owned.h"
#include "lib/config/plan.h"
#include "lib/config/schema.h"
#include "lib/config/tree.h"

#include <stdio.h>
#include <string.h>

#define ARGUMENTS_MAX 4096

struct arguments {
	struct plan *p;
	struct buf *out;
	const char *words[CFG_DEPTH_MAX + 1];
	const char *services[8];
	size_t service_count;
};

static void need_service(struct arguments *a, const char *name)
{
	for (size_t i = 0; i < a->service_count; i++)
		if (strcmp(a->services[i], name) == 0)
			return;
	if (a->service_count < countof(a->services))
		a->services[a->service_count++] = name;
}

/* The kernel's quoting has no escapes. */
static bool can_be_argument(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == '"' || *s == 0x7f)
			return false;
	return true;
}

static void put_argument(struct arguments *a, size_t depth, const struct cfg *n)
{
	if (!can_be_argument(n->text))
		return; /* no value of these keys has such characters: the service would refuse it */
	buf_putc(a->out, '"');
	for (size_t i = 0; i < depth; i++)
		buf_printf(a->out, "%s%s", i > 0 ? "." : "", a->words[i]);
	buf_printf(a->out, "=%s\" ", n->text);
}

static void walk(struct arguments *a, const struct cfg *n, size_t depth)
{
	struct schema s;

	for (const struct cfg *k = n->first; k != NULL && depth < CFG_DEPTH_MAX; k = k->next) {
		if (k->key == NULL || !can_be_argument(k->key) || strchr(k->key, ' ') != NULL)
			continue;
		if (k->type != YAML_MAP && strcmp(k->file, "kernel command line") == 0)
			continue; /* it stands there already */
		a->words[depth] = k->key;
		if (!schema_find(a->words, depth + 1, &s) || s.use != SCHEMA_USED)
			continue;
		if (k->type == YAML_MAP) {
			walk(a, k, depth + 1);
			continue;
		}
		if (s.key == NULL)
			continue;
		need_service(a, s.handler);
		if (k->type != YAML_LIST)
			put_argument(a, depth + 1, k);
		for (const struct cfg *v = k->type == YAML_LIST ? k->first : NULL; v != NULL; v = v->next)
			put_argument(a, depth + 1, v);
	}
}

/* hostname and fqdn, else what the datasource knows; slipway.hostname stands for itself. */
static void put_hostname(struct arguments *a)
{
	static const char *const names[] = {"hostname", "fqdn"}, *const meta[] = {"local-hostname", "hostname", "local_hostname"};
	const struct cfg *n = NULL;

	if (cfg_find(a->p->root, "slipway.hostname") != NULL)
		return;
	for (size_t i = 0; i < countof(names) && n == NULL; i++)
		n = cfg_get(a->p->root, names[i]);
	for (size_t i = 0; i < countof(meta) && n == NULL; i++)
		n = cfg_get(a->p->meta, meta[i]);
	if (n == NULL || n->type == YAML_MAP || n->type == YAML_LIST || n->len == 0)
		return;
	/* the rest is the domain, which belongs to the network's search list */
	size_t len = strcspn(n->text, ".");
	bool ok = len > 0 && len <= 63 && n->text[0] != '-' &&
		  strspn(n->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == n->len;
	if (!ok) {
		char text[200];
		(void)snprintf(text, sizeof(text), "%.100s:%u: key 'hostname': expected letters, digits and '-', at most 63", n->file,
			       n->line); /* cut is fine */
		plan_say(a->p, text);
		return;
	}
	need_service(a, "network");
	buf_printf(a->out, "slipway.hostname=%.*s ", (int)len, n->text);
}

void plan_arguments(struct plan *p)
{
	owned_buf struct buf b = BUF_INIT(ARGUMENTS_MAX);
	struct arguments a = {.p = p, .out = &b, .words = {"slipway"}};
	const struct cfg *own = cfg_get(p->root, "slipway");

	put_hostname(&a);
	if (own != NULL)
		walk(&a, own, 1);
	if (buf_error(&b) < 0) {
		plan_say(p, "the keys of 'slipway' are too long together to be handed to services");
		buf_clear(&b);
		a.service_count = 0;
	}
	jw_kstr(&p->w, "arguments", buf_str(&b));
	jw_key(&p->w, "services");
	jw_arr(&p->w);
	for (size_t i = 0; i < a.service_count; i++)
		jw_str(&p->w, a.services[i]);
	jw_end_arr(&p->w);
}
