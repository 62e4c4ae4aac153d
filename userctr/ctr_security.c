// SPDX-License-Identifier: Apache-2.0
/* SecurityOpt, and seccomp profiles in docker's format: rules with conditions on capabilities, architecture and kernel. */
#include "userctr/ctr_conf_internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_spec.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static int read_flag(const char *opt, const char *v, bool *ret, struct err *e)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"}, *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

	for (size_t i = 0; i < countof(yes); i++)
		if (strcmp(v, yes[i]) == 0 || strcmp(v, no[i]) == 0)
			return *ret = strcmp(v, yes[i]) == 0, 0;
	return err_say(e, EINVAL, "invalid --security-opt 2: \"%.200s\"", opt);
}

static int read_opt(const char *opt, struct security *s, struct err *e)
{
	size_t n = strcspn(opt, "=:");
	const char *v = opt + n + 1;

	if (strcmp(opt, "no-new-privileges") == 0)
		return s->no_new_privileges = true, 0;
	if (strcmp(opt, "disable") == 0)
		return 0; /* of SELinux, which is not there */
	if (opt[n] == '\0')
		return err_say(e, EINVAL, "invalid --security-opt 1: \"%.200s\"", opt);
	if (n == 17 && strncmp(opt, "no-new-privileges", n) == 0)
		return read_flag(opt, v, &s->no_new_privileges, e);
	if (n == 7 && strncmp(opt, "seccomp", n) == 0) {
		s->want_seccomp = strcmp(v, "unconfined") != 0;
		s->seccomp = s->want_seccomp && *v != '\0' && strcmp(v, "builtin") != 0 ? v : NULL;
		return 0;
	}
	if (n == 8 && strncmp(opt, "apparmor", n) == 0)
		return strcmp(v, "unconfined") == 0 || *v == '\0' ? 0 :
		       err_say(e, EINVAL, "apparmor profile '%.100s': AppArmor is not supported, only apparmor=unconfined", v);
	if (n == 5 && strncmp(opt, "label", n) == 0)
		return strcmp(v, "disable") == 0 ? 0 :
		       err_say(e, EINVAL, "security label '%.100s': SELinux is not supported, only label=disable", v);
	if (n == 11 && strncmp(opt, "systempaths", n) == 0 && strcmp(v, "unconfined") == 0)
		return s->open_paths = true, 0;
	return err_say(e, EINVAL, "invalid --security-opt 2: \"%.200s\"", opt);
}

int security_read(const struct json *host, struct security *ret, struct err *e)
{
	struct json_iter it = json_iter(json_get(host, "SecurityOpt"));
	struct security s = {.want_seccomp = true};

	while (json_next(&it)) {
		int r = read_opt(json_str_or(it.value, ""), &s, e);
		if (r < 0)
			return r;
	}
	if (conf_bool(host, "Privileged"))
		s.want_seccomp = false;
	*ret = s;
	if (s.want_seccomp && s.seccomp != NULL) {
		struct json_doc *doc;
		if (json_parse(s.seccomp, strlen(s.seccomp), &doc, e) < 0)
			return err_wrap(e, -EINVAL, "decoding seccomp profile failed");
		bool is_obj = json_type(json_root(doc)) == JSON_OBJ;
		json_free(doc);
		if (!is_obj)
			return err_say(e, EINVAL, "decoding seccomp profile failed: must be an object");
	}
	return 0;
}

/* ---- profiles ---- */

/* Is every (all) or any of the names in the list a capability that we have? */
static bool has_caps(const struct json *list, uint64_t caps, bool want_all)
{
	struct json_iter it = json_iter(list);

	while (json_next(&it)) {
		int n = oci_cap_by_name(json_str_or(it.value, ""));
		bool has = n >= 0 && (caps >> n & 1) != 0;
		if (has != want_all)
			return has;
	}
	return want_all;
}

static bool has_arch(const struct json *list)
{
	static const char *const ours[] = {"amd64", "x86", "x32"};
	struct json_iter it = json_iter(list);

	while (json_next(&it))
		for (size_t i = 0; i < countof(ours); i++)
			if (strcmp(json_str_or(it.value, ""), ours[i]) == 0)
				return true;
	return false;
}

/* minKernel always holds: profiles ask for versions long before the first that runs this. */
static bool applies(const struct json *rule, uint64_t caps)
{
	const struct json *in = json_get(rule, "includes"), *ex = json_get(rule, "excludes");

	if (json_len(json_get(ex, "arches")) > 0 && has_arch(json_get(ex, "arches")))
		return false;
	if (json_len(json_get(ex, "caps")) > 0 && has_caps(json_get(ex, "caps"), caps, /* want_all: */ false))
		return false;
	if (json_len(json_get(in, "arches")) > 0 && !has_arch(json_get(in, "arches")))
		return false;
	return json_len(json_get(in, "caps")) == 0 || has_caps(json_get(in, "caps"), caps, /* want_all: */ true);
}

static int write_rule(struct json_writer *w, const struct json *rule, struct err *e)
{
	static const char *const copied[] = {"action", "errnoRet", "args"};
	const struct json *name = json_get(rule, "name"), *names = json_get(rule, "names");

	if (json_type(rule) != JSON_OBJ || json_str(json_get(rule, "action")) == NULL)
		return err_say(e, EINVAL, "seccomp profile: a rule has no action");
	if (json_str_len(name) > 0 && json_len(names) > 0)
		return err_say(e, EINVAL, "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'");
	jw_obj(w);
	jw_key(w, "names");
	if (json_str_len(name) > 0) {
		jw_arr(w);
		jw_value(w, name);
		jw_end_arr(w);
	} else if (json_len(names) > 0) {
		jw_value(w, names);
	} else {
		return err_say(e, EINVAL, "seccomp profile: a rule names no system call");
	}
	for (size_t i = 0; i < countof(copied); i++)
		if (conf_is_set(rule, copied[i])) {
			jw_key(w, copied[i]);
			jw_value(w, json_get(rule, copied[i]));
		}
	jw_end_obj(w);
	return 0;
}

static void write_arches(struct json_writer *w, const struct json *p)
{
	struct json_iter map = json_iter(json_get(p, "archMap"));

	if (json_len(json_get(p, "architectures")) > 0) {
		jw_key(w, "architectures");
		jw_value(w, json_get(p, "architectures"));
		return;
	}
	while (json_next(&map)) {
		if (strcmp(conf_str(map.value, "architecture"), "SCMP_ARCH_X86_64") != 0)
			continue;
		struct json_iter sub = json_iter(json_get(map.value, "subArchitectures"));
		jw_key(w, "architectures");
		jw_arr(w);
		jw_str(w, "SCMP_ARCH_X86_64");
		while (json_next(&sub))
			jw_value(w, sub.value);
		jw_end_arr(w);
		return;
	}
}

static int write_profile(struct json_writer *w, const struct json *p, uint64_t caps, struct err *e)
{
	static const char *const copied[] = {"defaultErrnoRet", "flags", "listenerPath", "listenerMetadata"};
	struct json_iter it = json_iter(json_get(p, "syscalls"));
	int r = 0;

	if (json_len(json_get(p, "architectures")) > 0 && json_len(json_get(p, "archMap")) > 0)
		return err_say(e, EINVAL, "both 'architectures' and 'archMap' are specified in the seccomp profile, use either "
					  "'architectures' or 'archMap'");
	jw_obj(w);
	jw_kstr(w, "defaultAction", conf_str(p, "defaultAction"));
	for (size_t i = 0; i < countof(copied); i++)
		if (conf_is_set(p, copied[i])) {
			jw_key(w, copied[i]);
			jw_value(w, json_get(p, copied[i]));
		}
	write_arches(w, p);
	jw_key(w, "syscalls");
	jw_arr(w);
	while (r == 0 && json_next(&it))
		if (applies(it.value, caps))
			r = write_rule(w, it.value, e);
	jw_end_arr(w);
	jw_end_obj(w);
	return r;
}

int seccomp_profile_write(struct json_writer *w, const char *profile, uint64_t caps, struct err *e)
{
	struct json_doc *doc = NULL;

	int r = json_parse(profile, strlen(profile), &doc, e);
	if (r < 0)
		return err_wrap(e, -EINVAL, "decoding seccomp profile failed");
	r = write_profile(w, json_root(doc), caps, e);
	json_free(doc);
	return r;
}
