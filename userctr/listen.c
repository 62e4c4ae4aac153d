// SPDX-License-Identifier: Apache-2.0
/* The addresses of the API: unix sockets for the docker group, TCP where it was asked for. A socket that the service manager
 * holds for us (LISTEN_FDS) is used as it is: who comes while no daemon is there waits in it. */
#include "userctr/daemon.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"
#include "lib/sys/unixsock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The id of a group in /etc/group, or -1. */
static gid_t group_id(const char *name)
{
	struct buf file = BUF_INIT(1 << 20);
	size_t n = strlen(name);
	gid_t id = (gid_t)-1;

	(void)file_read(AT_FDCWD, "/etc/group", &file, NULL); /* none: no such group */
	for (const char *at = buf_str(&file); at != NULL && *at != '\0' && n > 0;) {
		if (strncmp(at, name, n) == 0 && at[n] == ':') {
			const char *number = strchr(at + n + 1, ':');
			if (number != NULL)
				id = (gid_t)strtoul(number + 1, NULL, 10);
			break;
		}
		at = strchr(at, '\n');
		at = at != NULL ? at + 1 : NULL;
	}
	buf_release(&file);
	return id;
}

static int listen_unix(struct daemon *d, const char *path, struct err *e)
{
	int fd = unixsock_listen(path, SOCK_STREAM | SOCK_NONBLOCK, 0660, e);
	if (fd < 0)
		return fd;
	gid_t gid = group_id(d->conf.group);
	if (gid != (gid_t)-1 && chown(path, 0, gid) < 0)
		log_warn("userctr", "give socket '%s' to group '%s': %s", path, d->conf.group, strerror(errno));
	return conns_listen(d, fd, e);
}

/* "address:port", "[v6]:port", ":port" */
static int parse_tcp(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len, struct err *e)
{
	char host[128];
	const char *colon = strrchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : 0;
	char *end;

	unsigned long port = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;
	if (colon == NULL || colon[1] == '\0' || (*end != '\0' && strcmp(end, "/") != 0) || port > 65535 ||
	    n >= sizeof(host))
		return err_say(e, EINVAL, "address 'tcp://%s' is not ADDRESS:PORT", text);
	memcpy(host, text, n);
	host[n] = '\0';
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ret;
	*ret = (struct sockaddr_storage){0};
	if (n == 0 || inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*ret_len = sizeof(*v4);
		return 0;
	}
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1) {
			v6->sin6_family = AF_INET6;
			v6->sin6_port = htons((uint16_t)port);
			*ret_len = sizeof(*v6);
			return 0;
		}
	}
	return err_say(e, EINVAL, "address 'tcp://%s' has no numeric address", text);
}

static int listen_tcp(struct daemon *d, const char *text, struct err *e)
{
	struct sockaddr_storage a;
	socklen_t len = 0;
	int one = 1;

	int r = parse_tcp(text, &a, &len, e);
	if (r < 0)
		return r;
	owned_fd int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(e, errno, "socket 'tcp://%s'", text);
	/* accepted sockets inherit both: dead peers are noticed, small replies are not held back */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, 128) < 0)
		return err_set(e, errno, "listen on 'tcp://%s'", text);
	log_warn("userctr", "listening on tcp://%s without authentication: whoever reaches it is root here", text);
	return conns_listen(d, take_fd(fd), e);
}

/* Was this path passed on to us? */
static bool is_passed(const struct daemon *d, const char *path)
{
	for (unsigned i = 0; i < d->conns.n_listeners; i++) {
		struct sockaddr_un a = {0};
		socklen_t len = sizeof(a) - 1;
		if (getsockname(d->conns.listeners[i].s.fd, (struct sockaddr *)&a, &len) == 0 && a.sun_family == AF_UNIX &&
		    strcmp(a.sun_path, path) == 0)
			return true;
	}
	return false;
}

static int take_passed(struct daemon *d, struct err *e)
{
	const char *text = getenv("LISTEN_FDS");
	int n = text != NULL ? atoi(text) : 0;

	for (int fd = 3; fd < 3 + n; fd++) {
		int fl = fcntl(fd, F_GETFL);
		if (fl < 0 || fcntl(fd, F_SETFL, fl | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return err_set(e, errno, "descriptor %d of LISTEN_FDS=%s", fd, text);
		int r = conns_listen(d, fd, e);
		if (r < 0)
			return r;
	}
	/* meant for us, not for what we start */
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	(void)unsetenv("LISTEN_PID");
	return 0;
}

int daemon_listen(struct daemon *d, struct err *e)
{
	int passed = take_passed(d, e);

	if (passed < 0)
		return passed;
	for (unsigned i = 0; i < d->conf.n_hosts; i++) {
		const char *h = d->conf.hosts[i];
		if (strncmp(h, "unix://", 7) == 0 && is_passed(d, h + 7))
			continue;
		int r = strncmp(h, "unix://", 7) == 0 ? listen_unix(d, h + 7, e) : listen_tcp(d, h + 6, e);
		if (r < 0)
			return r;
	}
	return 0;
}
