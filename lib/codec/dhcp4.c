// SPDX-License-Identifier: Apache-2.0
/* DHCP messages. The areas of options are walked once per option that is wanted: a message is small, and joining the
 * pieces of a split option needs no table that way. */
#include "lib/codec/dhcp4.h"

#include <errno.h>
#include <string.h>

#define HEAD 236 /* fixed part before the cookie */
#define SNAME 44
#define SNAME_LEN 64
#define FILE_AT 108
#define FILE_LEN 128
#define OPTIONS (HEAD + 4)
#define COOKIE 0x63825363u
#define WRITE_MIN 300

enum {
	OPT_PAD = 0,
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_HOSTNAME = 12,
	OPT_DOMAIN = 15,
	OPT_MTU = 26,
	OPT_NTP = 42,
	OPT_REQUESTED = 50,
	OPT_LEASE = 51,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_WANTED = 55,
	OPT_TEXT = 56,
	OPT_MAX_SIZE = 57,
	OPT_RENEW = 58,
	OPT_REBIND = 59,
	OPT_VENDOR = 60,
	OPT_CLIENT_ID = 61,
	OPT_SEARCH = 119,
	OPT_ROUTES = 121,
	OPT_END = 255,
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* ---- reading ----------------------------------------------------------------------------------- */

struct joined {
	uint8_t data[DHCP4_MESSAGE_MAX];
	size_t len;
	bool is_there;
};

static void join_area(const uint8_t *p, size_t len, uint8_t code, struct joined *j)
{
	for (size_t i = 0; i < len && p[i] != OPT_END;) {
		if (p[i] == OPT_PAD) {
			i++;
			continue;
		}
		if (len - i < 2 || len - i - 2 < p[i + 1])
			return; /* cut short: what came before counts */
		size_t n = p[i + 1];
		if (p[i] == code && n <= sizeof(j->data) - j->len) {
			memcpy(j->data + j->len, p + i + 2, n);
			j->len += n;
			j->is_there = true;
		}
		i += 2 + n;
	}
}

/* The order of RFC 3396: options, file, sname. */
static bool join(const uint8_t *p, size_t len, uint8_t overload, uint8_t code, struct joined *j)
{
	j->len = 0;
	j->is_there = false;
	join_area(p + OPTIONS, len - OPTIONS, code, j);
	if (overload & 1)
		join_area(p + FILE_AT, FILE_LEN, code, j);
	if (overload & 2)
		join_area(p + SNAME, SNAME_LEN, code, j);
	return j->is_there;
}

static uint32_t one32(const struct joined *j)
{
	return j->len == 4 ? get32(j->data) : 0;
}

static bool is_host_addr(uint32_t a)
{
	return (a >> 24) != 0 && (a >> 24) != 127 && (a >> 28) < 0xe;
}

static uint8_t addrs(const struct joined *j, uint32_t *out)
{
	uint8_t n = 0;

	if (j->len % 4 != 0)
		return 0;
	for (size_t i = 0; i < j->len && n < DHCP4_ADDRS_MAX; i += 4)
		if (is_host_addr(get32(j->data + i)))
			out[n++] = get32(j->data + i);
	return n;
}

bool dhcp4_name_is_valid(const char *s, size_t len)
{
	size_t label = 0;

	if (len == 0 || len >= DHCP4_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = s[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
		if (c == '.') {
			if (label == 0 || s[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!alnum && (c != '-' || label == 0))
			return false;
		if (++label > 63)
			return false;
	}
	return s[len - 1] != '-' && s[len - 1] != '.';
}

static void name(const struct joined *j, char out[DHCP4_NAME_MAX])
{
	size_t n = j->len;

	while (n > 0 && (j->data[n - 1] == '\0' || j->data[n - 1] == '.'))
		n--;
	if (!dhcp4_name_is_valid((const char *)j->data, n))
		return;
	memcpy(out, j->data, n);
	out[n] = '\0';
}

/* One DNS name at *at, its compression followed backwards only. Returns its length, 0 when it is none. */
static size_t dns_name(const struct joined *j, size_t *at, char out[DHCP4_NAME_MAX])
{
	size_t i = *at, n = 0, limit = j->len;
	bool jumped = false;

	while (i < limit) {
		uint8_t c = j->data[i];
		if (c == 0) {
			if (!jumped)
				*at = i + 1;
			return n;
		}
		if ((c & 0xc0) == 0xc0) {
			if (i + 1 >= j->len)
				return 0;
			size_t to = (size_t)(c & 0x3f) << 8 | j->data[i + 1];
			if (!jumped)
				*at = i + 2;
			jumped = true;
			if (to >= i)
				return 0;
			limit = i; /* strictly backwards: this ends */
			i = to;
			continue;
		}
		if (c > 63 || i + 1 + c > j->len || n + c + 1 >= DHCP4_NAME_MAX)
			return 0;
		if (n > 0)
			out[n++] = '.';
		memcpy(out + n, j->data + i + 1, c);
		n += c;
		i += 1u + c;
	}
	return 0;
}

static void search(const struct joined *j, char *out)
{
	char one[DHCP4_NAME_MAX];
	size_t len = 0, at = 0;

	while (at < j->len) {
		size_t before = at;
		size_t n = dns_name(j, &at, one);
		if (at == before)
			return;
		if (!dhcp4_name_is_valid(one, n) || len + n + 2 > DHCP4_SEARCH_MAX)
			continue;
		if (len > 0)
			out[len++] = ' ';
		memcpy(out + len, one, n);
		len += n;
		out[len] = '\0';
	}
}

static void routes(const struct joined *j, struct dhcp4 *m)
{
	for (size_t i = 0; i < j->len && m->route_count < DHCP4_ROUTES_MAX;) {
		uint8_t bits = j->data[i++];
		size_t bytes = (bits + 7u) / 8;
		uint8_t to[4] = {0};
		if (bits > 32 || j->len - i < bytes + 4)
			return;
		memcpy(to, j->data + i, bytes);
		uint32_t mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
		struct dhcp4_route r = {.to = get32(to) & mask, .len = bits, .via = get32(j->data + i + bytes)};
		i += bytes + 4;
		if (r.via == 0 ? bits != 0 : is_host_addr(r.via))
			m->routes[m->route_count++] = r;
	}
}

static void text(const struct joined *j, char *out, size_t size)
{
	size_t n = j->len < size ? j->len : size - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = j->data[i] < 0x20 || j->data[i] > 0x7e ? '?' : (char)j->data[i];
	out[n] = '\0';
}

static uint32_t mask_of(const struct joined *j)
{
	uint32_t mask = one32(j);

	return (~mask & (~mask + 1)) == 0 ? mask : 0;
}

static void read_options(const uint8_t *p, size_t len, struct dhcp4 *m)
{
	struct joined j;
	uint8_t over = 0;

	if (join(p, len, 0, OPT_OVERLOAD, &j) && j.len == 1)
		over = j.data[0];
	if (join(p, len, over, OPT_TYPE, &j) && j.len == 1)
		m->type = j.data[0];
	if (join(p, len, over, OPT_SERVER, &j))
		m->server = one32(&j);
	if (join(p, len, over, OPT_MASK, &j))
		m->mask = mask_of(&j);
	if (join(p, len, over, OPT_LEASE, &j))
		m->lease_s = one32(&j);
	if (join(p, len, over, OPT_RENEW, &j))
		m->renew_s = one32(&j);
	if (join(p, len, over, OPT_REBIND, &j))
		m->rebind_s = one32(&j);
	if (join(p, len, over, OPT_MTU, &j) && j.len == 2 && (j.data[0] << 8 | j.data[1]) >= 576)
		m->mtu = (uint16_t)(j.data[0] << 8 | j.data[1]);
	if (join(p, len, over, OPT_ROUTER, &j))
		m->router_count = addrs(&j, m->routers);
	if (join(p, len, over, OPT_DNS, &j))
		m->dns_count = addrs(&j, m->dns);
	if (join(p, len, over, OPT_NTP, &j))
		m->ntp_count = addrs(&j, m->ntp);
	if (join(p, len, over, OPT_HOSTNAME, &j))
		name(&j, m->hostname);
	if (join(p, len, over, OPT_DOMAIN, &j))
		name(&j, m->domain);
	if (join(p, len, over, OPT_SEARCH, &j))
		search(&j, m->search);
	if (join(p, len, over, OPT_ROUTES, &j)) {
		m->has_routes = true;
		routes(&j, m);
	}
	if (join(p, len, over, OPT_TEXT, &j))
		text(&j, m->text, sizeof(m->text));
}

int dhcp4_parse(const void *bytes, size_t len, struct dhcp4 *ret)
{
	const uint8_t *p = bytes;

	/* a reply, Ethernet, six bytes of address */
	if (len < OPTIONS || p[0] != 2 || p[1] != 1 || p[2] != 6 || get32(p + HEAD) != COOKIE)
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	ret->xid = get32(p + 4);
	ret->client = get32(p + 12);
	ret->yours = get32(p + 16);
	memcpy(ret->mac, p + 28, sizeof(ret->mac));
	read_options(p, len, ret);
	if (ret->type != DHCP4_OFFER && ret->type != DHCP4_ACK && ret->type != DHCP4_NAK)
		return -EBADMSG;
	return 0;
}

/* ---- writing ----------------------------------------------------------------------------------- */

static size_t put(uint8_t *out, size_t at, uint8_t code, const void *p, size_t n)
{
	out[at] = code;
	out[at + 1] = (uint8_t)n;
	memcpy(out + at + 2, p, n);
	return at + 2 + n;
}

static size_t put_addr(uint8_t *out, size_t at, uint8_t code, uint32_t a)
{
	uint8_t b[4];

	put32(b, a);
	return a == 0 ? at : put(out, at, code, b, sizeof(b));
}

size_t dhcp4_write(const struct dhcp4 *m, const char *vendor, uint8_t out[DHCP4_MESSAGE_MAX])
{
	/* 121 before 3, as RFC 3442 wants it */
	static const uint8_t wanted[] = {OPT_MASK,   OPT_ROUTES, OPT_ROUTER, OPT_DNS,	 OPT_HOSTNAME, OPT_DOMAIN,
					 OPT_SEARCH, OPT_MTU,	 OPT_NTP,    OPT_LEASE, OPT_RENEW,    OPT_REBIND};
	static const uint8_t max_size[2] = {(DHCP4_MESSAGE_MAX + 28) >> 8, (DHCP4_MESSAGE_MAX + 28) & 0xff};
	uint8_t id[7] = {1};
	size_t at = OPTIONS, n;

	memset(out, 0, DHCP4_MESSAGE_MAX);
	out[0] = out[1] = 1;
	out[2] = 6;
	put32(out + 4, m->xid);
	out[8] = (uint8_t)(m->secs >> 8);
	out[9] = (uint8_t)m->secs;
	put32(out + 12, m->client);
	memcpy(out + 28, m->mac, sizeof(m->mac));
	put32(out + HEAD, COOKIE);
	at = put(out, at, OPT_TYPE, &m->type, 1);
	memcpy(id + 1, m->mac, sizeof(m->mac));
	at = put(out, at, OPT_CLIENT_ID, id, sizeof(id));
	at = put_addr(out, at, OPT_REQUESTED, m->requested);
	at = put_addr(out, at, OPT_SERVER, m->server);
	if (m->type == DHCP4_DISCOVER || m->type == DHCP4_REQUEST) {
		at = put(out, at, OPT_MAX_SIZE, max_size, sizeof(max_size));
		at = put(out, at, OPT_WANTED, wanted, sizeof(wanted));
		n = strlen(vendor);
		if (n > 0 && n < 64)
			at = put(out, at, OPT_VENDOR, vendor, n);
		n = strnlen(m->hostname, sizeof(m->hostname));
		if (n > 0 && n < sizeof(m->hostname))
			at = put(out, at, OPT_HOSTNAME, m->hostname, n);
	}
	out[at++] = OPT_END;
	return at < WRITE_MIN ? WRITE_MIN : at;
}
