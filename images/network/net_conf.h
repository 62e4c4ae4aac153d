/* images/network/net_conf.h - what the command line says about links and names. Pure.
 *
 *   slipway.network.interfaces.SELECTOR.{dhcp,address,addresses,gateway,gateway_ipv6,mtu,match}=...
 *   slipway.network.dns.{nameservers,search}=...      slipway.hostname=...
 *
 * A selector is a link's name, a glob (eth*), or mac=52:54:00:12:34:56 (with globs too); `match` replaces it. For one link
 * the first MAC match counts, else the first exact name, else the first glob; entries are not mixed.
 */
#ifndef IMAGES_NETWORK_NET_CONF_H
#define IMAGES_NETWORK_NET_CONF_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/ip.h"

#define NET_CONF_LINKS_MAX 32
#define NET_CONF_ADDRS_MAX 8
#define NET_CONF_DNS_MAX 3 /* what resolv.conf may hold */
#define NET_CONF_SELECTOR_MAX 64

struct link_conf {
	char key[NET_CONF_SELECTOR_MAX];      /* as named on the command line */
	char selector[NET_CONF_SELECTOR_MAX]; /* what is matched */
	int dhcp;			      /* -1: not said */
	struct ip_prefix addrs[NET_CONF_ADDRS_MAX];
	uint8_t addr_count;
	struct ip gateway, gateway6;
	uint32_t mtu; /* 0: not said */
};

struct net_conf {
	struct link_conf links[NET_CONF_LINKS_MAX];
	size_t link_count;
	struct ip dns[NET_CONF_DNS_MAX];
	uint8_t dns_count;
	char search[256];
	char hostname[64];
};

/* Called for what cannot be used, with the key and what was expected. */
typedef void net_conf_complain_fn(const char *key, const char *what, void *arg);

/* Read a whole command line. Never fails: what is wrong is complained of and left out. */
void net_conf_parse(struct net_conf *c, const char *line, size_t len, net_conf_complain_fn *complain, void *arg);

/* The entry for a link, or NULL. *ret_exact: it was named by name or MAC, not by a glob. */
const struct link_conf *net_conf_find(const struct net_conf *c, const char *name, const uint8_t mac[6], bool *ret_exact);

/* Does the text match the pattern of '*' and '?'? */
bool net_conf_glob(const char *pattern, const char *text);

#endif
