// SPDX-License-Identifier: Apache-2.0
/* Credentials of the client: what the config file holds, login, logout. */
#include "userctr/cli.h"

#include "lib/base/owned.h"
#include "lib/codec/base64.h"
#include "lib/codec/ref.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define HUB "https://index.docker.io/v1/"

static const char *config_path(char *path, size_t size)
{
	const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

	if (dir != NULL && dir[0] != '\0')
		(void)snprintf(path, size, "%s/config.json", dir);
	else
		(void)snprintf(path, size, "%s/.docker/config.json", home != NULL ? home : "/root");
	return path;
}

/* Read ~/.docker/config.json; NULL when there is none that can be read. */
static struct json_doc *read_config(void)
{
	struct buf b = BUF_INIT(1u << 20);
	struct json_doc *d = NULL;
	char path[4096];

	if (file_read(AT_FDCWD, config_path(path, sizeof(path)), &b, NULL) == 0)
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

/* ---- login and logout ---- */

/* Write the config file with one registry's entry replaced, or taken out (auth NULL); all else is kept. */
static int write_config(const char *server, const char *auth, struct err *e)
{
	struct buf compact = BUF_INIT(1u << 20), text = BUF_INIT(1u << 20);
	struct json_doc *d = read_config(), *made = NULL;
	struct json_iter it = json_iter(json_root(d));
	struct json_writer w;
	char path[4096];

	jw_init(&w, &compact);
	jw_obj(&w);
	jw_key(&w, "auths");
	jw_obj(&w);
	struct json_iter auths = json_iter(json_get(json_root(d), "auths"));
	while (json_next(&auths))
		if (strcmp(auths.key, server) != 0) {
			jw_key(&w, auths.key);
			jw_value(&w, auths.value);
		}
	if (auth != NULL) {
		jw_key(&w, server);
		jw_obj(&w);
		jw_kstr(&w, "auth", auth);
		jw_end_obj(&w);
	}
	jw_end_obj(&w);
	while (json_next(&it))
		if (strcmp(it.key, "auths") != 0) {
			jw_key(&w, it.key);
			jw_value(&w, it.value);
		}
	jw_end_obj(&w);
	int r = json_parse(buf_str(&compact), compact.len, &made, e);
	if (r == 0) {
		cli_indent(&text, json_root(made), 0);
		char *slash = strrchr(config_path(path, sizeof(path)), '/');
		*slash = '\0';
		r = dir_make_all(AT_FDCWD, path, 0700, e);
		owned_fd int dir = r == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
		if (r == 0 && dir < 0)
			r = err_set(e, errno, "open '%s'", path);
		if (r == 0)
			r = file_replace(dir, "config.json", buf_str(&text), text.len, 0600, e);
	}
	json_free(made);
	json_free(d);
	buf_release(&compact);
	buf_release(&text);
	return r;
}

/* A line from standard input into out, without echo when it is a password. Returns 0 or -1. */
static int ask_line(const char *question, bool is_secret, char *out, size_t size)
{
	struct termios old, quiet;
	bool is_quiet = is_secret && tcgetattr(0, &old) == 0;

	fprintf(stdout, "%s", question);
	(void)fflush(stdout);
	if (is_quiet) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(0, TCSANOW, &quiet); /* echoed at worst */
	}
	bool got = fgets(out, (int)size, stdin) != NULL;
	if (is_quiet) {
		(void)tcsetattr(0, TCSANOW, &old); /* the terminal may be gone */
		(void)puts("");
	}
	out[strcspn(out, "\r\n")] = '\0';
	return got ? 0 : -1;
}

/* Returns 0, or -1 after saying what is missing. */
static int credentials(struct cli *c, const struct cli_args *a, char *user, char *password, size_t size)
{
	(void)snprintf(user, size, "%s", cli_text(a, "username"));
	(void)snprintf(password, size, "%s", cli_text(a, "password"));
	if (cli_on(a, "password-stdin")) {
		if (user[0] == '\0') {
			cli_say(c, "the --password-stdin option requires --username to be set");
			return -1;
		}
		if (password[0] != '\0') {
			cli_say(c, "conflicting options: cannot specify both --password and --password-stdin");
			return -1;
		}
		ssize_t n = read_full(0, password, size - 1);
		password[n > 0 ? n : 0] = '\0';
		password[strcspn(password, "\r\n")] = '\0';
	} else if (password[0] != '\0') {
		fprintf(stderr, "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
	}
	if ((user[0] == '\0' || password[0] == '\0') && !isatty(0)) {
		cli_say(c, "Error: Cannot perform an interactive login from a non TTY device");
		return -1;
	}
	if (user[0] == '\0' && (ask_line("Username: ", false, user, size) < 0 || user[0] == '\0')) {
		cli_say(c, "Error: Non-null Username Required");
		return -1;
	}
	if (password[0] == '\0' && (ask_line("Password: ", true, password, size) < 0 || password[0] == '\0')) {
		cli_say(c, "Error: Password Required");
		return -1;
	}
	return 0;
}

/* "docker.io" and nothing are the hub, whose entry has a name of its own. */
static const char *server_of(const struct cli_args *a)
{
	const char *s = a->argc > 0 ? a->argv[0] : HUB;
	return strcmp(s, "docker.io") == 0 || strcmp(s, "index.docker.io") == 0 ? HUB : s;
}

static int run_login(struct cli *c, struct cli_args *a)
{
	static char user[1024], password[8192];
	struct buf body = BUF_INIT(65536), plain = BUF_INIT(65536), auth = BUF_INIT(65536);
	const char *server = server_of(a);
	struct json_writer w;
	struct err e = {0};
	char path[4096];
	int code = 1;

	if (credentials(c, a, user, password, sizeof(user)) < 0)
		return 1;
	jw_init(&w, &body);
	jw_obj(&w);
	jw_kstr(&w, "username", user);
	jw_kstr(&w, "password", password);
	jw_kstr(&w, "serveraddress", server);
	jw_end_obj(&w);
	if (cli_ask(c, "POST", "/auth", buf_str(&body), 0, NULL) >= 0) {
		buf_printf(&plain, "%s:%s", user, password);
		base64_encode(&auth, plain.data, plain.len, BASE64_STD, true);
		if (buf_error(&auth) < 0 || write_config(server, buf_str(&auth), &e) < 0) {
			cli_say(c, "Error saving credentials: %s", e.msg);
		} else {
			fprintf(stderr, "\nWARNING! Your credentials are stored unencrypted in '%s'.\n", config_path(path, sizeof(path)));
			printf("Login Succeeded\n");
			code = 0;
		}
	}
	buf_release(&body);
	buf_release(&plain);
	buf_release(&auth);
	return code;
}

static int run_logout(struct cli *c, struct cli_args *a)
{
	const char *server = server_of(a);
	struct json_doc *d = read_config();
	bool is_known = json_get(json_get(json_root(d), "auths"), server) != NULL;
	struct err e = {0};

	json_free(d);
	printf("Removing login credentials for %s\n", server);
	if (is_known && write_config(server, NULL, &e) < 0) {
		cli_say(c, "WARNING: could not erase credentials:\n%s: %s", server, e.msg);
		return 1;
	}
	return 0;
}

static const struct cli_flag flags_login[] = {
	{"password", 'p', CLI_STRING, "Password or Personal Access Token (PAT)", NULL},
	{"password-stdin", 0, CLI_BOOL, "Take the Password or Personal Access Token (PAT) from stdin", NULL},
	{"username", 'u', CLI_STRING, "Username", NULL},
	{0},
};

const struct cli_verb cli_verbs_auth[] = {
	{"login", run_login, "[SERVER]", 0, 1, "Authenticate to a registry", flags_login, "login -u me registry.example.com", false,
	 false},
	{"logout", run_logout, "[SERVER]", 0, 1, "Log out from a registry", NULL, "logout registry.example.com", false, false},
	{0},
};
