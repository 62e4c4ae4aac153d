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


static const char image_config[] =
	"{\"User\":\"www\",\"WorkingDir\":\"/srv\",\"Env\":[\"PATH=/bin\",\"A=1\",\"B\"],\"Entrypoint\":[\"/entry\"],\"Cmd\":[\"serve\"],"
	"\"Labels\":{\"x\":\"image\",\"y\":\"2\"},\"ExposedPorts\":{\"80/tcp\":{}},\"Volumes\":{\"/data\":{}},\"StopSignal\":\"SIGQUIT\","
	"\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":5000000000}}";

static void test_merge(void **state)
{
	(void)state;
	struct ctr_conf c = make("{\"Image\":\"i\",\"Env\":[\"A=2\",\"C=3\"],\"Labels\":{\"x\":\"mine\"},\"ExposedPorts\":{\"81/udp\":{}},"
				 "\"Healthcheck\":{\"Retries\":7}}",
				 image_config);

	text_is(json_get(c.config, "User"), "\"www\"");
	text_is(json_get(c.config, "WorkingDir"), "\"/srv\"");
	text_is(json_get(c.config, "Env"), "[\"A=2\",\"C=3\",\"PATH=/bin\",\"B\"]");
	text_is(json_get(c.config, "Entrypoint"), "[\"/entry\"]");
	text_is(json_get(c.config, "Cmd"), "[\"serve\"]");
	text_is(json_get(c.config, "Labels"), "{\"x\":\"mine\",\"y\":\"2\"}");
	text_is(json_get(c.config, "ExposedPorts"), "{\"81/udp\":{},\"80/tcp\":{}}");
	text_is(json_get(c.config, "Volumes"), "{\"/data\":{}}");
	text_is(json_get(c.config, "Healthcheck"), "{\"Test\":[\"CMD\",\"true\"],\"Interval\":5000000000,\"Retries\":7}");
	assert_int_equal(c.stop_signal, 3);
	ctr_conf_release(&c);

	/* a command of one's own keeps the entry point; an entry point of one's own drops the image's command */
	c = make("{\"Cmd\":[\"x\"]}", image_config);
	text_is(json_get(c.config, "Entrypoint"), "[\"/entry\"]");
	text_is(json_get(c.config, "Cmd"), "[\"x\"]");
	ctr_conf_release(&c);
	c = make("{\"Entrypoint\":\"sh\"}", image_config);
	text_is(json_get(c.config, "Entrypoint"), "[\"sh\"]");
	text_is(json_get(c.config, "Cmd"), "null");
	ctr_conf_release(&c);
	c = make("{\"Entrypoint\":[\"\"],\"Cmd\":[\"x\"]}", image_config);
	text_is(json_get(c.config, "Entrypoint"), "null");
	text_is(json_get(c.config, "Cmd"), "[\"x\"]");
	ctr_conf_release(&c);
	refused("{\"Entrypoint\":[\"\"]}", "no command specified");
}

/* Old clients spell keys as they like; what we answer is spelled as docker does. */
static void test_spelling(void **state)
{
	(void)state;
	struct ctr_conf c = make("{\"cmd\":\"ls\",\"tty\":true,\"stoptimeout\":-1,\"unknown\":{\"a\":[1]},\"hostConfig\":{\"memory\":6291456,"
				 "\"MOUNTS\":[{\"type\":\"tmpfs\",\"target\":\"/t\",\"tmpfsOptions\":{\"sizeBytes\":4096,\"x\":1}}],"
				 "\"restartpolicy\":{\"name\":\"on-failure\",\"maximumretrycount\":3}}}",
				 NULL);

	text_is(json_get(c.config, "Cmd"), "[\"ls\"]");
	text_is(json_get(c.host, "Mounts"), "[{\"Type\":\"tmpfs\",\"Target\":\"/t\",\"TmpfsOptions\":{\"SizeBytes\":4096}}]");
	text_is(json_get(c.host, "MemorySwap"), "12582912");
	assert_true(c.want_tty);
	assert_int_equal(c.stop_timeout_s, -1);
	assert_string_equal(c.restart_name, "on-failure");
	assert_int_equal(c.restart_max, 3);
	assert_null(json_get(c.config, "unknown"));
	ctr_conf_release(&c);
}

static void test_shapes(void **state)
{
	(void)state;
	refused("{}", "config cannot be empty in order to create a container");
	refused("{\"Cmd\":[1]}", "invalid JSON: json: cannot unmarshal number into Go struct field Config.Cmd of type string");
	refused("{\"Cmd\":{}}", "invalid JSON: json: cannot unmarshal object into Go struct field Config.Cmd of type []string");
	refused("{\"Tty\":\"yes\"}", "invalid JSON: json: cannot unmarshal string into Go struct field Config.Tty of type bool");
	refused("{\"Cmd\":[\"a\\u0000b\"]}", "invalid JSON: Config.Cmd has a NUL byte");
	refused("{\"Labels\":{\"a\\u0000\":\"\"}}", "invalid JSON: a name in Config.Labels has a NUL byte");
	host_refused("[]", "invalid JSON: json: cannot unmarshal into Go struct field Config.HostConfig of type struct");
	host_refused("{\"Memory\":\"1g\"}", "invalid JSON: json: cannot unmarshal string into Go struct field HostConfig.Memory of type int64");
	host_refused("{\"Memory\":1.5}", "invalid JSON: json: cannot unmarshal number into Go struct field HostConfig.Memory of type int64");
	host_refused("{\"PortBindings\":{\"80/tcp\":{}}}",
		     "invalid JSON: json: cannot unmarshal object into Go struct field HostConfig.PortBindings of type []struct");
	host_refused("{\"Mounts\":[{\"Type\":1}]}", "invalid JSON: json: cannot unmarshal number into Go struct field Mounts.Type of type string");
}

static void test_refusals(void **state)
{
	(void)state;
	refused("{\"Image\":\"x\"}", "no command specified");
	refused("{\"Cmd\":[\"a\"],\"WorkingDir\":\"x\"}", "the working directory 'x' is invalid, it needs to be an absolute path");
	refused("{\"Cmd\":[\"a\"],\"StopSignal\":\"FOO\"}", "invalid signal: FOO");
	refused("{\"Cmd\":[\"a\"],\"Env\":[\"=x\"]}", "invalid environment variable: =x");
	refused("{\"Cmd\":[\"a\"],\"Healthcheck\":{\"Test\":[\"CMD\"],\"Interval\":5}}", "Interval in Healthcheck cannot be less than 1ms");
	refused("{\"Cmd\":[\"a\"],\"Healthcheck\":{\"Retries\":-1}}", "Retries in Healthcheck cannot be negative");
	refused("{\"Cmd\":[\"a\"],\"ExposedPorts\":{\"x/tcp\":{}}}", "invalid port specification: \"x/tcp\"");
	refused("{\"Cmd\":[\"a\"],\"ExposedPorts\":{\"1/icmp\":{}}}", "invalid proto: icmp");
	refused("{\"Cmd\":[\"a\"],\"Hostname\":\"h\",\"HostConfig\":{\"NetworkMode\":\"container:x\"}}",
		"conflicting options: hostname and the network mode");
	refused("{\"Cmd\":[\"a\"],\"Hostname\":\"h\",\"HostConfig\":{\"UTSMode\":\"host\"}}", "conflicting options: hostname and the UTS mode");

	static const char *const cases[][2] = {
		{"{\"Memory\":1}", "Minimum memory limit allowed is 6MB"},
		{"{\"Memory\":-1}", "Minimum memory limit allowed is 6MB"},
		{"{\"Memory\":8388608,\"MemorySwap\":7340032}", "Minimum memoryswap limit should be larger than memory limit, see usage"},
		{"{\"MemorySwap\":7340032}", "You should always set the Memory limit when using Memoryswap limit, see usage"},
		{"{\"MemoryReservation\":1}", "Minimum memory reservation allowed is 6MB"},
		{"{\"MemorySwappiness\":101}", "Invalid value: 101, valid memory swappiness range is 0-100"},
		{"{\"NanoCpus\":1,\"CpuPeriod\":1000}", "Conflicting options: Nano CPUs and CPU Period cannot both be set"},
		{"{\"NanoCpus\":1,\"CpuQuota\":1000}", "Conflicting options: Nano CPUs and CPU Quota cannot both be set"},
		{"{\"CpuPeriod\":1}", "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"},
		{"{\"CpuQuota\":1}", "CPU cfs quota can not be less than 1ms (i.e. 1000)"},
		{"{\"CpuShares\":-1}", "invalid CPU shares (-1): value must be a positive integer"},
		{"{\"CpuRealtimeRuntime\":1}", "your kernel does not support CPU real-time scheduler"},
		{"{\"CpusetCpus\":\"a\"}", "Invalid value a for cpuset cpus"},
		{"{\"BlkioWeight\":5}", "Range of blkio weight is from 10 to 1000"},
		{"{\"BlkioDeviceReadBps\":[{\"Path\":\"x\",\"Rate\":1}]}", "invalid BlkioDeviceReadBps: Path must be absolute"},
		{"{\"Ulimits\":[{\"Name\":\"foo\"}]}", "invalid ulimit type: foo"},
		{"{\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":2,\"Hard\":1}]}",
		 "ulimit soft limit must be less than or equal to hard limit: 2 > 1"},
		{"{\"ShmSize\":-1}", "SHM size can not be less than 0"},
		{"{\"OomScoreAdj\":1001}", "Invalid value 1001, range for oom score adj is [-1000, 1000]"},
		{"{\"DeviceCgroupRules\":[\"c 1:3\"]}", "invalid device cgroup rule format: 'c 1:3'"},
		{"{\"Devices\":[{\"PathOnHost\":\"/dev/null\",\"CgroupPermissions\":\"x\"}]}", "invalid device mode: x"},
		{"{\"RestartPolicy\":{\"Name\":\"foo\"}}",
		 "invalid restart policy: unknown policy 'foo'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"},
		{"{\"RestartPolicy\":{\"Name\":\"always\",\"MaximumRetryCount\":1}}",
		 "invalid restart policy: maximum retry count can only be used with 'on-failure'"},
		{"{\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":-1}}",
		 "invalid restart policy: maximum retry count cannot be negative"},
		{"{\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"always\"}}", "can't create 'AutoRemove' container with restart policy"},
		{"{\"CapAdd\":[\"FOO\"]}", "invalid CapAdd: unknown capability: \"CAP_FOO\""},
		{"{\"CapDrop\":[\"cap_foo\"]}", "invalid CapDrop: unknown capability: \"CAP_FOO\""},
		{"{\"ExtraHosts\":[\"x\"]}", "bad format for add-host: \"x\""},
		{"{\"ExtraHosts\":[\"x:y\"]}", "invalid IP address in add-host: \"y\""},
		{"{\"Dns\":[\"x\"]}", "bad nameserver address: x"},
		{"{\"DnsSearch\":[\"a\\nnameserver 6.6.6.6\"]}", "invalid DnsSearch: \"a\nnameserver 6.6.6.6\""},
		{"{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"x\"}]}}", "invalid port specification: \"x\""},
		{"{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"x\"}]}}", "invalid IP address: x"},
		{"{\"PortBindings\":{\"0/tcp\":[]}}", "invalid port specification: \"0/tcp\""},
		{"{\"IpcMode\":\"x\"}", "invalid IPC mode: x"},
		{"{\"PidMode\":\"container:\"}", "invalid PID mode: container:"},
		{"{\"UTSMode\":\"container:x\"}", "invalid UTS mode: container:x"},
		{"{\"CgroupnsMode\":\"x\"}", "invalid cgroup namespace mode: x"},
		{"{\"UsernsMode\":\"keep-id\"}", "invalid user namespace mode: keep-id"},
		{"{\"NetworkMode\":\"container:\"}", "invalid network mode: invalid container format container:<name|id>"},
		{"{\"NetworkMode\":\"container:x\",\"Dns\":[\"1.1.1.1\"]}", "conflicting options: dns and the network mode"},
		{"{\"NetworkMode\":\"container:x\",\"PublishAllPorts\":true}",
		 "conflicting options: port publishing and the container type network mode"},
		{"{\"Sysctls\":{\"kernel.panic\":\"1\"}}", "sysctl \"kernel.panic\" is not in a separate kernel namespace"},
		{"{\"Sysctls\":{\"net.ipv4/../../kernel/panic\":\"1\"}}",
		 "sysctl \"net.ipv4/../../kernel/panic\" is not in a separate kernel namespace"},
		{"{\"NetworkMode\":\"host\",\"Sysctls\":{\"net.core.somaxconn\":\"1\"}}",
		 "sysctl \"net.core.somaxconn\" not allowed in host namespace"},
		{"{\"LogConfig\":{\"Type\":\"syslog\"}}", "logger: no log driver named 'syslog' is registered"},
		{"{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"foo\":\"1\"}}}", "unknown log opt 'foo' for json-file log driver"},
		{"{\"LogConfig\":{\"Type\":\"\",\"Config\":{\"max-file\":\"0\"}}}", "max-file cannot be less than 1"},
		{"{\"LogConfig\":{\"Type\":\"local\",\"Config\":{\"compress\":\"true\"}}}", "log opt 'compress=true' is not supported"},
		{"{\"SecurityOpt\":[\"foo\"]}", "invalid --security-opt 1: \"foo\""},
		{"{\"SecurityOpt\":[\"foo=bar\"]}", "invalid --security-opt 2: \"foo=bar\""},
		{"{\"SecurityOpt\":[\"no-new-privileges=x\"]}", "invalid --security-opt 2: \"no-new-privileges=x\""},
		{"{\"SecurityOpt\":[\"apparmor=x\"]}", "apparmor profile 'x': AppArmor is not supported, only apparmor=unconfined"},
		{"{\"SecurityOpt\":[\"label=type:x\"]}", "security label 'type:x': SELinux is not supported, only label=disable"},
		{"{\"SecurityOpt\":[\"seccomp=[]\"]}", "decoding seccomp profile failed: must be an object"},
		{"{\"Runtime\":\"kata\"}", "unknown or invalid runtime name: kata"},
		{"{\"Isolation\":\"hyperv\"}", "invalid isolation 'hyperv' on linux"},
		{"{\"IOMaximumIOps\":1}", "invalid QoS settings: linux does not support configuration of maximum IOPs"},
		{"{\"Links\":[\"a:b\"]}", "Links are not supported: connect the containers to a user-defined network"},
		{"{\"DeviceRequests\":[{\"Driver\":\"nvidia\",\"Count\":-1}]}",
		 "could not select device driver \"nvidia\": DeviceRequests are not supported"},
		{"{\"StorageOpt\":{\"size\":\"1g\"}}", "StorageOpt is not supported: the storage has no quotas"},
		{"{\"CgroupParent\":\"/docker/../x\"}", "invalid CgroupParent '/docker/../x'"},
		{"{\"CgroupParent\":\"./x\"}", "invalid CgroupParent './x'"},
		{"{\"CgroupParent\":\"a:b\"}", "invalid CgroupParent 'a:b'"},
		{"{\"CgroupParent\":\"//system/x\"}", "invalid CgroupParent '//system/x': /system is the system's own"},
		{"{\"CgroupParent\":\"monitors\"}", "invalid CgroupParent 'monitors': /monitors is the system's own"},
		{"{\"Annotations\":{\"io.slipway.rootfs.lower\":\"/\"}}", "invalid Annotations: 'io.slipway.rootfs.lower' is reserved"},
		{"{\"Binds\":[\"/a:/b:/c\"]}", "invalid mode: /c"},
		{"{\"Binds\":[\"/a:ro\"]}", "invalid volume specification: '/a:ro'"},
		{"{\"Binds\":[\"/a:/b:ro,rw\"]}", "invalid mode: ro,rw"},
		{"{\"Binds\":[\"/a:b\"]}", "invalid volume specification: '/a:b': invalid mount config for type \"bind\": invalid mount path: "
					   "'b' mount path must be absolute"},
		{"{\"Binds\":[\"/a:/\"]}", "invalid volume specification: '/a:/': invalid mount config for type \"bind\": invalid "
					   "specification: destination can't be '/'"},
		{"{\"Binds\":[\"/a:/x\",\"/b:/x/../x/\"]}", "Duplicate mount point: /x"},
		{"{\"Mounts\":[{\"Type\":\"bind\",\"Target\":\"/x\"}]}", "invalid mount config for type \"bind\": field Source must not be empty"},
		{"{\"Mounts\":[{\"Type\":\"foo\",\"Target\":\"/x\"}]}", "invalid mount config for type \"foo\": mount type unknown"},
		{"{\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"/x\",\"Source\":\"y\"}]}",
		 "invalid mount config for type \"tmpfs\": field Source must not be specified"},
		{"{\"Mounts\":[{\"Type\":\"volume\",\"Target\":\"/x\",\"ReadOnly\":true}]}",
		 "invalid mount config for type \"volume\": must not set ReadOnly mode when using anonymous volumes"},
		{"{\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/x\",\"VolumeOptions\":{\"Subpath\":\"a\"}}]}",
		 "invalid mount config for type \"volume\": VolumeOptions.Subpath is not supported"},
		{"{\"Tmpfs\":{\"/t\":\"size=1,foo\"}}", "invalid tmpfs option [\"foo\"]"},
		{"{\"Tmpfs\":{\"t\":\"\"}}", "invalid mount config for type \"tmpfs\": invalid mount path: 't' mount path must be absolute"},
	};
	for (size_t i = 0; i < countof(cases); i++)
		host_refused(cases[i][0], cases[i][1]);
}

static void test_warnings(void **state)
{
	(void)state;
	struct buf w = BUF_INIT(65536);
	struct ctr_conf c;
	struct err e;

	assert_int_equal(try_make("{\"Cmd\":[\"a\"],\"HostConfig\":{\"OomKillDisable\":true,\"MemorySwappiness\":10,\"KernelMemory\":1,"
				  "\"NetworkMode\":\"host\",\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"8080\"}]},\"PidsLimit\":-1}}",
				  NULL, 50, &c, &w, &e), 0);
	assert_non_null(strstr(buf_str(&w), "Published ports are discarded"));
	assert_non_null(strstr(buf_str(&w), "OomKillDisable discarded"));
	assert_non_null(strstr(buf_str(&w), "swappiness discarded"));
	assert_non_null(strstr(buf_str(&w), "kernel memory limits"));
	text_is(json_get(c.host, "OomKillDisable"), "null");
	text_is(json_get(c.host, "MemorySwappiness"), "null");
	text_is(json_get(c.host, "PidsLimit"), "null");
	assert_null(json_get(c.host, "KernelMemory"));
	ctr_conf_release(&c);
	buf_release(&w);
	c = make("{\"Cmd\":[\"a\"],\"HostConfig\":{\"CgroupParent\":\"/docker/build..x/.y\"}}", NULL);
	ctr_conf_release(&c);
	/* what the client sends for nothing */
	c = make("{\"Cmd\":[\"a\"],\"HostConfig\":{\"OomKillDisable\":false,\"MemorySwappiness\":-1,\"PidsLimit\":0}}", NULL);
	ctr_conf_release(&c);
}

/* ---- mounts ---- */

static void mounts_are(const char *host, const char *volumes, const char *want)
{
	char body[4096], line[512];
	struct buf b = BUF_INIT(65536);
	struct ctr_mount *m;
	size_t n;

	(void)snprintf(body, sizeof(body), "{\"Cmd\":[\"a\"],\"Volumes\":%s,\"HostConfig\":%s}", volumes, host);
	struct ctr_conf c = make(body, NULL);
	assert_int_equal(ctr_conf_mounts(&c, &m, &n, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(line, sizeof(line), "%s %s %s>%s mode=%s %s%s%s%s%s%s%s %s;", m[i].type, m[i].name != NULL ? m[i].name : "-",
			       m[i].source, m[i].destination, m[i].mode, m[i].propagation, m[i].is_rw ? "" : " ro",
			       m[i].no_copy ? " nocopy" : "", m[i].is_anonymous ? " anon" : "", m[i].make_source ? " make" : "",
			       m[i].is_hidden ? " hidden" : "", m[i].not_recursive ? " flat" : "",
			       m[i].tmpfs_opts != NULL ? m[i].tmpfs_opts : "");
		buf_puts(&b, line);
	}
	assert_string_equal(buf_str(&b), want);
	buf_release(&b);
	ctr_mounts_free(m, n);
	ctr_conf_release(&c);
}

static void test_mounts(void **state)
{
	(void)state;
	mounts_are("{\"Binds\":[\"/srv//a/../b/:/b:ro,z,rslave\",\"vol:/v\",\"vol:/w:nocopy,ro\",\"/anon\"]}", "null",
		   "bind - /srv/b>/b mode=ro,z,rslave rslave ro make ;volume vol >/v mode=z  ;"
		   "volume vol >/w mode=nocopy,ro  ro nocopy ;volume - >/anon mode=  anon ;");
	mounts_are("{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/s\",\"Target\":\"/t\",\"ReadOnly\":true,\"BindOptions\":{\"NonRecursive\":true,"
		   "\"Propagation\":\"shared\"}},{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/v\",\"VolumeOptions\":{\"NoCopy\":true}},"
		   "{\"Type\":\"tmpfs\",\"Target\":\"/x\",\"ReadOnly\":true,\"TmpfsOptions\":{\"SizeBytes\":65536,\"Mode\":493,"
		   "\"Options\":[[\"exec\"],[\"uid\",\"5\"]]}}]}",
		   "null",
		   "bind - /s>/t mode= shared ro flat ;volume v >/v mode=z  nocopy ;"
		   "tmpfs - >/x mode=  ro nosuid,nodev,ro,mode=755,size=65536,exec,uid=5;");
	/* a volume of the image gives way */
	mounts_are("{\"Binds\":[\"/s:/data\"],\"Tmpfs\":{\"/t\":\"size=1m,exec,suid\"}}", "{\"/data/\":{},\"/t\":{},\"/new\":{}}",
		   "bind - /s>/data mode= rprivate make ;tmpfs - >/t mode=  hidden nodev,size=1m,exec,suid;volume - >/new mode=  anon ;");
}

/* ---- the spec ---- */

static const struct json *at(const struct json *v, const char *a, const char *b)
{
	return json_get(json_get(v, a), b);
}

static struct json_doc *spec_doc(const char *body, const char *image)
{
	struct buf b = BUF_INIT(1 << 20);
	struct ctr_conf c = make(body, image);

	spec_of(&c, &b);
	struct json_doc *doc = parse(buf_str(&b));
	buf_release(&b);
	ctr_conf_release(&c);
	return doc;
}

#define OWN_MOUNTS                                                                                                               \
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"            \
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"strictatime\",\"mode=755\","    \
	"\"size=65536k\"]},"                                                                                                          \
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":[\"nosuid\",\"noexec\",\"newinstance\"," \
	"\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
#define CAPS_DEFAULT                                                                                                    \
	"[\"CAP_CHOWN\",\"CAP_DAC_OVERRIDE\",\"CAP_FSETID\",\"CAP_FOWNER\",\"CAP_MKNOD\",\"CAP_NET_RAW\",\"CAP_SETGID\"," \
	"\"CAP_SETUID\",\"CAP_SETFCAP\",\"CAP_SETPCAP\",\"CAP_NET_BIND_SERVICE\",\"CAP_SYS_CHROOT\",\"CAP_KILL\","      \
	"\"CAP_AUDIT_WRITE\"]"

static void test_spec_default(void **state)
{
	(void)state;
	struct json_doc *doc = spec_doc("{\"Image\":\"bb:1\",\"Cmd\":[\"sleep\",\"300\"]}", "{\"Env\":[\"PATH=/bin\"]}");
	const struct json *s = json_root(doc), *l = json_get(s, "linux");

	text_is(json_get(s, "process"),
		"{\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[0]},\"args\":[\"sleep\",\"300\"],\"env\":[\"PATH=/bin\","
		"\"HOSTNAME=60fc0b58141a\",\"HOME=/\"],\"cwd\":\"/\",\"capabilities\":{\"bounding\":" CAPS_DEFAULT
		",\"effective\":" CAPS_DEFAULT ",\"permitted\":" CAPS_DEFAULT "},\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":524288,"
		"\"soft\":1024}],\"oomScoreAdj\":0}");
	text_is(json_get(s, "mounts"),
		"[" OWN_MOUNTS
		"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
		"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\",\"options\":[\"ro\",\"nosuid\",\"noexec\","
		"\"nodev\"]},{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\",\"options\":[\"nosuid\",\"noexec\","
		"\"nodev\"]},{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\",\"options\":[\"nosuid\",\"noexec\",\"nodev\","
		"\"mode=1777\",\"size=67108864\"]},"
		"{\"destination\":\"/etc/resolv.conf\",\"type\":\"bind\",\"source\":\"/c/resolv.conf\",\"options\":[\"rbind\",\"rprivate\"]},"
		"{\"destination\":\"/etc/hostname\",\"type\":\"bind\",\"source\":\"/c/hostname\",\"options\":[\"rbind\",\"rprivate\"]},"
		"{\"destination\":\"/etc/hosts\",\"type\":\"bind\",\"source\":\"/c/hosts\",\"options\":[\"rbind\",\"rprivate\"]}]");
	text_is(json_get(s, "hostname"), "\"60fc0b58141a\"");
	text_is(json_get(s, "annotations"),
		"{\"io.slipway.rootfs.lower\":\"/l2:/l1\",\"io.slipway.rootfs.upper\":\"/u\",\"io.slipway.rootfs.work\":\"/w\"}");
	text_is(json_get(l, "sysctl"), "{\"net.ipv4.ip_unprivileged_port_start\":\"0\",\"net.ipv4.ping_group_range\":\"0 2147483647\"}");
	text_is(json_get(l, "namespaces"), "[{\"type\":\"mount\"},{\"type\":\"network\"},{\"type\":\"uts\"},{\"type\":\"pid\"},"
					   "{\"type\":\"ipc\"},{\"type\":\"cgroup\"}]");
	text_is(json_get(l, "cgroupsPath"), "\"/docker/" ID "\"");
	text_is(at(l, "resources", "devices"),
		"[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":5,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\",\"major\":1,"
		"\"minor\":9,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":8,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":5,\"minor\":0,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\",\"major\":5,"
		"\"minor\":1,\"access\":\"rwm\"},{\"allow\":false,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rwm\"}]");
	assert_int_equal(json_len(json_get(l, "maskedPaths")), 12);
	assert_int_equal(json_len(json_get(l, "readonlyPaths")), 5);
	text_is(at(l, "seccomp", "defaultAction"), "\"SCMP_ACT_ERRNO\"");
	assert_null(json_get(l, "devices"));
	json_free(doc);
}

static void test_spec_options(void **state)
{
	(void)state;
	struct json_doc *doc = spec_doc(
		"{\"Cmd\":[\"sleep\"],\"WorkingDir\":\"/tmp\",\"Env\":[\"A=b\",\"HOME=/h\"],\"HostConfig\":{\"Init\":true,\"Tmpfs\":{\"/t\":\"\"},"
		"\"Binds\":[\"/srv/bb:/b:ro\"],\"CapAdd\":[\"net_admin\"],\"CapDrop\":[\"CAP_MKNOD\"],\"SecurityOpt\":[\"no-new-privileges\"],"
		"\"OomScoreAdj\":100,\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":100,\"Hard\":200},{\"Name\":\"core\",\"Soft\":-1,\"Hard\":-1}],"
		"\"ReadonlyRootfs\":true,\"Devices\":[{\"PathOnHost\":\"/dev/null\",\"PathInContainer\":\"/dev/xnull\"}],\"NanoCpus\":500000000,"
		"\"Memory\":67108864,\"PidsLimit\":50,\"Sysctls\":{\"net.core.somaxconn\":\"99\"},\"ShmSize\":8388608,\"CpuShares\":300000,"
		"\"DeviceCgroupRules\":[\"b 8:* rw\"],\"Annotations\":{\"k\":\"v\"}}}",
		"{\"Env\":[\"PATH=/bin\"]}");
	const struct json *s = json_root(doc), *l = json_get(s, "linux"), *p = json_get(s, "process"), *r = json_get(l, "resources");
	struct json_iter it = json_iter(json_get(s, "mounts"));
	static const char *const want[] = {
		"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\",\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\","
		"\"size=8388608\"]}",
		"{\"destination\":\"/sbin/docker-init\",\"type\":\"bind\",\"source\":\"/usr/bin/docker-init\",\"options\":[\"bind\",\"ro\"]}",
		"{\"destination\":\"/t\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"noexec\",\"nosuid\",\"nodev\",\"rprivate\"]}",
		"{\"destination\":\"/b\",\"type\":\"bind\",\"source\":\"/srv/bb\",\"options\":[\"rbind\",\"rro\",\"rprivate\"]}",
		"{\"destination\":\"/etc/resolv.conf\",\"type\":\"bind\",\"source\":\"/c/resolv.conf\",\"options\":[\"rbind\",\"rro\","
		"\"rprivate\"]}",
	};

	for (size_t i = 0; json_next(&it); i++)
		if (i >= 6 && i < 6 + countof(want))
			text_is(it.value, want[i - 6]);
	text_is(json_get(p, "args"), "[\"/sbin/docker-init\",\"--\",\"sleep\"]");
	text_is(json_get(p, "env"), "[\"PATH=/bin\",\"HOSTNAME=60fc0b58141a\",\"A=b\",\"HOME=/h\"]");
	text_is(json_get(p, "cwd"), "\"/tmp\"");
	text_is(at(p, "capabilities", "bounding"),
		"[\"CAP_CHOWN\",\"CAP_DAC_OVERRIDE\",\"CAP_FSETID\",\"CAP_FOWNER\",\"CAP_NET_RAW\",\"CAP_SETGID\",\"CAP_SETUID\","
		"\"CAP_SETFCAP\",\"CAP_SETPCAP\",\"CAP_NET_BIND_SERVICE\",\"CAP_SYS_CHROOT\",\"CAP_KILL\",\"CAP_AUDIT_WRITE\",\"CAP_NET_ADMIN\"]");
	text_is(json_get(p, "rlimits"), "[{\"type\":\"RLIMIT_NOFILE\",\"hard\":200,\"soft\":100},"
					"{\"type\":\"RLIMIT_CORE\",\"hard\":18446744073709551615,\"soft\":18446744073709551615}]");
	text_is(json_get(p, "noNewPrivileges"), "true");
	text_is(json_get(p, "oomScoreAdj"), "100");
	text_is(json_get(json_get(s, "root"), "readonly"), "true");
	text_is(json_get(r, "memory"), "{\"limit\":67108864,\"swap\":134217728}");
	text_is(json_get(r, "cpu"), "{\"shares\":262144,\"quota\":50000,\"period\":100000}");
	text_is(json_get(r, "pids"), "{\"limit\":50}");
	text_is(json_get(l, "devices"), "[{\"path\":\"/dev/xnull\",\"type\":\"c\",\"major\":1,\"minor\":3,\"fileMode\":438,\"uid\":0,\"gid\":0}]");
	struct buf b = BUF_INIT(65536);
	struct json_writer w;
	jw_init(&w, &b);
	jw_value(&w, json_get(r, "devices"));
	assert_non_null(strstr(buf_str(&b), "{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rwm\"},"
					    "{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"rw\"}]"));
	buf_release(&b);
	text_is(at(s, "annotations", "k"), "\"v\"");
	text_is(at(l, "sysctl", "net.core.somaxconn"), "\"99\"");
	json_free(doc);
}

static void test_spec_modes(void **state)
{
	(void)state;
	struct json_doc *doc = spec_doc("{\"Cmd\":[\"a\"],\"HostConfig\":{\"NetworkMode\":\"host\",\"PidMode\":\"host\",\"IpcMode\":\"host\","
					"\"UTSMode\":\"host\",\"CgroupnsMode\":\"host\"}}", NULL);
	const struct json *s = json_root(doc);

	text_is(at(s, "linux", "namespaces"), "[{\"type\":\"mount\"}]");
	assert_null(json_get(s, "hostname"));
	assert_null(at(s, "linux", "sysctl"));
	json_free(doc);

	doc = spec_doc("{\"Cmd\":[\"a\"],\"Tty\":true,\"HostConfig\":{\"Privileged\":true,\"ConsoleSize\":[24,80]}}", NULL);
	s = json_root(doc);
	text_is(at(s, "process", "terminal"), "true");
	text_is(at(s, "process", "consoleSize"), "{\"height\":24,\"width\":80}");
	assert_int_equal(json_len(json_get(at(s, "process", "capabilities"), "bounding")), 41);
	assert_null(at(s, "linux", "seccomp"));
	assert_null(at(s, "linux", "maskedPaths"));
	assert_true(json_len(at(s, "linux", "devices")) > 5);
	struct json_iter it = json_iter(json_get(s, "mounts"));
	for (size_t i = 0; json_next(&it); i++)
		if (i == 3 || i == 4)
			text_is(json_get(it.value, "options"), "[\"nosuid\",\"noexec\",\"nodev\"]");
	json_free(doc);

	/* the user's own mounts take the place of ours */
	doc = spec_doc("{\"Cmd\":[\"a\"],\"HostConfig\":{\"IpcMode\":\"none\",\"Binds\":[\"/dev:/dev\",\"/h:/etc/hosts\",\"/p:/proc\"]}}", NULL);
	struct buf b = BUF_INIT(65536);
	it = json_iter(json_get(json_root(doc), "mounts"));
	while (json_next(&it))
		buf_printf(&b, "%s ", json_str(json_get(it.value, "destination")));
	assert_string_equal(buf_str(&b), "/sys /sys/fs/cgroup /dev /proc /etc/hosts /etc/resolv.conf /etc/hostname ");
	buf_release(&b);
	json_free(doc);
}

static void test_caps(void **state)
{
	(void)state;
	static const struct {
		const char *host;
		uint64_t want;
	} cases[] = {
		{"{}", 0xa80425fb},
		{"{\"CapDrop\":[\"ALL\"]}", 0},
		{"{\"CapDrop\":[\"all\"],\"CapAdd\":[\"CHOWN\"]}", 1},
		{"{\"CapAdd\":[\"ALL\"]}", 0x1ffffffffff},
		{"{\"CapAdd\":[\"ALL\"],\"CapDrop\":[\"CHOWN\"]}", 0x1fffffffffe},
		{"{\"CapAdd\":[\"CAP_SYS_ADMIN\",\"cap_bpf\"]}", 0xa80425fb | 1 << 21 | UINT64_C(1) << 39},
		{"{\"Privileged\":true,\"CapDrop\":[\"ALL\"]}", 0x1ffffffffff},
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct json_doc *doc = parse(cases[i].host);
		uint64_t caps = 0;
		assert_int_equal(caps_read(json_root(doc), &caps, NULL), 0);
		if (caps != cases[i].want)
			fail_msg("%s: %#llx", cases[i].host, (unsigned long long)caps);
		json_free(doc);
	}
}

static void test_seccomp(void **state)
{
	(void)state;
	static const char profile[] =
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"archMap\":[{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":null},"
		"{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\"]}],\"syscalls\":["
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[\"arm\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"arm64\"]}},"
		"{\"names\":[\"x86\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"amd64\",\"x32\"]}},"
		"{\"names\":[\"admin\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
		"{\"name\":\"plain\",\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38,\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}}]}";
	struct buf b = BUF_INIT(65536);
	struct json_writer w;
	struct err e;

	jw_init(&w, &b);
	assert_int_equal(seccomp_profile_write(&w, profile, 0, NULL), 0);
	assert_string_equal(buf_str(&b), "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"],"
					 "\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"},{\"names\":[\"x86\"],\"action\":"
					 "\"SCMP_ACT_ALLOW\"},{\"names\":[\"plain\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38}]}");
	buf_clear(&b);
	jw_init(&w, &b);
	assert_int_equal(seccomp_profile_write(&w, profile, 1 << 21, NULL), 0);
	assert_non_null(strstr(buf_str(&b), "admin"));
	assert_null(strstr(buf_str(&b), "plain"));
	buf_release(&b);
	buf_init(&b, 65536);
	jw_init(&w, &b);
	assert_int_equal(seccomp_profile_write(&w, "{\"syscalls\":[{\"action\":\"x\"}]}", 0, &e), -EINVAL);
	assert_string_equal(e.msg, "seccomp profile: a rule names no system call");
	buf_release(&b);
}

/* ---- exec and update ---- */

static void test_exec(void **state)
{
	(void)state;
	struct ctr_conf c = make("{\"Cmd\":[\"a\"],\"WorkingDir\":\"/w\",\"Env\":[\"A=1\",\"B=2\"]}", NULL);
	const gid_t groups[] = {5, 50};
	struct ctr_facts f = {.id = ID, .uid = 5, .gid = 5, .groups = groups, .n_groups = 2, .home = "/home/u"};
	struct buf b = BUF_INIT(65536);
	struct err e;

	struct json_doc *body = parse("{\"Cmd\":[\"sh\"],\"env\":[\"B=3\",\"A\",\"C=4\"],\"Tty\":true,\"ConsoleSize\":[1,2],\"Privileged\":true}");
	assert_int_equal(exec_spec_write(&b, &c, &f, json_root(body), &e), 0);
	struct json_doc *doc = parse(buf_str(&b));
	const struct json *p = json_root(doc);
	text_is(json_get(p, "user"), "{\"uid\":5,\"gid\":5,\"additionalGids\":[5,50]}");
	text_is(json_get(p, "env"), "[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\"HOSTNAME=60fc0b58141a\","
				    "\"TERM=xterm\",\"B=3\",\"C=4\",\"HOME=/home/u\"]");
	text_is(json_get(p, "cwd"), "\"/w\"");
	text_is(json_get(p, "consoleSize"), "{\"height\":1,\"width\":2}");
	assert_int_equal(json_len(at(p, "capabilities", "bounding")), 41);
	struct oci_spec *spec;
	assert_int_equal(oci_process_parse(b.data, b.len, &spec, &e), 0);
	oci_spec_free(spec);
	json_free(doc);
	json_free(body);
	buf_clear(&b);

	body = parse("{\"Cmd\":[]}");
	assert_int_equal(exec_spec_write(&b, &c, &f, json_root(body), &e), -EINVAL);
	assert_string_equal(e.msg, "No exec command specified");
	json_free(body);
	buf_release(&b);
	ctr_conf_release(&c);
}

static void update(struct ctr_conf *c, const char *body, const char *why)
{
	struct json_doc *doc = parse(body);
	struct err e = {0};

	int r = ctr_conf_update(c, json_root(doc), &e);
	json_free(doc);
	if (why == NULL ? r < 0 : r != -EINVAL || strcmp(e.msg, why) != 0)
		fail_msg("%s: %d %s", body, r, e.msg);
}

static void test_update(void **state)
{
	(void)state;
	struct ctr_conf c = make("{\"Cmd\":[\"a\"],\"HostConfig\":{\"Memory\":67108864,\"NanoCpus\":500000000,\"PidsLimit\":5}}", NULL);
	struct buf b = BUF_INIT(65536);
	struct json_writer w;

	update(&c, "{\"Memory\":1}", "Minimum memory limit allowed is 6MB");
	update(&c, "{\"Memory\":671088640}",
	       "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time");
	update(&c, "{\"CpuQuota\":50000}", "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
	update(&c, "{\"RestartPolicy\":{\"Name\":\"x\"}}",
	       "invalid restart policy: unknown policy 'x'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'");
	text_is(json_get(c.host, "Memory"), "67108864");
	update(&c, "{\"Memory\":33554432,\"PidsLimit\":-1,\"CpusetCpus\":\"0\",\"RestartPolicy\":{\"Name\":\"always\"}}", NULL);
	text_is(json_get(c.host, "Memory"), "33554432");
	text_is(json_get(c.host, "MemorySwap"), "134217728");
	text_is(json_get(c.host, "PidsLimit"), "null");
	assert_string_equal(c.restart_name, "always");
	assert_string_equal(conf_str(c.config, "Hostname"), "60fc0b58141a");
	jw_init(&w, &b);
	ctr_resources_write(&w, &c);
	assert_string_equal(buf_str(&b), "{\"memory\":{\"limit\":33554432,\"swap\":134217728},\"cpu\":{\"quota\":50000,\"period\":100000,"
					 "\"cpus\":\"0\"},\"pids\":{\"limit\":-1}}");
	buf_release(&b);
	ctr_conf_release(&c);
	c = make("{\"Cmd\":[\"a\"],\"HostConfig\":{\"AutoRemove\":true}}", NULL);
	update(&c, "{\"RestartPolicy\":{\"Name\":\"always\"}}",
	       "Restart policy cannot be updated because AutoRemove is enabled for the container");
	ctr_conf_release(&c);
}

/* A record of it is the same again. */
static void test_load(void **state)
{
	(void)state;
	struct ctr_conf c = make("{\"Image\":\"i\",\"Cmd\":[\"x\"],\"HostConfig\":{\"LogConfig\":{\"Type\":\"local\",\"Config\":"
				 "{\"max-size\":\"1.5k\",\"max-file\":\"2\"}}}}", image_config), again;
	struct buf config = BUF_INIT(65536), host = BUF_INIT(65536);
	struct json_writer w;

	jw_init(&w, &config);
	jw_value(&w, c.config);
	jw_init(&w, &host);
	jw_value(&w, c.host);
	assert_int_equal(ctr_conf_load(config.data, config.len, host.data, host.len, &again, NULL), 0);
	text_is(again.config, buf_str(&config));
	text_is(again.host, buf_str(&host));
	assert_string_equal(again.log_driver, "local");
	assert_int_equal(again.log_max_bytes, 1500);
	assert_int_equal(again.log_max_files, 2);
	assert_int_equal(again.stop_signal, 3);
	ctr_conf_release(&again);
	ctr_conf_release(&c);
	assert_true(ctr_conf_load("{", 1, "{}", 2, &again, NULL) < 0);
	buf_release(&config);
	buf_release(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),    cmocka_unit_test(test_merge),	cmocka_unit_test(test_spelling),
		cmocka_unit_test(test_shapes),	    cmocka_unit_test(test_refusals),	cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_mounts),	    cmocka_unit_test(test_spec_default), cmocka_unit_test(test_spec_options),
		cmocka_unit_test(test_spec_modes), cmocka_unit_test(test_caps),	cmocka_unit_test(test_seccomp),
		cmocka_unit_test(test_exec),	    cmocka_unit_test(test_update),	cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
