// SPDX-License-Identifier: Apache-2.0
/* The flags of run and create, and the request body they make. Only what was asked for is in it: the daemon has defaults. */
#include "userctr/cli.h"
#include "userctr/cli_spec.h"

#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

const struct cli_flag cli_flags_create[] = {
	{"add-host", 0, CLI_LIST, "Add a custom host-to-IP mapping (host:ip)", NULL},
	{"annotation", 0, CLI_PAIRS, "Add an annotation to the container (passed through to the OCI runtime)", NULL},
	{"attach", 'a', CLI_LIST, "Attach to STDIN, STDOUT or STDERR", NULL},
	{"blkio-weight", 0, CLI_INT, "Block IO (relative weight), between 10 and 1000, or 0 to disable", NULL},
	{"blkio-weight-device", 0, CLI_LIST, "Block IO weight (relative device weight)", NULL},
	{"cap-add", 0, CLI_LIST, "Add Linux capabilities", NULL},
	{"cap-drop", 0, CLI_LIST, "Drop Linux capabilities", NULL},
	{"cgroup-parent", 0, CLI_STRING, "Optional parent cgroup for the container", NULL},
	{"cgroupns", 0, CLI_STRING, "Cgroup namespace to use (host|private)", NULL},
	{"cidfile", 0, CLI_STRING, "Write the container ID to the file", NULL},
	{"cpu-period", 0, CLI_INT, "Limit CPU CFS (Completely Fair Scheduler) period", NULL},
	{"cpu-quota", 0, CLI_INT, "Limit CPU CFS (Completely Fair Scheduler) quota", NULL},
	{"cpu-rt-period", 0, CLI_INT, "Limit CPU real-time period in microseconds", NULL},
	{"cpu-rt-runtime", 0, CLI_INT, "Limit CPU real-time runtime in microseconds", NULL},
	{"cpu-shares", 'c', CLI_INT, "CPU shares (relative weight)", NULL},
	{"cpus", 0, CLI_CPUS, "Number of CPUs", NULL},
	{"cpuset-cpus", 0, CLI_STRING, "CPUs in which to allow execution (0-3, 0,1)", NULL},
	{"cpuset-mems", 0, CLI_STRING, "MEMs in which to allow execution (0-3, 0,1)", NULL},
	{"detach", 'd', CLI_BOOL, "Run container in background and print container ID", NULL},
	{"detach-keys", 0, CLI_STRING, "Override the key sequence for detaching a container", NULL},
	{"device", 0, CLI_LIST, "Add a host device to the container", NULL},
	{"device-cgroup-rule", 0, CLI_LIST, "Add a rule to the cgroup allowed devices list", NULL},
	{"device-read-bps", 0, CLI_LIST, "Limit read rate (bytes per second) from a device", NULL},
	{"device-read-iops", 0, CLI_LIST, "Limit read rate (IO per second) from a device", NULL},
	{"device-write-bps", 0, CLI_LIST, "Limit write rate (bytes per second) to a device", NULL},
	{"device-write-iops", 0, CLI_LIST, "Limit write rate (IO per second) to a device", NULL},
	{"disable-content-trust", 0, CLI_BOOL, "Skip image verification", "true"},
	{"dns", 0, CLI_LIST, "Set custom DNS servers", NULL},
	{"dns-option", 0, CLI_LIST, "Set DNS options", NULL},
	{"dns-search", 0, CLI_LIST, "Set custom DNS search domains", NULL},
	{"domainname", 0, CLI_STRING, "Container NIS domain name", NULL},
	{"entrypoint", 0, CLI_STRING, "Overwrite the default ENTRYPOINT of the image", NULL},
	{"env", 'e', CLI_LIST, "Set environment variables", NULL},
	{"env-file", 0, CLI_LIST, "Read in a file of environment variables", NULL},
	{"expose", 0, CLI_LIST, "Expose a port or a range of ports", NULL},
	{"gpus", 0, CLI_STRING, "Not supported: there is no GPU runtime", NULL},
	{"group-add", 0, CLI_LIST, "Add additional groups to join", NULL},
	{"health-cmd", 0, CLI_STRING, "Command to run to check health", NULL},
	{"health-interval", 0, CLI_DURATION, "Time between running the check (ms|s|m|h)", NULL},
	{"health-retries", 0, CLI_INT, "Consecutive failures needed to report unhealthy", NULL},
	{"health-start-interval", 0, CLI_DURATION, "Time between running the check during the start period (ms|s|m|h)", NULL},
	{"health-start-period", 0, CLI_DURATION, "Start period for the container to initialize before starting "
						  "health-retries countdown (ms|s|m|h)", NULL},
	{"health-timeout", 0, CLI_DURATION, "Maximum time to allow one check to run (ms|s|m|h)", NULL},
	{"hostname", 'h', CLI_STRING, "Container host name", NULL},
	{"init", 0, CLI_BOOL, "Run an init inside the container that forwards signals and reaps processes", NULL},
	{"interactive", 'i', CLI_BOOL, "Keep STDIN open even if not attached", NULL},
	{"ip", 0, CLI_STRING, "IPv4 address (e.g., 172.30.100.104)", NULL},
	{"ip6", 0, CLI_STRING, "IPv6 address (e.g., 2001:db8::33)", NULL},
	{"ipc", 0, CLI_STRING, "IPC mode to use", NULL},
	{"isolation", 0, CLI_STRING, "Container isolation technology", NULL},
	{"label", 'l', CLI_LIST, "Set meta data on a container", NULL},
	{"label-file", 0, CLI_LIST, "Read in a line delimited file of labels", NULL},
	{"link", 0, CLI_LIST, "Add link to another container", NULL},
	{"link-local-ip", 0, CLI_LIST, "Container IPv4/IPv6 link-local addresses", NULL},
	{"log-driver", 0, CLI_STRING, "Logging driver for the container", NULL},
	{"log-opt", 0, CLI_LIST, "Log driver options", NULL},
	{"mac-address", 0, CLI_STRING, "Container MAC address (e.g., 92:d0:c6:0a:29:33)", NULL},
	{"memory", 'm', CLI_BYTES, "Memory limit", NULL},
	{"memory-reservation", 0, CLI_BYTES, "Memory soft limit", NULL},
	{"memory-swap", 0, CLI_BYTES, "Swap limit equal to memory plus swap: '-1' to enable unlimited swap", NULL},
	{"memory-swappiness", 0, CLI_INT, "Tune container memory swappiness (0 to 100)", NULL},
	{"mount", 0, CLI_MOUNT, "Attach a filesystem mount to the container", NULL},
	{"name", 0, CLI_STRING, "Assign a name to the container", NULL},
	{"network", 0, CLI_LIST, "Connect a container to a network", NULL},
	{"net", 0, CLI_LIST, "As --network", NULL},
	{"network-alias", 0, CLI_LIST, "Add network-scoped alias for the container", NULL},
	{"no-healthcheck", 0, CLI_BOOL, "Disable any container-specified HEALTHCHECK", NULL},
	{"oom-kill-disable", 0, CLI_BOOL, "Disable OOM Killer", NULL},
	{"oom-score-adj", 0, CLI_INT, "Tune host's OOM preferences (-1000 to 1000)", NULL},
	{"pid", 0, CLI_STRING, "PID namespace to use", NULL},
	{"pids-limit", 0, CLI_INT, "Tune container pids limit (set -1 for unlimited)", NULL},
	{"platform", 0, CLI_STRING, "Set platform if server is multi-platform capable", NULL},
	{"privileged", 0, CLI_BOOL, "Give extended privileges to this container", NULL},
	{"publish", 'p', CLI_LIST, "Publish a container's port(s) to the host", NULL},
	{"publish-all", 'P', CLI_BOOL, "Publish all exposed ports to random ports", NULL},
	{"pull", 0, CLI_STRING, "Pull image before running (\"always\", \"missing\", \"never\")", "missing"},
	{"quiet", 'q', CLI_BOOL, "Suppress the pull output", NULL},
	{"read-only", 0, CLI_BOOL, "Mount the container's root filesystem as read only", NULL},
	{"restart", 0, CLI_STRING, "Restart policy to apply when a container exits", "no"},
	{"rm", 0, CLI_BOOL, "Automatically remove the container and its associated anonymous volumes when it exits", NULL},
	{"runtime", 0, CLI_STRING, "Runtime to use for this container", NULL},
	{"security-opt", 0, CLI_LIST, "Security Options", NULL},
	{"shm-size", 0, CLI_BYTES, "Size of /dev/shm", NULL},
	{"sig-proxy", 0, CLI_BOOL, "Proxy received signals to the process", "true"},
	{"stop-signal", 0, CLI_STRING, "Signal to stop the container", NULL},
	{"stop-timeout", 0, CLI_INT, "Timeout (in seconds) to stop a container", NULL},
	{"storage-opt", 0, CLI_LIST, "Storage driver options for the container", NULL},
	{"sysctl", 0, CLI_PAIRS, "Sysctl options", NULL},
	{"tmpfs", 0, CLI_LIST, "Mount a tmpfs directory", NULL},
	{"tty", 't', CLI_BOOL, "Allocate a pseudo-TTY", NULL},
	{"ulimit", 0, CLI_ULIMIT, "Ulimit options", NULL},
	{"user", 'u', CLI_STRING, "Username or UID (format: <name|uid>[:<group|gid>])", NULL},
	{"userns", 0, CLI_STRING, "User namespace to use", NULL},
	{"uts", 0, CLI_STRING, "UTS namespace to use", NULL},
	{"volume", 'v', CLI_LIST, "Bind mount a volume", NULL},
	{"volume-driver", 0, CLI_STRING, "Optional volume driver for the container", NULL},
	{"volumes-from", 0, CLI_LIST, "Mount volumes from the specified container(s)", NULL},
	{"workdir", 'w', CLI_STRING, "Working directory inside the container", NULL},
	{0},
};

/* Flags that are one member each. */
struct member {
	const char *flag, *key;
};
static const struct member config_members[] = {
	{"hostname", "Hostname"}, {"domainname", "Domainname"}, {"user", "User"}, {"tty", "Tty"},
	{"interactive", "OpenStdin"}, {"workdir", "WorkingDir"}, {"stop-signal", "StopSignal"},
	{"stop-timeout", "StopTimeout"},
};
static const struct member host_members[] = {
	{"cidfile", "ContainerIDFile"}, {"rm", "AutoRemove"}, {"volume-driver", "VolumeDriver"},
	{"volumes-from", "VolumesFrom"}, {"cgroupns", "CgroupnsMode"},
	{"dns", "Dns"}, {"dns-option", "DnsOptions"}, {"dns-search", "DnsSearch"}, {"group-add", "GroupAdd"},
	{"ipc", "IpcMode"}, {"link", "Links"}, {"oom-score-adj", "OomScoreAdj"}, {"pid", "PidMode"},
	{"privileged", "Privileged"}, {"publish-all", "PublishAllPorts"}, {"read-only", "ReadonlyRootfs"},
	{"uts", "UTSMode"}, {"userns", "UsernsMode"}, {"shm-size", "ShmSize"}, {"isolation", "Isolation"},
	{"cpu-shares", "CpuShares"}, {"memory", "Memory"}, {"cpus", "NanoCpus"}, {"cgroup-parent", "CgroupParent"},
	{"blkio-weight", "BlkioWeight"}, {"cpu-period", "CpuPeriod"}, {"cpu-quota", "CpuQuota"},
	{"cpu-rt-period", "CpuRealtimePeriod"}, {"cpu-rt-runtime", "CpuRealtimeRuntime"},
	{"cpuset-cpus", "CpusetCpus"}, {"cpuset-mems", "CpusetMems"}, {"device-cgroup-rule", "DeviceCgroupRules"},
	{"memory-reservation", "MemoryReservation"}, {"memory-swap", "MemorySwap"},
	{"memory-swappiness", "MemorySwappiness"}, {"oom-kill-disable", "OomKillDisable"},
	{"pids-limit", "PidsLimit"}, {"runtime", "Runtime"}, {"init", "Init"},
};

static void put_list(struct json_writer *w, const char *key, const struct cli_value *v)
{
	if (v->n == 0)
		return;
	jw_key(w, key);
	jw_arr(w);
	for (size_t i = 0; i < v->n; i++)
		jw_str(w, v->list[i]);
	jw_end_arr(w);
}

static void put_members(struct json_writer *w, const struct cli_args *a, const struct member *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct cli_value *v = cli_get(a, m[i].flag);
		enum cli_kind kind = a->verb->flags[v - a->value].kind;
		if (!v->is_set)
			continue;
		if (kind == CLI_BOOL)
			jw_kbool(w, m[i].key, v->on);
		else if (kind == CLI_STRING)
			jw_kstr(w, m[i].key, v->text);
		else if (kind == CLI_LIST)
			put_list(w, m[i].key, v);
		else
			jw_kint(w, m[i].key, v->num);
	}
}

/* "a=b" members of an object; `divider` may be another character. A later one replaces an earlier. */
static void put_pair(struct json_writer *w, const char *s, char divider)
{
	char key[1024];
	const char *eq = strchr(s, divider);

	(void)snprintf(key, sizeof(key), "%.*s", (int)(eq != NULL ? eq - s : (long)strlen(s)), s);
	jw_kstr(w, key, eq != NULL ? eq + 1 : "");
}

static void put_map(struct json_writer *w, const char *key, const struct cli_value *v, char divider)
{
	if (v->n == 0)
		return;
	jw_key(w, key);
	jw_obj(w);
	for (size_t i = 0; i < v->n; i++) {
		size_t len = strcspn(v->list[i], (char[]){divider, '\0'});
		bool is_last = true;
		for (size_t k = i + 1; k < v->n; k++)
			is_last = is_last && !(strncmp(v->list[k], v->list[i], len) == 0 &&
					       (v->list[k][len] == divider || v->list[k][len] == '\0'));
		if (is_last)
			put_pair(w, v->list[i], divider);
	}
	jw_end_obj(w);
}

static int add_env_line(void *ctx, const char *line, size_t n)
{
	struct json_writer *w = ctx;

	if (memchr(line, '=', n) == NULL) { /* a name alone: the value from here, when there is one */
		char name[256];
		const char *v;
		(void)snprintf(name, sizeof(name), "%.*s", (int)(n < 255 ? n : 255), line);
		v = getenv(name);
		if (v == NULL)
			return 0;
		struct buf b = BUF_INIT(1u << 20);
		buf_printf(&b, "%s=%s", name, v);
		jw_strn(w, buf_str(&b), b.len);
		buf_release(&b);
		return 0;
	}
	jw_strn(w, line, n);
	return 0;
}

/* "Env" of --env-file and --env, shared with exec. */
int cli_put_env(struct json_writer *w, const struct cli_args *a, struct err *e)
{
	const struct cli_value *env = cli_get(a, "env"), *files = cli_get(a, "env-file");
	int r = 0;

	if (env->n + files->n == 0)
		return 0;
	jw_key(w, "Env");
	jw_arr(w);
	for (size_t i = 0; r == 0 && i < files->n; i++)
		r = spec_env_file(files->list[i], true, add_env_line, w, e);
	for (size_t i = 0; r == 0 && i < env->n; i++) {
		const char *s = env->list[i];
		if (s[0] == '=' || s[0] == '\0')
			r = err_say(e, EINVAL, "invalid environment variable: %s", s);
		else if (strchr(s, '=') != NULL || getenv(s) != NULL)
			r = add_env_line(w, s, strlen(s));
		else
			jw_str(w, s);
	}
	jw_end_arr(w);
	return r;
}

static int put_health(struct json_writer *w, const struct cli_args *a, struct err *e)
{
	static const struct member times[] = {
		{"health-interval", "Interval"}, {"health-timeout", "Timeout"}, {"health-start-period", "StartPeriod"},
		{"health-start-interval", "StartInterval"}, {"health-retries", "Retries"},
	};
	const char *cmd = cli_text(a, "health-cmd");
	bool has_any = cmd[0] != '\0';

	for (size_t i = 0; i < countof(times); i++) {
		has_any = has_any || cli_get(a, times[i].flag)->num != 0;
		if (cli_get(a, times[i].flag)->num < 0)
			return err_say(e, EINVAL, "--%s cannot be negative", times[i].flag);
	}
	if (cli_on(a, "no-healthcheck") && has_any)
		return err_say(e, EINVAL, "--no-healthcheck conflicts with --health-* options");
	if (!cli_on(a, "no-healthcheck") && !has_any)
		return 0;
	jw_key(w, "Healthcheck");
	jw_obj(w);
	if (cli_on(a, "no-healthcheck") || cmd[0] != '\0') {
		jw_key(w, "Test");
		jw_arr(w);
		jw_str(w, cmd[0] != '\0' ? "CMD-SHELL" : "NONE");
		if (cmd[0] != '\0')
			jw_str(w, cmd);
		jw_end_arr(w);
	}
	put_members(w, a, times, countof(times));
	jw_end_obj(w);
	return 0;
}

static bool attaches(const struct cli_args *a, const char *stream)
{
	const struct cli_value *v = cli_get(a, "attach");

	for (size_t i = 0; i < v->n; i++)
		if (strcasecmp(v->list[i], stream) == 0)
			return true;
	return v->n == 0 && (strcmp(stream, "stdin") != 0 || cli_on(a, "interactive"));
}

static void put_attach(struct json_writer *w, const struct cli_args *a)
{
	bool is_here = !cli_on(a, "detach"), in = attaches(a, "stdin");

	jw_kbool(w, "AttachStdin", is_here && in);
	jw_kbool(w, "AttachStdout", is_here && attaches(a, "stdout"));
	jw_kbool(w, "AttachStderr", is_here && attaches(a, "stderr"));
	jw_kbool(w, "StdinOnce", is_here && in && cli_on(a, "interactive"));
}

static int add_label_line(void *ctx, const char *line, size_t n)
{
	char pair[4096];

	(void)snprintf(pair, sizeof(pair), "%.*s", (int)n, line);
	put_pair(ctx, pair, '=');
	return 0;
}

static int put_labels(struct json_writer *w, const struct cli_args *a, struct err *e)
{
	const struct cli_value *files = cli_get(a, "label-file"), *labels = cli_get(a, "label");
	int r = 0;

	if (files->n == 0) {
		put_map(w, "Labels", labels, '=');
		return 0;
	}
	jw_key(w, "Labels");
	jw_obj(w);
	for (size_t i = 0; r == 0 && i < files->n; i++)
		r = spec_env_file(files->list[i], false, add_label_line, w, e);
	for (size_t i = 0; i < labels->n; i++)
		put_pair(w, labels->list[i], '=');
	jw_end_obj(w);
	return r;
}

static void put_volumes(struct json_writer *w, const struct cli_args *a)
{
	const struct cli_value *v = cli_get(a, "volume");
	size_t n = 0;
	bool is_path;

	for (size_t i = 0; i < v->n; i++)
		n += !spec_volume_has_source(v->list[i], &is_path);
	if (n == 0)
		return;
	jw_key(w, "Volumes");
	jw_obj(w);
	for (size_t i = 0; i < v->n; i++)
		if (!spec_volume_has_source(v->list[i], &is_path)) {
			jw_key(w, v->list[i]);
			jw_obj(w);
			jw_end_obj(w);
		}
	jw_end_obj(w);
}

static int put_config(struct json_writer *w, const struct cli_args *a, struct err *e)
{
	put_members(w, a, config_members, countof(config_members));
	put_attach(w, a);
	int r = cli_put_env(w, a, e);
	if (r == 0)
		r = put_health(w, a, e);
	if (r == 0)
		r = put_labels(w, a, e);
	if (r < 0)
		return r;
	if (a->argc > 1) {
		jw_key(w, "Cmd");
		jw_arr(w);
		for (int i = 1; i < a->argc; i++)
			jw_str(w, a->argv[i]);
		jw_end_arr(w);
	}
	if (cli_get(a, "entrypoint")->is_set) {
		jw_key(w, "Entrypoint");
		jw_arr(w);
		jw_str(w, cli_text(a, "entrypoint"));
		jw_end_arr(w);
	}
	jw_kstr(w, "Image", a->argv[0]);
	put_volumes(w, a);
	jw_key(w, "ExposedPorts");
	jw_obj(w);
	r = spec_exposed(w, cli_get(a, "publish"), cli_get(a, "expose"), e);
	jw_end_obj(w);
	return r;
}

static int put_restart(struct json_writer *w, const char *s, struct err *e)
{
	const char *colon = strchr(s, ':');
	char *end;
	long n = 0;

	if (s[0] == '\0')
		return 0;
	if (colon == s)
		return err_say(e, EINVAL, "invalid restart policy format: no policy provided before colon");
	if (colon != NULL) {
		n = strtol(colon + 1, &end, 10);
		if (colon[1] == '\0' || *end != '\0')
			return err_say(e, EINVAL, "invalid restart policy format: maximum retry count must be an integer");
	}
	char name[64];
	(void)snprintf(name, sizeof(name), "%.*s", (int)(colon != NULL ? colon - s : (long)strlen(s)), s);
	jw_key(w, "RestartPolicy");
	jw_obj(w);
	jw_kstr(w, "Name", name);
	jw_kint(w, "MaximumRetryCount", n);
	jw_end_obj(w);
	return 0;
}

int cli_put_restart(struct json_writer *w, const char *s, struct err *e)
{
	return put_restart(w, s, e);
}

static void put_binds(struct json_writer *w, const struct cli_args *a)
{
	const struct cli_value *v = cli_get(a, "volume");
	size_t n = 0;
	bool is_path;

	for (size_t i = 0; i < v->n; i++)
		n += spec_volume_has_source(v->list[i], &is_path);
	if (n == 0)
		return;
	jw_key(w, "Binds");
	jw_arr(w);
	for (size_t i = 0; i < v->n; i++) {
		const char *s = v->list[i];
		if (!spec_volume_has_source(s, &is_path))
			continue;
		if (s[0] != '.') {
			jw_str(w, s);
			continue;
		}
		/* relative to here; the daemon is elsewhere */
		char source[PATH_MAX], cwd[PATH_MAX];
		struct buf b = BUF_INIT(3 * PATH_MAX);
		size_t len = strcspn(s, ":");
		(void)snprintf(source, sizeof(source), "%.*s", (int)len, s);
		char *abs = realpath(source, NULL);
		if (abs != NULL)
			buf_puts(&b, abs);
		else if (getcwd(cwd, sizeof(cwd)) != NULL)
			buf_printf(&b, "%s/%s", cwd, strncmp(source, "./", 2) == 0 ? source + 2 : source);
		free(abs);
		buf_puts(&b, s + len);
		jw_strn(w, buf_str(&b), b.len);
		buf_release(&b);
	}
	jw_end_arr(w);
}

/* A seccomp profile is a file here and text there. */
static int put_seccomp(struct json_writer *w, const char *path, struct err *e)
{
	struct buf file = BUF_INIT(1u << 20), opt = BUF_INIT(1u << 20);
	struct json_doc *d = NULL;
	struct json_writer flat;
	int r = file_read(AT_FDCWD, path, &file, NULL);

	if (r < 0)
		r = err_say(e, -r, "opening seccomp profile (%s) failed: open %s: %s", path, path,
			    r == -ENOENT ? "no such file or directory" : err_text(-r));
	else if (json_parse(buf_str(&file), file.len, &d, NULL) < 0)
		r = err_say(e, EINVAL, "compacting json for seccomp profile (%s) failed", path);
	if (r == 0) {
		buf_puts(&opt, "seccomp=");
		jw_init(&flat, &opt);
		jw_value(&flat, json_root(d));
		jw_strn(w, buf_str(&opt), opt.len);
	}
	json_free(d);
	buf_release(&file);
	buf_release(&opt);
	return r;
}

static int put_security(struct json_writer *w, const struct cli_value *v, struct err *e)
{
	bool is_unmasked = false;
	int r = 0;

	if (v->n == 0)
		return 0;
	jw_key(w, "SecurityOpt");
	jw_arr(w);
	for (size_t i = 0; r == 0 && i < v->n; i++) {
		const char *s = v->list[i];
		size_t name = strcspn(s, "=:");
		if (strcmp(s, "systempaths=unconfined") == 0) {
			is_unmasked = true;
		} else if (s[name] == '\0' && strcmp(s, "no-new-privileges") != 0) {
			r = err_say(e, EINVAL, "Invalid --security-opt: \"%s\"", s);
		} else if (strncmp(s, "seccomp", name) == 0 && s[name] != '\0' && strcmp(s + name + 1, "unconfined") != 0 &&
			   strcmp(s + name + 1, "builtin") != 0) {
			r = put_seccomp(w, s + name + 1, e);
		} else {
			jw_str(w, s);
		}
	}
	jw_end_arr(w);
	if (is_unmasked) {
		static const char *const lists[] = {"MaskedPaths", "ReadonlyPaths"};
		for (size_t i = 0; i < countof(lists); i++) {
			jw_key(w, lists[i]);
			jw_arr(w);
			jw_end_arr(w);
		}
	}
	return r;
}

typedef int put_one(struct json_writer *w, const char *s, struct err *e);

static int put_each(struct json_writer *w, const char *key, const struct cli_value *v, put_one *put, struct err *e)
{
	int r = 0;

	if (v->n == 0)
		return 0;
	jw_key(w, key);
	jw_arr(w);
	for (size_t i = 0; r == 0 && i < v->n; i++)
		r = put(w, v->list[i], e);
	jw_end_arr(w);
	return r;
}

static int put_weight(struct json_writer *w, const char *s, struct err *e)
{
	return spec_throttle(w, s, true, false, e);
}

static int put_bps(struct json_writer *w, const char *s, struct err *e)
{
	return spec_throttle(w, s, false, true, e);
}

static int put_iops(struct json_writer *w, const char *s, struct err *e)
{
	return spec_throttle(w, s, false, false, e);
}

static int put_host_entry(struct json_writer *w, const char *s, struct err *e)
{
	size_t n = strcspn(s, ":=");
	struct buf b = BUF_INIT(4096);

	if (n == 0 || s[n] == '\0')
		return err_say(e, EINVAL, "bad format for add-host: \"%s\"", s);
	buf_printf(&b, "%.*s:", (int)n, s);
	const char *ip = s + n + 1; /* "[::1]" is ::1 */
	size_t len = strlen(ip);
	if (len > 2 && ip[0] == '[' && ip[len - 1] == ']')
		buf_put(&b, ip + 1, len - 2);
	else
		buf_put(&b, ip, len);
	jw_strn(w, buf_str(&b), b.len);
	buf_release(&b);
	return 0;
}

static void put_log(struct json_writer *w, const struct cli_args *a)
{
	if (cli_text(a, "log-driver")[0] == '\0' && cli_get(a, "log-opt")->n == 0)
		return;
	jw_key(w, "LogConfig");
	jw_obj(w);
	jw_kstr(w, "Type", cli_text(a, "log-driver"));
	put_map(w, "Config", cli_get(a, "log-opt"), '=');
	jw_end_obj(w);
}

static const struct {
	const char *flag, *key;
	put_one *put;
} host_lists[] = {
	{"mount", "Mounts", spec_mount},	       {"device", "Devices", spec_device},
	{"ulimit", "Ulimits", spec_ulimit},	       {"add-host", "ExtraHosts", put_host_entry},
	{"blkio-weight-device", "BlkioWeightDevice", put_weight},
	{"device-read-bps", "BlkioDeviceReadBps", put_bps},   {"device-write-bps", "BlkioDeviceWriteBps", put_bps},
	{"device-read-iops", "BlkioDeviceReadIOps", put_iops}, {"device-write-iops", "BlkioDeviceWriteIOps", put_iops},
};

/* "name=web,alias=x" or just "web": the name */
static void network_name(const char *s, char *out, size_t size)
{
	char field[512];
	const char *at = s;

	(void)snprintf(out, size, "%s", s);
	if (strchr(s, '=') == NULL)
		return;
	out[0] = '\0';
	while (spec_csv(&at, field, sizeof(field)))
		if (strncasecmp(field, "name=", 5) == 0)
			(void)snprintf(out, size, "%.255s", field + 5);
}

static const struct cli_value *networks(const struct cli_args *a)
{
	const struct cli_value *v = cli_get(a, "network");
	return v->n > 0 ? v : cli_get(a, "net");
}

/* "net_admin" is CAP_NET_ADMIN. */
static const char *capability(const char *s, char out[64])
{
	size_t n = 0;

	if (strcasecmp(s, "all") != 0 && strncasecmp(s, "CAP_", 4) != 0)
		n = (size_t)snprintf(out, 64, "CAP_");
	for (; *s != '\0' && n + 1 < 64; s++)
		out[n++] = (char)toupper((unsigned char)*s);
	out[n] = '\0';
	return out;
}

static bool has_capability(const struct cli_value *v, size_t n, const char *want)
{
	char name[64];

	for (size_t i = 0; i < n; i++)
		if (strcmp(capability(v->list[i], name), want) == 0)
			return true;
	return false;
}

/* Each once; ALL stands alone; what is added is not dropped. */
static void put_capabilities(struct json_writer *w, const char *key, const struct cli_value *v, const struct cli_value *added)
{
	char name[64];
	bool is_all = has_capability(v, v->n, "ALL");

	if (v->n == 0)
		return;
	jw_key(w, key);
	jw_arr(w);
	for (size_t i = 0; i < v->n && !is_all; i++) {
		(void)capability(v->list[i], name);
		if (!has_capability(v, i, name) && (added == NULL || !has_capability(added, added->n, name)))
			jw_str(w, name);
	}
	if (is_all)
		jw_str(w, "ALL");
	jw_end_arr(w);
}

static int put_host(struct json_writer *w, const struct cli_args *a, struct err *e)
{
	char name[256] = "default";
	struct winsize ws;
	int r = 0;

	put_members(w, a, host_members, countof(host_members));
	put_capabilities(w, "CapAdd", cli_get(a, "cap-add"), NULL);
	put_capabilities(w, "CapDrop", cli_get(a, "cap-drop"), cli_get(a, "cap-add"));
	put_binds(w, a);
	put_log(w, a);
	if (networks(a)->n > 0)
		network_name(networks(a)->list[0], name, sizeof(name));
	if (name[0] == '\0')
		return err_say(e, EINVAL, "no name set for network");
	jw_kstr(w, "NetworkMode", name);
	put_map(w, "Sysctls", cli_get(a, "sysctl"), '=');
	put_map(w, "StorageOpt", cli_get(a, "storage-opt"), '=');
	put_map(w, "Annotations", cli_get(a, "annotation"), '=');
	put_map(w, "Tmpfs", cli_get(a, "tmpfs"), ':');
	if (cli_on(a, "tty") && ioctl(1, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0) {
		jw_key(w, "ConsoleSize");
		jw_arr(w);
		jw_int(w, ws.ws_row);
		jw_int(w, ws.ws_col);
		jw_end_arr(w);
	}
	jw_key(w, "PortBindings");
	jw_obj(w);
	r = spec_bindings(w, cli_get(a, "publish"), e);
	jw_end_obj(w);
	for (size_t i = 0; r == 0 && i < countof(host_lists); i++)
		r = put_each(w, host_lists[i].key, cli_get(a, host_lists[i].flag), host_lists[i].put, e);
	if (r == 0)
		r = put_security(w, cli_get(a, "security-opt"), e);
	return r < 0 ? r : put_restart(w, cli_text(a, "restart"), e);
}

/* Collected options of one network. */
struct endpoint {
	const char *ip, *ip6, *mac;
	const char *list[3][64]; /* aliases, driver options, link-local addresses */
	size_t n[3];
	int64_t priority;
};

static void endpoint_add(struct endpoint *ep, int which, const char *s)
{
	if (ep->n[which] < countof(ep->list[which]))
		ep->list[which][ep->n[which]++] = s;
}

static int parse_endpoint(const char *s, struct arena *mem, struct endpoint *ep, struct err *e)
{
	char field[512];

	if (strchr(s, '=') == NULL)
		return 0;
	while (spec_csv(&s, field, sizeof(field))) {
		char *v = strchr(field, '=');
		if (v == NULL)
			return err_say(e, EINVAL, "invalid key=value pair '%s'", field);
		*v++ = '\0';
		const char *kept = arena_copy(mem, v, strlen(v));
		if (strcasecmp(field, "alias") == 0)
			endpoint_add(ep, 0, kept);
		else if (strcasecmp(field, "driver-opt") == 0)
			endpoint_add(ep, 1, kept);
		else if (strcasecmp(field, "link-local-ip") == 0)
			endpoint_add(ep, 2, kept);
		else if (strcasecmp(field, "ip") == 0)
			ep->ip = kept;
		else if (strcasecmp(field, "ip6") == 0)
			ep->ip6 = kept;
		else if (strcasecmp(field, "mac-address") == 0)
			ep->mac = kept;
		else if (strcasecmp(field, "gw-priority") == 0)
			ep->priority = strtol(v, NULL, 10);
		else if (strcasecmp(field, "name") != 0)
			return err_say(e, EINVAL, "invalid field key %s", field);
	}
	return 0;
}

static void put_endpoint(struct json_writer *w, const struct endpoint *ep)
{
	jw_obj(w);
	if (ep->ip[0] != '\0' || ep->ip6[0] != '\0' || ep->n[2] > 0) {
		jw_key(w, "IPAMConfig");
		jw_obj(w);
		if (ep->ip[0] != '\0')
			jw_kstr(w, "IPv4Address", ep->ip);
		if (ep->ip6[0] != '\0')
			jw_kstr(w, "IPv6Address", ep->ip6);
		put_list(w, "LinkLocalIPs", &(struct cli_value){.list = (const char **)ep->list[2], .n = ep->n[2]});
		jw_end_obj(w);
	}
	put_list(w, "Aliases", &(struct cli_value){.list = (const char **)ep->list[0], .n = ep->n[0]});
	put_map(w, "DriverOpts", &(struct cli_value){.list = (const char **)ep->list[1], .n = ep->n[1]}, '=');
	if (ep->mac[0] != '\0')
		jw_kstr(w, "MacAddress", ep->mac);
	if (ep->priority != 0)
		jw_kint(w, "GwPriority", ep->priority);
	jw_end_obj(w);
}

static int put_networks(struct json_writer *w, const struct cli_args *a, struct err *e)
{
	struct arena mem = ARENA_INIT(1u << 20);
	static const char *const one[] = {"default"};
	const struct cli_value *v = networks(a), none = {.list = (const char **)one, .n = 1};
	const struct cli_value *alias = cli_get(a, "network-alias"), *local = cli_get(a, "link-local-ip");
	char name[256];
	int r = 0;

	v = v->n > 0 ? v : &none;
	jw_key(w, "NetworkingConfig");
	jw_obj(w);
	jw_key(w, "EndpointsConfig");
	jw_obj(w);
	for (size_t i = 0; r == 0 && i < v->n; i++) {
		struct endpoint ep = {.ip = "", .ip6 = "", .mac = ""};
		if (i == 0) { /* the flags of their own are of the first network */
			ep.ip = cli_text(a, "ip");
			ep.ip6 = cli_text(a, "ip6");
			ep.mac = cli_text(a, "mac-address");
			for (size_t k = 0; k < alias->n; k++)
				endpoint_add(&ep, 0, alias->list[k]);
			for (size_t k = 0; k < local->n; k++)
				endpoint_add(&ep, 2, local->list[k]);
		}
		network_name(v->list[i], name, sizeof(name));
		r = parse_endpoint(v->list[i], &mem, &ep, e);
		jw_key(w, name);
		put_endpoint(w, &ep);
	}
	jw_end_obj(w);
	jw_end_obj(w);
	arena_release(&mem);
	return r;
}

int cli_create_body(const struct cli_args *a, struct buf *out, struct err *e)
{
	struct json_writer w;

	if (cli_text(a, "gpus")[0] != '\0')
		return err_say(e, EINVAL, "--gpus is not supported here: there is no GPU runtime");
	jw_init(&w, out);
	jw_obj(&w);
	int r = put_config(&w, a, e);
	if (r == 0) {
		jw_key(&w, "HostConfig");
		jw_obj(&w);
		r = put_host(&w, a, e);
		jw_end_obj(&w);
	}
	if (r == 0)
		r = put_networks(&w, a, e);
	jw_end_obj(&w);
	return r < 0 ? r : buf_error(out) < 0 ? err_set(e, -buf_error(out), "the request") : 0;
}
