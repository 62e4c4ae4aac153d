// SPDX-License-Identifier: Apache-2.0
/* config.json to struct. Each field is taken by a typed helper that knows its path for the error message. */
#include "lib/codec/oci_spec.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define NEWTIME_FLAG 0x00000080 /* CLONE_NEWTIME: newer than the headers of some build hosts */
#define ARRAY_MAX    4096
#define PATH_TEXT    160

/* Where we are: what is being filled, and the path of the object at hand. */
struct in {
	struct oci_spec *spec;
	struct err *e;
	char at[PATH_TEXT];
};

struct chunk {
	struct chunk *next;
	max_align_t bytes[];
};

static void *take(struct in *in, size_t count, size_t size)
{
	if (count > ARRAY_MAX) {
		(void)err_set(in->e, E_LIMIT, "%s: more than %d entries", in->at, ARRAY_MAX);
		return NULL;
	}
	struct chunk *c = calloc(1, sizeof(*c) + (count > 0 ? count : 1) * size);
	if (c == NULL) {
		(void)err_set(in->e, ENOMEM, "%s", in->at);
		return NULL;
	}
	c->next = in->spec->memory;
	in->spec->memory = c;
	return c->bytes;
}

static int failed(const struct in *in)
{
	return in->e != NULL && in->e->code > 0 ? -in->e->code : -ENOMEM;
}

static int bad(const struct in *in, const char *key, const char *why)
{
	return err_set(in->e, E_SPEC, "%s%s%s: %s", in->at, in->at[0] != '\0' && *key != '[' ? "." : "", key, why);
}

static struct in sub(const struct in *in, const char *key)
{
	struct in s = {.spec = in->spec, .e = in->e};

	(void)snprintf(s.at, sizeof(s.at), "%.90s%s%.60s", in->at, in->at[0] != '\0' && *key != '[' ? "." : "", key);
	return s;
}

static bool absent(const struct json *v)
{
	return v == NULL || json_type(v) == JSON_NULL;
}

/* Each get_*: 0 when absent (ret untouched) or taken; -E_SPEC otherwise. */
static int get_str(struct in *in, const struct json *o, const char *key, const char **ret)
{
	const struct json *v = json_get(o, key);

	if (absent(v))
		return 0;
	const char *s = json_str(v);
	if (s == NULL)
		return bad(in, key, "must be a string");
	if (strlen(s) != json_str_len(v))
		return bad(in, key, "has a NUL byte");
	*ret = s;
	return 0;
}

static int get_bool(struct in *in, const struct json *o, const char *key, bool *ret)
{
	const struct json *v = json_get(o, key);

	if (absent(v))
		return 0;
	if (json_type(v) != JSON_BOOL)
		return bad(in, key, "must be true or false");
	*ret = json_bool(v, false);
	return 0;
}

static int get_int(struct in *in, const struct json *o, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	const struct json *v = json_get(o, key);

	if (absent(v))
		return 0;
	if (json_type(v) != JSON_NUM)
		return bad(in, key, "must be a number");
	if (!json_is_int(v, min, max, ret))
		return bad(in, key, "is out of range");
	return 0;
}

static int get_u32(struct in *in, const struct json *o, const char *key, uint32_t *ret)
{
	int64_t n = *ret;

	int r = get_int(in, o, key, 0, UINT32_MAX, &n);
	*ret = (uint32_t)n;
	return r;
}

/* The object or array at key; *ret NULL when absent. */
static int get_typed(struct in *in, const struct json *o, const char *key, enum json_type type, const struct json **ret)
{
	const struct json *v = json_get(o, key);

	*ret = absent(v) ? NULL : v;
	if (*ret != NULL && json_type(v) != type)
		return bad(in, key, type == JSON_OBJ ? "must be an object" : "must be an array");
	return 0;
}

static int get_strings(struct in *in, const struct json *o, const char *key, const char ***ret)
{
	const struct json *a;
	char name[64];
	size_t n = 0;

	int r = get_typed(in, o, key, JSON_ARR, &a);
	if (r < 0 || a == NULL)
		return r;
	const char **list = take(in, json_len(a) + 1, sizeof(*list));
	if (list == NULL)
		return failed(in);
	struct json_iter it = json_iter(a);
	while (json_next(&it)) {
		const char *s = json_str(it.value);
		if (s == NULL || strlen(s) != json_str_len(it.value)) {
			(void)snprintf(name, sizeof(name), "%.20s[%zu]", key, n);
			return bad(in, name, "must be a string without NUL bytes");
		}
		list[n++] = s;
	}
	*ret = list;
	return 0;
}

static int get_pairs(struct in *in, const struct json *o, const char *key, struct oci_pair **ret, size_t *ret_n)
{
	const struct json *m;

	int r = get_typed(in, o, key, JSON_OBJ, &m);
	if (r < 0 || m == NULL)
		return r;
	struct oci_pair *list = take(in, json_len(m), sizeof(*list));
	if (list == NULL)
		return failed(in);
	struct json_iter it = json_iter(m);
	while (json_next(&it)) {
		if (json_str(it.value) == NULL || strlen(it.key) != it.key_len)
			return bad(in, key, "must map strings to strings");
		list[(*ret_n)++] = (struct oci_pair){it.key, json_str(it.value)};
	}
	*ret = list;
	return 0;
}

/* For each element of the array at key: one(in with path "key[i]", element, slot i of a new array). */
static int get_array(struct in *in, const struct json *o, const char *key, size_t size, void **ret, size_t *ret_n,
		     int (*one)(struct in *in, const struct json *v, void *slot))
{
	const struct json *a;
	char name[80];

	int r = get_typed(in, o, key, JSON_ARR, &a);
	if (r < 0 || a == NULL)
		return r;
	char *list = take(in, json_len(a), size);
	if (list == NULL)
		return failed(in);
	size_t n = 0;
	struct json_iter it = json_iter(a);
	while (json_next(&it)) {
		(void)snprintf(name, sizeof(name), "%.30s[%zu]", key, n);
		struct in s = sub(in, name);
		if (json_type(it.value) != JSON_OBJ)
			return bad(in, name, "must be an object");
		r = one(&s, it.value, list + n * size);
		if (r < 0)
			return r;
		n++;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

/* A property that is not implemented is refused, not ignored. */
static int refuse(struct in *in, const struct json *o, const char *const keys[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct json *v = json_get(o, keys[i]);
		if (!absent(v) && (json_type(v) == JSON_STR ? json_str_len(v) > 0 : json_type(v) != JSON_OBJ || json_len(v) > 0))
			return bad(in, keys[i], "is not supported by this runtime");
	}
	return 0;
}

/* ---- names ---- */

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
}, namespace_names[] = {
	{"pid", CLONE_NEWPID}, {"network", CLONE_NEWNET}, {"mount", CLONE_NEWNS}, {"ipc", CLONE_NEWIPC},
	{"uts", CLONE_NEWUTS}, {"user", CLONE_NEWUSER}, {"cgroup", CLONE_NEWCGROUP}, {"time", NEWTIME_FLAG},
};

/* ---- process ---- */

static int one_rlimit(struct in *in, const struct json *v, void *slot)
{
	struct oci_rlimit *l = slot;
	const char *type = NULL;

	int r = get_str(in, v, "type", &type);
	if (r < 0)
		return r;
	l->resource = -1;
	for (size_t i = 0; type != NULL && i < countof(rlimit_names); i++)
		if (strcmp(type, rlimit_names[i].name) == 0)
			l->resource = rlimit_names[i].value;
	if (l->resource < 0)
		return bad(in, "type", "is not a resource limit");
	if (!json_is_uint(json_get(v, "soft"), UINT64_MAX, &l->soft))
		return bad(in, "soft", "must be an unsigned number");
	if (!json_is_uint(json_get(v, "hard"), UINT64_MAX, &l->hard))
		return bad(in, "hard", "must be an unsigned number");
	return 0;
}

static int parse_caps(struct in *in, const struct json *o, struct oci_process *p)
{
	static const char *const sets[OCI_CAP_SETS] = {"bounding", "effective", "permitted", "inheritable", "ambient"};
	const struct json *caps;

	int r = get_typed(in, o, "capabilities", JSON_OBJ, &caps);
	if (r < 0 || caps == NULL)
		return r;
	struct in s = sub(in, "capabilities");
	p->has_caps = true;
	for (int i = 0; i < OCI_CAP_SETS; i++) {
		const char **names = NULL;
		r = get_strings(&s, caps, sets[i], &names);
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

	int r = get_typed(in, o, "user", JSON_OBJ, &user);
	if (r < 0)
		return r;
	struct in s = sub(in, "user");
	r = get_u32(&s, user, "uid", &p->uid);
	if (r == 0)
		r = get_u32(&s, user, "gid", &p->gid);
	if (r == 0)
		r = get_int(&s, user, "umask", 0, 07777, &p->umask);
	if (r == 0)
		r = get_typed(&s, user, "additionalGids", JSON_ARR, &groups);
	if (r < 0 || groups == NULL)
		return r;
	p->groups = take(&s, json_len(groups), sizeof(*p->groups));
	if (p->groups == NULL)
		return failed(in);
	struct json_iter it = json_iter(groups);
	while (json_next(&it)) {
		uint64_t g;
		if (!json_is_uint(it.value, UINT32_MAX - 1, &g))
			return bad(&s, "additionalGids", "must be group numbers");
		p->groups[p->group_count++] = (gid_t)g;
	}
	return 0;
}

static int parse_console(struct in *in, const struct json *o, struct oci_process *p)
{
	const struct json *size;

	int r = get_bool(in, o, "terminal", &p->terminal);
	if (r == 0)
		r = get_typed(in, o, "consoleSize", JSON_OBJ, &size);
	if (r < 0 || size == NULL)
		return r;
	struct in s = sub(in, "consoleSize");
	r = get_u32(&s, size, "height", &p->rows);
	return r < 0 ? r : get_u32(&s, size, "width", &p->columns);
}

static int parse_process(struct in *in, const struct json *o, struct oci_process *p)
{
	static const char *const later[] = {"apparmorProfile", "selinuxLabel", "ioPriority", "scheduler", "execCPUAffinity"};

	p->umask = p->oom_score_adj = OCI_UNSET;
	int r = parse_console(in, o, p);
	if (r == 0)
		r = parse_user(in, o, p);
	if (r == 0)
		r = get_strings(in, o, "args", &p->args);
	if (r == 0)
		r = get_strings(in, o, "env", &p->env);
	if (r == 0)
		r = get_str(in, o, "cwd", &p->cwd);
	if (r == 0)
		r = parse_caps(in, o, p);
	if (r == 0)
		r = get_array(in, o, "rlimits", sizeof(*p->rlimits), (void **)&p->rlimits, &p->rlimit_count, one_rlimit);
	if (r == 0)
		r = get_bool(in, o, "noNewPrivileges", &p->no_new_privileges);
	if (r == 0)
		r = get_int(in, o, "oomScoreAdj", -1000, 1000, &p->oom_score_adj);
	if (r == 0)
		r = refuse(in, o, later, countof(later));
	if (r < 0)
		return r;
	if (p->args == NULL || p->args[0] == NULL || p->args[0][0] == '\0')
		return bad(in, "args", "is missing or empty");
	if (p->cwd == NULL || p->cwd[0] != '/')
		return bad(in, "cwd", "must be an absolute path");
	if (p->env == NULL && (p->env = take(in, 1, sizeof(*p->env))) == NULL)
		return failed(in);
	return 0;
}

/* ---- mounts and linux ---- */

static int one_mount(struct in *in, const struct json *v, void *slot)
{
	static const char *const later[] = {"uidMappings", "gidMappings"};
	struct oci_mount *m = slot;

	int r = get_str(in, v, "destination", &m->destination);
	if (r == 0)
		r = get_str(in, v, "type", &m->type);
	if (r == 0)
		r = get_str(in, v, "source", &m->source);
	if (r == 0)
		r = get_strings(in, v, "options", &m->options);
	if (r == 0)
		r = refuse(in, v, later, countof(later));
	if (r < 0)
		return r;
	if (m->destination == NULL || m->destination[0] != '/')
		return bad(in, "destination", "must be an absolute path");
	if (m->options == NULL && (m->options = take(in, 1, sizeof(*m->options))) == NULL)
		return failed(in);
	return 0;
}

static int one_namespace(struct in *in, const struct json *v, void *slot)
{
	struct oci_namespace *n = slot;
	const char *type = NULL;

	int r = get_str(in, v, "type", &type);
	if (r == 0)
		r = get_str(in, v, "path", &n->path);
	if (r < 0)
		return r;
	if (n->path != NULL && n->path[0] == '\0')
		n->path = NULL;
	for (size_t i = 0; type != NULL && i < countof(namespace_names); i++)
		if (strcmp(type, namespace_names[i].name) == 0)
			n->flag = namespace_names[i].value;
	return n->flag == 0 ? bad(in, "type", "is not a namespace") : 0;
}

static int one_idmap(struct in *in, const struct json *v, void *slot)
{
	struct oci_idmap *m = slot;

	int r = get_u32(in, v, "containerID", &m->inside);
	if (r == 0)
		r = get_u32(in, v, "hostID", &m->outside);
	if (r == 0)
		r = get_u32(in, v, "size", &m->size);
	return r == 0 && m->size == 0 ? bad(in, "size", "must not be 0") : r;
}

static int one_device(struct in *in, const struct json *v, void *slot)
{
	struct oci_device *d = slot;
	const char *type = NULL;
	int64_t mode = 0666;

	int r = get_str(in, v, "path", &d->path);
	if (r == 0)
		r = get_str(in, v, "type", &type);
	if (r == 0)
		r = get_u32(in, v, "major", &d->major);
	if (r == 0)
		r = get_u32(in, v, "minor", &d->minor);
	if (r == 0)
		r = get_int(in, v, "fileMode", 0, 0177777, &mode);
	if (r == 0)
		r = get_u32(in, v, "uid", &d->uid);
	if (r == 0)
		r = get_u32(in, v, "gid", &d->gid);
	if (r < 0)
		return r;
	d->mode = (mode_t)mode & 07777;
	if (d->path == NULL || d->path[0] != '/')
		return bad(in, "path", "must be an absolute path");
	char t = type != NULL && type[0] != '\0' && type[1] == '\0' ? type[0] : '?';
	d->type = t == 'c' || t == 'u' ? S_IFCHR : t == 'b' ? S_IFBLK : t == 'p' ? S_IFIFO : 0;
	return d->type == 0 ? bad(in, "type", "must be c, u, b or p") : 0;
}

static int one_rule(struct in *in, const struct json *v, void *slot)
{
	struct oci_device_rule *d = slot;
	const char *type = "a", *access = "rwm";

	d->major = d->minor = OCI_UNSET;
	int r = get_bool(in, v, "allow", &d->allow);
	if (r == 0)
		r = get_str(in, v, "type", &type);
	if (r == 0)
		r = get_int(in, v, "major", -1, UINT32_MAX, &d->major);
	if (r == 0)
		r = get_int(in, v, "minor", -1, UINT32_MAX, &d->minor);
	if (r == 0)
		r = get_str(in, v, "access", &access);
	if (r < 0)
		return r;
	if (strlen(type) > 1 || (type[0] != '\0' && strchr("abc", type[0]) == NULL))
		return bad(in, "type", "must be a, b or c");
	if (access[strspn(access, "rwm")] != '\0')
		return bad(in, "access", "must be made of r, w and m");
	if (access[0] == '\0')
		access = "rwm";
	d->type = type[0] == '\0' ? 'a' : type[0];
	d->major = d->major == -1 ? OCI_UNSET : d->major;
	d->minor = d->minor == -1 ? OCI_UNSET : d->minor;
	d->can_read = strchr(access, 'r') != NULL;
	d->can_write = strchr(access, 'w') != NULL;
	d->can_mknod = strchr(access, 'm') != NULL;
	return 0;
}

static int parse_memory_cpu(struct in *in, const struct json *o, struct oci_resources *c)
{
	static const char *const later_cpu[] = {"realtimeRuntime", "realtimePeriod", "burst"};
	const struct json *memory, *cpu, *pids;

	int r = get_typed(in, o, "memory", JSON_OBJ, &memory);
	struct in s = sub(in, "memory");
	if (r == 0)
		r = get_int(&s, memory, "limit", -1, INT64_MAX, &c->memory_limit);
	if (r == 0)
		r = get_int(&s, memory, "reservation", -1, INT64_MAX, &c->memory_reservation);
	if (r == 0)
		r = get_int(&s, memory, "swap", -1, INT64_MAX, &c->memory_swap);
	if (r == 0)
		r = get_typed(in, o, "cpu", JSON_OBJ, &cpu);
	if (r < 0)
		return r;
	s = sub(in, "cpu");
	r = get_int(&s, cpu, "shares", 0, 262144, &c->cpu_shares);
	if (r == 0)
		r = get_int(&s, cpu, "quota", -1, INT64_MAX, &c->cpu_quota);
	if (r == 0)
		r = get_int(&s, cpu, "period", 0, 1000000, &c->cpu_period);
	if (r == 0)
		r = get_int(&s, cpu, "idle", 0, 1, &c->cpu_idle);
	if (r == 0)
		r = get_str(&s, cpu, "cpus", &c->cpus);
	if (r == 0)
		r = get_str(&s, cpu, "mems", &c->mems);
	if (r == 0)
		r = refuse(&s, cpu, later_cpu, countof(later_cpu));
	if (r == 0)
		r = get_typed(in, o, "pids", JSON_OBJ, &pids);
	if (r < 0)
		return r;
	s = sub(in, "pids");
	return get_int(&s, pids, "limit", -1, INT32_MAX, &c->pids_limit);
}

static int parse_resources(struct in *in, const struct json *o, struct oci_resources *c)
{
	static const char *const later[] = {"blockIO", "hugepageLimits", "network", "rdma"};

	*c = (struct oci_resources){
		.memory_limit = OCI_UNSET, .memory_reservation = OCI_UNSET, .memory_swap = OCI_UNSET,
		.cpu_shares = OCI_UNSET, .cpu_quota = OCI_UNSET, .cpu_period = OCI_UNSET, .cpu_idle = OCI_UNSET,
		.pids_limit = OCI_UNSET,
	};
	int r = parse_memory_cpu(in, o, c);
	if (r == 0)
		r = get_pairs(in, o, "unified", &c->unified, &c->unified_count);
	if (r == 0)
		r = get_array(in, o, "devices", sizeof(*c->devices), (void **)&c->devices, &c->device_count, one_rule);
	return r < 0 ? r : refuse(in, o, later, countof(later));
}

static int parse_linux(struct in *in, const struct json *o, struct oci_spec *p)
{
	static const char *const later[] = {"intelRdt", "mountLabel", "personality", "timeOffsets", "netDevices",
					    "memoryPolicy"};
	const struct json *res;

	int r = get_array(in, o, "namespaces", sizeof(*p->namespaces), (void **)&p->namespaces, &p->namespace_count,
			  one_namespace);
	if (r == 0)
		r = get_array(in, o, "uidMappings", sizeof(*p->uid_maps), (void **)&p->uid_maps, &p->uid_map_count, one_idmap);
	if (r == 0)
		r = get_array(in, o, "gidMappings", sizeof(*p->gid_maps), (void **)&p->gid_maps, &p->gid_map_count, one_idmap);
	if (r == 0)
		r = get_array(in, o, "devices", sizeof(*p->devices), (void **)&p->devices, &p->device_count, one_device);
	if (r == 0)
		r = get_str(in, o, "cgroupsPath", &p->cgroups_path);
	if (r == 0)
		r = get_pairs(in, o, "sysctl", &p->sysctl, &p->sysctl_count);
	if (r == 0)
		r = get_strings(in, o, "maskedPaths", &p->masked_paths);
	if (r == 0)
		r = get_strings(in, o, "readonlyPaths", &p->readonly_paths);
	if (r == 0)
		r = get_str(in, o, "rootfsPropagation", &p->rootfs_propagation);
	if (r == 0)
		r = get_typed(in, o, "seccomp", JSON_OBJ, &p->seccomp);
	if (r == 0)
		r = get_typed(in, o, "resources", JSON_OBJ, &res);
	if (r == 0)
		r = refuse(in, o, later, countof(later));
	if (r < 0)
		return r;
	struct in s = sub(in, "resources");
	return parse_resources(&s, res, &p->resources);
}

static int parse_root(struct in *in, const struct json *o, struct oci_spec *p)
{
	const struct json *root;

	int r = get_typed(in, o, "root", JSON_OBJ, &root);
	if (r < 0)
		return r;
	if (root == NULL)
		return bad(in, "root", "is missing");
	struct in s = sub(in, "root");
	r = get_str(&s, root, "path", &p->root_path);
	if (r == 0)
		r = get_bool(&s, root, "readonly", &p->root_readonly);
	if (r == 0 && (p->root_path == NULL || p->root_path[0] == '\0'))
		return bad(&s, "path", "is missing");
	return r;
}

static int parse_all(struct in *in, const struct json *o, struct oci_spec *p)
{
	static const char *const later[] = {"hooks", "solaris", "windows", "vm", "zos"};
	const struct json *process, *linux_part;
	const char *version = NULL;

	int r = get_str(in, o, "ociVersion", &version);
	if (r < 0)
		return r;
	if (version == NULL || strncmp(version, "1.", 2) != 0)
		return bad(in, "ociVersion", "is missing or not 1.x");
	r = parse_root(in, o, p);
	if (r == 0)
		r = get_typed(in, o, "process", JSON_OBJ, &process);
	if (r < 0)
		return r;
	if (process == NULL)
		return bad(in, "process", "is missing");
	struct in s = sub(in, "process");
	r = parse_process(&s, process, &p->process);
	if (r == 0)
		r = get_str(in, o, "hostname", &p->hostname);
	if (r == 0)
		r = get_str(in, o, "domainname", &p->domainname);
	if (r == 0)
		r = get_array(in, o, "mounts", sizeof(*p->mounts), (void **)&p->mounts, &p->mount_count, one_mount);
	if (r == 0)
		r = get_pairs(in, o, "annotations", &p->annotations, &p->annotation_count);
	if (r == 0)
		r = get_typed(in, o, "linux", JSON_OBJ, &linux_part);
	if (r == 0)
		r = refuse(in, o, later, countof(later));
	if (r < 0)
		return r;
	s = sub(in, "linux");
	return parse_linux(&s, linux_part, p);
}

/* ---- entry points ---- */

static int one_process(struct in *in, const struct json *o, struct oci_spec *p)
{
	return parse_process(in, o, &p->process);
}

static int one_resources(struct in *in, const struct json *o, struct oci_spec *p)
{
	return parse_resources(in, o, &p->resources);
}

static int parse_with(const char *json, size_t len, struct oci_spec **ret, struct err *e,
		      int (*part)(struct in *in, const struct json *o, struct oci_spec *p))
{
	struct err own = {0};
	struct oci_spec *s = calloc(1, sizeof(*s));

	if (e == NULL)
		e = &own; /* take() reports through it */
	if (s == NULL)
		return err_set(e, ENOMEM, "configuration");
	struct in in = {.spec = s, .e = e};
	int r = json_parse(json, len, &s->doc, e);
	if (r == 0 && json_type(json_root(s->doc)) != JSON_OBJ)
		r = err_set(e, E_SPEC, "configuration: must be an object");
	if (r == 0)
		r = part(&in, json_root(s->doc), s);
	if (r < 0) {
		oci_spec_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

int oci_spec_parse(const char *json, size_t len, struct oci_spec **ret, struct err *e)
{
	return parse_with(json, len, ret, e, parse_all);
}

int oci_process_parse(const char *json, size_t len, struct oci_spec **ret, struct err *e)
{
	return parse_with(json, len, ret, e, one_process);
}

int oci_resources_parse(const char *json, size_t len, struct oci_spec **ret, struct err *e)
{
	return parse_with(json, len, ret, e, one_resources);
}

void oci_spec_free(struct oci_spec *s)
{
	if (s == NULL)
		return;
	for (struct chunk *c = s->memory; c != NULL;) {
		struct chunk *next = c->next;
		free(c);
		c = next;
	}
	json_free(s->doc);
	free(s);
}

const char *oci_spec_annotation(const struct oci_spec *s, const char *key)
{
	for (size_t i = 0; i < s->annotation_count; i++)
		if (strcmp(s->annotations[i].key, key) == 0)
			return s->annotations[i].value;
	return NULL;
}
