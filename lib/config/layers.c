// SPDX-License-Identifier: Apache-2.0
/* Reading the layers, which may need privilege, is apart from parsing them, which may not have any. */
#include "lib/config/layers.h"

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/cmdline.h"
#include "lib/codec/keys.h"
#include "lib/config/tree.h"
#include "lib/sys/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define FOLDER "var/lib/slipway/cloud-config.d"

static const char built_in[] = "{}";

struct buf *layers_add(struct layers *l, enum layer_kind kind, const char *name)
{
	if (l->count == LAYERS_MAX)
		return NULL;
	struct layer *n = &l->l[l->count++];
	n->kind = kind;
	(void)snprintf(n->name, sizeof(n->name), "%s", name); /* for messages: cut is fine */
	buf_init(&n->text, LAYER_BYTES_MAX);
	return &n->text;
}

/* Returns whether it was there. */
static bool read_one(struct layers *l, int root, const char *path, enum layer_kind kind, const char *name, schema_say_fn *say, void *ctx)
{
	struct buf *b = layers_add(l, kind, name);
	struct err e;

	if (b == NULL) {
		(void)err_say(&e, E_LIMIT, "%s: not read: there are more than %d files", name, LAYERS_MAX);
		say(ctx, e.msg);
		return false;
	}
	int r = file_read(root, path, b, &e);
	if (r == 0)
		return true;
	buf_release(b);
	l->count--;
	if (r != -ENOENT)
		say(ctx, e.msg);
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void read_folder(struct layers *l, int root, schema_say_fn *say, void *ctx)
{
	char names[LAYERS_MAX][NAME_MAX + 1];
	size_t n = 0, more = 0;
	owned_fd int fd = openat(root, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL)
		return; /* a missing folder is no folder */
	fd = -1; /* closedir() closes it */
	for (struct dirent *f; (f = readdir(d)) != NULL;)
		if (f->d_name[0] != '.' && n < LAYERS_MAX)
			(void)snprintf(names[n++], sizeof(names[0]), "%s", f->d_name); /* fits */
		else
			more += f->d_name[0] != '.';
	closedir(d);
	qsort(names, n, sizeof(names[0]), by_name);
	if (more > 0)
		say(ctx, "/" FOLDER ": has more files than are read");
	for (size_t i = 0; i < n; i++) {
		char path[sizeof(FOLDER) + NAME_MAX + 3];
		(void)snprintf(path, sizeof(path), "/" FOLDER "/%s", names[i]); /* fits */
		read_one(l, root, path + 1, LAYER_FILE, path, say, ctx);
	}
}

void layers_read(struct layers *l, int root, bool with_datasource, schema_say_fn *say, void *ctx)
{
	struct buf *b = layers_add(l, LAYER_FILE, "built-in");

	if (b != NULL)
		buf_puts(b, built_in);
	read_one(l, root, "usr/share/slipway/oem-config.yml", LAYER_FILE, "/usr/share/slipway/oem-config.yml", say, ctx);
	read_folder(l, root, say, ctx);
	read_one(l, root, &LAYERS_USER_FILE[1], LAYER_FILE, LAYERS_USER_FILE, say, ctx);
	if (with_datasource)
		read_one(l, root, &LAYERS_DATASOURCE_FILE[1], LAYER_FILE, LAYERS_DATASOURCE_FILE, say, ctx);
	/* cloud-init puts keys of files before the line, for services; the line itself it keeps */
	if (!read_one(l, root, "run/slipway/cloud-init/cmdline", LAYER_CMDLINE, "kernel command line", say, ctx))
		read_one(l, root, "run/slipway/cmdline", LAYER_CMDLINE, "kernel command line", say, ctx);
}

/* "slipway.a.b=value" is a.b below slipway, "cc.a=value" is a at the top; values are YAML. */
static int add_argument(struct arena *a, struct cfg *root, const struct cmdline_arg *in, const char *file, struct err *e)
{
	char path[CFG_PATH_MAX];
	struct cmdline_arg arg = *in;
	struct cfg *v = NULL;
	int n;

	if (arg.key_len > 3 && memcmp(arg.key, "cc.", 3) == 0) {
		n = snprintf(path, sizeof(path), "%.*s", (int)arg.key_len - 3, arg.key + 3);
	} else if (cmdline_strip_prefix(&arg)) {
		const struct key *k = keys_find(arg.key, arg.key_len);
		n = k != NULL && strchr(k->name, '*') == NULL ? snprintf(path, sizeof(path), "slipway.%s", k->name) :
			snprintf(path, sizeof(path), "slipway.%.*s", (int)arg.key_len, arg.key);
	} else {
		return 0;
	}
	if (n <= 0 || (size_t)n >= sizeof(path))
		return err_say(e, E_SPEC, "%s: a key of %zu characters", file, arg.key_len);
	int r = arg.has_value ? cfg_value(a, arg.value, arg.value_len, file, &v, e) : cfg_value(a, "true", 4, file, &v, e);
	if (r < 0)
		return r;
	/* a key that may be repeated makes a list of its values */
	struct cfg *old = (struct cfg *)(uintptr_t)cfg_find(root, path);
	const struct key *k = n > 8 ? keys_find(path + 8, (size_t)n - 8) : NULL;
	if (old != NULL && k != NULL && k->is_repeatable && old->type != YAML_MAP && v->type != YAML_MAP) {
		struct cfg *list = old;
		if (old->type != YAML_LIST) {
			list = cfg_map(a, file);
			if (list == NULL)
				return err_set(e, ENOMEM, "read the command line");
			*list = (struct cfg){.type = YAML_LIST, .text = "", .file = old->file, .first = NULL};
			(void)cfg_set(a, root, path, list, NULL); /* it was found at this path */
			list->first = old;
			list->count = 1;
			old->next = NULL;
			old->key = NULL;
		}
		struct cfg **end = &list->first;
		while (*end != NULL)
			end = &(*end)->next;
		*end = v->type == YAML_LIST ? v->first : v;
		list->count += v->type == YAML_LIST ? v->count : 1;
		return 0;
	}
	return cfg_set(a, root, path, v, e);
}

static int parse_cmdline(struct arena *a, const struct layer *l, schema_say_fn *say, void *ctx, struct cfg **ret, struct err *e)
{
	struct cmdline_iter it = cmdline_iter(buf_str(&l->text), l->text.len);
	struct cmdline_arg arg;
	struct cfg *root = cfg_map(a, l->name);

	if (root == NULL)
		return err_set(e, ENOMEM, "read the command line");
	while (cmdline_next(&it, &arg)) {
		int r = add_argument(a, root, &arg, root->file, e);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			say(ctx, e->msg);
	}
	*ret = root;
	return 0;
}

static void ignore(void *ctx, const char *sentence)
{
	(void)ctx;
	(void)sentence;
}

int layers_merge(const struct layers *l, struct arena *a, schema_say_fn *say, void *ctx, struct cfg **ret, struct err *e)
{
	struct cfg *root = cfg_map(a, "built-in"), *one = NULL;
	struct err why;

	if (root == NULL)
		return err_set(e, ENOMEM, "merge the configuration");
	for (size_t i = 0; i < l->count; i++) {
		const struct layer *n = &l->l[i];
		bool is_line = n->kind == LAYER_CMDLINE;
		int r = is_line ? parse_cmdline(a, n, say, ctx, &one, &why) :
				  cfg_parse(a, buf_str(&n->text), n->text.len, n->name, &one, &why);
		if (r == -ENOMEM)
			return err_set(e, ENOMEM, "read '%s'", n->name);
		if (r < 0) {
			(void)err_wrap(&why, r, "ignored");
			say(ctx, why.msg);
			continue;
		}
		/* PID 1 has told of the line's keys already; keys that only count there are right there */
		(void)schema_check(one, is_line ? ignore : say, ctx);
		cfg_merge(root, one);
	}
	*ret = root;
	return 0;
}

void layers_release(struct layers *l)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->l[i].text.data != NULL)
			explicit_bzero(l->l[i].text.data, l->l[i].text.len); /* passwords */
		buf_release(&l->l[i].text);
	}
	l->count = 0;
}
