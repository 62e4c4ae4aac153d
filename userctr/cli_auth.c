// SPDX-License-Identifier: Apache-2.0
/* Credentials of the client: what the config file holds, login, logout. */
#include "userctr/cli.h"

#include "lib/base/owned.h"
#include "lib/codec/base64.h"
#include "lib/codec/ref.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define HUB "https://index.docker.io/v1/"

/* Read ~/.docker/config.json; NULL when there is none that can be read. */
static struct json_doc *read_config(void)
{
	const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
	struct buf b = BUF_INIT(1u << 20);
	struct json_doc *d = NULL;
	char path[4096];

	if (dir != NULL && dir[0] != '\0')
		(void)snprintf(path, sizeof(path), "%s/config.json", dir);
	else
		(void)snprintf(path, sizeof(path), "%s/.docker/config.json", home != NULL ? home : "/root");
	if (file_read(AT_FDCWD, path, &b, NULL) == 0)
		(void)json_parse(buf_str(&b), b.len, &d, NULL); /* not ours to repair */
	buf_release(&b);
	return d;
}

/* The credentials of a registry as a header value: base64 of JSON. */
static int put_auth(const struct json *entry, const char *server, struct buf *out)
{
	struct buf plain = BUF_INIT(65536), doc = BUF_INIT(65536);
	const char *auth = json_str_or(json_get(entry, "auth"), ""), *token = json_str_or(json_get(entry, "identitytoken"), "");
	struct json_writer w;

	int r = base64_decode(&plain, auth, strlen(auth), BASE64_STD, NULL);
	char *colon = plain.data != NULL ? strchr(plain.data, ':') : NULL;
	if (r == 0 && (colon != NULL || token[0] != '\0')) {
		jw_init(&w, &doc);
		jw_obj(&w);
		if (colon != NULL) {
			*colon = '\0';
			jw_kstr(&w, "username", plain.data);
			jw_kstr(&w, "password", colon + 1);
		}
		if (token[0] != '\0')
			jw_kstr(&w, "identitytoken", token);
		jw_kstr(&w, "serveraddress", server);
		jw_end_obj(&w);
		buf_puts(out, "X-Registry-Auth: ");
		base64_encode(out, doc.data, doc.len, BASE64_URL, true);
		buf_puts(out, "\r\n");
	}
	buf_release(&plain);
	buf_release(&doc);
	return r;
}

int cli_auth_header(struct cli *c, const char *image, struct buf *out)
{
	struct ref ref;
	char server[REF_DOMAIN_MAX + 1];

	(void)c;
	if (ref_parse(image, strlen(image), &ref, NULL) < 0)
		return 0;
	(void)snprintf(server, sizeof(server), "%.*s", (int)ref.domain_len, ref.name);
	struct json_doc *d = read_config();
	const struct json *auths = json_get(json_root(d), "auths"), *entry;
	bool is_hub = strcmp(server, "docker.io") == 0;
	entry = json_get(auths, is_hub ? HUB : server);
	if (entry == NULL && !is_hub) { /* older files have the scheme with the name */
		char url[REF_DOMAIN_MAX + 16];
		(void)snprintf(url, sizeof(url), "https://%s", server);
		entry = json_get(auths, url);
	}
	if (entry != NULL)
		(void)put_auth(entry, is_hub ? HUB : server, out); /* without credentials the registry decides */
	json_free(d);
	return buf_error(out);
}
