// SPDX-License-Identifier: Apache-2.0
/* What a container was asked to be: the request merged with the image's configuration and filled with defaults. */
#include "userctr/ctr_conf.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/store.h"
#include "userctr/ctr_conf_internal.h"
#include "userctr/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define DOC_MAX	  ((size_t)8 << 20)
#define EDITS_MAX 24
#define COUNT_MAX 4096 /* variables, labels, ports, volumes */

/* Values that replace those of a document. */
struct edits {
	struct buf text[EDITS_MAX]; /* owned */
	struct patch v[EDITS_MAX];
	size_t n;
	struct json_writer w;
};

/* A writer for the value of key. */
static struct json_writer *edit(struct edits *x, const char *key)
{
	buf_init(&x->text[x->n], DOC_MAX);
	jw_init(&x->w, &x->text[x->n]);
	x->v[x->n++].key = key;
	return &x->w;
}

/* Apply them: the document is replaced. They are spent either way. */
static int edits_apply(struct edits *x, const struct field *fields, struct json_doc **doc, struct err *e)
{
	struct buf out = BUF_INIT(DOC_MAX);
	struct json_writer w;
	struct json_doc *next = NULL;
	int r = 0;

	for (size_t i = 0; i < x->n; i++) {
		r = r < 0 ? r : buf_error(&x->text[i]);
		x->v[i].json = buf_str(&x->text[i]);
	}
	jw_init(&w, &out);
	shape_print(&w, fields, json_root(*doc), x->v, x->n);
	if (r == 0)
		r = buf_error(&out);
	r = r < 0 ? err_set(e, -r, "container configuration") : json_parse(out.data, out.len, &next, e);
	buf_release(&out);
	for (size_t i = 0; i < x->n; i++)
		buf_release(&x->text[i]);
	x->n = 0;
	if (r < 0)
		return r;
	json_free(*doc);
	*doc = next;
	return 0;
}

static int normalize(const struct field *fields, const struct json *in, const char *where, struct json_doc **ret, struct err *e)
{
	struct buf out = BUF_INIT(DOC_MAX);
	struct json_writer w;

	jw_init(&w, &out);
	int r = shape_read(&w, fields, in, where, e);
	if (r == 0 && buf_error(&out) < 0)
		r = err_set(e, -buf_error(&out), "container configuration");
	if (r == 0)
		r = json_parse(out.data, out.len, ret, e);
	buf_release(&out);
	return r;
}

/* ---- the image's part ---- */

/* The user's environment, then what the image has and the user did not name. */
static void merge_env(struct json_writer *w, const struct json *user, const struct json *image)
{
	struct json_iter it = json_iter(user);

	jw_arr(w);
	while (json_next(&it))
		jw_value(w, it.value);
	struct json_iter im = json_iter(image);
	while (json_next(&im)) {
		const char *v = json_str_or(im.value, "");
		size_t n = strcspn(v, "=");
		bool is_named = false;
		it = json_iter(user);
		while (json_next(&it)) {
			const char *u = json_str_or(it.value, "");
			is_named |= strncmp(u, v, n) == 0 && (u[n] == '=' || u[n] == '\0');
		}
		if (!is_named)
			jw_value(w, im.value);
	}
	jw_end_arr(w);
}

/* Pairs of both objects; mine win. */
static void merge_maps(struct json_writer *w, const struct json *mine, const struct json *other, bool is_set)
{
	struct json_iter it = json_iter(mine);

	jw_obj(w);
	while (json_next(&it)) {
		jw_key(w, it.key);
		jw_value(w, it.value);
	}
	it = json_iter(other);
	while (json_next(&it)) {
		if (json_get(mine, it.key) != NULL)
			continue;
		jw_key(w, it.key);
		if (is_set) { /* whatever an image has there */
			jw_obj(w);
			jw_end_obj(w);
		} else {
			jw_value(w, it.value);
		}
	}
	jw_end_obj(w);
}

static void merge_health(struct edits *x, const struct json *mine, const struct json *image)
{
	static const char *const fields[] = {"Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"};
	struct json_writer *w = edit(x, "Healthcheck");

	jw_obj(w);
	for (size_t i = 0; i < countof(fields); i++) {
		const struct json *v = json_get(mine, fields[i]);
		bool is_unset = v == NULL || (i == 0 ? json_len(v) == 0 : json_int(v, 0) == 0);
		v = is_unset ? json_get(image, fields[i]) : v;
		if (v != NULL) {
			jw_key(w, fields[i]);
			jw_value(w, v);
		}
	}
	jw_end_obj(w);
}

static void merge_command(struct edits *x, const struct json *mine, const struct json *image)
{
	const struct json *entry = json_get(mine, "Entrypoint");
	struct json_iter it = json_iter(entry);

	/* [""] takes the image's away, and its command with it */
	if (json_len(entry) == 1 && json_next(&it) && json_str_len(it.value) == 0) {
		jw_null(edit(x, "Entrypoint"));
		return;
	}
	if (json_len(entry) > 0)
		return;
	if (json_len(json_get(mine, "Cmd")) == 0 && conf_is_set(image, "Cmd"))
		jw_value(edit(x, "Cmd"), json_get(image, "Cmd"));
	if (!conf_is_set(mine, "Entrypoint") && conf_is_set(image, "Entrypoint"))
		jw_value(edit(x, "Entrypoint"), json_get(image, "Entrypoint"));
}

/* Merging compares every pair; a hostile request or image shall not make that long. */
static int check_counts(const struct json *v, struct err *e)
{
	static const char *const fields[] = {"Env", "Labels", "ExposedPorts", "Volumes"};

	for (size_t i = 0; i < countof(fields); i++)
		if (json_len(json_get(v, fields[i])) > COUNT_MAX)
			return err_say(e, E_LIMIT, "%s has more than %d entries", fields[i], COUNT_MAX);
	return 0;
}

static int merge(struct json_doc **config, const struct json *image, const char *hostname, struct err *e)
{
	static const char *const plain[] = {"User", "WorkingDir", "StopSignal"};
	static const char *const sets[] = {"ExposedPorts", "Volumes"};
	const struct json *mine = json_root(*config);
	struct edits x = {0};

	int r = check_counts(mine, e);
	if (r == 0)
		r = check_counts(image, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < countof(plain); i++)
		if (conf_str(mine, plain[i])[0] == '\0' && conf_str(image, plain[i])[0] != '\0')
			jw_value(edit(&x, plain[i]), json_get(image, plain[i]));
	for (size_t i = 0; i < countof(sets); i++)
		if (json_len(json_get(image, sets[i])) > 0)
			merge_maps(edit(&x, sets[i]), json_get(mine, sets[i]), json_get(image, sets[i]), /* is_set: */ true);
	merge_env(edit(&x, "Env"), json_get(mine, "Env"), json_get(image, "Env"));
	merge_maps(edit(&x, "Labels"), json_get(mine, "Labels"), json_get(image, "Labels"), /* is_set: */ false);
	merge_command(&x, mine, image);
	if (conf_is_set(image, "Healthcheck"))
		merge_health(&x, json_get(mine, "Healthcheck"), json_get(image, "Healthcheck"));
	if (conf_str(mine, "Hostname")[0] == '\0')
		jw_str(edit(&x, "Hostname"), hostname);
	return edits_apply(&x, config_fields, config, e);
}

/* ---- defaults of HostConfig ---- */

static void put_strings(struct json_writer *w, const char *const *v, size_t n)
{
	jw_arr(w);
	for (size_t i = 0; i < n; i++)
		jw_str(w, v[i]);
	jw_end_arr(w);
}

static void fill_paths(struct edits *x, const struct json *host, bool is_open)
{
	static const char *const masked[] = {
		"/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
		"/sys/devices/virtual/powercap",
	};
	static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

	if (conf_bool(host, "Privileged"))
		return;
	if (is_open || !conf_is_set(host, "MaskedPaths"))
		put_strings(edit(x, "MaskedPaths"), masked, is_open ? 0 : countof(masked));
	if (is_open || !conf_is_set(host, "ReadonlyPaths"))
		put_strings(edit(x, "ReadonlyPaths"), readonly, is_open ? 0 : countof(readonly));
}

static void fill_str(struct edits *x, const struct json *host, const char *key, const char *value)
{
	if (conf_str(host, key)[0] == '\0')
		jw_str(edit(x, key), value);
}

static void warn(struct json_writer *w, const char *text)
{
	if (w != NULL)
		jw_str(w, text);
}

/* What cgroup v2 has no word for is dropped with a warning, as dockerd does. */
static void fill_limits(struct edits *x, const struct json *host, struct json_writer *warnings)
{
	int64_t memory = conf_int(host, "Memory");

	if (memory > 0 && conf_int(host, "MemorySwap") == 0)
		jw_int(edit(x, "MemorySwap"), memory > INT64_MAX / 2 ? -1 : memory * 2);
	if (conf_is_set(host, "MemorySwappiness") && conf_int(host, "MemorySwappiness") >= 0 && conf_int(host, "MemorySwappiness") <= 100) {
		warn(warnings, "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory "
			       "swappiness discarded.");
		jw_null(edit(x, "MemorySwappiness"));
	} else if (conf_int(host, "MemorySwappiness") == -1) {
		jw_null(edit(x, "MemorySwappiness"));
	}
	if (conf_bool(host, "OomKillDisable"))
		warn(warnings, "Your kernel does not support OomKillDisable. OomKillDisable discarded.");
	jw_null(edit(x, "OomKillDisable"));
	if (conf_int(host, "KernelMemory") != 0 || conf_int(host, "KernelMemoryTCP") != 0)
		warn(warnings, "Your kernel does not support kernel memory limits or the cgroup is not mounted. Limitation discarded.");
	(void)edit(x, "KernelMemory"); /* left out */
	(void)edit(x, "KernelMemoryTCP");
	if (conf_is_set(host, "PidsLimit") && conf_int(host, "PidsLimit") <= 0)
		jw_null(edit(x, "PidsLimit")); /* said twice: no limit */
}

static int fill(struct json_doc **host_doc, const struct json *config, unsigned api, struct json_writer *warnings, struct err *e)
{
	const struct json *host = json_root(*host_doc), *log = json_get(host, "LogConfig"), *restart = json_get(host, "RestartPolicy");
	const char *mode = conf_str(host, "NetworkMode");
	struct edits x = {0};
	struct security sec;
	struct json_writer *w;

	int r = security_read(host, &sec, e);
	if (r < 0)
		return r;
	if (conf_bool(config, "NetworkDisabled"))
		jw_str(edit(&x, "NetworkMode"), "none");
	else if (*mode == '\0' || strcmp(mode, "default") == 0)
		jw_str(edit(&x, "NetworkMode"), "bridge");
	if (strcmp(mode, "host") == 0 && json_len(json_get(host, "PortBindings")) > 0)
		warn(warnings, "Published ports are discarded when using host network mode");
	if (conf_str(log, "Type")[0] == '\0') {
		w = edit(&x, "LogConfig");
		jw_obj(w);
		jw_kstr(w, "Type", "json-file");
		jw_key(w, "Config");
		jw_value(w, json_get(log, "Config"));
		jw_end_obj(w);
	}
	if (conf_str(restart, "Name")[0] == '\0') {
		w = edit(&x, "RestartPolicy");
		jw_obj(w);
		jw_kstr(w, "Name", "no");
		jw_kint(w, "MaximumRetryCount", conf_int(restart, "MaximumRetryCount"));
		jw_end_obj(w);
	}
	fill_str(&x, host, "IpcMode", api < 40 ? "shareable" : "private");
	fill_str(&x, host, "CgroupnsMode", "private");
	fill_str(&x, host, "Runtime", "runc");
	if (conf_int(host, "ShmSize") == 0)
		jw_int(edit(&x, "ShmSize"), 64 << 20);
	fill_paths(&x, host, sec.open_paths);
	fill_limits(&x, host, warnings);
	return edits_apply(&x, host_fields, host_doc, e);
}

/* ---- the struct ---- */

static int take_fields(struct ctr_conf *c, struct err *e)
{
	const struct json *restart = json_get(c->host, "RestartPolicy");

	c->want_tty = conf_bool(c->config, "Tty");
	c->want_stdin = conf_bool(c->config, "OpenStdin");
	c->stdin_once = conf_bool(c->config, "StdinOnce");
	c->auto_remove = conf_bool(c->host, "AutoRemove");
	c->image = conf_str(c->config, "Image");
	c->network_mode = conf_str(c->host, "NetworkMode");
	c->restart_name = conf_str(restart, "Name");
	c->restart_max = conf_int(restart, "MaximumRetryCount");
	c->stop_signal = SIGTERM;
	c->stop_timeout_s = json_int(json_get(c->config, "StopTimeout"), 10);
	const char *sig = conf_str(c->config, "StopSignal");
	if (*sig != '\0' && signal_parse(sig, &c->stop_signal, e) < 0)
		return -EINVAL;
	return conf_log(json_get(c->host, "LogConfig"), c, e);
}

static int finish(struct json_doc *config, struct json_doc *host, struct ctr_conf *ret, struct err *e)
{
	struct ctr_conf c = {.config_doc = config, .host_doc = host, .config = json_root(config), .host = json_root(host)};

	int r = take_fields(&c, e);
	if (r == 0)
		*ret = c;
	return r;
}

/* A container that shares the host's name space of names has its name. */
static void default_hostname(const struct json *host, const char *id, char *out, size_t size)
{
	struct utsname u = {0};

	if (strcmp(conf_str(host, "NetworkMode"), "host") == 0 || strcmp(conf_str(host, "UTSMode"), "host") == 0) {
		(void)uname(&u); /* cannot fail with a valid pointer */
		(void)snprintf(out, size, "%.64s", u.nodename);
	} else {
		(void)snprintf(out, size, "%.12s", id);
	}
}

static int make(struct json_doc **config, struct json_doc **host, const struct json *body, const struct image *image,
		const char *id, unsigned api, struct json_writer *warnings, struct err *e)
{
	const struct json *asked_host = json_iget(body, "HostConfig");
	char hostname[72];

	if (asked_host != NULL && json_type(asked_host) != JSON_NULL && json_type(asked_host) != JSON_OBJ)
		return err_say(e, EINVAL, "invalid JSON: json: cannot unmarshal into Go struct field Config.HostConfig of type struct");
	int r = normalize(config_fields, body, "Config", config, e);
	if (r == 0)
		r = normalize(host_fields, asked_host, "HostConfig", host, e);
	if (r < 0)
		return r;
	const struct json *asked = json_root(*host);
	bool has_name = conf_str(json_root(*config), "Hostname")[0] != '\0';
	if (has_name && mode_container(conf_str(asked, "NetworkMode")) != NULL)
		return err_say(e, EINVAL, "conflicting options: hostname and the network mode");
	if (has_name && strcmp(conf_str(asked, "UTSMode"), "host") == 0)
		return err_say(e, EINVAL, "conflicting options: hostname and the UTS mode");
	if (json_len(json_get(json_root(*config), "ExposedPorts")) > 0 && mode_container(conf_str(asked, "NetworkMode")) != NULL)
		return err_say(e, EINVAL, "conflicting options: port exposing and the container type network mode");
	default_hostname(asked, id, hostname, sizeof(hostname));
	r = merge(config, image != NULL ? image->config.config : NULL, hostname, e);
	if (r == 0)
		r = fill(host, json_root(*config), api, warnings, e);
	return r < 0 ? r : conf_check(json_root(*config), json_root(*host), e);
}

int ctr_conf_make(const struct json *body, const struct image *image, const char *id, unsigned api, struct ctr_conf *ret,
		  struct json_writer *warnings, struct err *e)
{
	struct json_doc *config = NULL, *host = NULL;
	struct ctr_mount *mounts = NULL;
	size_t n = 0;
	struct ctr_conf c;

	if (json_type(body) != JSON_OBJ || json_len(body) == 0)
		return err_say(e, EINVAL, "config cannot be empty in order to create a container");
	int r = make(&config, &host, body, image, id, api, warnings, e);
	if (r == 0)
		r = finish(config, host, &c, e);
	if (r == 0)
		r = ctr_conf_mounts(&c, &mounts, &n, e); /* for its checks */
	ctr_mounts_free(mounts, n);
	if (r < 0) {
		json_free(config);
		json_free(host);
		return r;
	}
	*ret = c;
	return 0;
}

int ctr_conf_load(const char *config, size_t config_len, const char *host, size_t host_len, struct ctr_conf *ret,
		  struct err *e)
{
	struct json_doc *c = NULL, *h = NULL;

	int r = json_parse(config, config_len, &c, e);
	if (r == 0)
		r = json_parse(host, host_len, &h, e);
	if (r == 0)
		r = finish(c, h, ret, e);
	if (r < 0) {
		json_free(c);
		json_free(h);
	}
	return r;
}

void ctr_conf_release(struct ctr_conf *c)
{
	json_free(c->config_doc);
	json_free(c->host_doc);
	*c = (struct ctr_conf){0};
}

/* ---- docker update ---- */

static int check_update(const struct json *old, const struct json *asked, struct err *e)
{
	int64_t nano = conf_int(asked, "NanoCpus"), memory = conf_int(asked, "Memory"), swap = conf_int(old, "MemorySwap");
	const char *restart = conf_str(json_get(asked, "RestartPolicy"), "Name");

	if (conf_int(asked, "CpuPeriod") != 0 && conf_int(old, "NanoCpus") > 0)
		return err_say(e, EINVAL, "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set");
	if (conf_int(asked, "CpuQuota") != 0 && conf_int(old, "NanoCpus") > 0)
		return err_say(e, EINVAL, "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
	if (nano > 0 && conf_int(old, "CpuPeriod") > 0)
		return err_say(e, EINVAL, "Conflicting options: NanoCPUs cannot be updated as CPU Period has already been set");
	if (nano > 0 && conf_int(old, "CpuQuota") > 0)
		return err_say(e, EINVAL, "Conflicting options: NanoCPUs cannot be updated as CPU Quota has already been set");
	if (memory > 0 && swap > 0 && memory > swap && conf_int(asked, "MemorySwap") == 0)
		return err_say(e, EINVAL,
			       "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time");
	if (*restart != '\0' && strcmp(restart, "no") != 0 && conf_bool(old, "AutoRemove"))
		return err_say(e, EINVAL, "Restart policy cannot be updated because AutoRemove is enabled for the container");
	return 0;
}

int ctr_conf_update(struct ctr_conf *c, const struct json *body, struct err *e)
{
	static const char *const numbers[] = {"BlkioWeight", "CpuShares", "CpuPeriod", "CpuQuota", "NanoCpus",
					      "Memory", "MemorySwap", "MemoryReservation"};
	static const char *const texts[] = {"CpusetCpus", "CpusetMems"};
	struct json_doc *asked_doc = NULL, *next = NULL;
	struct edits x = {0};
	struct ctr_conf fresh;

	int r = normalize(host_fields, body, "UpdateConfig", &asked_doc, e);
	if (r < 0)
		return r;
	const struct json *asked = json_root(asked_doc);
	r = check_update(c->host, asked, e);
	if (r == 0)
		r = limits_check(asked, /* is_update: */ true, e);
	if (r == 0)
		r = normalize(host_fields, c->host, "HostConfig", &next, e);
	if (r < 0) {
		json_free(asked_doc);
		return r;
	}
	for (size_t i = 0; i < countof(numbers); i++)
		if (conf_int(asked, numbers[i]) != 0)
			jw_value(edit(&x, numbers[i]), json_get(asked, numbers[i]));
	for (size_t i = 0; i < countof(texts); i++)
		if (conf_str(asked, texts[i])[0] != '\0')
			jw_value(edit(&x, texts[i]), json_get(asked, texts[i]));
	if (conf_is_set(asked, "PidsLimit")) {
		if (conf_int(asked, "PidsLimit") > 0)
			jw_value(edit(&x, "PidsLimit"), json_get(asked, "PidsLimit"));
		else
			jw_null(edit(&x, "PidsLimit"));
	}
	if (conf_str(json_get(asked, "RestartPolicy"), "Name")[0] != '\0')
		jw_value(edit(&x, "RestartPolicy"), json_get(asked, "RestartPolicy"));
	json_free(asked_doc);
	r = edits_apply(&x, host_fields, &next, e);
	if (r == 0)
		r = host_check(c->config, json_root(next), e);
	if (r == 0)
		r = finish(c->config_doc, next, &fresh, e);
	if (r < 0) {
		json_free(next);
		return r;
	}
	json_free(c->host_doc);
	*c = fresh;
	return 0;
}
