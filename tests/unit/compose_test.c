// SPDX-License-Identifier: Apache-2.0
/* service.yml: every key in its forms, defaults of least privilege, and what a wrong definition is told. */
#include "tests/unit/test.h"

#include "lib/base/err.h"
#include "lib/codec/compose.h"
#include "lib/codec/oci_spec.h"
#include "lib/codec/svcdef.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct refusals {
	int n;
	char last[ERR_SIZE], name[64];
};

static void on_refused(void *ctx, const char *name, const struct err *why)
{
	struct refusals *r = ctx;

	r->n++;
	snprintf(r->last, sizeof(r->last), "%s", why->msg);
	snprintf(r->name, sizeof(r->name), "%s", name);
}

static struct compose_file *parse(const char *text, struct refusals *r)
{
	struct compose_file *f = NULL;
	struct err e = {0};

	if (compose_parse(text, strlen(text), "f.yml", on_refused, r, &f, &e) < 0)
		fail_msg("%s", e.msg);
	return f;
}

/* One service 'a' with an image and these lines. */
static const struct compose_service *one(const char *lines, struct compose_file **ret)
{
	static char text[8192];
	struct refusals r = {0};

	snprintf(text, sizeof(text), "services:\n  a:\n    image: i\n%s", lines);
	*ret = parse(text, &r);
	if (r.n != 0)
		fail_msg("refused: %s", r.last);
	return &(*ret)->services[0];
}

static void wrong(const char *lines, const char *why)
{
	char text[2048];
	struct refusals r = {0};

	snprintf(text, sizeof(text), "services:\n  a:\n    image: i\n%s\n  good: {image: j}\n", lines);
	struct compose_file *f = parse(text, &r);
	if (r.n != 1 || strcmp(r.last, why) != 0)
		fail_msg("'%s' told '%s' instead of '%s'", lines, r.last, why);
	assert_string_equal(r.name, "a");
	assert_int_equal(f->count, 1);
	assert_string_equal(f->services[0].name, "good"); /* others are kept */
	compose_free(f);
}

static uint64_t cap(const char *name)
{
	return UINT64_C(1) << oci_cap_by_name(name);
}

static void test_defaults(void **state)
{
	struct compose_file *f;
	const struct compose_service *s = one("", &f);

	(void)state;
	assert_string_equal(s->name, "a");
	assert_string_equal(s->image, "i");
	assert_true(s->cap_add == 0 && !s->is_privileged && !s->may_gain_privileges && !s->no_seccomp);
	assert_true(!s->has_host_network && !s->has_host_pid && !s->has_host_ipc && !s->has_host_uts && !s->has_host_cgroup);
	assert_int_equal(s->restart, SVCDEF_RESTART_NO);
	assert_int_equal(s->ready, SVCDEF_READY_STARTED);
	assert_int_equal(s->grace_ms, 10000);
	assert_int_equal(s->flags, SVCDEF_BOOT);
	assert_true(s->memory_limit == COMPOSE_UNSET && s->cpu_quota == COMPOSE_UNSET && s->pids_limit == COMPOSE_UNSET);
	compose_free(f);
}

static void test_words(void **state)
{
	struct compose_file *f;
	const struct compose_service *s =
		one("    command: run 'a b' \"c\\\"d\" e\\ f\n    entrypoint: [x, 1]\n    environment: [A=1, B=x=y, C]\n"
		    "    working_dir: /w\n    user: 5:6\n    group_add: [7]\n    hostname: h\n",
		    &f);
	static const char *const want[] = {"run", "a b", "c\"d", "e f", NULL};

	(void)state;
	for (int i = 0; want[i] != NULL; i++)
		assert_string_equal(s->command[i], want[i]);
	assert_null(s->command[4]);
	assert_string_equal(s->entrypoint[0], "x");
	assert_string_equal(s->entrypoint[1], "1");
	assert_int_equal(s->env_count, 3);
	assert_string_equal(s->env[1].key, "B");
	assert_string_equal(s->env[1].value, "x=y");
	assert_null(s->env[2].value);
	assert_int_equal(s->groups[0], 7);
	compose_free(f);
	s = one("    environment: {A: 1, B: , C: text}\n", &f);
	assert_int_equal(s->env_count, 3);
	assert_string_equal(s->env[0].value, "1");
	assert_null(s->env[1].value);
	compose_free(f);
}

static void test_privileges(void **state)
{
	struct compose_file *f;
	const struct compose_service *s = one("    cap_add: [NET_ADMIN, CAP_SYS_TIME]\n    cap_drop: [ALL]\n"
					      "    security_opt: ['seccomp:unconfined', 'no-new-privileges=false']\n"
					      "    network_mode: host\n    pid: host\n    ipc: host\n    uts: host\n    cgroup: host\n",
					      &f);

	(void)state;
	assert_true(s->cap_add == (cap("CAP_NET_ADMIN") | cap("CAP_SYS_TIME")));
	assert_true((s->cap_drop & cap("CAP_CHECKPOINT_RESTORE")) != 0);
	assert_true(s->no_seccomp && s->may_gain_privileges);
	assert_true(s->has_host_network && s->has_host_pid && s->has_host_ipc && s->has_host_uts && s->has_host_cgroup);
	compose_free(f);
	s = one("    privileged: true\n", &f);
	assert_true(s->is_privileged && s->no_seccomp && s->may_gain_privileges);
	compose_free(f);
}

static void test_mounts(void **state)
{
	struct compose_file *f;
	const struct compose_service *s =
		one("    volumes:\n      - /a:/b\n      - /c:/d:ro,nosuid\n      - /e:/f:bind\n"
		    "      - {type: bind, source: /g, target: /h, read_only: true, bind: {propagation: rslave}}\n"
		    "      - {type: tmpfs, target: /i, tmpfs: {size: 1m, mode: 0o700}}\n"
		    "    tmpfs: ['/j:size=4k', /k]\n",
		    &f);
	static const struct {
		const char *source, *target, *options;
	} want[] = {{"/a", "/b", "rbind"}, {"/c", "/d", "rbind,ro,nosuid"}, {"/e", "/f", "bind,bind"},
		    {"/g", "/h", "rbind,ro,rslave"}, {NULL, "/i", "size=1048576,mode=700,nosuid,nodev"},
		    {NULL, "/j", "nosuid,nodev,size=4k"}, {NULL, "/k", "nosuid,nodev"}};

	(void)state;
	assert_int_equal(s->mount_count, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < s->mount_count; i++) {
		char options[128] = "";
		for (const char **o = s->mounts[i].options; *o != NULL; o++)
			strcat(strcat(options, options[0] != '\0' ? "," : ""), *o);
		assert_string_equal(options, want[i].options);
		assert_string_equal(s->mounts[i].target, want[i].target);
		if (want[i].source == NULL)
			assert_null(s->mounts[i].source);
		else
			assert_string_equal(s->mounts[i].source, want[i].source);
	}
	compose_free(f);
}

static void test_devices(void **state)
{
	struct compose_file *f;
	const struct compose_service *s =
		one("    devices: [/dev/kmsg, '/dev/ttyS3:/dev/com:rw', /dev/tty7, '/dev/loop2:r']\n"
		    "    device_cgroup_rules: ['c 4:* rw', 'a *:* rwm']\n",
		    &f);

	(void)state;
	assert_int_equal(s->device_count, 4);
	assert_true(s->devices[0].major == 1 && s->devices[0].minor == 11);
	assert_string_equal(s->devices[1].path, "/dev/com");
	assert_true(s->devices[1].major == 4 && s->devices[1].minor == 67);
	assert_string_equal(s->devices[1].access, "rw");
	assert_true(s->devices[2].minor == 7);
	assert_true(s->devices[3].type == 'b' && s->devices[3].major == 7 && s->devices[3].minor == 2);
	assert_true(s->rules[0].major == 4 && s->rules[0].minor == COMPOSE_UNSET);
	assert_true(s->rules[1].type == 'a' && s->rules[1].major == COMPOSE_UNSET);
	compose_free(f);
}

static void test_limits(void **state)
{
	struct compose_file *f;
	const struct compose_service *s =
		one("    deploy: {resources: {limits: {cpus: '1.25', memory: 64mb, pids: 30}, reservations: {memory: 8192k}}}\n"
		    "    memswap_limit: -1\n    cpu_shares: 512\n    cpuset: 0-1\n    oom_score_adj: -500\n    shm_size: 2m\n"
		    "    ulimits: {nofile: 100, core: {soft: 0, hard: -1}}\n    sysctls: {net.ipv4.ip_forward: 1}\n",
		    &f);

	(void)state;
	assert_int_equal(s->memory_limit, 64 << 20);
	assert_int_equal(s->memory_reservation, 8 << 20);
	assert_int_equal(s->memory_swap, -1);
	assert_int_equal(s->cpu_quota, 125000);
	assert_int_equal(s->pids_limit, 30);
	assert_int_equal(s->oom_score_adj, -500);
	assert_string_equal(s->rlimits[0].name, "RLIMIT_NOFILE");
	assert_true(s->rlimits[0].soft == 100 && s->rlimits[0].hard == 100);
	assert_true(s->rlimits[1].soft == 0 && s->rlimits[1].hard == UINT64_MAX);
	assert_string_equal(s->sysctls[0].value, "1");
	compose_free(f);
	s = one("    cpus: 0.5\n    mem_limit: 32m\n    pids_limit: 9\n", &f);
	assert_int_equal(s->cpu_quota, 50000);
	assert_int_equal(s->memory_limit, 32 << 20);
	compose_free(f);
}

static void test_life(void **state)
{
	static const struct {
		const char *text;
		int restart, max;
	} cases[] = {{"no", SVCDEF_RESTART_NO, 10}, {"\"no\"", SVCDEF_RESTART_NO, 10}, {"false", SVCDEF_RESTART_NO, 10},
		     {"always", SVCDEF_RESTART_ALWAYS, 10}, {"unless-stopped", SVCDEF_RESTART_ALWAYS, 10},
		     {"on-failure", SVCDEF_RESTART_ON_FAILURE, 10}, {"on-failure:3", SVCDEF_RESTART_ON_FAILURE, 4}};
	struct compose_file *f;
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "    restart: %s\n", cases[i].text);
		const struct compose_service *s = one(text, &f);
		assert_int_equal(s->restart, cases[i].restart);
		assert_int_equal(s->restart_max, cases[i].max);
		compose_free(f);
	}
	const struct compose_service *s = one("    stop_signal: SIGRTMIN+3\n    stop_grace_period: 1m30s\n"
					      "    logging: {options: {max-size: 64k}}\n",
					      &f);
	assert_int_equal(s->stop_signal, 37);
	assert_int_equal(s->grace_ms, 90000);
	assert_int_equal(s->log_max_bytes, 65536);
	compose_free(f);
}

static void test_depends(void **state)
{
	struct compose_file *f;
	const struct compose_service *s = one("    depends_on: [b, c]\n", &f);

	(void)state;
	assert_int_equal(s->dep_count, 2);
	assert_string_equal(s->deps[1].service, "c");
	assert_true(s->deps[1].condition == SVCDEF_DEP_STARTED && s->deps[1].is_required);
	compose_free(f);
	s = one("    depends_on:\n      b: {condition: service_healthy, required: false}\n      c:\n"
		"      d: {condition: service_completed_successfully}\n",
		&f);
	assert_true(s->deps[0].condition == SVCDEF_DEP_READY && !s->deps[0].is_required);
	assert_true(s->deps[1].condition == SVCDEF_DEP_STARTED && s->deps[1].is_required);
	assert_true(s->deps[2].condition == SVCDEF_DEP_COMPLETED);
	compose_free(f);
}

static void test_labels(void **state)
{
	struct compose_file *f;
	const struct compose_service *s =
		one("    labels:\n      io.slipway.ready: notify\n      io.slipway.boot: \"false\"\n      io.slipway.console: true\n"
		    "      io.slipway.may-power: \"true\"\n      io.slipway.shutdown-signal: PWR\n"
		    "      io.slipway.start-timeout: 30s\n      io.slipway.restart-limit: 3/10s\n      io.slipway.root-size: 4m\n"
		    "      io.slipway.watchdog: 20s\n      io.slipway.fdstore: 5\n      io.slipway.on-demand: true\n"
		    "      io.slipway.listen: api=unix:/run/a.sock,mode=0600,gid=7 six=tcp:[::1]:80 log=udp:0.0.0.0:514\n"
		    "      io.rancher.os.createonly: \"true\"\n      other: thing\n",
		    &f);

	(void)state;
	assert_int_equal(s->ready, SVCDEF_READY_NOTIFY);
	assert_int_equal(s->flags, SVCDEF_CONSOLE | SVCDEF_MAY_POWER | SVCDEF_CREATE_ONLY | SVCDEF_ON_DEMAND);
	assert_int_equal(s->shutdown_signal, SIGPWR);
	assert_int_equal(s->start_timeout_ms, 30000);
	assert_true(s->restart_max == 3 && s->restart_window_ms == 10000);
	assert_true(s->watchdog_ms == 20000 && s->fdstore_max == 5);
	assert_int_equal(s->socket_count, 3);
	assert_string_equal(s->sockets[0].path, "/run/a.sock");
	assert_true(s->sockets[0].mode == 0600 && s->sockets[0].gid == 7 && s->sockets[0].family == SVCDEF_UNIX);
	assert_true(s->sockets[1].family == SVCDEF_INET6 && s->sockets[1].port == 80 && s->sockets[1].addr[15] == 1);
	assert_true(s->sockets[2].type == SVCDEF_SOCKET_DGRAM && s->sockets[2].port == 514);
	assert_string_equal(s->root_size, "4m");
	assert_int_equal(s->label_count, 14);
	compose_free(f);
	s = one("    labels: [io.slipway.ready=exit]\n", &f);
	assert_int_equal(s->ready, SVCDEF_READY_EXIT);
	compose_free(f);
}

#define A "f.yml:4: services.a."

static void test_wrong(void **state)
{
	(void)state;
	wrong("    imagee: x", A "imagee: expected a key of the Compose specification, found an unknown one");
	wrong("    ports: [80]", A "ports: expected nothing, found a key that system services do not have");
	wrong("    cap_add: [NET_ADMINN]", A "cap_add[0]: expected a capability like NET_ADMIN, found 'NET_ADMINN'");
	wrong("    cap_add: NET_ADMIN", A "cap_add: expected a list, found 'NET_ADMIN'");
	wrong("    volumes: [data:/x]", A "volumes[0]: expected /SOURCE:/TARGET[:OPTIONS], found 'data:/x'");
	wrong("    user: bob", A "user: expected root, UID or UID:GID, found 'bob'");
	wrong("    restart: often", A "restart: expected no, always, unless-stopped or on-failure[:STARTS], found 'often'");
	wrong("    mem_limit: 1.5m", A "mem_limit: expected a size like 64m, found '1.5m'");
	wrong("    mem_limit: -2", A "mem_limit: expected a size like 64m, found '-2'");
	wrong("    cpus: 0", A "cpus: expected a number of processors like 0.5, found '0'");
	wrong("    stop_signal: SIGFOO", A "stop_signal: expected a signal like SIGTERM, found 'SIGFOO'");
	wrong("    stop_grace_period: 10", A "stop_grace_period: expected a duration like 1m30s, a day at most, found '10'");
	wrong("    read_only: yes", A "read_only: expected true or false, found 'yes'");
	wrong("    network_mode: bridge", A "network_mode: expected host or none, found 'bridge'");
	wrong("    devices: [/dev/rtc0]", A "devices[0]: expected a device with a fixed number (others: a volume, and "
						"device_cgroup_rules), found '/dev/rtc0'");
	wrong("    device_cgroup_rules: ['c 4 rw']",
	      A "device_cgroup_rules[0]: expected TYPE MAJOR:MINOR ACCESS, like 'c 4:* rw', found 'c 4 rw'");
	wrong("    labels: {io.slipway.redy: x}",
	      A "labels.io.slipway.redy: expected a label that docs/services.md names, found an unknown one");
	wrong("    labels: {io.slipway.listen: 'a=tcp:80'}", A "labels.io.slipway.listen: expected "
							      "NAME=unix:/PATH[,mode=0660] or NAME=tcp:ADDRESS:PORT, found a=tcp:80");
	wrong("    command: 'a \"b'", A "command: expected a text whose quotes are closed, found 'a \"b'");
	wrong("    ulimits: {nofile: {soft: 2, hard: 1}}",
	      A "ulimits.nofile: expected soft not above hard, found the contrary");
	wrong("    depends_on: {b: {condition: up}}", A "depends_on.b.condition: expected service_started, service_healthy or "
							 "service_completed_successfully, found 'up'");
	wrong("    security_opt: [apparmor:x]",
	      A "security_opt[0]: expected no-new-privileges[:false] or seccomp:unconfined, found 'apparmor:x'");
	wrong("    tmpfs: [/x, /x]", A "/x: expected one mount for a place, found two");
}

static void test_whole_file(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"[]", "f.yml:1: expected a map with services, found a list"},
		{"x: 1", "f.yml:1: x: expected services, version, name or x-..., found another key"},
		{"version: 2", "f.yml:1: services: expected a map, found nothing"},
		{"services: 3", "f.yml:1: services: expected a map, found '3'"},
	};
	struct refusals r = {0};
	struct compose_file *f = NULL;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(compose_parse(cases[i].text, strlen(cases[i].text), "f.yml", on_refused, &r, &f, &e), -E_SPEC);
		assert_string_equal(e.msg, cases[i].why);
	}
	f = parse("services:\n  a: {command: x}\n  bad/name: {image: i}\n  c: {image: i}\nx-more: 1\n", &r);
	assert_int_equal(r.n, 2);
	assert_int_equal(f->count, 1);
	compose_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_words), cmocka_unit_test(test_privileges),
		cmocka_unit_test(test_mounts), cmocka_unit_test(test_devices), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_life), cmocka_unit_test(test_depends), cmocka_unit_test(test_labels),
		cmocka_unit_test(test_wrong), cmocka_unit_test(test_whole_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
