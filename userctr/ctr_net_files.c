// SPDX-License-Identifier: Apache-2.0
/* A container's /etc/hosts and /etc/resolv.conf, from where it is connected and what was asked. */
#include "userctr/nets.h"

#include "lib/base/buf.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "userctr/ctr.h"
#include "userctr/daemon.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define HOST_FILE_MAX ((size_t)1 << 20)

/* The network service's file; on other systems the usual one. */
static int read_host(const char *ours, const char *usual, struct buf *out)
{
	int r = file_read(AT_FDCWD, ours, out, NULL);

	if (r < 0) {
		buf_clear(out);
		r = file_read(AT_FDCWD, usual, out, NULL);
	}
	if (r < 0)
		buf_clear(out);
	return r;
}

void host_resolv(struct resolv *ret)
{
	owned_buf struct buf b = BUF_INIT(HOST_FILE_MAX);

	(void)read_host("/run/slipway/resolv.conf", "/etc/resolv.conf", &b); /* none: no servers */
	resolv_parse(buf_str(&b), b.len, ret);
}

/* The container whose namespace is shared; it may be gone. */
static const struct ctr *shared_with(struct daemon *d, const struct ctr_net *n)
{
	struct ctr *c;

	return ctr_find(d, n->shared_with, &c, NULL) == 0 && c->net != NULL && c->net->mode != CTR_NET_SHARED ? c : NULL;
}

static void add_gateway(struct daemon *d, struct ip *ret)
{
	const struct network *bridge = d->nets->predefined[0];

	*ret = d->nets->bridge != NULL && bridge->drv.is_up ? bridge->drv.gateway : (struct ip){0};
}

void ctr_net_hosts(struct daemon *d, const struct ctr_net *n, const struct ctr_conf *c, struct buf *out)
{
	const struct ctr *other = n->mode == CTR_NET_SHARED ? shared_with(d, n) : NULL;
	struct ip gateway;
	char names[600];

	if (other != NULL) {
		ctr_net_hosts(d, other->net, &other->conf, out);
		return;
	}
	if (n->mode != CTR_NET_HOST || read_host("/run/slipway/hosts", "/etc/hosts", out) < 0)
		hosts_begin(out);
	else if (out->len > 0 && buf_str(out)[out->len - 1] != '\n')
		buf_putc(out, '\n');
	add_gateway(d, &gateway);
	hosts_add_extra(out, json_get(c->host, "ExtraHosts"), &gateway);
	if (n->domainname[0] != '\0')
		(void)snprintf(names, sizeof(names), "%.255s.%.255s %.64s", n->hostname, n->domainname, n->hostname); /* fits */
	else
		(void)snprintf(names, sizeof(names), "%.255s", n->hostname);
	for (size_t i = 0; i < n->n_eps && n->hostname[0] != '\0'; i++)
		if (n->eps[i]->net != NULL && ip_is_set(&n->eps[i]->at.ip))
			hosts_add(out, &n->eps[i]->at.ip, names);
}

void ctr_net_resolv(struct daemon *d, const struct ctr_net *n, const struct ctr_conf *c, struct buf *out)
{
	const struct ctr *other = n->mode == CTR_NET_SHARED ? shared_with(d, n) : NULL;
	struct resolv r;

	if (other != NULL) {
		ctr_net_resolv(d, other->net, &other->conf, out);
		return;
	}
	host_resolv(&r);
	/* what the host can ask by loopback, a container cannot; what somebody says explicitly is not second-guessed */
	bool is_ours = json_len(json_get(c->host, "Dns")) == 0;
	if (n->mode != CTR_NET_HOST && is_ours && resolv_filter(&r) == 0 && n->mode == CTR_NET_NETWORKS) {
		r.servers[0] = ip4(0x08080808);
		r.servers[1] = ip4(0x08080404);
		r.n_servers = 2;
	}
	resolv_override(&r, json_get(c->host, "Dns"), json_get(c->host, "DnsSearch"), json_get(c->host, "DnsOptions"));
	if (ctr_net_has_names(n))
		resolv_embed(&r);
	resolv_write(&r, out);
}
