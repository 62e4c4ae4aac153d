// SPDX-License-Identifier: Apache-2.0
/* The store of images, in a folder of its own; what helpers bring is made by hand. */
#include "lib/image/store.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char top[64], root[80], builtin[96];

#define OK(call) assert_true((call) >= 0)

static int setup(void **state)
{
	(void)state;
	strcpy(top, "/tmp/store-test-XXXXXX");
	if (mkdtemp(top) == NULL)
		return -1;
	snprintf(root, sizeof(root), "%s/root", top);
	snprintf(builtin, sizeof(builtin), "%s/sys/images", top);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return tree_remove(AT_FDCWD, top, NULL);
}

static struct store *store(void)
{
	struct store *s = NULL;
	struct err e = {0};

	if (store_open(root, builtin, &s, &e) < 0)
		fail_msg("%s", e.msg);
	return s;
}

static void put(const char *path, const char *text)
{
	struct err e;
	char *name = strrchr(path, '/');
	char dir[512];

	snprintf(dir, sizeof(dir), "%.*s", (int)(name - path), path);
	OK(dir_make_all(AT_FDCWD, dir, 0755, &e));
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	OK(write_all(fd, text, strlen(text)));
	close(fd);
}

static bool exists(const char *fmt, const char *a, const char *b)
{
	char path[512];

	snprintf(path, sizeof(path), fmt, a, b);
	return access(path, F_OK) == 0;
}

/* An image of one layer in a folder of a helper's shape. n makes it differ, layer names its layer. */
static struct digest make_image(const char *where, const char *blobs, int n, const char *layer)
{
	char path[512], text[1024], a[DIGEST_TEXT_SIZE], b[DIGEST_TEXT_SIZE], hex[DIGEST_HEX_SIZE];
	struct digest diff, config, manifest;

	digest_of(layer, strlen(layer), &diff);
	snprintf(path, sizeof(path), "%s/%s/%s", where, blobs, digest_hex(&diff, hex));
	put(path, layer);
	snprintf(path, sizeof(path), "%s/layers/%s.json", where, digest_hex(&diff, hex));
	snprintf(text, sizeof(text), "{\"size\":%zu,\"blob\":\"%s\"}", strlen(layer), digest_text(&diff, a));
	put(path, text);
	snprintf(path, sizeof(path), "%s/layers/%s/file", where, hex);
	put(path, layer);
	int len = snprintf(text, sizeof(text),
			   "{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2026-01-0%dT00:00:00Z\","
			   "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}",
			   n, digest_text(&diff, a));
	digest_of(text, (size_t)len, &config);
	snprintf(path, sizeof(path), "%s/%s/%s", where, blobs, digest_hex(&config, hex));
	put(path, text);
	len = snprintf(text, sizeof(text),
		       "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"config\":{\"mediaType\":\"" OCI_MEDIA_CONFIG
		       "\",\"digest\":\"%s\",\"size\":%d},\"layers\":[{\"mediaType\":\"" OCI_MEDIA_LAYER
		       "\",\"digest\":\"%s\",\"size\":%zu}]}",
		       digest_text(&config, b), len, digest_text(&diff, a), strlen(layer));
	digest_of(text, (size_t)len, &manifest);
	snprintf(path, sizeof(path), "%s/%s/%s", where, blobs, digest_hex(&manifest, hex));
	put(path, text);
	return manifest;
}

static struct ref ref_of(const char *text)
{
	struct ref r;

	OK(ref_parse(text, strlen(text), &r, NULL));
	ref_default_tag(&r);
	return r;
}

static struct digest add(struct store *s, int n, const char *layer, const char *name)
{
	char work[STORE_WORK_SIZE], where[256];
	struct image *i = NULL;
	struct err e = {0};
	struct ref r;

	OK(store_work_begin(s, work, &e));
	snprintf(where, sizeof(where), "%s/tmp/%s", root, work);
	struct digest m = make_image(where, "blobs", n, layer);
	if (name != NULL)
		r = ref_of(name);
	if (store_commit(s, work, &m, &r, name != NULL, &i, &e) < 0)
		fail_msg("%s", e.msg);
	store_work_end(s, work);
	return i->id;
}

static struct image *find(struct store *s, const char *name)
{
	struct image *i = NULL;

	return store_find(s, name, &i, NULL) == 0 ? i : NULL;
}

static int count(struct store *s)
{
	int n = 0;

	list_for_each(it, store_images(s))
		n++;
	return n;
}

static void test_lookup(void **state)
{
	(void)state;
	struct store *s = store();
	struct digest id = add(s, 1, "one", "bb:1");
	char hex[DIGEST_HEX_SIZE], text[DIGEST_TEXT_SIZE];
	struct err e;
	struct image *i;

	digest_hex(&id, hex);
	assert_non_null(find(s, "bb:1"));
	assert_non_null(find(s, "docker.io/library/bb:1"));
	assert_non_null(find(s, hex));
	assert_non_null(find(s, digest_text(&id, text)));
	hex[12] = '\0';
	assert_non_null(find(s, hex));
	text[20] = '\0';
	assert_non_null(find(s, text));
	assert_int_equal(store_find(s, "nosuch", &i, &e), -ENOENT);
	assert_string_equal(e.msg, "No such image: nosuch:latest");
	assert_int_equal(store_find(s, "UPPER", &i, &e), -EINVAL);
	store_close(s);
}

static void test_survives_reopening(void **state)
{
	(void)state;
	struct store *s = store();
	add(s, 1, "one", "bb:1");
	add(s, 2, "two", "bb:2");
	add(s, 3, "three", NULL);
	store_close(s);
	s = store();
	assert_int_equal(count(s), 3);
	struct image *first = owner_of(store_images(s)->next, struct image, link);
	assert_int_equal(first->n_refs, 0); /* the newest first */
	assert_int_equal(find(s, "bb:1")->size_bytes, 3);
	assert_int_equal(find(s, "bb:1")->created, 1767225600);
	assert_true(find(s, "bb:1")->tagged_ns > 0);
	store_close(s);
}

static void test_lower(void **state)
{
	(void)state;
	struct store *s = store();
	add(s, 1, "one", "bb:1");
	struct buf b = BUF_INIT(4096);
	struct err e;
	char want[256], hex[DIGEST_HEX_SIZE];
	struct digest d;

	OK(store_lower(s, find(s, "bb:1"), &b, &e));
	digest_of("one", 3, &d);
	snprintf(want, sizeof(want), "%s/layers/%s", root, digest_hex(&d, hex));
	assert_string_equal(buf_str(&b), want);
	assert_true(exists("%s/%s", want, "file"));
	buf_release(&b);
	store_close(s);
}

static void test_tag_moves(void **state)
{
	(void)state;
	struct store *s = store();
	struct digest one = add(s, 1, "one", "bb:1"), old;
	add(s, 2, "two", "bb:2");
	struct err e;
	struct ref r = ref_of("bb:1");

	assert_int_equal(store_tag(s, find(s, "bb:2"), &r, &old, &e), 1);
	assert_true(digest_eq(&old, &one));
	assert_int_equal(find(s, "bb:1")->n_refs, 2);
	assert_int_equal(store_by_id(s, &one)->n_refs, 0);
	assert_int_equal(count(s), 2);
	store_close(s);
	s = store();
	assert_int_equal(count(s), 2);
	assert_int_equal(find(s, "bb:1")->n_refs, 2);
	OK(store_untag(s, &r, &e));
	assert_int_equal(store_untag(s, &r, &e), -ENOENT);
	assert_null(find(s, "bb:1"));
	assert_non_null(find(s, "bb:2"));
	store_close(s);
}

static void test_remove_frees_what_nobody_needs(void **state)
{
	(void)state;
	struct store *s = store();
	add(s, 1, "shared", "bb:1");
	add(s, 2, "shared", "bb:2");
	add(s, 3, "alone", "bb:3");
	char hex[DIGEST_HEX_SIZE], path[128];
	struct digest shared, alone;
	struct err e;

	digest_of("shared", 6, &shared);
	digest_of("alone", 5, &alone);
	OK(store_remove(s, find(s, "bb:1"), &e));
	OK(store_remove(s, find(s, "bb:3"), &e));
	assert_true(exists("%s/layers/%s/file", root, digest_hex(&shared, hex)));
	assert_true(exists("%s/blobs/sha256/%s", root, hex));
	assert_false(exists("%s/layers/%s", root, digest_hex(&alone, hex)));
	assert_false(exists("%s/layers/%s.json", root, hex));
	assert_false(exists("%s/blobs/sha256/%s", root, hex));
	assert_true(store_needs_sweep(s));
	OK(store_sweep(root, &e));
	snprintf(path, sizeof(path), "%s/tmp", root);
	assert_int_equal(rmdir(path), 0);
	store_close(s);
}

/* While a helper relies on a layer, removing the image keeps it. */
static void test_work_pins_layers(void **state)
{
	(void)state;
	struct store *s = store();
	add(s, 1, "one", "bb:1");
	char hex[DIGEST_HEX_SIZE], work[STORE_WORK_SIZE];
	struct digest d;
	struct err e;

	digest_of("one", 3, &d);
	OK(store_work_begin(s, work, &e));
	OK(store_remove(s, find(s, "bb:1"), &e));
	assert_true(exists("%s/layers/%s", root, digest_hex(&d, hex)));
	store_work_end(s, work);
	assert_false(exists("%s/layers/%s", root, hex));
	store_close(s);
}

static void test_refuses_wrong_content(void **state)
{
	(void)state;
	struct store *s = store();
	char work[STORE_WORK_SIZE], where[256], path[512], hex[DIGEST_HEX_SIZE];
	struct image *i;
	struct err e;

	OK(store_work_begin(s, work, &e));
	snprintf(where, sizeof(where), "%s/tmp/%s", root, work);
	struct digest m = make_image(where, "blobs", 1, "one");
	snprintf(path, sizeof(path), "%s/blobs/%s", where, digest_hex(&m, hex));
	put(path, "{}");
	assert_int_equal(store_commit(s, work, &m, NULL, 0, &i, &e), -E_DIGEST);
	store_work_end(s, work);

	OK(store_work_begin(s, work, &e));
	snprintf(where, sizeof(where), "%s/tmp/%s", root, work);
	m = make_image(where, "blobs", 1, "one");
	struct digest layer;
	digest_of("one", 3, &layer);
	snprintf(path, sizeof(path), "%s/blobs/%s", where, digest_hex(&layer, hex));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(store_commit(s, work, &m, NULL, 0, &i, &e), -E_SPEC);
	store_work_end(s, work);
	assert_int_equal(count(s), 0);
	store_close(s);
	s = store();
	assert_int_equal(count(s), 0);
	assert_false(exists("%s/layers/%s", root, hex));
	store_close(s);
}

/* Every instant between the steps of a commit, as a power cut would leave it. */
static void test_recovers(void **state)
{
	(void)state;
	struct store *s = store();
	char hex[DIGEST_HEX_SIZE], path[512];
	struct digest d;

	add(s, 1, "one", "bb:1");
	store_close(s);
	make_image(root, "blobs/sha256", 2, "two"); /* moved, not yet in the index */
	snprintf(path, sizeof(path), "%s/tmp/work-9/blobs/x", root);
	put(path, "half");
	digest_of("lone", 4, &d);
	snprintf(path, sizeof(path), "%s/layers/%s.json", root, digest_hex(&d, hex));
	put(path, "{\"size\":1}");
	s = store();
	assert_int_equal(count(s), 1);
	assert_non_null(find(s, "bb:1"));
	assert_false(exists("%s/layers/%s.json", root, hex));
	digest_of("two", 3, &d);
	assert_false(exists("%s/layers/%s", root, digest_hex(&d, hex)));
	assert_false(exists("%s/blobs/sha256/%s", root, hex));
	assert_false(exists("%s/tmp/%s", root, "work-9"));
	store_close(s);
}

/* A damaged image is left out, and nothing is collected that might repair it. */
static void test_damage(void **state)
{
	(void)state;
	struct store *s = store();
	struct digest id = add(s, 1, "one", "bb:1"), d;
	char hex[DIGEST_HEX_SIZE], path[512];

	add(s, 2, "two", "bb:2");
	store_close(s);
	snprintf(path, sizeof(path), "%s/blobs/sha256/%s", root, digest_hex(&id, hex));
	put(path, "{}");
	s = store();
	assert_int_equal(count(s), 1);
	assert_non_null(find(s, "bb:2"));
	digest_of("one", 3, &d);
	assert_true(exists("%s/layers/%s", root, digest_hex(&d, hex)));
	add(s, 1, "one", "bb:1"); /* loading it again repairs it */
	assert_non_null(find(s, "bb:1"));
	store_close(s);
	s = store();
	assert_int_equal(count(s), 2);
	store_close(s);
}

static void make_builtin(const char *names)
{
	char path[512], text[512], t[DIGEST_TEXT_SIZE];
	struct digest m = make_image(builtin, "blobs/sha256", 5, "preloaded");

	snprintf(path, sizeof(path), "%s/sys/user-images.json", top);
	snprintf(text, sizeof(text), "{\"%s\":\"%s\"}", names, digest_text(&m, t));
	put(path, text);
}

static void test_builtin(void **state)
{
	(void)state;
	make_builtin("busybox:latest");
	struct store *s = store();
	struct buf b = BUF_INIT(4096);
	struct err e;
	struct image *i = find(s, "busybox");

	assert_non_null(i);
	assert_true(i->is_builtin);
	assert_int_equal(i->size_bytes, 9);
	struct digest id = i->id;
	OK(store_lower(s, i, &b, &e));
	assert_int_equal(strncmp(buf_str(&b), builtin, strlen(builtin)), 0);
	buf_release(&b);
	struct ref mine = ref_of("me/box:1"), its = ref_of("busybox");
	OK(store_tag(s, i, &mine, NULL, &e));
	OK(store_untag(s, &its, &e));
	store_close(s);
	s = store(); /* stays untagged, stays tagged */
	assert_null(find(s, "busybox"));
	assert_non_null(find(s, "me/box:1"));
	OK(store_remove(s, find(s, "me/box:1"), &e));
	assert_int_equal(count(s), 0);
	assert_non_null(store_by_id(s, &id)); /* for containers made from it */
	store_close(s);
	assert_true(exists("%s/sys/images/%s", top, "layers"));
}

static void test_builtin_replaced_and_bad(void **state)
{
	(void)state;
	make_builtin("busybox:latest");
	struct store *s = store();
	struct digest id = find(s, "busybox")->id;
	struct digest own = add(s, 1, "one", "busybox:latest");

	assert_true(digest_eq(&find(s, "busybox")->id, &own));
	assert_int_equal(count(s), 1);
	store_close(s);
	s = store();
	assert_true(digest_eq(&find(s, "busybox")->id, &own));
	assert_non_null(store_by_id(s, &id));
	store_close(s);
	char path[512];
	snprintf(path, sizeof(path), "%s/sys/user-images.json", top);
	put(path, "{");
	s = store(); /* logged and ignored */
	assert_int_equal(count(s), 1);
	store_close(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_lookup),
		T(test_survives_reopening),
		T(test_lower),
		T(test_tag_moves),
		T(test_remove_frees_what_nobody_needs),
		T(test_work_pins_layers),
		T(test_refuses_wrong_content),
		T(test_recovers),
		T(test_damage),
		T(test_builtin),
		T(test_builtin_replaced_and_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
