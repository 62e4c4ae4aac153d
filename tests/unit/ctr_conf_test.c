// SPDX-License-Identifier: Apache-2.0
/* Create requests: what is made of them, what is refused and with which words; the spec that comes out. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_spec.h"
#include "lib/image/store.h"
#include "userctr/ctr_conf.h"
#include "userctr/ctr_conf_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "60fc0b58141aada65e3fabd249f8f908aa2f81e9aba91cb67a9a788cb498b297"

static struct json_doc *parse(const char *text)
{
	struct json_doc *doc;
	struct err e;

	if (json_parse(text, strlen(text), &doc, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return doc;
}

static int try_make(const char *body, const char *image, unsigned api, struct ctr_conf *ret, struct buf *warnings, struct err *e)
{
	struct image i = {0};
	struct json_writer w;
	struct json_doc *doc = parse(body), *config = image != NULL ? parse(image) : NULL;

	i.config.config = config != NULL ? json_root(config) : NULL;
	jw_init(&w, warnings);
	jw_arr(&w);
	int r = ctr_conf_make(json_root(doc), config != NULL ? &i : NULL, ID, api, ret, &w, e);
	jw_end_arr(&w);
	json_free(doc);
	json_free(config);
	return r;
}

static struct ctr_conf make(const char *body, const char *image)
{
	struct buf warnings = BUF_INIT(65536);
	struct ctr_conf c;
	struct err e;

	if (try_make(body, image, 50, &c, &warnings, &e) < 0)
		fail_msg("%s: %s", body, e.msg);
	assert_string_equal(buf_str(&warnings), "[]");
	buf_release(&warnings);
	return c;
}

static void refused(const char *body, const char *why)
{
	struct buf warnings = BUF_INIT(65536);
	struct ctr_conf c;
	struct err e = {0};

	if (try_make(body, NULL, 50, &c, &warnings, &e) == 0)
		fail_msg("accepted: %s", body);
	if (strcmp(e.msg, why) != 0)
		fail_msg("%s\n  says: %s\n  want: %s", body, e.msg, why);
	buf_release(&warnings);
}

/* A HostConfig that is refused, with a command. */
static void host_refused(const char *host, const char *why)
{
	char body[4096];

	(void)snprintf(body, sizeof(body), "{\"Cmd\":[\"a\"],\"HostConfig\":%s}", host);
	refused(body, why);
}

static void text_is(const struct json *v, const char *want)
{
	struct buf b = BUF_INIT(1 << 20);
	struct json_writer w;

	jw_init(&w, &b);
	if (v != NULL)
		jw_value(&w, v);
	assert_string_equal(buf_str(&b), want);
	buf_release(&b);
}

static void spec_of(const struct ctr_conf *c, struct buf *out)
{
	struct ctr_mount *m;
	size_t n;
	struct err e;

	assert_int_equal(ctr_conf_mounts(c, &m, &n, &e), 0);
	struct ctr_facts f = {.id = ID, .cgroup = "/docker/" ID, .lower = "/l2:/l1", .upper = "/u", .work = "/w",
			      .hostname_path = "/c/hostname", .hosts_path = "/c/hosts", .resolv_path = "/c/resolv.conf",
			      .mounts = m, .n_mounts = n, .init_path = "/usr/bin/docker-init"};
	if (ctr_spec_write(out, c, &f, &e) < 0)
		fail_msg("%s", e.msg);
	ctr_mounts_free(m, n);
	/* whatever we write, the runtime's parser takes */
	struct oci_spec *spec;
	if (oci_spec_parse(out->data, out->len, &spec, &e) < 0)
		fail_msg("%s\n%s", e.msg, out->data);
	oci_spec_free(spec);
}

/* ---- what is made ---- */

static void test_defaults(void **state)
{
	(void)state;
	struct ctr_conf c = make("{\"Image\":\"bb:1\",\"Cmd\":[\"sleep\",\"300\"]}", "{\"Env\":[\"PATH=/bin\"],\"Cmd\":[\"sh\"]}");

	text_is(c.config, "{\"Hostname\":\"60fc0b58141a\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,\"AttachStdout\":false,"
			  "\"AttachStderr\":false,\"Tty\":false,\"OpenStdin\":false,\"StdinOnce\":false,\"Env\":[\"PATH=/bin\"],"
			  "\"Cmd\":[\"sleep\",\"300\"],\"Image\":\"bb:1\",\"Volumes\":null,\"WorkingDir\":\"\",\"Entrypoint\":null,"
			  "\"OnBuild\":null,\"Labels\":{}}");
	text_is(c.host,
		"{\"Binds\":null,\"ContainerIDFile\":\"\",\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{}},\"NetworkMode\":\"bridge\","
		"\"PortBindings\":{},\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0},\"AutoRemove\":false,\"VolumeDriver\":\"\","
		"\"VolumesFrom\":null,\"ConsoleSize\":[0,0],\"CapAdd\":null,\"CapDrop\":null,\"CgroupnsMode\":\"private\",\"Dns\":null,"
		"\"DnsOptions\":null,\"DnsSearch\":null,\"ExtraHosts\":null,\"GroupAdd\":null,\"IpcMode\":\"private\",\"Cgroup\":\"\","
		"\"Links\":null,\"OomScoreAdj\":0,\"PidMode\":\"\",\"Privileged\":false,\"PublishAllPorts\":false,\"ReadonlyRootfs\":false,"
		"\"SecurityOpt\":null,\"UTSMode\":\"\",\"UsernsMode\":\"\",\"ShmSize\":67108864,\"Runtime\":\"runc\",\"Isolation\":\"\","
		"\"CpuShares\":0,\"Memory\":0,\"NanoCpus\":0,\"CgroupParent\":\"\",\"BlkioWeight\":0,\"BlkioWeightDevice\":null,"
		"\"BlkioDeviceReadBps\":null,\"BlkioDeviceWriteBps\":null,\"BlkioDeviceReadIOps\":null,\"BlkioDeviceWriteIOps\":null,"
		"\"CpuPeriod\":0,\"CpuQuota\":0,\"CpuRealtimePeriod\":0,\"CpuRealtimeRuntime\":0,\"CpusetCpus\":\"\",\"CpusetMems\":\"\","
		"\"Devices\":null,\"DeviceCgroupRules\":null,\"DeviceRequests\":null,\"MemoryReservation\":0,\"MemorySwap\":0,"
		"\"MemorySwappiness\":null,\"OomKillDisable\":null,\"PidsLimit\":null,\"Ulimits\":null,\"CpuCount\":0,\"CpuPercent\":0,"
		"\"IOMaximumIOps\":0,\"IOMaximumBandwidth\":0,\"MaskedPaths\":[\"/proc/asound\",\"/proc/acpi\",\"/proc/interrupts\","
		"\"/proc/kcore\",\"/proc/keys\",\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\","
		"\"/proc/scsi\",\"/sys/firmware\",\"/sys/devices/virtual/powercap\"],\"ReadonlyPaths\":[\"/proc/bus\",\"/proc/fs\","
		"\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]}");
	assert_int_equal(c.stop_signal, 15);
	assert_int_equal(c.stop_timeout_s, 10);
	assert_string_equal(c.log_driver, "json-file");
	assert_string_equal(c.network_mode, "bridge");
	assert_string_equal(c.restart_name, "no");
	ctr_conf_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
	};

	(void)refused, (void)host_refused, (void)spec_of;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
