// SPDX-License-Identifier: Apache-2.0
/* From definition and image to config.json: read back by the runtime's own reader. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/compose.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_image.h"
#include "lib/codec/oci_spec.h"
#include "lib/codec/service_spec.h"
#include "lib/codec/svcdef.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define IMAGE                                                                                             \
	"{\"config\":{\"Entrypoint\":[\"/e\"],\"Cmd\":[\"c\"],\"Env\":[\"A=1\",\"B=2\"],\"WorkingDir\":\"/w\"," \
	"\"StopSignal\":\"SIGINT\"},\"rootfs\":{\"type\":\"layers\"}}"

static struct {
	struct buf text;
	struct oci_spec *spec;
	struct svcdef record;
	struct compose_file *file;
	struct oci_config image;
} t;

static void on_refused(void *ctx, const char *name, const struct err *why)
{
	(void)ctx;
	fail_msg("%s: %s", name, why->msg);
}

static int make(const char *lines, const char *image, struct err *e)
{
	char text[4096];

	snprintf(text, sizeof(text), "services:\n  a:\n    image: i\n%s", lines);
	buf_init(&t.text, 1u << 20);
	assert_int_equal(compose_parse(text, strlen(text), "f", on_refused, NULL, &t.file, e), 0);
	if (oci_config_parse(image, strlen(image), "image", &t.image, e) < 0)
		fail_msg("%s", e->msg);
	int r = service_spec_write(&t.file->services[0], &t.image, "/top:/below", &t.text, e);
	if (r == 0)
		r = service_record(&t.file->services[0], &t.image, "/bundles/a", &t.record, e);
	return r;
}

static void done(void)
{
	oci_spec_free(t.spec);
	t.spec = NULL;
	oci_config_release(&t.image);
	compose_free(t.file);
	buf_release(&t.text);
}

static const struct oci_spec *read_back(const char *lines)
{
	struct err e = {0};

	if (make(lines, IMAGE, &e) < 0 || oci_spec_parse(buf_str(&t.text), t.text.len, &t.spec, &e) < 0)
		fail_msg("%s", e.msg);
	return t.spec;
}

static int flags_of(const struct oci_spec *s)
{
	int flags = 0;

	for (size_t i = 0; i < s->namespace_count; i++)
		flags |= s->namespaces[i].flag;
	return flags;
}

static const struct oci_mount *mount_at(const struct oci_spec *s, const char *target)
{
	for (size_t i = 0; i < s->mount_count; i++)
		if (strcmp(s->mounts[i].destination, target) == 0)
			return &s->mounts[i];
	return NULL;
}

static void test_least_privilege(void **state)
{
	const struct oci_spec *s = read_back("");

	(void)state;
	for (int i = 0; i < OCI_CAP_SETS; i++)
		assert_true(s->process.caps[i] == 0);
	assert_true(s->process.has_caps && s->process.no_new_privileges);
	assert_non_null(s->seccomp);
	assert_int_equal(flags_of(s), CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP);
	assert_false(s->resources.devices[0].allow); /* everything, then the usual ones */
	assert_int_equal(s->resources.device_count, 9);
	assert_non_null(s->masked_paths);
	assert_string_equal(s->cgroups_path, "/system/a");
	assert_string_equal(s->hostname, "a");
	assert_string_equal(oci_spec_annotation(s, "io.slipway.rootfs.lower"), "/top:/below");
	assert_string_equal(oci_spec_annotation(s, "io.slipway.rootfs.upper"), "tmpfs:16m");
	assert_string_equal(mount_at(s, "/sys")->options[3], "ro");
	done();
}

static void test_image_and_definition(void **state)
{
	(void)state;
	const struct oci_spec *s = read_back("");
	assert_string_equal(s->process.args[0], "/e");
	assert_string_equal(s->process.args[1], "c");
	assert_string_equal(s->process.cwd, "/w");
	assert_string_equal(s->process.env[0], "A=1");
	assert_int_equal(t.record.stop_signal, SIGINT);
	done();
	s = read_back("    command: [x]\n    environment: {A: 5, B: }\n    working_dir: /v\n    stop_signal: HUP\n");
	assert_string_equal(s->process.args[1], "x");
	assert_null(s->process.args[2]);
	assert_string_equal(s->process.cwd, "/v");
	assert_string_equal(s->process.env[0], "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	assert_string_equal(s->process.env[1], "A=5");
	assert_null(s->process.env[2]); /* B was taken away */
	assert_int_equal(t.record.stop_signal, SIGHUP);
	done();
	s = read_back("    entrypoint: [y]\n"); /* the image's command was for its entry point */
	assert_string_equal(s->process.args[0], "y");
	assert_null(s->process.args[1]);
	done();
}

static void test_capabilities(void **state)
{
	uint64_t admin = UINT64_C(1) << oci_cap_by_name("CAP_NET_ADMIN");

	(void)state;
	const struct oci_spec *s = read_back("    cap_drop: [ALL]\n    cap_add: [NET_ADMIN]\n");
	assert_true(s->process.caps[OCI_CAP_EFFECTIVE] == admin && s->process.caps[OCI_CAP_AMBIENT] == 0);
	done();
	s = read_back("    user: \"7\"\n    cap_add: [NET_ADMIN]\n"); /* not root: else they were lost at execve */
	assert_true(s->process.caps[OCI_CAP_AMBIENT] == admin && s->process.caps[OCI_CAP_INHERITABLE] == admin);
	assert_int_equal(s->process.uid, 7);
	done();
	s = read_back("    privileged: true\n    cap_drop: [SYS_MODULE]\n");
	assert_true(s->process.caps[OCI_CAP_BOUNDING] ==
		    (((UINT64_C(1) << 41) - 1) & ~(UINT64_C(1) << oci_cap_by_name("CAP_SYS_MODULE"))));
	assert_true(s->resources.devices[0].allow && s->resources.device_count == 1);
	assert_null(s->seccomp);
	assert_true(s->masked_paths == NULL && !s->process.no_new_privileges);
	assert_string_equal(mount_at(s, "/sys")->options[3], "rw");
	done();
}

static void test_host_namespaces(void **state)
{
	const struct oci_spec *s =
		read_back("    pid: host\n    network_mode: host\n    uts: host\n    ipc: host\n    cgroup: host\n");

	(void)state;
	assert_int_equal(flags_of(s), CLONE_NEWNS);
	assert_null(s->hostname);
	done();
}

static void test_mounts_take_places(void **state)
{
	(void)state;
	const struct oci_spec *s = read_back("    volumes: ['/x/y:/a/b/c', '/x:/a', '/dev:/dev']\n    tmpfs: [/sys]\n");
	assert_string_equal(mount_at(s, "/dev")->type, "bind");
	assert_null(mount_at(s, "/dev/pts")); /* comes along */
	assert_string_equal(mount_at(s, "/sys")->type, "tmpfs");
	assert_non_null(mount_at(s, "/sys/fs/cgroup"));
	assert_true(mount_at(s, "/a") < mount_at(s, "/a/b/c")); /* else it would be covered */
	done();
}

static void test_notify_socket(void **state)
{
	const char **last;

	(void)state;
	const struct oci_spec *s = read_back("    labels: {io.slipway.ready: notify}\n");
	assert_string_equal(mount_at(s, "/run/notify")->source, "/run/slipway/notify/a");
	for (last = s->process.env; last[1] != NULL; last++)
		;
	assert_string_equal(*last, "NOTIFY_SOCKET=/run/notify");
	done();
	s = read_back("    volumes: ['/run:/run']\n    labels: {io.slipway.ready: notify}\n");
	assert_null(mount_at(s, "/run/notify")); /* no file is made in the host's /run */
	for (last = s->process.env; last[1] != NULL; last++)
		;
	assert_string_equal(*last, "NOTIFY_SOCKET=/run/slipway/notify/a");
	done();
}

static void test_limits(void **state)
{
	const struct oci_spec *s = read_back("    mem_limit: 8m\n    cpus: 0.25\n    pids_limit: 5\n    shm_size: 2m\n"
					     "    ulimits: {nofile: 10}\n    devices: ['/dev/kmsg:r']\n");

	(void)state;
	assert_int_equal(s->resources.memory_limit, 8 << 20);
	assert_int_equal(s->resources.cpu_quota, 25000);
	assert_int_equal(s->resources.cpu_period, 100000);
	assert_int_equal(s->resources.pids_limit, 5);
	assert_int_equal(s->process.rlimits[0].hard, 10);
	assert_string_equal(mount_at(s, "/dev/shm")->options[4], "size=2097152");
	assert_string_equal(s->devices[0].path, "/dev/kmsg");
	const struct oci_device_rule *rule = &s->resources.devices[s->resources.device_count - 1];
	assert_true(rule->minor == 11 && rule->can_read && !rule->can_write);
	done();
}

static void test_refused(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(make("", "{\"rootfs\":{\"type\":\"layers\"}}", &e), -E_SPEC);
	assert_string_equal(e.msg, "neither command nor entrypoint, and image 'i' has none");
	done();
	assert_int_equal(make("", "{\"config\":{\"Cmd\":[\"x\"],\"User\":\"web\"},\"rootfs\":{\"type\":\"layers\"}}", &e), -E_SPEC);
	assert_string_equal(e.msg, "image 'i': its user 'web' is not UID or UID:GID");
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_least_privilege), cmocka_unit_test(test_image_and_definition),
		cmocka_unit_test(test_capabilities), cmocka_unit_test(test_host_namespaces),
		cmocka_unit_test(test_mounts_take_places), cmocka_unit_test(test_notify_socket), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
