// SPDX-License-Identifier: Apache-2.0
/* DHCP on one link: carries messages and time to the state machine and does what it asks for. */
#include "images/network/network.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define VENDOR "slipway"
#define BATCH 32

static void act(struct iface *f, unsigned todo);

int64_t boot_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The loop's clock stands still in sleep, the lease's does not: what is due is looked at again after a minute at most. */
static void arm(struct iface *f)
{
	int64_t due = dhcp_due(&f->dhcp), wait;

	if (due == DHCP_NEVER) {
		timer_disarm(&f->n->loop, &f->due);
		return;
	}
	wait = due - boot_ms();
	wait = wait < 0 ? 0 : wait > 60000 ? 60000 : wait;
	timer_arm(&f->n->loop, &f->due, clock_mono_ms() + wait);
}

static void on_due(struct timer *t)
{
	struct iface *f = owner_of(t, struct iface, due);

	act(f, dhcp_tick(&f->dhcp, boot_ms()));
}

static void on_packet(struct source *s, uint32_t events)
{
	struct iface *f = owner_of(s, struct iface, packet);
	uint8_t buf[2048];
	const uint8_t *p;
	struct dhcp4 m;
	size_t len;
	int r;

	(void)events;
	for (int i = 0; i < BATCH && (r = packet_receive(s->fd, buf, sizeof(buf), &p, &len)) >= 0; i++) {
		if (r == 0 || len > sizeof(f->ack) || dhcp4_parse(p, len, &m) < 0)
			continue;
		unsigned todo = dhcp_receive(&f->dhcp, &m, boot_ms());
		if (m.type == DHCP4_NAK && todo != 0)
			log_info(SUB, "%s: refused by the server%s%s%s", f->link.name, m.text[0] ? ": '" : "", m.text,
				 m.text[0] ? "'" : "");
		if (todo & DHCP_DO_CONFIGURE) {
			memcpy(f->ack, p, len);
			f->ack_len = len;
			f->ack_ms = f->dhcp.asked_ms;
		}
		if (todo != 0)
			act(f, todo);
	}
}

static void send_message(struct iface *f)
{
	uint8_t out[DHCP4_MESSAGE_MAX];
	struct dhcp4 m;
	struct err e;
	int r = -1;

	bool is_unicast = dhcp_message(&f->dhcp, boot_ms(), &m);
	size_t len = dhcp4_write(&m, VENDOR, out);
	log_debug(SUB, "%s: %s", f->link.name, dhcp_state_text(f->dhcp.state));
	if (is_unicast && f->udp >= 0)
		r = packet_unicast(f->udp, f->dhcp.lease.server, out, len, &e);
	if (r < 0)
		r = packet_broadcast(f->packet.fd, f->link.index, out, len, &e);
	if (r < 0) /* it is sent again in any case */
		log_debug(SUB, "%s: %s", f->link.name, e.msg);
}

static void act(struct iface *f, unsigned todo)
{
	if (todo & DHCP_DO_DECONFIGURE) {
		f->ack_len = 0;
		apply_no_lease(f);
	}
	if (todo & DHCP_DO_CONFIGURE)
		apply_lease(f);
	if ((todo & DHCP_DO_SEND) && f->packet.fd >= 0)
		send_message(f);
	if (todo != 0)
		f->n->want_state = true;
	arm(f);
}

static void close_packet(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void lease_begin(struct iface *f)
{
	uint32_t seed = 0;

	/* without randomness the address and the time must do */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint32_t)boot_ms() ^ (uint32_t)f->link.mac[5] << 24 ^ (uint32_t)f->link.mac[4] << 16;
	f->udp = f->packet.fd = -1;
	f->due.fire = on_due;
	dhcp_init(&f->dhcp, f->link.mac, seed);
	if (!f->wants_dhcp)
		return;
	if (!state_adopt(f)) {
		apply_adopted(f);
		return;
	}
	log_info(SUB, "%s: goes on with the lease of a former process", f->link.name);
	apply_lease(f);
}

void lease_up(struct iface *f)
{
	struct err e;

	if (!f->wants_dhcp || f->dhcp.state != DHCP_OFF)
		return;
	if (f->packet.fd < 0) {
		int fd = packet_open(f->link.index, &e);
		f->packet = (struct source){.fd = fd, .name = "dhcp", .ready = on_packet};
		if (fd < 0 || loop_add(&f->n->loop, &f->packet, EPOLLIN, &e) < 0) {
			log_error(SUB, "%s: no DHCP: %s", f->link.name, e.msg);
			close_packet(&f->packet);
			return;
		}
		f->udp = packet_hold_port(f->link.name, &e);
		if (f->udp < 0)
			log_warn(SUB, "%s: leases are renewed by broadcast: %s", f->link.name, e.msg);
	}
	if (!names_host(f->dhcp.hostname))
		f->dhcp.hostname[0] = '\0';
	act(f, dhcp_link_up(&f->dhcp, boot_ms()));
}

void lease_down(struct iface *f)
{
	if (f->wants_dhcp)
		act(f, dhcp_link_down(&f->dhcp));
}

/* The last call ever made on the link. */
static void gone(struct source *s)
{
	struct iface *f = owner_of(s, struct iface, packet);

	close_packet(s);
	free(f);
}

void lease_end(struct iface *f)
{
	timer_disarm(&f->n->loop, &f->due);
	if (f->udp >= 0)
		close(f->udp);
	f->udp = -1;
	f->packet.gone = gone;
	if (f->packet.fd >= 0)
		loop_remove(&f->packet); /* perhaps in the middle of its batch */
	else
		gone(&f->packet);
}
