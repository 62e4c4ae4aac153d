// SPDX-License-Identifier: Apache-2.0
/* Accounts of the console: lines of passwd, group and shadow. */
#include "images/cloud-init/cloud_init.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ETC_MAX	  ((size_t)1 << 20)
#define FIRST_UID 1000u
#define LAST_UID  60000u

bool account_name_ok(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= 31 && strchr("-.0123456789", name[0]) == NULL &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}

int account_find(const char *name, struct account *ret, struct err *e)
{
	const struct passwd *p = account_name_ok(name) ? getpwnam(name) : NULL;

	if (p == NULL || strlen(p->pw_dir) >= sizeof(ret->home))
		return err_say(e, ENOENT, "no such user: '%.40s'", name);
	ret->uid = p->pw_uid;
	ret->gid = p->pw_gid;
	strcpy(ret->home, p->pw_dir);
	return 0;
}

static bool is_field(const char *s, size_t max)
{
	for (const char *c = s; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == ':')
			return false;
	return strlen(s) <= max;
}

/* Replace the line of `name` in a file of /etc, or add one. */
static int put_line(int etc, const char *file, const char *name, const char *line, mode_t mode, struct err *e)
{
	owned_buf struct buf old = BUF_INIT(ETC_MAX);
	owned_buf struct buf new = BUF_INIT(ETC_MAX);
	size_t n = strlen(name);
	int r = file_read(etc, file, &old, e);

	if (r < 0 && r != -ENOENT)
		return r;
	for (const char *p = buf_str(&old); *p != '\0';) {
		size_t len = strcspn(p, "\n");
		if (strncmp(p, name, n) != 0 || p[n] != ':')
			buf_printf(&new, "%.*s\n", (int)len, p);
		p += len + (p[len] == '\n');
	}
	buf_printf(&new, "%s\n", line);
	if (buf_error(&new) < 0)
		return err_set(e, -buf_error(&new), "write '/etc/%s'", file);
	return file_replace(etc, file, new.data, new.len, mode, e);
}

/* The wanted number; else the one that the home has already; else the next free one. */
static unsigned choose_uid(int64_t wanted, const char *home)
{
	struct stat st;

	if (wanted > 0)
		return (unsigned)wanted;
	if (lstat(home, &st) == 0 && st.st_uid >= FIRST_UID && st.st_uid <= LAST_UID && getpwuid(st.st_uid) == NULL)
		return st.st_uid;
	for (unsigned u = FIRST_UID; u <= LAST_UID; u++)
		if (getpwuid(u) == NULL)
			return u;
	return 0;
}

static int make_home(const char *home, unsigned uid, struct err *e)
{
	if (mkdir(home, 0700) < 0)
		return errno == EEXIST ? 0 : err_set(e, errno, "make home '%s'", home);
	owned_fd int fd = open(home, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || fchown(fd, uid, uid) < 0 ? err_set(e, errno, "give home '%s' away", home) : 0;
}

static int add_account(int etc, const struct json *op, const char *name, struct err *e)
{
	const char *gecos = json_str_or(json_get(op, "gecos"), ""), *home = json_str_or(json_get(op, "home"), "");
	const char *shell = json_str_or(json_get(op, "shell"), "");
	char line[1024];
	int64_t wanted;
	int r;

	if (!is_field(gecos, 200) || !is_field(shell, 200) || shell[0] != '/' || strncmp(home, "/home/", 6) != 0 || !is_field(home, 200) ||
	    strchr(home + 6, '/') != NULL || home[6] == '.' || home[6] == '\0' || !json_is_int(json_get(op, "uid"), 0, LAST_UID, &wanted))
		return err_say(e, EINVAL, "home must be a directory of /home, shell a path, and no field may have ':'");
	unsigned uid = choose_uid(wanted, home);
	if (uid == 0 || (wanted > 0 && getpwuid(uid) != NULL))
		return err_say(e, EEXIST, "the number %u is taken", uid);
	(void)snprintf(line, sizeof(line), "%s:x:%u:", name, uid); /* fits */
	if ((r = put_line(etc, "group", name, line, 0644, e)) < 0)
		return r;
	(void)snprintf(line, sizeof(line), "%s:x:%u:%u:%s:%s:%s", name, uid, uid, gecos, home, shell); /* fits */
	r = put_line(etc, "passwd", name, line, 0644, e);
	return r < 0 ? r : make_home(home, uid, e);
}

int apply_user(const struct json *op, struct err *e)
{
	const char *name = json_str_or(json_get(op, "name"), ""), *hash = json_str_or(json_get(op, "hash"), "");
	char line[512];
	struct account a;
	int r = 0;

	if (!account_name_ok(name) || strcmp(name, "root") == 0 || !is_field(hash, 256) || (hash[0] != '\0' && hash[0] != '$'))
		return err_say(e, EINVAL, "neither a name nor a hash");
	owned_fd int etc = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (etc < 0)
		return err_set(e, errno, "open '/etc'");
	bool is_new = account_find(name, &a, NULL) < 0;
	if (is_new && (r = add_account(etc, op, name, e)) < 0)
		return r;
	if (!is_new && hash[0] == '\0')
		return 0;
	/* no password makes this hash */
	(void)snprintf(line, sizeof(line), "%s:%s:::::::", name, hash[0] != '\0' ? hash : "$6$none$*"); /* fits */
	return put_line(etc, "shadow", name, line, 0600, e);
}
