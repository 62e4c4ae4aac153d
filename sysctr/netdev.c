// SPDX-License-Identifier: Apache-2.0
/* linux.netDevices: links of the runtime's network namespace that move into the container's, with the addresses that the
 * kernel takes from a link that moves. */
#include "sysctr/internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/link.h"
#include "lib/sys/netlink.h"
#include "lib/sys/netns.h"
#include "lib/sys/route.h"

#include <errno.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#define ADDRS_MAX 64

struct kept {
	struct addr at[ADDRS_MAX];
	size_t n;
};

/* Those that somebody set: what the kernel made by itself it makes again. */
static int keep_addr(const struct addr *a, void *arg)
{
	struct kept *k = arg;

	if ((a->flags & IFA_F_PERMANENT) == 0 || (a->at.addr.family == IP_V6 && a->at.addr.b[0] == 0xfe && (a->at.addr.b[1] & 0xc0) == 0x80))
		return 0;
	if (k->n == ADDRS_MAX)
		return -E_LIMIT;
	k->at[k->n++] = *a;
	return 0;
}

static int send_link(struct nl *nl, uint32_t index, const char *name, int netns, struct err *e)
{
	struct ifinfomsg m = {.ifi_index = (int)index};
	NL_MEM(mem, 256);
	struct nl_buf b = NL_BUF(mem);

	nl_begin(&b, RTM_NEWLINK, 0, &m, sizeof(m));
	nl_put_u32(&b, IFLA_NET_NS_FD, (uint32_t)netns);
	nl_put_str(&b, IFLA_IFNAME, name);
	return nl_call(nl, &b, NULL, e);
}

static int move_one(struct nl *here, struct nl *there, const struct oci_net_device *d, int netns, struct err *e)
{
	const char *name = d->rename != NULL ? d->rename : d->name;
	static struct kept k;
	struct link l;

	k.n = 0;
	int r = link_get(here, d->name, &l, e);
	if (r == 0)
		r = addr_each(here, IP_V4, l.index, keep_addr, &k, e);
	if (r == 0)
		r = addr_each(here, IP_V6, l.index, keep_addr, &k, e);
	if (r == 0)
		r = send_link(here, l.index, name, netns, e);
	if (r == 0)
		r = link_get(there, name, &l, e);
	for (size_t i = 0; r == 0 && i < k.n; i++) {
		struct addr a = k.at[i];
		a.link = l.index;
		r = addr_set(there, &a, name, e);
	}
	if (r == 0)
		r = link_set(there, l.index, &(struct link_change){.want_up = true}, e);
	return r;
}

int netdevs_move(const struct oci_spec *spec, pid_t pid, struct err *e)
{
	struct nl here, there = {.fd = -1};

	if (spec->net_device_count == 0)
		return 0;
	owned_fd int netns = netns_of_pid(pid, e);
	if (netns < 0)
		return netns;
	int r = nl_open(&here, NETLINK_ROUTE, e);
	if (r < 0)
		return r;
	r = nl_open_in(&there, netns, NETLINK_ROUTE, e);
	for (size_t i = 0; r == 0 && i < spec->net_device_count; i++) {
		const struct oci_net_device *d = &spec->net_devices[i];
		r = move_one(&here, &there, d, netns, e);
		if (r < 0)
			r = err_wrap(e, r, "linux.netDevices.%s", d->name);
	}
	nl_close(&there);
	nl_close(&here);
	return r;
}
