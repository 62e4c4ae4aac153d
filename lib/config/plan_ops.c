// SPDX-License-Identifier: Apache-2.0
/* What each key becomes. Types were checked when the files were read; what only the whole shows is checked here. */
#include "lib/config/plan_ops.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/base64.h"
#include "lib/config/plan.h"
#include "lib/config/tree.h"
#include "lib/config/userdata.h"

#include <stdio.h>
#include <string.h>

static void complain(struct plan *p, const struct cfg *n, const char *key, const char *what)
{
	char text[400];

	(void)snprintf(text, sizeof(text), "%.120s:%u: key '%s': %.200s", n->file, n->line, key, what); /* cut is fine */
	plan_say(p, text);
}

static const char *text_of(const struct cfg *map, const char *key, const char *fallback)
{
	const struct cfg *n = cfg_get(map, key);

	return n != NULL && n->type != YAML_MAP && n->type != YAML_LIST && n->type != YAML_NULL ? n->text : fallback;
}

static bool flag_of(const struct cfg *map, const char *key, bool fallback)
{
	const struct cfg *n = cfg_get(map, key);

	if (n == NULL)
		return fallback;
	return n->type == YAML_BOOL ? n->truth : strchr("yYtT1", n->text[0]) != NULL || strcmp(n->text, "on") == 0;
}

static void put_base64(struct plan *p, const char *key, const char *s, size_t n)
{
	owned_buf struct buf b = BUF_INIT(n * 2 + 16);

	base64_encode(&b, s, n, BASE64_STD, true);
	jw_kstr(&p->w, key, buf_str(&b));
}

static bool is_line(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 && *s != '\t')
			return false;
	return true;
}

static bool is_user_name(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 31 || s[0] == '-' || s[0] == '.' || (s[0] >= '0' && s[0] <= '9'))
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}

/* ---- keys and users -------------------------------------------------------------------------------- */

static void put_key(struct plan *p, const char *user, const struct cfg *n)
{
	char *end = (char *)(uintptr_t)n->text + n->len;
	size_t len = n->len;

	while (len > 0 && (end[-1] == '\n' || end[-1] == ' '))
		end--, len--;
	if (len == 0 || len > PLAN_KEY_MAX || memchr(n->text, '\n', len) != NULL || memchr(n->text, '\r', len) != NULL) {
		complain(p, n, "ssh_authorized_keys", "expected one line");
		return;
	}
	jw_obj(&p->w);
	jw_kstr(&p->w, "op", "key");
	jw_kstr(&p->w, "user", user);
	jw_key(&p->w, "line");
	jw_strn(&p->w, n->text, len);
	jw_end_obj(&p->w);
}

static void put_keys(struct plan *p, const char *user, const struct cfg *list)
{
	for (const struct cfg *k = list != NULL && (list->type == YAML_LIST || list->type == YAML_MAP) ? list->first : NULL;
	     k != NULL; k = k->next) {
		if (k->type == YAML_STR)
			put_key(p, user, k);
		else if (k->type == YAML_MAP)
			put_keys(p, user, k); /* EC2's shape: number: {openssh-key: line} */
	}
	if (list != NULL && list->type == YAML_STR)
		put_key(p, user, list);
}

static void put_admin_keys(struct plan *p)
{
	static const char *const admins[] = {"slipway", "rancher"}, *const names[] = {"public-keys", "public_keys"};

	for (size_t i = 0; i < countof(admins); i++) {
		put_keys(p, admins[i], cfg_get(p->root, "ssh_authorized_keys"));
		for (size_t k = 0; k < countof(names); k++)
			put_keys(p, admins[i], cfg_get(p->meta, names[k]));
	}
}

static bool is_admin(const char *name)
{
	return strcmp(name, "slipway") == 0 || strcmp(name, "rancher") == 0;
}

static void put_user(struct plan *p, const struct cfg *n)
{
	const char *name = n->type == YAML_MAP ? text_of(n, "name", "") : n->text;
	char home[64];

	if (strcmp(name, "default") == 0)
		return;
	if (!is_user_name(name) || strcmp(name, "root") == 0 || strcmp(name, "nobody") == 0) {
		complain(p, n, "users.name", "expected the name of a new user: letters, digits, '_', '-' and '.', at most 31");
		return;
	}
	(void)snprintf(home, sizeof(home), "/home/%s", name); /* fits */
	const char *hash = text_of(n, "hashed_passwd", text_of(n, "passwd", ""));
	const struct cfg *uid = cfg_get(n, "uid");
	if (hash[0] != '\0' && hash[0] != '$') {
		complain(p, n, "users.passwd", "expected a hash that begins with '$'");
		hash = "";
	}
	jw_obj(&p->w);
	jw_kstr(&p->w, "op", "user");
	jw_kstr(&p->w, "name", name);
	jw_kint(&p->w, "uid", uid != NULL && uid->type == YAML_INT ? uid->number : 0);
	jw_kstr(&p->w, "gecos", text_of(n, "gecos", ""));
	jw_kstr(&p->w, "home", is_admin(name) ? home : text_of(n, "homedir", home));
	jw_kstr(&p->w, "shell", text_of(n, "shell", "/bin/sh"));
	jw_kstr(&p->w, "hash", flag_of(n, "lock_passwd", hash[0] == '\0') ? "" : hash);
	jw_end_obj(&p->w);
	put_keys(p, name, cfg_get(n, "ssh_authorized_keys"));
}

/* ---- files ----------------------------------------------------------------------------------------- */

static int decode_content(const struct cfg *content, const char *encoding, struct buf *out, struct err *e)
{
	bool b64 = strstr(encoding, "b64") != NULL || strstr(encoding, "base64") != NULL;
	bool gz = strncmp(encoding, "gz", 2) == 0;
	owned_buf struct buf clean = BUF_INIT(USERDATA_MAX);
	owned_buf struct buf raw = BUF_INIT(USERDATA_MAX);
	int r = 0;

	if (!b64 && !gz) {
		buf_put(out, content->text, content->len);
		return 0;
	}
	/* gzip is not text: whoever says gzip alone means base64 around it too */
	for (size_t i = 0; i < content->len; i++)
		if (strchr(" \t\r\n", content->text[i]) == NULL)
			buf_putc(&clean, content->text[i]);
	r = base64_decode(&raw, buf_str(&clean), clean.len, BASE64_STD, e);
	if (r < 0)
		return r;
	if (gz)
		return userdata_inflate(buf_str(&raw), raw.len, out, e);
	buf_put(out, raw.data, raw.len);
	return 0;
}

static void put_file(struct plan *p, const struct cfg *n)
{
	static const struct cfg empty = {.type = YAML_STR, .text = ""};
	const char *path = text_of(n, "path", ""), *perm = text_of(n, "permissions", "0644");
	const struct cfg *content = cfg_get(n, "content");
	owned_buf struct buf text = BUF_INIT(USERDATA_MAX);
	struct err e;
	char *end;

	if (path[0] != '/' || strlen(path) >= 1024 || strstr(path, "/../") != NULL || !is_line(path)) {
		complain(p, n, "write_files.path", "expected an absolute path");
		return;
	}
	unsigned long mode = strtoul(perm[0] == '0' && perm[1] == 'o' ? perm + 2 : perm, &end, 8);
	if (*end != '\0' || perm[0] == '\0' || mode > 07777) {
		complain(p, n, "write_files.permissions", "expected an octal number as '0644'");
		return;
	}
	if (decode_content(content != NULL && content->type != YAML_NULL ? content : &empty, text_of(n, "encoding", ""), &text, &e) < 0) {
		complain(p, n, "write_files.content", e.msg);
		return;
	}
	jw_obj(&p->w);
	jw_kstr(&p->w, "op", "file");
	jw_kstr(&p->w, "path", path);
	jw_kstr(&p->w, "owner", text_of(n, "owner", "root:root"));
	jw_kint(&p->w, "mode", (int64_t)mode);
	jw_kbool(&p->w, "append", flag_of(n, "append", false));
	jw_kbool(&p->w, "defer", flag_of(n, "defer", false));
	put_base64(p, "content", buf_str(&text), text.len);
	jw_end_obj(&p->w);
}

/* ---- mounts, commands, power ----------------------------------------------------------------------- */

static void put_mount(struct plan *p, const struct cfg *n)
{
	const char *f[6] = {"", "", "auto", "defaults", "", ""};
	size_t i = 0;

	for (const struct cfg *k = n->first; k != NULL && i < countof(f); k = k->next, i++)
		if (k->type != YAML_NULL)
			f[i] = k->text;
	if (n->count < 2 || n->count > 6 || f[0][0] == '\0' || f[1][0] != '/' || strstr(f[1], "..") != NULL) {
		complain(p, n, "mounts", strcmp(f[2], "swap") == 0 ? "swap is not supported by this version" :
			 "expected a device, an absolute path, and perhaps a type and options");
		return;
	}
	jw_obj(&p->w);
	jw_kstr(&p->w, "op", "mount");
	jw_kstr(&p->w, "what", f[0]);
	jw_kstr(&p->w, "where", f[1]);
	jw_kstr(&p->w, "type", f[2]);
	jw_kstr(&p->w, "options", f[3]);
	jw_end_obj(&p->w);
}

static void put_command(struct plan *p, const struct cfg *n, const char *when)
{
	jw_obj(&p->w);
	jw_kstr(&p->w, "op", "command");
	jw_kstr(&p->w, "when", when);
	jw_key(&p->w, "words");
	jw_arr(&p->w);
	if (n->type != YAML_LIST) {
		jw_str(&p->w, "/bin/sh");
		jw_str(&p->w, "-c");
		jw_str(&p->w, n->text);
	}
	for (const struct cfg *k = n->type == YAML_LIST ? n->first : NULL; k != NULL; k = k->next)
		jw_str(&p->w, k->text);
	jw_end_arr(&p->w);
	jw_end_obj(&p->w);
}

static void put_commands(struct plan *p, const char *key, const char *when)
{
	const struct cfg *list = cfg_get(p->root, key);

	for (const struct cfg *k = list != NULL && list->type == YAML_LIST ? list->first : NULL; k != NULL; k = k->next)
		if (k->type != YAML_LIST || k->count > 0)
			put_command(p, k, when);
}

/* cloud-init runs commands once per instance, RancherOS at every boot: whoever writes rancher: expects that, as do the files
 * on the machine itself, which belong to no instance. */
static const char *when_of_runcmd(const struct plan *p)
{
	const struct cfg *n = cfg_get(p->root, "runcmd");
	size_t len = strlen(p->source);

	if (n == NULL || len == 0 || strncmp(n->file, p->source, len < 70 ? len : 70) != 0 || p->is_rancher)
		return "always";
	return "instance";
}

static void put_scripts(struct plan *p, const struct userdata *u, enum userdata_kind kind)
{
	for (size_t i = 0; i < u->count; i++) {
		if (u->parts[i].kind != kind)
			continue;
		jw_obj(&p->w);
		jw_kstr(&p->w, "op", "script");
		jw_kstr(&p->w, "when", kind == USERDATA_BOOTHOOK ? "boot" : "instance");
		put_base64(p, "content", buf_str(&u->parts[i].text), u->parts[i].text.len);
		jw_end_obj(&p->w);
	}
}

static void put_power(struct plan *p)
{
	const struct cfg *n = cfg_get(p->root, "power_state");
	const char *mode = text_of(n, "mode", "");

	if (n == NULL || mode[0] == '\0')
		return;
	if (cfg_get(n, "condition") != NULL) {
		complain(p, n, "power_state", "ignored, because it has a condition");
		return;
	}
	jw_obj(&p->w);
	jw_kstr(&p->w, "op", "power");
	jw_kstr(&p->w, "mode", mode);
	jw_kstr(&p->w, "message", text_of(n, "message", ""));
	jw_end_obj(&p->w);
}

void plan_operations(struct plan *p, const struct userdata *u)
{
	const struct cfg *n;

	put_admin_keys(p);
	put_scripts(p, u, USERDATA_BOOTHOOK);
	put_commands(p, "bootcmd", "boot");
	if ((n = cfg_get(p->root, "users")) != NULL)
		for (const struct cfg *k = n->first; k != NULL; k = k->next)
			put_user(p, k);
	if ((n = cfg_get(p->root, "mounts")) != NULL)
		for (const struct cfg *k = n->first; k != NULL; k = k->next)
			put_mount(p, k);
	if ((n = cfg_get(p->root, "write_files")) != NULL)
		for (const struct cfg *k = n->first; k != NULL; k = k->next)
			put_file(p, k);
	put_commands(p, "runcmd", when_of_runcmd(p));
	put_scripts(p, u, USERDATA_SCRIPT);
	put_power(p);
}
