// SPDX-License-Identifier: Apache-2.0
/* Layers into directories, above all those that mean harm. Needs root: owners, devices, attributes. */
#include "lib/image/unpack.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/stream/stream.h"
#include "lib/sys/io.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static char top[64], layer[80], opaque[512];
static struct buf tar;

/* ---- a tar archive made by hand ---- */

struct e {
	const char *name;
	char type; /* '0' file, '1' hard link, '2' symbolic link, '3' '4' devices, '5' directory, '6' fifo */
	const char *link, *data;
	unsigned mode, uid, major, minor;
};

static void head(const char *name, char type, const char *link, size_t size, const struct e *e)
{
	char h[512] = {0};
	unsigned sum = 0;

	strncpy(h, name, 100);
	snprintf(h + 100, 8, "%07o", e != NULL ? e->mode : 0644);
	snprintf(h + 108, 8, "%07o", e != NULL ? e->uid : 0);
	snprintf(h + 116, 8, "%07o", e != NULL ? e->uid : 0);
	snprintf(h + 124, 12, "%011zo", size);
	snprintf(h + 136, 12, "%011o", 1000000000);
	h[156] = type;
	strncpy(h + 157, link != NULL ? link : "", 100);
	memcpy(h + 257, "ustar\00000", 8);
	snprintf(h + 329, 8, "%07o", e != NULL ? e->major : 0);
	snprintf(h + 337, 8, "%07o", e != NULL ? e->minor : 0);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	buf_put(&tar, h, sizeof(h));
}

static void body(const char *p, size_t n)
{
	static const char zeros[512];

	buf_put(&tar, p, n);
	buf_put(&tar, zeros, -n % 512);
}

static void add(struct e e)
{
	size_t n = e.data != NULL ? strlen(e.data) : 0;

	if (e.mode == 0)
		e.mode = e.type == '5' ? 0755 : 0644;
	head(e.name, e.type, e.link, n, &e);
	body(e.data != NULL ? e.data : "", n);
}

#define ADD(n, t, ...) add((struct e){.name = (n), .type = (t), ##__VA_ARGS__})

static void add_pax(const char *key, const char *value, size_t n)
{
	char text[512];
	size_t len = strlen(key) + n + 3, digits = len + 2 > 99 ? 3 : 2;

	int at = snprintf(text, sizeof(text), "%zu %s=", len + digits, key);
	memcpy(text + at, value, n);
	text[at + (int)n] = '\n';
	head("pax", 'x', NULL, (size_t)at + n + 1, NULL);
	body(text, (size_t)at + n + 1);
}

static int setup(void **state)
{
	(void)state;
	umask(0);
	setlocale(LC_CTYPE, "C.UTF-8");
	buf_init(&tar, (size_t)64 << 20);
	opaque[0] = '\0';
	strcpy(top, "/tmp/unpack-test-XXXXXX");
	if (mkdtemp(top) == NULL)
		return -1;
	snprintf(layer, sizeof(layer), "%s/layer", top);
	return mkdir(layer, 0755);
}

static int teardown(void **state)
{
	(void)state;
	buf_release(&tar);
	return tree_remove(AT_FDCWD, top, NULL);
}

/* ---- unpacking it ---- */

static bool is_sent;

static ssize_t give(void *ctx, const void **ret, struct err *e)
{
	(void)ctx, (void)e;
	if (is_sent)
		return 0;
	is_sent = true;
	*ret = tar.data;
	return (ssize_t)tar.len;
}

static int on_opaque(void *ctx, const char *path, struct err *e)
{
	(void)ctx, (void)e;
	strcat(strcat(opaque, path), ";");
	return 0;
}

static struct err why;

static int unpack_with(const struct unpack_limits *limits)
{
	static const char zeros[1024];
	struct unpack_sink sink = {.opaque = on_opaque};
	uint64_t size = 0;

	buf_put(&tar, zeros, sizeof(zeros));
	is_sent = false;
	why = (struct err){0};
	int fd = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	int r = unpack_layer(stream_call(give, NULL), fd, limits, &sink, &size, &why);
	close(fd);
	return r;
}

static int unpack(void)
{
	return unpack_with(&unpack_limits);
}

static void unpack_well(void)
{
	if (unpack() < 0)
		fail_msg("%s", why.msg);
}

static struct stat at(const char *name)
{
	char path[512];
	struct stat st = {0};

	snprintf(path, sizeof(path), "%s/%s", layer, name);
	(void)lstat(path, &st);
	return st;
}

static void assert_content(const char *name, const char *want)
{
	struct buf b = BUF_INIT(65536);
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", layer, name);
	assert_int_equal(file_read(AT_FDCWD, path, &b, NULL), 0);
	assert_string_equal(buf_str(&b), want);
	buf_release(&b);
}

/* Nothing may appear beside the layer. */
static void assert_confined(void)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/evil", top);
	assert_int_equal(lstat(path, &st), -1);
	assert_int_equal(lstat("/evil", &st), -1);
	assert_int_equal(lstat("/tmp/evil", &st), -1);
}

static void test_kinds(void **state)
{
	(void)state;
	ADD("./", '5', .mode = 0700);
	ADD("dir/", '5', .mode = 01777, .uid = 7);
	ADD("dir/file", '0', .data = "content", .mode = 04755, .uid = 1000);
	ADD("dir/link", '2', .link = "/absolute/../target");
	ADD("dir/hard", '1', .link = "dir/file");
	ADD("null", '3', .major = 1, .minor = 3, .mode = 0666);
	ADD("disk", '4', .major = 8, .minor = 1);
	ADD("fifo", '6');
	ADD("no/parent/here", '0', .data = "x");
	unpack_well();
	assert_int_equal(at("").st_mode, S_IFDIR | 0700);
	assert_int_equal(at("dir").st_mode, S_IFDIR | 01777);
	assert_int_equal(at("dir").st_uid, 7);
	assert_int_equal(at("dir").st_mtime, 1000000000);
	assert_int_equal(at("dir/file").st_mode, S_IFREG | 04755); /* set-user-id after the owner */
	assert_int_equal(at("dir/file").st_uid, 1000);
	assert_int_equal(at("dir/file").st_mtime, 1000000000);
	assert_int_equal(at("dir/file").st_ino, at("dir/hard").st_ino);
	assert_int_equal(at("dir/link").st_size, strlen("/absolute/../target"));
	assert_int_equal(at("null").st_rdev, makedev(1, 3));
	assert_int_equal(at("disk").st_mode & S_IFMT, S_IFBLK);
	assert_int_equal(at("fifo").st_mode & S_IFMT, S_IFIFO);
	assert_int_equal(at("no/parent").st_mode, S_IFDIR | 0755);
	assert_content("dir/file", "content");
}

static void test_whiteouts(void **state)
{
	(void)state;
	ADD("a/.wh.gone", '0');
	ADD("b/.wh..wh..opq", '0');
	ADD("c/.wh..wh.plnk", '0');
	ADD("d/.wh.sub", '0');
	ADD("d/sub/", '5');
	ADD("e/sub/", '5');
	ADD("e/.wh.sub", '0');
	ADD("f/file", '0', .data = "stays");
	ADD("f/.wh.file", '0');
	unpack_well();
	assert_int_equal(at("a/gone").st_mode & S_IFMT, S_IFCHR);
	assert_int_equal(at("a/gone").st_rdev, 0);
	assert_int_equal(at("c/.wh..wh.plnk").st_mode, 0);
	assert_int_equal(at("d/sub").st_mode & S_IFMT, S_IFDIR);
	assert_string_equal(opaque, "b;d/sub;e/sub;");
	assert_content("f/file", "stays");
}

static void test_attributes(void **state)
{
	(void)state;
	static const char cap[20] = {1, 0, 0, 2, 0, 0x20};
	char path[512], value[64];

	add_pax("SCHILY.xattr.security.capability", cap, sizeof(cap));
	ADD("ping", '0', .mode = 0755, .uid = 5);
	add_pax("SCHILY.xattr.trusted.overlay.redirect", "/etc", 4);
	ADD("sneaky/", '5');
	add_pax("SCHILY.xattr.security.selinux", "label", 5);
	ADD("labelled", '0');
	unpack_well();
	snprintf(path, sizeof(path), "%s/ping", layer);
	assert_int_equal(getxattr(path, "security.capability", value, sizeof(value)), sizeof(cap));
	snprintf(path, sizeof(path), "%s/sneaky", layer);
	assert_int_equal(listxattr(path, value, sizeof(value)), 0);
	snprintf(path, sizeof(path), "%s/labelled", layer);
	assert_int_equal(getxattr(path, "security.selinux", value, sizeof(value)), -1);
}

static void test_names(void **state)
{
	(void)state;
	char name[300];

	memset(name, 'n', 250);
	name[250] = '\0';
	add_pax("path", name, 250);
	ADD("short", '0', .data = "long");
	add_pax("path", "dir/\xc3\xa9\xe2\x82\xac", 9);
	ADD("ascii", '0', .data = "utf8");
	ADD("latin\xe9", '0', .data = "raw");
	ADD("/absolute", '0', .data = "abs");
	ADD(".//x/./y//z", '0', .data = "clean");
	unpack_well();
	assert_content(name, "long");
	assert_content("dir/\xc3\xa9\xe2\x82\xac", "utf8");
	assert_content("latin\xe9", "raw");
	assert_content("absolute", "abs");
	assert_content("x/y/z", "clean");
}

static void test_twice_means_last(void **state)
{
	(void)state;
	ADD("a", '0', .data = "first");
	ADD("a", '0', .data = "second");
	ADD("d/", '5');
	ADD("d/in", '0', .data = "x");
	ADD("d", '0', .data = "now a file");
	ADD("l", '2', .link = "/evil");
	ADD("l", '0', .data = "not through the link");
	ADD("m", '2', .link = "sub");
	ADD("m/", '5', .mode = 0700);
	ADD("m/f", '0', .data = "inside");
	ADD("h", '0', .data = "self");
	ADD("h", '1', .link = "h");
	unpack_well();
	assert_content("a", "second");
	assert_content("d", "now a file");
	assert_content("l", "not through the link");
	assert_int_equal(at("m").st_mode, S_IFDIR | 0700);
	assert_content("m/f", "inside");
	assert_content("h", "self");
	assert_confined();
}

/* Every kind of entry through links that lead out: what is made is made inside. */
static void test_through_links(void **state)
{
	(void)state;
	static const char types[] = "0123456";
	static const char *const ways[] = {"/", "../../../../../../../..", "..", "/tmp", "/proc/self/root"};

	ADD("tmp/", '5');
	ADD("proc/self/root/", '5');
	for (size_t w = 0; w < countof(ways); w++) {
		char link[16];
		snprintf(link, sizeof(link), "w%zu", w);
		ADD(link, '2', .link = ways[w]);
		for (const char *t = types; *t != '\0'; t++) {
			char name[64];
			snprintf(name, sizeof(name), "%s/evil%s%c", link, *t == '0' ? "" : "-", *t);
			ADD(name, *t, .link = *t == '1' || *t == '2' ? link : NULL, .data = *t == '0' ? "x" : NULL, .major = 1,
			    .minor = 3);
		}
		snprintf(link, sizeof(link), "w%zu/.wh.evil", w);
		ADD(link, '0');
	}
	unpack_well();
	assert_confined();
	assert_int_equal(at("tmp/evil0").st_mode & S_IFMT, S_IFREG);
}

static void test_link_to_outside_is_not_followed(void **state)
{
	(void)state;
	ADD("l", '2', .link = "/etc/passwd");
	ADD("h", '1', .link = "l");
	unpack_well();
	assert_int_equal(at("h").st_mode & S_IFMT, S_IFLNK); /* the link itself */
	buf_clear(&tar);
	ADD("h", '0', .data = "mine");
	unpack_well();
	assert_content("h", "mine");
}

struct refusal {
	struct e e;
	int code;
	const char *message;
};

static void test_refused(void **state)
{
	(void)state;
	static const struct refusal refusals[] = {
		{{.name = "../evil", .type = '0', .data = "x"}, E_SPEC, "entry '../evil': has '..' in its path"},
		{{.name = "/../evil", .type = '0', .data = "x"}, E_SPEC, "'..'"},
		{{.name = "a/../../evil", .type = '0', .data = "x"}, E_SPEC, "'..'"},
		{{.name = "a/..", .type = '5'}, E_SPEC, "'..'"},
		{{.name = "../evil", .type = '5'}, E_SPEC, "'..'"},
		{{.name = "../evil", .type = '2', .link = "x"}, E_SPEC, "'..'"},
		{{.name = "../evil", .type = '3', .major = 1}, E_SPEC, "'..'"},
		{{.name = "../.wh.evil", .type = '0'}, E_SPEC, "'..'"},
		{{.name = "evil", .type = '1', .link = "../../etc/passwd"}, E_SPEC, "'..'"},
		{{.name = "evil", .type = '1', .link = "/etc/passwd"}, ENOENT, "this layer does not have"},
		{{.name = "evil", .type = '1', .link = "/"}, E_SPEC, "root directory"},
		{{.name = "a/.wh...", .type = '0'}, E_SPEC, "removes nothing that has a name"},
		{{.name = "a/.wh..", .type = '0'}, E_SPEC, "removes nothing that has a name"},
		{{.name = ".wh.", .type = '0'}, E_SPEC, "removes nothing that has a name"},
		{{.name = ".", .type = '0', .data = "x"}, E_SPEC, "root and not a directory"},
	};

	for (size_t i = 0; i < countof(refusals); i++) {
		const struct refusal *r = &refusals[i];
		buf_clear(&tar);
		add(r->e);
		int code = unpack();
		if (code != -r->code || strstr(why.msg, r->message) == NULL)
			fail_msg("'%s': %d '%s', not %d '%s'", r->e.name, code, why.msg, -r->code, r->message);
		assert_confined();
	}
}

static void test_limits(void **state)
{
	(void)state;
	struct unpack_limits l = unpack_limits;
	char deep[600] = "";

	for (int i = 0; i < 40; i++)
		strcat(deep, "d/");
	l.depth = 39;
	ADD(deep, '5');
	assert_int_equal(unpack_with(&l), -E_LIMIT);

	l = unpack_limits;
	l.entries = 9;
	buf_clear(&tar);
	for (int i = 0; i < 10; i++)
		ADD("same", '0');
	assert_int_equal(unpack_with(&l), -E_LIMIT);

	l = unpack_limits;
	l.bytes = 5;
	buf_clear(&tar);
	ADD("a", '0', .data = "123");
	ADD("b", '0', .data = "456");
	assert_int_equal(unpack_with(&l), -E_LIMIT);
	assert_non_null(strstr(why.msg, "entry 'b'"));

	l = unpack_limits;
	l.attrs = 10;
	buf_clear(&tar);
	add_pax("SCHILY.xattr.user.long", "0123456789", 10);
	ADD("c", '0');
	assert_int_equal(unpack_with(&l), -E_LIMIT);
}

/* A sparse file of GNU's newest form says holes in its data; pax sizes past 8 GiB need no space. */
static void test_sparse(void **state)
{
	(void)state;
	add_pax("GNU.sparse.major", "0", 1);
	buf_clear(&tar);
	static const char map[] = "0,1,1048575,1";
	struct buf x = BUF_INIT(4096);
	static const char *const kv[][2] = {
		{"GNU.sparse.size", "1048576"}, {"GNU.sparse.numblocks", "2"}, {"GNU.sparse.map", map}};
	for (size_t i = 0; i < countof(kv); i++) {
		size_t len = strlen(kv[i][0]) + strlen(kv[i][1]) + 3;
		buf_printf(&x, "%zu %s=%s\n", len + 2, kv[i][0], kv[i][1]);
	}
	head("pax", 'x', NULL, x.len, NULL);
	body(x.data, x.len);
	buf_release(&x);
	ADD("sparse", '0', .data = "AZ");
	unpack_well();
	assert_int_equal(at("sparse").st_size, 1048576);
	assert_true(at("sparse").st_blocks * 512 < 65536);
}

static void test_not_tar(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		buf_puts(&tar, "this is not a tar archive at all ");
	assert_int_equal(unpack(), -E_SPEC);
	buf_clear(&tar);
	ADD("a", '0', .data = "x");
	tar.len -= 512; /* cut off in its content, before the end mark */
	char junk[1300];
	memset(junk, 'j', sizeof(junk));
	buf_put(&tar, junk, sizeof(junk));
	assert_int_equal(unpack(), -E_SPEC);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_kinds),
		T(test_whiteouts),
		T(test_attributes),
		T(test_names),
		T(test_twice_means_last),
		T(test_through_links),
		T(test_link_to_outside_is_not_followed),
		T(test_refused),
		T(test_limits),
		T(test_sparse),
		T(test_not_tar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
