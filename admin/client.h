/* admin/client.h - the other side of PID 1's control socket. */
#ifndef ADMIN_CLIENT_H
#define ADMIN_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/codec/ctl.h"

struct err;

/* Called with the payload of each frame but the last; an empty frame says nothing and is not passed on. */
typedef void ctl_each_fn(void *ctx, const void *payload, size_t len);

/*
 * Connect to PID 1. The environment variable SLIPWAY_CONTROL names another socket.
 *
 * Returns  the descriptor, caller owns
 * Errors   -ENOENT -ECONNREFUSED -EACCES nobody there
 */
int client_open(struct err *e);

/*
 * Send one request and take its whole answer.
 *
 *   each      may be NULL
 *   ret_text  room for the last frame's text, NUL-ended; may be NULL
 *
 * Returns  0
 * Errors   the one PID 1 answers with, its sentence in e   -EPROTO
 * Blocks   until PID 1 answers, at most 10 s
 */
int client_ask(int fd, enum ctl_tag tag, const void *payload, size_t len, ctl_each_fn *each, void *ctx,
	       char ret_text[CTL_FRAME_MAX], struct err *e);

#endif
