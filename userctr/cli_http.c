// SPDX-License-Identifier: Apache-2.0
/* The client's transport: one keep-alive connection, requests one after the other. */
#include "userctr/cli.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/http_reply.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "lib/sys/unixsock.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define API	 "/v1.51"
#define BODY_MAX (64u << 20)

static int connect_tcp(const char *addr, struct err *e)
{
	struct addrinfo hint = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	char host[256];
	const char *colon = strrchr(addr, ':');

	if (colon == NULL || (size_t)(colon - addr) >= sizeof(host))
		return err_say(e, EINVAL, "host 'tcp://%s': no port", addr);
	bool is_v6 = addr[0] == '[' && colon > addr + 1 && colon[-1] == ']';
	size_t len = (size_t)(colon - addr) - (is_v6 ? 2 : 0);
	memcpy(host, addr + (is_v6 ? 1 : 0), len);
	host[len] = '\0';
	int g = getaddrinfo(host, colon + 1, &hint, &list);
	if (g != 0)
		return err_say(e, EHOSTUNREACH, "host '%s': %s", addr, gai_strerror(g));
	int fd = -1, why = ECONNREFUSED;
	for (struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
			why = errno;
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd >= 0 ? fd : err_set(e, why, "connect to 'tcp://%s'", addr);
}

static int dial(struct cli *c, struct err *e)
{
	struct err why = {0};

	if (c->fd >= 0)
		return 0;
	if (strncmp(c->host, "unix://", 7) == 0)
		c->fd = unixsock_connect(c->host + 7, SOCK_STREAM, &why);
	else if (strncmp(c->host, "tcp://", 6) == 0)
		c->fd = connect_tcp(c->host + 6, &why);
	else
		return err_say(e, EINVAL, "host '%s': must begin with unix:// or tcp://", c->host);
	if (c->fd >= 0)
		return 0;
	int r = c->fd;
	c->fd = -1;
	if (r == -EACCES)
		return err_say(e, EACCES, "permission denied while trying to connect to the Docker daemon socket at %s",
			       c->host);
	return err_say(e, -r, "Cannot connect to the Docker daemon at %s. Is the docker daemon running? (%s)",
		       c->host, why.msg);
}

void cli_second(const struct cli *c, struct cli *ret)
{
	*ret = *c;
	ret->fd = -1;
}

void cli_encode(struct buf *b, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *s != '\0'; s++) {
		unsigned char ch = (unsigned char)*s;
		if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
		    strchr("-_.~", ch) != NULL) {
			buf_putc(b, (char)ch);
		} else {
			buf_putc(b, '%');
			buf_putc(b, hex[ch >> 4]);
			buf_putc(b, hex[ch & 15]);
		}
	}
}

static int send_body(struct cli *c, int fd, struct err *e)
{
	static char b[65536];
	char head[16];

	for (;;) {
		ssize_t n = read_full(fd, b, sizeof(b));
		if (n < 0)
			return err_set(e, (int)-n, "read the input");
		int len = snprintf(head, sizeof(head), "%zx\r\n", (size_t)n);
		if (write_all(c->fd, head, (size_t)len) < 0 || write_all(c->fd, b, (size_t)n) < 0 ||
		    write_all(c->fd, "\r\n", 2) < 0)
			return 0; /* the daemon stopped listening: its reply says why */
		if (n == 0)
			return 0;
	}
}

static int send_request(struct cli *c, const struct cli_request *q, struct err *e)
{
	struct buf b = BUF_INIT(8u << 20);

	buf_printf(&b, "%s " API "%s HTTP/1.1\r\nHost: docker\r\nUser-Agent: userctr\r\n", q->method, q->path);
	if (q->want_upgrade)
		buf_puts(&b, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
	if (q->json != NULL)
		buf_printf(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(q->json),
			   q->json);
	else if (q->body_fd >= 0)
		buf_printf(&b, "Content-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n", q->body_type);
	else
		buf_puts(&b, strcmp(q->method, "POST") == 0 ? "Content-Length: 0\r\n\r\n" : "\r\n");
	int r = buf_error(&b) < 0 ? buf_error(&b) : write_all(c->fd, b.data, b.len);
	buf_release(&b);
	if (r < 0)
		return err_set(e, -r, "send the request");
	return q->json == NULL && q->body_fd >= 0 ? send_body(c, q->body_fd, e) : 0;
}

struct sink {
	const struct cli_request *q;
	struct cli_reply *r;
	struct http_reply *reply;
};

static int on_body(void *ctx, const char *p, size_t n)
{
	struct sink *s = ctx;

	if (s->q->on_body != NULL && http_reply_status(s->reply) < 300)
		return s->q->on_body(s->q->ctx, p, n);
	buf_put(&s->r->body, p, n);
	return buf_error(&s->r->body);
}

static int receive(struct cli *c, struct sink *s, struct err *e)
{
	char b[16384];
	size_t used = 0;

	for (;;) {
		ssize_t n = recv(c->fd, b, sizeof(b), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "read the reply");
		int r = http_reply_feed(s->reply, b, (size_t)n, &used, e);
		if (r < 0)
			return r;
		if (r == 1) {
			if (http_reply_is_upgrade(s->reply))
				buf_put(&s->r->early, b + used, (size_t)n - used);
			return buf_error(&s->r->early);
		}
	}
}

int cli_call(struct cli *c, const struct cli_request *q, struct cli_reply *r, struct err *e)
{
	*r = (struct cli_reply){.body = BUF_INIT(BODY_MAX), .early = BUF_INIT(65536)};
	int done = dial(c, e);
	if (done < 0)
		return done;
	struct sink s = {.q = q, .r = r};
	s.reply = http_reply_new(strcmp(q->method, "HEAD") == 0, on_body, &s);
	if (s.reply == NULL)
		return err_set(e, ENOMEM, "reply");
	done = send_request(c, q, e);
	if (done == 0)
		done = receive(c, &s, e);
	r->status = http_reply_status(s.reply);
	(void)snprintf(r->content_type, sizeof(r->content_type), "%.63s", http_reply_content_type(s.reply));
	http_reply_free(s.reply);
	if (done < 0) { /* the connection is in an unknown state */
		close(c->fd);
		c->fd = -1;
	}
	return done;
}

void cli_reply_release(struct cli_reply *r)
{
	buf_release(&r->body);
	buf_release(&r->early);
}

const char *cli_message(const struct cli_reply *r, struct json_doc **ret_doc)
{
	const char *msg = NULL;

	*ret_doc = NULL;
	if (json_parse(buf_str(&r->body), r->body.len, ret_doc, NULL) == 0)
		msg = json_str(json_get(json_root(*ret_doc), "message"));
	return msg != NULL ? msg : r->body.len > 0 ? buf_str(&r->body) : "the daemon gave no reason";
}

void cli_say_error(const struct cli_reply *r)
{
	struct json_doc *d;

	fprintf(stderr, "Error response from daemon: %s\n", cli_message(r, &d));
	json_free(d);
}

int cli_ask(struct cli *c, const char *method, const char *path, const char *json, int also_ok, struct cli_reply *r)
{
	struct cli_request q = {.method = method, .path = path, .json = json, .body_fd = -1};
	struct cli_reply own;
	struct err e = {0};

	if (r == NULL)
		r = &own;
	if (cli_call(c, &q, r, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		cli_reply_release(r);
		return -1;
	}
	int status = r->status;
	if ((status < 200 || status > 299) && status != also_ok) {
		cli_say_error(r);
		cli_reply_release(r);
		return -1;
	}
	if (r == &own)
		cli_reply_release(r);
	return status;
}
