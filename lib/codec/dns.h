/* lib/codec/dns.h - DNS messages (RFC 1035) as far as a small name server needs them: read a query, write answers to it, tell
 * whether a message answers a query. Pure.
 */
#ifndef CODEC_DNS_H
#define CODEC_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct ip;

#define DNS_HEAD     12	  /* bytes of a header */
#define DNS_NAME_MAX 256  /* text of a name with its NUL */
#define DNS_UDP_MAX  512  /* an answer by UDP to somebody who has not said more */
#define DNS_MAX	     65535

enum dns_type {
	DNS_A = 1,
	DNS_PTR = 12,
	DNS_AAAA = 28,
	DNS_ANY = 255,
};

enum dns_code {
	DNS_OK = 0,
	DNS_FORMAT = 1,
	DNS_FAILED = 2,
	DNS_NO_NAME = 3,
	DNS_UNKNOWN = 4, /* not implemented */
	DNS_REFUSED = 5,
};

struct dns_query {
	uint16_t id;
	uint16_t type, class;
	uint8_t opcode;
	size_t end;		 /* of the question in the message */
	char name[DNS_NAME_MAX]; /* lower case, without the final dot; "" = the root, or is_plain is false */
	bool is_plain;		 /* no label has a dot or a byte that is not printable */
};

/*
 * Read a query with one question.
 *
 * Errors  -E_SPEC malformed, an answer, or not one question: nothing to reply to but with dns_refuse()
 */
int dns_query_parse(const uint8_t *p, size_t n, struct dns_query *ret, struct err *e);

/* The address that "4.3.2.1.in-addr.arpa" asks for. */
bool dns_name_to_ip4(const char *name, struct ip *ret);

/*
 * Answers. query is the message that was parsed to q. Every one returns the length written to out (size at least DNS_UDP_MAX).
 *
 *   dns_put_code      without records: a failure, or DNS_OK for a name that has none of this type
 *   dns_put_ip4       an A record each; those that do not fit are left out and the truncation bit is set
 *   dns_put_name      a PTR record
 */
size_t dns_put_code(const uint8_t *query, const struct dns_query *q, enum dns_code code, uint8_t *out, size_t size);
size_t dns_put_ip4(const uint8_t *query, const struct dns_query *q, const struct ip *ip, size_t n, uint32_t ttl_s, uint8_t *out,
		   size_t size);
size_t dns_put_name(const uint8_t *query, const struct dns_query *q, const char *name, uint32_t ttl_s, uint8_t *out, size_t size);

/* The answer "format error" to a message that could not be parsed. Returns 0 when it does not even have a header, or is an
 * answer itself: nothing is said then. */
size_t dns_put_format(const uint8_t *p, size_t n, uint8_t *out);

/* Does p answer the query (parsed to q) that was sent with this id? The question must be repeated, letter case included. */
bool dns_answers(const uint8_t *p, size_t n, uint16_t id, const uint8_t *query, const struct dns_query *q);

void dns_set_id(uint8_t *p, uint16_t id);

#endif
