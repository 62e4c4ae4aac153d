// SPDX-License-Identifier: Apache-2.0
/* Port bindings: keys "80/tcp" and lists of {HostIp, HostPort}. */
#include "userctr/port_spec.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	uint8_t proto;
} protos[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};

const char *port_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < countof(protos); i++)
		if (protos[i].proto == proto)
			return protos[i].name;
	return "?";
}

/* Digits up to `end`, at most 65535. Returns the number or -1. */
static int number(const char *s, const char *end)
{
	int v = 0;

	if (s == end || end - s > 5)
		return -1;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		v = v * 10 + (*s - '0');
	}
	return v <= 65535 ? v : -1;
}

int port_parse(const char *s, uint16_t *ret_low, uint16_t *ret_high, uint8_t *ret_proto)
{
	const char *slash = strchr(s, '/'), *end = slash != NULL ? slash : s + strlen(s);
	const char *dash = memchr(s, '-', (size_t)(end - s));
	uint8_t proto = slash == NULL ? IPPROTO_TCP : 0;

	for (size_t i = 0; slash != NULL && i < countof(protos); i++)
		if (strcasecmp(slash + 1, protos[i].name) == 0)
			proto = protos[i].proto;
	int low = number(s, dash != NULL ? dash : end), high = dash != NULL ? number(dash + 1, end) : low;
	if (proto == 0 || low < 0 || high < low)
		return -EINVAL;
	*ret_low = (uint16_t)low;
	*ret_high = (uint16_t)high;
	*ret_proto = proto;
	return 0;
}

static int refuse(const char *s, struct err *e)
{
	return err_say(e, EINVAL, "invalid port specification: \"%.100s\"", s);
}

static int add(struct port_specs *p, const struct port_spec *s, struct err *e)
{
	if (p->n == PORTS_MAX)
		return err_say(e, E_LIMIT, "more than %d ports of one container", PORTS_MAX);
	if (p->n % 16 == 0) {
		struct port_spec *more = realloc(p->v, (p->n + 16) * sizeof(*more));
		if (more == NULL)
			return err_set(e, ENOMEM, "ports");
		p->v = more;
	}
	p->v[p->n++] = *s;
	return 0;
}

static int add_binding(struct port_specs *p, struct port_spec s, const struct json *b, struct err *e)
{
	const char *ip = json_str_or(json_iget(b, "HostIp"), ""), *port = json_str_or(json_iget(b, "HostPort"), "");
	uint8_t proto;

	s.is_bound = true;
	s.low = s.high = 0;
	if (*port != '\0' && (strchr(port, '/') != NULL || port_parse(port, &s.low, &s.high, &proto) < 0))
		return refuse(port, e);
	if (*ip != '\0' && ip_parse(ip, strlen(ip), &s.host_ip) < 0)
		return err_say(e, EINVAL, "invalid IP address in HostIp: '%.100s'", ip);
	if (s.host_ip.family == IP_V6)
		return err_say(e, EINVAL, "HostIp '%s': ports cannot be published on addresses of IP version 6", ip);
	return add(p, &s, e);
}

/* Members by port. What is no object has none of them: a list's elements would come without a key. */
static int members(const struct json *v, const char *name, struct json_iter *ret, struct err *e)
{
	if (v != NULL && json_type(v) != JSON_OBJ && json_type(v) != JSON_NULL)
		return err_say(e, EINVAL, "%s is not an object", name);
	*ret = json_iter(v);
	return 0;
}

static int add_bindings(struct port_specs *p, const struct json *bindings, struct err *e)
{
	struct json_iter it;
	int r = members(bindings, "PortBindings", &it, e);

	while (r == 0 && json_next(&it)) {
		struct port_spec s = {0};
		uint16_t high;
		if (port_parse(it.key, &s.port, &high, &s.proto) < 0 || high != s.port || s.port == 0)
			return refuse(it.key, e);
		struct json_iter of = json_iter(it.value);
		if (json_len(it.value) == 0) { /* "80/tcp": [] asks for any port */
			s.is_bound = true;
			r = add(p, &s, e);
		}
		while (r == 0 && json_next(&of))
			r = add_binding(p, s, of.value, e);
	}
	return r;
}

static bool has(const struct port_specs *p, uint8_t proto, unsigned port)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].proto == proto && p->v[i].port == port)
			return true;
	return false;
}

static int add_exposed(struct port_specs *p, const struct json *exposed, bool publish_all, struct err *e)
{
	struct json_iter it;
	int r = members(exposed, "ExposedPorts", &it, e);

	while (r == 0 && json_next(&it)) {
		struct port_spec s = {.is_bound = publish_all};
		uint16_t low, high;
		if (port_parse(it.key, &low, &high, &s.proto) < 0 || low == 0)
			return refuse(it.key, e);
		for (unsigned port = low; r == 0 && port <= high; port++) {
			s.port = (uint16_t)port;
			if (!has(p, s.proto, port))
				r = add(p, &s, e);
		}
	}
	return r;
}

/* Few and mostly sorted already: insertion, which keeps the order of equals. */
static void sort(struct port_specs *p)
{
	for (size_t i = 1; i < p->n; i++) {
		struct port_spec s = p->v[i];
		size_t k = i;
		for (; k > 0 && (p->v[k - 1].port > s.port || (p->v[k - 1].port == s.port && p->v[k - 1].proto > s.proto)); k--)
			p->v[k] = p->v[k - 1];
		p->v[k] = s;
	}
}

int port_specs_make(const struct json *exposed, const struct json *bindings, bool publish_all, struct port_specs *ret,
		    struct err *e)
{
	struct port_specs p = {0};

	int r = add_bindings(&p, bindings, e);
	if (r == 0)
		r = add_exposed(&p, exposed, publish_all, e);
	if (r < 0) {
		port_specs_release(&p);
		return r;
	}
	sort(&p);
	*ret = p;
	return 0;
}

void port_specs_release(struct port_specs *p)
{
	free(p->v);
	*p = (struct port_specs){0};
}
