/* userctr/network.h - one network as docker knows it: checked from a create body, kept as a JSON record, printed. Pure: the
 * kernel side is the driver's (net_bridge.h), the set of them is nets.h.
 */
#ifndef USERCTR_NETWORK_H
#define USERCTR_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/ip.h"
#include "lib/base/list.h"
#include "userctr/net_bridge.h"

struct buf;
struct err;
struct json;
struct json_doc;
struct json_writer;

#define NETWORK_AUX_MAX	   64
#define NETWORK_RECORD_MAX 65536 /* bytes */

enum network_kind {
	NETWORK_BRIDGE = 1,
	NETWORK_HOST = 2,
	NETWORK_NULL = 3,
};

struct network {
	struct list link;      /* nets.h */
	struct list endpoints; /* connected ones: struct endpoint */
	enum network_kind kind;
	struct net drv;	       /* name and id of every kind; the rest of bridges only */
	char created[32];      /* RFC 3339 */
	bool is_predefined;    /* bridge, host, none */
	bool is_default;       /* bridge: no names, no aliases, no static addresses */
	bool has_subnet;       /* somebody chose it: static addresses are allowed */
	struct ip binding;     /* where ports are published when nothing is said; IP_NONE = everywhere */
	char prefix[IFNAMSIZ]; /* of links inside containers: "eth" */
	struct ip aux[NETWORK_AUX_MAX];
	size_t n_aux;
	struct json_doc *doc;	   /* owned */
	const struct json *record; /* its root */
};

/*
 * Check a create body and write the record of the network it asks for.
 *
 *   id        64 hex digits
 *   created   RFC 3339
 *
 * Errors  -EINVAL (400) -EACCES (403) -ENOENT (404), dockerd's sentences
 */
int network_make(const struct json *body, const char *id, const char *created, struct buf *record, struct err *e);

/* The records of the three that always are. */
void network_make_default(const char *name, const char *id, const char *created, const char *subnet, struct buf *record);

/* From a record. caller owns *ret. Errors: -E_SPEC -ENOMEM */
int network_load(const char *record, size_t len, struct network **ret, struct err *e);
void network_free(struct network *n);

/* The object of list and inspect. endpoints: of each connected container, written by the callback; NULL = {}. */
typedef void network_endpoints_fn(const struct network *n, struct json_writer *w);
void network_print(const struct network *n, struct json_writer *w, network_endpoints_fn *endpoints);

const char *network_driver(const struct network *n); /* "bridge", "host", "null" */
const struct json *network_labels(const struct network *n);

#endif
