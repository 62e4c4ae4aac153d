// SPDX-License-Identifier: Apache-2.0
/* A frame, with or without its datagram around it: whatever is taken keeps what the header promises. */
#include "lib/codec/dhcp4.h"
#include "lib/codec/udp4.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *s)
{
	if (s[0] != '\0' && !dhcp4_name_is_valid(s, strlen(s)))
		abort();
}

static void check(const uint8_t *p, size_t len)
{
	struct dhcp4 m;
	char search[DHCP4_SEARCH_MAX];

	if (dhcp4_parse(p, len, &m) < 0)
		return;
	check_name(m.hostname);
	check_name(m.domain);
	memcpy(search, m.search, sizeof(search));
	for (char *s = strtok(search, " "); s != NULL; s = strtok(NULL, " "))
		check_name(s);
	if ((~m.mask & (~m.mask + 1)) != 0 || m.route_count > DHCP4_ROUTES_MAX || m.router_count > DHCP4_ADDRS_MAX ||
	    m.dns_count > DHCP4_ADDRS_MAX || m.ntp_count > DHCP4_ADDRS_MAX || (m.mtu != 0 && m.mtu < 576))
		abort();
	for (size_t i = 0; i < m.route_count; i++)
		if (m.routes[i].len > 32)
			abort();
	for (const char *s = m.text; *s != '\0'; s++)
		if (*s < 0x20 || *s > 0x7e)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct udp4 u;

	check(data, size);
	if (udp4_parse(data, size, size % 2 == 0, &u) == 0)
		check(u.data, u.len);
	/* nearly everything would fail at the fixed part: give it one */
	uint8_t whole[240 + DHCP4_MESSAGE_MAX] = {2, 1, 6};
	size_t n = size < DHCP4_MESSAGE_MAX ? size : DHCP4_MESSAGE_MAX;
	memcpy(whole + 44, data, n < 192 ? n : 192);
	memcpy(whole + 236, (const uint8_t[]){0x63, 0x82, 0x53, 0x63}, 4);
	memcpy(whole + 240, data, n);
	check(whole, 240 + n);
	return 0;
}
