// SPDX-License-Identifier: Apache-2.0
/* resolv.conf, hosts and the host's name. The files are mounted one by one into other services, so they are rewritten in
 * place: a new file under the old name would not be seen there. */
#include "images/network/network.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define FILE_MAX 4096

bool names_host(char out[65])
{
	static const char *const defaults[] = {"", "(none)", "localhost", "slipway"};
	struct utsname u;

	if (uname(&u) < 0)
		return false;
	memcpy(out, u.nodename, sizeof(u.nodename));
	for (size_t i = 0; i < countof(defaults); i++)
		if (strcmp(out, defaults[i]) == 0)
			return false;
	return true;
}

size_t names_dns(const struct network *n, struct ip out[NET_CONF_DNS_MAX])
{
	size_t count = n->conf.dns_count;

	memcpy(out, n->conf.dns, count * sizeof(*out));
	if (count > 0)
		return count;
	list_for_each(it, &n->ifaces) {
		const struct iface *f = owner_of(it, struct iface, node);
		for (size_t i = 0; f->dhcp.lease.yours != 0 && i < f->dhcp.lease.dns_count; i++) {
			struct ip a = ip4(f->dhcp.lease.dns[i]);
			bool is_known = false;
			for (size_t k = 0; k < count; k++)
				is_known |= ip_equal(&out[k], &a);
			if (!is_known && count < NET_CONF_DNS_MAX)
				out[count++] = a;
		}
	}
	return count;
}

/* Of the links the first that has any: lists of several networks are not mixed. */
void names_search(const struct network *n, char *out, size_t size)
{
	const char *s = n->conf.search;

	list_for_each(it, &n->ifaces) {
		const struct iface *f = owner_of(it, struct iface, node);
		if (s[0] == '\0' && f->dhcp.lease.yours != 0)
			s = f->dhcp.lease.search[0] != '\0' ? f->dhcp.lease.search : f->dhcp.lease.domain;
	}
	(void)snprintf(out, size, "%s", s); /* as large as the longest */
}

static void rewrite(struct network *n, const char *name, const struct buf *b)
{
	owned_buf struct buf old = BUF_INIT(FILE_MAX);

	if (buf_error(b) != 0)
		return;
	if (file_read(n->run_fd, name, &old, NULL) == 0 && old.len == b->len &&
	    (b->len == 0 || memcmp(old.data, b->data, b->len) == 0))
		return;
	owned_fd int fd = openat(n->run_fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : 0;
	/* first the new text, then the end: who reads meanwhile never sees an empty file */
	if (r == 0)
		r = write_all(fd, buf_str(b), b->len);
	if (r == 0 && ftruncate(fd, (off_t)b->len) < 0)
		r = -errno;
	if (r < 0)
		log_error(SUB, "write '%s/%s': %s", n->run, name, strerror(-r));
}

static void write_resolv(struct network *n)
{
	owned_buf struct buf b = BUF_INIT(FILE_MAX);
	struct ip dns[NET_CONF_DNS_MAX];
	char search[DHCP4_SEARCH_MAX], text[IP_TEXT_MAX];
	size_t count = names_dns(n, dns);

	names_search(n, search, sizeof(search));
	if (search[0] != '\0')
		buf_printf(&b, "search %s\n", search);
	for (size_t i = 0; i < count; i++)
		buf_printf(&b, "nameserver %s\n", ip_text(&dns[i], text));
	rewrite(n, "resolv.conf", &b);
}

/* Setting a host's name by sethostname(2) takes CAP_SYS_ADMIN, writing it to this file takes being its owner. */
static bool set_kernel_name(struct network *n, const char *name, const char *who)
{
	owned_fd int fd = open(n->kernel_hostname, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : write_all(fd, name, strlen(name));

	if (r < 0)
		log_warn(SUB, "set the host's name '%s': '%s': %s", name, n->kernel_hostname, strerror(-r));
	else
		log_info(SUB, "the host's name is '%s', as %s", name, who);
	return r == 0;
}

void names_set_configured(struct network *n)
{
	struct utsname u;

	/* from the command line PID 1 has set it already; from cloud-config it comes later */
	if (n->conf.hostname[0] != '\0' && uname(&u) == 0 && strcmp(u.nodename, n->conf.hostname) != 0)
		(void)set_kernel_name(n, n->conf.hostname, "the configuration says");
}

static void set_leased_name(struct network *n, const char *name)
{
	char now[65];

	if ((!names_host(now) || n->name_is_dhcp) && strcmp(now, name) != 0)
		n->name_is_dhcp |= set_kernel_name(n, name, "a lease says");
}

static void take_leased_name(struct network *n)
{
	list_for_each(it, &n->ifaces) {
		const struct iface *f = owner_of(it, struct iface, node);
		const char *name = f->dhcp.lease.hostname;
		if (f->dhcp.lease.yours == 0 || name[0] == '\0')
			continue;
		char first[65];
		(void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(name, "."), name); /* labels have 63 */
		set_leased_name(n, first);
		return;
	}
}

void names_write(struct network *n)
{
	owned_buf struct buf hosts = BUF_INIT(FILE_MAX), hostname = BUF_INIT(FILE_MAX);
	char now[65];

	write_resolv(n);
	if (n->conf.hostname[0] == '\0') /* else it is set */
		take_leased_name(n);
	(void)names_host(now); /* a default is a name too */
	buf_puts(&hosts, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	if (dhcp4_name_is_valid(now, strlen(now)) && strcmp(now, "localhost") != 0)
		buf_printf(&hosts, "127.0.1.1\t%s\n", now);
	rewrite(n, "hosts", &hosts);
	buf_printf(&hostname, "%s\n", now);
	rewrite(n, "hostname", &hostname);
}
