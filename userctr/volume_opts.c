// SPDX-License-Identifier: Apache-2.0
/* The local driver's options: type, device, o - what mount(8) would be told. */
#include "userctr/volume_opts.h"

#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

int volume_name_check(const char *name, struct err *e)
{
	size_t n = strlen(name);

	if (n == 1)
		return err_say(e, EINVAL, "create %s: volume name is too short, names should be at least two alphanumeric characters",
			       name);
	if (n > VOLUME_NAME_MAX)
		return err_say(e, EINVAL, "create %.40s...: volume name is longer than %d characters", name, VOLUME_NAME_MAX);
	if (strchr(NAME_CHARS, name[0]) == NULL || strspn(name, NAME_CHARS "_.-") != n)
		return err_say(e, EINVAL,
			       "create %s: \"%s\" includes invalid characters for a local volume name, only "
			       "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path",
			       name, name);
	return 0;
}

static const struct {
	const char *name;
	bool clear;
	unsigned long flag;
} words[] = {
	{"defaults", false, 0},		{"ro", false, MS_RDONLY},	 {"rw", true, MS_RDONLY},
	{"suid", true, MS_NOSUID},	{"nosuid", false, MS_NOSUID},	 {"dev", true, MS_NODEV},
	{"nodev", false, MS_NODEV},	{"exec", true, MS_NOEXEC},	 {"noexec", false, MS_NOEXEC},
	{"sync", false, MS_SYNCHRONOUS}, {"async", true, MS_SYNCHRONOUS}, {"dirsync", false, MS_DIRSYNC},
	{"mand", false, MS_MANDLOCK},	{"nomand", true, MS_MANDLOCK},	 {"atime", true, MS_NOATIME},
	{"noatime", false, MS_NOATIME}, {"diratime", true, MS_NODIRATIME}, {"nodiratime", false, MS_NODIRATIME},
	{"bind", false, MS_BIND},	{"rbind", false, MS_BIND | MS_REC}, {"relatime", false, MS_RELATIME},
	{"norelatime", true, MS_RELATIME}, {"strictatime", false, MS_STRICTATIME},
};

static bool take_word(const char *p, size_t n, unsigned long *flags)
{
	for (size_t i = 0; i < countof(words); i++)
		if (strlen(words[i].name) == n && memcmp(words[i].name, p, n) == 0) {
			*flags = words[i].clear ? *flags & ~words[i].flag : *flags | words[i].flag;
			return true;
		}
	return false;
}

static int split(const char *o, struct volume_mount *m, struct err *e)
{
	size_t used = 0;

	while (*o != '\0') {
		size_t n = strcspn(o, ",");
		if (n > 0 && !take_word(o, n, &m->flags)) {
			if (used + n + 2 > sizeof(m->data))
				return err_say(e, EINVAL, "invalid option: \"o\" is too long");
			if (used > 0)
				m->data[used++] = ',';
			memcpy(m->data + used, o, n);
			used += n;
		}
		o += n + (o[n] == ',');
	}
	m->data[used] = '\0';
	m->is_bind = (m->flags & MS_BIND) != 0;
	return 0;
}

/* The kernel does not resolve names, and the daemon asks no name server while somebody waits. */
static int check_nfs(const struct volume_mount *m, struct err *e)
{
	const char *addr = strstr(m->data, "addr=");
	struct ip ip;

	if (strncmp(m->type, "nfs", 3) != 0)
		return 0;
	if (addr == NULL || (addr != m->data && addr[-1] != ',') || ip_parse(addr + 5, strcspn(addr + 5, ","), &ip) < 0)
		return err_say(e, EINVAL, "invalid option: \"o\" of an nfs volume needs addr= with the server's address in numbers");
	return 0;
}

bool volume_opts_have_mount(const struct json *options)
{
	return json_str_len(json_get(options, "device")) > 0;
}

int volume_opts_parse(const struct json *options, struct volume_mount *ret, struct err *e)
{
	struct json_iter it = json_iter(options);
	struct volume_mount m = {.type = json_str_or(json_get(options, "type"), ""),
				 .device = json_str_or(json_get(options, "device"), "")};
	const char *o = json_str_or(json_get(options, "o"), "");

	while (json_next(&it)) {
		if (strcmp(it.key, "size") == 0)
			return err_say(e, EINVAL, "quota size requested but no quota support");
		if (strcmp(it.key, "type") != 0 && strcmp(it.key, "device") != 0 && strcmp(it.key, "o") != 0)
			return err_say(e, EINVAL, "invalid option: \"%.100s\"", it.key);
		if (json_str(it.value) == NULL)
			return err_say(e, EINVAL, "invalid option: \"%.100s\" is no string", it.key);
	}
	if (*m.type != '\0' && *m.device == '\0')
		return err_say(e, EINVAL, "missing required option: \"device\"");
	if (*m.type == '\0' && (*m.device != '\0' || *o != '\0'))
		return err_say(e, EINVAL, "missing required option: \"type\"");
	int r = split(o, &m, e);
	if (r == 0)
		r = check_nfs(&m, e);
	if (r == 0 && ret != NULL)
		*ret = m;
	return r;
}
