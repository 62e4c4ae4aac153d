// SPDX-License-Identifier: Apache-2.0
/* What the helper that talks to registries is told. Credentials go through a pipe: arguments and files can be read by others. */
#include "userctr/image_fetch.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/base64.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "userctr/conf.h"
#include "userctr/image_helper.h"
#include "userctr/req.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- platforms ---- */

static const char *arch_name(const char *s)
{
	static const char *const other[][2] = {{"x86_64", "amd64"}, {"x86-64", "amd64"}, {"aarch64", "arm64"}, {"i386", "386"},
					       {"i686", "386"},	    {"armhf", "arm"},	 {"armel", "arm"}};

	for (size_t i = 0; i < countof(other); i++)
		if (strcmp(s, other[i][0]) == 0)
			return other[i][1];
	return s;
}

static bool is_word(const char *s)
{
	return *s != '\0' && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-.") == strlen(s);
}

int fetch_platform_parse(const char *text, struct fetch_platform *ret, struct err *e)
{
	char part[3][32] = {"linux", "amd64", ""}, rest = '\0';

	*ret = (struct fetch_platform){"linux", "amd64", "", false};
	if (text == NULL || *text == '\0')
		return 0;
	int n = sscanf(text, "%31[^/]/%31[^/]/%15[^/]%c", part[0], part[1], part[2], &rest);
	if (n == 1 && strcmp(part[0], "linux") != 0) { /* an architecture alone */
		memcpy(part[1], part[0], sizeof(part[0]));
		strcpy(part[0], "linux");
	}
	for (int i = 0; i < 3; i++)
		for (char *p = part[i]; *p != '\0'; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
	if (n < 1 || n > 3 || text[strlen(text) - 1] == '/' || strstr(text, "//") != NULL || !is_word(part[0]) || !is_word(part[1]) ||
	    (part[2][0] != '\0' && !is_word(part[2])))
		return err_say(e, EINVAL, "\"%.60s\" is an invalid OS/architecture specifier", text);
	(void)snprintf(ret->os, sizeof(ret->os), "%s", part[0]); /* these fit */
	(void)snprintf(ret->arch, sizeof(ret->arch), "%s", arch_name(part[1]));
	(void)snprintf(ret->variant, sizeof(ret->variant), "%.15s", part[2]);
	if (strcmp(ret->arch, "arm64") == 0 && strcmp(ret->variant, "v8") == 0)
		ret->variant[0] = '\0'; /* there is no other one; indexes leave it out */
	if (strcmp(part[1], "armhf") == 0)
		strcpy(ret->variant, "v7");
	ret->is_asked = true;
	return 0;
}

/* ---- the job ---- */

/* 127.0.0.0/8 and ::1, as docker has it, and those of the configuration. */
static bool is_insecure(const struct conf *c, const char *host)
{
	if (strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 || strcmp(host, "localhost") == 0 ||
	    strncmp(host, "localhost:", 10) == 0)
		return true;
	for (unsigned i = 0; i < c->n_insecure; i++)
		if (strcmp(c->insecure[i], host) == 0)
			return true;
	return false;
}

static void put_auth(struct json_writer *w, const struct json *auth)
{
	static const char *const keys[][2] = {{"user", "username"}, {"password", "password"}, {"identity", "identitytoken"},
					      {"token", "registrytoken"}};
	struct buf plain __attribute__((cleanup(buf_release))) = BUF_INIT(FETCH_JOB_MAX);
	const char *both = json_str_or(json_get(auth, "auth"), "");
	char *colon;

	for (size_t i = 0; i < countof(keys); i++) {
		const char *v = json_str(json_get(auth, keys[i][1]));
		if (v != NULL && *v != '\0')
			jw_kstr(w, keys[i][0], v);
	}
	if (json_str(json_get(auth, "username")) != NULL || *both == '\0' ||
	    base64_decode(&plain, both, strlen(both), BASE64_STD, NULL) < 0 || (colon = strchr(buf_str(&plain), ':')) == NULL)
		return;
	*colon = '\0';
	jw_kstr(w, "user", plain.data);
	jw_kstr(w, "password", colon + 1);
}

static void put_job(const struct conf *c, const struct fetch_start *s, struct buf *out)
{
	char host[REF_DOMAIN_MAX + 1], text[REF_TEXT_SIZE], digest[DIGEST_TEXT_SIZE];
	struct json_writer w;

	if (s->host != NULL)
		(void)snprintf(host, sizeof(host), "%s", s->host); /* cut: is no host */
	else
		(void)snprintf(host, sizeof(host), "%.*s", (int)s->ref->domain_len, s->ref->name); /* fits */
	jw_init(&w, out);
	jw_obj(&w);
	jw_kstr(&w, "op", s->op);
	jw_kstr(&w, "host", host);
	if (s->ref != NULL)
		jw_kstr(&w, "ref", ref_text(s->ref, text));
	if (s->manifest != NULL)
		jw_kstr(&w, "manifest", digest_text(s->manifest, digest));
	if (s->platform != NULL) {
		jw_kstr(&w, "os", s->platform->os);
		jw_kstr(&w, "arch", s->platform->arch);
		jw_kstr(&w, "variant", s->platform->variant);
		jw_kbool(&w, "has_platform", s->platform->is_asked);
	}
	jw_kbool(&w, "insecure", is_insecure(c, host));
	put_auth(&w, s->auth);
	jw_end_obj(&w);
}

int fetch_start(const struct conf *conf, const struct fetch_start *s, int *ret_sock, struct err *e)
{
	const char *const argv[] = {"userctr", "fetch", s->folder, NULL};
	struct buf job __attribute__((cleanup(buf_release))) = BUF_INIT(FETCH_JOB_MAX);
	int in[2], pair[2];

	put_job(conf, s, &job);
	int r = buf_error(&job);
	if (r < 0)
		return err_set(e, -r, "credentials");
	if (pipe2(in, O_CLOEXEC) < 0)
		return err_set(e, errno, "start a helper");
	owned_fd int in_read = in[0], in_write = in[1];
	r = write_all(in_write, buf_str(&job), job.len); /* cannot block: a pipe holds more */
	if (r < 0)
		return err_set(e, -r, "start a helper");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "start a helper");
	owned_fd int ours = pair[0], theirs = pair[1];
	const int fds[] = {in_read, s->to, -1, theirs};
	r = helper_spawn(argv, fds, countof(fds), e);
	if (r >= 0)
		*ret_sock = take_fd(ours);
	return r;
}

struct json_doc *fetch_auth(const struct req *q)
{
	struct buf text __attribute__((cleanup(buf_release))) = BUF_INIT(FETCH_JOB_MAX);
	const char *head = req_header(q, "X-Registry-Auth");
	struct json_doc *doc = NULL;

	if (head == NULL)
		return NULL;
	bool is_std = strpbrk(head, "+/") != NULL;
	if (base64_decode(&text, head, strlen(head), is_std ? BASE64_STD : BASE64_URL, NULL) < 0 ||
	    json_parse(buf_str(&text), text.len, &doc, NULL) < 0)
		return NULL;
	return doc;
}
