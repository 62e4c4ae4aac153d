// SPDX-License-Identifier: Apache-2.0
/* Mount options: what each word means to mount(2) and to mount_setattr(2), and what is left for the file system. */
#include "sysctr/mounts.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/oci_spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct option {
	const char *name;
	unsigned long set, clear;      /* MS_* */
	uint64_t attr_set, attr_clear; /* MOUNT_ATTR_*; with an 'r' before the name: of every mount below too */
};

/* Access times are one value, not bits: to set one the others have to be cleared. */
static const struct option options[] = {
	{"bind", MS_BIND, 0, 0, 0}, {"rbind", MS_BIND | MS_REC, 0, 0, 0}, {"defaults", 0, 0, 0, 0},
	{"ro", MS_RDONLY, 0, MOUNT_ATTR_RDONLY, 0}, {"rw", 0, MS_RDONLY, 0, MOUNT_ATTR_RDONLY},
	{"nosuid", MS_NOSUID, 0, MOUNT_ATTR_NOSUID, 0}, {"suid", 0, MS_NOSUID, 0, MOUNT_ATTR_NOSUID},
	{"nodev", MS_NODEV, 0, MOUNT_ATTR_NODEV, 0}, {"dev", 0, MS_NODEV, 0, MOUNT_ATTR_NODEV},
	{"noexec", MS_NOEXEC, 0, MOUNT_ATTR_NOEXEC, 0}, {"exec", 0, MS_NOEXEC, 0, MOUNT_ATTR_NOEXEC},
	{"sync", MS_SYNCHRONOUS, 0, 0, 0}, {"async", 0, MS_SYNCHRONOUS, 0, 0},
	{"dirsync", MS_DIRSYNC, 0, 0, 0}, {"mand", MS_MANDLOCK, 0, 0, 0}, {"nomand", 0, MS_MANDLOCK, 0, 0},
	{"noatime", MS_NOATIME, 0, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
	{"atime", 0, MS_NOATIME, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
	{"nodiratime", MS_NODIRATIME, 0, MOUNT_ATTR_NODIRATIME, 0}, {"diratime", 0, MS_NODIRATIME, 0, MOUNT_ATTR_NODIRATIME},
	{"relatime", MS_RELATIME, 0, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
	{"norelatime", 0, MS_RELATIME, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
	{"strictatime", MS_STRICTATIME, 0, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
	{"nostrictatime", 0, MS_STRICTATIME, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
	{"silent", MS_SILENT, 0, 0, 0}, {"loud", 0, MS_SILENT, 0, 0}, {"remount", MS_REMOUNT, 0, 0, 0},
	{"iversion", MS_I_VERSION, 0, 0, 0}, {"noiversion", 0, MS_I_VERSION, 0, 0},
	{"lazytime", MS_LAZYTIME, 0, 0, 0}, {"nolazytime", 0, MS_LAZYTIME, 0, 0},
	{"nosymfollow", MS_NOSYMFOLLOW, 0, MOUNT_ATTR_NOSYMFOLLOW, 0},
	{"symfollow", 0, MS_NOSYMFOLLOW, 0, MOUNT_ATTR_NOSYMFOLLOW},
};

static const struct {
	const char *name;
	unsigned long flags;
} propagations[] = {
	{"private", MS_PRIVATE}, {"rprivate", MS_PRIVATE | MS_REC}, {"shared", MS_SHARED}, {"rshared", MS_SHARED | MS_REC},
	{"slave", MS_SLAVE}, {"rslave", MS_SLAVE | MS_REC}, {"unbindable", MS_UNBINDABLE},
	{"runbindable", MS_UNBINDABLE | MS_REC},
};

const char *const *sysctr_mount_options(void)
{
	static const char *names[2 * countof(options) + countof(propagations) + 4];
	static char rec[countof(options)][16];
	size_t n = 0;

	for (size_t i = 0; i < countof(options); i++) {
		names[n++] = options[i].name;
		if ((options[i].attr_set | options[i].attr_clear) == 0)
			continue;
		(void)snprintf(rec[i], sizeof(rec[i]), "r%s", options[i].name);
		names[n++] = rec[i];
	}
	for (size_t i = 0; i < countof(propagations); i++)
		names[n++] = propagations[i].name;
	names[n++] = "idmap";
	names[n++] = "ridmap";
	names[n++] = "tmpcopyup";
	return names;
}

unsigned long mount_propagation(const char *name)
{
	for (size_t i = 0; i < countof(propagations); i++)
		if (strcmp(name, propagations[i].name) == 0)
			return propagations[i].flags;
	return 0;
}

static void take_attrs(uint64_t *set, uint64_t *clear, const struct option *o)
{
	*set = (*set & ~o->attr_clear) | o->attr_set;
	*clear = (*clear & ~o->attr_set) | o->attr_clear;
}

static bool known_option(struct want *w, const char *name)
{
	for (size_t i = 0; i < countof(options); i++) {
		const struct option *o = &options[i];
		if (strcmp(name, o->name) == 0) {
			w->flags = (w->flags & ~o->clear) | o->set;
			take_attrs(&w->set, &w->clear, o);
			return true;
		}
		if (name[0] == 'r' && strcmp(name + 1, o->name) == 0 && (o->attr_set | o->attr_clear) != 0) {
			take_attrs(&w->rec_set, &w->rec_clear, o);
			return true;
		}
	}
	unsigned long p = mount_propagation(name);
	if (p != 0)
		w->propagation = p;
	else if (strcmp(name, "idmap") == 0 || strcmp(name, "ridmap") == 0)
		w->idmap = name[0] == 'r' ? IDMAP_REC : IDMAP_ONE;
	else if (strcmp(name, "tmpcopyup") == 0)
		w->want_copy = true;
	else
		return false;
	return true;
}

int mount_options(const struct oci_mount *m, struct want *w, struct err *e)
{
	size_t len = 0;

	memset(w, 0, offsetof(struct want, data) + 1);
	for (const char **o = m->options; *o != NULL; o++) {
		if (known_option(w, *o))
			continue;
		int n = snprintf(w->data + len, sizeof(w->data) - len, "%s%s", len > 0 ? "," : "", *o);
		if (n < 0 || (size_t)n >= sizeof(w->data) - len)
			return err_set(e, E_SPEC, "options are too long");
		len += (size_t)n;
	}
	if (m->type != NULL && strcmp(m->type, "bind") == 0)
		w->flags |= (w->flags & MS_BIND) != 0 ? 0 : MS_BIND | MS_REC;
	if ((w->flags & MS_BIND) != 0 && len > 0)
		return err_set(e, E_SPEC, "option '%s' is not known", w->data);
	if (m->uid_map_count > 0 && w->idmap == 0)
		w->idmap = IDMAP_ONE;
	if (w->idmap != 0 && (w->flags & MS_BIND) == 0)
		return err_set(e, E_SPEC, "an id map needs a bind mount");
	if (w->want_copy && (m->type == NULL || strcmp(m->type, "tmpfs") != 0))
		return err_set(e, E_SPEC, "option 'tmpcopyup' needs a tmpfs");
	return 0;
}

int mount_attrs(int fd, uint64_t set, uint64_t clear, bool recursive)
{
	struct mount_attr a = {.attr_set = set, .attr_clr = clear};

	if (set == 0 && clear == 0)
		return 0;
	return sys_mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a, sizeof(a)) < 0 ? -errno : 0;
}

int mount_attach(int mnt, int target)
{
	return sys_move_mount(mnt, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ? -errno : 0;
}
