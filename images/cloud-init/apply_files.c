// SPDX-License-Identifier: Apache-2.0
/* Files, keys and mounts. Homes belong to their users: nothing in them is reached through a link of theirs. */
#include "images/cloud-init/cloud_init.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/base64.h"
#include "lib/codec/json.h"
#include "lib/config/plan.h"
#include "lib/config/userdata.h"
#include "lib/sys/io.h"
#include "lib/sys/path.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool is_path(const char *p)
{
	size_t n = strlen(p);

	if (p[0] != '/' || n >= 1024 || n < 2 || p[n - 1] == '/' || strstr(p, "/../") != NULL || (n >= 3 && strcmp(p + n - 3, "/..") == 0))
		return false;
	for (; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20)
			return false;
	return true;
}

/* "USER", "USER:GROUP", ":GROUP": names of the console, or numbers. */
static int parse_owner(const char *text, uid_t *uid, gid_t *gid, struct err *e)
{
	char user[64];
	size_t n = strcspn(text, ":");
	struct account a;
	char *end;

	if (n >= sizeof(user))
		return err_say(e, EINVAL, "owner '%.60s' is unknown", text);
	memcpy(user, text, n);
	user[n] = '\0';
	*uid = 0;
	*gid = 0;
	if (n > 0 && account_find(user, &a, NULL) == 0) {
		*uid = a.uid;
		*gid = a.gid;
	} else if (n > 0) {
		unsigned long v = strtoul(user, &end, 10);
		if (*end != '\0' || user[0] == '-' || v > 0x7fffffff)
			return err_say(e, EINVAL, "owner '%s' is unknown", user);
		*uid = (uid_t)v;
	}
	if (text[n] == '\0' || text[n + 1] == '\0')
		return 0;
	const struct group *g = getgrnam(text + n + 1);
	unsigned long v = strtoul(text + n + 1, &end, 10);
	if (g == NULL && (*end != '\0' || text[n + 1] == '-' || v > 0x7fffffff))
		return err_say(e, EINVAL, "group '%.60s' is unknown", text + n + 1);
	*gid = g != NULL ? g->gr_gid : (gid_t)v;
	return 0;
}

/* The whole file in content, or with the old one before it. */
static int with_old(int dir, const char *name, struct buf *content, struct err *e)
{
	owned_buf struct buf old = BUF_INIT(16 * USERDATA_MAX);
	owned_fd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	int r = fd < 0 ? -errno : read_all(fd, &old);
	if (r < 0)
		return err_set(e, -r, "read '%s'", name);
	if (old.len >= content->len && (content->len == 0 || memcmp(old.data + old.len - content->len, content->data, content->len) == 0)) {
		buf_clear(content); /* it was added at an earlier boot */
	}
	buf_put(&old, content->data, content->len);
	if (buf_error(&old) < 0)
		return err_set(e, -buf_error(&old), "add to '%s'", name);
	struct buf t = *content;
	*content = old;
	old = t;
	return 0;
}

static int put_file(int dir, const char *name, const struct buf *b, mode_t mode, uid_t uid, gid_t gid, struct err *e)
{
	int r = file_replace(dir, name, buf_str(b), b->len, 0600, e);

	if (r < 0)
		return r;
	owned_fd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)
		return err_set(e, errno, "give '%s' its owner and mode", name);
	return 0;
}

int apply_file(const struct json *op, struct err *e)
{
	owned_buf struct buf content = BUF_INIT(17 * USERDATA_MAX);
	const char *path = json_str_or(json_get(op, "path"), ""), *text = json_str_or(json_get(op, "content"), "");
	const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : "";
	int64_t mode;
	uid_t uid = 0;
	gid_t gid = 0;
	int r;

	if (!is_path(path) || !json_is_int(json_get(op, "mode"), 0, 07777, &mode))
		return err_say(e, EINVAL, "neither path nor mode of a file");
	if ((r = parse_owner(json_str_or(json_get(op, "owner"), ""), &uid, &gid, e)) < 0 ||
	    (r = base64_decode(&content, text, strlen(text), BASE64_STD, e)) < 0)
		return r;
	owned_mem char *parent = strdup(path);
	if (parent == NULL)
		return err_set(e, ENOMEM, "write it");
	*(strrchr(parent, '/') + (strrchr(parent, '/') == parent)) = '\0';
	owned_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	owned_fd int made = path_mkdir_in(root, parent, 0755, e);
	if (made < 0)
		return made;
	owned_fd int dir = path_open_in(root, parent, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0)
		return dir;
	if (json_bool(json_get(op, "append"), false) && (r = with_old(dir, name, &content, e)) < 0)
		return r;
	return put_file(dir, name, &content, (mode_t)mode, uid, gid, e);
}

/* ---- keys ------------------------------------------------------------------------------------------ */

static bool has_line(const struct buf *b, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = buf_str(b); *p != '\0';) {
		size_t len = strcspn(p, "\n");
		if (len == n && memcmp(p, line, n) == 0)
			return true;
		p += len + (p[len] == '\n');
	}
	return false;
}

int apply_key(const struct json *op, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(USERDATA_MAX);
	const char *line = json_str_or(json_get(op, "line"), "");
	struct account a;

	if (line[0] == '\0' || strlen(line) > PLAN_KEY_MAX || strpbrk(line, "\r\n") != NULL)
		return err_say(e, EINVAL, "a key is one line");
	int r = account_find(json_str_or(json_get(op, "user"), ""), &a, e);
	if (r < 0)
		return r;
	owned_fd int home = open(a.home, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (home < 0)
		return err_set(e, errno, "open home '%s'", a.home);
	if (mkdirat(home, ".ssh", 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "make '%s/.ssh'", a.home);
	owned_fd int dir = openat(home, ".ssh", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fchown(dir, a.uid, a.gid) < 0 || fchmod(dir, 0700) < 0)
		return err_set(e, errno, "use '%s/.ssh'", a.home);
	owned_fd int fd = openat(dir, "authorized_keys", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 ? errno != ENOENT : (r = read_all(fd, &b)) < 0)
		return err_set(e, fd < 0 ? errno : -r, "read '%s/.ssh/authorized_keys'", a.home);
	if (has_line(&b, line))
		return 0;
	if (b.len > 0 && b.data[b.len - 1] != '\n')
		buf_putc(&b, '\n');
	buf_printf(&b, "%s\n", line);
	if (buf_error(&b) < 0)
		return err_set(e, -buf_error(&b), "add to '%s/.ssh/authorized_keys'", a.home);
	return put_file(dir, "authorized_keys", &b, 0600, a.uid, a.gid, e);
}

/* ---- mounts ---------------------------------------------------------------------------------------- */

/* Options that are for other programs than mount(8). */
static void clean_options(const char *in, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	while (*in != '\0') {
		size_t n = strcspn(in, ",");
		bool drop = strncmp(in, "x-", 2) == 0 || (n == 6 && memcmp(in, "nofail", 6) == 0) || (n == 7 && memcmp(in, "_netdev", 7) == 0) ||
			    strncmp(in, "comment=", 8) == 0 || n == 0;
		if (!drop && used + n + 2 < size)
			used += (size_t)snprintf(out + used, size - used, "%s%.*s", used > 0 ? "," : "", (int)n, in);
		in += n + (in[n] == ',');
	}
}

static bool is_mounted(const char *where)
{
	owned_buf struct buf b = BUF_INIT(USERDATA_MAX);
	char word[1100];

	(void)snprintf(word, sizeof(word), " %s ", where); /* fits: is_path() */
	return file_read(AT_FDCWD, "/proc/self/mounts", &b, NULL) == 0 && strstr(buf_str(&b), word) != NULL;
}

int apply_mount(const struct json *op, struct err *e)
{
	const char *what = json_str_or(json_get(op, "what"), ""), *where = json_str_or(json_get(op, "where"), "");
	const char *type = json_str_or(json_get(op, "type"), "auto");
	char options[512], device[160];

	if (!is_path(where) || what[0] == '\0' || what[0] == '-' || type[0] == '-')
		return err_say(e, EINVAL, "not a mount");
	if (is_mounted(where))
		return 0;
	/* cloud-init allows "sdb1" */
	(void)snprintf(device, sizeof(device), "/dev/%.100s", what); /* cut is not found */
	if (strpbrk(what, "/=:") == NULL && access(device, F_OK) == 0)
		what = device;
	clean_options(json_str_or(json_get(op, "options"), ""), options, sizeof(options));
	int r = dir_make_all(AT_FDCWD, where, 0755, e);
	if (r < 0)
		return r;
	const char *words[] = {"/bin/mount", "-t", type, "-o", options[0] != '\0' ? options : "defaults", what, where, NULL};
	return run_words(words, e);
}

int apply_command(const struct json *op, struct err *e)
{
	const char *words[258] = {0}, *shell[] = {"/bin/sh", "-c", "exec \"$@\"", "sh"};
	struct json_iter it = json_iter(json_get(op, "words"));
	size_t n = 0;

	/* a name without '/' is looked for by the shell */
	while (n < countof(shell)) {
		words[n] = shell[n];
		n++;
	}
	while (json_next(&it)) {
		if (n + 1 >= countof(words) || json_str(it.value) == NULL)
			return err_say(e, EINVAL, "not a command of at most %zu words", countof(words) - 6);
		words[n++] = json_str(it.value);
	}
	return n == countof(shell) ? err_say(e, EINVAL, "an empty command") : run_words(words, e);
}

int apply_script(const struct json *op, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(USERDATA_MAX);
	const char *text = json_str_or(json_get(op, "content"), "");
	static const char path[] = "/root/.cloud-init-script";
	const char *words[] = {path, NULL};

	int r = base64_decode(&b, text, strlen(text), BASE64_STD, e);
	if (r < 0 || (r = dir_make_all(AT_FDCWD, "/root", 0700, e)) < 0)
		return r;
	owned_fd int dir = open("/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open '/root'");
	r = file_replace(dir, path + 6, buf_str(&b), b.len, 0700, e);
	if (r == 0)
		r = run_words(words, e);
	(void)unlinkat(dir, path + 6, 0); /* it may have secrets; the next one replaces it otherwise */
	return r;
}
