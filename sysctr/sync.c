// SPDX-License-Identifier: Apache-2.0
/* Messages between the creating process and the stage. */
#include "sysctr/internal.h"

#include "lib/base/err.h"
#include "lib/sys/unixsock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int sync_send(int fd, enum sync_tag tag, int value, const struct err *e, int pass_fd)
{
	struct sync_msg m = {.tag = tag, .value = value};

	if (e != NULL) {
		m.code = e->code;
		(void)snprintf(m.text, sizeof(m.text), "%.507s", e->msg);
	}
	ssize_t r = unixsock_send(fd, &m, sizeof(m), &pass_fd, pass_fd >= 0 ? 1 : 0, 0);
	return r < 0 ? (int)r : 0;
}

int sync_recv(int fd, struct sync_msg *ret, int *ret_fd, struct err *e)
{
	size_t nfds = 0;
	int got = -1;

	*ret_fd = -1;
	ssize_t r = unixsock_recv(fd, ret, sizeof(*ret), &got, 1, &nfds, 0);
	if (r == 0 || r == -ECONNRESET)
		return 0;
	if (r < 0)
		return err_set(e, (int)-r, "read from the container's first process");
	if (r != (ssize_t)sizeof(*ret)) {
		if (nfds > 0)
			close(got);
		return err_set(e, EPROTO, "message of the container's first process");
	}
	if (nfds > 0)
		*ret_fd = got;
	if (ret->tag == SYNC_FAILED) {
		ret->text[sizeof(ret->text) - 1] = '\0';
		return err_say(e, ret->code, "%s", ret->text);
	}
	return ret->tag;
}
