// SPDX-License-Identifier: Apache-2.0
/* config.json: what is taken, what is refused and under which name. */
#include "tests/unit/test.h"

#include "lib/base/err.h"
#include "lib/codec/oci_spec.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define PROCESS "\"process\":{\"args\":[\"/bin/sh\",\"-c\"],\"cwd\":\"/\"}"
#define HEAD	"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"}," PROCESS

static struct oci_spec *parse(const char *text)
{
	struct oci_spec *s = NULL;
	struct err e = {0};

	if (oci_spec_parse(text, strlen(text), &s, &e) < 0)
		fail_msg("%s", e.msg);
	return s;
}

static void test_fields(void **state)
{
	struct oci_spec *s = parse(
		"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\",\"readonly\":true},\"hostname\":\"h\","
		"\"process\":{\"args\":[\"a\"],\"env\":[\"A=b\"],\"cwd\":\"/x\",\"terminal\":true,"
		"\"consoleSize\":{\"height\":24,\"width\":80},"
		"\"user\":{\"uid\":4294967294,\"gid\":7,\"umask\":18,\"additionalGids\":[1,2]},"
		"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_CHECKPOINT_RESTORE\"]},"
		"\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":18446744073709551615}],\"oomScoreAdj\":-5},"
		"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"options\":[\"ro\"]}],"
		"\"annotations\":{\"k\":\"v\"},"
		"\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":\"/n\"},{\"type\":\"pid\"}],"
		"\"resources\":{\"memory\":{\"limit\":-1},\"pids\":{\"limit\":3},\"unified\":{\"memory.high\":\"1\"},"
		"\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":1,\"access\":\"rw\"}]}}}");

	(void)state;
	assert_true(s->process.terminal && s->root_readonly);
	assert_int_equal(s->process.columns, 80);
	assert_int_equal(s->process.uid, 4294967294u);
	assert_int_equal(s->process.group_count, 2);
	assert_true(s->process.caps[OCI_CAP_BOUNDING] == (UINT64_C(1) | UINT64_C(1) << 40));
	assert_int_equal(s->process.rlimits[0].resource, RLIMIT_CORE);
	assert_true(s->process.rlimits[0].hard == UINT64_MAX);
	assert_int_equal(s->process.oom_score_adj, -5);
	assert_string_equal(s->mounts[0].options[0], "ro");
	assert_null(s->mounts[0].options[1]);
	assert_int_equal(s->namespaces[0].flag, CLONE_NEWNET);
	assert_string_equal(s->namespaces[0].path, "/n");
	assert_null(s->namespaces[1].path);
	assert_int_equal(s->resources.memory_limit, -1);
	assert_true(s->resources.cpu_quota == OCI_UNSET);
	assert_string_equal(s->resources.unified[0].key, "memory.high");
	assert_true(s->resources.devices[0].can_write && !s->resources.devices[0].can_mknod);
	assert_true(s->resources.devices[0].minor == OCI_UNSET);
	assert_string_equal(oci_spec_annotation(s, "k"), "v");
	assert_null(oci_spec_annotation(s, "x"));
	oci_spec_free(s);
}

static void test_defaults(void **state)
{
	struct oci_spec *s = parse(HEAD "}");

	(void)state;
	assert_true(s->process.umask == OCI_UNSET);
	assert_false(s->process.has_caps);
	assert_null(s->process.env[0]);
	assert_int_equal(s->mount_count, 0);
	assert_true(s->resources.pids_limit == OCI_UNSET);
	oci_spec_free(s);
}

static void test_refused_by_name(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"[]", "must be an object"},
		{"{}", "ociVersion"},
		{"{\"ociVersion\":\"2.0\"}", "ociVersion"},
		{HEAD ",\"hooks\":{\"prestart\":[{}]}}", "hooks.prestart[0].path"},
		{HEAD ",\"hostname\":1}", "hostname: must be a string"},
		{HEAD ",\"hostname\":\"a\\u0000b\"}", "NUL"},
		{HEAD ",\"mounts\":[{}]}", "mounts[0].destination"},
		{HEAD ",\"mounts\":{}}", "mounts: must be an array"},
		{HEAD ",\"linux\":{\"resources\":{\"pids\":{\"limit\":1.5}}}}", "linux.resources.pids.limit: is out of range"},
		{HEAD ",\"linux\":{\"resources\":{\"memory\":{\"limit\":\"1\"}}}}", "linux.resources.memory.limit: must be a number"},
		{HEAD ",\"linux\":{\"resources\":{\"hugepageLimits\":[{}]}}}", "linux.resources.hugepageLimits[0].pageSize"},
		{HEAD ",\"linux\":{\"uidMappings\":[{\"size\":0}]}}", "linux.uidMappings[0].size"},
		{HEAD ",\"linux\":{\"devices\":[{\"path\":\"/dev/x\",\"type\":\"q\"}]}}", "linux.devices[0].type"},
		{HEAD ",\"linux\":{\"intelRdt\":{\"closID\":\"x\"}}}", "linux.intelRdt: is not supported"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct oci_spec *s = NULL;
		struct err e = {0};
		assert_int_equal(oci_spec_parse(bad[i].text, strlen(bad[i].text), &s, &e), -E_SPEC);
		if (strstr(e.msg, bad[i].says) == NULL)
			fail_msg("'%s' says '%s', not '%s'", bad[i].text, e.msg, bad[i].says);
	}
}

/* A list longer than the bound is refused, not allocated. */
static void test_bounded(void **state)
{
	static char text[400000];
	struct oci_spec *s = NULL;
	struct err e = {0};

	(void)state;
	size_t n = (size_t)snprintf(text, sizeof(text), "{\"ociVersion\":\"1.0\",\"root\":{\"path\":\"r\"},"
							 "\"process\":{\"cwd\":\"/\",\"args\":[\"a\"");
	for (int i = 0; i < 5000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",\"a\"");
	(void)snprintf(text + n, sizeof(text) - n, "]}}");
	assert_int_equal(oci_spec_parse(text, strlen(text), &s, &e), -E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refused_by_name),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
