/* lib/codec/dhcp4.h - DHCP for version 4 (RFC 2131, 2132, 3396, 3397, 3442): messages of a client, answers of a server.
 *
 * Pure. Addresses are in host order, 0 = absent. What is read is checked: lengths against the message, names against the
 * characters of host names, masks against being contiguous; an option that fails is as if it were not there. Repeated
 * options are joined before they are read, and the two fixed fields count when the message says that they hold options.
 */
#ifndef CODEC_DHCP4_H
#define CODEC_DHCP4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP4_MESSAGE_MAX 1472 /* of an Ethernet frame's 1500, which is what we tell the server */
#define DHCP4_ADDRS_MAX 4
#define DHCP4_ROUTES_MAX 32
#define DHCP4_NAME_MAX 254   /* with the NUL */
#define DHCP4_SEARCH_MAX 768 /* names with blanks between, with the NUL */
#define DHCP4_FOREVER UINT32_MAX

enum dhcp4_type { /* as on the wire */
	DHCP4_DISCOVER = 1,
	DHCP4_OFFER = 2,
	DHCP4_REQUEST = 3,
	DHCP4_DECLINE = 4,
	DHCP4_ACK = 5,
	DHCP4_NAK = 6,
	DHCP4_RELEASE = 7,
};

struct dhcp4_route {
	uint32_t to;
	uint8_t len;
	uint32_t via; /* 0: on the link */
};

struct dhcp4 {
	uint8_t type; /* enum dhcp4_type */
	uint32_t xid;
	uint16_t secs;
	uint8_t mac[6];
	uint32_t client; /* ciaddr */
	uint32_t yours;	 /* yiaddr */
	uint32_t requested, server;
	uint32_t mask; /* contiguous; 0 = not said */
	uint32_t lease_s, renew_s, rebind_s;
	uint16_t mtu; /* 0, or at least 576 */
	uint32_t routers[DHCP4_ADDRS_MAX], dns[DHCP4_ADDRS_MAX], ntp[DHCP4_ADDRS_MAX];
	uint8_t router_count, dns_count, ntp_count;
	bool has_routes; /* option 121 was there: routers do not count */
	uint8_t route_count;
	struct dhcp4_route routes[DHCP4_ROUTES_MAX];
	char hostname[DHCP4_NAME_MAX], domain[DHCP4_NAME_MAX];
	char search[DHCP4_SEARCH_MAX];
	char text[64]; /* what the server has to say with a NAK; printable */
};

/*
 * Read a server's message (the UDP payload).
 *
 * Returns  0
 * Errors   -EBADMSG no answer of DHCP over Ethernet, or cut short; *ret is undefined then
 */
int dhcp4_parse(const void *p, size_t len, struct dhcp4 *ret);

/*
 * Write a client's message: type, xid, secs, mac, client, requested, server and hostname of m count, and the identifier of
 * the vendor class. At least 300 bytes, which some relays insist on.
 *
 * Returns  its length; out has room for DHCP4_MESSAGE_MAX
 */
size_t dhcp4_write(const struct dhcp4 *m, const char *vendor, uint8_t out[DHCP4_MESSAGE_MAX]);

/* Letters, digits, '-', '_' and single dots between them; what may go into files and system calls. */
bool dhcp4_name_is_valid(const char *s, size_t len);

#endif
