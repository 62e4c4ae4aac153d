// SPDX-License-Identifier: Apache-2.0
/* Which links are ours, and their comings and goings. Wired Ethernet that nobody said anything about is ours; links of
 * other kinds (bridges, veth, VLANs) only when the command line names them. */
#include "images/network/network.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"

#include <errno.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

struct iface *iface_by_index(struct network *n, uint32_t index)
{
	list_for_each(it, &n->ifaces) {
		struct iface *f = owner_of(it, struct iface, node);
		if (f->link.index == index)
			return f;
	}
	return NULL;
}

static bool is_foreign_name(const char *name)
{
	static const char *const patterns[] = {"docker*", "br-*", "veth*", "virbr*", "wl*"};

	for (size_t i = 0; i < countof(patterns); i++)
		if (net_conf_glob(patterns[i], name))
			return true;
	return false;
}

static bool is_ours(const struct network *n, const struct link *l, const struct link_conf **ret_conf)
{
	bool is_exact;

	*ret_conf = NULL;
	if (l->type != ARPHRD_ETHER || !l->has_mac || l->master != 0)
		return false;
	*ret_conf = net_conf_find(&n->conf, l->name, l->mac, &is_exact);
	if (*ret_conf != NULL && is_exact)
		return true;
	if (is_foreign_name(l->name))
		return false;
	return l->kind[0] == '\0' ||
	       (*ret_conf != NULL && (strcmp(l->kind, "vlan") == 0 || strcmp(l->kind, "bond") == 0));
}

static void on_hold(struct timer *t)
{
	struct iface *f = owner_of(t, struct iface, hold);

	if (f->link.has_carrier)
		return;
	log_info(SUB, "%s: still no carrier, its routes are withdrawn", f->link.name);
	f->has_routes = false;
	apply_routes(f);
}

static void gain_carrier(struct iface *f)
{
	log_info(SUB, "%s: carrier", f->link.name);
	timer_disarm(&f->n->loop, &f->hold);
	f->has_routes = true;
	/* whoever took the link down took these along */
	apply_static(f);
	apply_routes(f);
	lease_up(f);
}

static void lose_carrier(struct iface *f)
{
	log_info(SUB, "%s: no carrier", f->link.name);
	lease_down(f);
	timer_arm(&f->n->loop, &f->hold, clock_mono_ms() + CARRIER_HOLD_MS);
}

static void drop(struct iface *f)
{
	list_del(&f->node);
	f->n->iface_count--;
	f->n->want_state = true;
	timer_disarm(&f->n->loop, &f->hold);
	lease_end(f);
}

/* In the order of their indexes, which is that of their metrics. */
static void insert(struct network *n, struct iface *f)
{
	struct list *at = n->ifaces.next;

	while (at != &n->ifaces && owner_of(at, struct iface, node)->link.index < f->link.index)
		at = at->next;
	list_add_tail(at, &f->node);
	n->iface_count++;
}

static void add(struct network *n, const struct link *l, const struct link_conf *conf)
{
	struct link_change up = {.want_up = true};
	struct iface *f;
	struct err e;

	f = n->iface_count < LINKS_MAX ? calloc(1, sizeof(*f)) : NULL;
	if (f == NULL) {
		log_error(SUB, "%s: not configured: %s", l->name, n->iface_count < LINKS_MAX ? "no memory" : "too many links");
		return;
	}
	f->n = n;
	f->link = *l;
	f->conf = conf;
	f->wants_dhcp = conf == NULL || (conf->dhcp >= 0 ? conf->dhcp != 0 : conf->addr_count == 0);
	f->hold.fire = on_hold;
	f->has_routes = l->has_carrier;
	insert(n, f);
	log_info(SUB, "%s: %s%s%s", l->name, f->wants_dhcp ? "by DHCP" : "static", conf != NULL ? ", as said for " : "",
		 conf != NULL ? conf->key : "");
	if (link_set(&n->nl, l->index, &up, &e) < 0)
		log_error(SUB, "%s", e.msg);
	apply_static(f);
	lease_begin(f);
	apply_routes(f);
	if (l->has_carrier)
		lease_up(f);
}

static void change(struct iface *f, const struct link *l)
{
	bool had = f->link.has_carrier;

	f->link = *l;
	if (l->has_carrier && !had)
		gain_carrier(f);
	else if (!l->has_carrier && had)
		lose_carrier(f);
	f->n->want_state = true;
}

static void take_link(const struct link *l, struct network *n)
{
	struct iface *f = iface_by_index(n, l->index);
	struct link_change up = {.want_up = true};
	const struct link_conf *conf;
	struct err e;

	if ((l->flags & IFF_LOOPBACK) != 0) {
		if ((l->flags & IFF_UP) == 0 && link_set(&n->nl, l->index, &up, &e) < 0)
			log_error(SUB, "%s", e.msg);
		return;
	}
	bool ours = is_ours(n, l, &conf);
	if (f != NULL && (!ours || f->conf != conf || memcmp(f->link.mac, l->mac, sizeof(l->mac)) != 0)) {
		log_info(SUB, "%s: %s", f->link.name, ours ? "begins anew" : "is not ours any more");
		f->link = *l;
		f->has_routes = false;
		apply_no_lease(f);
		drop(f);
		f = NULL;
	}
	if (f != NULL)
		change(f, l);
	else if (ours)
		add(n, l, conf);
}

static int take_news(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);
	struct network *n = arg;
	struct link l;

	/* bridges tell of their ports by the same messages, with a family */
	if (link_parse(h, &l) < 0 || i->ifi_family != AF_UNSPEC)
		return 0;
	if (h->nlmsg_type == RTM_NEWLINK) {
		take_link(&l, n);
		return 0;
	}
	struct iface *f = iface_by_index(n, l.index);
	if (f != NULL) {
		log_info(SUB, "%s: gone", l.name);
		drop(f);
	}
	return 0;
}

struct listing {
	size_t count;
	struct link links[LINKS_MAX * 2];
};

static int copy_link(const struct link *l, void *arg)
{
	struct listing *all = arg;

	if (all->count < countof(all->links))
		all->links[all->count++] = *l;
	return 0;
}

static bool is_listed(const struct listing *all, uint32_t index)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->links[i].index == index)
			return true;
	return all->count == countof(all->links); /* perhaps behind the end */
}

/* At the start, and when news were lost. A listing is read to its end before the same socket is used again. */
static int list_links(struct network *n, struct err *e)
{
	static struct listing all;
	int r = -EAGAIN;

	for (int tries = 0; tries < 5 && r == -EAGAIN; tries++) {
		all.count = 0;
		r = link_each(&n->nl, copy_link, &all, e);
	}
	if (r < 0)
		return r;
	list_for_each_safe(it, &n->ifaces)
		if (!is_listed(&all, owner_of(it, struct iface, node)->link.index))
			drop(owner_of(it, struct iface, node));
	for (size_t i = 0; i < all.count; i++)
		take_link(&all.links[i], n);
	return 0;
}

static void on_news(struct source *s, uint32_t events)
{
	struct network *n = owner_of(s, struct network, news);
	struct err e;

	(void)events;
	int r = nl_receive(&n->watch, take_news, n, &e);
	if (r == -ENOBUFS)
		r = list_links(n, &e);
	if (r < 0)
		log_error(SUB, "news of links: %s", e.msg);
}

int links_begin(struct network *n, struct err *e)
{
	int r = nl_open(&n->nl, NETLINK_ROUTE, e);

	if (r == 0)
		r = nl_open(&n->watch, NETLINK_ROUTE, e);
	if (r == 0)
		r = nl_join(&n->watch, RTNLGRP_LINK, e);
	if (r < 0)
		return r;
	n->news = (struct source){.fd = n->watch.fd, .name = "links", .ready = on_news};
	r = loop_add(&n->loop, &n->news, EPOLLIN, e);
	return r < 0 ? r : list_links(n, e);
}

void links_end(struct network *n)
{
	list_for_each_safe(it, &n->ifaces)
		drop(owner_of(it, struct iface, node));
	nl_close(&n->watch);
	nl_close(&n->nl);
}
