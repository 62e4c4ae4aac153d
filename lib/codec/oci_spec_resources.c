// SPDX-License-Identifier: Apache-2.0
/* The linux.resources object. What only cgroup v1 had is refused when it asks for something. */
#include "lib/codec/oci_spec_in.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <string.h>

static int one_rule(struct in *in, const struct json *v, void *slot)
{
	struct oci_device_rule *d = slot;
	const char *type = "a", *access = "rwm";

	d->major = d->minor = OCI_UNSET;
	int r = in_bool(in, v, "allow", &d->allow);
	if (r == 0)
		r = in_str(in, v, "type", &type);
	if (r == 0)
		r = in_int(in, v, "major", -1, UINT32_MAX, &d->major);
	if (r == 0)
		r = in_int(in, v, "minor", -1, UINT32_MAX, &d->minor);
	if (r == 0)
		r = in_str(in, v, "access", &access);
	if (r < 0)
		return r;
	if (strlen(type) > 1 || (type[0] != '\0' && strchr("abc", type[0]) == NULL))
		return in_bad(in, "type", "must be a, b or c");
	if (access[strspn(access, "rwm")] != '\0')
		return in_bad(in, "access", "must be made of r, w and m");
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

/* A number or boolean of cgroup v1 that v2 cannot do: 0, false and -1 ask for nothing. */
static int refuse_v1(struct in *in, const struct json *o, const char *const keys[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct json *v = json_get(o, keys[i]);
		if (!in_absent(v) && !(json_type(v) == JSON_NUM && (json_int(v, 1) == 0 || json_int(v, 1) == -1)) &&
		    !(json_type(v) == JSON_BOOL && !json_bool(v, true)))
			return in_bad(in, keys[i], "cannot be applied: cgroup v2 does not have it");
	}
	return 0;
}

static int parse_memory(struct in *up, const struct json *o, struct oci_resources *c)
{
	static const char *const v1[] = {"kernel", "kernelTCP", "swappiness", "disableOOMKiller"};
	bool hierarchy; /* v2 always has it */
	const struct json *m;

	int r = in_typed(up, o, "memory", JSON_OBJ, &m);
	struct in in = in_sub(up, "memory");
	if (r == 0)
		r = in_int(&in, m, "limit", -1, INT64_MAX, &c->memory_limit);
	if (r == 0)
		r = in_int(&in, m, "reservation", -1, INT64_MAX, &c->memory_reservation);
	if (r == 0)
		r = in_int(&in, m, "swap", -1, INT64_MAX, &c->memory_swap);
	if (r == 0)
		r = in_bool(&in, m, "checkBeforeUpdate", &c->memory_check);
	if (r == 0)
		r = in_bool(&in, m, "useHierarchy", &hierarchy);
	return r < 0 ? r : refuse_v1(&in, m, v1, countof(v1));
}

static int parse_cpu(struct in *up, const struct json *o, struct oci_resources *c)
{
	static const char *const v1[] = {"realtimeRuntime", "realtimePeriod"};
	const struct json *cpu;

	int r = in_typed(up, o, "cpu", JSON_OBJ, &cpu);
	struct in in = in_sub(up, "cpu");
	if (r == 0)
		r = in_int(&in, cpu, "shares", 0, 262144, &c->cpu_shares);
	if (r == 0)
		r = in_int(&in, cpu, "quota", -1, INT64_MAX, &c->cpu_quota);
	if (r == 0)
		r = in_int(&in, cpu, "period", 0, 1000000, &c->cpu_period);
	if (r == 0)
		r = in_int(&in, cpu, "burst", 0, INT64_MAX, &c->cpu_burst);
	if (r == 0)
		r = in_int(&in, cpu, "idle", 0, 1, &c->cpu_idle);
	if (r == 0)
		r = in_str(&in, cpu, "cpus", &c->cpus);
	if (r == 0)
		r = in_str(&in, cpu, "mems", &c->mems);
	return r < 0 ? r : refuse_v1(&in, cpu, v1, countof(v1));
}

static int block_device(struct in *in, const struct json *v, struct oci_block_device *d)
{
	int64_t major = -1, minor = -1;

	int r = in_int(in, v, "major", 0, UINT32_MAX, &major);
	if (r == 0)
		r = in_int(in, v, "minor", 0, UINT32_MAX, &minor);
	if (r == 0 && (major < 0 || minor < 0))
		r = in_bad(in, major < 0 ? "major" : "minor", "is missing");
	d->major = (unsigned)major;
	d->minor = (unsigned)minor;
	return r;
}

static int one_weight(struct in *in, const struct json *v, void *slot)
{
	static const char *const v1[] = {"leafWeight"};
	struct oci_block_device *d = slot;
	int64_t weight = 0;

	int r = block_device(in, v, d);
	if (r == 0)
		r = in_int(in, v, "weight", 0, 1000, &weight);
	d->value = (uint64_t)weight;
	return r < 0 ? r : refuse_v1(in, v, v1, countof(v1));
}

static int one_throttle(struct in *in, const struct json *v, void *slot)
{
	struct oci_block_device *d = slot;

	int r = block_device(in, v, d);
	return r < 0 ? r : in_u64(in, v, "rate", &d->value);
}

static int parse_io(struct in *up, const struct json *o, struct oci_resources *c)
{
	static const char *const keys[OCI_THROTTLES] = {"throttleReadBpsDevice", "throttleWriteBpsDevice",
							"throttleReadIOPSDevice", "throttleWriteIOPSDevice"};
	static const char *const v1[] = {"leafWeight"};
	const struct json *b;

	int r = in_typed(up, o, "blockIO", JSON_OBJ, &b);
	if (r < 0 || b == NULL)
		return r;
	struct in in = in_sub(up, "blockIO");
	r = in_int(&in, b, "weight", 0, 1000, &c->io_weight);
	if (r == 0 && c->io_weight > 0 && c->io_weight < 10)
		r = in_bad(&in, "weight", "is out of range");
	if (r == 0)
		r = refuse_v1(&in, b, v1, countof(v1));
	if (r == 0)
		r = in_array(&in, b, "weightDevice", sizeof(*c->io_weights), (void **)&c->io_weights, &c->io_weight_count,
			     one_weight);
	for (int i = 0; r == 0 && i < OCI_THROTTLES; i++)
		r = in_array(&in, b, keys[i], sizeof(*c->io_throttles[i]), (void **)&c->io_throttles[i],
			     &c->io_throttle_counts[i], one_throttle);
	return r;
}

static int one_huge(struct in *in, const struct json *v, void *slot)
{
	struct oci_huge_limit *h = slot;

	int r = in_str(in, v, "pageSize", &h->page_size);
	if (r == 0)
		r = in_u64(in, v, "limit", &h->limit);
	if (r < 0)
		return r;
	size_t digits = h->page_size != NULL ? strspn(h->page_size, "0123456789") : 0;
	if (digits == 0 || digits > 6 || strlen(h->page_size) != digits + 2 || strchr("KMG", h->page_size[digits]) == NULL ||
	    h->page_size[digits + 1] != 'B')
		return in_bad(in, "pageSize", "must be like 64KB, 2MB or 1GB");
	return 0;
}

static int parse_rdma(struct in *up, const struct json *o, struct oci_resources *c)
{
	const struct json *m;

	int r = in_typed(up, o, "rdma", JSON_OBJ, &m);
	if (r < 0 || m == NULL)
		return r;
	c->rdma = in_take(up, json_len(m), sizeof(*c->rdma));
	if (c->rdma == NULL)
		return in_failed(up);
	struct in in = in_sub(up, "rdma");
	struct json_iter it = json_iter(m);
	while (r == 0 && json_next(&it)) {
		struct oci_rdma *d = &c->rdma[c->rdma_count++];
		if (it.key_len == 0 || it.key_len > 64 || strlen(it.key) != it.key_len || strpbrk(it.key, " \n=") != NULL)
			return in_bad(&in, "", "has a name that no device can have");
		struct in one = in_sub(&in, it.key);
		d->device = it.key;
		d->handles = d->objects = OCI_UNSET;
		r = json_type(it.value) != JSON_OBJ ? in_bad(&in, it.key, "must be an object") : 0;
		if (r == 0)
			r = in_int(&one, it.value, "hcaHandles", 0, UINT32_MAX, &d->handles);
		if (r == 0)
			r = in_int(&one, it.value, "hcaObjects", 0, UINT32_MAX, &d->objects);
	}
	return r;
}

static int parse_network(struct in *up, const struct json *o)
{
	static const char *const v1[] = {"classID"}, *const lists[] = {"priorities"};
	const struct json *n;

	int r = in_typed(up, o, "network", JSON_OBJ, &n);
	struct in in = in_sub(up, "network");
	if (r == 0)
		r = refuse_v1(&in, n, v1, countof(v1));
	const struct json *list = json_get(n, lists[0]);
	return r < 0 || in_absent(list) || json_len(list) == 0 ? r : in_bad(&in, lists[0], "cannot be applied: cgroup v2 does not have it");
}

int in_resources(struct in *in, const struct json *o, struct oci_resources *c)
{
	const struct json *pids;

	*c = (struct oci_resources){
		.memory_limit = OCI_UNSET, .memory_reservation = OCI_UNSET, .memory_swap = OCI_UNSET,
		.cpu_shares = OCI_UNSET, .cpu_quota = OCI_UNSET, .cpu_period = OCI_UNSET, .cpu_burst = OCI_UNSET,
		.cpu_idle = OCI_UNSET, .io_weight = OCI_UNSET, .pids_limit = OCI_UNSET,
	};
	if (o == NULL)
		return 0;
	int r = parse_memory(in, o, c);
	if (r == 0)
		r = parse_cpu(in, o, c);
	if (r == 0)
		r = in_typed(in, o, "pids", JSON_OBJ, &pids);
	if (r == 0) {
		struct in s = in_sub(in, "pids");
		r = in_int(&s, pids, "limit", -1, INT64_MAX, &c->pids_limit);
	}
	if (r == 0)
		r = parse_io(in, o, c);
	if (r == 0)
		r = in_array(in, o, "hugepageLimits", sizeof(*c->huge), (void **)&c->huge, &c->huge_count, one_huge);
	if (r == 0)
		r = parse_rdma(in, o, c);
	if (r == 0)
		r = parse_network(in, o);
	if (r == 0)
		r = in_pairs(in, o, "unified", &c->unified, &c->unified_count);
	return r < 0 ? r : in_array(in, o, "devices", sizeof(*c->devices), (void **)&c->devices, &c->device_count, one_rule);
}
