// SPDX-License-Identifier: Apache-2.0
/* From the datasource's bytes and the machine's files to the plan. What each key becomes is plan_ops.c's. */
#include "lib/config/plan.h"

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/config/layers.h"
#include "lib/config/plan_ops.h"
#include "lib/config/tree.h"
#include "lib/config/userdata.h"

#include <stdio.h>
#include <string.h>

void plan_say(void *ctx, const char *sentence)
{
	struct plan *p = ctx;

	if (p->message_count++ < PLAN_MESSAGES_MAX)
		jw_str(&p->messages, sentence);
}

/* The command line stays the last one. */
static int add_layer(struct layers *l, const char *name, const struct buf *text)
{
	struct buf *b = layers_add(l, LAYER_FILE, name);

	if (b == NULL)
		return -E_LIMIT;
	buf_put(b, text->data, text->len);
	if (l->count > 1 && l->l[l->count - 2].kind == LAYER_CMDLINE) {
		struct layer t = l->l[l->count - 1];
		l->l[l->count - 1] = l->l[l->count - 2];
		l->l[l->count - 2] = t;
	}
	return 0;
}

/* The datasource's documents as one, and whether they are RancherOS's. */
static int merge_datasource(struct plan *p, const struct userdata *u, struct arena *a, struct buf *ret_yaml, struct err *e)
{
	struct cfg *all = cfg_map(a, "datasource"), *one;

	if (all == NULL)
		return err_set(e, ENOMEM, "merge user-data");
	for (size_t i = 0; i < u->count; i++) {
		if (u->parts[i].kind != USERDATA_CONFIG ||
		    cfg_parse(a, buf_str(&u->parts[i].text), u->parts[i].text.len, u->parts[i].name, &one, NULL) < 0)
			continue; /* told of when it is merged with the others */
		p->is_rancher |= one->truth;
		cfg_merge(all, one);
	}
	buf_puts(ret_yaml, "#cloud-config\n");
	if (all->first != NULL)
		cfg_write_yaml(ret_yaml, all);
	return 0;
}

static int take_datasource(struct plan *p, struct plan_in *in, struct userdata *u, struct err *e)
{
	char name[96];
	int r;

	(void)snprintf(name, sizeof(name), "%.70s: vendor-data", in->source); /* for messages */
	r = userdata_take(u, buf_str(&in->vendor_data), in->vendor_data.len, name, plan_say, p, e);
	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "%.70s: user-data", in->source);
	r = userdata_take(u, buf_str(&in->user_data), in->user_data.len, name, plan_say, p, e);
	if (in->network_config.len > 0) {
		char text[160];
		(void)snprintf(text, sizeof(text), "%.70s: network-config: ignored: not supported, use slipway.network", in->source);
		plan_say(p, text);
	}
	for (size_t i = 0; i < u->count && r == 0; i++)
		if (u->parts[i].kind == USERDATA_CONFIG && add_layer(in->layers, u->parts[i].name, &u->parts[i].text) < 0)
			plan_say(p, "user-data: too many documents");
	return r;
}

static void take_metadata(struct plan *p, const struct plan_in *in, struct arena *a)
{
	char name[96];
	struct cfg *m = NULL;
	struct err why;

	(void)snprintf(name, sizeof(name), "%.70s: meta-data", in->source); /* for messages */
	if (in->meta_data.len == 0)
		return;
	if (cfg_parse(a, buf_str(&in->meta_data), in->meta_data.len, name, &m, &why) < 0) {
		(void)err_wrap(&why, -why.code, "ignored");
		plan_say(p, why.msg);
		return;
	}
	p->meta = m;
}

static const char *instance_of(const struct plan *p)
{
	static const char *const names[] = {"instance-id", "instance_id", "uuid"};

	for (size_t i = 0; i < countof(names); i++) {
		const struct cfg *n = cfg_get(p->meta, names[i]);
		if (n != NULL && n->type != YAML_LIST && n->type != YAML_MAP && n->len > 0)
			return n->text;
	}
	return "";
}

static int write_plan(struct plan *p, struct plan_in *in, struct userdata *u, struct arena *a, struct buf *out, struct err *e)
{
	owned_buf struct buf config = BUF_INIT(PLAN_MAX);
	owned_buf struct buf messages = BUF_INIT(PLAN_MAX);
	struct cfg *root;

	jw_init(&p->messages, &messages);
	jw_arr(&p->messages);
	int r = take_datasource(p, in, u, e);
	if (r < 0 || (r = merge_datasource(p, u, a, &config, e)) < 0)
		return r;
	take_metadata(p, in, a);
	r = layers_merge(in->layers, a, plan_say, p, &root, e);
	if (r < 0)
		return r;
	p->root = root;
	jw_init(&p->w, out);
	jw_obj(&p->w);
	jw_kstr(&p->w, "instance", instance_of(p));
	jw_kstr(&p->w, "source", in->source);
	jw_kstr(&p->w, "config", buf_str(&config));
	plan_arguments(p);
	jw_key(&p->w, "operations");
	jw_arr(&p->w);
	plan_operations(p, u);
	jw_end_arr(&p->w);
	jw_end_arr(&p->messages);
	jw_key(&p->w, "messages");
	jw_raw(&p->w, buf_str(&messages), messages.len);
	jw_end_obj(&p->w);
	r = buf_error(out) < 0 ? buf_error(out) : buf_error(&messages);
	return r < 0 ? err_say(e, -r, "the plan is larger than %zu bytes", PLAN_MAX) : 0;
}

int plan_make(struct plan_in *in, struct buf *out, struct err *e)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	struct userdata u = {0};
	struct plan p = {.source = in->source};

	int r = write_plan(&p, in, &u, &a, out, e);
	userdata_release(&u);
	return r;
}
