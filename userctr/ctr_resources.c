// SPDX-License-Identifier: Apache-2.0
/* HostConfig's limits as the OCI's linux.resources. */
#include "userctr/ctr_conf.h"
#include "userctr/ctr_conf_internal.h"

#include "lib/base/owned.h"
#include "lib/codec/json.h"

#define SHARES_MAX  262144
#define NANO_PERIOD 100000

static void write_memory(struct json_writer *w, const struct json *host)
{
	static const struct {
		const char *docker, *oci;
	} numbers[] = {{"Memory", "limit"}, {"MemoryReservation", "reservation"}, {"MemorySwap", "swap"}};

	jw_key(w, "memory");
	jw_obj(w);
	for (size_t i = 0; i < countof(numbers); i++)
		if (conf_int(host, numbers[i].docker) != 0)
			jw_kint(w, numbers[i].oci, conf_int(host, numbers[i].docker));
	jw_end_obj(w);
}

static void write_cpu(struct json_writer *w, const struct json *host)
{
	int64_t shares = conf_int(host, "CpuShares"), quota = conf_int(host, "CpuQuota"), period = conf_int(host, "CpuPeriod");
	int64_t nano = conf_int(host, "NanoCpus");

	if (nano > 0) {
		period = NANO_PERIOD;
		quota = nano / (1000000000 / NANO_PERIOD);
		quota = quota < 1000 ? 1000 : quota; /* the kernel's least */
	}
	jw_key(w, "cpu");
	jw_obj(w);
	if (shares > 0)
		jw_kint(w, "shares", shares < 2 ? 2 : shares > SHARES_MAX ? SHARES_MAX : shares);
	if (quota != 0)
		jw_kint(w, "quota", quota < 0 ? -1 : quota);
	if (period != 0)
		jw_kint(w, "period", period);
	if (conf_str(host, "CpusetCpus")[0] != '\0')
		jw_kstr(w, "cpus", conf_str(host, "CpusetCpus"));
	if (conf_str(host, "CpusetMems")[0] != '\0')
		jw_kstr(w, "mems", conf_str(host, "CpusetMems"));
	jw_end_obj(w);
}

int resources_write(struct json_writer *w, const struct ctr_conf *c, bool with_devices, struct err *e)
{
	const struct json *host = c->host;
	int64_t pids = conf_int(host, "PidsLimit");
	int r = 0;

	jw_obj(w);
	if (with_devices) {
		jw_key(w, "devices");
		r = device_rules_write(w, host, e);
	}
	write_memory(w, host);
	write_cpu(w, host);
	/* an update may take a limit away; who starts has none */
	if (pids > 0 || !with_devices) {
		jw_key(w, "pids");
		jw_obj(w);
		jw_kint(w, "limit", pids > 0 ? pids : -1);
		jw_end_obj(w);
	}
	if (r == 0)
		r = block_io_write(w, host, e);
	jw_end_obj(w);
	return r;
}

void ctr_resources_write(struct json_writer *w, const struct ctr_conf *c)
{
	(void)resources_write(w, c, /* with_devices: */ false, NULL); /* a block device that went away has no limits either */
}
