// SPDX-License-Identifier: Apache-2.0
/* The table of unpacked layers: which there are, where, how large, and what they came from. */
#include "lib/image/internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define META_MAX  4096
#define DEPTH_MAX 1024

void *array_add(void *array, size_t *n, size_t size)
{
	void **owner = array;
	/* grown by halves so that many appends stay cheap: capacities are powers of two */
	if ((*n & (*n - 1)) == 0) {
		void *p = realloc(*owner, (*n == 0 ? 1 : *n * 2) * size);
		if (p == NULL)
			return NULL;
		*owner = p;
	}
	void *slot = (char *)*owner + (*n)++ * size;
	memset(slot, 0, size);
	return slot;
}

static int cmp_layers(const void *a, const void *b)
{
	return digest_cmp(&((const struct store_layer *)a)->diff_id, &((const struct store_layer *)b)->diff_id);
}

struct store_layer *layer_find(const struct store *s, const struct digest *diff_id)
{
	struct store_layer key = {.diff_id = *diff_id};

	return s->n_layers == 0 ? NULL : bsearch(&key, s->layers, s->n_layers, sizeof(key), cmp_layers);
}

int layer_add(struct store *s, const struct store_layer *l, struct err *e)
{
	struct store_layer *slot = array_add(&s->layers, &s->n_layers, sizeof(*slot));

	if (slot == NULL)
		return err_set(e, ENOMEM, "table of layers");
	*slot = *l;
	qsort(s->layers, s->n_layers, sizeof(*slot), cmp_layers);
	return 0;
}

int layer_meta_read(int dir, const struct digest *diff_id, struct store_layer *ret, struct err *e)
{
	char name[DIGEST_HEX_SIZE + 8], hex[DIGEST_HEX_SIZE];
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(META_MAX);
	struct json_doc *doc = NULL;

	*ret = (struct store_layer){.diff_id = *diff_id};
	(void)snprintf(name, sizeof(name), "%s.json", digest_hex(diff_id, hex)); /* fits */
	int r = file_read(dir, name, &b, e);
	if (r == 0)
		r = json_parse(buf_str(&b), b.len, &doc, e);
	if (r < 0)
		return r;
	const char *blob = json_str_or(json_get(json_root(doc), "blob"), "");
	ret->has_blob = digest_parse(blob, strlen(blob), &ret->blob, NULL) == 0;
	if (!json_is_uint(json_get(json_root(doc), "size"), INT64_MAX, &ret->size))
		r = err_say(e, E_SPEC, "'%s' has no size", name);
	json_free(doc);
	return r;
}

static int size_below(int fd, unsigned depth, uint64_t *sum)
{
	owned_fd int own = fd;
	DIR *d = depth < DEPTH_MAX ? fdopendir(own) : NULL;
	struct dirent *de;
	int r = 0;

	if (d == NULL)
		return depth < DEPTH_MAX ? -errno : -ELOOP;
	own = -1;
	while (r == 0 && (de = readdir(d)) != NULL) {
		struct stat st;
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			*sum += (uint64_t)st.st_size;
		if (S_ISDIR(st.st_mode)) {
			int sub = openat(dirfd(d), de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			r = sub < 0 ? -errno : size_below(sub, depth + 1, sum);
		}
	}
	closedir(d);
	return r;
}

int tree_size(int dir, const char *name, uint64_t *ret)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	*ret = 0;
	return fd < 0 ? -errno : size_below(fd, 0, ret);
}

static void drop_lone_meta(struct store *s, const char *name)
{
	char dir[DIGEST_HEX_SIZE] = "";
	struct digest d;

	if (strlen(name) != DIGEST_HEX_SIZE - 1 + 5 || !digest_parse_hex(name, DIGEST_HEX_SIZE - 1, &d))
		return;
	memcpy(dir, name, DIGEST_HEX_SIZE - 1);
	if (faccessat(s->layers_fd, dir, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		(void)unlinkat(s->layers_fd, name, 0); /* a few bytes; the next start tries again */
}

/* Own layers: what has its final name is complete. A folder without its description is a removal that was cut short. */
int layers_load(struct store *s, struct err *e)
{
	int fd = openat(s->root_fd, "layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int r = 0;

	if (d == NULL) {
		r = err_set(e, errno, "read 'layers'");
		drop_fd(&fd);
		return r;
	}
	while (r == 0 && (de = readdir(d)) != NULL) {
		struct store_layer l;
		struct digest diff_id;
		struct err why;
		if (!digest_parse_hex(de->d_name, strlen(de->d_name), &diff_id)) {
			drop_lone_meta(s, de->d_name);
			continue;
		}
		if (layer_meta_read(s->layers_fd, &diff_id, &l, &why) < 0) {
			/* described before it gets its name: never complete, or its removal was cut short */
			log_debug("images", "layer dropped: %s", why.msg);
			store_discard(s, s->layers_fd, de->d_name);
			continue;
		}
		r = layer_add(s, &l, e);
	}
	closedir(d);
	return r;
}

bool store_layer_size(struct store *s, const struct digest *diff_id, uint64_t *ret)
{
	const struct store_layer *l = layer_find(s, diff_id);

	if (l != NULL)
		*ret = l->size;
	return l != NULL;
}

uint64_t store_layers_size(struct store *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n_layers; i++)
		if (!s->layers[i].is_builtin)
			sum += s->layers[i].size;
	return sum;
}

void store_have(struct store *s, struct buf *out)
{
	char a[DIGEST_HEX_SIZE], b[DIGEST_HEX_SIZE];

	for (size_t i = 0; i < s->n_layers; i++)
		buf_printf(out, "%s %s\n", digest_hex(&s->layers[i].diff_id, a),
			   s->layers[i].has_blob ? digest_hex(&s->layers[i].blob, b) : "-");
}
