// SPDX-License-Identifier: Apache-2.0
/* Whom to ask. Addresses come from the command line, else from leases; a name is looked up by a child process, because the
 * library's lookup blocks, and what it parses comes from the network. */
#include "images/time/timed.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/cmdline.h"
#include "lib/codec/dhcp4.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>

#define PORT 123
#define STATE_MAX (256 * 1024)

static void set_addr(struct server *v, const struct ip *ip, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&v->addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&v->addr;

	memset(&v->addr, 0, sizeof(v->addr));
	if (ip->family == IP_V4) {
		*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&v4->sin_addr, ip->b, 4);
		v->addr_len = sizeof(*v4);
	} else {
		*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		memcpy(&v6->sin6_addr, ip->b, 16);
		v->addr_len = sizeof(*v6);
	}
}

/* "192.0.2.1", "192.0.2.1:123", "fd00::1", "[fd00::1]:123". False: not an address. */
static bool parse_addr(struct server *v, const char *s, size_t len)
{
	const char *end = len > 0 && s[0] == '[' ? memchr(s, ']', len) : memchr(s, ':', len);
	struct cmdline_arg port = {.value = "123", .value_len = 3};
	uint32_t number;
	struct ip ip;

	if (ip_parse(s, len, &ip) == 0) {
		set_addr(v, &ip, PORT);
		return true;
	}
	if (end == NULL)
		return false;
	const char *host = s[0] == '[' ? s + 1 : s, *colon = s[0] == '[' ? end + 1 : end;
	if (ip_parse(host, (size_t)(end - host), &ip) < 0 || colon >= s + len || *colon != ':')
		return false;
	port.value = colon + 1;
	port.value_len = (size_t)(s + len - port.value);
	if (!cmdline_parse_number(&port, 65535, &number) || number == 0)
		return false;
	set_addr(v, &ip, (uint16_t)number);
	return true;
}

static void add(struct timed *t, const char *s, size_t len)
{
	struct server *v = &t->servers[t->server_count];

	if (len == 0 || len >= sizeof(v->name) || t->server_count == SERVERS_MAX)
		return;
	*v = (struct server){.t = t, .source.fd = -1};
	memcpy(v->name, s, len);
	v->is_name = !parse_addr(v, s, len);
	if (v->is_name && !dhcp4_name_is_valid(s, len)) {
		log_warn(SUB, "'%s' is no server: neither an address nor a name", v->name);
		return;
	}
	t->server_count++;
	log_info(SUB, "server %s", v->name);
}

/* ---- names ---------------------------------------------------------------------------------------------- */

static void child_lookup(const char *name, int out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL;
	struct ip ip = {0};

	if (getaddrinfo(name, NULL, &hints, &list) == 0)
		for (struct addrinfo *a = list; a != NULL && ip.family == IP_NONE; a = a->ai_next) {
			if (a->ai_family == AF_INET) {
				ip.family = IP_V4;
				memcpy(ip.b, &((struct sockaddr_in *)a->ai_addr)->sin_addr, 4);
			} else if (a->ai_family == AF_INET6) {
				ip.family = IP_V6;
				memcpy(ip.b, &((struct sockaddr_in6 *)a->ai_addr)->sin6_addr, 16);
			}
		}
	_exit(write_all(out, &ip, sizeof(ip)) < 0);
}

static void on_lookup(struct source *s, uint32_t events)
{
	struct timed *t = owner_of(s, struct timed, lookup);
	struct ip ip = {0};

	(void)events;
	ssize_t n = read(s->fd, &ip, sizeof(ip));
	bool is_good = n == (ssize_t)sizeof(ip) && (ip.family == IP_V4 || ip.family == IP_V6);
	(void)waitpid(t->lookup_pid, NULL, 0); /* it has written its last */
	loop_remove(s);
	struct server *v = &t->servers[t->lookup_server];
	if (t->lookup_server >= t->server_count || v->addr_len != 0)
		return;
	if (is_good) {
		set_addr(v, &ip, PORT);
		round_soon(t, 0);
	} else {
		log_debug(SUB, "%s has no address", v->name);
	}
}

static void on_lookup_gone(struct source *s)
{
	close(s->fd);
	s->fd = -1;
}

void servers_look_up(struct timed *t)
{
	int ends[2];
	struct err e;
	size_t i = 0;

	while (i < t->server_count && t->servers[(t->lookup_server + 1 + i) % t->server_count].addr_len != 0)
		i++;
	if (t->lookup.fd >= 0 || i == t->server_count)
		return;
	t->lookup_server = (t->lookup_server + 1 + i) % t->server_count;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return; /* the next round tries again */
	t->lookup_pid = fork();
	if (t->lookup_pid == 0)
		child_lookup(t->servers[t->lookup_server].name, ends[1]);
	close(ends[1]);
	t->lookup = (struct source){.fd = ends[0], .name = "lookup", .ready = on_lookup, .gone = on_lookup_gone};
	if (t->lookup_pid < 0 || loop_add(&t->loop, &t->lookup, EPOLLIN, &e) < 0) {
		close(ends[0]);
		t->lookup.fd = -1;
	}
}

/* ---- where they are said --------------------------------------------------------------------------------- */

/* "A", "A,B" or "[A,B]" */
static void add_list(struct timed *t, const char *s, size_t len)
{
	if (len > 1 && s[0] == '[' && s[len - 1] == ']') {
		s++;
		len -= 2;
	}
	for (size_t from = 0, i = 0; i <= len; i++)
		if (i == len || s[i] == ',' || s[i] == ' ') {
			add(t, s + from, i - from);
			from = i + 1;
		}
}

static void from_cmdline(struct timed *t)
{
	owned_buf struct buf b = BUF_INIT(CMDLINE_MAX + 1);
	char path[PATH_MAX];
	struct cmdline_arg a;

	(void)snprintf(path, sizeof(path), "%s/cmdline", t->run); /* cut: it is not found */
	if (file_read(AT_FDCWD, path, &b, NULL) < 0)
		return;
	for (unsigned n = 0; cmdline_nth(buf_str(&b), b.len, "ntp.servers", n, &a); n++)
		add_list(t, a.value, a.value_len);
	t->is_fixed = t->server_count > 0;
}

static void from_leases(struct timed *t)
{
	owned_buf struct buf b = BUF_INIT(STATE_MAX);
	char path[PATH_MAX];
	struct json_doc *d = NULL;

	(void)snprintf(path, sizeof(path), "%s/network/network.json", t->run); /* cut: it is not found */
	if (file_read(AT_FDCWD, path, &b, NULL) < 0 || json_parse(buf_str(&b), b.len, &d, NULL) < 0)
		return; /* not there yet: we are told when it is */
	struct json_iter links = json_iter(json_get(json_root(d), "links"));
	while (json_next(&links)) {
		struct json_iter ntp = json_iter(json_get(json_get(links.value, "lease"), "ntp"));
		while (json_next(&ntp)) {
			const char *s = json_str_or(ntp.value, "");
			bool is_known = false;
			for (size_t i = 0; i < t->server_count; i++)
				is_known |= strcmp(t->servers[i].name, s) == 0;
			if (!is_known)
				add(t, s, strlen(s));
		}
	}
	json_free(d);
}

static void on_news(struct source *s, uint32_t events)
{
	struct timed *t = owner_of(s, struct timed, news);
	char data[4096];
	size_t before = t->server_count;

	(void)events;
	while (read(s->fd, data, sizeof(data)) > 0)
		; /* what has happened is asked of the file */
	if (!t->is_fixed)
		from_leases(t);
	/* a new server, or after the network came up one that could not be reached before */
	if (!t->in_round && (t->server_count > before || !t->is_synchronized))
		round_soon(t, 0);
}

int servers_begin(struct timed *t, struct err *e)
{
	char path[PATH_MAX];

	from_cmdline(t);
	if (!t->is_fixed)
		from_leases(t);
	(void)snprintf(path, sizeof(path), "%s/network", t->run); /* cut: it is not found */
	owned_fd int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return err_set(e, errno, "make inotify");
	if (inotify_add_watch(fd, path, IN_MOVED_TO | IN_ONLYDIR) < 0)
		log_warn(SUB, "watch '%s': %s", path, strerror(errno));
	t->news = (struct source){.fd = fd, .name = "news", .ready = on_news};
	int r = loop_add(&t->loop, &t->news, EPOLLIN, e);
	if (r == 0)
		(void)take_fd(fd);
	return r;
}
