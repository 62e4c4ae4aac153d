// SPDX-License-Identifier: Apache-2.0
/* The linux object without its resources: namespaces, id maps, devices, what the kernel does for a process. */
#include "lib/codec/oci_spec_in.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#define NEWTIME_FLAG 0x00000080 /* CLONE_NEWTIME: newer than the headers of some build hosts */

static const struct {
	const char *name;
	int value;
} namespace_names[] = {
	{"pid", CLONE_NEWPID}, {"network", CLONE_NEWNET}, {"mount", CLONE_NEWNS}, {"ipc", CLONE_NEWIPC},
	{"uts", CLONE_NEWUTS}, {"user", CLONE_NEWUSER}, {"cgroup", CLONE_NEWCGROUP}, {"time", NEWTIME_FLAG},
};

static int one_namespace(struct in *in, const struct json *v, void *slot)
{
	struct oci_namespace *n = slot;
	const char *type = NULL;

	int r = in_str(in, v, "type", &type);
	if (r == 0)
		r = in_str(in, v, "path", &n->path);
	if (r < 0)
		return r;
	if (n->path != NULL && n->path[0] == '\0')
		n->path = NULL;
	for (size_t i = 0; type != NULL && i < countof(namespace_names); i++)
		if (strcmp(type, namespace_names[i].name) == 0)
			n->flag = namespace_names[i].value;
	return n->flag == 0 ? in_bad(in, "type", "is not a namespace") : 0;
}

int in_idmap(struct in *in, const struct json *v, void *slot)
{
	struct oci_idmap *m = slot;

	int r = in_u32(in, v, "containerID", &m->inside);
	if (r == 0)
		r = in_u32(in, v, "hostID", &m->outside);
	if (r == 0)
		r = in_u32(in, v, "size", &m->size);
	return r == 0 && m->size == 0 ? in_bad(in, "size", "must not be 0") : r;
}

static int one_device(struct in *in, const struct json *v, void *slot)
{
	struct oci_device *d = slot;
	const char *type = NULL;
	int64_t mode = 0666;

	int r = in_str(in, v, "path", &d->path);
	if (r == 0)
		r = in_str(in, v, "type", &type);
	if (r == 0)
		r = in_u32(in, v, "major", &d->major);
	if (r == 0)
		r = in_u32(in, v, "minor", &d->minor);
	if (r == 0)
		r = in_int(in, v, "fileMode", 0, 0177777, &mode);
	if (r == 0)
		r = in_u32(in, v, "uid", &d->uid);
	if (r == 0)
		r = in_u32(in, v, "gid", &d->gid);
	if (r < 0)
		return r;
	d->mode = (mode_t)mode & 07777;
	if (d->path == NULL || d->path[0] != '/')
		return in_bad(in, "path", "must be an absolute path");
	char t = type != NULL && type[0] != '\0' && type[1] == '\0' ? type[0] : '?';
	d->type = t == 'c' || t == 'u' ? S_IFCHR : t == 'b' ? S_IFBLK : t == 'p' ? S_IFIFO : 0;
	return d->type == 0 ? in_bad(in, "type", "must be c, u, b or p") : 0;
}

static int parse_personality(struct in *up, const struct json *o, struct oci_spec *p)
{
	const struct json *v;
	const char *domain = NULL, **flags = NULL;

	p->personality = OCI_UNSET;
	int r = in_typed(up, o, "personality", JSON_OBJ, &v);
	if (r < 0 || v == NULL)
		return r;
	struct in in = in_sub(up, "personality");
	r = in_str(&in, v, "domain", &domain);
	if (r == 0)
		r = in_strings(&in, v, "flags", &flags);
	if (r < 0)
		return r;
	if (domain == NULL || (strcmp(domain, "LINUX") != 0 && strcmp(domain, "LINUX32") != 0))
		return in_bad(&in, "domain", "must be LINUX or LINUX32");
	if (flags != NULL && flags[0] != NULL) /* the specification names none */
		return in_bad(&in, "flags", "has an unknown flag");
	p->personality = domain[5] == '\0' ? 0 : 8; /* PER_LINUX, PER_LINUX32 */
	return 0;
}

static int parse_time(struct in *up, const struct json *o, struct oci_spec *p)
{
	const struct json *m;

	int r = in_typed(up, o, "timeOffsets", JSON_OBJ, &m);
	if (r < 0 || m == NULL)
		return r;
	p->time_offsets = in_take(up, json_len(m), sizeof(*p->time_offsets));
	if (p->time_offsets == NULL)
		return in_failed(up);
	struct in in = in_sub(up, "timeOffsets");
	struct json_iter it = json_iter(m);
	while (r == 0 && json_next(&it)) {
		struct oci_time_offset *t = &p->time_offsets[p->time_offset_count++];
		bool is_clock = strcmp(it.key, "monotonic") == 0 || strcmp(it.key, "boottime") == 0;
		if (!is_clock || json_type(it.value) != JSON_OBJ)
			return in_bad(&in, is_clock ? it.key : "", "must map monotonic and boottime to objects");
		struct in one = in_sub(&in, it.key);
		t->clock = it.key;
		r = in_int(&one, it.value, "secs", INT64_MIN / 2, INT64_MAX / 2, &t->secs);
		if (r == 0)
			r = in_u32(&one, it.value, "nanosecs", &t->nanosecs);
		if (r == 0 && t->nanosecs > 999999999)
			r = in_bad(&one, "nanosecs", "is out of range");
	}
	return r;
}

static bool is_link_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < IFNAMSIZ && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 && strpbrk(s, "/: \t\n%") == NULL;
}

static int parse_net(struct in *up, const struct json *o, struct oci_spec *p)
{
	const struct json *m;

	int r = in_typed(up, o, "netDevices", JSON_OBJ, &m);
	if (r < 0 || m == NULL)
		return r;
	p->net_devices = in_take(up, json_len(m), sizeof(*p->net_devices));
	if (p->net_devices == NULL)
		return in_failed(up);
	struct in in = in_sub(up, "netDevices");
	struct json_iter it = json_iter(m);
	while (r == 0 && json_next(&it)) {
		struct oci_net_device *d = &p->net_devices[p->net_device_count++];
		if (!is_link_name(it.key) || strlen(it.key) != it.key_len)
			return in_bad(&in, "", "has a name that no network device can have");
		if (json_type(it.value) != JSON_OBJ)
			return in_bad(&in, it.key, "must be an object");
		struct in one = in_sub(&in, it.key);
		d->name = it.key;
		r = in_str(&one, it.value, "name", &d->rename);
		if (r == 0 && d->rename != NULL && d->rename[0] != '\0' && !is_link_name(d->rename))
			r = in_bad(&one, "name", "is not a name of a network device");
		if (d->rename != NULL && d->rename[0] == '\0')
			d->rename = NULL;
	}
	return r;
}

static int parse_memory_policy(struct in *up, const struct json *o, struct oci_memory_policy *m)
{
	static const struct {
		const char *name;
		int mode;
	} words[] = {
		{"MPOL_DEFAULT", 0}, {"MPOL_PREFERRED", 1}, {"MPOL_BIND", 2}, {"MPOL_INTERLEAVE", 3}, {"MPOL_LOCAL", 4},
		{"MPOL_PREFERRED_MANY", 5}, {"MPOL_WEIGHTED_INTERLEAVE", 6}, {"MPOL_F_NUMA_BALANCING", 1 << 13},
		{"MPOL_F_RELATIVE_NODES", 1 << 14}, {"MPOL_F_STATIC_NODES", 1 << 15},
	};
	const char *mode = NULL, *nodes = NULL, **flags = NULL;
	const struct json *v;

	int r = in_typed(up, o, "memoryPolicy", JSON_OBJ, &v);
	if (r < 0 || v == NULL || json_len(v) == 0)
		return r;
	struct in in = in_sub(up, "memoryPolicy");
	r = in_str(&in, v, "mode", &mode);
	if (r == 0)
		r = in_str(&in, v, "nodes", &nodes);
	if (r == 0)
		r = in_strings(&in, v, "flags", &flags);
	if (r < 0)
		return r;
	m->mode = -1;
	for (size_t i = 0; mode != NULL && i < countof(words); i++)
		if (words[i].mode < 1 << 13 && strcmp(mode, words[i].name) == 0)
			m->mode = words[i].mode;
	if (m->mode < 0)
		return in_bad(&in, "mode", "is not a memory policy");
	for (; flags != NULL && *flags != NULL; flags++) {
		int add = 0;
		for (size_t i = 0; i < countof(words); i++)
			if (words[i].mode >= 1 << 13 && strcmp(*flags, words[i].name) == 0)
				add = words[i].mode;
		if (add == 0)
			return in_bad(&in, "flags", "has an unknown flag");
		m->mode |= add;
	}
	if (nodes != NULL && nodes[0] != '\0' && oci_list_parse(nodes, m->nodes) < 0)
		return in_bad(&in, "nodes", "is not a list of memory nodes");
	m->is_set = true;
	return 0;
}

static int parse_later(struct in *in, const struct json *o, struct oci_spec *p)
{
	int r = in_str(in, o, "mountLabel", &p->mount_label);
	if (r == 0)
		r = parse_personality(in, o, p);
	if (r == 0)
		r = parse_time(in, o, p);
	if (r == 0)
		r = parse_net(in, o, p);
	return r < 0 ? r : parse_memory_policy(in, o, &p->memory_policy);
}

int in_linux(struct in *in, const struct json *o, struct oci_spec *p)
{
	static const char *const later[] = {"intelRdt"};
	const struct json *res;

	int r = in_array(in, o, "namespaces", sizeof(*p->namespaces), (void **)&p->namespaces, &p->namespace_count,
			  one_namespace);
	if (r == 0)
		r = in_array(in, o, "uidMappings", sizeof(*p->uid_maps), (void **)&p->uid_maps, &p->uid_map_count, in_idmap);
	if (r == 0)
		r = in_array(in, o, "gidMappings", sizeof(*p->gid_maps), (void **)&p->gid_maps, &p->gid_map_count, in_idmap);
	if (r == 0)
		r = in_array(in, o, "devices", sizeof(*p->devices), (void **)&p->devices, &p->device_count, one_device);
	if (r == 0)
		r = in_str(in, o, "cgroupsPath", &p->cgroups_path);
	if (r == 0)
		r = in_pairs(in, o, "sysctl", &p->sysctl, &p->sysctl_count);
	if (r == 0)
		r = in_strings(in, o, "maskedPaths", &p->masked_paths);
	if (r == 0)
		r = in_strings(in, o, "readonlyPaths", &p->readonly_paths);
	if (r == 0)
		r = in_str(in, o, "rootfsPropagation", &p->rootfs_propagation);
	if (r == 0)
		r = in_typed(in, o, "seccomp", JSON_OBJ, &p->seccomp);
	if (r == 0)
		r = in_typed(in, o, "resources", JSON_OBJ, &res);
	if (r == 0)
		r = parse_later(in, o, p);
	if (r == 0)
		r = in_refuse(in, o, later, countof(later));
	if (r < 0)
		return r;
	struct in s = in_sub(in, "resources");
	return in_resources(&s, res, &p->resources);
}
