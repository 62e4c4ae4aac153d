// SPDX-License-Identifier: Apache-2.0
/* Options of a tmpfs: docker's defaults, overridden by what was asked for. */
#include "userctr/ctr_conf_internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OPTIONS_MAX 32

/* Flags in pairs that exclude each other; a pair of its own per group. */
static const char *const flags[][2] = {
	{"noexec", "exec"}, {"nosuid", "suid"}, {"nodev", "dev"}, {"ro", "rw"}, {"sync", "async"}, {"noatime", "atime"},
	{"nodiratime", "diratime"}, {"relatime", "norelatime"}, {"strictatime", "nostrictatime"},
};
static const char *const with_value[] = {"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"};
static const char *const propagations[] = {"private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable",
					   "runbindable"};

/* A number by which options of one kind are told: the later one replaces the earlier. -1: not an option of tmpfs. */
static int kind_of(const char *s, size_t n)
{
	const char *eq = memchr(s, '=', n);

	for (size_t i = 0; eq == NULL && i < countof(flags); i++)
		for (size_t j = 0; j < 2; j++)
			if (strlen(flags[i][j]) == n && memcmp(s, flags[i][j], n) == 0)
				return (int)i;
	for (size_t i = 0; eq == NULL && i < countof(propagations); i++)
		if (strlen(propagations[i]) == n && memcmp(s, propagations[i], n) == 0)
			return 50;
	for (size_t i = 0; eq != NULL && eq + 1 < s + n && i < countof(with_value); i++)
		if (strlen(with_value[i]) == (size_t)(eq - s) && memcmp(s, with_value[i], (size_t)(eq - s)) == 0)
			return 100 + (int)i;
	return -1;
}

int tmpfs_options(const char *text, char *ret, size_t size, struct err *e)
{
	struct {
		const char *s;
		size_t n;
		int kind;
	} list[OPTIONS_MAX] = {{"noexec", 6, 0}, {"nosuid", 6, 1}, {"nodev", 5, 2}};
	size_t n = 3, len = 0;

	for (const char *p = text; *p != '\0';) {
		size_t l = strcspn(p, ","), i = 0;
		int kind = l > 0 ? kind_of(p, l) : 0;
		if (kind < 0 || (l > 0 && n == OPTIONS_MAX))
			return err_say(e, EINVAL, "invalid tmpfs option [\"%.*s\"]", (int)(l < 100 ? l : 100), p);
		while (i < n && list[i].kind != kind)
			i++;
		/* a replaced one goes to the end, as docker has it */
		if (l > 0 && i < n) {
			memmove(&list[i], &list[i + 1], (n - i - 1) * sizeof(list[0]));
			n--;
		}
		if (l > 0) {
			list[n].s = p;
			list[n].n = l;
			list[n++].kind = kind;
		}
		p += l + (p[l] == ',');
	}
	ret[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		int w = snprintf(ret + len, size - len, "%s%.*s", i > 0 ? "," : "", (int)list[i].n, list[i].s);
		if (w < 0 || (size_t)w >= size - len)
			return err_say(e, EINVAL, "tmpfs options are too long");
		len += (size_t)w;
	}
	return 0;
}
