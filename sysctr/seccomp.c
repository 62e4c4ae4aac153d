// SPDX-License-Identifier: Apache-2.0
/* linux.seccomp to a BPF program through libseccomp. Compiled by the parent; the stage only loads. */
#include "sysctr/internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static int action_of(const char *name, int64_t errno_ret, uint32_t *ret)
{
	static const struct {
		const char *name;
		uint32_t action;
	} map[] = {
		{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD}, {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
		{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS}, {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
		{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW}, {"SCMP_ACT_LOG", SCMP_ACT_LOG}, {"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
	};

	uint32_t code = errno_ret < 0 ? EPERM : (uint32_t)errno_ret & 0xffff;
	if (name == NULL)
		return -EINVAL;
	if (strcmp(name, "SCMP_ACT_ERRNO") == 0)
		return *ret = SCMP_ACT_ERRNO(code), 0;
	if (strcmp(name, "SCMP_ACT_TRACE") == 0)
		return *ret = SCMP_ACT_TRACE(code), 0;
	for (size_t i = 0; i < countof(map); i++)
		if (strcmp(name, map[i].name) == 0)
			return *ret = map[i].action, 0;
	return -EINVAL;
}

static int op_of(const char *name, enum scmp_compare *ret)
{
	static const struct {
		const char *name;
		enum scmp_compare op;
	} map[] = {
		{"SCMP_CMP_NE", SCMP_CMP_NE}, {"SCMP_CMP_LT", SCMP_CMP_LT}, {"SCMP_CMP_LE", SCMP_CMP_LE},
		{"SCMP_CMP_EQ", SCMP_CMP_EQ}, {"SCMP_CMP_GE", SCMP_CMP_GE}, {"SCMP_CMP_GT", SCMP_CMP_GT},
		{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	};

	for (size_t i = 0; name != NULL && i < countof(map); i++)
		if (strcmp(name, map[i].name) == 0)
			return *ret = map[i].op, 0;
	return -EINVAL;
}

static int add_arches(scmp_filter_ctx ctx, const struct json *list, struct err *e)
{
	struct json_iter it = json_iter(list);

	while (json_next(&it)) {
		const char *name = json_str(it.value);
		char low[32] = "";
		if (name == NULL || strncmp(name, "SCMP_ARCH_", 10) != 0 || strlen(name + 10) >= sizeof(low))
			return err_set(e, E_SPEC, "linux.seccomp.architectures: '%.40s' is not an architecture", name != NULL ? name : "");
		for (size_t i = 0; name[10 + i] != '\0'; i++)
			low[i] = (char)(name[10 + i] | 0x20);
		uint32_t arch = seccomp_arch_resolve_name(low);
		/* an architecture that this build of the library does not know cannot run here either */
		if (arch == 0)
			continue;
		int r = seccomp_arch_add(ctx, arch);
		if (r < 0 && r != -EEXIST)
			return err_set(e, -r, "linux.seccomp.architectures: '%s'", name);
	}
	return 0;
}

static int add_rule(scmp_filter_ctx ctx, const struct json *rule, uint32_t action, struct err *e)
{
	struct scmp_arg_cmp cmp[6];
	unsigned n = 0, seen = 0;
	bool repeats = false;

	struct json_iter args = json_iter(json_get(rule, "args"));
	while (json_next(&args)) {
		uint64_t index, value, two = 0;
		enum scmp_compare op;
		if (n == 6 || !json_is_uint(json_get(args.value, "index"), 5, &index) ||
		    !json_is_uint(json_get(args.value, "value"), UINT64_MAX, &value) ||
		    op_of(json_str(json_get(args.value, "op")), &op) < 0)
			return err_set(e, E_SPEC, "linux.seccomp.syscalls: an argument comparison is malformed");
		(void)json_is_uint(json_get(args.value, "valueTwo"), UINT64_MAX, &two);
		repeats |= (seen & (1u << index)) != 0;
		seen |= 1u << index;
		cmp[n++] = (struct scmp_arg_cmp){.arg = (unsigned)index, .op = op, .datum_a = value, .datum_b = two};
	}
	struct json_iter names = json_iter(json_get(rule, "names"));
	while (json_next(&names)) {
		const char *name = json_str(names.value);
		int nr = name != NULL ? seccomp_syscall_resolve_name(name) : __NR_SCMP_ERROR;
		if (nr == __NR_SCMP_ERROR)
			continue; /* unknown to this kernel's generation: the default action holds, as in other runtimes */
		int r = 0;
		/* several comparisons of one argument are alternatives: a rule each */
		if (repeats)
			for (unsigned i = 0; r == 0 && i < n; i++)
				r = seccomp_rule_add_array(ctx, action, nr, 1, &cmp[i]);
		else
			r = seccomp_rule_add_array(ctx, action, nr, n, cmp);
		if (r < 0 && r != -EEXIST)
			return err_set(e, -r, "linux.seccomp.syscalls: '%s'", name);
	}
	return 0;
}

static bool names_sendmsg(const struct json *rule)
{
	struct json_iter names = json_iter(json_get(rule, "names"));

	while (json_next(&names))
		if (strcmp(json_str_or(names.value, ""), "sendmsg") == 0)
			return true;
	return false;
}

static int fill(scmp_filter_ctx ctx, const struct json *sc, uint32_t fallback, bool *has_notify, struct err *e)
{
	int r = add_arches(ctx, json_get(sc, "architectures"), e);
	/* no_new_privs is process.noNewPrivileges' business */
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	if (r == 0)
		(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree; slower without is not wrong */
	struct json_iter it = json_iter(json_get(sc, "syscalls"));
	while (r == 0 && json_next(&it)) {
		uint32_t action;
		if (action_of(json_str(json_get(it.value, "action")), json_int(json_get(it.value, "errnoRet"), -1), &action) < 0)
			return err_set(e, E_SPEC, "linux.seccomp.syscalls: action '%s' is not supported",
				       json_str_or(json_get(it.value, "action"), ""));
		if (action == SCMP_ACT_NOTIFY && names_sendmsg(it.value))
			return err_set(e, E_SPEC, "linux.seccomp.syscalls: sendmsg cannot be SCMP_ACT_NOTIFY: it hands over the listener");
		if (action == SCMP_ACT_NOTIFY)
			*has_notify = true;
		if (action != fallback) /* a rule that says what the default says is an error to the library */
			r = add_rule(ctx, it.value, action, e);
	}
	return r;
}

static int flags_of(const struct json *sc, unsigned *ret, struct err *e)
{
	struct json_iter it = json_iter(json_get(sc, "flags"));

	while (json_next(&it)) {
		const char *f = json_str_or(it.value, "");
		if (strcmp(f, "SECCOMP_FILTER_FLAG_LOG") == 0)
			*ret |= SECCOMP_FILTER_FLAG_LOG;
		else if (strcmp(f, "SECCOMP_FILTER_FLAG_SPEC_ALLOW") == 0)
			*ret |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
		else if (strcmp(f, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") == 0)
			*ret |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
		else if (strcmp(f, "SECCOMP_FILTER_FLAG_TSYNC") == 0)
			*ret |= 0; /* one thread: nothing to synchronise */
		else
			return err_set(e, E_SPEC, "linux.seccomp.flags: '%s' is not supported", f);
	}
	return 0;
}

/* Types of what is looked at elsewhere with accessors that take a wrong type for an absent field. */
static int check_shape(const struct json *sc, struct err *e)
{
	static const char *const lists[] = {"architectures", "flags", "syscalls"}, *const texts[] = {"listenerPath", "listenerMetadata"};

	for (size_t i = 0; i < countof(lists); i++) {
		const struct json *v = json_get(sc, lists[i]);
		if (v != NULL && json_type(v) != JSON_ARR && json_type(v) != JSON_NULL)
			return err_set(e, E_SPEC, "linux.seccomp.%s: must be an array", lists[i]);
	}
	for (size_t i = 0; i < countof(texts); i++) {
		const struct json *v = json_get(sc, texts[i]);
		if (v != NULL && json_type(v) != JSON_STR && json_type(v) != JSON_NULL)
			return err_set(e, E_SPEC, "linux.seccomp.%s: must be a string", texts[i]);
	}
	struct json_iter it = json_iter(json_get(sc, "syscalls"));
	for (size_t i = 0; json_next(&it); i++) {
		struct json_iter names = json_iter(json_get(it.value, "names"));
		if (json_type(json_get(it.value, "names")) != JSON_ARR || json_len(json_get(it.value, "names")) == 0)
			return err_set(e, E_SPEC, "linux.seccomp.syscalls[%zu].names: is missing or empty", i);
		while (json_next(&names))
			if (json_str(names.value) == NULL)
				return err_set(e, E_SPEC, "linux.seccomp.syscalls[%zu].names: must be strings", i);
	}
	return 0;
}

int filter_compile(const struct oci_spec *spec, struct sock_fprog *ret, unsigned *ret_flags, struct err *e)
{
	const struct json *sc = spec->seccomp;
	uint32_t fallback;
	size_t size = 0;

	*ret = (struct sock_fprog){0};
	*ret_flags = 0;
	if (sc == NULL)
		return 0;
	const char *agent = json_str_or(json_get(sc, "listenerPath"), "");
	bool has_notify = false;
	if (action_of(json_str(json_get(sc, "defaultAction")), json_int(json_get(sc, "defaultErrnoRet"), -1), &fallback) < 0)
		return err_set(e, E_SPEC, "linux.seccomp.defaultAction: '%s' is not supported",
			       json_str_or(json_get(sc, "defaultAction"), ""));
	if (fallback == SCMP_ACT_NOTIFY)
		return err_set(e, E_SPEC, "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY would stop the runtime itself");
	int r = check_shape(sc, e);
	if (r == 0)
		r = flags_of(sc, ret_flags, e);
	if (r < 0)
		return r;
	scmp_filter_ctx ctx = seccomp_init(fallback);
	if (ctx == NULL)
		return err_set(e, ENOMEM, "linux.seccomp");
	r = fill(ctx, sc, fallback, &has_notify, e);
	if (r == 0 && has_notify && agent[0] != '/')
		r = err_set(e, E_SPEC, "linux.seccomp.listenerPath: is missing, and there is an SCMP_ACT_NOTIFY");
	if (r == 0 && has_notify)
		*ret_flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	if (r == 0 && !has_notify)
		*ret_flags &= ~(unsigned)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; /* the kernel takes it with a listener only */
	if (r == 0) {
		r = seccomp_export_bpf_mem(ctx, NULL, &size);
		ret->filter = r == 0 ? malloc(size) : NULL;
		if (r == 0 && ret->filter != NULL)
			r = seccomp_export_bpf_mem(ctx, ret->filter, &size);
		if (r < 0 || ret->filter == NULL)
			r = err_set(e, r < 0 ? -r : ENOMEM, "compile linux.seccomp");
		ret->len = (unsigned short)(size / sizeof(struct sock_filter));
	}
	seccomp_release(ctx);
	return r;
}
