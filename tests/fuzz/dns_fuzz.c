// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a query: reading stays inside, answers fit and are answers to it. */
#include "lib/base/ip.h"
#include "lib/codec/dns.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *out, size_t n, const uint8_t *query, const struct dns_query *q)
{
	assert(n >= DNS_HEAD && n <= DNS_UDP_MAX);
	assert(dns_answers(out, n, q->id, query, q));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ip ips[40];
	struct dns_query q;
	struct ip ip;
	uint8_t out[DNS_UDP_MAX];

	if (dns_query_parse(data, size, &q, NULL) < 0) {
		assert(dns_put_format(data, size, out) <= DNS_HEAD);
		return 0;
	}
	assert(strlen(q.name) < DNS_NAME_MAX && q.end <= size);
	for (size_t i = 0; i < 40; i++)
		ips[i] = ip4((uint32_t)i);
	check(out, dns_put_code(data, &q, DNS_NO_NAME, out, sizeof(out)), data, &q);
	check(out, dns_put_ip4(data, &q, ips, 40, 600, out, sizeof(out)), data, &q);
	check(out, dns_put_name(data, &q, q.name, 600, out, sizeof(out)), data, &q);
	(void)dns_name_to_ip4(q.name, &ip);
	return 0;
}
