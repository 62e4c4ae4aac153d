// SPDX-License-Identifier: Apache-2.0
/* network/network.json: what is, for whoever asks and for the next process of this service. A lease is in it as it came from
 * the server, and read back by the same parser. */
#include "images/network/network.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/base64.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"

#include <stdio.h>
#include <string.h>

#define STATE_FILE "network.json"

bool iface_is_online(const struct iface *f)
{
	return f->link.has_carrier && (ip_is_set(&f->applied.addr) || (f->conf != NULL && f->conf->addr_count > 0));
}

static void mac_text(const uint8_t mac[6], char out[18])
{
	(void)snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void write_addr4(struct json_writer *w, uint32_t a)
{
	struct ip ip = ip4(a);
	char text[IP_TEXT_MAX];

	jw_str(w, ip_text(&ip, text));
}

static void write_addrs4(struct json_writer *w, const char *key, const uint32_t *a, size_t n)
{
	jw_key(w, key);
	jw_arr(w);
	for (size_t i = 0; i < n; i++)
		write_addr4(w, a[i]);
	jw_end_arr(w);
}

static void write_lease(struct json_writer *w, const struct iface *f)
{
	const struct dhcp4 *l = &f->dhcp.lease;
	owned_buf struct buf ack = BUF_INIT(4096);

	jw_key(w, "lease");
	jw_obj(w);
	jw_key(w, "server");
	write_addr4(w, l->server);
	jw_kuint(w, "seconds", l->lease_s);
	jw_kint(w, "obtained_boottime_ms", f->ack_ms);
	write_addrs4(w, "routers", l->routers, l->router_count);
	write_addrs4(w, "nameservers", l->dns, l->dns_count);
	write_addrs4(w, "ntp", l->ntp, l->ntp_count);
	jw_kstr(w, "domain", l->domain);
	jw_kstr(w, "search", l->search);
	jw_kstr(w, "hostname", l->hostname);
	base64_encode(&ack, f->ack, f->ack_len, BASE64_STD, /* with_padding= */ true);
	jw_kstr(w, "ack", buf_str(&ack));
	jw_end_obj(w);
}

static void write_routes(struct json_writer *w, const struct iface *f)
{
	struct route r[ROUTES_MAX];
	size_t n = apply_wanted(f, r);
	char to[IP_PREFIX_TEXT_MAX], via[IP_TEXT_MAX];

	jw_key(w, "routes");
	jw_arr(w);
	for (size_t i = 0; i < n; i++) {
		jw_obj(w);
		jw_kstr(w, "to", ip_is_set(&r[i].to.addr) ? ip_prefix_text(&r[i].to, to) : "default");
		jw_kstr(w, "via", ip_text(&r[i].via, via));
		jw_kuint(w, "metric", r[i].metric);
		jw_end_obj(w);
	}
	jw_end_arr(w);
}

static void write_link(struct json_writer *w, const struct iface *f)
{
	char text[IP_PREFIX_TEXT_MAX];

	jw_obj(w);
	jw_kstr(w, "name", f->link.name);
	jw_kuint(w, "index", f->link.index);
	mac_text(f->link.mac, text);
	jw_kstr(w, "mac", text);
	jw_kbool(w, "carrier", f->link.has_carrier);
	jw_kuint(w, "mtu", f->link.mtu);
	jw_kstr(w, "dhcp", f->wants_dhcp ? dhcp_state_text(f->dhcp.state) : "no");
	jw_kbool(w, "online", iface_is_online(f));
	jw_key(w, "addresses");
	jw_arr(w);
	for (size_t i = 0; f->conf != NULL && i < f->conf->addr_count; i++)
		jw_str(w, ip_prefix_text(&f->conf->addrs[i], text));
	if (ip_is_set(&f->applied.addr))
		jw_str(w, ip_prefix_text(&f->applied, text));
	jw_end_arr(w);
	write_routes(w, f);
	if (f->dhcp.lease.yours != 0 && f->ack_len > 0)
		write_lease(w, f);
	jw_end_obj(w);
}

static void write_names(struct json_writer *w, const struct network *n)
{
	struct ip dns[NET_CONF_DNS_MAX];
	size_t count = names_dns(n, dns);
	char search[DHCP4_SEARCH_MAX], text[IP_TEXT_MAX], host[65] = "";

	(void)names_host(host); /* a default is a name too */
	jw_kstr(w, "hostname", host);
	jw_key(w, "nameservers");
	jw_arr(w);
	for (size_t i = 0; i < count; i++)
		jw_str(w, ip_text(&dns[i], text));
	jw_end_arr(w);
	names_search(n, search, sizeof(search));
	jw_kstr(w, "search", search);
}

void state_write(struct network *n)
{
	owned_buf struct buf b = BUF_INIT(STATE_MAX);
	struct json_writer w;
	bool is_online = false;
	struct err e;

	list_for_each(it, &n->ifaces)
		is_online |= iface_is_online(owner_of(it, struct iface, node));
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kbool(&w, "online", is_online);
	write_names(&w, n);
	jw_key(&w, "links");
	jw_arr(&w);
	list_for_each(it, &n->ifaces)
		write_link(&w, owner_of(it, struct iface, node));
	jw_end_arr(&w);
	jw_end_obj(&w);
	buf_putc(&b, '\n');
	if (buf_error(&b) != 0 || file_replace(n->state_fd, STATE_FILE, buf_str(&b), b.len, 0644, &e) < 0)
		log_error(SUB, "state: %s", buf_error(&b) != 0 ? "too large" : e.msg);
}

static bool adopt_from(struct iface *f, const struct json *lease)
{
	owned_buf struct buf ack = BUF_INIT(DHCP4_MESSAGE_MAX);
	const struct json *text = json_get(lease, "ack");
	struct dhcp4 m;

	if (json_str(text) == NULL ||
	    base64_decode(&ack, json_str(text), json_str_len(text), BASE64_STD, NULL) < 0 ||
	    dhcp4_parse(buf_str(&ack), ack.len, &m) < 0)
		return false;
	int64_t got = json_int(json_get(lease, "obtained_boottime_ms"), INT64_MAX);
	if (!dhcp_adopt(&f->dhcp, &m, got, boot_ms()))
		return false;
	memcpy(f->ack, ack.data, ack.len);
	f->ack_len = ack.len;
	f->ack_ms = got;
	f->applied = (struct ip_prefix){.addr = ip4(m.yours), .len = dhcp_lease_len(&m)};
	return true;
}

bool state_adopt(struct iface *f)
{
	owned_buf struct buf b = BUF_INIT(STATE_MAX);
	struct json_doc *d = NULL;
	bool done = false;
	char mac[18];

	if (file_read(f->n->state_fd, STATE_FILE, &b, NULL) < 0 || json_parse(buf_str(&b), b.len, &d, NULL) < 0)
		return false; /* the first process of this boot */
	mac_text(f->link.mac, mac);
	struct json_iter it = json_iter(json_get(json_root(d), "links"));
	while (!done && json_next(&it))
		if (strcmp(json_str_or(json_get(it.value, "name"), ""), f->link.name) == 0 &&
		    strcmp(json_str_or(json_get(it.value, "mac"), ""), mac) == 0)
			done = adopt_from(f, json_get(it.value, "lease"));
	json_free(d);
	return done;
}
