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

int cli_dial(struct cli *c, struct err *e)
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
	if (r == -ENOENT || r == -ECONNREFUSED)
		return err_say(e, -r, "Cannot connect to the Docker daemon at %s. Is the docker daemon running?", c->host);
	return err_say(e, -r, "error during connect: %s", why.msg);
}

void cli_close(struct cli *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void cli_second(const struct cli *c, struct cli *ret)
{
	*ret = *c;
	ret->fd = -1;
	ret->pending = NULL;
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

	buf_printf(&b, "%s " API "%s HTTP/1.1\r\nHost: docker\r\nUser-Agent: userctr\r\n%s", q->method, q->path,
		   q->header != NULL ? q->header : "");
	if (q->want_upgrade)
		buf_puts(&b, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
	if (q->json != NULL)
		buf_printf(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(q->json),
			   q->json);
	else if (q->body_fd >= 0)
		buf_printf(&b, "Content-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n", q->body_type);
	else
		buf_puts(&b, q->method[0] == 'P' ? "Content-Length: 0\r\n\r\n" : "\r\n");
	int r = buf_error(&b) < 0 ? buf_error(&b) : write_all(c->fd, b.data, b.len);
	buf_release(&b);
	if (r < 0)
		return err_set(e, -r, "send the request");
	return q->json == NULL && q->body_fd >= 0 ? send_body(c, q->body_fd, e) : 0;
}

struct cli_pending {
	const struct cli_request *q;
	struct cli_reply *r;
	struct http_reply *reply; /* owned */
	char early[16384];	  /* what came with the head */
};

static int on_body(void *ctx, const char *p, size_t n)
{
	struct cli_pending *s = ctx;

	if (s->q->on_body != NULL && http_reply_status(s->reply) < 300)
		return s->q->on_body(s->q->ctx, p, n);
	buf_put(&s->r->body, p, n);
	return buf_error(&s->r->body);
}

/* Returns 1 complete, 0 only the head has arrived and that is enough. */
static int receive(struct cli *c, struct cli_pending *s, bool until_head, struct err *e)
{
	size_t used = 0;

	for (;;) {
		ssize_t n = recv(c->fd, s->early, sizeof(s->early), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "read the reply");
		int r = http_reply_feed(s->reply, s->early, (size_t)n, &used, e);
		if (r < 0)
			return r;
		if (r == 1) {
			if (http_reply_is_upgrade(s->reply))
				buf_put(&s->r->early, s->early + used, (size_t)n - used);
			return buf_error(&s->r->early) < 0 ? buf_error(&s->r->early) : 1;
		}
		if (until_head && http_reply_has_head(s->reply))
			return 0;
	}
}

static int finish(struct cli *c, int r)
{
	struct cli_pending *s = c->pending;

	s->r->status = http_reply_status(s->reply);
	(void)snprintf(s->r->content_type, sizeof(s->r->content_type), "%.63s", http_reply_content_type(s->reply));
	if (r == 0)
		return 0;
	http_reply_free(s->reply);
	c->pending = NULL;
	if (r < 0) /* the connection is in an unknown state */
		cli_close(c);
	return r < 0 ? r : 0;
}

enum until { UNTIL_SENT = 1, UNTIL_HEAD, UNTIL_END };

static int begin(struct cli *c, const struct cli_request *q, struct cli_reply *r, enum until until, struct err *e)
{
	*r = (struct cli_reply){.body = BUF_INIT(BODY_MAX), .early = BUF_INIT(65536)};
	int done = cli_dial(c, e);
	if (done < 0)
		return done;
	c->pending = arena_alloc(c->mem, sizeof(*c->pending));
	if (c->pending == NULL)
		return err_set(e, ENOMEM, "reply");
	*c->pending = (struct cli_pending){.q = q, .r = r};
	c->pending->reply = http_reply_new(strcmp(q->method, "HEAD") == 0, on_body, c->pending);
	if (c->pending->reply == NULL)
		return err_set(e, ENOMEM, "reply");
	done = send_request(c, q, e);
	if (done == 0 && until != UNTIL_SENT)
		done = receive(c, c->pending, until == UNTIL_HEAD, e);
	return finish(c, done);
}

int cli_begin(struct cli *c, const struct cli_request *q, struct cli_reply *r, struct err *e)
{
	return begin(c, q, r, UNTIL_HEAD, e);
}

int cli_send(struct cli *c, const struct cli_request *q, struct cli_reply *r, struct err *e)
{
	return begin(c, q, r, UNTIL_SENT, e);
}

int cli_finish(struct cli *c, struct err *e)
{
	return c->pending != NULL ? finish(c, receive(c, c->pending, false, e)) : 0;
}

int cli_call(struct cli *c, const struct cli_request *q, struct cli_reply *r, struct err *e)
{
	return begin(c, q, r, UNTIL_END, e);
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

/* "docker: " before run's errors, and where to read more after them */
static void say(const struct cli *c, const char *text)
{
	struct buf b = BUF_INIT(1u << 20);

	cli_put_safe(&b, text, strlen(text));
	(void)fflush(stdout); /* what was printed before comes before */
	if (c->is_run)
		fprintf(stderr, "%s: %s\n\nRun '%s --help' for more information\n", c->program, buf_str(&b), c->path);
	else
		fprintf(stderr, "%s\n", buf_str(&b));
	buf_release(&b);
}

void cli_say_error(const struct cli *c, const struct cli_reply *r)
{
	struct json_doc *d;
	struct buf b = BUF_INIT(1u << 20);

	buf_printf(&b, "Error response from daemon: %s", cli_message(r, &d));
	json_free(d);
	say(c, buf_str(&b));
	buf_release(&b);
}

void cli_say(const struct cli *c, const char *fmt, ...)
{
	struct buf b = BUF_INIT(1u << 20);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	say(c, buf_str(&b));
	buf_release(&b);
}

int cli_ask(struct cli *c, const char *method, const char *path, const char *json, int also_ok, struct cli_reply *r)
{
	struct cli_request q = {.method = method, .path = path, .json = json, .body_fd = -1};
	struct cli_reply own;
	struct err e = {0};

	if (r == NULL)
		r = &own;
	if (cli_call(c, &q, r, &e) < 0) {
		cli_say(c, "%s", e.msg);
		cli_reply_release(r);
		return -1;
	}
	int status = r->status;
	if ((status < 200 || status > 299) && status != also_ok) {
		cli_say_error(c, r);
		cli_reply_release(r);
		return -1;
	}
	if (r == &own)
		cli_reply_release(r);
	return status;
}

struct json_doc *cli_fetch(struct cli *c, const char *path)
{
	struct cli_reply r;
	struct json_doc *d = NULL;
	struct err e = {0};

	if (cli_ask(c, "GET", path, NULL, 0, &r) < 0)
		return NULL;
	if (json_parse(buf_str(&r.body), r.body.len, &d, &e) < 0)
		cli_say(c, "the daemon's reply: %s", e.msg);
	cli_reply_release(&r);
	return d;
}

void cli_query(struct buf *path, const char *name, const char *value)
{
	buf_putc(path, path->len > 0 && strchr(buf_str(path), '?') != NULL ? '&' : '?');
	buf_puts(path, name);
	buf_putc(path, '=');
	cli_encode(path, value);
}

/* Go's map of maps: {"label":{"a=b":true}} with sorted keys */
static void put_filters(struct json_writer *w, const char *const *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(f[i], "=");
		bool is_first = true;
		for (size_t k = 0; k < i; k++)
			is_first = is_first && !(strncmp(f[k], f[i], len) == 0 && f[k][len] == '=');
		if (!is_first)
			continue;
		char name[64];
		(void)snprintf(name, sizeof(name), "%.*s", (int)(len < 63 ? len : 63), f[i]);
		jw_key(w, name);
		jw_obj(w);
		for (size_t k = i; k < n; k++)
			if (strncmp(f[k], f[i], len) == 0 && f[k][len] == '=')
				jw_kbool(w, f[k] + len + 1, true);
		jw_end_obj(w);
	}
}

void cli_query_filters(struct buf *path, const struct cli_value *filters, const char *more)
{
	struct buf b = BUF_INIT(65536);
	struct json_writer w;
	const char *all[256];
	size_t n = 0;

	for (size_t i = 0; i < filters->n && n < countof(all) - 1; i++)
		all[n++] = filters->list[i];
	if (more != NULL)
		all[n++] = more;
	if (n == 0)
		return;
	jw_init(&w, &b);
	jw_obj(&w);
	put_filters(&w, all, n);
	jw_end_obj(&w);
	cli_query(path, "filters", buf_str(&b));
	buf_release(&b);
}
