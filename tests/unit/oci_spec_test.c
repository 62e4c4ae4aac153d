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

static void test_hooks(void **state)
{
	struct oci_spec *s = parse(HEAD ",\"hooks\":{\"prestart\":[{\"path\":\"/a\"}],\"poststop\":[{\"path\":\"/b\",\"args\":[\"b\",\"c\"],"
					"\"env\":[\"X=y\"],\"timeout\":3},{\"path\":\"/c\"}]}}");

	(void)state;
	assert_int_equal(s->hook_counts[OCI_HOOK_PRESTART], 1);
	assert_string_equal(s->hooks[OCI_HOOK_PRESTART][0].args[0], "/a");
	assert_null(s->hooks[OCI_HOOK_PRESTART][0].env[0]);
	assert_true(s->hooks[OCI_HOOK_PRESTART][0].timeout_s == OCI_UNSET);
	assert_int_equal(s->hook_counts[OCI_HOOK_POSTSTOP], 2);
	assert_string_equal(s->hooks[OCI_HOOK_POSTSTOP][0].args[1], "c");
	assert_int_equal(s->hooks[OCI_HOOK_POSTSTOP][0].timeout_s, 3);
	assert_int_equal(s->hook_counts[OCI_HOOK_POSTSTART], 0);
	oci_spec_free(s);
}

static void test_linux(void **state)
{
	struct oci_spec *s = parse(
		HEAD ",\"mounts\":[{\"destination\":\"/m\",\"uidMappings\":[{\"containerID\":0,\"hostID\":5,\"size\":6}],"
		     "\"gidMappings\":[{\"containerID\":0,\"hostID\":7,\"size\":8}]}],"
		     "\"linux\":{\"personality\":{\"domain\":\"LINUX32\"},\"timeOffsets\":{\"boottime\":{\"secs\":-5,\"nanosecs\":6}},"
		     "\"netDevices\":{\"eth0\":{\"name\":\"x\"},\"eth1\":{}},\"mountLabel\":\"l\","
		     "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0,9\",\"flags\":[\"MPOL_F_STATIC_NODES\"]},"
		     "\"resources\":{\"memory\":{\"checkBeforeUpdate\":true},\"cpu\":{\"burst\":7},"
		     "\"blockIO\":{\"weight\":10,\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":1,\"rate\":18446744073709551615}]},"
		     "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":3}],\"rdma\":{\"mlx\":{\"hcaObjects\":4}}}}}");

	(void)state;
	assert_int_equal(s->mounts[0].uid_maps[0].outside, 5);
	assert_int_equal(s->mounts[0].gid_maps[0].size, 8);
	assert_int_equal(s->personality, 8);
	assert_true(s->time_offsets[0].secs == -5 && s->time_offsets[0].nanosecs == 6);
	assert_string_equal(s->net_devices[0].rename, "x");
	assert_null(s->net_devices[1].rename);
	assert_int_equal(s->memory_policy.mode, 2 | 1 << 15);
	assert_true(s->memory_policy.nodes[0] == 1 && s->memory_policy.nodes[1] == 2);
	assert_true(s->resources.memory_check);
	assert_int_equal(s->resources.cpu_burst, 7);
	assert_int_equal(s->resources.io_weight, 10);
	assert_true(s->resources.io_throttles[OCI_WRITE_BPS][0].value == UINT64_MAX);
	assert_string_equal(s->resources.huge[0].page_size, "2MB");
	assert_true(s->resources.rdma[0].handles == OCI_UNSET && s->resources.rdma[0].objects == 4);
	oci_spec_free(s);
}

static void test_lists(void **state)
{
	static const char *const bad[] = {"", "a", "1-", "-1", "3-1", "1,,2", "1024", "0-99999999999999999999", "1 ", "1,"};
	unsigned char bits[OCI_LIST_BYTES];

	(void)state;
	assert_int_equal(oci_list_parse("0-2,9,1023", bits), 0);
	assert_true(bits[0] == 7 && bits[1] == 2 && bits[OCI_LIST_BYTES - 1] == 0x80);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (oci_list_parse(bad[i], bits) == 0)
			fail_msg("'%s' was taken", bad[i]);
}

static void test_process(void **state)
{
	struct oci_spec *s = NULL;
	struct err e = {0};
	const char text[] = "{\"args\":[\"a\"],\"cwd\":\"/\",\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"runtime\":1,\"deadline\":2,"
			    "\"period\":3,\"flags\":[\"SCHED_FLAG_RECLAIM\"]},\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":7},"
			    "\"execCPUAffinity\":{\"final\":\"1\"},\"apparmorProfile\":\"p\"}";

	(void)state;
	assert_int_equal(oci_process_parse(text, strlen(text), &s, &e), 0);
	assert_true(s->process.scheduler.is_set && s->process.scheduler.policy == 6 && s->process.scheduler.flags == 2);
	assert_true(s->process.io_class == 1 && s->process.io_priority == 7);
	assert_null(s->process.affinity_initial);
	assert_int_equal(s->process.affinity_final[0], 2);
	assert_string_equal(s->process.apparmor, "p");
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
		{HEAD ",\"hooks\":{\"poststop\":[{\"path\":\"x\"}]}}", "hooks.poststop[0].path"},
		{HEAD ",\"hooks\":{\"poststop\":[{\"path\":\"/x\",\"timeout\":0}]}}", "hooks.poststop[0].timeout"},
		{HEAD ",\"hooks\":[]}", "hooks: must be an object"},
		{HEAD ",\"mounts\":[{\"destination\":\"/m\",\"uidMappings\":[{\"size\":1}]}]}", "mounts[0].gidMappings: is missing"},
		{HEAD ",\"linux\":{\"personality\":{\"domain\":\"BSD\"}}}", "linux.personality.domain"},
		{HEAD ",\"linux\":{\"timeOffsets\":{\"realtime\":{}}}}", "linux.timeOffsets"},
		{HEAD ",\"linux\":{\"timeOffsets\":{\"boottime\":{\"nanosecs\":1000000000}}}}", "linux.timeOffsets.boottime.nanosecs"},
		{HEAD ",\"linux\":{\"netDevices\":{\"a/b\":{}}}}", "linux.netDevices"},
		{HEAD ",\"linux\":{\"netDevices\":{\"a\":{\"name\":\"0123456789abcdef\"}}}}", "linux.netDevices.a.name"},
		{HEAD ",\"linux\":{\"memoryPolicy\":{\"mode\":\"X\"}}}", "linux.memoryPolicy.mode"},
		{HEAD ",\"linux\":{\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"x\"}}}", "linux.memoryPolicy.nodes"},
		{HEAD ",\"linux\":{\"resources\":{\"blockIO\":{\"weightDevice\":[{\"major\":1}]}}}}", "blockIO.weightDevice[0].minor"},
		{HEAD ",\"linux\":{\"resources\":{\"rdma\":{\"a b\":{}}}}}", "linux.resources.rdma"},
		{HEAD ",\"linux\":{\"resources\":{\"cpu\":{\"realtimePeriod\":5}}}}", "linux.resources.cpu.realtimePeriod"},
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
		cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_linux),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_refused_by_name),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
