// SPDX-License-Identifier: Apache-2.0
/* slipway config: reading the merged configuration, changing the user's own file. */
#include "admin/cmd_config.h"
#include "admin/verbs.h"

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/config/layers.h"
#include "lib/config/tree.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define FOLDER	  "var/lib/slipway"
#define OWN_NAME  "cloud-config.yml"
#define TEXT_MAX  ((size_t)4 << 20)
#define FIRST_LINE "#cloud-config\n"

int config_root(struct err *e)
{
	const char *root = getenv("SLIPWAY_ROOT");

	root = root != NULL ? root : "/";
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open '%s'", root) : fd;
}

void config_warn(void *ctx, const char *sentence)
{
	if (ctx != NULL)
		++*(unsigned *)ctx;
	fprintf(stderr, "slipway: %s\n", sentence);
}

static void say_nothing(void *ctx, const char *sentence)
{
	(void)ctx;
	(void)sentence;
}

int config_all(struct arena *a, struct cfg **ret, struct err *e)
{
	owned_layers struct layers l = {0};
	owned_fd int root = config_root(e);

	if (root < 0)
		return root;
	layers_read(&l, root, /* with_datasource= */ true, config_warn, NULL);
	/* what is wrong in them is `config validate`'s to tell, and the boot has told of it */
	return layers_merge(&l, a, say_nothing, NULL, ret, e);
}

int config_load_own(struct arena *a, struct cfg **ret, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(YAML_TEXT_MAX);
	owned_fd int root = config_root(e);

	if (root < 0)
		return root;
	int r = file_read(root, FOLDER "/" OWN_NAME, &b, e);
	if (r < 0 && r != -ENOENT)
		return r;
	return cfg_parse(a, buf_str(&b), b.len, LAYERS_USER_FILE, ret, e);
}

int config_store_own(const struct cfg *own, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(YAML_TEXT_MAX);
	owned_fd int root = config_root(e);

	if (root < 0)
		return root;
	buf_puts(&b, FIRST_LINE);
	if (own->first != NULL)
		cfg_write_yaml(&b, own);
	if (buf_error(&b) < 0)
		return err_set(e, -buf_error(&b), "write '%s'", LAYERS_USER_FILE);
	int r = dir_make_all(root, FOLDER, 0755, e);
	if (r < 0)
		return r;
	owned_fd int dir = openat(root, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open '/" FOLDER "'");
	return file_replace(dir, OWN_NAME, b.data, b.len, 0600, e);
}

/* Two who change the file at once would lose one change. Returns a descriptor that holds the lock. */
static int lock(struct err *e)
{
	owned_fd int root = config_root(e);

	if (root < 0)
		return root;
	int r = dir_make_all(root, FOLDER, 0755, e);
	if (r < 0)
		return r;
	owned_fd int fd = openat(root, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_set(e, errno, "lock '/" FOLDER "'");
	return take_fd(fd);
}

static const struct verb *self(const char *name);

static int print_tree(const struct cfg *n, const char *first_line, FILE *to)
{
	owned_buf struct buf b = BUF_INIT(TEXT_MAX);

	buf_puts(&b, first_line);
	cfg_write_yaml(&b, n);
	if (buf_error(&b) < 0)
		return fail(&(struct err){.msg = "the configuration is too large to be printed"});
	return fwrite(b.data, 1, b.len, to) == b.len && fflush(to) == 0 ? 0 : 1;
}

static int config_get(int argc, char **argv)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	struct cfg *root;
	struct err e;

	if (argc != 2)
		return usage("slipway config", self("get"), "expected one key");
	if (config_all(&a, &root, &e) < 0)
		return fail(&e);
	const struct cfg *n = cfg_find(root, argv[1]);
	if (n == NULL) {
		fprintf(stderr, "slipway: '%s' is not set\n", argv[1]);
		return 1;
	}
	return print_tree(n, "", stdout);
}

/* A wrong value is refused here, where somebody can mend it; at boot it would be ignored. */
static int check_new(struct arena *a, const char *path, const struct cfg *value, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(YAML_TEXT_MAX);
	struct cfg *copy, *probe = cfg_map(a, "the value");
	unsigned count = 0;
	struct schema s;

	cfg_write_yaml(&b, value);
	if (probe == NULL || buf_error(&b) < 0)
		return err_set(e, ENOMEM, "check the value");
	/* the check cuts out what is wrong: on a copy */
	copy = arena_alloc(a, sizeof(*copy));
	if (copy == NULL)
		return err_set(e, ENOMEM, "check the value");
	*copy = *value;
	copy->line = 1;
	int r = cfg_set(a, probe, path, copy, e);
	if (r < 0)
		return r;
	bool is_known = schema_find_path(path, &s);
	(void)schema_check(probe, config_warn, &count);
	return count > 0 && is_known && cfg_find(probe, path) != copy ? err_say(e, E_SPEC, "nothing was changed") : 0;
}

static int change(struct arena *a, const char *path, const char *text, struct err *e)
{
	struct cfg *own, *value = NULL;
	owned_fd int held = lock(e);
	int r = held;

	if (r < 0 || (r = config_load_own(a, &own, e)) < 0)
		return r;
	if (text != NULL && ((r = cfg_value(a, text, strlen(text), "the value", &value, e)) < 0 ||
			     (r = check_new(a, path, value, e)) < 0 || (r = cfg_set(a, own, path, value, e)) < 0))
		return r;
	if (text == NULL && !cfg_unset(own, path))
		return err_say(e, ENOENT, "'%s' is not set in '%s'", path, LAYERS_USER_FILE);
	return config_store_own(own, e);
}

static int config_set(int argc, char **argv)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	struct err e;

	if (argc != 3)
		return usage("slipway config", self("set"), "expected a key and a value");
	return change(&a, argv[1], argv[2], &e) < 0 ? fail(&e) : 0;
}

static int config_unset(int argc, char **argv)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	struct err e;

	if (argc != 2)
		return usage("slipway config", self("unset"), "expected one key");
	return change(&a, argv[1], NULL, &e) < 0 ? fail(&e) : 0;
}

/* The argument of -i, or NULL for standard input. False: the arguments are wrong. */
static bool input_of(int argc, char **argv, const char **ret)
{
	*ret = NULL;
	if (argc == 1)
		return true;
	if (argc == 3 && (strcmp(argv[1], "-i") == 0 || strcmp(argv[1], "--input") == 0))
		*ret = argv[2];
	else if (argc == 2 && argv[1][0] != '-')
		*ret = argv[1];
	return *ret != NULL;
}

static int read_input(const char *path, struct buf *b, struct err *e)
{
	if (path != NULL && strcmp(path, "-") != 0)
		return file_read(AT_FDCWD, path, b, e);
	int r = read_all(STDIN_FILENO, b);
	return r < 0 ? err_set(e, -r, "read standard input") : 0;
}

static int merge_input(struct arena *a, const char *path, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(YAML_TEXT_MAX);
	const char *name = path != NULL ? path : "standard input";
	struct cfg *own, *in;
	owned_fd int held = lock(e);
	int r = held;

	if (r < 0 || (r = read_input(path, &b, e)) < 0 || (r = cfg_parse(a, buf_str(&b), b.len, name, &in, e)) < 0 ||
	    (r = config_load_own(a, &own, e)) < 0)
		return r;
	(void)schema_check(in, config_warn, NULL);
	cfg_merge(own, in);
	return config_store_own(own, e);
}

static int config_merge(int argc, char **argv)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	const char *path;
	struct err e;

	if (!input_of(argc, argv, &path))
		return usage("slipway config", self("merge"), "unknown arguments");
	return merge_input(&a, path, &e) < 0 ? fail(&e) : 0;
}

static int config_validate(int argc, char **argv)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	owned_buf struct buf b = BUF_INIT(YAML_TEXT_MAX);
	const char *path;
	struct cfg *in;
	struct err e;

	if (!input_of(argc, argv, &path))
		return usage("slipway config", self("validate"), "unknown arguments");
	if (read_input(path, &b, &e) < 0 || cfg_parse(&a, buf_str(&b), b.len, path != NULL ? path : "standard input", &in, &e) < 0)
		return fail(&e);
	return schema_check(in, config_warn, NULL) > 0 ? 1 : 0;
}

/* The command line's argument is copied to a file that only its owner reads. */
static int export_to(const char *path, const struct cfg *n)
{
	owned_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *to = fd < 0 || fchmod(fd, 0600) < 0 ? NULL : fdopen(fd, "we");

	if (to == NULL) {
		fprintf(stderr, "slipway: create '%s': %s\n", path, strerror(errno));
		return 1;
	}
	fd = -1; /* fclose() closes it */
	int r = print_tree(n, FIRST_LINE, to);
	return fclose(to) == 0 ? r : 1;
}

static int config_export(int argc, char **argv)
{
	owned_arena struct arena a = ARENA_INIT(CFG_ARENA_MAX);
	bool is_private = false, is_full = false;
	const char *path = NULL;
	struct cfg *root;
	struct err e;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-p") == 0 || strcmp(argv[i], "--private") == 0)
			is_private = true;
		else if (strcmp(argv[i], "-f") == 0 || strcmp(argv[i], "--full") == 0)
			is_full = true;
		else if ((strcmp(argv[i], "-o") == 0 || strcmp(argv[i], "--output") == 0) && i + 1 < argc)
			path = argv[++i];
		else
			return usage("slipway config", self("export"), "unknown arguments");
	}
	if ((is_full ? config_all(&a, &root, &e) : config_load_own(&a, &root, &e)) < 0)
		return fail(&e);
	if (!is_private)
		schema_hide_secrets(root);
	return path != NULL ? export_to(path, root) : print_tree(root, FIRST_LINE, stdout);
}

static const struct verb config_verbs[] = {
	{"get", config_get, "KEY", "print what counts for a key", "slipway config get slipway.network.dns"},
	{"set", config_set, "KEY VALUE", "set a key in the user's file; the value is YAML", "slipway config set hostname box"},
	{"unset", config_unset, "KEY", "take a key out of the user's file", "slipway config unset hostname"},
	{"merge", config_merge, "[-i FILE]", "lay YAML over the user's file", "slipway config merge -i cloud-config.yml"},
	{"export", config_export, "[-p] [-f] [-o FILE]", "print the user's file without secrets; -p with them, -f all that counts",
	 "slipway config export -f"},
	{"validate", config_validate, "[-i FILE]", "tell what is wrong in a file; exit code 1 when something is",
	 "slipway config validate -i cloud-config.yml"},
	{"explain", cmd_config_explain, "[KEY|--table]", "what a key means and may be", "slipway config explain write_files"},
};

static const struct verb *self(const char *name)
{
	for (size_t i = 0; i < countof(config_verbs); i++)
		if (strcmp(config_verbs[i].name, name) == 0)
			return &config_verbs[i];
	return NULL;
}

int cmd_config(int argc, char **argv)
{
	return verbs_run("slipway config", "Reads and changes the configuration.", config_verbs, countof(config_verbs), argc, argv);
}
