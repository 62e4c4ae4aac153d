// SPDX-License-Identifier: Apache-2.0
/* From what is wanted of a link to what the kernel has. Everything here may be done twice: what is right stays untouched.
 * Failures are logged and absorbed; the next lease or carrier brings the next try. */
#include "images/network/network.h"

#include "lib/base/err.h"
#include "lib/base/log.h"

#include <string.h>

#define METRIC 100

/* Of two links with a gateway the one that the kernel found first wins. */
uint32_t iface_metric(const struct iface *f)
{
	return METRIC + f->link.index;
}

static void complain(const struct iface *f, const struct err *e)
{
	log_error(SUB, "%s: %s", f->link.name, e->msg);
}

static void set_mtu(struct iface *f, uint32_t mtu)
{
	struct link_change c = {.mtu = mtu};
	struct err e;

	if (mtu == 0 || mtu == f->link.mtu)
		return;
	if (link_set(&f->n->nl, f->link.index, &c, &e) < 0) {
		complain(f, &e);
		return;
	}
	f->link.mtu = mtu;
}

/* ---- routes ------------------------------------------------------------------------------------------- */

static struct route route_to(const struct iface *f, struct ip_prefix to, struct ip via, enum route_owner owner)
{
	return (struct route){.to = to, .via = via, .link = f->link.index, .metric = iface_metric(f),
			      .owner = (uint8_t)owner, .via_is_onlink = ip_is_set(&via)};
}

static size_t wanted_by_lease(const struct iface *f, struct route *out)
{
	const struct dhcp4 *l = &f->dhcp.lease;
	struct ip me = ip4(l->yours);
	size_t n = 0;

	for (size_t i = 0; i < l->route_count; i++) {
		struct ip_prefix to = {.addr = ip4(l->routes[i].to), .len = l->routes[i].len};
		if (l->routes[i].len == 0)
			to = (struct ip_prefix){0};
		out[n] = route_to(f, to, l->routes[i].via != 0 ? ip4(l->routes[i].via) : (struct ip){0}, ROUTE_BY_DHCP);
		out[n++].src = me;
	}
	/* RFC 3442: the old option does not count beside the new one */
	if (!l->has_routes && l->router_count > 0) {
		out[n] = route_to(f, (struct ip_prefix){0}, ip4(l->routers[0]), ROUTE_BY_DHCP);
		out[n++].src = me;
	}
	return n;
}

size_t apply_wanted(const struct iface *f, struct route out[ROUTES_MAX])
{
	size_t n = 0;

	if (!f->has_routes)
		return 0;
	if (f->conf != NULL && ip_is_set(&f->conf->gateway))
		out[n++] = route_to(f, (struct ip_prefix){0}, f->conf->gateway, ROUTE_BY_STATIC);
	else if (f->dhcp.lease.yours != 0)
		n += wanted_by_lease(f, out);
	if (f->conf != NULL && ip_is_set(&f->conf->gateway6))
		out[n++] = route_to(f, (struct ip_prefix){0}, f->conf->gateway6, ROUTE_BY_STATIC);
	return n;
}

static bool is_same(const struct route *a, const struct route *b)
{
	return a->owner == b->owner && a->metric == b->metric && a->to.len == b->to.len &&
	       (ip_is_zero(&a->to.addr) ? ip_is_zero(&b->to.addr) : ip_equal(&a->to.addr, &b->to.addr)) &&
	       (ip_is_zero(&a->via) ? ip_is_zero(&b->via) : ip_equal(&a->via, &b->via));
}

struct stale {
	const struct iface *f;
	const struct route *wanted;
	size_t wanted_count, count;
	struct route routes[ROUTES_MAX];
};

static int collect_stale(const struct route *r, void *arg)
{
	struct stale *s = arg;
	bool is_ours = r->link == s->f->link.index && r->metric == iface_metric(s->f) &&
		       (r->owner == ROUTE_BY_DHCP || r->owner == ROUTE_BY_STATIC);

	if (!is_ours || s->count == ROUTES_MAX)
		return 0;
	for (size_t i = 0; i < s->wanted_count; i++)
		if (is_same(r, &s->wanted[i]))
			return 0;
	s->routes[s->count++] = *r;
	return 0;
}

void apply_routes(struct iface *f)
{
	struct route wanted[ROUTES_MAX];
	struct stale s = {.f = f, .wanted = wanted};
	struct err e;

	s.wanted_count = apply_wanted(f, wanted);
	for (size_t i = 0; i < s.wanted_count; i++)
		if (route_set(&f->n->nl, &wanted[i], f->link.name, &e) < 0)
			complain(f, &e);
	if (route_each(&f->n->nl, IP_V4, collect_stale, &s, &e) < 0 ||
	    route_each(&f->n->nl, IP_V6, collect_stale, &s, &e) < 0)
		complain(f, &e);
	for (size_t i = 0; i < s.count; i++) /* one that has gone by itself meanwhile is fine */
		(void)route_delete(&f->n->nl, &s.routes[i], f->link.name, NULL);
	f->n->want_state = true;
}

/* ---- addresses ------------------------------------------------------------------------------------------ */

void apply_static(struct iface *f)
{
	struct err e;

	if (f->conf == NULL)
		return;
	set_mtu(f, f->conf->mtu);
	for (size_t i = 0; i < f->conf->addr_count; i++) {
		struct addr a = {.link = f->link.index, .at = f->conf->addrs[i], .metric = iface_metric(f)};
		if (addr_set(&f->n->nl, &a, f->link.name, &e) < 0)
			complain(f, &e);
	}
}

static void drop_applied(struct iface *f)
{
	struct addr a = {.link = f->link.index, .at = f->applied};

	if (!ip_is_set(&f->applied.addr))
		return;
	/* the kernel may have let it run out first */
	(void)addr_delete(&f->n->nl, &a, f->link.name, NULL);
	f->applied = (struct ip_prefix){0};
}

static void say_lease(const struct iface *f, const struct ip_prefix *at)
{
	const struct dhcp4 *l = &f->dhcp.lease;
	struct ip server = ip4(l->server), router = ip4(l->routers[0]);
	char a[IP_PREFIX_TEXT_MAX], s[IP_TEXT_MAX], g[IP_TEXT_MAX];

	log_info(SUB, "%s: leased %s from %s for %u s, gateway %s", f->link.name, ip_prefix_text(at, a),
		 ip_text(&server, s), l->lease_s, l->router_count > 0 ? ip_text(&router, g) : "none");
}

void apply_lease(struct iface *f)
{
	const struct dhcp4 *l = &f->dhcp.lease;
	struct addr a = {.link = f->link.index, .at = {.addr = ip4(l->yours), .len = dhcp_lease_len(l)},
			 .valid_s = ADDR_FOREVER, .metric = iface_metric(f)};
	bool is_new = !ip_equal(&a.at.addr, &f->applied.addr) || a.at.len != f->applied.len;
	struct err e;

	if (f->dhcp.expire_ms != DHCP_NEVER) {
		int64_t left = (f->dhcp.expire_ms - boot_ms() + 999) / 1000;
		a.valid_s = left < 1 ? 1 : left >= UINT32_MAX ? UINT32_MAX - 1 : (uint32_t)left;
	}
	if (is_new) {
		/* first: the kernel takes addresses of the same network along with the one they came after */
		drop_applied(f);
		say_lease(f, &a.at);
	} else {
		log_debug(SUB, "%s: lease prolonged for %u s", f->link.name, a.valid_s);
	}
	if ((f->conf == NULL || f->conf->mtu == 0) && l->mtu != 0 && l->mtu != f->link.mtu) {
		if (f->own_mtu == 0)
			f->own_mtu = f->link.mtu;
		set_mtu(f, l->mtu);
	}
	if (addr_set(&f->n->nl, &a, f->link.name, &e) < 0)
		complain(f, &e);
	else
		f->applied = a.at;
	apply_routes(f);
}

void apply_no_lease(struct iface *f)
{
	char text[IP_PREFIX_TEXT_MAX];

	if (ip_is_set(&f->applied.addr))
		log_warn(SUB, "%s: the lease of %s has ended", f->link.name, ip_prefix_text(&f->applied, text));
	apply_routes(f);
	drop_applied(f);
	set_mtu(f, f->own_mtu);
	f->own_mtu = 0;
}

static int take_leased(const struct addr *a, void *arg)
{
	struct iface *f = arg;

	if (a->valid_s == ADDR_FOREVER || a->link != f->link.index || ip_is_set(&f->applied.addr))
		return 0;
	f->applied = a->at;
	f->dhcp.wished = ip4_host(&a->at.addr);
	return 0;
}

void apply_adopted(struct iface *f)
{
	struct err e;

	if (addr_each(&f->n->nl, IP_V4, f->link.index, take_leased, f, &e) < 0)
		complain(f, &e);
}
