// SPDX-License-Identifier: Apache-2.0
/* User namespaces: their maps, and one to take the map of an idmapped mount from. */
#include "sysctr/internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define MAP_TEXT 4096
#define MAPS_MAX 340 /* the kernel's */

static int write_map(pid_t pid, const char *file, const struct oci_idmap *m, size_t n, struct err *e)
{
	char path[64], text[MAP_TEXT];
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	for (size_t i = 0; i < n; i++) {
		int k = snprintf(text + len, sizeof(text) - len, "%u %u %u\n", m[i].inside, m[i].outside, m[i].size);
		if (k < 0 || (size_t)k >= sizeof(text) - len)
			return err_set(e, E_SPEC, "linux.%s: too many entries", file);
		len += (size_t)k;
	}
	return file_write_at(AT_FDCWD, path, text, e);
}

/* An ordinary user may map one id, its own; for more there are newuidmap and newgidmap. */
static int helper_map(pid_t pid, const char *tool, const struct oci_idmap *m, size_t n, struct err *e)
{
	static char words[3 * MAPS_MAX + 1][12];
	static const char *args[3 * MAPS_MAX + 3];
	char path[64];
	size_t k = 0;

	if (n > MAPS_MAX)
		return err_set(e, E_SPEC, "linux.uidMappings, linux.gidMappings: more than %d entries", MAPS_MAX);
	(void)snprintf(path, sizeof(path), "/usr/bin/%s", tool);
	(void)snprintf(words[k++], sizeof(words[0]), "%d", pid);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(words[k++], sizeof(words[0]), "%u", m[i].inside);
		(void)snprintf(words[k++], sizeof(words[0]), "%u", m[i].outside);
		(void)snprintf(words[k++], sizeof(words[0]), "%u", m[i].size);
	}
	args[0] = path;
	for (size_t i = 0; i < k; i++)
		args[i + 1] = words[i];
	args[k + 1] = NULL;
	int r = program_run(path, args, NULL, "", 0, -1, e);
	return r < 0 ? err_wrap(e, r, "%s", tool) : 0;
}

int idmap_write(pid_t pid, const struct oci_spec *spec, struct err *e)
{
	struct err own;
	char path[64];

	int r = write_map(pid, "uid_map", spec->uid_maps, spec->uid_map_count, &own);
	if (r == -EPERM && geteuid() != 0)
		r = helper_map(pid, "newuidmap", spec->uid_maps, spec->uid_map_count, &own);
	if (r < 0)
		return err_set(e, -r, "linux.uidMappings: %s", own.msg);
	r = write_map(pid, "gid_map", spec->gid_maps, spec->gid_map_count, &own);
	if (r == -EPERM && geteuid() != 0) {
		bool is_own = spec->gid_map_count == 1 && spec->gid_maps[0].size == 1 && spec->gid_maps[0].outside == getegid();
		if (is_own) {
			/* the kernel wants setgroups(2) given up first */
			(void)snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
			r = file_write_at(AT_FDCWD, path, "deny", &own);
			if (r == 0)
				r = write_map(pid, "gid_map", spec->gid_maps, spec->gid_map_count, &own);
		} else {
			r = helper_map(pid, "newgidmap", spec->gid_maps, spec->gid_map_count, &own);
		}
	}
	return r < 0 ? err_set(e, -r, "linux.gidMappings: %s", own.msg) : 0;
}

int userns_make(const struct oci_idmap *uids, size_t uid_count, const struct oci_idmap *gids, size_t gid_count, struct err *e)
{
	struct clone_args a = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	char path[64];

	pid_t pid = sys_clone3(&a, sizeof(a));
	if (pid == 0)
		for (;;)
			pause();
	if (pid < 0)
		return err_set(e, errno, "make a user namespace");
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? err_set(e, errno, "open '%s'", path) : write_map(pid, "uid_map", uids, uid_count, e);
	if (r == 0)
		r = write_map(pid, "gid_map", gids, gid_count, e);
	(void)kill(pid, SIGKILL); /* our own child: the number cannot be another's */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		drop_fd(&fd);
	return r < 0 ? r : fd;
}

int userns_of_container(struct stage *s, struct err *e)
{
	const struct oci_spec *spec = s->spec;

	for (size_t i = 0; i < spec->namespace_count; i++)
		if (spec->namespaces[i].flag == CLONE_NEWUSER && spec->namespaces[i].path != NULL) {
			int fd = open(spec->namespaces[i].path, O_RDONLY | O_CLOEXEC);
			return fd < 0 ? err_set(e, errno, "open namespace '%s'", spec->namespaces[i].path) : fd;
		}
	if (spec->uid_map_count == 0 || spec->gid_map_count == 0)
		return err_set(e, E_SPEC, "uidMappings: is missing, and the container has no user namespace");
	return userns_make(spec->uid_maps, spec->uid_map_count, spec->gid_maps, spec->gid_map_count, e);
}
