/* lib/base/ip.h - internet addresses and prefixes as values: parse, print, compare, mask.
 *
 * Text is strict: dotted quads without leading zeros, RFC 4291 for version 6 (no zone), a prefix length without sign.
 */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ip_family {
	IP_NONE = 0,
	IP_V4 = 4,
	IP_V6 = 6,
};

struct ip {
	uint8_t family; /* enum ip_family; IP_NONE = no address */
	uint8_t b[16];	/* network order; version 4 uses the first four, the rest is zero */
};

/* An address with the length of its network: "10.0.2.15/24". Host bits may be set. */
struct ip_prefix {
	struct ip addr;
	uint8_t len;
};

#define IP_TEXT_MAX	   46 /* with the NUL */
#define IP_PREFIX_TEXT_MAX 50

/* From and to host order. ip4_host() of anything but version 4 is 0. */
struct ip ip4(uint32_t host_order);
uint32_t ip4_host(const struct ip *a);

/* The netmask of a version 4 prefix length (0..32), host order, and back: -1 when the ones are not contiguous. */
uint32_t ip4_mask(unsigned len);
int ip4_mask_len(uint32_t mask);

/* Parse all n bytes. Returns 0, or -EINVAL with nothing written. */
int ip_parse(const char *s, size_t n, struct ip *ret);

/* "ADDR/LEN"; without "/LEN" the whole address (32, 128). Returns 0, or -EINVAL. */
int ip_prefix_parse(const char *s, size_t n, struct ip_prefix *ret);

/* Print into out; returns out. IP_NONE prints as "". */
const char *ip_text(const struct ip *a, char out[IP_TEXT_MAX]);
const char *ip_prefix_text(const struct ip_prefix *p, char out[IP_PREFIX_TEXT_MAX]);

size_t ip_size(const struct ip *a); /* 0, 4 or 16 */
bool ip_is_set(const struct ip *a);
bool ip_equal(const struct ip *a, const struct ip *b);
bool ip_is_zero(const struct ip *a); /* 0.0.0.0, ::, and no address at all */
bool ip_is_loopback(const struct ip *a);

/* The same prefix with its host bits cleared. */
struct ip_prefix ip_prefix_network(const struct ip_prefix *p);
bool ip_prefix_has(const struct ip_prefix *p, const struct ip *a);
bool ip_prefix_overlaps(const struct ip_prefix *a, const struct ip_prefix *b);

#endif
