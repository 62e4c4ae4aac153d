/* images/network/dhcp_fsm.h - a DHCP client's life on one link, as a value: what came and what time it is go in, what is to
 * be done comes out. No calls, no clock of its own.
 *
 *   OFF -> INIT -> SELECTING -> REQUESTING -> BOUND -> RENEWING -> REBINDING -> (expiry) INIT
 *   a known lease: REBOOTING -> BOUND (confirmed, or no answer while it lasts), or refused -> INIT
 *
 * Times are milliseconds of a clock that counts through sleep (CLOCK_BOOTTIME).
 */
#ifndef IMAGES_NETWORK_DHCP_FSM_H
#define IMAGES_NETWORK_DHCP_FSM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/codec/dhcp4.h"

enum dhcp_state {
	DHCP_OFF = 1,
	DHCP_INIT = 2, /* waits before it asks */
	DHCP_SELECTING = 3,
	DHCP_REQUESTING = 4,
	DHCP_REBOOTING = 5,
	DHCP_BOUND = 6,
	DHCP_RENEWING = 7,
	DHCP_REBINDING = 8,
};

enum dhcp_do { /* what the caller does, in this order */
	DHCP_DO_DECONFIGURE = 1 << 0, /* the lease is gone: take its address and routes away */
	DHCP_DO_CONFIGURE = 1 << 1,   /* c->lease is new or prolonged */
	DHCP_DO_SEND = 1 << 2,	      /* dhcp_message() */
};

#define DHCP_LEASE_MIN_S 5 /* shorter ones would be asked for without end */
#define DHCP_NEVER INT64_MAX

struct dhcp_client {
	enum dhcp_state state;
	uint8_t mac[6];
	char hostname[65]; /* told to the server; may be "" */
	struct dhcp4 lease; /* yours == 0: none */
	int64_t renew_ms, rebind_ms, expire_ms; /* of the lease */
	uint32_t wished; /* address to ask for, without a lease */
	/* private */
	struct dhcp4 offer;
	uint32_t xid, random;
	unsigned tries, refused;
	int64_t due_ms, since_ms, asked_ms;
};

/* seed: any number that differs between machines and boots. */
void dhcp_init(struct dhcp_client *c, const uint8_t mac[6], uint32_t seed);

/* The link has come up: confirm the lease where one lasts, else ask for one. Returns enum dhcp_do bits, as all below. */
unsigned dhcp_link_up(struct dhcp_client *c, int64_t now_ms);

/* The link has gone: nothing is sent any more; the lease is kept, and runs out. */
unsigned dhcp_link_down(struct dhcp_client *c);

/* Something from a server; ignored unless it is for us and fits. */
unsigned dhcp_receive(struct dhcp_client *c, const struct dhcp4 *m, int64_t now_ms);

/* To be called once dhcp_due() has come. */
unsigned dhcp_tick(struct dhcp_client *c, int64_t now_ms);
int64_t dhcp_due(const struct dhcp_client *c);

/* The address of the lease is in use by somebody else: c->lease is dropped. The caller sends the DECLINE it gets. */
unsigned dhcp_conflict(struct dhcp_client *c, int64_t now_ms, struct dhcp4 *ret_decline);

/* The message to send in this state. Returns whether it goes to the server by unicast, from the lease's address. */
bool dhcp_message(struct dhcp_client *c, int64_t now_ms, struct dhcp4 *ret);

/* Take over a lease of a former process: an ACK that was received at got_ms. False: it has run out, or never was one. */
bool dhcp_adopt(struct dhcp_client *c, const struct dhcp4 *ack, int64_t got_ms, int64_t now_ms);

/* The prefix length of the lease's network. */
uint8_t dhcp_lease_len(const struct dhcp4 *lease);

const char *dhcp_state_text(enum dhcp_state s);

#endif
