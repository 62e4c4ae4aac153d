// SPDX-License-Identifier: Apache-2.0
/* Volumes on a real disk and with real mounts. The parts of the daemon beside them are stand-ins here. */
#include "tests/ns/ns.h"

#include "lib/base/buf.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "userctr/ctr.h"
#include "userctr/daemon.h"
#include "userctr/events.h"
#include "userctr/volume_opts.h"
#include "userctr/volumes_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

static struct list all_ctrs = LIST_INIT(all_ctrs);
static char last_event[400];

void event_emit(struct daemon *d, const char *type, const char *action, const char *id, const struct event_attr *attrs,
		size_t n, const struct json *labels)
{
	(void)d, (void)labels, (void)attrs, (void)n;
	snprintf(last_event, sizeof(last_event), "%s %s %s", type, action, id);
}

struct list *ctrs_all(struct daemon *d)
{
	(void)d;
	return &all_ctrs;
}

struct world {
	struct daemon d;
	char root[64];
};

static void open_daemon(struct world *w)
{
	assert_ok(loop_init(&w->d.loop, E));
	assert_ok(volumes_open(&w->d, E));
}

static void close_daemon(struct world *w)
{
	volumes_close(&w->d);
	loop_release(&w->d.loop);
}

static void build(struct world *w)
{
	memset(w, 0, sizeof(*w));
	strcpy(w->root, "/tmp/volumes_test.XXXXXX");
	assert_non_null(mkdtemp(w->root));
	strcpy(w->d.conf.root, w->root);
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	open_daemon(w);
}

static void tear(struct world *w)
{
	close_daemon(w);
	assert_ok(tree_remove(AT_FDCWD, w->root, E));
}

static int make(struct world *w, const char *name, const char *options, const char *labels, const char **path, bool *is_new,
		struct err *e)
{
	struct json_doc *o = NULL, *l = NULL;
	const char *made;

	if (options != NULL)
		assert_ok(json_parse(options, strlen(options), &o, E));
	if (labels != NULL)
		assert_ok(json_parse(labels, strlen(labels), &l, E));
	int r = volume_make(&w->d, name, o != NULL ? json_root(o) : NULL, l != NULL ? json_root(l) : NULL, &made, path, is_new, e);
	json_free(o);
	json_free(l);
	return r;
}

static void refused(struct world *w, const char *name, const char *options, const char *why)
{
	const char *path;
	bool is_new;
	struct err e;

	assert_int_equal(make(w, name, options, NULL, &path, &is_new, &e), -EINVAL);
	assert_string_equal(e.msg, why);
}

static bool exists(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static void touch(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "12345", 5), 5);
	close(fd);
}

static void test_life(void **state)
{
	struct world w;
	const char *path, *again, *name;
	struct volume *v;
	bool is_new;
	struct err e;
	struct buf out = BUF_INIT(65536);
	struct json_writer jw;

	(void)state;
	build(&w);
	assert_ok(make(&w, "data", NULL, "{\"a\":\"b\"}", &path, &is_new, E));
	assert_true(is_new);
	assert_string_equal(last_event, "volume create data");
	touch(path, "kept");
	assert_ok(make(&w, "data", NULL, NULL, &again, &is_new, E));
	assert_false(is_new);
	assert_ptr_equal(path, again);
	assert_ok(volume_use(&w.d, NULL, &name, &again, &is_new, E));
	assert_int_equal(strlen(name), 64);

	close_daemon(&w);
	open_daemon(&w);
	assert_int_equal(w.d.volumes->count, 2);
	assert_ok(volumes_find(&w.d, "data", &v, E));
	assert_true(exists(v->path, "kept"));
	assert_false(volume_is_anonymous(v));
	assert_int_equal(volume_size(v), 5);
	jw_init(&jw, &out);
	volume_print(v, &jw, true, &w.d);
	if (strstr(buf_str(&out), "\"Driver\":\"local\",\"Labels\":{\"a\":\"b\"},\"Mountpoint\":\"") == NULL ||
	    strstr(buf_str(&out), "/volumes/data/_data\",\"Name\":\"data\",\"Options\":null,\"Scope\":\"local\",\"UsageData\":{"
				  "\"RefCount\":0,\"Size\":5}}") == NULL)
		fail_msg("%s", buf_str(&out));
	buf_release(&out);

	/* somebody has it */
	struct ctr_mount m = {.type = strdup("volume"), .name = strdup("data")};
	struct ctr c = {.id = "17d9", .mounts = &m, .n_mounts = 1, .state = CTR_EXITED};
	list_add_tail(&all_ctrs, &c.link);
	assert_int_equal(volume_remove(&w.d, v, &e), -EBUSY);
	assert_string_equal(e.msg, "remove data: volume is in use - [17d9]");
	list_del(&c.link);
	free(m.type);
	free(m.name);
	assert_ok(volume_remove_anonymous(&w.d, "data", E)); /* is named: stays */
	assert_ok(volumes_find(&w.d, "data", &v, E));
	assert_ok(volume_remove(&w.d, v, E));
	assert_string_equal(last_event, "volume destroy data");
	assert_int_equal(volumes_find(&w.d, "data", &v, &e), -ENOENT);
	assert_string_equal(e.msg, "get data: no such volume");
	assert_false(exists(w.d.volumes->path, "data"));
	/* what was put aside goes by itself: its process ends and the loop sees it */
	char left[128];
	snprintf(left, sizeof(left), "ls -A %s | grep -q gone", w.d.volumes->path);
	for (int i = 0; i < 50 && system(left) == 0; i++)
		assert_ok(loop_once(&w.d.loop, 100, E));
	assert_int_not_equal(system(left), 0);
	assert_ok(loop_once(&w.d.loop, 1000, E));
	tear(&w);
}

static void test_refused(void **state)
{
	struct world w;

	(void)state;
	build(&w);
	refused(&w, "a/b", NULL,
		"create a/b: \"a/b\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are "
		"allowed. If you intended to pass a host directory, use absolute path");
	refused(&w, "a", NULL, "create a: volume name is too short, names should be at least two alphanumeric characters");
	refused(&w, "..", NULL,
		"create ..: \"..\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are "
		"allowed. If you intended to pass a host directory, use absolute path");
	refused(&w, "xx", "{\"bogus\":\"1\"}", "invalid option: \"bogus\"");
	refused(&w, "xx", "{\"type\":\"tmpfs\"}", "missing required option: \"device\"");
	refused(&w, "xx", "{\"device\":\"tmpfs\"}", "missing required option: \"type\"");
	refused(&w, "xx", "{\"size\":\"1g\"}", "quota size requested but no quota support");
	refused(&w, "xx", "{\"type\":\"nfs\",\"device\":\":/x\",\"o\":\"addr=host,rw\"}",
		"invalid option: \"o\" of an nfs volume needs addr= with the server's address in numbers");
	assert_int_equal(w.d.volumes->count, 0);
	tear(&w);
}

static void test_mounts(void **state)
{
	struct world w;
	const char *path;
	struct statfs fs;
	struct volume *v;
	bool is_new;
	struct err e;

	(void)state;
	build(&w);
	assert_ok(make(&w, "mem", "{\"type\":\"tmpfs\",\"device\":\"tmpfs\",\"o\":\"size=1m,noexec\"}", NULL, &path, &is_new, E));
	assert_false(is_new);
	assert_int_equal(statfs(path, &fs), 0);
	assert_int_not_equal(fs.f_type, TMPFS_MAGIC);
	assert_ok(volume_mount(&w.d, "mem", E));
	assert_ok(volume_mount(&w.d, "mem", E));
	assert_int_equal(statfs(path, &fs), 0);
	assert_int_equal(fs.f_type, TMPFS_MAGIC);
	assert_int_equal((uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize, 1 << 20);

	struct ctr_mount m = {.type = strdup("volume"), .name = strdup("mem")};
	struct ctr c = {.id = "17d9", .mounts = &m, .n_mounts = 1, .state = CTR_RUNNING, .pid = 1};
	list_add_tail(&all_ctrs, &c.link);
	volume_unmount(&w.d, "mem");
	assert_int_equal(statfs(path, &fs), 0);
	assert_int_equal(fs.f_type, TMPFS_MAGIC);
	c.pid = 0;
	volume_unmount(&w.d, "mem");
	assert_int_equal(statfs(path, &fs), 0);
	assert_int_not_equal(fs.f_type, TMPFS_MAGIC);
	list_del(&c.link);
	free(m.type);
	free(m.name);

	char options[200];
	touch(w.root, "there");
	snprintf(options, sizeof(options), "{\"type\":\"none\",\"device\":\"%s\",\"o\":\"bind,ro\"}", w.root);
	assert_ok(make(&w, "bound", options, NULL, &path, &is_new, E));
	assert_ok(volume_mount(&w.d, "bound", E));
	assert_true(exists(path, "there"));
	assert_int_equal(statfs(path, &fs), 0);
	assert_true((fs.f_flags & 1) != 0); /* ST_RDONLY */
	assert_ok(volumes_find(&w.d, "bound", &v, E));
	assert_ok(volume_remove(&w.d, v, E)); /* and what was bound stays */
	assert_true(exists(w.root, "there"));

	assert_ok(make(&w, "nowhere", "{\"type\":\"none\",\"device\":\"/nosuch\",\"o\":\"bind\"}", NULL, &path, &is_new, E));
	assert_int_equal(volume_mount(&w.d, "nowhere", &e), -EINVAL);
	if (strstr(e.msg, "failed to mount local volume: mount /nosuch:") == NULL)
		fail_msg("%s", e.msg);
	assert_ok(loop_once(&w.d.loop, 1000, E));
	tear(&w);
}

/* Halves that a crash leaves, and data without a record. */
static void test_recover(void **state)
{
	struct world w;
	char path[200];
	struct volume *v;

	(void)state;
	build(&w);
	snprintf(path, sizeof(path), "%s/.new-x/_data", w.d.volumes->path);
	assert_ok(dir_make_all(AT_FDCWD, path, 0755, E));
	snprintf(path, sizeof(path), "%s/.gone-y/_data", w.d.volumes->path);
	assert_ok(dir_make_all(AT_FDCWD, path, 0755, E));
	snprintf(path, sizeof(path), "%s/plain/_data", w.d.volumes->path);
	assert_ok(dir_make_all(AT_FDCWD, path, 0755, E));
	close_daemon(&w);
	open_daemon(&w);
	assert_int_equal(w.d.volumes->count, 1);
	assert_ok(volumes_find(&w.d, "plain", &v, E));
	assert_ok(loop_once(&w.d.loop, 2000, E)); /* the sweep has ended */
	assert_false(exists(w.d.volumes->path, ".new-x"));
	assert_false(exists(w.d.volumes->path, ".gone-y"));
	tear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_recover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
