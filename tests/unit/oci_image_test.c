// SPDX-License-Identifier: Apache-2.0
/* Documents of an image: good ones give their parts, bad ones are refused with the field named. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define D0 "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define DESC(type) "{\"mediaType\":\"" type "\",\"digest\":\"" D0 "\",\"size\":7}"
#define CONF	   DESC("application/vnd.oci.image.config.v1+json")
#define LAYER	   DESC("application/vnd.oci.image.layer.v1.tar+gzip")
#define MANIFEST(config, layers) "{\"schemaVersion\":2,\"config\":" config ",\"layers\":[" layers "]}"

static int manifest(const char *text, struct oci_manifest *m, struct err *e)
{
	return oci_manifest_parse(text, strlen(text), "manifest m", m, e);
}

static void test_manifest(void **state)
{
	struct oci_manifest m;
	struct err e;

	(void)state;
	if (manifest(MANIFEST(CONF, LAYER "," DESC("application/vnd.docker.image.rootfs.diff.tar.gzip")), &m, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.config.size, 7);
	assert_int_equal(m.layers[0].kind, OCI_LAYER_GZIP);
	assert_int_equal(m.layers[1].kind, OCI_LAYER_GZIP);
	oci_manifest_release(&m);
	assert_int_equal(manifest(MANIFEST(CONF, ""), &m, &e), 0);
	oci_manifest_release(&m);
}

static void test_manifest_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"{", "JSON, byte"},
		{"[]", "manifest m: is not an object"},
		{"{}", "schemaVersion is not 2"},
		{"{\"schemaVersion\":1,\"fsLayers\":[]}", "schemaVersion is not 2"},
		{"{\"schemaVersion\":2}", "is not a manifest, or more than that"},
		{"{\"schemaVersion\":2,\"manifests\":[],\"layers\":[],\"config\":" CONF "}",
		 "is not a manifest, or more than that"},
		{"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"layers\":[],"
		 "\"config\":" CONF "}", "is not a manifest's"},
		{MANIFEST("{}", ""), "config.digest is missing"},
		{MANIFEST("7", ""), "config is not an object"},
		{MANIFEST(LAYER, ""), "config.mediaType"},
		{"{\"schemaVersion\":2,\"config\":" CONF "}", "layers is not a list"},
		{MANIFEST(CONF, "{\"digest\":\"" D0 "\"}"), "layers[0].size"},
		{MANIFEST(CONF, "{\"digest\":\"" D0 "\",\"size\":-1}"), "layers[0].size"},
		{MANIFEST(CONF, "{\"digest\":\"" D0 "\",\"size\":1e3}"), "layers[0].size"},
		{MANIFEST(CONF, "{\"digest\":\"" D0 "\",\"size\":99999999999999}"), "layers[0].size"},
		{MANIFEST(CONF, LAYER ",{\"digest\":\"sha256:00\",\"size\":1}"), "layers[1].digest: digest 'sha256:00'"},
		{MANIFEST(CONF, "{\"digest\":\"" D0 "\\u0000\",\"size\":1}"), "layers[0].digest is missing"},
		{MANIFEST(CONF, DESC("text/plain")), "layers[0].mediaType 'text/plain'"},
		{MANIFEST(CONF, "{\"mediaType\":\"" OCI_MEDIA_LAYER "\",\"digest\":\"" D0
				"\",\"size\":1,\"urls\":[\"http://127.0.0.1/x\"]}"), "layers[0].urls"},
		{MANIFEST(CONF, DESC("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")),
		 "layers[0].mediaType"},
	};
	struct oci_manifest m;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (manifest(rows[i].text, &m, &e) == 0)
			fail_msg("accepted: %s", rows[i].text);
		if (e.code != E_SPEC || strstr(e.msg, rows[i].why) == NULL)
			fail_msg("%s\n  said '%s', not '%s'", rows[i].text, e.msg, rows[i].why);
	}
}

static void test_too_many_layers(void **state)
{
	struct buf b = BUF_INIT(OCI_DOC_MAX);
	struct oci_manifest m;
	struct err e;

	(void)state;
	buf_puts(&b, "{\"schemaVersion\":2,\"config\":" CONF ",\"layers\":[" LAYER);
	for (int i = 0; i < OCI_LAYERS_MAX; i++)
		buf_puts(&b, "," LAYER);
	buf_puts(&b, "]}");
	assert_int_equal(manifest(buf_str(&b), &m, &e), -E_LIMIT);
	assert_non_null(strstr(e.msg, "layers has 501 entries"));
	buf_release(&b);
}

static void test_index(void **state)
{
	static const char text[] =
		"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"digest\":\"" D1
		"\",\"size\":5,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"},"
		"\"annotations\":{\"org.opencontainers.image.ref.name\":\"1\",\"bad\":7}}," DESC(OCI_MEDIA_MANIFEST) "]}";
	struct oci_index x;
	struct err e;

	(void)state;
	if (oci_index_parse(text, strlen(text), "index.json", &x, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(x.n, 2);
	assert_int_equal(x.manifests[0].kind, OCI_MANIFEST);
	assert_string_equal(oci_annotation(&x.manifests[0], "org.opencontainers.image.ref.name"), "1");
	assert_null(oci_annotation(&x.manifests[0], "bad"));
	assert_null(oci_annotation(&x.manifests[1], "bad"));
	assert_true(oci_platform_is(&x.manifests[0], "linux", "arm64", NULL));
	assert_false(oci_platform_is(&x.manifests[0], "linux", "arm64", "v7"));
	assert_false(oci_platform_is(&x.manifests[0], "linux", "amd64", NULL));
	assert_true(oci_platform_is(&x.manifests[1], "linux", "amd64", NULL));
	oci_index_release(&x);
	assert_int_equal(oci_index_parse(MANIFEST(CONF, ""), strlen(MANIFEST(CONF, "")), "index.json", &x, &e), -E_SPEC);
}

#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D0 "\",\"" D1 "\"]}"

static int config(const char *text, struct oci_config *c, struct err *e)
{
	return oci_config_parse(text, strlen(text), "config c", c, e);
}

static void test_config(void **state)
{
	struct oci_config c;
	struct err e;

	(void)state;
	if (config("{\"os\":\"linux\",\"architecture\":\"amd64\",\"created\":\"2026-01-01T00:00:00Z\",\"config\":{\"Env\":"
		   "[\"A=b\"],\"Cmd\":null,\"Labels\":{\"k\":\"v\"},\"Other\":7},\"history\":[{\"created_by\":\"x\"}]," ROOTFS
		   "}", &c, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.created, "2026-01-01T00:00:00Z");
	assert_null(c.author);
	assert_string_equal(json_str(json_get(json_get(c.config, "Labels"), "k")), "v");
	oci_config_release(&c);
	assert_int_equal(config("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null},\"config\":null,\"history\":null}",
				&c, &e), 0);
	assert_int_equal(c.n, 0);
	assert_string_equal(c.architecture, "amd64");
	assert_null(c.config);
	oci_config_release(&c);
}

static void test_config_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"7", "config c: is not an object"},
		{"{}", "rootfs is missing"},
		{"{\"rootfs\":{\"type\":\"tree\"}}", "rootfs.type"},
		{"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":{}}}", "rootfs.diff_ids is not a list"},
		{"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[7]}}", "rootfs.diff_ids[0] is not a string"},
		{"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D0 "\",\"../x\"]}}", "rootfs.diff_ids[1]: digest"},
		{"{\"os\":7," ROOTFS "}", "os is not a string"},
		{"{\"config\":[]," ROOTFS "}", "config is not an object"},
		{"{\"config\":{\"Env\":\"A=b\"}," ROOTFS "}", "config.Env"},
		{"{\"config\":{\"Env\":[\"A=b\",7]}," ROOTFS "}", "config.Env"},
		{"{\"config\":{\"Cmd\":[\"a\\u0000b\"]}," ROOTFS "}", "config.Cmd"},
		{"{\"config\":{\"Labels\":{\"a\":1}}," ROOTFS "}", "config.Labels"},
		{"{\"config\":{\"User\":0}," ROOTFS "}", "config.User"},
		{"{\"history\":{}," ROOTFS "}", "history is not a list"},
		{"{\"history\":[{},{\"empty_layer\":1}]," ROOTFS "}", "history[1]"},
	};
	struct oci_config c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (config(rows[i].text, &c, &e) == 0)
			fail_msg("accepted: %s", rows[i].text);
		if (e.code != E_SPEC || strstr(e.msg, rows[i].why) == NULL)
			fail_msg("%s\n  said '%s', not '%s'", rows[i].text, e.msg, rows[i].why);
	}
}

static void test_docker_archive(void **state)
{
	static const char text[] = "[{\"Config\":\"c.json\",\"RepoTags\":[\"bb:1\",\"bb:2\"],\"Layers\":[\"a/layer.tar\"]},"
				   "{\"Config\":\"blobs/sha256/x\",\"RepoTags\":null,\"Layers\":[]}]";
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"{}", "manifest.json: is not a list"},
		{"[]", "manifest.json: is not a list"},
		{"[7]", "manifest.json: [0]: is not an object"},
		{"[{}]", "Config is missing"},
		{"[{\"Config\":\"../c\"}]", "Config '../c'"},
		{"[{\"Config\":\"/c\"}]", "Config '/c'"},
		{"[{\"Config\":\"a//c\"}]", "Config 'a//c'"},
		{"[{\"Config\":\"\"}]", "Config ''"},
		{"[{\"Config\":\"c\",\"Layers\":[\"x\",\"a/../../b\"]}]", "Layers[1] 'a/../../b'"},
		{"[{\"Config\":\"c\",\"Layers\":7}]", "Layers is not a list"},
		{"[{\"Config\":\"c\"},{\"Config\":\"c\",\"RepoTags\":[7]}]", "[1]: RepoTags"},
	};
	struct docker_archive a;
	struct err e;

	(void)state;
	if (docker_archive_parse(text, strlen(text), &a, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(a.n, 2);
	assert_string_equal(a.images[0].layers[0], "a/layer.tar");
	assert_int_equal(a.images[0].n_tags, 2);
	assert_int_equal(a.images[1].n_tags, 0);
	docker_archive_release(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(docker_archive_parse(rows[i].text, strlen(rows[i].text), &a, &e) < 0);
		if (e.code != E_SPEC || strstr(e.msg, rows[i].why) == NULL)
			fail_msg("%s\n  said '%s', not '%s'", rows[i].text, e.msg, rows[i].why);
	}
}

static void test_print(void **state)
{
	struct oci_descriptor config_d = {.media_type = OCI_MEDIA_CONFIG, .size = 3};
	struct oci_descriptor layers[2] = {{.media_type = OCI_MEDIA_LAYER, .size = 1}, {.media_type = OCI_MEDIA_LAYER_ZSTD}};
	struct buf b = BUF_INIT(4096);
	struct oci_manifest m;
	struct err e;

	(void)state;
	digest_of("x", 1, &layers[1].digest);
	oci_manifest_print(&b, &config_d, layers, 2);
	if (manifest(buf_str(&b), &m, &e) < 0)
		fail_msg("%s: %s", buf_str(&b), e.msg);
	assert_int_equal(m.n, 2);
	assert_true(digest_eq(&m.layers[1].digest, &layers[1].digest));
	assert_int_equal(m.layers[1].kind, OCI_LAYER_ZSTD);
	oci_manifest_release(&m);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_manifest_refused),
		cmocka_unit_test(test_too_many_layers),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_config_refused),
		cmocka_unit_test(test_docker_archive),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
