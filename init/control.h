/* init/control.h - the control socket: who is connected, and what each still has to be told.
 *
 * Frames and rights are those of lib/codec/ctl.h and docs/control.md.
 */
#ifndef INIT_CONTROL_H
#define INIT_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "init/limits.h"
#include "lib/codec/ctl.h"
#include "lib/loop/loop.h"

struct err;
struct pid1;

struct client {
	struct source source; /* fd owned until gone() */
	struct pid1 *p;
	struct timer idle;
	uint32_t next; /* record of the listing to be sent next */
	uint8_t tag;   /* of the listing being sent; 0 = none */
	bool is_root;
};

struct control {
	struct source listener;
	struct client clients[CLIENTS_MAX];
};

int control_begin(struct pid1 *p, struct err *e);

#endif
