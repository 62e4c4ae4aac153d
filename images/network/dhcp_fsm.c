// SPDX-License-Identifier: Apache-2.0
/* The DHCP client's states. Retransmission doubles from 2 s to 64 s with a quarter of jitter either way; a server that
 * refuses again and again is asked more and more rarely. */
#include "images/network/dhcp_fsm.h"

#include <string.h>

#define FIRST_S 2
#define LAST_S 64
#define REQUEST_TRIES 4
#define REBOOT_TRIES 3

static uint32_t next_random(struct dhcp_client *c)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 17;
	c->random ^= c->random << 5;
	return c->random;
}

static int64_t backoff_ms(struct dhcp_client *c, unsigned tries)
{
	int64_t s = tries > 5 ? LAST_S : (int64_t)FIRST_S << tries;

	return s * 750 + (int64_t)(next_random(c) % (uint32_t)(s * 500));
}

void dhcp_init(struct dhcp_client *c, const uint8_t mac[6], uint32_t seed)
{
	memset(c, 0, sizeof(*c));
	c->state = DHCP_OFF;
	memcpy(c->mac, mac, sizeof(c->mac));
	c->random = seed != 0 ? seed : 1;
	c->due_ms = DHCP_NEVER;
}

int64_t dhcp_due(const struct dhcp_client *c)
{
	/* also without a link a lease runs out */
	if (c->lease.yours != 0 && c->expire_ms < c->due_ms)
		return c->expire_ms;
	return c->due_ms;
}

static unsigned discover(struct dhcp_client *c, int64_t now)
{
	if (c->state != DHCP_SELECTING) {
		c->state = DHCP_SELECTING;
		c->tries = 0;
	}
	c->xid = next_random(c);
	c->asked_ms = now;
	c->due_ms = now + backoff_ms(c, c->tries++);
	return DHCP_DO_SEND;
}

static unsigned ask(struct dhcp_client *c, enum dhcp_state state, int64_t now)
{
	if (c->state != state) {
		c->state = state;
		c->tries = 0;
		if (state != DHCP_REQUESTING) /* which goes on with the offer's */
			c->xid = next_random(c);
	}
	c->asked_ms = now;
	c->due_ms = now + backoff_ms(c, c->tries++);
	return DHCP_DO_SEND;
}

/* Renewing and rebinding ask again after half of the time that is left (RFC 2131 4.4.5), which ends at `until`. */
static unsigned prolong(struct dhcp_client *c, enum dhcp_state state, int64_t until, int64_t now)
{
	int64_t wait = (until - now) / 2, least = (until - now) / 8;

	ask(c, state, now);
	least = least > 60000 ? 60000 : least < 1000 ? 1000 : least;
	if (wait < least)
		wait = least;
	c->due_ms = now + wait < until ? now + wait : until;
	return DHCP_DO_SEND;
}

static void settle(struct dhcp_client *c)
{
	c->state = DHCP_BOUND;
	c->due_ms = c->renew_ms;
	c->tries = 0;
}

static unsigned lose(struct dhcp_client *c, int64_t now)
{
	c->wished = c->lease.yours;
	memset(&c->lease, 0, sizeof(c->lease));
	return c->state == DHCP_OFF ? DHCP_DO_DECONFIGURE : DHCP_DO_DECONFIGURE | discover(c, now);
}

unsigned dhcp_link_up(struct dhcp_client *c, int64_t now)
{
	if (c->state != DHCP_OFF)
		return 0;
	c->since_ms = now;
	if (c->lease.yours != 0 || c->wished != 0)
		return ask(c, DHCP_REBOOTING, now);
	return discover(c, now);
}

unsigned dhcp_link_down(struct dhcp_client *c)
{
	c->state = DHCP_OFF;
	c->due_ms = DHCP_NEVER;
	c->refused = 0;
	return 0;
}

static bool is_for_us(const struct dhcp_client *c, const struct dhcp4 *m)
{
	return m->xid == c->xid && memcmp(m->mac, c->mac, sizeof(c->mac)) == 0;
}

static bool is_usable(const struct dhcp4 *m)
{
	uint32_t top = m->yours >> 24;

	return top != 0 && top != 127 && top < 224 && m->server != 0 && m->lease_s >= DHCP_LEASE_MIN_S;
}

static void take_times(struct dhcp_client *c, int64_t from)
{
	uint64_t all = (uint64_t)c->lease.lease_s * 1000;
	uint64_t t1 = (uint64_t)c->lease.renew_s * 1000, t2 = (uint64_t)c->lease.rebind_s * 1000;

	if (c->lease.lease_s == DHCP4_FOREVER) {
		c->renew_ms = c->rebind_ms = c->expire_ms = DHCP_NEVER;
		return;
	}
	if (t2 == 0 || t2 >= all)
		t2 = all / 8 * 7;
	if (t1 == 0 || t1 >= t2)
		t1 = all / 2 < t2 ? all / 2 : t2 / 2;
	c->renew_ms = from + (int64_t)t1;
	c->rebind_ms = from + (int64_t)t2;
	c->expire_ms = from + (int64_t)all;
}

static unsigned bind_lease(struct dhcp_client *c, const struct dhcp4 *m)
{
	c->lease = *m;
	c->refused = 0;
	c->wished = 0;
	take_times(c, c->asked_ms); /* the server counted from our request at the latest */
	settle(c);
	return DHCP_DO_CONFIGURE;
}

static unsigned be_refused(struct dhcp_client *c, int64_t now)
{
	unsigned todo = c->lease.yours != 0 ? DHCP_DO_DECONFIGURE : 0;

	memset(&c->lease, 0, sizeof(c->lease));
	c->wished = 0;
	if (c->refused++ == 0)
		return todo | discover(c, now);
	c->state = DHCP_INIT;
	c->due_ms = now + backoff_ms(c, c->refused - 1);
	return todo;
}

unsigned dhcp_receive(struct dhcp_client *c, const struct dhcp4 *m, int64_t now)
{
	if (c->state == DHCP_OFF || !is_for_us(c, m))
		return 0;
	switch (c->state) {
	case DHCP_SELECTING:
		if (m->type != DHCP4_OFFER || !is_usable(m))
			return 0;
		c->offer = *m;
		return ask(c, DHCP_REQUESTING, now);
	case DHCP_REQUESTING:
		if (m->server != c->offer.server)
			return 0;
		if (m->type == DHCP4_NAK)
			return be_refused(c, now);
		return m->type == DHCP4_ACK && is_usable(m) ? bind_lease(c, m) : 0;
	case DHCP_REBOOTING:
	case DHCP_RENEWING:
	case DHCP_REBINDING:
		if (m->type == DHCP4_NAK)
			return be_refused(c, now);
		return m->type == DHCP4_ACK && is_usable(m) ? bind_lease(c, m) : 0;
	case DHCP_OFF:
	case DHCP_INIT:
	case DHCP_BOUND:
		return 0;
	}
	return 0;
}

static unsigned reboot_again(struct dhcp_client *c, int64_t now)
{
	if (c->tries < REBOOT_TRIES)
		return ask(c, DHCP_REBOOTING, now);
	if (c->lease.yours == 0)
		return discover(c, now);
	settle(c); /* nobody answers: the lease still lasts */
	return c->due_ms <= now ? dhcp_tick(c, now) : 0;
}

unsigned dhcp_tick(struct dhcp_client *c, int64_t now)
{
	if (c->lease.yours != 0 && now >= c->expire_ms)
		return lose(c, now);
	if (now < c->due_ms)
		return 0;
	switch (c->state) {
	case DHCP_OFF:
		return 0;
	case DHCP_INIT:
	case DHCP_SELECTING:
		return discover(c, now);
	case DHCP_REQUESTING:
		return c->tries < REQUEST_TRIES ? ask(c, DHCP_REQUESTING, now) : discover(c, now);
	case DHCP_REBOOTING:
		return reboot_again(c, now);
	case DHCP_BOUND:
	case DHCP_RENEWING:
		if (now < c->rebind_ms)
			return prolong(c, DHCP_RENEWING, c->rebind_ms, now);
		return prolong(c, DHCP_REBINDING, c->expire_ms, now);
	case DHCP_REBINDING:
		return prolong(c, DHCP_REBINDING, c->expire_ms, now);
	}
	return 0;
}

unsigned dhcp_conflict(struct dhcp_client *c, int64_t now, struct dhcp4 *ret)
{
	*ret = (struct dhcp4){.type = DHCP4_DECLINE, .xid = next_random(c), .requested = c->lease.yours,
			      .server = c->lease.server};
	memcpy(ret->mac, c->mac, sizeof(ret->mac));
	memset(&c->lease, 0, sizeof(c->lease));
	c->state = DHCP_INIT;
	c->due_ms = now + 10000; /* RFC 2131 3.1 (5) */
	return DHCP_DO_DECONFIGURE;
}

bool dhcp_message(struct dhcp_client *c, int64_t now, struct dhcp4 *ret)
{
	int64_t secs = (now - c->since_ms) / 1000;

	*ret = (struct dhcp4){.type = DHCP4_REQUEST, .xid = c->xid,
			      .secs = secs < 0 ? 0 : secs > UINT16_MAX ? UINT16_MAX : (uint16_t)secs};
	memcpy(ret->mac, c->mac, sizeof(ret->mac));
	memcpy(ret->hostname, c->hostname, sizeof(c->hostname));
	switch (c->state) {
	case DHCP_OFF:
	case DHCP_INIT:
	case DHCP_SELECTING:
		ret->type = DHCP4_DISCOVER;
		ret->requested = c->wished;
		return false;
	case DHCP_REQUESTING:
		ret->requested = c->offer.yours;
		ret->server = c->offer.server;
		return false;
	case DHCP_REBOOTING:
		ret->requested = c->lease.yours != 0 ? c->lease.yours : c->wished;
		return false;
	case DHCP_BOUND:
	case DHCP_RENEWING:
		ret->client = c->lease.yours;
		return true;
	case DHCP_REBINDING:
		ret->client = c->lease.yours;
		return false;
	}
	return false;
}

bool dhcp_adopt(struct dhcp_client *c, const struct dhcp4 *ack, int64_t got_ms, int64_t now)
{
	if (ack->type != DHCP4_ACK || !is_usable(ack) || memcmp(ack->mac, c->mac, sizeof(c->mac)) != 0 || got_ms > now)
		return false;
	c->lease = *ack;
	take_times(c, got_ms);
	if (c->expire_ms > now)
		return true;
	memset(&c->lease, 0, sizeof(c->lease));
	c->wished = ack->yours;
	return false;
}

uint8_t dhcp_lease_len(const struct dhcp4 *lease)
{
	uint8_t n = 0;

	if (lease->mask == 0) /* the classes of old */
		return lease->yours >> 31 == 0 ? 8 : lease->yours >> 30 == 2 ? 16 : 24;
	for (uint32_t m = lease->mask; m != 0; m <<= 1)
		n++;
	return n;
}

const char *dhcp_state_text(enum dhcp_state s)
{
	static const char *const text[] = {
		[DHCP_OFF] = "off", [DHCP_INIT] = "waiting", [DHCP_SELECTING] = "selecting",
		[DHCP_REQUESTING] = "requesting", [DHCP_REBOOTING] = "rebooting", [DHCP_BOUND] = "bound",
		[DHCP_RENEWING] = "renewing", [DHCP_REBINDING] = "rebinding",
	};

	return text[s];
}
