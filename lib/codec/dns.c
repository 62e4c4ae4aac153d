// SPDX-License-Identifier: Apache-2.0
/* DNS messages. Names in questions are not compressed, so reading needs no pointers; written names point at the question. */
#include "lib/codec/dns.h"

#include "lib/base/err.h"
#include "lib/base/ip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAG_ANSWER    0x80 /* of byte 2 */
#define FLAG_TRUNCATED 0x02
#define FLAG_RECURSE   0x01
#define FLAG_CAN_RECURSE 0x80 /* of byte 3 */
#define LABEL_MAX 63

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
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

void dns_set_id(uint8_t *p, uint16_t id)
{
	put16(p, id);
}

/* The name at *at; *at moves behind it. Returns false when it is malformed. */
static bool read_name(const uint8_t *p, size_t n, size_t *at, struct dns_query *q)
{
	size_t used = 0;

	q->is_plain = true;
	for (;;) {
		if (*at >= n)
			return false;
		size_t len = p[(*at)++];
		if (len == 0)
			break;
		if (len > LABEL_MAX || len > n - *at || used + len + 2 > DNS_NAME_MAX)
			return false;
		if (used > 0)
			q->name[used++] = '.';
		for (size_t i = 0; i < len; i++) {
			uint8_t c = p[*at + i];
			q->is_plain = q->is_plain && c > ' ' && c < 127 && c != '.';
			q->name[used++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		}
		*at += len;
	}
	q->name[q->is_plain ? used : 0] = '\0';
	return true;
}

int dns_query_parse(const uint8_t *p, size_t n, struct dns_query *ret, struct err *e)
{
	struct dns_query q = {0};
	size_t at = DNS_HEAD;

	if (n < DNS_HEAD)
		return err_say(e, E_SPEC, "dns: %zu bytes are no message", n);
	if ((p[2] & FLAG_ANSWER) != 0)
		return err_say(e, E_SPEC, "dns: an answer, not a query");
	if (get16(p + 4) != 1)
		return err_say(e, E_SPEC, "dns: %u questions", get16(p + 4));
	if (!read_name(p, n, &at, &q) || n - at < 4)
		return err_say(e, E_SPEC, "dns: malformed question");
	q.id = get16(p);
	q.opcode = (p[2] >> 3) & 15;
	q.type = get16(p + at);
	q.class = get16(p + at + 2);
	q.end = at + 4;
	*ret = q;
	return 0;
}

bool dns_name_to_ip4(const char *name, struct ip *ret)
{
	uint32_t addr = 0;
	const char *p = name;

	for (unsigned i = 0; i < 4; i++) {
		unsigned v = 0, digits = 0;
		for (; *p >= '0' && *p <= '9' && digits < 3; p++, digits++)
			v = v * 10 + (unsigned)(*p - '0');
		if (digits == 0 || v > 255 || *p != '.')
			return false;
		p++;
		addr |= v << (8 * i);
	}
	if (strcmp(p, "in-addr.arpa") != 0)
		return false;
	*ret = ip4(addr);
	return true;
}

/* ---- answers ---- */

/* Header and question. Returns the length. */
static size_t begin(const uint8_t *query, const struct dns_query *q, enum dns_code code, uint8_t *out)
{
	memcpy(out, query, q->end); /* at most DNS_HEAD + DNS_NAME_MAX + 4 */
	out[2] = (uint8_t)(FLAG_ANSWER | (query[2] & (0x78 | FLAG_RECURSE)));
	out[3] = (uint8_t)(FLAG_CAN_RECURSE | code);
	memset(out + 6, 0, 6);
	return q->end;
}

/* A record's fixed part, its name the question's. */
static void put_record(uint8_t *p, const struct dns_query *q, enum dns_type type, uint32_t ttl_s, size_t len)
{
	put16(p, 0xc000 | DNS_HEAD);
	put16(p + 2, (uint16_t)type);
	put16(p + 4, q->class);
	put32(p + 6, ttl_s);
	put16(p + 10, (uint16_t)len);
}

size_t dns_put_code(const uint8_t *query, const struct dns_query *q, enum dns_code code, uint8_t *out, size_t size)
{
	(void)size;
	return begin(query, q, code, out);
}

size_t dns_put_ip4(const uint8_t *query, const struct dns_query *q, const struct ip *ip, size_t n, uint32_t ttl_s, uint8_t *out,
		   size_t size)
{
	size_t at = begin(query, q, DNS_OK, out);
	uint16_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (size - at < 16) {
			out[2] |= FLAG_TRUNCATED;
			break;
		}
		put_record(out + at, q, DNS_A, ttl_s, 4);
		memcpy(out + at + 12, ip[i].b, 4);
		at += 16;
		count++;
	}
	put16(out + 6, count);
	return at;
}

/* As labels. Returns the length, 0 when it is no name. */
static size_t put_labels(const char *name, uint8_t *out)
{
	size_t at = 0;

	while (*name != '\0') {
		size_t n = strcspn(name, ".");
		if (n == 0 || n > LABEL_MAX || at + n + 2 > 255)
			return 0;
		out[at++] = (uint8_t)n;
		memcpy(out + at, name, n);
		at += n;
		name += n;
		if (*name == '.')
			name++;
	}
	out[at++] = 0;
	return at;
}

size_t dns_put_name(const uint8_t *query, const struct dns_query *q, const char *name, uint32_t ttl_s, uint8_t *out, size_t size)
{
	uint8_t labels[256];
	size_t at = begin(query, q, DNS_OK, out), n = put_labels(name, labels);

	if (n == 0 || size - at < 12 + n)
		return begin(query, q, DNS_FAILED, out);
	put_record(out + at, q, DNS_PTR, ttl_s, n);
	memcpy(out + at + 12, labels, n);
	put16(out + 6, 1);
	return at + 12 + n;
}

size_t dns_put_format(const uint8_t *p, size_t n, uint8_t *out)
{
	if (n < DNS_HEAD || (p[2] & FLAG_ANSWER) != 0)
		return 0;
	memset(out, 0, DNS_HEAD);
	memcpy(out, p, 2);
	out[2] = (uint8_t)(FLAG_ANSWER | (p[2] & (0x78 | FLAG_RECURSE)));
	out[3] = DNS_FORMAT;
	return DNS_HEAD;
}

bool dns_answers(const uint8_t *p, size_t n, uint16_t id, const uint8_t *query, const struct dns_query *q)
{
	return n >= q->end && get16(p) == id && (p[2] & FLAG_ANSWER) != 0 && get16(p + 4) == 1 &&
	       memcmp(p + DNS_HEAD, query + DNS_HEAD, q->end - DNS_HEAD) == 0;
}
