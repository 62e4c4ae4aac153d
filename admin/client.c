// SPDX-License-Identifier: Apache-2.0
/* Requests to PID 1, one at a time. */
#include "admin/client.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/unixsock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define PATIENCE_S 10

int client_open(struct err *e)
{
	const char *path = getenv("SLIPWAY_CONTROL");
	struct timeval patience = {.tv_sec = PATIENCE_S};

	owned_fd int fd = unixsock_connect(path != NULL && *path != '\0' ? path : CTL_SOCKET, SOCK_SEQPACKET, e);
	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return err_set(e, errno, "set time-out of the control socket");
	return take_fd(fd);
}

int client_ask(int fd, enum ctl_tag tag, const void *payload, size_t len, ctl_each_fn *each, void *ctx,
	       char ret_text[CTL_FRAME_MAX], struct err *e)
{
	unsigned char frame[CTL_FRAME_MAX];
	const unsigned char *body;
	struct ctl_head h;

	ssize_t n = unixsock_send(fd, frame, ctl_frame(frame, tag, 0, 0, payload, len), NULL, 0, 0);
	if (n < 0)
		return err_set(e, (int)-n, "send to PID 1");
	for (;;) {
		n = unixsock_recv(fd, frame, sizeof(frame), NULL, 0, NULL, 0);
		if (n < 0)
			return err_set(e, n == -EAGAIN ? ETIMEDOUT : (int)-n, "receive from PID 1");
		if (n == 0)
			return err_say(e, EPIPE, "PID 1 closed the connection");
		if (ctl_parse_reply(frame, (size_t)n, tag, &h, &body) < 0)
			return err_set(e, EPROTO, "answer of PID 1");
		if ((h.flags & CTL_LAST) != 0)
			break;
		if (each != NULL && h.len > 0)
			each(ctx, body, h.len);
	}
	if (h.code != 0)
		return err_say(e, h.code, "%.*s", (int)h.len, (const char *)body);
	if (ret_text != NULL) {
		memcpy(ret_text, body, h.len);
		ret_text[h.len] = '\0';
	}
	return 0;
}
