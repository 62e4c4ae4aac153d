// SPDX-License-Identifier: Apache-2.0
/* The entries of a layer in order: names are checked and taken apart here, parents made, limits counted; what is made of each
 * entry is in unpack_entry.c. */
#include "lib/image/unpack.h"

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/image/tar.h"
#include "lib/image/unpack_entry.h"
#include "lib/sys/path.h"

#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

const struct unpack_limits unpack_limits = {
	.bytes = (uint64_t)1 << 38,
	.entries = 4000000,
	.depth = 256,
	.path = 4095,
	.attrs = 65536,
};

#define DIRS_MEMORY ((size_t)256 << 20) /* for the times of directories */

/* Times of directories are set when nothing more is put into them. */
struct dir_time {
	struct dir_time *next;
	struct timespec mtime;
	char path[];
};

struct unpack {
	struct unpack_out out;
	const struct unpack_limits *limits;
	struct arena memory;
	struct dir_time *dirs;
	char parent[PATH_MAX]; /* of out.dir */
	uint64_t entries;
};

/* Copy name without ".", empty parts and slashes at the ends. "" is the root itself. */
static int clean(const struct unpack_limits *l, const char *name, char out[PATH_MAX], struct err *e)
{
	unsigned depth = 0;
	size_t len = 0;

	while (*name != '\0') {
		size_t n = strcspn(name, "/");
		if (n == 2 && memcmp(name, "..", 2) == 0)
			return err_say(e, E_SPEC, "has '..' in its path");
		if (n > NAME_MAX)
			return err_say(e, E_LIMIT, "has a name longer than %d bytes in its path", NAME_MAX);
		if (n > 0 && !(n == 1 && *name == '.')) {
			if (++depth > l->depth)
				return err_say(e, E_LIMIT, "is deeper than %u directories", l->depth);
			if (len + 1 + n > l->path || len + 1 + n >= PATH_MAX)
				return err_say(e, E_LIMIT, "has a path longer than %u bytes", l->path);
			if (len > 0)
				out[len++] = '/';
			memcpy(out + len, name, n);
			len += n;
		}
		name += n + (name[n] == '/');
	}
	out[len] = '\0';
	return 0;
}

/* Have the directory that path lies in at u->out.dir. Most entries lie in the one of the entry before. */
static int enter(struct unpack *u, const char *path, const char **ret_name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash != NULL ? (size_t)(slash - path) : 0;
	char parent[PATH_MAX];

	memcpy(parent, path, n);
	parent[n] = '\0';
	*ret_name = slash != NULL ? slash + 1 : path;
	if (u->out.dir >= 0 && !u->out.tree_changed && strcmp(parent, u->parent) == 0)
		return 0;
	drop_fd(&u->out.dir);
	u->out.dir = -1;
	u->out.tree_changed = false;
	/* usually it is there */
	int fd = path_open_in(u->out.root, parent, O_RDONLY | O_DIRECTORY, 0, NULL);
	if (fd == -ENOENT) {
		owned_fd int made = path_mkdir_in(u->out.root, parent, 0755, e);
		if (made < 0)
			return made;
		fd = path_open_in(u->out.root, parent, O_RDONLY | O_DIRECTORY, 0, NULL);
	}
	if (fd < 0)
		return err_set(e, -fd, "open directory '%.200s' inside the layer", parent);
	u->out.dir = fd;
	strcpy(u->parent, parent);
	return 0;
}

static int remember_time(struct unpack *u, const char *path, struct archive_entry *entry, struct err *e)
{
	size_t n = strlen(path) + 1;
	struct dir_time *d = arena_alloc(&u->memory, sizeof(*d) + n);

	if (d == NULL)
		return err_say(e, E_LIMIT, "too many directories");
	d->mtime.tv_sec = archive_entry_mtime(entry);
	d->mtime.tv_nsec = archive_entry_mtime_nsec(entry);
	memcpy(d->path, path, n);
	d->next = u->dirs;
	u->dirs = d;
	return 0;
}

/* ".wh.x" removes x of lower layers, ".wh..wh..opq" everything of them in this directory; other names that begin with
 * ".wh..wh." are bookkeeping of a file system that images had once. Returns 1 when the entry was one of these. */
static int take_whiteout(struct unpack *u, const char *path, const char *name, struct err *e)
{
	if (strncmp(name, ".wh.", 4) != 0)
		return 0;
	if (strcmp(name, ".wh..wh..opq") == 0) {
		int r = u->out.sink->opaque(u->out.sink->ctx, u->parent, e);
		return r < 0 ? r : 1;
	}
	if (strncmp(name, ".wh..wh.", 8) == 0)
		return 1;
	const char *gone = name + 4;
	if (*gone == '\0' || strcmp(gone, ".") == 0 || strcmp(gone, "..") == 0)
		return err_say(e, E_SPEC, "removes nothing that has a name");
	/* its path is the entry's without ".wh." */
	char target[PATH_MAX];
	size_t n = (size_t)(name - path);
	memcpy(target, path, n);
	strcpy(target + n, gone);
	int r = entry_whiteout(&u->out, gone, target, e);
	return r < 0 ? r : 1;
}

static int take_link_target(struct unpack *u, struct archive_entry *entry, char out[PATH_MAX], struct err *e)
{
	const char *target = archive_entry_hardlink(entry);

	if (target == NULL)
		return 0;
	int r = clean(u->limits, target, out, e);
	if (r < 0)
		return err_wrap(e, r, "hard link to '%.100s'", target);
	return *out == '\0' ? err_say(e, E_SPEC, "is a hard link to the root directory") : 1;
}

static int take_entry(struct unpack *u, struct archive_entry *entry, struct err *e)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *name;

	int r = clean(u->limits, tar_name(entry), path, e);
	if (r < 0)
		return r;
	if (*path == '\0') {
		if (archive_entry_filetype(entry) != AE_IFDIR)
			return err_say(e, E_SPEC, "is the root and not a directory");
		r = entry_root(&u->out, entry, e);
		return r < 0 ? r : remember_time(u, path, entry, e);
	}
	r = enter(u, path, &name, e);
	if (r == 0)
		r = take_whiteout(u, path, name, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = take_link_target(u, entry, target, e);
	if (r != 0)
		return r < 0 ? r : entry_link(&u->out, name, target, e);
	r = entry_make(&u->out, name, path, entry, e);
	if (r == 0 && archive_entry_filetype(entry) == AE_IFDIR)
		r = remember_time(u, path, entry, e);
	return r;
}

/* Newest first, so that of two entries for one directory the last one would win - but it must be set last. */
static int set_times(struct unpack *u, struct err *e)
{
	struct dir_time *back = NULL;

	while (u->dirs != NULL) {
		struct dir_time *d = u->dirs;
		u->dirs = d->next;
		d->next = back;
		back = d;
	}
	for (; back != NULL; back = back->next) {
		struct timespec t[2] = {back->mtime, back->mtime};
		/* a directory that was replaced meanwhile, or is reached no more, has no time of its own */
		owned_fd int fd = path_open_in(u->out.root, back->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, NULL);
		if (fd >= 0 && futimens(fd, t) < 0)
			return err_set(e, errno, "times of '%.200s'", back->path);
	}
	return 0;
}

static int take_all(struct unpack *u, struct err *e)
{
	struct archive_entry *entry;
	int r;

	while ((r = tar_next(u->out.tar, &entry, e)) > 0) {
		const char *name = tar_name(entry);
		if (name == NULL)
			return err_say(e, E_SPEC, "entry %llu has no name", (unsigned long long)u->entries);
		if (++u->entries > u->limits->entries)
			return err_say(e, E_LIMIT, "more than %llu entries", (unsigned long long)u->limits->entries);
		r = take_entry(u, entry, e);
		if (r < 0)
			return err_wrap(e, r, "entry '%.200s'", name);
	}
	return r < 0 ? r : set_times(u, e);
}

int unpack_layer(struct stream *tar, int root, const struct unpack_limits *limits, const struct unpack_sink *sink,
		 uint64_t *ret_size, struct err *e)
{
	struct unpack u = {
		.out = {.tar = tar_open(tar), .root = root, .dir = -1, .sink = sink, .max_bytes = limits->bytes,
			.max_attrs = limits->attrs},
		.limits = limits,
		.memory = ARENA_INIT(DIRS_MEMORY),
	};

	if (u.out.tar == NULL)
		return err_set(e, ENOMEM, "unpack a layer");
	int r = take_all(&u, e);
	if (r == 0)
		*ret_size = u.out.bytes;
	drop_fd(&u.out.dir);
	arena_release(&u.memory);
	tar_free(u.out.tar);
	return r;
}
