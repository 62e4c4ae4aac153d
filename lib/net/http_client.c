// SPDX-License-Identifier: Apache-2.0
/* libcurl as it is used here: one multi handle, an easy handle per request, callbacks that fill struct http_xfer. */
#include "lib/net/http_client.h"

#include "lib/base/ip.h"
#include "lib/base/owned.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct http {
	CURLM *multi; /* owned */
	struct http_conf conf;
	bool has_proxy; /* then the peer is not the one the URL names */
};

/* ---- what comes ---- */

static void copy_value(char *out, size_t size, const char *p, size_t n)
{
	if (n < size) { /* one that is too long is none */
		memcpy(out, p, n);
		out[n] = '\0';
	}
}

static uint64_t number(const char *p, size_t n)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < n && p[i] >= '0' && p[i] <= '9' && v < UINT64_MAX / 20; i++)
		v = v * 10 + (uint64_t)(p[i] - '0');
	return i > 0 ? v : HTTP_NO_LENGTH;
}

static void take_header(struct http_xfer *x, const char *name, size_t n, const char *v, size_t len)
{
#define IS(s) (n == sizeof(s) - 1 && strncasecmp(name, s, n) == 0)
	if (IS("content-length"))
		x->length = number(v, len);
	else if (IS("content-type"))
		copy_value(x->type, sizeof(x->type), v, len);
	else if (IS("location"))
		copy_value(x->location, sizeof(x->location), v, len);
	else if (IS("docker-content-digest"))
		copy_value(x->digest, sizeof(x->digest), v, len);
	else if (IS("content-range") && len > 6 && strncasecmp(v, "bytes ", 6) == 0)
		x->range_from = number(v + 6, len - 6);
	else if (IS("retry-after") && number(v, len) < 86400)
		x->retry_after_s = (unsigned)number(v, len);
	else if (IS("www-authenticate")) {
		size_t at = strlen(x->challenge);
		if (at + len + 3 < sizeof(x->challenge)) {
			if (at > 0)
				memcpy(x->challenge + at, ", ", 2);
			at += at > 0 ? 2 : 0;
			memcpy(x->challenge + at, v, len);
			x->challenge[at + len] = '\0';
		}
	}
#undef IS
}

static void forget_head(struct http_xfer *x)
{
	x->length = x->range_from = HTTP_NO_LENGTH;
	x->type[0] = x->location[0] = x->challenge[0] = x->digest[0] = '\0';
	x->retry_after_s = 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct http_xfer *x = ctx;
	size_t len = size * n;
	const char *colon = memchr(p, ':', len);

	if (len > 5 && strncmp(p, "HTTP/", 5) == 0)
		forget_head(x); /* after "100 Continue" comes another one */
	if (colon != NULL && strncmp(p, "HTTP/", 5) != 0) {
		const char *v = colon + 1, *end = p + len;
		while (v < end && (*v == ' ' || *v == '\t'))
			v++;
		while (end > v && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
			end--;
		take_header(x, p, (size_t)(colon - p), v, (size_t)(end - v));
	}
	return len;
}

static size_t on_data(char *p, size_t size, size_t n, void *ctx)
{
	struct http_xfer *x = ctx;
	size_t len = size * n;
	long status = 0;

	(void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status); /* cannot fail */
	x->status = (int)status;
	if (x->q.data != NULL && (status == 200 || status == 206)) {
		x->stopped = x->q.data(x->q.ctx, p, len);
		return x->stopped < 0 ? CURL_WRITEFUNC_ERROR : len;
	}
	buf_put(&x->body, p, len);
	if (buf_error(&x->body) < 0) {
		x->stopped = buf_error(&x->body);
		return CURL_WRITEFUNC_ERROR;
	}
	return len;
}

static size_t on_send(char *p, size_t size, size_t n, void *ctx)
{
	struct http_xfer *x = ctx;
	size_t want = size * n, left = x->q.body_len - x->sent;

	want = want < left ? want : left;
	if (x->q.body_fd >= 0) {
		ssize_t got = pread(x->q.body_fd, p, want, (off_t)x->sent);
		if (got < 0)
			return CURL_READFUNC_ABORT;
		want = (size_t)got;
	} else if (want > 0) {
		memcpy(p, (const char *)x->q.body + x->sent, want);
	}
	x->sent += want;
	return want;
}

static int on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct http_xfer *x = ctx;

	if (origin != SEEK_SET || offset < 0 || (size_t)offset > x->q.body_len)
		return CURL_SEEKFUNC_CANTSEEK;
	x->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* ---- where it goes ---- */

/* This machine, its link (where clouds keep their metadata), and nothing at all. */
static bool is_inner(const struct sockaddr *a)
{
	struct ip ip = {0};

	if (a->sa_family == AF_INET) {
		ip.family = IP_V4;
		memcpy(ip.b, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
	} else if (a->sa_family == AF_INET6) {
		static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, ec2[16] = {0xfd, 0x00, 0x0e, 0xc2, [14] = 2, [15] = 0x54};
		const uint8_t *b = ((const struct sockaddr_in6 *)(const void *)a)->sin6_addr.s6_addr;
		bool is_mapped = memcmp(b, mapped, sizeof(mapped)) == 0;
		ip.family = is_mapped ? IP_V4 : IP_V6;
		memcpy(ip.b, is_mapped ? b + 12 : b, is_mapped ? 4 : 16);
		if ((b[0] == 0xfe && (b[1] & 0xc0) == 0x80) || memcmp(b, ec2, sizeof(ec2)) == 0)
			return true;
	} else {
		return true;
	}
	return ip_is_loopback(&ip) || ip_is_zero(&ip) ||
	       (ip.family == IP_V4 && (ip.b[0] == 0 || (ip.b[0] == 169 && ip.b[1] == 254)));
}

static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct http_xfer *x = ctx;

	(void)purpose;
	if (x->q.only_public && !x->http->has_proxy && is_inner(&a->addr)) {
		x->stopped = -EPERM;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- requests ---- */

static bool is_set(const char *name)
{
	const char *v = getenv(name);

	return v != NULL && *v != '\0';
}

struct http *http_new(const struct http_conf *conf, struct err *e)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (h->multi = curl_multi_init()) == NULL) {
		free(h);
		(void)err_set(e, ENOMEM, "HTTP client");
		return NULL;
	}
	h->conf = *conf;
	h->has_proxy = is_set("http_proxy") || is_set("https_proxy") || is_set("HTTPS_PROXY") || is_set("all_proxy") ||
		       is_set("ALL_PROXY");
	return h;
}

void http_free(struct http *h)
{
	if (h == NULL)
		return;
	(void)curl_multi_cleanup(h->multi); /* nothing can be done about it */
	free(h);
}

static CURLcode set_blob(CURL *c, CURLoption option, const char *text)
{
	struct curl_blob b = {(void *)(uintptr_t)text, text != NULL ? strlen(text) : 0, CURL_BLOB_NOCOPY};

	return text != NULL ? curl_easy_setopt(c, option, &b) : CURLE_OK;
}

static CURLcode set_body(CURL *c, struct http_xfer *x)
{
	const struct http_request *q = &x->q;
	bool has_body = strcmp(q->method, "POST") == 0 || strcmp(q->method, "PUT") == 0 || strcmp(q->method, "PATCH") == 0;
	CURLcode r = CURLE_OK;

	if (strcmp(q->method, "HEAD") == 0)
		return curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	if (!has_body)
		return strcmp(q->method, "GET") == 0 ? CURLE_OK : curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
	r |= curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	r |= curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
	r |= curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->body_len);
	r |= curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send);
	r |= curl_easy_setopt(c, CURLOPT_READDATA, x);
	r |= curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
	r |= curl_easy_setopt(c, CURLOPT_SEEKDATA, x);
	r |= curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 262144L);
	return r;
}

static CURLcode set_all(const struct http *h, CURL *c, struct http_xfer *x)
{
	const struct http_request *q = &x->q;
	CURLcode r = CURLE_OK;
	char range[32];

	r |= curl_easy_setopt(c, CURLOPT_URL, q->url);
	r |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	r |= curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	r |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	r |= curl_easy_setopt(c, CURLOPT_USERAGENT, h->conf.agent);
	r |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)h->conf.connect_ms);
	r |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	r |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)h->conf.stall_s);
	r |= curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 262144L);
	r |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers);
	r |= curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	r |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, q->no_verify ? 0L : 1L);
	r |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, q->no_verify ? 0L : 2L);
	r |= set_blob(c, CURLOPT_CAINFO_BLOB, h->conf.ca);
	r |= set_blob(c, CURLOPT_SSLCERT_BLOB, h->conf.cert);
	r |= set_blob(c, CURLOPT_SSLKEY_BLOB, h->conf.key);
	r |= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	r |= curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	r |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	r |= curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	r |= curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	r |= curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, x);
	r |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->why);
	r |= curl_easy_setopt(c, CURLOPT_PRIVATE, x);
	/* a connection that was made to an inner address must not serve a request that may not go there */
	r |= curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, q->only_public ? 1L : 0L);
	if (q->from > 0) {
		(void)snprintf(range, sizeof(range), "%llu-", (unsigned long long)q->from); /* fits */
		r |= curl_easy_setopt(c, CURLOPT_RANGE, range);
	}
	return r | set_body(c, x);
}

int http_start(struct http *h, struct http_xfer *x, const struct http_request *q, struct err *e)
{
	struct curl_slist *list = NULL;
	CURL *c = curl_easy_init();

	*x = (struct http_xfer){.q = *q, .http = h, .easy = c, .body = BUF_INIT(q->max > 0 ? q->max : 16384)};
	forget_head(x);
	for (size_t i = 0; q->headers != NULL && q->headers[i] != NULL; i++) {
		struct curl_slist *next = curl_slist_append(list, q->headers[i]);
		if (next == NULL)
			break;
		list = next;
	}
	x->headers = list;
	if (c == NULL || set_all(h, c, x) != CURLE_OK || curl_multi_add_handle(h->multi, c) != CURLM_OK) {
		http_end(NULL, x);
		return err_say(e, EINVAL, "request '%s %.200s' cannot be made", q->method, q->url);
	}
	x->q.url = NULL; /* were copied */
	x->q.headers = NULL;
	return 0;
}

static int code_of(CURLcode r)
{
	switch ((int)r) {
	case CURLE_OK: return 0;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY: return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT: return -ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT: return -ETIMEDOUT;
	case CURLE_OUT_OF_MEMORY: return -ENOMEM;
	default: return -EIO;
	}
}

static void finish(struct http_xfer *x, CURLcode r)
{
	const char *p = NULL;
	long status = 0;

	(void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status); /* these cannot fail */
	x->status = (int)status;
	(void)curl_easy_getinfo(x->easy, CURLINFO_REDIRECT_URL, &p);
	if (p != NULL)
		copy_value(x->location, sizeof(x->location), p, strlen(p));
	p = NULL;
	(void)curl_easy_getinfo(x->easy, CURLINFO_PRIMARY_IP, &p);
	if (p != NULL)
		copy_value(x->address, sizeof(x->address), p, strlen(p));
	long system = 0;
	(void)curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &system);
	if (r == CURLE_COULDNT_CONNECT && x->stopped == 0 && system > 0)
		(void)snprintf(x->why, sizeof(x->why), "connect: %s", strerror((int)system)); /* fits */
	x->is_tls = r == CURLE_SSL_CONNECT_ERROR || r == CURLE_PEER_FAILED_VERIFICATION;
	/* curl has its own words for what the callbacks did */
	if (x->stopped == -E_LIMIT)
		(void)snprintf(x->why, sizeof(x->why), "the answer is larger than %zu bytes", x->body.max); /* fits */
	if (x->stopped == -EPERM)
		(void)snprintf(x->why, sizeof(x->why), "the address is one of this machine or its link"); /* fits */
	x->code = x->stopped < 0 ? x->stopped : code_of(r);
	if (x->code < 0 && x->why[0] == '\0')
		(void)snprintf(x->why, sizeof(x->why), "%s", curl_easy_strerror(r)); /* cut rather than lost */
	x->is_done = true;
}

static int collect(struct http *h)
{
	int left, n = 0;
	CURLMsg *m;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		struct http_xfer *x = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x); /* was set */
		finish(x, m->data.result);
		n++;
	}
	return n;
}

int http_wait(struct http *h, int timeout_ms, struct err *e)
{
	int running, n;

	CURLMcode r = curl_multi_perform(h->multi, &running);
	if (r == CURLM_OK && collect(h) == 0) {
		r = curl_multi_poll(h->multi, NULL, 0, timeout_ms, &n);
		if (r == CURLM_OK)
			r = curl_multi_perform(h->multi, &running);
		(void)collect(h); /* they are marked */
	}
	return r == CURLM_OK ? 0 : err_say(e, EIO, "HTTP client: %s", curl_multi_strerror(r));
}

bool http_is_inner(const char *address)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct sockaddr_in6 b = {.sin6_family = AF_INET6};
	struct ip ip;

	if (ip_parse(address, strlen(address), &ip) < 0)
		return false;
	if (ip.family == IP_V4)
		memcpy(&a.sin_addr, ip.b, 4);
	else
		memcpy(&b.sin6_addr, ip.b, 16);
	return is_inner(ip.family == IP_V4 ? (const struct sockaddr *)(const void *)&a : (const struct sockaddr *)(const void *)&b);
}

void http_end(struct http *h, struct http_xfer *x)
{
	if (x->easy != NULL && h != NULL)
		(void)curl_multi_remove_handle(h->multi, x->easy); /* it is in it */
	curl_easy_cleanup(x->easy);
	curl_slist_free_all(x->headers);
	buf_release(&x->body);
	x->easy = x->headers = NULL;
}
