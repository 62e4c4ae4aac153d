/* userctr/port_spec.h - published and exposed ports as a container asks for them. Pure. */
#ifndef USERCTR_PORT_SPEC_H
#define USERCTR_PORT_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/ip.h"

struct err;
struct json;

#define PORTS_MAX 4096 /* of one container, exposed or bound */

/* One that is asked for; also one that is only exposed (is_bound false). */
struct port_spec {
	uint8_t proto; /* IPPROTO_TCP, UDP, SCTP */
	uint16_t port;
	bool is_bound;
	struct ip host_ip;  /* IP_NONE: the network's choice */
	uint16_t low, high; /* of the host, both included; 0 = any that is free */
};

struct port_specs {
	struct port_spec *v; /* owned; sorted by port and protocol, in the order asked for within one */
	size_t n;
};

/*
 * From Config.ExposedPorts, HostConfig.PortBindings and PublishAllPorts.
 *
 * Errors  -EINVAL "invalid port specification: ..."   -E_LIMIT   -ENOMEM
 */
int port_specs_make(const struct json *exposed, const struct json *bindings, bool publish_all, struct port_specs *ret,
		    struct err *e);
void port_specs_release(struct port_specs *p);

/* Parse "80", "80/tcp", "8000-8010/udp". Returns 0 or -EINVAL. */
int port_parse(const char *s, uint16_t *ret_low, uint16_t *ret_high, uint8_t *ret_proto);

const char *port_proto_name(uint8_t proto); /* "tcp", "udp", "sctp" */

#endif
