// SPDX-License-Identifier: Apache-2.0
/* Limits of a container: dockerd's checks of them, with its words. */
#include "userctr/ctr_conf_internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_MIN ((int64_t)6 << 20)

static int check_memory(const struct json *host, bool is_update, struct err *e)
{
	int64_t memory = conf_int(host, "Memory"), swap = conf_int(host, "MemorySwap"), low = conf_int(host, "MemoryReservation");
	int64_t swappiness = json_int(json_get(host, "MemorySwappiness"), -1);

	if (memory != 0 && memory < MEMORY_MIN)
		return err_say(e, EINVAL, "Minimum memory limit allowed is 6MB");
	if (memory > 0 && swap > 0 && swap < memory)
		return err_say(e, EINVAL, "Minimum memoryswap limit should be larger than memory limit, see usage");
	if (memory == 0 && swap > 0 && !is_update)
		return err_say(e, EINVAL, "You should always set the Memory limit when using Memoryswap limit, see usage");
	if (swap < -1)
		return err_say(e, EINVAL, "invalid MemorySwap: %" PRId64, swap);
	if (swappiness < -1 || swappiness > 100)
		return err_say(e, EINVAL, "Invalid value: %" PRId64 ", valid memory swappiness range is 0-100", swappiness);
	if (low != 0 && low < MEMORY_MIN)
		return err_say(e, EINVAL, "Minimum memory reservation allowed is 6MB");
	if (low > 0 && memory > 0 && memory < low)
		return err_say(e, EINVAL, "Minimum memory limit can not be less than memory reservation limit, see usage");
	return 0;
}

static bool is_cpu_list(const char *s)
{
	return s[strspn(s, "0123456789,-")] == '\0' && strlen(s) < 1024;
}

static int check_cpu(const struct json *host, struct err *e)
{
	int64_t nano = conf_int(host, "NanoCpus"), period = conf_int(host, "CpuPeriod"), quota = conf_int(host, "CpuQuota");
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (nano > 0 && period != 0)
		return err_say(e, EINVAL, "Conflicting options: Nano CPUs and CPU Period cannot both be set");
	if (nano > 0 && quota != 0)
		return err_say(e, EINVAL, "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
	if (nano < 0 || (cpus > 0 && nano > cpus * INT64_C(1000000000)))
		return err_say(e, EINVAL, "range of CPUs is from 0.01 to %ld.00, as there are only %ld CPUs available", cpus, cpus);
	if (conf_int(host, "CpuShares") < 0)
		return err_say(e, EINVAL, "invalid CPU shares (%" PRId64 "): value must be a positive integer", conf_int(host, "CpuShares"));
	if (period != 0 && (period < 1000 || period > 1000000))
		return err_say(e, EINVAL, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
	if (quota > 0 && quota < 1000)
		return err_say(e, EINVAL, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
	if (conf_int(host, "CpuRealtimePeriod") != 0 || conf_int(host, "CpuRealtimeRuntime") != 0)
		return err_say(e, EINVAL, "your kernel does not support CPU real-time scheduler");
	if (!is_cpu_list(conf_str(host, "CpusetCpus")))
		return err_say(e, EINVAL, "Invalid value %.100s for cpuset cpus", conf_str(host, "CpusetCpus"));
	if (!is_cpu_list(conf_str(host, "CpusetMems")))
		return err_say(e, EINVAL, "Invalid value %.100s for cpuset mems", conf_str(host, "CpusetMems"));
	return 0;
}

static int check_io(const struct json *host, struct err *e)
{
	static const char *const lists[] = {"BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps",
					    "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps"};
	int64_t weight = conf_int(host, "BlkioWeight");

	if (weight != 0 && (weight < 10 || weight > 1000))
		return err_say(e, EINVAL, "Range of blkio weight is from 10 to 1000");
	for (size_t i = 0; i < countof(lists); i++) {
		struct json_iter it = json_iter(json_get(host, lists[i]));
		while (json_next(&it)) {
			int64_t n = conf_int(it.value, i == 0 ? "Weight" : "Rate");
			if (conf_str(it.value, "Path")[0] != '/')
				return err_say(e, EINVAL, "invalid %s: Path must be absolute", lists[i]);
			if (i == 0 ? n < 10 || n > 1000 : n < 0)
				return err_say(e, EINVAL, "invalid %s: %" PRId64, lists[i], n);
		}
	}
	return 0;
}

static int check_ulimits(const struct json *host, struct err *e)
{
	static const char *const names[] = {"core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice",
					    "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"};
	struct json_iter it = json_iter(json_get(host, "Ulimits"));

	while (json_next(&it)) {
		const char *name = conf_str(it.value, "Name");
		int64_t soft = conf_int(it.value, "Soft"), hard = conf_int(it.value, "Hard");
		size_t i = 0;
		while (i < countof(names) && strcmp(names[i], name) != 0)
			i++;
		if (i == countof(names))
			return err_say(e, EINVAL, "invalid ulimit type: %.50s", name);
		if (soft < -1 || hard < -1)
			return err_say(e, EINVAL, "invalid ulimit %s: %" PRId64 ":%" PRId64, name, soft, hard);
		if (hard != -1 && (soft == -1 || soft > hard))
			return err_say(e, EINVAL, "ulimit soft limit must be less than or equal to hard limit: %" PRId64 " > %" PRId64,
				       soft, hard);
	}
	return 0;
}

static int check_devices(const struct json *host, struct err *e)
{
	struct json_iter it = json_iter(json_get(host, "DeviceCgroupRules"));
	char type, access[4];
	int64_t major, minor;

	while (json_next(&it))
		if (device_rule_parse(json_str_or(it.value, ""), &type, &major, &minor, access) < 0)
			return err_say(e, EINVAL, "invalid device cgroup rule format: '%.100s'", json_str_or(it.value, ""));
	it = json_iter(json_get(host, "Devices"));
	while (json_next(&it)) {
		const char *p = conf_str(it.value, "CgroupPermissions");
		if (conf_str(it.value, "PathOnHost")[0] != '/')
			return err_say(e, EINVAL, "invalid device \"%.200s\": must be an absolute path",
				       conf_str(it.value, "PathOnHost"));
		if (strlen(p) > 3 || p[strspn(p, "rwm")] != '\0')
			return err_say(e, EINVAL, "invalid device mode: %.20s", p);
	}
	return 0;
}

int limits_check(const struct json *host, bool is_update, struct err *e)
{
	int64_t adj = conf_int(host, "OomScoreAdj"), pids = conf_int(host, "PidsLimit");

	int r = check_memory(host, is_update, e);
	if (r == 0)
		r = check_cpu(host, e);
	if (r == 0)
		r = check_io(host, e);
	if (r == 0)
		r = check_ulimits(host, e);
	if (r == 0)
		r = check_devices(host, e);
	if (r < 0)
		return r;
	if (conf_int(host, "ShmSize") < 0)
		return err_say(e, EINVAL, "SHM size can not be less than 0");
	if (adj < -1000 || adj > 1000)
		return err_say(e, EINVAL, "Invalid value %" PRId64 ", range for oom score adj is [-1000, 1000]", adj);
	if (pids > INT32_MAX)
		return err_say(e, EINVAL, "invalid PidsLimit: %" PRId64, pids);
	return 0;
}
