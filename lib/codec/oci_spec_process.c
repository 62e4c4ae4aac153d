// SPDX-License-Identifier: Apache-2.0
/* The process object: user, capabilities, limits, scheduling. */
#include "lib/codec/oci_spec_in.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char *const cap_names[] = {
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
};

int oci_cap_by_name(const char *name)
{
	if (strncmp(name, "CAP_", 4) != 0)
		return -1;
	for (size_t i = 0; i < countof(cap_names); i++)
		if (strcmp(name + 4, cap_names[i]) == 0)
			return (int)i;
	return -1;
}

const char *oci_cap_name(int cap)
{
	return cap >= 0 && (size_t)cap < countof(cap_names) ? cap_names[cap] : NULL;
}

static const struct {
	const char *name;
	int value;
} rlimit_names[] = {
	{"RLIMIT_AS", RLIMIT_AS}, {"RLIMIT_CORE", RLIMIT_CORE}, {"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA}, {"RLIMIT_FSIZE", RLIMIT_FSIZE}, {"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK}, {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE}, {"RLIMIT_NPROC", RLIMIT_NPROC}, {"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO}, {"RLIMIT_RTTIME", RLIMIT_RTTIME}, {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
};

static int one_rlimit(struct in *in, const struct json *v, void *slot)
{
	struct oci_rlimit *l = slot;
	const char *type = NULL;

	int r = in_str(in, v, "type", &type);
	if (r < 0)
		return r;
	l->resource = -1;
	for (size_t i = 0; type != NULL && i < countof(rlimit_names); i++)
		if (strcmp(type, rlimit_names[i].name) == 0)
			l->resource = rlimit_names[i].value;
	if (l->resource < 0)
		return in_bad(in, "type", "is not a resource limit");
	if (!json_is_uint(json_get(v, "soft"), UINT64_MAX, &l->soft))
		return in_bad(in, "soft", "must be an unsigned number");
	if (!json_is_uint(json_get(v, "hard"), UINT64_MAX, &l->hard))
		return in_bad(in, "hard", "must be an unsigned number");
	return 0;
}

static int parse_caps(struct in *in, const struct json *o, struct oci_process *p)
{
	static const char *const sets[OCI_CAP_SETS] = {"bounding", "effective", "permitted", "inheritable", "ambient"};
	const struct json *caps;

	int r = in_typed(in, o, "capabilities", JSON_OBJ, &caps);
	if (r < 0 || caps == NULL)
		return r;
	struct in s = in_sub(in, "capabilities");
	p->has_caps = true;
	for (int i = 0; i < OCI_CAP_SETS; i++) {
		const char **names = NULL;
		r = in_strings(&s, caps, sets[i], &names);
		if (r < 0)
			return r;
		for (; names != NULL && *names != NULL; names++) {
			int cap = oci_cap_by_name(*names);
			if (cap < 0)
				return err_set(in->e, E_SPEC, "%s.%s: '%s' is not a capability", s.at, sets[i], *names);
			p->caps[i] |= UINT64_C(1) << cap;
		}
	}
	return 0;
}

static int parse_user(struct in *in, const struct json *o, struct oci_process *p)
{
	const struct json *user, *groups;
	int64_t uid = 0, gid = 0;

	int r = in_typed(in, o, "user", JSON_OBJ, &user);
	if (r < 0)
		return r;
	struct in s = in_sub(in, "user");
	/* the highest number means "no change" to setresuid(2): the process would stay root */
	r = in_int(&s, user, "uid", 0, UINT32_MAX - 1, &uid);
	if (r == 0)
		r = in_int(&s, user, "gid", 0, UINT32_MAX - 1, &gid);
	p->uid = (uid_t)uid;
	p->gid = (gid_t)gid;
	if (r == 0)
		r = in_int(&s, user, "umask", 0, 07777, &p->umask);
	if (r == 0)
		r = in_typed(&s, user, "additionalGids", JSON_ARR, &groups);
	if (r < 0 || groups == NULL)
		return r;
	p->groups = in_take(&s, json_len(groups), sizeof(*p->groups));
	if (p->groups == NULL)
		return in_failed(in);
	struct json_iter it = json_iter(groups);
	while (json_next(&it)) {
		uint64_t g;
		if (!json_is_uint(it.value, UINT32_MAX - 1, &g))
			return in_bad(&s, "additionalGids", "must be group numbers");
		p->groups[p->group_count++] = (gid_t)g;
	}
	return 0;
}

static int parse_console(struct in *in, const struct json *o, struct oci_process *p)
{
	const struct json *size;

	int r = in_bool(in, o, "terminal", &p->terminal);
	if (r == 0)
		r = in_typed(in, o, "consoleSize", JSON_OBJ, &size);
	if (r < 0 || size == NULL)
		return r;
	struct in s = in_sub(in, "consoleSize");
	r = in_u32(&s, size, "height", &p->rows);
	return r < 0 ? r : in_u32(&s, size, "width", &p->columns);
}

/* ---- scheduling ---- */

struct word {
	const char *name;
	uint64_t value;
};

static const struct word policies[] = {
	{"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2}, {"SCHED_BATCH", 3}, {"SCHED_ISO", 4}, {"SCHED_IDLE", 5},
	{"SCHED_DEADLINE", 6},
};

static const struct word sched_flags[] = {
	{"SCHED_FLAG_RESET_ON_FORK", 0x01}, {"SCHED_FLAG_RECLAIM", 0x02}, {"SCHED_FLAG_DL_OVERRUN", 0x04},
	{"SCHED_FLAG_KEEP_POLICY", 0x08}, {"SCHED_FLAG_KEEP_PARAMS", 0x10}, {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
	{"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40},
};

static bool find_word(const struct word *w, size_t n, const char *name, uint64_t *ret)
{
	for (size_t i = 0; name != NULL && i < n; i++)
		if (strcmp(name, w[i].name) == 0) {
			*ret = w[i].value;
			return true;
		}
	return false;
}

static int parse_scheduler(struct in *up, const struct json *process, struct oci_scheduler *s)
{
	const char *policy = NULL, **flags = NULL;
	int64_t nice = 0, priority = 0;
	uint64_t word = 0;
	const struct json *o;

	int r = in_typed(up, process, "scheduler", JSON_OBJ, &o);
	if (r < 0 || o == NULL)
		return r;
	struct in in = in_sub(up, "scheduler");
	r = in_str(&in, o, "policy", &policy);
	if (r == 0)
		r = in_int(&in, o, "nice", -20, 19, &nice);
	if (r == 0)
		r = in_int(&in, o, "priority", 0, 99, &priority);
	if (r == 0)
		r = in_u64(&in, o, "runtime", &s->runtime_ns);
	if (r == 0)
		r = in_u64(&in, o, "deadline", &s->deadline_ns);
	if (r == 0)
		r = in_u64(&in, o, "period", &s->period_ns);
	if (r == 0)
		r = in_strings(&in, o, "flags", &flags);
	if (r < 0)
		return r;
	if (!find_word(policies, countof(policies), policy, &word))
		return in_bad(&in, "policy", "is not a scheduling policy");
	s->policy = (unsigned)word;
	s->nice = (int)nice;
	s->priority = (int)priority;
	for (; flags != NULL && *flags != NULL; flags++) {
		if (!find_word(sched_flags, countof(sched_flags), *flags, &word))
			return in_bad(&in, "flags", "has an unknown flag");
		s->flags |= word;
	}
	s->is_set = true;
	return 0;
}

static int parse_io(struct in *up, const struct json *process, struct oci_process *p)
{
	static const struct word classes[] = {{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}};
	const char *name = NULL;
	int64_t priority = 0;
	uint64_t class = 0;
	const struct json *o;

	int r = in_typed(up, process, "ioPriority", JSON_OBJ, &o);
	if (r < 0 || o == NULL)
		return r;
	struct in in = in_sub(up, "ioPriority");
	r = in_str(&in, o, "class", &name);
	if (r == 0)
		r = in_int(&in, o, "priority", 0, 7, &priority);
	if (r == 0 && !find_word(classes, countof(classes), name, &class))
		r = in_bad(&in, "class", "is not an I/O class");
	p->io_class = (int)class;
	p->io_priority = (int)priority;
	return r;
}

int oci_list_parse(const char *text, unsigned char *ret)
{
	char *end;

	memset(ret, 0, OCI_LIST_BYTES);
	for (;;) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		unsigned long from = strtoul(text, &end, 10), to = from;
		if (*end == '-') {
			if (end[1] < '0' || end[1] > '9')
				return -EINVAL;
			to = strtoul(end + 1, &end, 10);
		}
		if (from > to || to >= OCI_LIST_MAX)
			return -EINVAL;
		for (unsigned long i = from; i <= to; i++)
			ret[i / 8] |= (unsigned char)(1u << i % 8);
		if (*end == '\0' || *end == '\n')
			return 0;
		if (*end != ',')
			return -EINVAL;
		text = end + 1;
	}
}

static int parse_affinity(struct in *up, const struct json *process, struct oci_process *p)
{
	static const char *const keys[] = {"initial", "final"};
	const struct json *o;

	int r = in_typed(up, process, "execCPUAffinity", JSON_OBJ, &o);
	struct in in = in_sub(up, "execCPUAffinity");
	for (int i = 0; r == 0 && o != NULL && i < 2; i++) {
		const char *text = NULL;
		r = in_str(&in, o, keys[i], &text);
		if (r < 0 || text == NULL || text[0] == '\0')
			continue;
		unsigned char *bits = in_take(&in, 1, OCI_LIST_BYTES);
		if (bits == NULL)
			return in_failed(&in);
		if (oci_list_parse(text, bits) < 0)
			return in_bad(&in, keys[i], "is not a list of processors");
		*(i == 0 ? &p->affinity_initial : &p->affinity_final) = bits;
	}
	return r;
}

static int parse_placement(struct in *in, const struct json *o, struct oci_process *p)
{
	int r = in_str(in, o, "apparmorProfile", &p->apparmor);
	if (r == 0)
		r = in_str(in, o, "selinuxLabel", &p->selinux);
	if (r == 0)
		r = parse_scheduler(in, o, &p->scheduler);
	if (r == 0)
		r = parse_io(in, o, p);
	return r < 0 ? r : parse_affinity(in, o, p);
}

int in_process(struct in *in, const struct json *o, struct oci_process *p)
{
	p->umask = p->oom_score_adj = OCI_UNSET;
	int r = parse_console(in, o, p);
	if (r == 0)
		r = parse_user(in, o, p);
	if (r == 0)
		r = in_strings(in, o, "args", &p->args);
	if (r == 0)
		r = in_strings(in, o, "env", &p->env);
	if (r == 0)
		r = in_str(in, o, "cwd", &p->cwd);
	if (r == 0)
		r = parse_caps(in, o, p);
	if (r == 0)
		r = in_array(in, o, "rlimits", sizeof(*p->rlimits), (void **)&p->rlimits, &p->rlimit_count, one_rlimit);
	if (r == 0)
		r = in_bool(in, o, "noNewPrivileges", &p->no_new_privileges);
	if (r == 0)
		r = in_int(in, o, "oomScoreAdj", -1000, 1000, &p->oom_score_adj);
	if (r == 0)
		r = parse_placement(in, o, p);
	if (r < 0)
		return r;
	if (p->args == NULL || p->args[0] == NULL || p->args[0][0] == '\0')
		return in_bad(in, "args", "is missing or empty");
	if (p->cwd == NULL || p->cwd[0] != '/')
		return in_bad(in, "cwd", "must be an absolute path");
	if (p->env == NULL && (p->env = in_take(in, 1, sizeof(*p->env))) == NULL)
		return in_failed(in);
	return 0;
}
