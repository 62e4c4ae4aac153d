// SPDX-License-Identifier: Apache-2.0
/* Walks a tree in order and writes its entries. A file that changes while it is read keeps the size it had when it was looked at. */
#include "lib/image/pack.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/image/tar_write.h"
#include "lib/sys/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define DEPTH_MAX 256
#define NAMES_MAX 1000000 /* of one directory */
#define LINKS_MAX 1000000
#define PIECE	  ((size_t)256 << 10)
#define ATTRS_MAX ((size_t)64 << 10)

struct link {
	dev_t dev;
	ino_t ino;
	char *path; /* owned */
};

struct pack {
	enum pack_form form;
	const struct pack_sink *sink;
	struct buf out;
	uint64_t written;
	char path[PATH_MAX];
	char *piece;	    /* owned; PIECE bytes */
	struct link *links; /* owned; hash table by inode */
	size_t n_links, size_links;
};

static int flush(struct pack *p, struct err *e)
{
	int r = buf_error(&p->out);

	if (r < 0)
		return err_set(e, -r, "write an archive");
	if (p->out.len == 0)
		return 0;
	r = p->sink->put(p->sink->ctx, p->out.data, p->out.len, e);
	p->written += p->out.len;
	buf_clear(&p->out);
	return r;
}

/* ---- hard links ---- */

static size_t slot_of(const struct pack *p, const struct stat *st)
{
	size_t at = (size_t)(st->st_ino * 0x9e3779b97f4a7c15u) & (p->size_links - 1);

	while (p->links[at].path != NULL && (p->links[at].ino != st->st_ino || p->links[at].dev != st->st_dev))
		at = (at + 1) & (p->size_links - 1);
	return at;
}

static int grow_links(struct pack *p)
{
	struct link *old = p->links;
	size_t n = p->size_links;

	p->size_links = n == 0 ? 256 : 2 * n;
	p->links = calloc(p->size_links, sizeof(*p->links));
	if (p->links == NULL) {
		p->links = old;
		p->size_links = n;
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		if (old[i].path != NULL) {
			struct stat st = {.st_dev = old[i].dev, .st_ino = old[i].ino};
			p->links[slot_of(p, &st)] = old[i];
		}
	free(old);
	return 0;
}

/* The path a file was written under already. Returns 1 with it, 0 the first time. */
static int seen(struct pack *p, const struct stat *st, const char **ret, struct err *e)
{
	if (p->form == PACK_PRELOADED || st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return 0;
	if (p->n_links >= LINKS_MAX)
		return err_say(e, E_LIMIT, "more than %d files with several names", LINKS_MAX);
	if (2 * p->n_links >= p->size_links && grow_links(p) < 0)
		return err_set(e, ENOMEM, "hard links");
	struct link *l = &p->links[slot_of(p, st)];
	if (l->path != NULL) {
		*ret = l->path;
		return 1;
	}
	*l = (struct link){st->st_dev, st->st_ino, strdup(p->path)};
	p->n_links++;
	return l->path != NULL ? 0 : err_set(e, ENOMEM, "hard links");
}

/* ---- entries ---- */

static bool attr_is_wanted(const char *name)
{
	return strcmp(name, "security.capability") == 0 ||
	       (strncmp(name, "user.", 5) == 0 && strncmp(name, "user.overlay.", 13) != 0);
}

static void put_attr(struct buf *b, const char *name, const char *value, size_t n)
{
	size_t len = strlen(" SCHILY.xattr.=\n") + strlen(name) + n, digits = 1;

	/* the length counts its own digits */
	for (size_t whole = len + digits; whole >= 10; whole /= 10)
		digits++;
	if (snprintf(NULL, 0, "%zu", len + digits) > (int)digits)
		digits++;
	buf_printf(b, "%zu SCHILY.xattr.%s=", len + digits, name);
	buf_put(b, value, n);
	buf_putc(b, '\n');
}

static int put_attrs(struct pack *p, int fd, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(ATTRS_MAX);
	owned_mem char *names = malloc(2 * ATTRS_MAX);
	char *value = names != NULL ? names + ATTRS_MAX : NULL;

	if (p->form == PACK_PRELOADED)
		return 0;
	ssize_t n = names != NULL ? flistxattr(fd, names, ATTRS_MAX) : -1;
	if (n < 0)
		return names != NULL && errno == ENOTSUP ? 0 : err_set(e, names != NULL ? errno : ENOMEM, "attributes");
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		ssize_t len = attr_is_wanted(name) ? fgetxattr(fd, name, value, ATTRS_MAX) : -1;
		if (len >= 0)
			put_attr(&b, name, value, (size_t)len);
	}
	int r = buf_error(&b);
	if (r < 0)
		return err_set(e, -r, "attributes");
	if (b.len > 0)
		tar_put_pax(&p->out, b.data, b.len);
	return 0;
}

static struct tar_head head_of(const struct pack *p, const struct stat *st, char type)
{
	bool all_root = p->form == PACK_PRELOADED;

	return (struct tar_head){
		.name = p->path,
		.type = type,
		.mode = st->st_mode & 07777,
		.uid = all_root ? 0 : st->st_uid,
		.gid = all_root ? 0 : st->st_gid,
		.mtime = st->st_mtime,
		.owner = all_root ? "root" : "",
		.major = major(st->st_rdev),
		.minor = minor(st->st_rdev),
	};
}

static int put_file(struct pack *p, int dir, const char *name, const struct stat *st, struct err *e)
{
	static const char zeros[TAR_BLOCK];
	struct tar_head h = head_of(p, st, '0');
	uint64_t left = (uint64_t)st->st_size;

	owned_fd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open");
	h.size = left;
	int r = put_attrs(p, fd, e);
	if (r < 0)
		return r;
	tar_put_head(&p->out, &h);
	r = flush(p, e);
	while (r == 0 && left > 0) {
		ssize_t n = read_full(fd, p->piece, left < PIECE ? (size_t)left : PIECE);
		if (n < 0)
			return err_set(e, (int)-n, "read");
		if (n == 0) { /* it became shorter: zeros keep what was announced */
			n = (ssize_t)(left < PIECE ? left : PIECE);
			memset(p->piece, 0, (size_t)n);
		}
		r = p->sink->put(p->sink->ctx, p->piece, (size_t)n, e);
		p->written += (uint64_t)n;
		left -= (uint64_t)n;
	}
	buf_put(&p->out, zeros, tar_padding(h.size));
	return r;
}

static int put_symlink(struct pack *p, int dir, const char *name, const struct stat *st, struct err *e)
{
	struct tar_head h = head_of(p, st, '2');
	char target[PATH_MAX];

	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	if (n < 0)
		return err_set(e, errno, "read link");
	target[n] = '\0';
	h.link = target;
	tar_put_head(&p->out, &h);
	return 0;
}

static int put_dir_below(struct pack *p, int fd, size_t len, unsigned depth, struct err *e);

static int put_dir(struct pack *p, int dir, const char *name, const struct stat *st, size_t len, unsigned depth, struct err *e)
{
	char opaque[2];

	owned_fd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open");
	if (len + 20 >= sizeof(p->path))
		return err_set(e, ENAMETOOLONG, "open");
	strcpy(p->path + len, "/");
	int r = put_attrs(p, fd, e);
	if (r < 0)
		return r;
	struct tar_head h = head_of(p, st, '5');
	tar_put_head(&p->out, &h);
	if (p->form == PACK_UPPER && fgetxattr(fd, "trusted.overlay.opaque", opaque, sizeof(opaque)) == 1 && opaque[0] == 'y') {
		struct stat none = {.st_mode = S_IFREG | 0600, .st_mtime = st->st_mtime};
		strcpy(p->path + len + 1, ".wh..wh..opq");
		h = head_of(p, &none, '0');
		tar_put_head(&p->out, &h);
	}
	return put_dir_below(p, take_fd(fd), len + 1, depth + 1, e);
}

static int put_other(struct pack *p, const struct stat *st, char type)
{
	struct tar_head h = head_of(p, st, type);

	tar_put_head(&p->out, &h);
	return 0;
}

/* A character device 0/0 says that the name is gone. */
static int put_whiteout(struct pack *p, const char *name, size_t at, const struct stat *st, struct err *e)
{
	struct stat none = {.st_mode = S_IFREG | 0600, .st_mtime = st->st_mtime};

	if (at + strlen(name) + 5 > sizeof(p->path))
		return err_set(e, ENAMETOOLONG, "whiteout");
	(void)snprintf(p->path + at, sizeof(p->path) - at, ".wh.%s", name); /* fits */
	return put_other(p, &none, '0');
}

/* p->path, len bytes, is its name in the archive */
static int put_named(struct pack *p, int dir, const char *name, size_t len, unsigned depth, struct err *e)
{
	const char *first = NULL;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "look at it"); /* it went meanwhile */
	int r = seen(p, &st, &first, e);
	if (r < 0)
		return r;
	if (r == 1) {
		struct tar_head h = head_of(p, &st, '1');
		h.link = first;
		tar_put_head(&p->out, &h);
		return 0;
	}
	switch (st.st_mode & S_IFMT) {
	case S_IFREG: return put_file(p, dir, name, &st, e);
	case S_IFLNK: return put_symlink(p, dir, name, &st, e);
	case S_IFDIR: return put_dir(p, dir, name, &st, len, depth, e);
	case S_IFIFO: return put_other(p, &st, '6');
	case S_IFBLK: return put_other(p, &st, '4');
	case S_IFCHR:
		if (p->form == PACK_UPPER && st.st_rdev == 0)
			return put_whiteout(p, name, len - strlen(name), &st, e);
		return put_other(p, &st, '3');
	default: return 0; /* a socket is nothing without its process */
	}
}

static int put_entry(struct pack *p, int dir, const char *name, size_t at, unsigned depth, struct err *e)
{
	size_t n = strlen(name);

	if (at + n + 2 > sizeof(p->path))
		return err_set(e, ENAMETOOLONG, "'%.100s'", name);
	memcpy(p->path + at, name, n + 1);
	return put_named(p, dir, name, at + n, depth, e);
}

static int cmp_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(int fd, char ***ret, size_t *ret_n, struct err *e)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	struct dirent *de;
	size_t n = 0, size = 0;
	char **names = NULL;
	int r = 0;

	if (d == NULL) {
		drop_fd(&own);
		return err_set(e, errno, "read directory");
	}
	while (r == 0 && (de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (n == size) {
			char **grown = size < NAMES_MAX ? realloc(names, (size == 0 ? 64 : 2 * size) * sizeof(*names)) : NULL;
			if (grown == NULL) {
				r = err_set(e, size < NAMES_MAX ? ENOMEM : E_LIMIT, "too many names in a directory");
				break;
			}
			names = grown;
			size = size == 0 ? 64 : 2 * size;
		}
		names[n] = strdup(de->d_name);
		if (names[n++] == NULL) {
			n--;
			r = err_set(e, ENOMEM, "read directory");
		}
	}
	closedir(d);
	if (n > 1)
		qsort(names, n, sizeof(*names), cmp_names);
	*ret = names;
	*ret_n = n;
	return r;
}

/* fd is taken. */
static int put_dir_below(struct pack *p, int fd, size_t len, unsigned depth, struct err *e)
{
	owned_fd int own = fd;
	char **names = NULL;
	size_t n = 0;

	if (depth > DEPTH_MAX)
		return err_say(e, E_LIMIT, "deeper than %d directories", DEPTH_MAX);
	int r = read_names(own, &names, &n, e);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = put_entry(p, own, names[i], len, depth, e);
		if (r < 0)
			r = err_wrap(e, r, "'%.100s'", names[i]);
		if (r == 0 && p->out.len >= PIECE)
			r = flush(p, e);
	}
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return r;
}

/* Everything below dir, or the entry `name` of it as `as`. */
static int pack(int dir, const char *name, const char *as, enum pack_form form, const struct pack_sink *sink, struct err *e)
{
	struct pack *p = calloc(1, sizeof(*p));
	static const char zeros[TAR_RECORD];
	int fd = fcntl(dir, F_DUPFD_CLOEXEC, 3), r;

	if (p == NULL || fd < 0 || (p->piece = malloc(PIECE)) == NULL) {
		drop_fd(&fd);
		free(p);
		return err_set(e, ENOMEM, "pack");
	}
	p->form = form;
	p->sink = sink;
	buf_init(&p->out, (size_t)4 << 20);
	if (name == NULL) {
		r = put_dir_below(p, fd, 0, 0, e);
	} else {
		(void)snprintf(p->path, sizeof(p->path) / 2, "%s", as); /* a name: fits */
		r = put_named(p, fd, name, strlen(p->path), 0, e);
		close(fd);
	}
	if (r == 0)
		r = flush(p, e);
	if (r == 0) {
		buf_put(&p->out, zeros, 2 * TAR_BLOCK);
		buf_put(&p->out, zeros, (TAR_RECORD - (size_t)((p->written + 2 * TAR_BLOCK) % TAR_RECORD)) % TAR_RECORD);
		r = flush(p, e);
	}
	buf_release(&p->out);
	for (size_t i = 0; i < p->size_links; i++)
		free(p->links[i].path);
	free(p->links);
	free(p->piece);
	free(p);
	return r;
}

int pack_tree(int root, enum pack_form form, const struct pack_sink *sink, struct err *e)
{
	return pack(root, NULL, NULL, form, sink, e);
}

int pack_one(int dir, const char *name, const char *as, const struct pack_sink *sink, struct err *e)
{
	return pack(dir, name, as, PACK_MERGED, sink, e);
}
