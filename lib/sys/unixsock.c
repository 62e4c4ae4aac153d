// SPDX-License-Identifier: Apache-2.0
/* Unix sockets and descriptor passing. */
#include "lib/sys/unixsock.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A path that is too long for an address is named through its folder, which *ret_dir then holds open. */
static int address(const char *path, struct sockaddr_un *a, int *ret_dir, struct err *e)
{
	const char *base = strrchr(path, '/');
	char dir[PATH_MAX];

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) < sizeof(a->sun_path)) {
		strcpy(a->sun_path, path);
		return 0;
	}
	size_t n = base != NULL ? (size_t)(base - path) : 0;
	if (n == 0 || n >= sizeof(dir) || strlen(base) + 32 >= sizeof(a->sun_path))
		return err_set(e, ENAMETOOLONG, "socket '%s'", path);
	memcpy(dir, path, n);
	dir[n] = '\0';
	*ret_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return err_set(e, errno, "folder of socket '%s'", path);
	(void)snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d%s", *ret_dir, base); /* measured above */
	return 0;
}

int unixsock_listen(const char *path, int type, mode_t mode, struct err *e)
{
	struct sockaddr_un a;
	struct stat st;
	owned_fd int dir = -1;

	int r = address(path, &a, &dir, e);
	if (r < 0)
		return r;
	owned_fd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, errno, "socket '%s'", path);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path); /* bind() below says what is wrong when this did not help */
	/* the mode is set before listen(): until then nobody can connect */
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_set(e, errno, "bind socket '%s'", path);
	if (chmod(path, mode) < 0)
		return err_set(e, errno, "set mode of socket '%s'", path);
	if ((type & 0xf) != SOCK_DGRAM && listen(fd, 128) < 0)
		return err_set(e, errno, "listen on socket '%s'", path);
	return take_fd(fd);
}

int unixsock_connect(const char *path, int type, struct err *e)
{
	struct sockaddr_un a;
	owned_fd int dir = -1;

	int r = address(path, &a, &dir, e);
	if (r < 0)
		return r;
	owned_fd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, errno, "socket '%s'", path);
	do
		r = connect(fd, (struct sockaddr *)&a, sizeof(a));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_set(e, errno, "connect to '%s'", path);
	return take_fd(fd);
}

int unixsock_peer(int fd, struct ucred *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &len) < 0 ? -errno : 0;
}

ssize_t unixsock_send(int fd, const void *p, size_t n, const int *fds, size_t nfds, int flags)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(UNIXSOCK_MAX_FDS * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t r;

	if (nfds > UNIXSOCK_MAX_FDS)
		return -EINVAL;
	if (nfds > 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	do
		r = sendmsg(fd, &m, flags | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

ssize_t unixsock_recv(int fd, void *p, size_t n, int *fds, size_t max_fds, size_t *ret_nfds, int flags)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(UNIXSOCK_MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = p, .iov_len = n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	size_t got = 0;
	ssize_t r;

	do
		r = recvmsg(fd, &m, flags | MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int one;
			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (got < max_fds && (m.msg_flags & MSG_TRUNC) == 0)
				fds[got++] = one;
			else
				close(one);
		}
	}
	if (ret_nfds != NULL)
		*ret_nfds = got;
	return (m.msg_flags & MSG_TRUNC) != 0 ? -EMSGSIZE : r;
}
