// SPDX-License-Identifier: Apache-2.0
/* linux.resources to the files of a cgroup. A limit that cannot be applied is an error, never silence. */
#include "sysctr/internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cgroup_wants_limit(const struct oci_resources *c)
{
	size_t lists = c->unified_count + c->huge_count + c->rdma_count + c->io_weight_count;

	for (int i = 0; i < OCI_THROTTLES; i++)
		lists += c->io_throttle_counts[i];
	return c->memory_limit > 0 || c->memory_reservation > 0 || c->memory_swap > 0 || (c->cpu_shares > 0 && c->cpu_shares != 1024) || c->cpu_quota > 0 ||
	       c->cpu_burst > 0 || c->cpu_idle > 0 || (c->cpus != NULL && *c->cpus != '\0') ||
	       (c->mems != NULL && *c->mems != '\0') || c->pids_limit > 0 || c->io_weight > 0 || lists > 0;
}

static int put(int dir, const char *file, const char *text, struct err *e)
{
	int r = file_write_at(dir, file, text, e);

	if (r == -ENOENT)
		return err_say(e, EOPNOTSUPP, "linux.resources: this host's cgroup has no '%s'", file);
	return r;
}

static int put_number(int dir, const char *file, int64_t n, struct err *e)
{
	char text[32];

	if (n == OCI_UNSET)
		return 0;
	if (n < 0)
		(void)snprintf(text, sizeof(text), "max");
	else
		(void)snprintf(text, sizeof(text), "%lld", (long long)n);
	int r = put(dir, file, text, e);
	/* where there is no such limit, there is none */
	return r == -EOPNOTSUPP && n < 0 ? 0 : r;
}

/* v1 shares 2..262144 to v2 weight 1..10000, with the middles 1024 and 100 on each other: the curve that the other
 * runtimes have come to since the straight line of before gave the usual 1024 a weight of 39. */
static int64_t weight_of(int64_t shares)
{
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	double l = log2((double)shares);
	return (int64_t)ceil(pow(10, (l * l + 125 * l) / 612 - 7.0 / 34));
}

/* What a file says now; ret stays as it is where there is none. */
static void first_word(int dir, const char *file, char *ret, size_t size)
{
	struct buf b = BUF_INIT(256);

	if (file_read(dir, file, &b, NULL) == 0)
		(void)snprintf(ret, size, "%.*s", (int)strcspn(buf_str(&b), " \n"), buf_str(&b));
	buf_release(&b);
}

static int put_burst(int dir, int64_t burst, struct err *e)
{
	int r = put_number(dir, "cpu.max.burst", burst, e);

	return r == -EOPNOTSUPP && burst == 0 ? 0 : r;
}

static int set_cpu(int dir, const struct oci_resources *c, struct err *e)
{
	char text[64];
	int r = 0;

	if (c->cpu_shares > 0 && c->cpu_idle != 1) /* an idle group has no weight */
		r = put_number(dir, "cpu.weight", weight_of(c->cpu_shares), e);
	if (r == -EOPNOTSUPP && c->cpu_shares == 1024) /* containerd always asks for what everybody has */
		r = 0;
	if (r == 0 && (c->cpu_quota != OCI_UNSET || c->cpu_period > 0)) {
		char quota[24] = "max";
		if (c->cpu_quota > 0)
			(void)snprintf(quota, sizeof(quota), "%lld", (long long)c->cpu_quota);
		else if (c->cpu_quota == OCI_UNSET)
			first_word(dir, "cpu.max", quota, sizeof(quota)); /* the period alone changes */
		if (c->cpu_period > 0)
			(void)snprintf(text, sizeof(text), "%s %lld", quota, (long long)c->cpu_period);
		else
			(void)snprintf(text, sizeof(text), "%s", quota);
		r = put(dir, "cpu.max", text, e);
		if (r == -EOPNOTSUPP && c->cpu_quota <= 0)
			r = 0;
	}
	if (r == 0)
		r = put_burst(dir, c->cpu_burst, e);
	if (r == 0)
		r = put_number(dir, "cpu.idle", c->cpu_idle, e);
	if (r == -EOPNOTSUPP && c->cpu_idle == 0)
		r = 0;
	if (r == 0 && c->cpus != NULL && *c->cpus != '\0')
		r = put(dir, "cpuset.cpus", c->cpus, e);
	if (r == 0 && c->mems != NULL && *c->mems != '\0')
		r = put(dir, "cpuset.mems", c->mems, e);
	return r;
}

/* memory.checkBeforeUpdate: the kernel would kill where it is told less than what is used. */
static int check_memory(int dir, int64_t limit, struct err *e)
{
	struct buf b = BUF_INIT(64);

	int r = file_read(dir, "memory.current", &b, e);
	if (r == 0 && strtoll(buf_str(&b), NULL, 10) > limit)
		r = err_say(e, EBUSY, "linux.resources.memory.limit: %lld is below what is used (%.20s)", (long long)limit,
			    strtok(b.data, "\n"));
	buf_release(&b);
	return r;
}

static int set_memory(int dir, const struct oci_resources *c, struct err *e)
{
	int64_t swap = c->memory_swap;

	int r = c->memory_check && c->memory_limit > 0 ? check_memory(dir, c->memory_limit, e) : 0;
	if (r == 0)
		r = put_number(dir, "memory.max", c->memory_limit == 0 ? OCI_UNSET : c->memory_limit, e);
	if (r == 0)
		r = put_number(dir, "memory.low", c->memory_reservation == 0 ? OCI_UNSET : c->memory_reservation, e);
	if (r < 0 || swap == OCI_UNSET || swap == 0)
		return r;
	/* OCI counts memory and swap together, v2 swap alone */
	if (swap > 0) {
		char now[24] = "max";
		int64_t limit = c->memory_limit;
		if (limit == OCI_UNSET) {
			first_word(dir, "memory.max", now, sizeof(now));
			limit = now[0] == 'm' ? -1 : strtoll(now, NULL, 10);
		}
		if (limit < 0 || swap < limit)
			return err_set(e, E_SPEC, "linux.resources.memory.swap: must not be below memory.limit");
		swap -= limit;
	}
	r = put_number(dir, "memory.swap.max", swap, e);
	/* no swap to limit: the kernel without swap accounting keeps the promise by itself */
	return r == -EOPNOTSUPP && swap == 0 ? 0 : r;
}

/* v1 weight 10..1000 to v2 1..10000. bfq has its own file and takes the number as it is. */
static int set_weights(int dir, const struct oci_resources *c, struct err *e)
{
	char text[64];
	int r = 0;

	if (c->io_weight <= 0 && c->io_weight_count == 0)
		return 0;
	bool is_bfq = faccessat(dir, "io.bfq.weight", F_OK, 0) == 0;
	const char *file = is_bfq ? "io.bfq.weight" : "io.weight";
	if (c->io_weight > 0) {
		long long weight = is_bfq ? (long long)c->io_weight : 1 + ((long long)c->io_weight - 10) * 9999 / 990;
		(void)snprintf(text, sizeof(text), "default %lld", weight);
		r = put(dir, file, text, e);
	}
	for (size_t i = 0; r == 0 && i < c->io_weight_count; i++) {
		const struct oci_block_device *d = &c->io_weights[i];
		long long weight = is_bfq || d->value < 10 ? (long long)d->value : 1 + ((long long)d->value - 10) * 9999 / 990;
		(void)snprintf(text, sizeof(text), "%u:%u %lld", d->major, d->minor, weight);
		r = put(dir, file, text, e);
	}
	return r;
}

static int set_throttles(int dir, const struct oci_resources *c, struct err *e)
{
	static const char *const keys[OCI_THROTTLES] = {"rbps", "wbps", "riops", "wiops"};
	char text[96];
	int r = 0;

	for (int k = 0; r == 0 && k < OCI_THROTTLES; k++)
		for (size_t i = 0; r == 0 && i < c->io_throttle_counts[k]; i++) {
			const struct oci_block_device *d = &c->io_throttles[k][i];
			if (d->value == 0)
				(void)snprintf(text, sizeof(text), "%u:%u %s=max", d->major, d->minor, keys[k]);
			else
				(void)snprintf(text, sizeof(text), "%u:%u %s=%llu", d->major, d->minor, keys[k],
					       (unsigned long long)d->value);
			r = put(dir, "io.max", text, e);
			if (r < 0)
				r = err_wrap(e, r, "linux.resources.blockIO device %u:%u", d->major, d->minor);
		}
	return r;
}

static int set_huge(int dir, const struct oci_resources *c, struct err *e)
{
	char file[64], text[32];
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->huge_count; i++) {
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)c->huge[i].limit);
		(void)snprintf(file, sizeof(file), "hugetlb.%s.max", c->huge[i].page_size);
		r = put(dir, file, text, e);
		(void)snprintf(file, sizeof(file), "hugetlb.%s.rsvd.max", c->huge[i].page_size);
		if (r == 0 && faccessat(dir, file, F_OK, 0) == 0)
			r = put(dir, file, text, e);
	}
	return r;
}

static int set_rdma(int dir, const struct oci_resources *c, struct err *e)
{
	char text[160], handles[16] = "max", objects[16] = "max";
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->rdma_count; i++) {
		const struct oci_rdma *d = &c->rdma[i];
		if (d->handles != OCI_UNSET)
			(void)snprintf(handles, sizeof(handles), "%u", (unsigned)d->handles);
		if (d->objects != OCI_UNSET)
			(void)snprintf(objects, sizeof(objects), "%u", (unsigned)d->objects);
		(void)snprintf(text, sizeof(text), "%.64s hca_handle=%s hca_object=%s", d->device, handles, objects);
		r = put(dir, "rdma.max", text, e);
		if (r < 0)
			r = err_wrap(e, r, "linux.resources.rdma.%s", d->device);
	}
	return r;
}

int cgroup_set(int dir, const struct oci_resources *c, struct err *e)
{
	int r = set_memory(dir, c, e);
	if (r == 0)
		r = set_cpu(dir, c, e);
	if (r == 0)
		r = put_number(dir, "pids.max", c->pids_limit == 0 ? -1 : c->pids_limit, e);
	if (r == 0)
		r = set_weights(dir, c, e);
	if (r == 0)
		r = set_throttles(dir, c, e);
	if (r == 0)
		r = set_huge(dir, c, e);
	if (r == 0)
		r = set_rdma(dir, c, e);
	for (size_t i = 0; r == 0 && i < c->unified_count; i++) {
		if (strchr(c->unified[i].key, '/') != NULL || strchr(c->unified[i].key, '.') == NULL)
			return err_set(e, E_SPEC, "linux.resources.unified: '%s' is not a cgroup file", c->unified[i].key);
		r = put(dir, c->unified[i].key, c->unified[i].value, e);
	}
	return r;
}
