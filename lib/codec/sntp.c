// SPDX-License-Identifier: Apache-2.0
/* NTP packets. */
#include "lib/codec/sntp.h"

#include <errno.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)
#define TO_1970 INT64_C(2208988800) /* seconds from 1900 */
#define ROOT_MAX_NS (16 * NS_PER_S)
#define MODE_CLIENT 3
#define MODE_SERVER 4

enum {
	AT_STRATUM = 1,
	AT_ROOT_DELAY = 4,
	AT_ROOT_DISPERSION = 8,
	AT_REFERENCE = 12,
	AT_ORIGINATE = 24,
	AT_RECEIVE = 32,
	AT_TRANSMIT = 40,
};

static uint64_t get(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

void sntp_write(uint64_t cookie, uint8_t out[SNTP_LEN])
{
	memset(out, 0, SNTP_LEN);
	out[0] = 4 << 3 | MODE_CLIENT;
	for (int i = 0; i < 8; i++)
		out[AT_TRANSMIT + i] = (uint8_t)(cookie >> (56 - 8 * i));
}

/* 32 bits of seconds come again every 136 years: the one that is nearest. */
static int64_t to_ns(uint64_t stamp, int64_t near_ns)
{
	int64_t near_s = near_ns / NS_PER_S + TO_1970;
	int32_t ahead = (int32_t)((uint32_t)(stamp >> 32) - (uint32_t)near_s);
	int64_t fraction = (int64_t)((stamp & UINT32_MAX) * (uint64_t)NS_PER_S >> 32);

	return (near_s + ahead - TO_1970) * NS_PER_S + fraction;
}

/* 16.16 seconds */
static int64_t short_ns(uint64_t v)
{
	return (int64_t)(v * (uint64_t)NS_PER_S >> 16);
}

int sntp_parse(const void *bytes, size_t len, uint64_t cookie, int64_t near_ns, struct sntp *ret)
{
	const uint8_t *p = bytes;

	if (len < SNTP_LEN || (p[0] & 7) != MODE_SERVER || get(p + AT_ORIGINATE, 8) != cookie)
		return -EBADMSG;
	unsigned version = p[0] >> 3 & 7;
	if (version < 3 || version > 4 || near_ns < 0 || near_ns > INT64_MAX / 2)
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	ret->stratum = p[AT_STRATUM];
	if (ret->stratum == 0) {
		for (int i = 0; i < 4; i++)
			ret->kiss[i] = p[AT_REFERENCE + i] >= 'A' && p[AT_REFERENCE + i] <= 'Z' ? (char)p[AT_REFERENCE + i] : '?';
		return 0;
	}
	ret->root_delay_ns = short_ns(get(p + AT_ROOT_DELAY, 4));
	ret->root_dispersion_ns = short_ns(get(p + AT_ROOT_DISPERSION, 4));
	if (p[0] >> 6 == 3 || ret->stratum > 15 || ret->root_delay_ns / 2 + ret->root_dispersion_ns > ROOT_MAX_NS)
		return -EAGAIN;
	uint64_t receive = get(p + AT_RECEIVE, 8), transmit = get(p + AT_TRANSMIT, 8);
	if (receive == 0 || transmit == 0)
		return -EAGAIN;
	ret->received_ns = to_ns(receive, near_ns);
	ret->sent_ns = to_ns(transmit, near_ns);
	/* who answers before it is asked, or keeps us waiting that long, is no clock */
	if (ret->sent_ns < ret->received_ns || ret->sent_ns - ret->received_ns > ROOT_MAX_NS)
		return -EAGAIN;
	return 0;
}

int64_t sntp_offset_ns(const struct sntp *s, int64_t sent_ns, int64_t came_ns)
{
	return (s->received_ns - sent_ns) / 2 + (s->sent_ns - came_ns) / 2;
}

int64_t sntp_delay_ns(const struct sntp *s, int64_t sent_ns, int64_t came_ns)
{
	return (came_ns - sent_ns) - (s->sent_ns - s->received_ns);
}
