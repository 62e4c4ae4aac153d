// SPDX-License-Identifier: Apache-2.0
/* State on disk: one directory per container with state.json and, until it is started, the gate. */
#include "sysctr/internal.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_spec.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define STATE_MAX  (1u << 20)
#define STATE_FILE "state.json"

int id_check(const char *id, struct err *e)
{
	size_t n = strlen(id);

	if (n == 0 || n > ID_MAX || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return err_set(e, E_SPEC, "container id '%.80s': must have 1 to %d characters", id, ID_MAX);
	for (size_t i = 0; i < n; i++) {
		char c = id[i];
		bool is_ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			     strchr("_+-.", c) != NULL;
		if (!is_ok)
			return err_set(e, E_SPEC, "container id '%.80s': has a character outside a-z A-Z 0-9 _ + - .", id);
	}
	return 0;
}

int state_dir(const struct sysctr_opt *opt, const char *id, struct err *e)
{
	char path[PATH_MAX];

	int r = id_check(id, e);
	if (r < 0)
		return r;
	r = snprintf(path, sizeof(path), "%s/%s", opt->root, id);
	if (r < 0 || (size_t)r >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "container '%.80s'", id);
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_say(e, ESRCH, "container '%s' does not exist", id);
	return fd < 0 ? err_set(e, errno, "open '%s'", path) : fd;
}

int state_lock(int dir)
{
	struct stat st;
	int r;

	while ((r = flock(dir, LOCK_EX)) < 0 && errno == EINTR)
		;
	/* removed while we waited: the name may be another container's by now */
	return r < 0 || fstat(dir, &st) < 0 ? -errno : st.st_nlink == 0 ? -ESRCH : 0;
}

int state_reserve(const struct sysctr_opt *opt, const char *id, struct err *e)
{
	int r = id_check(id, e);
	if (r < 0)
		return r;
	owned_fd int root = openat(AT_FDCWD, opt->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 && errno == ENOENT) {
		r = dir_make_all(AT_FDCWD, opt->root, 0700, e);
		if (r < 0)
			return r;
		root = openat(AT_FDCWD, opt->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (root < 0)
		return err_set(e, errno, "open '%s'", opt->root);
	if (mkdirat(root, id, 0711) < 0)
		return errno == EEXIST ? err_say(e, EEXIST, "container with id exists: %s", id)
				       : err_set(e, errno, "make directory '%s'", id);
	int fd = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		int why = errno;
		(void)unlinkat(root, id, AT_REMOVEDIR); /* ours, and empty */
		return err_set(e, why, "open directory '%s'", id);
	}
	r = state_lock(fd);
	if (r < 0) {
		close(fd);
		if (r == -ESRCH) /* a forced delete came between: it has won */
			return err_say(e, ESRCH, "container '%s' was removed while it was created", id);
		(void)unlinkat(root, id, AT_REMOVEDIR); /* ours, and empty */
		return err_set(e, -r, "lock container '%s'", id);
	}
	return fd;
}

void state_unreserve(const struct sysctr_opt *opt, const char *id)
{
	char file[ID_MAX + 16];

	owned_fd int root = openat(AT_FDCWD, opt->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return;
	(void)snprintf(file, sizeof(file), "%s/" STATE_FILE, id);
	(void)unlinkat(root, file, 0); /* usually the only one: then no list of the directory is needed */
	if (unlinkat(root, id, AT_REMOVEDIR) < 0)
		(void)tree_remove(root, id, NULL); /* what stays is found again as a stopped container */
}

uint64_t proc_start_time(pid_t pid)
{
	char path[64], text[1024];
	uint64_t start = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	owned_fd int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1; /* 52 fields of at most 20 digits: one piece */
	if (n > 0) {
		text[n] = '\0';
		/* the name in parentheses may hold anything: count from its end; state is field 3 */
		const char *p = strrchr(text, ')');
		char state = 0;
		if (p != NULL && sscanf(p + 1, " %c", &state) == 1 && state != 'Z' && state != 'X')
			for (int field = 2; p != NULL && field < 22; field++)
				p = strchr(p + 1, ' ');
		else
			p = NULL;
		if (p != NULL)
			start = strtoull(p, NULL, 10);
	}
	return start;
}

bool record_is_alive(const struct record *r)
{
	/* no start time: it had ended before the record was written */
	return r->pid > 0 && r->pid_start != 0 && proc_start_time(r->pid) == r->pid_start;
}

enum sysctr_status record_status(int dir, const struct record *r)
{
	struct buf b = BUF_INIT(16);
	enum sysctr_status st = SYSCTR_RUNNING;

	if (r->pid == 0)
		return SYSCTR_CREATING;
	if (!record_is_alive(r))
		return SYSCTR_STOPPED;
	if (faccessat(dir, "gate", F_OK, 0) == 0)
		return SYSCTR_CREATED;
	owned_fd int cg = r->cgroup[0] != '\0' ? cgroup_open(r->cgroup) : -1;
	if (cg >= 0 && file_read(cg, "cgroup.freeze", &b, NULL) == 0 && buf_str(&b)[0] == '1')
		st = SYSCTR_PAUSED;
	buf_release(&b);
	return st;
}

/* Complete or not there. Not synced to a disk: what it tells of does not outlive the machine's next boot either. */
static int commit(int dir, const char *text, size_t len, struct err *e)
{
	owned_fd int fd = openat(dir, "." STATE_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : write_all(fd, text, len);

	if (r == 0 && renameat(dir, "." STATE_FILE, dir, STATE_FILE) < 0)
		r = -errno;
	return r < 0 ? err_set(e, -r, "write the state") : 0;
}

int record_write(int dir, const char *id, const struct record *r, const struct oci_spec *spec, struct err *e)
{
	struct buf b = BUF_INIT(STATE_MAX);
	struct json_writer w;

	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "id", id);
	jw_kint(&w, "pid", r->pid);
	jw_kuint(&w, "pidStart", r->pid_start);
	jw_kint(&w, "createdNs", r->created_ns);
	jw_kstr(&w, "bundle", r->bundle);
	jw_kstr(&w, "rootfs", r->rootfs);
	jw_kstr(&w, "cgroup", r->cgroup);
	jw_kbool(&w, "sharesPidNamespace", r->shares_pidns);
	jw_kstr(&w, "ociVersion", spec->version);
	jw_kbool(&w, "hasHooks", r->has_hooks);
	if (r->has_hooks) {
		jw_key(&w, "hooks");
		jw_value(&w, spec->hooks_json);
	}
	/* a process that is added later has a listener for the same agent */
	if (json_str_len(json_get(spec->seccomp, "listenerPath")) > 0) {
		jw_key(&w, "seccomp");
		jw_obj(&w);
		jw_kstr(&w, "listenerPath", json_str(json_get(spec->seccomp, "listenerPath")));
		jw_kstr(&w, "listenerMetadata", json_str_or(json_get(spec->seccomp, "listenerMetadata"), ""));
		jw_end_obj(&w);
	}
	jw_key(&w, "annotations");
	jw_obj(&w);
	for (size_t i = 0; i < spec->annotation_count; i++)
		jw_kstr(&w, spec->annotations[i].key, spec->annotations[i].value);
	jw_end_obj(&w);
	jw_end_obj(&w);
	buf_putc(&b, '\n');
	int res = buf_error(&b);
	if (res < 0)
		res = err_set(e, -res, "state of container '%s'", id);
	else
		res = commit(dir, b.data, b.len, e);
	buf_release(&b);
	return res;
}

int record_hooks(int dir, const char *id, struct oci_spec **ret, struct err *e)
{
	struct buf b = BUF_INIT(STATE_MAX);

	int r = file_read(dir, STATE_FILE, &b, e);
	if (r == 0)
		r = oci_hooks_parse(buf_str(&b), b.len, ret, e);
	buf_release(&b);
	return r < 0 ? err_wrap(e, r, "container '%s'", id) : 0;
}

static void copy(char *to, size_t size, const struct json *v)
{
	(void)snprintf(to, size, "%s", json_str_or(v, "")); /* written by record_write(): it fits */
}

int record_read(int dir, const char *id, struct record *ret, struct err *e)
{
	struct buf b = BUF_INIT(STATE_MAX);
	struct json_doc *d = NULL;

	*ret = (struct record){0};
	int r = file_read(dir, STATE_FILE, &b, e);
	if (r == -ENOENT) { /* somebody is creating it, or died doing so */
		buf_release(&b);
		return 0;
	}
	if (r == 0)
		r = json_parse(buf_str(&b), b.len, &d, e);
	if (r == 0) {
		const struct json *o = json_root(d);
		ret->pid = (pid_t)json_int(json_get(o, "pid"), 0);
		(void)json_is_uint(json_get(o, "pidStart"), UINT64_MAX, &ret->pid_start);
		ret->created_ns = json_int(json_get(o, "createdNs"), 0);
		copy(ret->bundle, sizeof(ret->bundle), json_get(o, "bundle"));
		copy(ret->rootfs, sizeof(ret->rootfs), json_get(o, "rootfs"));
		copy(ret->cgroup, sizeof(ret->cgroup), json_get(o, "cgroup"));
		ret->shares_pidns = json_bool(json_get(o, "sharesPidNamespace"), false);
		ret->has_hooks = json_bool(json_get(o, "hasHooks"), false);
	}
	json_free(d);
	buf_release(&b);
	return r < 0 ? err_wrap(e, r, "container '%s'", id) : 0;
}

int sysctr_state(const struct sysctr_opt *opt, const char *id, struct sysctr_state *ret, struct err *e)
{
	struct record rec;

	owned_fd int dir = state_dir(opt, id, e);
	if (dir < 0)
		return dir;
	int r = record_read(dir, id, &rec, e);
	if (r < 0)
		return r;
	*ret = (struct sysctr_state){.status = record_status(dir, &rec), .created_ns = rec.created_ns};
	ret->pid = ret->status == SYSCTR_STOPPED ? 0 : rec.pid;
	memcpy(ret->bundle, rec.bundle, sizeof(ret->bundle));
	memcpy(ret->rootfs, rec.rootfs, sizeof(ret->rootfs));
	memcpy(ret->cgroup, rec.cgroup, sizeof(ret->cgroup));
	return 0;
}

static const char *status_text(enum sysctr_status s)
{
	switch (s) {
	case SYSCTR_CREATING: return "creating";
	case SYSCTR_CREATED: return "created";
	case SYSCTR_RUNNING: return "running";
	case SYSCTR_PAUSED: return "paused";
	case SYSCTR_STOPPED: return "stopped";
	}
	return "unknown";
}

/* The annotations of the configuration, from the record as they are. */
static void put_annotations(struct json_writer *w, const struct sysctr_opt *opt, const char *id)
{
	struct buf b = BUF_INIT(STATE_MAX);
	struct json_doc *d = NULL;

	owned_fd int dir = state_dir(opt, id, NULL);
	if (dir >= 0 && file_read(dir, STATE_FILE, &b, NULL) == 0 && json_parse(buf_str(&b), b.len, &d, NULL) == 0) {
		const struct json *a = json_get(json_root(d), "annotations");
		if (json_len(a) > 0) {
			jw_key(w, "annotations");
			jw_value(w, a);
		}
	}
	json_free(d);
	buf_release(&b);
}

int sysctr_state_json(const struct sysctr_opt *opt, const char *id, struct buf *ret, struct err *e)
{
	char when[CLOCK_RFC3339_SIZE];
	struct sysctr_state st;
	struct json_writer w;

	int r = sysctr_state(opt, id, &st, e);
	if (r < 0)
		return r;
	clock_rfc3339(st.created_ns, when);
	jw_init(&w, ret);
	jw_obj(&w);
	jw_kstr(&w, "ociVersion", SYSCTR_SPEC_VERSION);
	jw_kstr(&w, "id", id);
	jw_kint(&w, "pid", st.pid);
	jw_kstr(&w, "status", status_text(st.status));
	jw_kstr(&w, "bundle", st.bundle);
	jw_kstr(&w, "rootfs", st.rootfs);
	jw_kstr(&w, "created", when);
	put_annotations(&w, opt, id);
	jw_kstr(&w, "owner", "");
	jw_end_obj(&w);
	return buf_error(ret) < 0 ? err_set(e, -buf_error(ret), "state of container '%s'", id) : 0;
}
