// SPDX-License-Identifier: Apache-2.0
/* Giving a connection away: attach and exec talk raw bytes over the client's own socket. */
#include "userctr/conn.h"
#include "userctr/req.h"

#include "lib/base/owned.h"
#include "userctr/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

/* The head goes out in a write of its own: naive clients lose what comes with it. */
static int send_head(struct conn *c, bool upgrade, const char *type)
{
	struct buf head = BUF_INIT(1024);

	if (upgrade) {
		buf_printf(&head,
			   "HTTP/1.1 101 UPGRADED\r\nContent-Type: %s\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
			   "Api-Version: 1.%d\r\nDocker-Experimental: false\r\nOstype: linux\r\n"
			   "Server: Docker/%s (linux)\r\n\r\n",
			   type, API_MINOR_MAX, SLIPWAY_VERSION);
	} else {
		buf_printf(&head, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n", TYPE_RAW_STREAM);
	}
	ssize_t n = buf_error(&head) < 0 ? -1
					 : send(c->s.fd, head.data, head.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	/* a fresh socket takes 200 bytes; one that does not is not worth waiting for */
	int r = n == (ssize_t)head.len ? 0 : -EPIPE;
	buf_release(&head);
	return r;
}

int hijack(struct req *q, const char *type)
{
	struct conn *c = q->conn;
	owned_fd int fd = -1;

	if (c != NULL) {
		conn_flush(c);
		fd = conn_backlog(c) == 0 && send_head(c, q->want_upgrade, type) == 0
			     ? fcntl(c->s.fd, F_DUPFD_CLOEXEC, 3)
			     : -1;
		(void)conn_forget(c);
		conn_drop(c);
	}
	req_free(q);
	return fd < 0 ? -EPIPE : take_fd(fd);
}
