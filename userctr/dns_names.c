// SPDX-License-Identifier: Apache-2.0
/* What a container's name server knows by itself: the containers of the networks it is in. */
#include "userctr/dns_internal.h"

#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/nets.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct search {
	const char *name;
	size_t len;
	bool is_known;
	struct ip found[DNS_PEERS_MAX];
	size_t n;
};

static bool has_names(const struct endpoint *ep)
{
	return ep->net != NULL && ep->net->kind == NETWORK_BRIDGE && !ep->net->is_default;
}

static bool is_name(const char *name, void *arg)
{
	const struct search *s = arg;

	return strlen(name) == s->len && strncasecmp(name, s->name, s->len) == 0;
}

static void add(struct search *s, const struct ip *ip)
{
	s->is_known = true;
	for (size_t i = 0; i < s->n; i++)
		if (ip_equal(&s->found[i], ip))
			return;
	if (s->n < DNS_PEERS_MAX)
		s->found[s->n++] = *ip;
}

static void search_network(const struct network *net, struct search *s)
{
	list_for_each(it, &net->endpoints) {
		const struct endpoint *peer = owner_of(it, struct endpoint, link);
		if (endpoint_names(peer->owner, peer, is_name, s))
			add(s, &peer->at.ip);
	}
}

/* "container:alias": a name that only this container has for another. */
static void search_links(const struct endpoint *ep, struct search *s)
{
	struct json_iter it = json_iter(json_get(ep->conf, "Links"));

	while (json_next(&it)) {
		const char *link = json_str_or(it.value, ""), *colon = strchr(link, ':');
		const char *alias = colon != NULL ? colon + 1 : link;
		if (!is_name(alias, s))
			continue;
		struct search target = {.name = link, .len = colon != NULL ? (size_t)(colon - link) : strlen(link)};
		search_network(ep->net, &target);
		for (size_t i = 0; i < target.n; i++)
			add(s, &target.found[i]);
	}
}

/* A name, also with the network's behind it: "web", "web.gnet". */
static void find(const struct ctr_net *n, const char *name, struct search *s)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < n->n_eps; i++) {
		const struct endpoint *ep = n->eps[i];
		if (!has_names(ep))
			continue;
		s->name = name;
		s->len = len;
		search_links(ep, s);
		search_network(ep->net, s);
		size_t tail = strlen(ep->net_name);
		if (len > tail + 1 && name[len - tail - 1] == '.' && strcasecmp(name + len - tail, ep->net_name) == 0) {
			s->len = len - tail - 1;
			search_network(ep->net, s);
		}
	}
}

/* The container with this address, as "name.network". */
static bool find_address(const struct ctr_net *n, const struct ip *ip, char *out, size_t size)
{
	for (size_t i = 0; i < n->n_eps; i++) {
		if (!has_names(n->eps[i]))
			continue;
		list_for_each(it, &n->eps[i]->net->endpoints) {
			const struct endpoint *peer = owner_of(it, struct endpoint, link);
			if (!ip_equal(&peer->at.ip, ip))
				continue;
			int len = snprintf(out, size, "%s.%s", peer->owner->name, n->eps[i]->net_name);
			return len > 0 && (size_t)len < size;
		}
	}
	return false;
}

/* Another one first each time, so that a name of several is shared among them. */
static void rotate(struct search *s, unsigned by)
{
	struct ip old[DNS_PEERS_MAX];

	memcpy(old, s->found, sizeof(old));
	for (size_t i = 0; i < s->n; i++)
		s->found[i] = old[(i + by) % s->n];
}

size_t dns_answer_own(const struct ctr_net *n, const uint8_t *query, const struct dns_query *q, uint8_t *out, size_t size)
{
	struct search s = {0};
	char name[DNS_NAME_MAX];
	struct ip ip;

	if (!q->is_plain || q->name[0] == '\0')
		return 0;
	if (q->type == DNS_PTR)
		return dns_name_to_ip4(q->name, &ip) && find_address(n, &ip, name, sizeof(name)) ?
			       dns_put_name(query, q, name, DNS_TTL_S, out, size) :
			       0;
	find(n, q->name, &s);
	if (!s.is_known)
		return 0;
	if (q->type != DNS_A && q->type != DNS_ANY)
		return dns_put_code(query, q, DNS_OK, out, size);
	if (s.n > 1)
		rotate(&s, q->id);
	return dns_put_ip4(query, q, s.found, s.n, DNS_TTL_S, out, size);
}
