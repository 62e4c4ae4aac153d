// SPDX-License-Identifier: Apache-2.0
/* An image's configuration, and docker's list of the images in an archive. Field types are checked here once, so that
 * whoever makes a container from them need not. */
#include "lib/codec/oci_image.h"

#include "lib/base/err.h"
#include "lib/codec/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum shape { SHAPE_STR = 1, SHAPE_STRS, SHAPE_STR_MAP, SHAPE_OBJ, SHAPE_BOOL, SHAPE_INT };

/* What runs a container reads; null stands for absent everywhere, because Go writes it for empty lists. */
static const struct {
	const char *key;
	enum shape shape;
} config_fields[] = {
	{"User", SHAPE_STR},	   {"ExposedPorts", SHAPE_OBJ}, {"Env", SHAPE_STRS},
	{"Entrypoint", SHAPE_STRS}, {"Cmd", SHAPE_STRS},	{"Volumes", SHAPE_OBJ},
	{"WorkingDir", SHAPE_STR},  {"Labels", SHAPE_STR_MAP},	{"StopSignal", SHAPE_STR},
	{"ArgsEscaped", SHAPE_BOOL}, {"Healthcheck", SHAPE_OBJ}, {"Shell", SHAPE_STRS},
	{"OnBuild", SHAPE_STRS},    {"Tty", SHAPE_BOOL},	{"OpenStdin", SHAPE_BOOL},
	{"StdinOnce", SHAPE_BOOL},  {"StopTimeout", SHAPE_INT}, {"Hostname", SHAPE_STR},
};

static bool is_plain(const struct json *v)
{
	const char *s = json_str(v);

	return s != NULL && strlen(s) == json_str_len(v);
}

static bool all_plain(const struct json *list)
{
	struct json_iter it = json_iter(list);

	while (json_next(&it))
		if (!is_plain(it.value) || (it.key != NULL && strlen(it.key) != it.key_len))
			return false;
	return true;
}

static bool has_shape(const struct json *v, enum shape shape)
{
	int64_t n;

	if (v == NULL || json_type(v) == JSON_NULL)
		return true;
	switch (shape) {
	case SHAPE_STR: return is_plain(v);
	case SHAPE_STRS: return json_type(v) == JSON_ARR && all_plain(v);
	case SHAPE_STR_MAP: return json_type(v) == JSON_OBJ && all_plain(v);
	case SHAPE_OBJ: return json_type(v) == JSON_OBJ;
	case SHAPE_BOOL: return json_type(v) == JSON_BOOL;
	case SHAPE_INT: return json_is_int(v, INT64_MIN, INT64_MAX, &n);
	}
	return false;
}

static const struct json *non_null(const struct json *v)
{
	return v == NULL || json_type(v) == JSON_NULL ? NULL : v;
}

static int check_config(const struct json *config, struct err *e)
{
	if (config != NULL && json_type(config) != JSON_OBJ)
		return err_set(e, E_SPEC, "config is not an object");
	for (size_t i = 0; i < sizeof(config_fields) / sizeof(config_fields[0]); i++)
		if (!has_shape(json_get(config, config_fields[i].key), config_fields[i].shape))
			return err_set(e, E_SPEC, "config.%s has the wrong type", config_fields[i].key);
	return 0;
}

static int check_history(const struct json *history, struct err *e)
{
	struct json_iter it = json_iter(history);
	size_t i = 0;

	if (history != NULL && json_type(history) != JSON_ARR)
		return err_set(e, E_SPEC, "history is not a list");
	for (; json_next(&it); i++)
		if (json_type(it.value) != JSON_OBJ ||
		    !has_shape(json_get(it.value, "created"), SHAPE_STR) ||
		    !has_shape(json_get(it.value, "created_by"), SHAPE_STR) ||
		    !has_shape(json_get(it.value, "author"), SHAPE_STR) ||
		    !has_shape(json_get(it.value, "comment"), SHAPE_STR) ||
		    !has_shape(json_get(it.value, "empty_layer"), SHAPE_BOOL))
			return err_set(e, E_SPEC, "history[%zu] has a field of the wrong type", i);
	return 0;
}

static int read_diff_ids(const struct json *rootfs, struct oci_config *c, struct err *e)
{
	const struct json *list = non_null(json_get(rootfs, "diff_ids"));
	struct json_iter it = json_iter(list);

	if (json_type(rootfs) != JSON_OBJ)
		return err_set(e, E_SPEC, "rootfs is missing");
	if (strcmp(json_str_or(json_get(rootfs, "type"), ""), "layers") != 0)
		return err_set(e, E_SPEC, "rootfs.type is not 'layers'");
	if (list != NULL && json_type(list) != JSON_ARR)
		return err_set(e, E_SPEC, "rootfs.diff_ids is not a list");
	if (json_len(list) > OCI_LAYERS_MAX)
		return err_set(e, E_LIMIT, "rootfs.diff_ids has more than %d entries", OCI_LAYERS_MAX);
	c->diff_ids = calloc(json_len(list) + 1, sizeof(*c->diff_ids));
	if (c->diff_ids == NULL)
		return err_set(e, ENOMEM, "rootfs.diff_ids");
	for (; json_next(&it); c->n++) {
		if (!is_plain(it.value))
			return err_set(e, E_SPEC, "rootfs.diff_ids[%zu] is not a string", c->n);
		int r = digest_parse(json_str(it.value), json_str_len(it.value), &c->diff_ids[c->n], e);
		if (r < 0)
			return err_wrap(e, r, "rootfs.diff_ids[%zu]", c->n);
	}
	return 0;
}

static int read_config(struct oci_config *c, struct err *e)
{
	static const char *const texts[] = {"os", "architecture", "variant", "created", "author", "comment"};

	c->root = json_root(c->doc);
	if (json_type(c->root) != JSON_OBJ)
		return err_set(e, E_SPEC, "is not an object");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!has_shape(json_get(c->root, texts[i]), SHAPE_STR))
			return err_set(e, E_SPEC, "%s is not a string", texts[i]);
	/* docker's own old images lack both; they were linux on amd64 */
	c->os = json_str_or(json_get(c->root, "os"), "linux");
	c->architecture = json_str_or(json_get(c->root, "architecture"), "amd64");
	c->variant = json_str(json_get(c->root, "variant"));
	c->created = json_str(json_get(c->root, "created"));
	c->author = json_str(json_get(c->root, "author"));
	c->comment = json_str(json_get(c->root, "comment"));
	c->config = non_null(json_get(c->root, "config"));
	c->history = non_null(json_get(c->root, "history"));
	int r = check_config(c->config, e);
	if (r == 0)
		r = check_history(c->history, e);
	return r < 0 ? r : read_diff_ids(json_get(c->root, "rootfs"), c, e);
}

int oci_config_parse(const char *p, size_t n, const char *what, struct oci_config *ret, struct err *e)
{
	struct oci_config c = {0};

	if (n > OCI_DOC_MAX)
		return err_set(e, E_LIMIT, "%s: %zu bytes, more than %zu", what, n, OCI_DOC_MAX);
	int r = json_parse(p, n, &c.doc, e);
	if (r == 0)
		r = read_config(&c, e);
	if (r < 0) {
		oci_config_release(&c);
		return err_wrap(e, r, "%s", what);
	}
	*ret = c;
	return 0;
}

void oci_config_release(struct oci_config *c)
{
	free(c->diff_ids);
	json_free(c->doc);
	*c = (struct oci_config){0};
}

/* Relative, in one spelling, and not upwards. */
static bool is_archive_path(const char *s)
{
	while (s != NULL) {
		const char *slash = strchr(s, '/');
		size_t n = slash != NULL ? (size_t)(slash - s) : strlen(s);
		if (n == 0 || n > 255 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
		s = slash != NULL ? slash + 1 : NULL;
	}
	return true;
}

/* A list of strings (or null, or absent) as an array borrowed from the document. */
static int strings(const struct json *list, const char *field, const char ***ret, size_t *ret_n, struct err *e)
{
	struct json_iter it = json_iter(list);
	size_t i = 0;

	if (!has_shape(list, SHAPE_STRS))
		return err_set(e, E_SPEC, "%s is not a list of strings", field);
	if (json_len(list) > OCI_ENTRIES_MAX)
		return err_set(e, E_LIMIT, "%s has more than %d entries", field, OCI_ENTRIES_MAX);
	*ret = calloc(json_len(list) + 1, sizeof(**ret));
	if (*ret == NULL)
		return err_set(e, ENOMEM, "%s", field);
	while (json_next(&it))
		(*ret)[i++] = json_str(it.value);
	*ret_n = i;
	return 0;
}

static int read_docker_image(const struct json *v, struct docker_image *img, struct err *e)
{
	if (json_type(v) != JSON_OBJ)
		return err_set(e, E_SPEC, "is not an object");
	if (!is_plain(json_get(v, "Config")))
		return err_set(e, E_SPEC, "Config is missing");
	img->config = json_str(json_get(v, "Config"));
	if (!is_archive_path(img->config))
		return err_set(e, E_SPEC, "Config '%.200s' is not a path inside the archive", img->config);
	int r = strings(json_get(v, "Layers"), "Layers", &img->layers, &img->n_layers, e);
	if (r == 0)
		r = strings(json_get(v, "RepoTags"), "RepoTags", &img->tags, &img->n_tags, e);
	for (size_t i = 0; r == 0 && i < img->n_layers; i++)
		if (!is_archive_path(img->layers[i]))
			r = err_set(e, E_SPEC, "Layers[%zu] '%.200s' is not a path inside the archive", i,
				    img->layers[i]);
	if (r == 0 && img->n_layers > OCI_LAYERS_MAX)
		r = err_set(e, E_LIMIT, "Layers has more than %d entries", OCI_LAYERS_MAX);
	return r;
}

static int read_archive(struct docker_archive *a, struct err *e)
{
	const struct json *root = json_root(a->doc);
	struct json_iter it = json_iter(root);

	if (json_type(root) != JSON_ARR || json_len(root) == 0)
		return err_set(e, E_SPEC, "is not a list of images");
	if (json_len(root) > OCI_ENTRIES_MAX)
		return err_set(e, E_LIMIT, "has more than %d images", OCI_ENTRIES_MAX);
	a->images = calloc(json_len(root), sizeof(*a->images));
	if (a->images == NULL)
		return err_set(e, ENOMEM, "read it");
	while (json_next(&it)) {
		int r = read_docker_image(it.value, &a->images[a->n++], e);
		if (r < 0)
			return err_wrap(e, r, "[%zu]", a->n - 1);
	}
	return 0;
}

int docker_archive_parse(const char *p, size_t n, struct docker_archive *ret, struct err *e)
{
	struct docker_archive a = {0};

	if (n > OCI_DOC_MAX)
		return err_set(e, E_LIMIT, "manifest.json: %zu bytes, more than %zu", n, OCI_DOC_MAX);
	int r = json_parse(p, n, &a.doc, e);
	if (r == 0)
		r = read_archive(&a, e);
	if (r < 0) {
		docker_archive_release(&a);
		return err_wrap(e, r, "manifest.json");
	}
	*ret = a;
	return 0;
}

void docker_archive_release(struct docker_archive *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->images[i].layers);
		free(a->images[i].tags);
	}
	free(a->images);
	json_free(a->doc);
	*a = (struct docker_archive){0};
}
