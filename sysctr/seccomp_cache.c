// SPDX-License-Identifier: Apache-2.0
/* Compiled filters kept below the state directory: compiling one takes longer than all else that starts a container. A file is
 * named by the hash of what it was compiled from and checked against a hash of its own; whatever is wrong with the cache,
 * the filter is compiled as if there were none. A read-only set that was compiled when the system image was built is looked at too. */
#include "sysctr/internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/base/version.h"
#include "lib/codec/digest.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_spec.h"
#include "lib/sys/io.h"
#include "sysctr/sysctr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/filter.h>
#include <seccomp.h>

#define FOLDER	    ".filters"
#define SHIPPED	    "/usr/lib/slipway/filters"
#define FILTERS_MAX 64 /* files; with more, the others are compiled each time */
#define FORMAT	    1

struct head {
	struct digest sum; /* of all that follows it */
	uint32_t flags, count;
};

/* The same profile under another library or another version of this program is another filter. */
static int name_of(const struct json *sc, char out[DIGEST_HEX_SIZE])
{
	const struct scmp_version *v = seccomp_version();
	struct buf b = BUF_INIT((size_t)4 << 20);
	struct json_writer w;
	struct digest d;

	buf_printf(&b, "%s %u.%u.%u %u ", SLIPWAY_VERSION, v->major, v->minor, v->micro, FORMAT);
	jw_init(&w, &b);
	jw_value(&w, sc);
	int r = buf_error(&b);
	if (r == 0) {
		digest_of(b.data, b.len, &d);
		(void)digest_hex(&d, out);
	}
	buf_release(&b);
	return r;
}

/* Only what nobody but its owner can write to is believed. */
static bool is_safe(int dir, uid_t owner)
{
	struct stat st;

	return fstat(dir, &st) == 0 && st.st_uid == owner && (st.st_mode & 022) == 0;
}

/* The folder, or -errno. */
static int open_folder(const char *root, bool want_new)
{
	if (want_new && dir_make_all(AT_FDCWD, root, 0700, NULL) < 0)
		return -EACCES;
	owned_fd int top = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 || (want_new && mkdirat(top, FOLDER, 0700) < 0 && errno != EEXIST))
		return -EACCES;
	owned_fd int dir = openat(top, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || !is_safe(dir, geteuid()))
		return -EACCES;
	return take_fd(dir);
}

static bool load(int dir, const char *name, struct sock_fprog *ret, unsigned *ret_flags)
{
	struct buf b = BUF_INIT(sizeof(struct head) + BPF_MAXINSNS * sizeof(struct sock_filter));
	struct digest sum;
	struct head h;
	bool is_good = false;

	if (file_read(dir, name, &b, NULL) == 0 && b.len > sizeof(h)) {
		size_t n = b.len - sizeof(h);
		memcpy(&h, b.data, sizeof(h));
		digest_of(b.data + sizeof(sum), b.len - sizeof(sum), &sum);
		if (digest_eq(&sum, &h.sum) && h.count * sizeof(struct sock_filter) == n)
			ret->filter = malloc(n);
		is_good = ret->filter != NULL;
		if (is_good) {
			memcpy(ret->filter, b.data + sizeof(h), n);
			ret->len = (unsigned short)h.count;
			*ret_flags = h.flags;
		}
	}
	buf_release(&b);
	return is_good;
}

static bool is_full(int dir)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	unsigned n = 0;

	if (d == NULL) {
		if (again >= 0)
			close(again);
		return true;
	}
	while (n < FILTERS_MAX + 2 && readdir(d) != NULL)
		n++;
	closedir(d);
	return n >= FILTERS_MAX + 2; /* "." and ".." */
}

static int store(int dir, const char *name, const struct sock_fprog *prog, unsigned flags, mode_t mode, struct err *e)
{
	size_t n = prog->len * sizeof(*prog->filter);
	struct head h = {.flags = flags, .count = prog->len};
	struct buf b = BUF_INIT(sizeof(h) + n);

	buf_put(&b, &h, sizeof(h));
	buf_put(&b, prog->filter, n);
	if (buf_error(&b) == 0) {
		digest_of(b.data + sizeof(h.sum), b.len - sizeof(h.sum), &h.sum);
		memcpy(b.data, &h.sum, sizeof(h.sum));
	}
	int r = buf_error(&b) == 0 ? file_replace(dir, name, b.data, b.len, mode, e) : err_set(e, ENOMEM, "store a filter");
	buf_release(&b);
	return r;
}

static bool load_shipped(const char *name, struct sock_fprog *ret, unsigned *ret_flags)
{
	owned_fd int dir = open(SHIPPED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir >= 0 && is_safe(dir, 0) && load(dir, name, ret, ret_flags);
}

static int filter_ship(int dir, const struct oci_spec *spec, struct err *e)
{
	struct sock_fprog prog = {0};
	char name[DIGEST_HEX_SIZE];
	unsigned flags = 0;

	if (spec->seccomp == NULL)
		return 0;
	int r = filter_compile(spec, &prog, &flags, e);
	if (r == 0 && name_of(spec->seccomp, name) < 0)
		r = err_set(e, ENOMEM, "name the filter");
	if (r == 0)
		r = store(dir, name, &prog, flags, 0644, e);
	free(prog.filter);
	return r;
}

int sysctr_compile_filter(const char *json, size_t len, int dir, struct err *e)
{
	struct oci_spec *spec;

	int r = oci_spec_parse(json, len, &spec, e);
	if (r < 0)
		return r;
	r = filter_ship(dir, spec, e);
	oci_spec_free(spec);
	return r;
}

int filter_get(const struct sysctr_opt *opt, const struct oci_spec *spec, struct sock_fprog *ret, unsigned *ret_flags,
	       struct err *e)
{
	char name[DIGEST_HEX_SIZE];

	*ret = (struct sock_fprog){0};
	*ret_flags = 0;
	if (spec->seccomp == NULL)
		return 0;
	if (opt->root == NULL || name_of(spec->seccomp, name) < 0)
		return filter_compile(spec, ret, ret_flags, e);
	owned_fd int dir = open_folder(opt->root, /* want_new: */ false);
	if (dir >= 0 && load(dir, name, ret, ret_flags))
		return 0;
	if (load_shipped(name, ret, ret_flags))
		return 0;
	int r = filter_compile(spec, ret, ret_flags, e);
	if (r < 0)
		return r;
	if (dir < 0)
		dir = open_folder(opt->root, /* want_new: */ true);
	if (dir >= 0 && ret->filter != NULL && ret->len <= BPF_MAXINSNS && !is_full(dir))
		(void)store(dir, name, ret, *ret_flags, 0600, NULL); /* the next one compiles again */
	return 0;
}
