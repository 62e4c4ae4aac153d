// SPDX-License-Identifier: Apache-2.0
/* Sending and checking the helper's messages. */
#include "lib/image/load_msg.h"

#include "lib/sys/unixsock.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int load_msg_send(int fd, struct load_msg *m, const void *text, size_t len)
{
	if (len >= LOAD_TEXT_MAX)
		return -EMSGSIZE;
	if (len > 0)
		memmove(m->text, text, len);
	m->text_len = (uint32_t)len;
	ssize_t n = unixsock_send(fd, m, LOAD_MSG_HEAD + len, NULL, 0, 0);
	return n < 0 ? (int)n : 0;
}

int load_msg_recv(int fd, struct load_msg *m, int flags)
{
	size_t fds = 0;

	ssize_t n = unixsock_recv(fd, m, sizeof(*m) - 1, NULL, 0, &fds, flags);
	if (n <= 0)
		return (int)n;
	if ((size_t)n < LOAD_MSG_HEAD || m->text_len != (size_t)n - LOAD_MSG_HEAD)
		return -EPROTO;
	m->text[m->text_len] = '\0';
	return 1;
}
