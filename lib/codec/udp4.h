/* lib/codec/udp4.h - a UDP datagram in an IPv4 packet, for who has no address yet and so no socket to use. Pure. */
#ifndef CODEC_UDP4_H
#define CODEC_UDP4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UDP4_HEAD 28 /* both headers, without options */

struct udp4 { /* host order */
	uint32_t from, to;
	uint16_t from_port, to_port;
	const uint8_t *data; /* borrowed */
	size_t len;
};

/*
 * Read a packet: versions, lengths and the header's checksum are verified, the datagram's where there is one and is_partial
 * is false (the kernel leaves it unfinished between interfaces of one machine and says so). Fragments are refused.
 *
 * Returns  0, data pointing into p
 * Errors   -EBADMSG
 */
int udp4_parse(const void *p, size_t len, bool is_partial, struct udp4 *ret);

/* Write both headers and the data. Returns the length, 0 when size is too small. */
size_t udp4_write(const struct udp4 *u, void *out, size_t size);

#endif
