// SPDX-License-Identifier: Apache-2.0
/* From definition and image to config.json. What Compose leaves open is decided for the least privilege. */
#include "lib/codec/service_spec.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/compose.h"
#include "lib/codec/compose_in.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_image.h"
#include "lib/codec/oci_spec.h"
#include "lib/codec/seccomp_default.h"
#include "lib/codec/service_mounts.h"
#include "lib/codec/svcdef.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ROOT_SIZE    "16m"
#define CAPS	     41

static const char *const cap_names[CAPS] = {
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
};

uint64_t service_caps(const struct compose_service *s)
{
	uint64_t all = (UINT64_C(1) << CAPS) - 1;

	/* as docker: what is added is added to what dropping has left */
	return ((s->is_privileged ? all : 0) & ~s->cap_drop) | s->cap_add;
}

/* ---- process ---- */

static void write_args(struct json_writer *w, const struct compose_service *s, const struct oci_config *image, bool *ret_any)
{
	const struct json *entry = json_get(image->config, "Entrypoint"), *cmd = json_get(image->config, "Cmd");
	const char **command = s->command;
	bool any = false;

	jw_key(w, "args");
	jw_arr(w);
	for (const char **p = s->entrypoint; p != NULL && *p != NULL; p++, any = true)
		jw_str(w, *p);
	if (s->entrypoint == NULL)
		for (struct json_iter it = json_iter(entry); json_next(&it); any = true)
			jw_str(w, json_str(it.value));
	for (const char **p = command; p != NULL && *p != NULL; p++, any = true)
		jw_str(w, *p);
	/* another entry point makes the image's command meaningless */
	if (command == NULL && s->entrypoint == NULL)
		for (struct json_iter it = json_iter(cmd); json_next(&it); any = true)
			jw_str(w, json_str(it.value));
	jw_end_arr(w);
	*ret_any = any;
}

static bool is_overridden(const struct compose_service *s, const char *pair)
{
	size_t n = strcspn(pair, "=");

	for (size_t i = 0; i < s->env_count; i++)
		if (strlen(s->env[i].key) == n && memcmp(s->env[i].key, pair, n) == 0)
			return true;
	return false;
}

static void write_env(struct json_writer *w, const struct compose_service *s, const struct oci_config *image)
{
	const struct json *env = json_get(image->config, "Env");
	char text[256];
	bool has_path = false;

	jw_key(w, "env");
	jw_arr(w);
	for (struct json_iter it = json_iter(env); json_next(&it);) {
		const char *pair = json_str(it.value);
		has_path = has_path || strncmp(pair, "PATH=", 5) == 0;
		if (!is_overridden(s, pair))
			jw_str(w, pair);
	}
	if (!has_path && !is_overridden(s, "PATH"))
		jw_str(w, PATH_DEFAULT);
	for (size_t i = 0; i < s->env_count; i++) {
		if (s->env[i].value == NULL)
			continue;
		struct buf pair = BUF_INIT(65536);
		buf_printf(&pair, "%s=%s", s->env[i].key, s->env[i].value);
		jw_str(w, buf_str(&pair));
		if (buf_error(&pair) < 0)
			w->out->error = -buf_error(&pair);
		buf_release(&pair);
	}
	if (s->ready == SVCDEF_READY_NOTIFY) {
		(void)snprintf(text, sizeof(text), "NOTIFY_SOCKET=%s", service_notify_path(s, (char[96]){0}));
		jw_str(w, text);
	}
	jw_end_arr(w);
}

static int write_user(struct json_writer *w, const struct compose_service *s, const struct oci_config *image, bool *ret_is_root,
		      struct err *e)
{
	const char *user = s->user != NULL ? s->user : json_str_or(json_get(image->config, "User"), "");
	unsigned uid = 0, gid = 0;
	char rest;

	if (*user != '\0' && strcmp(user, "root") != 0 && sscanf(user, "%u%c", &uid, &rest) != 1 &&
	    sscanf(user, "%u:%u%c", &uid, &gid, &rest) != 2)
		return err_say(e, E_SPEC, "image '%s': its user '%s' is not UID or UID:GID", s->image, user);
	jw_key(w, "user");
	jw_obj(w);
	jw_kuint(w, "uid", uid);
	jw_kuint(w, "gid", gid);
	if (s->group_count > 0) {
		jw_key(w, "additionalGids");
		jw_arr(w);
		for (size_t i = 0; i < s->group_count; i++)
			jw_uint(w, s->groups[i]);
		jw_end_arr(w);
	}
	jw_end_obj(w);
	*ret_is_root = uid == 0;
	return 0;
}

static void write_caps(struct json_writer *w, uint64_t caps, bool is_root)
{
	static const char *const sets[] = {"bounding", "effective", "permitted", "inheritable", "ambient"};

	jw_key(w, "capabilities");
	jw_obj(w);
	/* who is not root keeps capabilities over execve(2) only by ambient ones */
	for (size_t k = 0; k < (is_root ? 3 : countof(sets)); k++) {
		jw_key(w, sets[k]);
		jw_arr(w);
		for (int c = 0; c < CAPS; c++)
			if ((caps >> c & 1) != 0) {
				char name[40];
				(void)snprintf(name, sizeof(name), "CAP_%s", cap_names[c]); /* fits */
				jw_str(w, name);
			}
		jw_end_arr(w);
	}
	jw_end_obj(w);
}

static int write_process(struct json_writer *w, const struct compose_service *s, const struct oci_config *image, struct err *e)
{
	const char *dir = s->working_dir != NULL ? s->working_dir : json_str_or(json_get(image->config, "WorkingDir"), "");
	bool any = false, is_root = true;

	jw_key(w, "process");
	jw_obj(w);
	jw_kbool(w, "terminal", false);
	int r = write_user(w, s, image, &is_root, e);
	if (r < 0)
		return r;
	write_args(w, s, image, &any);
	if (!any)
		return err_say(e, E_SPEC, "neither command nor entrypoint, and image '%s' has none", s->image);
	write_env(w, s, image);
	jw_kstr(w, "cwd", *dir == '/' ? dir : "/");
	write_caps(w, service_caps(s), is_root);
	if (s->rlimit_count > 0) {
		jw_key(w, "rlimits");
		jw_arr(w);
		for (size_t i = 0; i < s->rlimit_count; i++) {
			jw_obj(w);
			jw_kstr(w, "type", s->rlimits[i].name);
			jw_kuint(w, "hard", s->rlimits[i].hard);
			jw_kuint(w, "soft", s->rlimits[i].soft);
			jw_end_obj(w);
		}
		jw_end_arr(w);
	}
	jw_kbool(w, "noNewPrivileges", !s->may_gain_privileges);
	if (s->oom_score_adj != COMPOSE_UNSET)
		jw_kint(w, "oomScoreAdj", s->oom_score_adj);
	jw_end_obj(w);
	return 0;
}

/* ---- linux ---- */

static void write_namespaces(struct json_writer *w, const struct compose_service *s)
{
	const struct {
		const char *type;
		bool is_host;
	} all[] = {{"mount", false},	       {"network", s->has_host_network}, {"pid", s->has_host_pid},
		   {"ipc", s->has_host_ipc},   {"uts", s->has_host_uts},	 {"cgroup", s->has_host_cgroup}};

	jw_key(w, "namespaces");
	jw_arr(w);
	for (size_t i = 0; i < countof(all); i++)
		if (!all[i].is_host) {
			jw_obj(w);
			jw_kstr(w, "type", all[i].type);
			jw_end_obj(w);
		}
	jw_end_arr(w);
}

static void write_rule(struct json_writer *w, bool allow, char type, int64_t major, int64_t minor, const char *access)
{
	jw_obj(w);
	jw_kbool(w, "allow", allow);
	jw_kstr(w, "type", (char[]){type, '\0'});
	if (major != COMPOSE_UNSET)
		jw_kint(w, "major", major);
	if (minor != COMPOSE_UNSET)
		jw_kint(w, "minor", minor);
	jw_kstr(w, "access", access);
	jw_end_obj(w);
}

static void write_rules(struct json_writer *w, const struct compose_service *s)
{
	/* what /dev of every container has: null, zero, full, random, urandom, tty, ptmx, pts */
	static const int usual[][2] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 2}, {136, -1}};

	jw_key(w, "devices");
	jw_arr(w);
	write_rule(w, s->is_privileged, 'a', COMPOSE_UNSET, COMPOSE_UNSET, "rwm");
	for (size_t i = 0; i < countof(usual) && !s->is_privileged; i++)
		write_rule(w, true, 'c', usual[i][0], usual[i][1] < 0 ? COMPOSE_UNSET : usual[i][1], "rw");
	for (size_t i = 0; i < s->device_count; i++)
		write_rule(w, true, s->devices[i].type, s->devices[i].major, s->devices[i].minor, s->devices[i].access);
	for (size_t i = 0; i < s->rule_count; i++)
		write_rule(w, true, s->rules[i].type, s->rules[i].major, s->rules[i].minor, s->rules[i].access);
	jw_end_arr(w);
}

static void kint_if(struct json_writer *w, const char *key, int64_t n)
{
	if (n != COMPOSE_UNSET)
		jw_kint(w, key, n);
}

static void write_resources(struct json_writer *w, const struct compose_service *s)
{
	jw_key(w, "resources");
	jw_obj(w);
	write_rules(w, s);
	jw_key(w, "memory");
	jw_obj(w);
	kint_if(w, "limit", s->memory_limit);
	kint_if(w, "reservation", s->memory_reservation);
	kint_if(w, "swap", s->memory_swap);
	jw_end_obj(w);
	jw_key(w, "cpu");
	jw_obj(w);
	kint_if(w, "shares", s->cpu_shares);
	kint_if(w, "quota", s->cpu_quota);
	if (s->cpu_quota != COMPOSE_UNSET)
		jw_kint(w, "period", 100000);
	if (s->cpuset != NULL)
		jw_kstr(w, "cpus", s->cpuset);
	jw_end_obj(w);
	if (s->pids_limit != COMPOSE_UNSET) {
		jw_key(w, "pids");
		jw_obj(w);
		jw_kint(w, "limit", s->pids_limit);
		jw_end_obj(w);
	}
	jw_end_obj(w);
}

static void write_devices(struct json_writer *w, const struct compose_service *s)
{
	if (s->device_count == 0)
		return;
	jw_key(w, "devices");
	jw_arr(w);
	for (size_t i = 0; i < s->device_count; i++) {
		const struct compose_device *d = &s->devices[i];
		jw_obj(w);
		jw_kstr(w, "path", d->path);
		jw_kstr(w, "type", (char[]){d->type, '\0'});
		jw_kuint(w, "major", d->major);
		jw_kuint(w, "minor", d->minor);
		jw_kint(w, "fileMode", 0660);
		jw_kint(w, "uid", 0);
		jw_kint(w, "gid", 0);
		jw_end_obj(w);
	}
	jw_end_arr(w);
}

static void write_paths(struct json_writer *w, const char *key, const char *const *paths, size_t n)
{
	jw_key(w, key);
	jw_arr(w);
	for (size_t i = 0; i < n; i++)
		jw_str(w, paths[i]);
	jw_end_arr(w);
}

static void write_linux(struct json_writer *w, const struct compose_service *s)
{
	static const char *const masked[] = {"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
					     "/proc/latency_stats", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
					     "/proc/sched_debug", "/sys/devices/virtual/powercap", "/sys/firmware"};
	static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
	char cgroup[64];

	jw_key(w, "linux");
	jw_obj(w);
	(void)snprintf(cgroup, sizeof(cgroup), "/system/%s", s->name); /* names are bounded */
	jw_kstr(w, "cgroupsPath", cgroup);
	write_namespaces(w, s);
	write_devices(w, s);
	write_resources(w, s);
	if (s->sysctl_count > 0) {
		jw_key(w, "sysctl");
		jw_obj(w);
		for (size_t i = 0; i < s->sysctl_count; i++)
			jw_kstr(w, s->sysctls[i].key, s->sysctls[i].value);
		jw_end_obj(w);
	}
	if (!s->is_privileged) {
		write_paths(w, "maskedPaths", masked, countof(masked));
		write_paths(w, "readonlyPaths", readonly, countof(readonly));
	}
	if (!s->no_seccomp) {
		jw_key(w, "seccomp");
		seccomp_default_write(w, service_caps(s));
	}
	jw_end_obj(w);
}

int service_spec_write(const struct compose_service *s, const struct oci_config *image, const char *lower, struct buf *out,
		       struct err *e)
{
	struct json_writer w;
	char upper[48];

	jw_init(&w, out);
	jw_obj(&w);
	jw_kstr(&w, "ociVersion", "1.2.0");
	jw_key(&w, "root");
	jw_obj(&w);
	jw_kstr(&w, "path", "rootfs"); /* never used: the annotations say where it comes from */
	jw_kbool(&w, "readonly", s->is_read_only);
	jw_end_obj(&w);
	int r = write_process(&w, s, image, e);
	if (r < 0)
		return r;
	if (!s->has_host_uts)
		jw_kstr(&w, "hostname", s->hostname != NULL ? s->hostname : s->name);
	service_mounts_write(&w, s);
	jw_key(&w, "annotations");
	jw_obj(&w);
	jw_kstr(&w, "io.slipway.rootfs.lower", lower);
	(void)snprintf(upper, sizeof(upper), "tmpfs:%.30s", s->root_size != NULL ? s->root_size : ROOT_SIZE);
	jw_kstr(&w, "io.slipway.rootfs.upper", upper);
	jw_kstr(&w, "io.slipway.image", s->image);
	for (size_t i = 0; i < s->label_count; i++)
		if (strncmp(s->labels[i].key, "io.slipway.rootfs.", 18) != 0)
			jw_kstr(&w, s->labels[i].key, s->labels[i].value != NULL ? s->labels[i].value : "");
	jw_end_obj(&w);
	write_linux(&w, s);
	jw_end_obj(&w);
	buf_putc(out, '\n');
	return buf_error(out) < 0 ? err_set(e, -buf_error(out), "service '%s': configuration", s->name) : 0;
}

int service_record(const struct compose_service *s, const struct oci_config *image, const char *bundle, struct svcdef *ret,
		   struct err *e)
{
	struct svcdef d = {
		.flags = s->flags, .grace_ms = s->grace_ms, .start_timeout_ms = s->start_timeout_ms,
		.restart_max = s->restart_max, .restart = s->restart, .ready = s->ready,
		.restart_window_ms = s->restart_window_ms, .log_max_bytes = s->log_max_bytes,
		.stop_signal = s->stop_signal, .shutdown_signal = s->shutdown_signal,
		.watchdog_ms = s->watchdog_ms, .fdstore_max = s->fdstore_max, .socket_count = (uint8_t)s->socket_count,
	};

	if (d.stop_signal == 0)
		d.stop_signal = (uint8_t)compose_signal(json_str_or(json_get(image->config, "StopSignal"), "SIGTERM"));
	if (d.stop_signal == 0)
		d.stop_signal = SIGTERM;
	if ((size_t)snprintf(d.name, sizeof(d.name), "%s", s->name) >= sizeof(d.name) ||
	    (size_t)snprintf(d.bundle, sizeof(d.bundle), "%s", bundle) >= sizeof(d.bundle))
		return err_say(e, E_SPEC, "service '%s': bundle path '%.120s' is longer than %d", s->name, bundle,
			       SVCDEF_BUNDLE_MAX - 1);
	*ret = d;
	return 0;
}
