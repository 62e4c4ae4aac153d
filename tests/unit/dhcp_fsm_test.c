// SPDX-License-Identifier: Apache-2.0
/* The DHCP client's states: what is sent when, what is taken from whom, when a lease is prolonged and when it is gone. */
#include "tests/unit/test.h"

#include "images/network/dhcp_fsm.h"

#include <string.h>

#define SERVER 0x0a000001
#define GIVEN 0x0a000032

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

static struct dhcp4 from_server(struct dhcp_client *c, enum dhcp4_type type, int64_t now)
{
	struct dhcp4 sent, m = {.type = (uint8_t)type, .server = SERVER, .yours = GIVEN, .mask = 0xffffff00, .lease_s = 1000};

	(void)dhcp_message(c, now, &sent);
	m.xid = sent.xid;
	memcpy(m.mac, mac, sizeof(mac));
	return m;
}

static unsigned give(struct dhcp_client *c, enum dhcp4_type type, int64_t now)
{
	struct dhcp4 m = from_server(c, type, now);

	return dhcp_receive(c, &m, now);
}

static struct dhcp_client bound(int64_t now)
{
	struct dhcp_client c;

	dhcp_init(&c, mac, 7);
	assert_int_equal(dhcp_link_up(&c, now), DHCP_DO_SEND);
	assert_int_equal(give(&c, DHCP4_OFFER, now), DHCP_DO_SEND);
	assert_int_equal(c.state, DHCP_REQUESTING);
	assert_int_equal(give(&c, DHCP4_ACK, now), DHCP_DO_CONFIGURE);
	assert_int_equal(c.state, DHCP_BOUND);
	return c;
}

static void test_to_a_lease(void **state)
{
	(void)state;
	struct dhcp_client c = bound(1000);
	struct dhcp4 m;

	assert_int_equal(c.lease.yours, GIVEN);
	assert_int_equal(c.renew_ms, 501000);
	assert_int_equal(c.rebind_ms, 876000);
	assert_int_equal(c.expire_ms, 1001000);
	assert_int_equal(dhcp_due(&c), c.renew_ms);
	assert_int_equal(dhcp_lease_len(&c.lease), 24);
	assert_int_equal(dhcp_tick(&c, c.renew_ms - 1), 0);
	assert_int_equal(dhcp_tick(&c, c.renew_ms), DHCP_DO_SEND);
	assert_int_equal(c.state, DHCP_RENEWING);
	assert_true(dhcp_message(&c, c.renew_ms, &m)); /* by unicast */
	assert_int_equal(m.client, GIVEN);
	assert_int_equal(m.requested, 0);
	assert_int_equal(m.server, 0);
	int64_t now = c.renew_ms + 1;
	assert_int_equal(give(&c, DHCP4_ACK, now), DHCP_DO_CONFIGURE);
	assert_int_equal(c.expire_ms, 501000 + 1000000); /* counted from the request */
}

static void test_retransmits_with_back_off(void **state)
{
	(void)state;
	struct dhcp_client c;
	int64_t now = 0, waits[9];
	struct dhcp4 m;

	dhcp_init(&c, mac, 99);
	(void)dhcp_link_up(&c, now);
	for (size_t i = 0; i < 9; i++) {
		waits[i] = dhcp_due(&c) - now;
		now = dhcp_due(&c);
		assert_int_equal(dhcp_tick(&c, now), DHCP_DO_SEND);
		assert_int_equal(c.state, DHCP_SELECTING);
	}
	for (size_t i = 0; i < 9; i++) {
		int64_t s = i < 5 ? 2000 << i : 64000;
		assert_in_range(waits[i], s * 3 / 4, s * 5 / 4);
	}
	assert_false(dhcp_message(&c, now, &m));
	assert_int_equal(m.type, DHCP4_DISCOVER);
	assert_int_equal(m.secs, now / 1000);
}

static void test_takes_only_what_is_its_own(void **state)
{
	(void)state;
	struct dhcp_client c;

	dhcp_init(&c, mac, 7);
	struct dhcp4 early = from_server(&c, DHCP4_OFFER, 0);
	assert_int_equal(dhcp_receive(&c, &early, 0), 0); /* off */
	(void)dhcp_link_up(&c, 0);
	struct dhcp4 good = from_server(&c, DHCP4_OFFER, 0), m = good;
	m.xid++;
	assert_int_equal(dhcp_receive(&c, &m, 0), 0);
	m = good;
	m.mac[5]++;
	assert_int_equal(dhcp_receive(&c, &m, 0), 0);
	static const uint32_t bad[] = {0, 0x7f000001, 0xe0000001, 0xffffffff};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		m = good;
		m.yours = bad[i];
		assert_int_equal(dhcp_receive(&c, &m, 0), 0);
	}
	m = good;
	m.server = 0;
	assert_int_equal(dhcp_receive(&c, &m, 0), 0);
	m = good;
	m.lease_s = DHCP_LEASE_MIN_S - 1;
	assert_int_equal(dhcp_receive(&c, &m, 0), 0);
	m = good;
	m.type = DHCP4_ACK;
	assert_int_equal(dhcp_receive(&c, &m, 0), 0);
	assert_int_equal(dhcp_receive(&c, &good, 0), DHCP_DO_SEND);
	m = from_server(&c, DHCP4_ACK, 0);
	m.server++; /* another server's */
	assert_int_equal(dhcp_receive(&c, &m, 0), 0);
	m.type = DHCP4_NAK;
	assert_int_equal(dhcp_receive(&c, &m, 0), 0);
	assert_int_equal(c.state, DHCP_REQUESTING);
}

static void test_server_is_gone(void **state)
{
	(void)state;
	struct dhcp_client c = bound(0);
	bool was_rebinding = false;
	unsigned todo = 0, sent = 0;
	int64_t now = 0;
	struct dhcp4 m;

	while ((todo & DHCP_DO_DECONFIGURE) == 0) {
		assert_true(dhcp_due(&c) > now);
		now = dhcp_due(&c);
		todo = dhcp_tick(&c, now);
		sent += (todo & DHCP_DO_SEND) != 0;
		if (c.state == DHCP_REBINDING) {
			was_rebinding = true;
			assert_false(dhcp_message(&c, now, &m));
			assert_true(now >= 875000);
		}
	}
	assert_true(was_rebinding);
	assert_int_equal(now, 1000000);
	assert_in_range(sent, 5, 40);
	assert_int_equal(c.lease.yours, 0);
	assert_int_equal(c.state, DHCP_SELECTING);
	(void)dhcp_message(&c, now, &m);
	assert_int_equal(m.requested, GIVEN); /* it would like that one again */
}

static void test_link_gone_and_back(void **state)
{
	(void)state;
	struct dhcp_client c = bound(0);
	struct dhcp4 m;

	assert_int_equal(dhcp_link_down(&c), 0);
	assert_int_equal(dhcp_due(&c), 1000000); /* it still runs out */
	assert_int_equal(dhcp_link_up(&c, 5000), DHCP_DO_SEND);
	assert_int_equal(c.state, DHCP_REBOOTING);
	assert_false(dhcp_message(&c, 5000, &m));
	assert_int_equal(m.requested, GIVEN);
	assert_int_equal(m.client, 0);
	assert_int_equal(m.server, 0);
	/* nobody answers: the lease goes on */
	for (int64_t now = 5000; c.state == DHCP_REBOOTING; now = dhcp_due(&c))
		(void)dhcp_tick(&c, now);
	assert_int_equal(c.state, DHCP_BOUND);
	assert_int_equal(c.lease.yours, GIVEN);
	(void)dhcp_link_down(&c);
	assert_int_equal(dhcp_tick(&c, 1000000), DHCP_DO_DECONFIGURE); /* without a link: nothing to send */
	assert_int_equal(dhcp_due(&c), DHCP_NEVER);
}

static void test_refused(void **state)
{
	(void)state;
	struct dhcp_client c = bound(0);

	(void)dhcp_link_down(&c);
	(void)dhcp_link_up(&c, 1000);
	assert_int_equal(give(&c, DHCP4_NAK, 1000), DHCP_DO_DECONFIGURE | DHCP_DO_SEND);
	assert_int_equal(c.state, DHCP_SELECTING);
	int64_t now = 1000, last = 0;
	for (int i = 0; i < 5; i++) { /* offered, and refused when asked for */
		assert_int_equal(give(&c, DHCP4_OFFER, now), DHCP_DO_SEND);
		assert_int_equal(give(&c, DHCP4_NAK, now), 0);
		assert_int_equal(c.state, DHCP_INIT);
		assert_true(dhcp_due(&c) - now > last);
		last = (dhcp_due(&c) - now) * 5 / 4;
		last = last > 40000 ? 40000 : last;
		now = dhcp_due(&c);
		assert_int_equal(dhcp_tick(&c, now), DHCP_DO_SEND);
	}
	assert_true(last > 20000);
}

static void test_times(void **state)
{
	(void)state;
	static const struct {
		uint32_t lease, t1, t2;
		int64_t renew, rebind;
	} all[] = {
		{100, 0, 0, 50000, 87000}, {100, 10, 20, 10000, 20000}, {100, 60, 20, 10000, 20000}, {100, 0, 200, 50000, 87000},
		{100, 200, 0, 50000, 87000}, {DHCP4_FOREVER, 0, 0, DHCP_NEVER, DHCP_NEVER},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct dhcp_client c;
		struct dhcp4 m = {.type = DHCP4_ACK, .server = SERVER, .yours = GIVEN, .lease_s = all[i].lease,
				  .renew_s = all[i].t1, .rebind_s = all[i].t2};
		memcpy(m.mac, mac, sizeof(mac));
		dhcp_init(&c, mac, 1);
		assert_true(dhcp_adopt(&c, &m, 0, 0));
		assert_true(c.renew_ms <= all[i].renew && c.renew_ms > all[i].renew / 2);
		assert_true(c.rebind_ms >= all[i].rebind && c.rebind_ms - all[i].rebind < 1000);
		assert_true(c.renew_ms < c.rebind_ms || c.renew_ms == DHCP_NEVER);
	}
}

static void test_adopts(void **state)
{
	(void)state;
	struct dhcp_client c;
	struct dhcp4 m = {.type = DHCP4_ACK, .server = SERVER, .yours = GIVEN, .lease_s = 100};

	memcpy(m.mac, mac, sizeof(mac));
	dhcp_init(&c, mac, 1);
	assert_false(dhcp_adopt(&c, &m, 0, 100000)); /* it has run out */
	assert_int_equal(c.lease.yours, 0);
	(void)dhcp_link_up(&c, 100000);
	assert_int_equal(c.state, DHCP_REBOOTING); /* but is asked for */
	dhcp_init(&c, mac, 1);
	assert_false(dhcp_adopt(&c, &m, 2000, 1000)); /* of another boot */
	m.mac[0]++;
	assert_false(dhcp_adopt(&c, &m, 0, 1000));
	m.mac[0]--;
	m.type = DHCP4_OFFER;
	assert_false(dhcp_adopt(&c, &m, 0, 1000));
	m.type = DHCP4_ACK;
	assert_true(dhcp_adopt(&c, &m, 0, 1000));
	assert_int_equal(c.lease.yours, GIVEN);
}

static void test_conflict(void **state)
{
	(void)state;
	struct dhcp_client c = bound(0);
	struct dhcp4 m;

	assert_int_equal(dhcp_conflict(&c, 500, &m), DHCP_DO_DECONFIGURE);
	assert_int_equal(m.type, DHCP4_DECLINE);
	assert_int_equal(m.requested, GIVEN);
	assert_int_equal(m.server, SERVER);
	assert_int_equal(dhcp_due(&c), 10500);
	assert_int_equal(dhcp_tick(&c, 10500), DHCP_DO_SEND);
}

static void test_every_state_has_a_name(void **state)
{
	(void)state;
	for (enum dhcp_state s = DHCP_OFF; s <= DHCP_REBINDING; s++)
		assert_non_null(dhcp_state_text(s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_a_lease), cmocka_unit_test(test_retransmits_with_back_off),
		cmocka_unit_test(test_takes_only_what_is_its_own), cmocka_unit_test(test_server_is_gone),
		cmocka_unit_test(test_link_gone_and_back), cmocka_unit_test(test_refused), cmocka_unit_test(test_times),
		cmocka_unit_test(test_adopts), cmocka_unit_test(test_conflict), cmocka_unit_test(test_every_state_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
