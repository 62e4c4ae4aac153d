// SPDX-License-Identifier: Apache-2.0
/* Addresses as values. inet_pton(3) does the parsing once the text is known to be short and plain; what libcs differ in
 * (leading zeros, zones) is refused before. */
#include "lib/base/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct ip ip4(uint32_t host_order)
{
	struct ip a = {.family = IP_V4};

	for (int i = 0; i < 4; i++)
		a.b[i] = (uint8_t)(host_order >> (24 - 8 * i));
	return a;
}

uint32_t ip4_host(const struct ip *a)
{
	if (a->family != IP_V4)
		return 0;
	return (uint32_t)a->b[0] << 24 | (uint32_t)a->b[1] << 16 | (uint32_t)a->b[2] << 8 | a->b[3];
}

uint32_t ip4_mask(unsigned len)
{
	return len == 0 ? 0 : UINT32_MAX << (32 - (len > 32 ? 32 : len));
}

int ip4_mask_len(uint32_t mask)
{
	int len = 0;

	while (len < 32 && (mask & 0x80000000u >> len) != 0)
		len++;
	return mask == ip4_mask((unsigned)len) ? len : -1;
}

/* "010.0.0.1" is 8.0.0.1 to some and 10.0.0.1 to others: refused. */
static bool has_leading_zero(const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		if (*p == '0' && (p == s || p[-1] == '.') && p[1] >= '0' && p[1] <= '9')
			return true;
	return false;
}

int ip_parse(const char *s, size_t n, struct ip *ret)
{
	char text[IP_TEXT_MAX];
	struct ip a = {0};

	if (n == 0 || n >= sizeof(text) || memchr(s, '\0', n) != NULL)
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = '\0';
	if (memchr(text, ':', n) != NULL) {
		a.family = IP_V6;
		if (inet_pton(AF_INET6, text, a.b) != 1)
			return -EINVAL;
	} else {
		a.family = IP_V4;
		if (has_leading_zero(text) || inet_pton(AF_INET, text, a.b) != 1)
			return -EINVAL;
	}
	*ret = a;
	return 0;
}

int ip_prefix_parse(const char *s, size_t n, struct ip_prefix *ret)
{
	const char *slash = memchr(s, '/', n);
	struct ip_prefix p = {0};

	if (ip_parse(s, slash == NULL ? n : (size_t)(slash - s), &p.addr) < 0)
		return -EINVAL;
	unsigned max = (unsigned)ip_size(&p.addr) * 8;
	if (slash == NULL) {
		p.len = (uint8_t)max;
	} else {
		size_t digits = n - (size_t)(slash + 1 - s);
		unsigned len = 0;
		if (digits == 0 || digits > 3 || (digits > 1 && slash[1] == '0'))
			return -EINVAL;
		for (size_t i = 1; i <= digits; i++) {
			if (slash[i] < '0' || slash[i] > '9')
				return -EINVAL;
			len = len * 10 + (unsigned)(slash[i] - '0');
		}
		if (len > max)
			return -EINVAL;
		p.len = (uint8_t)len;
	}
	*ret = p;
	return 0;
}

const char *ip_text(const struct ip *a, char out[IP_TEXT_MAX])
{
	int family = a->family == IP_V4 ? AF_INET : AF_INET6;

	if (a->family == IP_NONE || inet_ntop(family, a->b, out, IP_TEXT_MAX) == NULL)
		out[0] = '\0';
	return out;
}

const char *ip_prefix_text(const struct ip_prefix *p, char out[IP_PREFIX_TEXT_MAX])
{
	char addr[IP_TEXT_MAX];

	if (p->addr.family == IP_NONE)
		out[0] = '\0';
	else
		(void)snprintf(out, IP_PREFIX_TEXT_MAX, "%s/%u", ip_text(&p->addr, addr), p->len); /* fits by size */
	return out;
}

size_t ip_size(const struct ip *a)
{
	return a->family == IP_V4 ? 4 : a->family == IP_V6 ? 16 : 0;
}

bool ip_is_set(const struct ip *a)
{
	return a->family != IP_NONE;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->b, b->b, ip_size(a)) == 0;
}

bool ip_is_zero(const struct ip *a)
{
	for (size_t i = 0; i < ip_size(a); i++)
		if (a->b[i] != 0)
			return false;
	return true;
}

bool ip_is_loopback(const struct ip *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return (a->family == IP_V4 && a->b[0] == 127) || (a->family == IP_V6 && memcmp(a->b, one, 16) == 0);
}

struct ip_prefix ip_prefix_network(const struct ip_prefix *p)
{
	struct ip_prefix net = *p;

	for (size_t i = 0; i < sizeof(net.addr.b); i++) {
		unsigned bits = p->len > i * 8 ? p->len - (unsigned)i * 8 : 0;
		if (bits < 8)
			net.addr.b[i] &= (uint8_t)(0xff00u >> bits);
	}
	return net;
}

bool ip_prefix_has(const struct ip_prefix *p, const struct ip *a)
{
	if (a->family == IP_NONE || a->family != p->addr.family)
		return false;
	struct ip_prefix other = {.addr = *a, .len = p->len};
	struct ip_prefix x = ip_prefix_network(p), y = ip_prefix_network(&other);
	return ip_equal(&x.addr, &y.addr);
}

bool ip_prefix_overlaps(const struct ip_prefix *a, const struct ip_prefix *b)
{
	const struct ip_prefix *wide = a->len <= b->len ? a : b;

	return ip_prefix_has(wide, wide == a ? &b->addr : &a->addr);
}
