// SPDX-License-Identifier: Apache-2.0
/* config.json of a container, and the process object of an exec. */
#include "userctr/ctr_conf.h"
#include "userctr/ctr_conf_internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/seccomp_default.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENV_OWN	     4 /* PATH, HOSTNAME, TERM, HOME */
#define NOFILE_SOFT  1024
#define NOFILE_HARD  524288
#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const struct field exec_fields[] = {
	{"User", SHAPE_STR, "\"\"", false, NULL},	{"Privileged", SHAPE_BOOL, "false", false, NULL},
	{"Tty", SHAPE_BOOL, "false", false, NULL},	{"ConsoleSize", SHAPE_SIZE, "[0,0]", false, NULL},
	{"AttachStdin", SHAPE_BOOL, "false", false, NULL}, {"AttachStderr", SHAPE_BOOL, "false", false, NULL},
	{"AttachStdout", SHAPE_BOOL, "false", false, NULL}, {"DetachKeys", SHAPE_STR, "\"\"", false, NULL},
	{"Env", SHAPE_STRS, "null", false, NULL},	{"WorkingDir", SHAPE_STR, "\"\"", false, NULL},
	{"Cmd", SHAPE_WORDS, "null", false, NULL},	{0},
};

/* ---- environment ---- */

struct env {
	const char **v; /* owned array of borrowed strings */
	size_t n, max;
};

static size_t env_find(const struct env *x, const char *var, size_t len)
{
	size_t i = 0;

	while (i < x->n && (strncmp(x->v[i], var, len) != 0 || x->v[i][len] != '='))
		i++;
	return i;
}

/* A variable that is there is replaced in its place; one without '=' is taken away. */
static void env_set(struct env *x, const char *var)
{
	size_t len = strcspn(var, "="), i = env_find(x, var, len);

	if (var[len] == '=' && (i < x->n || x->n < x->max)) {
		x->v[i] = var;
		x->n += i == x->n;
	} else if (var[len] == '\0' && i < x->n) {
		memmove(&x->v[i], &x->v[i + 1], (x->n - i - 1) * sizeof(x->v[0]));
		x->n--;
	}
}

static void env_list(struct env *x, const struct json *list)
{
	struct json_iter it = json_iter(list);

	while (json_next(&it))
		env_set(x, json_str_or(it.value, ""));
}

/* extra: of an exec, or NULL. */
static int write_env(struct json_writer *w, const struct ctr_conf *c, const struct ctr_facts *f, const struct json *extra,
		     bool is_tty, struct err *e)
{
	char hostname[96], home[300];
	struct env x = {.max = json_len(json_get(c->config, "Env")) + json_len(extra) + ENV_OWN};

	x.v = calloc(x.max, sizeof(*x.v));

	if (x.v == NULL)
		return err_set(e, ENOMEM, "environment");
	(void)snprintf(hostname, sizeof(hostname), "HOSTNAME=%.80s", conf_str(c->config, "Hostname"));
	(void)snprintf(home, sizeof(home), "HOME=%.280s", f->home != NULL && f->home[0] != '\0' ? f->home : "/");
	env_set(&x, PATH_DEFAULT);
	env_set(&x, hostname);
	if (is_tty)
		env_set(&x, "TERM=xterm");
	env_list(&x, json_get(c->config, "Env"));
	env_list(&x, extra);
	if (env_find(&x, "HOME", 4) == x.n)
		env_set(&x, home);
	jw_arr(w);
	for (size_t i = 0; i < x.n; i++)
		jw_str(w, x.v[i]);
	jw_end_arr(w);
	free(x.v);
	return 0;
}

/* ---- process ---- */

static void write_user(struct json_writer *w, const struct ctr_facts *f)
{
	jw_obj(w);
	jw_kint(w, "uid", f->uid);
	jw_kint(w, "gid", f->gid);
	jw_key(w, "additionalGids");
	jw_arr(w);
	jw_int(w, f->gid);
	for (size_t i = 0; i < f->n_groups; i++)
		if (f->groups[i] != f->gid)
			jw_int(w, f->groups[i]);
	jw_end_arr(w);
	jw_end_obj(w);
}

static void write_console(struct json_writer *w, const struct json *size)
{
	struct json_iter it = json_iter(size);
	int64_t n[2] = {0};

	for (size_t i = 0; i < 2 && json_next(&it); i++)
		n[i] = json_int(it.value, 0);
	if (n[0] == 0 || n[1] == 0)
		return;
	jw_key(w, "consoleSize");
	jw_obj(w);
	jw_kint(w, "height", n[0]);
	jw_kint(w, "width", n[1]);
	jw_end_obj(w);
}

static void copy_strings(struct json_writer *w, const struct json *list)
{
	struct json_iter it = json_iter(list);

	while (json_next(&it))
		jw_value(w, it.value);
}

static void write_limit(struct json_writer *w, const char *name, int64_t hard, int64_t soft)
{
	char type[40] = "RLIMIT_";
	size_t n = 7;

	for (; *name != '\0' && n + 1 < sizeof(type); name++)
		type[n++] = (char)(*name & ~0x20);
	jw_obj(w);
	jw_kstr(w, "type", type);
	jw_kuint(w, "hard", hard < 0 ? UINT64_MAX : (uint64_t)hard);
	jw_kuint(w, "soft", soft < 0 ? UINT64_MAX : (uint64_t)soft);
	jw_end_obj(w);
}

/* A daemon's own limits are not a container's: what was not asked for is said too. */
static void write_limits(struct json_writer *w, const struct json *host, const struct ctr_facts *f)
{
	struct json_iter it = json_iter(json_get(host, "Ulimits"));
	bool has_nofile = false;

	jw_arr(w);
	while (json_next(&it)) {
		const char *name = conf_str(it.value, "Name");
		has_nofile |= strcmp(name, "nofile") == 0;
		write_limit(w, name, conf_int(it.value, "Hard"), conf_int(it.value, "Soft"));
	}
	if (!has_nofile)
		write_limit(w, "nofile", f->nofile_max != 0 && f->nofile_max < NOFILE_HARD ? (int64_t)f->nofile_max : NOFILE_HARD,
			    NOFILE_SOFT);
	jw_end_arr(w);
}

static uint64_t caps_of(const struct ctr_conf *c, const struct ctr_facts *f)
{
	uint64_t caps = 0;

	(void)caps_read(c->host, &caps, NULL); /* checked when the container was made */
	return f->caps_have != 0 ? caps & f->caps_have : caps;
}

static int write_process(struct json_writer *w, const struct ctr_conf *c, const struct ctr_facts *f, struct err *e)
{
	const char *dir = conf_str(c->config, "WorkingDir");
	struct security sec;

	int r = security_read(c->host, &sec, e);
	if (r < 0)
		return r;
	jw_obj(w);
	if (c->want_tty) {
		jw_kbool(w, "terminal", true);
		write_console(w, json_get(c->host, "ConsoleSize"));
	}
	jw_key(w, "user");
	write_user(w, f);
	jw_key(w, "args");
	jw_arr(w);
	if (conf_bool(c->host, "Init") && f->init_path != NULL) {
		jw_str(w, "/sbin/docker-init");
		jw_str(w, "--");
	}
	copy_strings(w, json_get(c->config, "Entrypoint"));
	copy_strings(w, json_get(c->config, "Cmd"));
	jw_end_arr(w);
	jw_key(w, "env");
	r = write_env(w, c, f, /* extra: */ NULL, c->want_tty, e);
	jw_kstr(w, "cwd", *dir != '\0' ? dir : "/");
	jw_key(w, "capabilities");
	caps_write(w, caps_of(c, f));
	jw_key(w, "rlimits");
	write_limits(w, c->host, f);
	if (sec.no_new_privileges)
		jw_kbool(w, "noNewPrivileges", true);
	jw_kint(w, "oomScoreAdj", conf_int(c->host, "OomScoreAdj"));
	jw_end_obj(w);
	return r;
}

/* ---- linux ---- */

static void write_namespace(struct json_writer *w, const char *type, const char *path)
{
	jw_obj(w);
	jw_kstr(w, "type", type);
	if (path != NULL)
		jw_kstr(w, "path", path);
	jw_end_obj(w);
}

static void write_namespaces(struct json_writer *w, const struct ctr_conf *c, const struct ctr_facts *f)
{
	jw_arr(w);
	write_namespace(w, "mount", NULL);
	if (f->netns_path != NULL || strcmp(c->network_mode, "host") != 0)
		write_namespace(w, "network", f->netns_path);
	if (strcmp(conf_str(c->host, "UTSMode"), "host") != 0)
		write_namespace(w, "uts", NULL);
	if (f->pidns_path != NULL || strcmp(conf_str(c->host, "PidMode"), "host") != 0)
		write_namespace(w, "pid", f->pidns_path);
	if (f->ipcns_path != NULL || strcmp(conf_str(c->host, "IpcMode"), "host") != 0)
		write_namespace(w, "ipc", f->ipcns_path);
	if (strcmp(conf_str(c->host, "CgroupnsMode"), "host") != 0)
		write_namespace(w, "cgroup", NULL);
	jw_end_arr(w);
}

static void write_sysctls(struct json_writer *w, const struct ctr_conf *c)
{
	static const struct {
		const char *key, *value;
	} own[] = {{"net.ipv4.ip_unprivileged_port_start", "0"}, {"net.ipv4.ping_group_range", "0 2147483647"}};
	const struct json *asked = json_get(c->host, "Sysctls");
	struct json_iter it = json_iter(asked);
	bool is_private = strcmp(c->network_mode, "host") != 0 && mode_container(c->network_mode) == NULL;

	if (!is_private && json_len(asked) == 0)
		return;
	jw_key(w, "sysctl");
	jw_obj(w);
	for (size_t i = 0; is_private && i < countof(own); i++)
		if (json_get(asked, own[i].key) == NULL)
			jw_kstr(w, own[i].key, own[i].value);
	while (json_next(&it))
		jw_kstr(w, it.key, json_str_or(it.value, ""));
	jw_end_obj(w);
}

static int write_seccomp(struct json_writer *w, const struct ctr_conf *c, const struct ctr_facts *f, struct err *e)
{
	struct security sec;

	int r = security_read(c->host, &sec, e);
	if (r < 0 || !sec.want_seccomp)
		return r;
	jw_key(w, "seccomp");
	if (sec.seccomp != NULL)
		return seccomp_profile_write(w, sec.seccomp, caps_of(c, f), e);
	seccomp_default_write(w, caps_of(c, f));
	return 0;
}

static int write_linux(struct json_writer *w, const struct ctr_conf *c, const struct ctr_facts *f, struct err *e)
{
	static const struct {
		const char *docker, *oci;
	} paths[] = {{"MaskedPaths", "maskedPaths"}, {"ReadonlyPaths", "readonlyPaths"}};

	jw_obj(w);
	write_sysctls(w, c);
	jw_key(w, "resources");
	int r = resources_write(w, c, /* with_devices: */ true, e);
	jw_kstr(w, "cgroupsPath", f->cgroup);
	jw_key(w, "namespaces");
	write_namespaces(w, c, f);
	if (r == 0)
		r = devices_write(w, c->host, e);
	if (r == 0)
		r = write_seccomp(w, c, f, e);
	for (size_t i = 0; i < countof(paths); i++)
		if (json_len(json_get(c->host, paths[i].docker)) > 0) {
			jw_key(w, paths[i].oci);
			jw_value(w, json_get(c->host, paths[i].docker));
		}
	jw_end_obj(w);
	return r;
}

/* ---- the whole ---- */

static void write_annotations(struct json_writer *w, const struct ctr_conf *c, const struct ctr_facts *f)
{
	struct json_iter it = json_iter(json_get(c->host, "Annotations"));
	const struct {
		const char *key, *value;
	} own[] = {
		{"io.slipway.rootfs.lower", f->lower}, {"io.slipway.rootfs.upper", f->upper}, {"io.slipway.rootfs.work", f->work},
	};

	jw_key(w, "annotations");
	jw_obj(w);
	while (json_next(&it))
		jw_kstr(w, it.key, json_str_or(it.value, ""));
	for (size_t i = 0; i < countof(own); i++)
		if (own[i].value != NULL)
			jw_kstr(w, own[i].key, own[i].value);
	jw_end_obj(w);
}

int ctr_spec_write(struct buf *out, const struct ctr_conf *c, const struct ctr_facts *f, struct err *e)
{
	struct json_writer w;

	jw_init(&w, out);
	jw_obj(&w);
	jw_kstr(&w, "ociVersion", "1.2.1");
	jw_key(&w, "process");
	int r = write_process(&w, c, f, e);
	jw_key(&w, "root");
	jw_obj(&w);
	jw_kstr(&w, "path", "rootfs");
	if (conf_bool(c->host, "ReadonlyRootfs"))
		jw_kbool(&w, "readonly", true);
	jw_end_obj(&w);
	if (strcmp(conf_str(c->host, "UTSMode"), "host") != 0) {
		jw_kstr(&w, "hostname", conf_str(c->config, "Hostname"));
		if (conf_str(c->config, "Domainname")[0] != '\0')
			jw_kstr(&w, "domainname", conf_str(c->config, "Domainname"));
	}
	jw_key(&w, "mounts");
	if (r == 0)
		r = spec_mounts_write(&w, c, f, e);
	write_annotations(&w, c, f);
	jw_key(&w, "linux");
	if (r == 0)
		r = write_linux(&w, c, f, e);
	jw_end_obj(&w);
	if (r == 0 && buf_error(out) < 0)
		r = err_set(e, -buf_error(out), "write the configuration of the container");
	return r;
}

static int write_exec(struct json_writer *w, const struct ctr_conf *c, const struct ctr_facts *f, const struct json *x, struct err *e)
{
	const char *dir = conf_str(x, "WorkingDir");
	bool is_tty = conf_bool(x, "Tty");
	uint64_t all = 0;

	if (*dir == '\0')
		dir = conf_str(c->config, "WorkingDir");
	else if (*dir != '/')
		return err_say(e, EINVAL, "the working directory '%.200s' is invalid, it needs to be an absolute path", dir);
	jw_obj(w);
	if (is_tty) {
		jw_kbool(w, "terminal", true);
		write_console(w, json_get(x, "ConsoleSize"));
	}
	jw_key(w, "user");
	write_user(w, f);
	jw_key(w, "args");
	jw_value(w, json_get(x, "Cmd"));
	jw_key(w, "env");
	int r = write_env(w, c, f, json_get(x, "Env"), is_tty || c->want_tty, e);
	jw_kstr(w, "cwd", *dir != '\0' ? dir : "/");
	jw_key(w, "capabilities");
	all = f->caps_have != 0 ? f->caps_have : UINT64_MAX;
	caps_write(w, conf_bool(x, "Privileged") ? all : caps_of(c, f));
	jw_key(w, "rlimits");
	write_limits(w, c->host, f);
	struct security sec;
	if (security_read(c->host, &sec, NULL) == 0 && sec.no_new_privileges)
		jw_kbool(w, "noNewPrivileges", true);
	jw_kint(w, "oomScoreAdj", conf_int(c->host, "OomScoreAdj"));
	jw_end_obj(w);
	return r;
}

int exec_spec_write(struct buf *out, const struct ctr_conf *c, const struct ctr_facts *f, const struct json *body,
		    struct err *e)
{
	struct buf text = BUF_INIT((size_t)8 << 20);
	struct json_doc *doc = NULL;
	struct json_writer w;

	jw_init(&w, &text);
	int r = shape_read(&w, exec_fields, body, "ExecOptions", e);
	if (r == 0)
		r = buf_error(&text) < 0 ? err_set(e, -buf_error(&text), "exec") : json_parse(text.data, text.len, &doc, e);
	buf_release(&text);
	if (r < 0)
		return r;
	const struct json *x = json_root(doc);
	if (json_len(json_get(x, "Cmd")) == 0)
		r = err_say(e, EINVAL, "No exec command specified");
	else if (json_len(json_get(x, "Env")) > 4096)
		r = err_say(e, E_LIMIT, "Env has more than 4096 entries");
	jw_init(&w, out);
	if (r == 0)
		r = write_exec(&w, c, f, x, e);
	if (r == 0 && buf_error(out) < 0)
		r = err_set(e, -buf_error(out), "write the process");
	json_free(doc);
	return r;
}
