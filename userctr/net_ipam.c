// SPDX-License-Identifier: Apache-2.0
/* Addresses of one network: a sorted array of those that are taken. */
#include "userctr/net_ipam.h"

#include "lib/base/err.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint32_t last_of(const struct ip_prefix *p)
{
	return ip4_host(&p->addr) | ~ip4_mask(p->len);
}

int net_ipam_init(struct net_ipam *m, const struct ip_prefix *subnet, const struct ip_prefix *range, struct err *e)
{
	char text[IP_PREFIX_TEXT_MAX], range_text[IP_PREFIX_TEXT_MAX];
	struct ip_prefix net = ip_prefix_network(subnet), from = ip_prefix_network(range);

	*m = (struct net_ipam){0};
	if (net.addr.family != IP_V4 || net.len < 8 || net.len > 30)
		return err_say(e, EINVAL, "'%s' cannot be the subnet of a network", ip_prefix_text(subnet, text));
	if (from.addr.family == IP_NONE)
		from = net;
	if (from.len < net.len || from.len > 32 || !ip_prefix_has(&net, &from.addr))
		return err_say(e, EINVAL, "address range '%s' is outside of subnet '%s'", ip_prefix_text(range, range_text),
			       ip_prefix_text(&net, text));
	m->subnet = net;
	m->low = ip4_host(&from.addr);
	m->high = last_of(&from);
	/* A range may include them; the network's own and the broadcast address are nobody's. */
	if (m->low == ip4_host(&net.addr))
		m->low++;
	if (m->high == last_of(&net))
		m->high--;
	return 0;
}

void net_ipam_release(struct net_ipam *m)
{
	free(m->taken);
	*m = (struct net_ipam){0};
}

/* Where a is, or where it would go. */
static size_t position(const struct net_ipam *m, uint32_t a)
{
	size_t from = 0, to = m->count;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		if (m->taken[mid] < a)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static bool is_taken(const struct net_ipam *m, uint32_t a)
{
	size_t at = position(m, a);

	return at < m->count && m->taken[at] == a;
}

static int insert(struct net_ipam *m, uint32_t a, struct err *e)
{
	char text[IP_PREFIX_TEXT_MAX];

	if (m->count >= NET_IPAM_MAX)
		return err_set(e, ENOSPC, "subnet '%s': %d addresses are taken", ip_prefix_text(&m->subnet, text),
			       NET_IPAM_MAX);
	if (m->count == m->size) {
		size_t size = m->size == 0 ? 16 : m->size * 2;
		uint32_t *more = realloc(m->taken, size * sizeof(*more));
		if (more == NULL)
			return err_set(e, ENOMEM, "subnet '%s'", ip_prefix_text(&m->subnet, text));
		m->taken = more;
		m->size = size;
	}
	size_t at = position(m, a);
	memmove(m->taken + at + 1, m->taken + at, (m->count - at) * sizeof(*m->taken));
	m->taken[at] = a;
	m->count++;
	return 0;
}

/* The array is sorted and has no doubles, so from the first entry >= low on, entry i is low + i exactly as long as nothing
 * is missing: bisect for the first that is not. */
int net_ipam_take(struct net_ipam *m, struct ip *ret, struct err *e)
{
	char text[IP_PREFIX_TEXT_MAX];
	size_t base = position(m, m->low), from = base, to = m->count;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		if (m->taken[mid] - m->low == mid - base)
			from = mid + 1;
		else
			to = mid;
	}
	uint64_t a = (uint64_t)m->low + (from - base);
	if (a > m->high)
		return err_set(e, ENOSPC, "no available IPv4 addresses in subnet '%s'", ip_prefix_text(&m->subnet, text));
	int r = insert(m, (uint32_t)a, e);
	if (r < 0)
		return r;
	*ret = ip4((uint32_t)a);
	return 0;
}

int net_ipam_claim(struct net_ipam *m, const struct ip *a, struct err *e)
{
	char text[IP_TEXT_MAX], subnet[IP_PREFIX_TEXT_MAX];
	uint32_t host = ip4_host(a);

	if (!ip_prefix_has(&m->subnet, a) || host == ip4_host(&m->subnet.addr) || host == last_of(&m->subnet))
		return err_say(e, EINVAL, "address '%s' is not one of subnet '%s'", ip_text(a, text),
			       ip_prefix_text(&m->subnet, subnet));
	if (is_taken(m, host))
		return err_say(e, EADDRINUSE, "address '%s' is already in use", ip_text(a, text));
	return insert(m, host, e);
}

void net_ipam_give(struct net_ipam *m, const struct ip *a)
{
	uint32_t host = ip4_host(a);
	size_t at = position(m, host);

	if (at >= m->count || m->taken[at] != host)
		return;
	memmove(m->taken + at, m->taken + at + 1, (m->count - at - 1) * sizeof(*m->taken));
	m->count--;
}
