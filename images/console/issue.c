// SPDX-License-Identifier: Apache-2.0
/* /etc/issue: what stands above a login. */
#include "images/console/console.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/base/version.h"
#include "lib/sys/io.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static bool text_of(const struct ifaddrs *a, char *out, socklen_t size)
{
	if (a->ifa_addr == NULL || (a->ifa_flags & (IFF_UP | IFF_LOOPBACK)) != IFF_UP)
		return false;
	if (a->ifa_addr->sa_family == AF_INET)
		return inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr, out, size) != NULL;
	if (a->ifa_addr->sa_family != AF_INET6)
		return false;
	const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr;
	return !IN6_IS_ADDR_LINKLOCAL(six) && inet_ntop(AF_INET6, six, out, size) != NULL;
}

static void put_addresses(struct buf *b)
{
	char text[INET6_ADDRSTRLEN];
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *a = all; a != NULL; a = a->ifa_next)
		/* the bridges of containers are nobody's way in */
		if (strncmp(a->ifa_name, "docker", 6) != 0 && strncmp(a->ifa_name, "br-", 3) != 0 && text_of(a, text, sizeof(text)))
			buf_printf(b, "  %s: %s\n", a->ifa_name, text);
	freeifaddrs(all);
}

int issue_write(const char *path, bool has_password, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(4096);
	struct utsname u = {0};

	(void)uname(&u); /* cannot fail with a valid pointer */
	buf_printf(&b, "\nSlipway %s, Linux %s\n", SLIPWAY_VERSION, u.release);
	put_addresses(&b);
	if (!has_password)
		buf_puts(&b, "No password is set: slipway.password=... on the kernel command line sets one for the user " CONSOLE_USER
			     ",\nslipway.autologin=TERMINAL logs in without.\n");
	buf_putc(&b, '\n');
	owned_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : write_all(fd, buf_str(&b), b.len);
	return r < 0 ? err_set(e, -r, "write '%s'", path) : 0;
}
