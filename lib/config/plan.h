/* lib/config/plan.h - the configuration as a list of typed operations: what the unprivileged part of cloud-init gives to the
 * privileged one. JSON:
 *
 *   {"instance": "iid",  ""  when no datasource names one
 *    "source": "nocloud '/dev/vdb'",
 *    "config": "...",    the datasource's cloud-config as one YAML text
 *    "arguments": "slipway.hostname=a slipway.network...",    for the services that read the command line
 *    "services": ["network"],                                  those that these concern
 *    "operations": [{"op": "key", "user": "slipway", "line": "ssh-ed25519 ..."},
 *                   {"op": "user", "name", "uid"(0: any), "gecos", "home", "shell", "hash"},
 *                   {"op": "file", "path", "owner", "mode", "append", "defer", "content"(base64)},
 *                   {"op": "mount", "what", "where", "type", "options"},
 *                   {"op": "command", "when": "boot"|"always"|"instance", "words": [...]},
 *                   {"op": "script", "when": "boot"|"instance", "content"(base64)},
 *                   {"op": "power", "mode": "reboot", "message"}],
 *    "messages": ["FILE:LINE: ..."]}
 */
#ifndef CONFIG_PLAN_H
#define CONFIG_PLAN_H

#include "lib/base/buf.h"

struct err;
struct layers;

#define PLAN_MAX	  ((size_t)6 << 20)
#define PLAN_MESSAGES_MAX 200
#define PLAN_KEY_MAX	  16384 /* of an authorized_keys line */

struct plan_in {
	struct layers *layers; /* the machine's own, the command line last; documents of the datasource are put before it */
	const char *source;    /* "" without a datasource */
	/* as read; empty when not there */
	struct buf user_data, vendor_data, meta_data, network_config;
};

/*
 * Append the plan. Whatever is wrong in the input becomes a message in it.
 *
 * Errors   -ENOMEM   -E_LIMIT
 */
int plan_make(struct plan_in *in, struct buf *out, struct err *e);

#endif
