// SPDX-License-Identifier: Apache-2.0
/* slipway service compile: service.yml files and an image layout to what PID 1 and the runtime read. Wrong definitions are
 * told and left out, with those that need them; the rest is written and the exit code is 1. */
#include "admin/verbs.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/compose.h"
#include "lib/codec/oci_image.h"
#include "lib/codec/service_spec.h"
#include "lib/codec/svcdef.h"
#include "lib/codec/yaml.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define FILES_MAX 256
#define BLOB_MAX  ((size_t)1 << 20)

/* A definition on its way to a record. */
struct item {
	const struct compose_service *def; /* borrowed from its file */
	const char *file;
	struct svcdef record;
	struct buf spec; /* owned: config.json */
	bool is_out;	 /* refused */
};

struct compiler {
	const char *images;	/* layout to read */
	const char *images_at;	/* where it will be at run time */
	const char *bundles_at;
	const char *out;
	struct compose_file *files[FILES_MAX]; /* owned */
	size_t file_count;
	struct item *items; /* owned */
	size_t count;
	unsigned refused;
	struct buf index_text;
	struct oci_index index;
};

static void tell(struct compiler *c, const struct err *why)
{
	fprintf(stderr, "slipway: %s\n", why->msg);
	c->refused++;
}

static void on_refused(void *ctx, const char *name, const struct err *why)
{
	(void)name; /* the message has it */
	tell(ctx, why);
}

static void refuse(struct compiler *c, struct item *it, unsigned line, const char *key, const char *what)
{
	struct err e;

	(void)err_say(&e, E_SPEC, "%s:%u: services.%s.%s: %s", it->file, line, it->def->name, key, what);
	it->is_out = true;
	tell(c, &e);
}

/* ---- images ---- */

static int read_blob(const struct compiler *c, const struct digest *d, struct buf *b, struct err *e)
{
	char path[PATH_MAX], hex[DIGEST_HEX_SIZE];

	if ((size_t)snprintf(path, sizeof(path), "%s/blobs/sha256/%s", c->images, digest_hex(d, hex)) >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "'%s'", c->images);
	return file_read(AT_FDCWD, path, b, e);
}

static const struct oci_descriptor *find_image(const struct compiler *c, const char *name)
{
	for (size_t i = 0; i < c->index.n; i++) {
		const char *ref = oci_annotation(&c->index.manifests[i], "org.opencontainers.image.ref.name");
		if (ref != NULL && strcmp(ref, name) == 0)
			return &c->index.manifests[i];
	}
	return NULL;
}

static int lower_of(const struct compiler *c, const struct oci_config *image, struct buf *lower, struct err *e)
{
	char hex[DIGEST_HEX_SIZE];

	for (size_t i = image->n; i > 0; i--)
		buf_printf(lower, "%s%s/layers/%s", i < image->n ? ":" : "", c->images_at,
			   digest_hex(&image->diff_ids[i - 1], hex));
	return image->n == 0 ? err_say(e, E_SPEC, "has no layer") : buf_error(lower);
}

static int with_image(struct compiler *c, struct item *it, const struct oci_config *image, struct err *e)
{
	owned_buf struct buf lower = BUF_INIT(65536);
	char bundle[PATH_MAX];

	int r = lower_of(c, image, &lower, e);
	if (r < 0)
		return r;
	if ((size_t)snprintf(bundle, sizeof(bundle), "%s/%s", c->bundles_at, it->def->name) >= sizeof(bundle))
		return err_set(e, ENAMETOOLONG, "bundle");
	r = service_record(it->def, image, bundle, &it->record, e);
	return r < 0 ? r : service_spec_write(it->def, image, buf_str(&lower), &it->spec, e);
}

static int load_image(struct compiler *c, struct item *it, const struct oci_descriptor *d, struct err *e)
{
	owned_buf struct buf manifest_text = BUF_INIT(BLOB_MAX), config_text = BUF_INIT(BLOB_MAX);
	struct oci_manifest manifest;
	struct oci_config config;

	int r = read_blob(c, &d->digest, &manifest_text, e);
	if (r == 0)
		r = oci_manifest_parse(buf_str(&manifest_text), manifest_text.len, "manifest", &manifest, e);
	if (r < 0)
		return r;
	r = read_blob(c, &manifest.config.digest, &config_text, e);
	oci_manifest_release(&manifest);
	if (r == 0)
		r = oci_config_parse(buf_str(&config_text), config_text.len, "image configuration", &config, e);
	if (r < 0)
		return r;
	r = with_image(c, it, &config, e);
	oci_config_release(&config);
	return r;
}

static void compile_one(struct compiler *c, struct item *it)
{
	const struct oci_descriptor *d = find_image(c, it->def->image);
	char what[640];
	struct err e;

	buf_init(&it->spec, BLOB_MAX);
	if (d == NULL) {
		(void)snprintf(what, sizeof(what), "expected an image of '%s', found '%s'", c->images, it->def->image);
		refuse(c, it, it->def->image_line, "image", what);
	} else if (load_image(c, it, d, &e) < 0) {
		(void)snprintf(what, sizeof(what), "'%s': %s", it->def->image, e.msg);
		refuse(c, it, it->def->image_line, "image", what);
	}
}

/* ---- dependencies ---- */

static struct item *find(struct compiler *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->items[i].def->name, name) == 0)
			return &c->items[i];
	return NULL;
}

/* Whoever needs what is left out is left out too, until nothing changes. */
static void settle(struct compiler *c)
{
	char what[160];
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < c->count; i++) {
			struct item *it = &c->items[i];
			for (size_t k = 0; !it->is_out && k < it->def->dep_count; k++) {
				const struct compose_dep *d = &it->def->deps[k];
				const struct item *other = find(c, d->service);
				if (!d->is_required || (other != NULL && !other->is_out && other != it))
					continue;
				(void)snprintf(what, sizeof(what), "expected another service, found '%.40s'%s", d->service,
					       other == NULL ? "" : other == it ? ", itself" : ", which was refused");
				refuse(c, it, d->line, "depends_on", what);
				again = true;
			}
		}
	}
}

static void link_deps(struct compiler *c)
{
	uint16_t index = 0;

	/* the index in the table: refused ones have none */
	for (size_t i = 0; i < c->count; i++) {
		struct item *it = &c->items[i];
		if (it->is_out)
			continue;
		for (size_t k = 0; k < it->def->dep_count; k++) {
			const struct compose_dep *d = &it->def->deps[k];
			const struct item *other = find(c, d->service);
			if (other == NULL || other->is_out)
				continue; /* an order only, of nothing */
			index = 0;
			for (const struct item *o = c->items; o < other; o++)
				index = (uint16_t)(index + !o->is_out);
			it->record.deps[it->record.dep_count++] = (struct svcdef_dep){index, d->condition, d->is_required};
		}
	}
}

/* ---- files ---- */

static int read_file(struct compiler *c, const char *path, struct err *e)
{
	owned_buf struct buf text = BUF_INIT(YAML_TEXT_MAX);

	if (c->file_count == FILES_MAX)
		return err_set(e, E_LIMIT, "more than %d files", FILES_MAX);
	int r = file_read(AT_FDCWD, path, &text, e);
	return r < 0 ? r : compose_parse(buf_str(&text), text.len, path, on_refused, c, &c->files[c->file_count], e);
}

static int take_files(struct compiler *c, int n, char **paths, struct err *e)
{
	size_t total = 0;

	for (int i = 0; i < n; i++) {
		int r = read_file(c, paths[i], e);
		if (r < 0) { /* this file is lost, not the others */
			tell(c, e);
			continue;
		}
		paths[c->file_count] = paths[i];
		total += c->files[c->file_count++]->count;
	}
	c->items = calloc(total + 1, sizeof(*c->items));
	if (c->items == NULL)
		return err_set(e, ENOMEM, "services");
	for (size_t f = 0; f < c->file_count; f++)
		for (size_t k = 0; k < c->files[f]->count; k++) {
			struct item it = {.def = &c->files[f]->services[k], .file = paths[f]};
			if (find(c, it.def->name) != NULL)
				refuse(c, &it, it.def->line, "", "expected a name of its own, found one that is taken");
			else
				c->items[c->count++] = it;
		}
	return c->count > SVCDEF_COUNT_MAX ? err_set(e, E_LIMIT, "more than %d services", SVCDEF_COUNT_MAX) : 0;
}

static int write_at(int dir, const char *name, const struct buf *b, struct err *e)
{
	int r = buf_error(b);

	return r < 0 ? err_set(e, -r, "'%s'", name) : file_replace(dir, name, buf_str(b), b->len, 0644, e);
}

static int write_out(struct compiler *c, struct err *e)
{
	struct svcdef_header h = {.magic = SVCDEF_MAGIC, .record_size = sizeof(struct svcdef),
				  .socket_size = sizeof(struct svcdef_socket)};
	owned_buf struct buf table = BUF_INIT(sizeof(h) + SVCDEF_COUNT_MAX * sizeof(struct svcdef) +
						 SVCDEF_SOCKETS_MAX * sizeof(struct svcdef_socket));
	char path[64];

	int r = dir_make_all(AT_FDCWD, c->out, 0755, e);
	owned_fd int dir = r < 0 ? -1 : open(c->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return r < 0 ? r : err_set(e, errno, "open '%s'", c->out);
	for (size_t i = 0; i < c->count; i++) {
		struct item *it = &c->items[i];
		it->record.socket_first = (uint16_t)h.socket_count;
		h.count += !it->is_out;
		h.socket_count += it->is_out ? 0 : (uint32_t)it->def->socket_count;
	}
	if (h.socket_count > SVCDEF_SOCKETS_MAX)
		return err_set(e, E_LIMIT, "%u sockets, more than %d", h.socket_count, SVCDEF_SOCKETS_MAX);
	buf_put(&table, &h, sizeof(h));
	for (size_t i = 0; i < c->count; i++) {
		const struct item *it = &c->items[i];
		if (it->is_out)
			continue;
		buf_put(&table, &it->record, sizeof(it->record));
		(void)snprintf(path, sizeof(path), "services/%s", it->def->name); /* names are bounded */
		r = dir_make_all(dir, path, 0755, e);
		owned_fd int sub = r < 0 ? -1 : openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (r == 0)
			r = sub < 0 ? err_set(e, errno, "open '%s'", path) : write_at(sub, "config.json", &it->spec, e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < c->count; i++)
		if (!c->items[i].is_out)
			buf_put(&table, c->items[i].def->sockets, c->items[i].def->socket_count * sizeof(struct svcdef_socket));
	/* what PID 1 would refuse is never written */
	r = svcdef_check(table.data, table.len, e);
	return r < 0 ? r : write_at(dir, "services.tab", &table, e);
}

static int compile(struct compiler *c, int n, char **paths, struct err *e)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/index.json", c->images) >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "'%s'", c->images);
	int r = file_read(AT_FDCWD, path, &c->index_text, e);
	if (r == 0)
		r = oci_index_parse(buf_str(&c->index_text), c->index_text.len, path, &c->index, e);
	if (r == 0)
		r = take_files(c, n, paths, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->count; i++)
		compile_one(c, &c->items[i]);
	settle(c);
	link_deps(c);
	return write_out(c, e);
}

static void release(struct compiler *c)
{
	for (size_t i = 0; i < c->count; i++)
		buf_release(&c->items[i].spec);
	free(c->items);
	for (size_t i = 0; i < c->file_count; i++)
		compose_free(c->files[i]);
	oci_index_release(&c->index);
	buf_release(&c->index_text);
}

int cmd_service_compile(int argc, char **argv)
{
	static const struct verb self = {.name = "compile", .args = SERVICE_COMPILE_ARGS};
	static const struct option longs[] = {
		{"images", required_argument, NULL, 'i'}, {"out", required_argument, NULL, 'o'},
		{"images-at", required_argument, NULL, 'I'}, {"bundles-at", required_argument, NULL, 'B'}, {NULL, 0, NULL, 0},
	};
	struct compiler c = {.images = "/usr/lib/slipway/images", .bundles_at = "/usr/lib/slipway/services"};
	struct err e;
	int o;

	optind = 1;
	while ((o = getopt_long(argc, argv, "i:o:", longs, NULL)) != -1) {
		switch (o) {
		case 'i': c.images = optarg; break;
		case 'o': c.out = optarg; break;
		case 'I': c.images_at = optarg; break;
		case 'B': c.bundles_at = optarg; break;
		default: return usage("slipway service", &self, "unknown option");
		}
	}
	if (c.out == NULL || optind == argc)
		return usage("slipway service", &self, "--out and a file are needed");
	if (c.images_at == NULL)
		c.images_at = c.images;
	buf_init(&c.index_text, OCI_DOC_MAX);
	int r = compile(&c, argc - optind, argv + optind, &e);
	int code = r < 0 ? fail(&e) : c.refused > 0;
	release(&c);
	return code;
}
