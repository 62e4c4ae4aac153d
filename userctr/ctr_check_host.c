// SPDX-License-Identifier: Apache-2.0
/* HostConfig: modes, conflicts between them, and fields that are refused by name. */
#include "userctr/ctr_conf_internal.h"

#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/ctr_conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- modes of namespaces ---- */

struct mode {
	const char *key, *words; /* the values allowed, blank separated; '*' at the end: container:x too */
	const char *what;
};

static bool is_word(const char *words, const char *s)
{
	size_t n = strlen(s);

	for (const char *p = words; *p != '\0'; p += strcspn(p, " "), p += strspn(p, " "))
		if (strncmp(p, s, n) == 0 && (p[n] == ' ' || p[n] == '\0'))
			return n > 0;
	return n == 0;
}

static int check_modes(const struct json *host, struct err *e)
{
	static const struct mode modes[] = {
		{"IpcMode", "none private shareable host *", "IPC mode"},
		{"PidMode", "host *", "PID mode"},
		{"UTSMode", "host", "UTS mode"},
		{"UsernsMode", "host", "user namespace mode"},
		{"CgroupnsMode", "private host", "cgroup namespace mode"},
		{"Cgroup", "", "cgroup"},
	};

	for (size_t i = 0; i < countof(modes); i++) {
		const char *v = conf_str(host, modes[i].key), *other = mode_container(v);
		bool is_other = other != NULL && *other != '\0' && strchr(modes[i].words, '*') != NULL;
		if (strcmp(v, "*") == 0 || (!is_other && !is_word(modes[i].words, v)))
			return err_say(e, EINVAL, "invalid %s: %.100s", modes[i].what, v);
	}
	return 0;
}

static int check_network(const struct json *config, const struct json *host, struct err *e)
{
	const char *mode = conf_str(host, "NetworkMode"), *other = mode_container(mode);

	if (other == NULL && strcmp(mode, "container") != 0)
		return 0;
	if (other == NULL || *other == '\0')
		return err_say(e, EINVAL, "invalid network mode: invalid container format container:<name|id>");
	if (json_len(json_get(host, "Dns")) > 0)
		return err_say(e, EINVAL, "conflicting options: dns and the network mode");
	if (json_len(json_get(host, "ExtraHosts")) > 0)
		return err_say(e, EINVAL, "conflicting options: custom host-to-IP mapping and the network mode");
	if (json_len(json_get(host, "PortBindings")) > 0 || conf_bool(host, "PublishAllPorts"))
		return err_say(e, EINVAL, "conflicting options: port publishing and the container type network mode");
	if (conf_str(config, "MacAddress")[0] != '\0')
		return err_say(e, EINVAL, "conflicting options: mac-address and the network mode");
	return 0;
}

/* ---- lists ---- */

static bool is_ip(const char *s)
{
	struct ip unused;

	return ip_parse(s, strlen(s), &unused) == 0;
}

static int check_port(const char *spec, struct err *e)
{
	const char *slash = strchr(spec, '/');
	size_t n = slash != NULL ? (size_t)(slash - spec) : strlen(spec);
	long port = strtol(spec, NULL, 10);

	if (n > 11 || strspn(spec, "0123456789-") != n || (n > 0 && (*spec == '-' || spec[n - 1] == '-')) || port > 65535)
		return err_say(e, EINVAL, "invalid port specification: \"%.50s\"", spec);
	return 0;
}

static int check_bindings(const struct json *bindings, struct err *e)
{
	struct json_iter ports = json_iter(bindings);

	while (json_next(&ports)) {
		struct json_iter it = json_iter(ports.value);
		if (atoi(ports.key) < 1 || strchr(ports.key, '-') != NULL)
			return err_say(e, EINVAL, "invalid port specification: \"%.50s\"", ports.key);
		int r = check_port(ports.key, e);
		while (r == 0 && json_next(&it)) {
			const char *ip = conf_str(it.value, "HostIp");
			r = check_port(conf_str(it.value, "HostPort"), e);
			if (r == 0 && *ip != '\0' && !is_ip(ip))
				r = err_say(e, EINVAL, "invalid IP address: %.60s", ip);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_hosts(const struct json *hosts, struct err *e)
{
	struct json_iter it = json_iter(hosts);

	while (json_next(&it)) {
		const char *s = json_str_or(it.value, "");
		size_t n = strcspn(s, ":=");
		char addr[64] = "";
		if (n == 0 || s[n] == '\0' || strpbrk(s, " \t\r\n") != NULL)
			return err_say(e, EINVAL, "bad format for add-host: \"%.100s\"", s);
		const char *a = s + n + 1;
		size_t len = strlen(a);
		if (a[0] == '[' && len > 2 && a[len - 1] == ']')
			a++, len -= 2;
		if (len < sizeof(addr))
			memcpy(addr, a, len);
		if (strcmp(addr, "host-gateway") != 0 && !is_ip(addr))
			return err_say(e, EINVAL, "invalid IP address in add-host: \"%.60s\"", s + n + 1);
	}
	return 0;
}

static int check_dns(const struct json *host, struct err *e)
{
	struct json_iter it = json_iter(json_get(host, "Dns"));
	static const char *const lines[] = {"DnsOptions", "DnsSearch"};

	while (json_next(&it))
		if (!is_ip(json_str_or(it.value, "")))
			return err_say(e, EINVAL, "bad nameserver address: %.60s", json_str_or(it.value, ""));
	/* they become words of resolv.conf */
	for (size_t i = 0; i < countof(lines); i++)
		for (it = json_iter(json_get(host, lines[i])); json_next(&it);)
			if (strpbrk(json_str_or(it.value, ""), " \t\r\n") != NULL)
				return err_say(e, EINVAL, "invalid %s: \"%.100s\"", lines[i], json_str_or(it.value, ""));
	return 0;
}

static int check_restart(const struct json *host, struct err *e)
{
	const struct json *p = json_get(host, "RestartPolicy");
	const char *name = conf_str(p, "Name");
	int64_t max = conf_int(p, "MaximumRetryCount");

	if (strcmp(name, "on-failure") == 0) {
		if (max < 0)
			return err_say(e, EINVAL, "invalid restart policy: maximum retry count cannot be negative");
	} else if (strcmp(name, "no") == 0 || strcmp(name, "always") == 0 || strcmp(name, "unless-stopped") == 0) {
		if (max != 0)
			return err_say(e, EINVAL, "invalid restart policy: maximum retry count can only be used with 'on-failure'%s",
				       max < 0 ? " and cannot be negative" : "");
	} else {
		return err_say(e, EINVAL,
			       "invalid restart policy: unknown policy '%.50s'; use one of 'no', 'always', 'on-failure', or "
			       "'unless-stopped'",
			       name);
	}
	if (conf_bool(host, "AutoRemove") && strcmp(name, "no") != 0)
		return err_say(e, EINVAL, "can't create 'AutoRemove' container with restart policy");
	return 0;
}

/* Sysctls are the container's only when the namespace they live in is. */
static int check_sysctls(const struct json *host, struct err *e)
{
	static const char *const ipc[] = {"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall",
					  "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};
	const char *net = conf_str(host, "NetworkMode"), *ipc_mode = conf_str(host, "IpcMode");
	bool own_net = strcmp(net, "host") != 0 && mode_container(net) == NULL;
	bool own_ipc = strcmp(ipc_mode, "host") != 0 && mode_container(ipc_mode) == NULL;
	struct json_iter it = json_iter(json_get(host, "Sysctls"));

	while (json_next(&it)) {
		bool is_net = strncmp(it.key, "net.", 4) == 0, is_ipc = strncmp(it.key, "fs.mqueue.", 10) == 0;
		for (size_t i = 0; i < countof(ipc); i++)
			is_ipc |= strcmp(it.key, ipc[i]) == 0;
		bool is_uts = strcmp(it.key, "kernel.domainname") == 0 && strcmp(conf_str(host, "UTSMode"), "host") != 0;
		if (strstr(it.key, "..") != NULL || strchr(it.key, '/') != NULL || (!is_net && !is_ipc && !is_uts))
			return err_say(e, EINVAL, "sysctl \"%.100s\" is not in a separate kernel namespace", it.key);
		if ((is_net && !own_net) || (is_ipc && !own_ipc))
			return err_say(e, EINVAL, "sysctl \"%.100s\" not allowed in host namespace", it.key);
	}
	return 0;
}

/* ---- what is not there ---- */

/* A path below the cgroup mount: buildx and kubelets name one. The system's own are not a container's to be in. */
static int check_parent(const char *path, struct err *e)
{
	static const char *const own[] = {"system", "monitors"};
	const char *p = path + strspn(path, "/");

	if (strlen(path) > 512 || strpbrk(path, ":\n") != NULL)
		return err_say(e, EINVAL, "invalid CgroupParent '%.100s'", path);
	for (size_t i = 0; i < countof(own); i++)
		if (strcspn(p, "/") == strlen(own[i]) && strncmp(p, own[i], strlen(own[i])) == 0)
			return err_say(e, EINVAL, "invalid CgroupParent '%.100s': /%s is the system's own", path, own[i]);
	for (; *p != '\0'; p += strcspn(p, "/"), p += strspn(p, "/"))
		if (*p == '.' && strcspn(p, "/") <= 2 && (strcspn(p, "/") == 1 || p[1] == '.'))
			return err_say(e, EINVAL, "invalid CgroupParent '%.100s'", path);
	return 0;
}

static int check_refused(const struct json *host, struct err *e)
{
	const char *runtime = conf_str(host, "Runtime"), *iso = conf_str(host, "Isolation"), *driver = conf_str(host, "VolumeDriver");

	if (strcmp(runtime, "runc") != 0 && strcmp(runtime, "io.containerd.runc.v2") != 0)
		return err_say(e, EINVAL, "unknown or invalid runtime name: %.100s", runtime);
	if (*iso != '\0' && strcmp(iso, "default") != 0)
		return err_say(e, EINVAL, "invalid isolation '%.50s' on linux", iso);
	if (*driver != '\0' && strcmp(driver, "local") != 0)
		return err_say(e, ENOENT, "error looking up volume plugin %.100s: plugin \"%.100s\" not found", driver, driver);
	if (conf_int(host, "IOMaximumBandwidth") != 0)
		return err_say(e, EINVAL, "invalid QoS settings: linux does not support configuration of maximum bandwidth");
	if (conf_int(host, "IOMaximumIOps") != 0)
		return err_say(e, EINVAL, "invalid QoS settings: linux does not support configuration of maximum IOPs");
	if (json_len(json_get(host, "Links")) > 0)
		return err_say(e, EINVAL, "Links are not supported: connect the containers to a user-defined network");
	if (json_len(json_get(host, "DeviceRequests")) > 0) {
		struct json_iter it = json_iter(json_get(host, "DeviceRequests"));
		(void)json_next(&it);
		return err_say(e, EINVAL, "could not select device driver \"%.50s\": DeviceRequests are not supported",
			       conf_str(it.value, "Driver"));
	}
	if (json_len(json_get(host, "StorageOpt")) > 0)
		return err_say(e, EINVAL, "StorageOpt is not supported: the storage has no quotas");
	return check_parent(conf_str(host, "CgroupParent"), e);
}

static int check_annotations(const struct json *host, struct err *e)
{
	struct json_iter it = json_iter(json_get(host, "Annotations"));

	while (json_next(&it)) {
		if (it.key_len == 0)
			return err_say(e, EINVAL, "invalid Annotations: the empty string is not permitted as an annotation key");
		/* they say where a root comes from: the daemon's to write */
		if (strncmp(it.key, "io.slipway.", 11) == 0)
			return err_say(e, EINVAL, "invalid Annotations: '%.100s' is reserved", it.key);
	}
	return 0;
}

int host_check(const struct json *config, const struct json *host, struct err *e)
{
	struct security sec;
	uint64_t caps;
	struct ctr_conf unused = {0};

	int r = check_restart(host, e);
	if (r == 0)
		r = check_hosts(json_get(host, "ExtraHosts"), e);
	if (r == 0)
		r = check_bindings(json_get(host, "PortBindings"), e);
	if (r == 0)
		r = caps_read(host, &caps, e);
	if (r == 0)
		r = check_modes(host, e);
	if (r == 0)
		r = check_network(config, host, e);
	if (r == 0)
		r = check_dns(host, e);
	if (r == 0)
		r = check_annotations(host, e);
	if (r == 0)
		r = limits_check(host, /* is_update: */ false, e);
	if (r == 0)
		r = security_read(host, &sec, e);
	if (r == 0)
		r = check_sysctls(host, e);
	if (r == 0)
		r = conf_log(json_get(host, "LogConfig"), &unused, e);
	return r < 0 ? r : check_refused(host, e);
}
