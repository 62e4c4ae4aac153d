// SPDX-License-Identifier: Apache-2.0
/* The turns of a container's life in its networks: start, adopt, stop, joining and leaving while it runs. */
#include "userctr/nets.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/link.h"
#include "lib/sys/netlink.h"
#include "lib/sys/netns.h"
#include "lib/sys/route.h"
#include "userctr/ctr.h"
#include "userctr/daemon.h"
#include "userctr/dns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>

/* ---- the way out ---- */

static bool has_gateway(const struct endpoint *ep)
{
	return ep->net != NULL && ep->net->kind == NETWORK_BRIDGE && ip_is_set(&ep->at.gateway);
}

struct endpoint *ctr_net_way_out(const struct ctr_net *n)
{
	struct endpoint *best = NULL;

	for (size_t i = 0; i < n->n_eps; i++)
		if (has_gateway(n->eps[i]) && (best == NULL || n->eps[i]->priority > best->priority))
			best = n->eps[i];
	return best;
}

bool ctr_net_has_names(const struct ctr_net *n)
{
	for (size_t i = 0; i < n->n_eps; i++)
		if (n->eps[i]->net != NULL && n->eps[i]->net->kind == NETWORK_BRIDGE && !n->eps[i]->net->is_default)
			return true;
	return false;
}

static int set_way_out(int netns, const struct endpoint *ep, struct err *e)
{
	struct link l;
	struct nl nl;

	int r = nl_open_in(&nl, netns, NETLINK_ROUTE, e);
	if (r < 0)
		return r;
	r = link_get(&nl, ep->at.ifname, &l, e);
	if (r == 0)
		r = route_set(&nl, &(struct route){.via = ep->at.gateway, .link = l.index, .owner = ROUTE_BY_BOOT},
			      ep->at.ifname, e);
	nl_close(&nl);
	return r;
}

static int lo_up(int netns, struct err *e)
{
	struct link l;
	struct nl nl;

	int r = nl_open_in(&nl, netns, NETLINK_ROUTE, e);
	if (r < 0)
		return r;
	r = link_get(&nl, "lo", &l, e);
	if (r == 0)
		r = link_set(&nl, l.index, &(struct link_change){.want_up = true}, e);
	nl_close(&nl);
	return r;
}

/* ---- one endpoint ---- */

/* The lowest number that no connected endpoint has behind this prefix. */
static void pick_ifname(const struct ctr_net *n, const char *prefix, char out[IFNAMSIZ])
{
	for (unsigned i = 0; i <= ENDPOINTS_MAX; i++) {
		bool is_taken = false;
		(void)snprintf(out, IFNAMSIZ, "%.10s%u", prefix, i); /* fits by the precision */
		for (size_t k = 0; k < n->n_eps; k++)
			is_taken |= n->eps[k]->net != NULL && strcmp(n->eps[k]->at.ifname, out) == 0;
		if (!is_taken)
			return;
	}
}

/* By id; by name when it was made anew meanwhile. */
static int resolve(struct daemon *d, struct endpoint *ep, struct network **ret, struct err *e)
{
	if (nets_find(d, ep->net_id, ret, NULL) < 0 && nets_find(d, ep->net_name, ret, NULL) < 0)
		return err_say(e, ENOENT, "network %s not found", ep->net_id);
	(void)snprintf(ep->net_id, sizeof(ep->net_id), "%s", (*ret)->drv.id); /* same sizes */
	return 0;
}

static void enlist(struct endpoint *ep, struct network *net)
{
	ep->net = net;
	list_add_tail(&net->endpoints, &ep->link);
}

static int attach(struct daemon *d, struct ctr_net *n, struct endpoint *ep, struct network *net, int netns, struct err *e)
{
	struct endpoint *way = ctr_net_way_out(n);
	char ifname[IFNAMSIZ];
	struct net_want want = {.netns = netns, .id = n->id, .ifname = ifname, .ip = ep->want_ip};

	if (d->nets->bridge == NULL)
		return err_say(e, ENETDOWN, "network %s is switched off: the daemon runs with --no-network", net->drv.name);
	pick_ifname(n, net->prefix, ifname);
	memcpy(want.mac, ep->want_mac, sizeof(want.mac));
	want.no_gateway = way != NULL;
	int r = net_bridge_attach(d->nets->bridge, &net->drv, &want, &ep->at, e);
	if (r == -EADDRINUSE)
		return err_say(e, EACCES, "Address already in use");
	if (r == -ENOSPC)
		return err_say(e, EACCES, "no available IPv4 addresses on this network's address pools: %s (%s)", net->drv.name,
			       net->drv.id);
	if (r == 0 && way != NULL && ep->priority > way->priority && ip_is_set(&ep->at.gateway)) {
		r = set_way_out(netns, ep, e);
		if (r < 0)
			(void)net_bridge_detach(d->nets->bridge, &net->drv, &ep->at, NET_DETACH_LIVE, NULL); /* undo */
	}
	return r;
}

int endpoint_connect(struct daemon *d, struct ctr_net *n, struct endpoint *ep, struct err *e)
{
	struct network *net;

	int r = resolve(d, ep, &net, e);
	if (r < 0)
		return r;
	ep->at = (struct net_endpoint){0};
	if (net->kind == NETWORK_BRIDGE) {
		owned_fd int netns = netns_of_pidfd(n->pidfd, n->pid, e);
		r = netns < 0 ? netns : attach(d, n, ep, net, netns, e);
	}
	if (r < 0)
		return r;
	id_make(ep->id);
	enlist(ep, net);
	return 0;
}

void endpoint_disconnect(struct daemon *d, struct ctr_net *n, struct endpoint *ep, enum net_detach how)
{
	struct network *net = ep->net;
	struct err e;

	if (net == NULL)
		return;
	if (net->kind == NETWORK_BRIDGE && d->nets->bridge != NULL &&
	    net_bridge_detach(d->nets->bridge, &net->drv, &ep->at, how, &e) < 0)
		log_error("net", "container %.12s leaves: %s", n->id, e.msg);
	list_del(&ep->link);
	ep->net = NULL;
	ep->id[0] = '\0';
	ep->at = (struct net_endpoint){0};
}

/* ---- ports ---- */

static void unpublish(struct daemon *d, struct ctr_net *n)
{
	for (size_t i = 0; i < n->n_published && d->nets->bridge != NULL; i++)
		net_port_unpublish(d->nets->bridge, &n->published[i]);
	n->n_published = 0;
}

/* The first free one of low..high; low 0: of all. */
static int publish_one(struct daemon *d, struct ctr_net *n, const struct endpoint *ep, const struct port_spec *s, struct err *e)
{
	struct net_port p = {.proto = s->proto, .host_ip = ip_is_set(&s->host_ip) ? s->host_ip : ep->net->binding,
			     .ip = ep->at.ip, .port = s->port};
	char ip[IP_TEXT_MAX];
	struct err why;
	int r = -EADDRINUSE;

	for (unsigned port = s->low; r == -EADDRINUSE && port <= s->high; port++) {
		p.host_port = (uint16_t)port;
		r = net_port_publish(d->nets->bridge, &p, &why);
	}
	if (r == 0) {
		n->published[n->n_published++] = p;
		return 0;
	}
	if (r == -EADDRINUSE)
		(void)err_say(&why, -r, "Bind for %s:%u failed: port is already allocated", ip_text(&p.host_ip, ip), s->low);
	return err_say(e, -r, "driver failed programming external connectivity on endpoint %s (%s): %.300s", n->name, ep->id,
		       why.msg);
}

static int publish(struct daemon *d, struct ctr_net *n, struct err *e)
{
	struct endpoint *ep = ctr_net_way_out(n);
	int r = 0;

	free(n->published);
	n->published = NULL;
	n->n_published = 0;
	if (ep == NULL || n->ports.n == 0)
		return 0;
	n->published = calloc(n->ports.n, sizeof(*n->published));
	if (n->published == NULL)
		return err_set(e, ENOMEM, "published ports");
	for (size_t i = 0; r == 0 && i < n->ports.n; i++)
		if (n->ports.v[i].is_bound)
			r = publish_one(d, n, ep, &n->ports.v[i], e);
	if (r < 0)
		unpublish(d, n);
	return r;
}

/* The way out has changed: the same ports of the host lead to the other address. */
static int move_ports(struct daemon *d, struct ctr_net *n, struct err *e)
{
	struct endpoint *ep = ctr_net_way_out(n);
	size_t count = n->n_published;
	int r = 0;

	if (count == 0)
		return publish(d, n, e);
	if (ep != NULL && ip_equal(&n->published[0].ip, &ep->at.ip))
		return 0;
	unpublish(d, n);
	for (size_t i = 0; ep != NULL && r == 0 && i < count; i++) {
		n->published[i].ip = ep->at.ip;
		r = net_port_publish(d->nets->bridge, &n->published[i], e);
		if (r == 0)
			n->n_published++;
	}
	return r;
}

/* ---- the name server ---- */

static int serve_names(struct daemon *d, struct ctr_net *n, struct err *e)
{
	if (n->dns != NULL || !ctr_net_has_names(n))
		return 0;
	owned_fd int netns = netns_of_pidfd(n->pidfd, n->pid, e);
	return netns < 0 ? netns : dns_open(d, n, netns, e);
}

/* ---- start and stop ---- */

static int begin(struct ctr_net *n, const char *id, const char *name, int pidfd, pid_t pid, struct err *e)
{
	char *copy = strdup(name);

	if (copy == NULL)
		return err_set(e, ENOMEM, "container's name");
	free(n->name);
	n->name = copy;
	(void)snprintf(n->id, sizeof(n->id), "%s", id); /* 64 digits */
	n->pidfd = pidfd;
	n->pid = pid;
	n->is_started = true;
	return 0;
}

static void end(struct daemon *d, struct ctr_net *n, enum net_detach how)
{
	dns_close(n);
	unpublish(d, n);
	for (size_t i = n->n_eps; i-- > 0;)
		endpoint_disconnect(d, n, n->eps[i], how);
	n->is_started = false;
	n->pid = 0;
	n->pidfd = -1;
}

static int bring_up(struct daemon *d, struct ctr_net *n, struct err *e)
{
	int r = 0;

	if (n->mode == CTR_NET_NONE || (n->mode == CTR_NET_NETWORKS && n->n_eps == 0)) {
		owned_fd int netns = netns_of_pidfd(n->pidfd, n->pid, e);
		r = netns < 0 ? netns : lo_up(netns, e);
	}
	for (size_t i = 0; r == 0 && i < n->n_eps; i++)
		r = endpoint_connect(d, n, n->eps[i], e);
	if (r == 0)
		r = publish(d, n, e);
	if (r == 0)
		r = serve_names(d, n, e);
	return r;
}

int ctr_net_start(struct daemon *d, struct ctr_net *n, const char *id, const char *name, int pidfd, pid_t pid, struct err *e)
{
	if (n->is_started)
		end(d, n, NET_DETACH_GONE); /* of a process that nobody told us the end of */
	int r = begin(n, id, name, pidfd, pid, e);
	if (r < 0)
		return r;
	if (n->mode == CTR_NET_SHARED)
		return 0;
	id_make(n->sandbox);
	r = bring_up(d, n, e);
	if (r < 0) {
		end(d, n, NET_DETACH_GONE); /* the process is not started and ends */
		return err_wrap(e, r, "failed to set up container networking");
	}
	for (size_t i = 0; i < n->n_eps; i++)
		nets_event(d, n->eps[i]->net, "connect", n->id);
	return 0;
}

/* Does a running container live in this one's namespace? Then that goes on, and what is in it must be taken out. */
static bool is_shared(struct daemon *d, const struct ctr_net *n)
{
	list_for_each(it, ctrs_all(d)) {
		const struct ctr *c = owner_of(it, struct ctr, link);
		if (c->net == NULL || c->net->mode != CTR_NET_SHARED || !c->net->is_started)
			continue;
		const char *with = c->net->shared_with;
		if (strcmp(with, n->name) == 0 || (*with != '\0' && strncmp(n->id, with, strlen(with)) == 0))
			return true;
	}
	return false;
}

void ctr_net_stop(struct daemon *d, struct ctr_net *n, const char *id)
{
	struct network *left[ENDPOINTS_MAX];
	size_t n_left = 0;

	if (!n->is_started)
		return;
	for (size_t i = 0; i < n->n_eps; i++)
		if (n->eps[i]->net != NULL)
			left[n_left++] = n->eps[i]->net;
	end(d, n, n_left > 0 && is_shared(d, n) ? NET_DETACH_LIVE : NET_DETACH_GONE);
	for (size_t i = 0; i < n_left; i++)
		nets_event(d, left[i], "disconnect", id);
}

/* ---- after a restart of the daemon ---- */

static void adopt_endpoint(struct daemon *d, struct ctr_net *n, struct endpoint *ep)
{
	struct network *net;
	struct err e;

	if (ep->id[0] == '\0')
		return;
	int r = nets_find(d, ep->net_id, &net, &e);
	if (r == 0 && net->kind == NETWORK_BRIDGE)
		r = d->nets->bridge == NULL ? err_say(&e, ENETDOWN, "networks are switched off") :
					      net_bridge_adopt(d->nets->bridge, &net->drv, &ep->at, &e);
	if (r < 0)
		log_error("net", "container %.12s has lost network '%s': %s", n->id, ep->net_name, e.msg);
	else
		enlist(ep, net);
}

int ctr_net_adopt(struct daemon *d, struct ctr_net *n, const char *id, const char *name, int pidfd, pid_t pid, struct err *e)
{
	size_t kept = 0;
	struct err why;

	int r = begin(n, id, name, pidfd, pid, e);
	if (r < 0 || n->mode == CTR_NET_SHARED)
		return r;
	for (size_t i = 0; i < n->n_eps; i++)
		adopt_endpoint(d, n, n->eps[i]);
	for (size_t i = 0; i < n->n_published && d->nets->bridge != NULL; i++) {
		struct net_port p = n->published[i];
		if (net_port_publish(d->nets->bridge, &p, &why) == 0)
			n->published[kept++] = p;
		else
			log_error("net", "container %.12s has lost a port: %s", n->id, why.msg);
	}
	n->n_published = kept;
	if (serve_names(d, n, &why) < 0)
		log_error("net", "container %.12s has no name server: %s", n->id, why.msg);
	return 0;
}

void ctr_net_rename(struct ctr_net *n, const char *name)
{
	char *copy = strdup(name);

	if (copy == NULL)
		return; /* the old one goes on answering */
	free(n->name);
	n->name = copy;
}

/* ---- joining and leaving ---- */

static int check_joinable(const struct ctr_net *n, const struct network *net, struct err *e)
{
	if (net->kind == NETWORK_HOST)
		return err_say(e, EINVAL, "cannot connect container to host network - container must be created in host network "
					  "mode");
	if (n->mode == CTR_NET_HOST)
		return err_say(e, EINVAL, "container cannot be disconnected from host network or connected to host network");
	if (n->mode == CTR_NET_SHARED)
		return err_say(e, EINVAL, "container sharing network namespace with another container or host cannot be connected "
					  "to any other network");
	if (n->mode == CTR_NET_NONE || net->kind == NETWORK_NULL)
		return err_say(e, EINVAL, "container cannot be connected to multiple networks with one of the networks in private "
					  "(none) mode");
	return 0;
}

static int join_running(struct daemon *d, struct ctr_net *n, struct endpoint *ep, struct err *e)
{
	int r = endpoint_connect(d, n, ep, e);

	if (r == 0) {
		r = move_ports(d, n, e);
		if (r == 0)
			r = serve_names(d, n, e);
		if (r < 0)
			endpoint_disconnect(d, n, ep, NET_DETACH_LIVE);
	}
	return r;
}

int ctr_net_connect(struct daemon *d, struct ctr_net *n, const struct network *net, const struct json *settings,
		    struct err *e)
{
	struct endpoint *ep, *old = ctr_net_endpoint(n, net);

	int r = check_joinable(n, net, e);
	if (r < 0)
		return r;
	if (old != NULL && n->is_started)
		return err_say(e, EACCES, "endpoint with name %s already exists in network %s", n->name, net->drv.name);
	r = endpoint_make(d, net->drv.id, settings, &ep, e);
	if (r < 0)
		return r;
	if (old != NULL)
		ctr_net_drop_endpoint(n, old); /* not running: the new settings count */
	r = ctr_net_put_endpoint(n, ep, e);
	if (r < 0 || !n->is_started)
		return r;
	r = join_running(d, n, ep, e);
	if (r < 0)
		ctr_net_drop_endpoint(n, ep);
	else
		nets_event(d, net, "connect", n->id);
	return r;
}

static void leave_running(struct daemon *d, struct ctr_net *n, struct endpoint *ep)
{
	struct endpoint *was = ctr_net_way_out(n), *now;
	struct err e;
	int r = 0;

	endpoint_disconnect(d, n, ep, NET_DETACH_LIVE);
	now = ctr_net_way_out(n);
	if (was == ep && now != NULL) {
		owned_fd int netns = netns_of_pidfd(n->pidfd, n->pid, &e);
		r = netns < 0 ? netns : set_way_out(netns, now, &e);
	}
	if (r == 0 && was == ep)
		r = move_ports(d, n, &e);
	if (r < 0)
		log_error("net", "container %.12s: its way out has gone with a network: %s", n->id, e.msg);
	if (!ctr_net_has_names(n))
		dns_close(n);
}

int ctr_net_disconnect(struct daemon *d, struct ctr_net *n, const struct network *net, struct err *e)
{
	struct endpoint *ep = ctr_net_endpoint(n, net);

	if (n->mode == CTR_NET_HOST || net->kind == NETWORK_HOST)
		return err_say(e, EINVAL, "container cannot be disconnected from host network or connected to host network");
	if (ep == NULL)
		return err_say(e, ENOTCONN, "container %s is not connected to network %s", n->id, net->drv.name);
	if (n->is_started && ep->net != NULL) {
		leave_running(d, n, ep);
		nets_event(d, net, "disconnect", n->id);
	}
	ctr_net_drop_endpoint(n, ep);
	return 0;
}
