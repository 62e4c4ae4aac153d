/* lib/sys/unixsock.h - unix sockets, and descriptors sent over them. All sockets are CLOEXEC. */
#ifndef SYS_UNIXSOCK_H
#define SYS_UNIXSOCK_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

struct err;

#define UNIXSOCK_MAX_FDS 8

/*
 * Listen at path, replacing a stale socket there (never another kind of file).
 *
 *   type     SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM (bound only), may be or-ed with SOCK_NONBLOCK
 *   mode     permissions of the socket file
 *
 * Returns  the descriptor, caller owns
 */
int unixsock_listen(const char *path, int type, mode_t mode, struct err *e);

/* Connect to path. Returns the descriptor. Errors: -ENOENT, -ECONNREFUSED nobody listens. Blocks: no (backlog full: -EAGAIN). */
int unixsock_connect(const char *path, int type, struct err *e);

/* Credentials of the peer (SO_PEERCRED). Returns 0 or -errno. */
int unixsock_peer(int fd, struct ucred *ret);

/* Send one message with nfds descriptors. Returns bytes sent or -errno. MSG_NOSIGNAL is added. */
ssize_t unixsock_send(int fd, const void *p, size_t n, const int *fds, size_t nfds, int flags);

/*
 * Receive one message; descriptors arrive CLOEXEC.
 *
 *   fds, max_fds   room for descriptors; surplus ones are closed
 *   ret_nfds       how many arrived; caller owns them
 *
 * Returns  bytes (0: end), or -errno; -EMSGSIZE when the message did not fit (descriptors are closed then)
 */
ssize_t unixsock_recv(int fd, void *p, size_t n, int *fds, size_t max_fds, size_t *ret_nfds, int flags);

#endif
