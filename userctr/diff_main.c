// SPDX-License-Identifier: Apache-2.0
/* docker diff: what a container's own layer (descriptor 3) changes in its image (descriptor 4), as JSON, in the order of names. */
#include "userctr/helpers.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DEPTH_MAX 300
#define NAMES_MAX 1000000
#define FLUSH	  32768

enum kind { MODIFIED, ADDED, DELETED };

struct diff {
	struct buf path; /* of the directory at work, without a slash at the end */
	struct buf out;
	bool has_some;
};

/* A directory of the container. It is told itself, before the first that is told below it. */
struct level {
	struct level *up;
	size_t path_len; /* of the path that leads here */
	bool is_told;
	unsigned depth;
};

/* What every container has before it has done anything: mount points of the runtime's. */
static const char *const given[] = {"/.dockerenv", "/dev",  "/dev/console",  "/dev/pts", "/dev/shm",	     "/etc",
				    "/etc/hosts",  "/proc", "/etc/hostname", "/sys",	 "/etc/resolv.conf", "/etc/mtab"};

static bool is_given(const char *path)
{
	for (size_t i = 0; i < countof(given); i++)
		if (strcmp(path, given[i]) == 0)
			return true;
	return false;
}

static int put(struct diff *d, const char *path, size_t len, enum kind kind, struct err *e)
{
	struct json_writer w;
	owned_mem char *text = strndup(path, len);
	int r = 0;

	if (text == NULL)
		return err_set(e, ENOMEM, "changes");
	buf_puts(&d->out, d->has_some ? "," : "[");
	d->has_some = true;
	jw_init(&w, &d->out);
	jw_obj(&w);
	jw_kstr(&w, "Path", text);
	jw_kint(&w, "Kind", (int)kind);
	jw_end_obj(&w);
	if (buf_error(&d->out) < 0)
		return err_set(e, ENOMEM, "changes");
	if (d->out.len >= FLUSH) {
		r = write_all(STDOUT_FILENO, d->out.data, d->out.len);
		buf_clear(&d->out);
	}
	return r < 0 ? err_set(e, -r, "write changes") : 0;
}

static int tell_dirs(struct diff *d, struct level *l, struct err *e)
{
	if (l->is_told)
		return 0;
	int r = l->up != NULL ? tell_dirs(d, l->up, e) : 0;
	l->is_told = true;
	return r < 0 || l->up == NULL ? r : put(d, d->path.data, l->path_len, MODIFIED, e);
}

static int tell(struct diff *d, struct level *l, enum kind kind, struct err *e)
{
	int r = tell_dirs(d, l, e);

	return r < 0 ? r : put(d, d->path.data, d->path.len, kind, e);
}

/* ---- names ---- */

struct names {
	char **v; /* owned */
	size_t n;
};

static void names_free(struct names *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_read(int dir, struct names *s, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;
	int r = 0;

	*s = (struct names){0};
	if (stream == NULL) {
		r = err_set(e, errno, "read a folder of the container");
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0 && (de = readdir(stream)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		char **v = s->n % 64 == 0 ? realloc(s->v, (s->n + 64) * sizeof(*v)) : s->v;
		if (v == NULL || s->n == NAMES_MAX) {
			r = err_set(e, ENOMEM, "changes: a folder has too many files");
			break;
		}
		s->v = v;
		s->v[s->n] = strdup(de->d_name);
		if (s->v[s->n++] == NULL) {
			s->n--;
			r = err_set(e, ENOMEM, "changes");
		}
	}
	closedir(stream);
	if (s->n > 0)
		qsort(s->v, s->n, sizeof(*s->v), by_name);
	if (r < 0)
		names_free(s);
	return r;
}

/* ---- the walk ---- */

static bool is_different(const struct stat *a, const struct stat *b)
{
	if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid || a->st_rdev != b->st_rdev)
		return true;
	return !S_ISDIR(a->st_mode) && (a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
					a->st_mtim.tv_nsec != b->st_mtim.tv_nsec);
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool is_opaque(int dir)
{
	char v[2];

	return fgetxattr(dir, "trusted.overlay.opaque", v, sizeof(v)) == 1 && v[0] == 'y';
}

static int walk(struct diff *d, int upper, int lower, struct level *l, struct err *e);

/* One entry of the container's layer. lower: the image's folder, -1 = it has none. */
static int visit(struct diff *d, int upper, int lower, const char *name, struct level *l, struct err *e)
{
	struct stat st, old;
	int r = 0;

	if (fstatat(upper, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "look at '%s'", d->path.data);
	bool is_old = lower >= 0 && fstatat(lower, name, &old, AT_SYMLINK_NOFOLLOW) == 0;
	if (is_whiteout(&st))
		return is_old ? tell(d, l, DELETED, e) : 0;

	struct level below = {.up = l, .path_len = d->path.len, .depth = l->depth + 1};
	if (is_old ? is_different(&old, &st) : !is_given(buf_str(&d->path))) {
		r = tell(d, l, is_old ? MODIFIED : ADDED, e);
		below.is_told = true;
	}
	if (r < 0 || !S_ISDIR(st.st_mode))
		return r;
	if (below.depth > DEPTH_MAX)
		return err_say(e, E_LIMIT, "the container has folders in more than %d levels", DEPTH_MAX);
	owned_fd int sub = openat(upper, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_set(e, errno, "open '%s'", buf_str(&d->path));
	bool is_dir = is_old && S_ISDIR(old.st_mode);
	owned_fd int old_sub = is_dir ? openat(lower, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	return walk(d, sub, old_sub, &below, e);
}

/* What an opaque folder hides. */
static int hidden(struct diff *d, int upper, int lower, struct level *l, struct err *e)
{
	struct names s;
	struct stat st;
	size_t len = d->path.len;
	int r = names_read(lower, &s, e);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < s.n; i++) {
		if (fstatat(upper, s.v[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		buf_printf(&d->path, "/%s", s.v[i]);
		r = tell(d, l, DELETED, e);
		d->path.len = len;
	}
	names_free(&s);
	return r;
}

static int walk(struct diff *d, int upper, int lower, struct level *l, struct err *e)
{
	struct names s;
	size_t len = d->path.len;
	int r = names_read(upper, &s, e);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < s.n; i++) {
		buf_printf(&d->path, "/%s", s.v[i]);
		r = visit(d, upper, lower, s.v[i], l, e);
		d->path.len = len;
	}
	names_free(&s);
	return r == 0 && lower >= 0 && is_opaque(upper) ? hidden(d, upper, lower, l, e) : r;
}

int diff_main(int argc, char **argv)
{
	struct diff d = {.path = BUF_INIT(1u << 20), .out = BUF_INIT(4u << 20)};
	struct level root = {0};
	struct err e;

	(void)argv;
	if (argc != 1) {
		fprintf(stderr, "userctr list-changes: is started by the daemon\n");
		return 2;
	}
	int r = walk(&d, 3, 4, &root, &e);
	if (r == 0) {
		buf_puts(&d.out, d.has_some ? "]\n" : "null\n"); /* as docker says that there is nothing */
		r = write_all(STDOUT_FILENO, d.out.data, d.out.len);
	} else if (r != -EPIPE) {
		log_error("userctr", "changes: %s", e.msg);
	}
	buf_release(&d.path);
	buf_release(&d.out);
	return r < 0;
}
