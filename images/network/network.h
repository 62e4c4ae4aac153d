/* images/network/network.h - the network service's one object, and what its files offer each other.
 *
 *   links.c    which links are ours; up, carrier, gone
 *   lease.c    DHCP on a link: sockets, timer, what the state machine wants done
 *   packet.c   datagrams for who has no address
 *   apply.c    addresses, routes, MTU: from what is wanted to what the kernel has
 *   names.c    resolv.conf, hosts, the host's name
 *   state.c    network.json, and taking a former process's leases from it
 *   online.c   the verb wait-online
 */
#ifndef IMAGES_NETWORK_NETWORK_H
#define IMAGES_NETWORK_NETWORK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/network/dhcp_fsm.h"
#include "images/network/net_conf.h"
#include "lib/base/ip.h"
#include "lib/base/list.h"
#include "lib/loop/loop.h"
#include "lib/sys/link.h"
#include "lib/sys/netlink.h"
#include "lib/sys/route.h"

struct err;

#define SUB "network" /* of log lines */
#define LINKS_MAX 64
#define ROUTES_MAX (DHCP4_ROUTES_MAX + 8)
#define CARRIER_HOLD_MS 3000 /* a link that was gone for shorter keeps its routes */
#define STATE_MAX (256 * 1024)

struct network;

/* A link that we look after. */
struct iface {
	struct list node;
	struct network *n; /* borrowed */
	struct link link;  /* as the kernel said last */
	const struct link_conf *conf; /* NULL: nothing said */
	bool wants_dhcp;
	uint32_t own_mtu; /* before a lease changed it; 0 = unchanged */
	bool has_routes;  /* not withdrawn for want of a carrier */
	struct timer hold;

	struct dhcp_client dhcp;
	struct timer due;
	struct source packet; /* fd -1: not open */
	int udp;	      /* owned; holds the port while a lease is prolonged; -1 */
	struct ip_prefix applied; /* the lease's address that the kernel has */
	uint8_t ack[DHCP4_MESSAGE_MAX]; /* the lease as it came */
	size_t ack_len;
	int64_t ack_ms; /* when it was asked for */
};

struct network {
	struct loop loop;
	struct nl nl;	   /* calls */
	struct nl watch;   /* news of links */
	struct source news, signals;
	struct net_conf conf;
	struct list ifaces; /* of struct iface */
	size_t iface_count;
	const char *run;   /* directory: /run/slipway */
	const char *kernel_hostname; /* file of the kernel's host name, writable */
	int run_fd, state_fd; /* owned; its folder `network` */
	bool want_state;   /* something changed: write it all after the batch */
	bool name_is_dhcp; /* the host's name came with a lease */
};

int64_t boot_ms(void); /* CLOCK_BOOTTIME */
uint32_t iface_metric(const struct iface *f);

/* links.c */
int links_begin(struct network *n, struct err *e);
void links_end(struct network *n);
struct iface *iface_by_index(struct network *n, uint32_t index);

/* lease.c */
void lease_begin(struct iface *f); /* once, when the link becomes ours */
void lease_up(struct iface *f);
void lease_down(struct iface *f);
void lease_end(struct iface *f); /* the link is gone or not ours any more; frees f when nobody can reach it */

/* packet.c. All sockets are bound to the link. */
int packet_open(uint32_t index, struct err *e); /* receives what is for the client's port; caller owns */
int packet_hold_port(const char *link_name, struct err *e); /* so that the kernel does not refuse answers; caller owns */
int packet_broadcast(int fd, uint32_t index, const void *p, size_t len, struct err *e);
int packet_unicast(int udp, uint32_t to, const void *p, size_t len, struct err *e);
/* Returns 1 and the payload in buf, *ret_len; 0: nothing of use; -EAGAIN: no more. */
int packet_receive(int fd, uint8_t *buf, size_t size, const uint8_t **ret, size_t *ret_len);

/* apply.c */
void apply_static(struct iface *f);
void apply_lease(struct iface *f);
void apply_no_lease(struct iface *f);
void apply_routes(struct iface *f); /* as has_routes says */
void apply_adopted(struct iface *f); /* without its state file: find the address that a former process left */
size_t apply_wanted(const struct iface *f, struct route out[ROUTES_MAX]);

/* names.c */
/* Set the host's name when the configuration has one: once, so that whoever changes it by hand has the last word. */
void names_set_configured(struct network *n);
void names_write(struct network *n);
size_t names_dns(const struct network *n, struct ip out[NET_CONF_DNS_MAX]);
void names_search(const struct network *n, char *out, size_t size);
bool names_host(char out[65]); /* the kernel's; false: unset, or a default */

/* state.c */
void state_write(struct network *n);
bool state_adopt(struct iface *f); /* the lease of f's link in the state file of a former process */
bool iface_is_online(const struct iface *f);

/* online.c */
int online_main(const char *run, int64_t timeout_ms);

#endif
