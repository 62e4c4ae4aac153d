// SPDX-License-Identifier: Apache-2.0
/* UDP over IPv4: headers and checksums. */
#include "lib/codec/udp4.h"

#include <errno.h>
#include <string.h>

#define IP_LEN 20
#define UDP_LEN 8
#define PROTO_UDP 17

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

static uint32_t sum(const uint8_t *p, size_t len, uint32_t s)
{
	for (; len > 1; p += 2, len -= 2)
		s += get16(p);
	if (len > 0)
		s += (uint32_t)p[0] << 8;
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* ip: its header, for the addresses; udp: header and data of len bytes (at most 65535: the sum cannot overflow) */
static uint16_t udp_sum(const uint8_t *ip, const uint8_t *udp, size_t len)
{
	return fold(sum(udp, len, sum(ip + 12, 8, PROTO_UDP + (uint32_t)len)));
}

int udp4_parse(const void *bytes, size_t len, bool is_partial, struct udp4 *ret)
{
	const uint8_t *p = bytes;

	if (len < IP_LEN || p[0] >> 4 != 4)
		return -EBADMSG;
	size_t head = (size_t)(p[0] & 0xf) * 4, total = get16(p + 2);
	if (head < IP_LEN || total < head + UDP_LEN || total > len)
		return -EBADMSG;
	if (p[9] != PROTO_UDP || (get16(p + 6) & 0x3fff) != 0 || fold(sum(p, head, 0)) != 0)
		return -EBADMSG;
	const uint8_t *udp = p + head;
	size_t n = get16(udp + 4);
	if (n < UDP_LEN || n > total - head)
		return -EBADMSG;
	if (!is_partial && get16(udp + 6) != 0 && udp_sum(p, udp, n) != 0)
		return -EBADMSG;
	*ret = (struct udp4){.from = get32(p + 12), .to = get32(p + 16), .from_port = get16(udp),
			     .to_port = get16(udp + 2), .data = udp + UDP_LEN, .len = n - UDP_LEN};
	return 0;
}

size_t udp4_write(const struct udp4 *u, void *out, size_t size)
{
	uint8_t *p = out, *udp = p + IP_LEN;
	size_t total = UDP4_HEAD + u->len;

	if (total > size || total > UINT16_MAX)
		return 0;
	memset(p, 0, UDP4_HEAD);
	p[0] = 0x45;
	p[1] = 0x10; /* low delay */
	put16(p + 2, (uint16_t)total);
	p[8] = 64;
	p[9] = PROTO_UDP;
	put32(p + 12, u->from);
	put32(p + 16, u->to);
	put16(p + 10, fold(sum(p, IP_LEN, 0)));
	put16(udp, u->from_port);
	put16(udp + 2, u->to_port);
	put16(udp + 4, (uint16_t)(UDP_LEN + u->len));
	memcpy(udp + UDP_LEN, u->data, u->len);
	uint16_t s = udp_sum(p, udp, UDP_LEN + u->len);
	put16(udp + 6, s == 0 ? 0xffff : s);
	return total;
}
