// SPDX-License-Identifier: Apache-2.0
/* A volume at the place of a usual mount takes its place, and what lies below it too: who mounts the host's /dev wants all of it. */
#include "lib/codec/service_mounts.h"

#include "lib/base/owned.h"
#include "lib/codec/compose.h"
#include "lib/codec/json.h"
#include "lib/codec/service_spec.h"
#include "lib/codec/svcdef.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTIFY_DIR "/run/slipway/notify"

struct usual {
	const char *target, *type, *source;
	const char *options[7];
};

static const struct usual usual_mounts[] = {
	{"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
	{"/dev", "tmpfs", "tmpfs", {"nosuid", "noexec", "strictatime", "mode=755", "size=64k"}},
	{"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
	{"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
	{"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}},
	{"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
	{"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777"}},
};

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	while (n > 1 && top[n - 1] == '/')
		n--;
	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static const struct compose_mount *cover(const struct compose_service *s, const char *path)
{
	const struct compose_mount *best = NULL;

	for (size_t i = 0; i < s->mount_count; i++)
		if (is_below(path, s->mounts[i].target) && (best == NULL || strlen(s->mounts[i].target) > strlen(best->target)))
			best = &s->mounts[i];
	return best;
}

static bool is_left_out(const struct compose_service *s, const struct usual *u)
{
	/* a tmpfs of the service's own at /dev is still a /dev: only a bind brings all of it along */
	const struct compose_mount *m = cover(s, u->target);

	return m != NULL && (m->source != NULL || strcmp(m->target, u->target) == 0);
}

static void write_usual(struct json_writer *w, const struct compose_service *s, const struct usual *u)
{
	char size[40];

	if (is_left_out(s, u))
		return;
	bool is_shm = strcmp(u->target, "/dev/shm") == 0;
	jw_obj(w);
	jw_kstr(w, "destination", u->target);
	jw_kstr(w, "type", u->type);
	jw_kstr(w, "source", u->source);
	jw_key(w, "options");
	jw_arr(w);
	for (size_t i = 0; i < countof(u->options) && u->options[i] != NULL; i++)
		jw_str(w, s->is_privileged && strcmp(u->options[i], "ro") == 0 ? "rw" : u->options[i]);
	if (is_shm) {
		(void)snprintf(size, sizeof(size), "size=%lld", s->shm_size != COMPOSE_UNSET ? (long long)s->shm_size : 1ll << 20);
		jw_str(w, size);
	}
	jw_end_arr(w);
	jw_end_obj(w);
}

static void write_own(struct json_writer *w, const struct compose_mount *m)
{
	jw_obj(w);
	jw_kstr(w, "destination", m->target);
	jw_kstr(w, "type", m->source != NULL ? "bind" : "tmpfs");
	jw_kstr(w, "source", m->source != NULL ? m->source : "tmpfs");
	jw_key(w, "options");
	jw_arr(w);
	for (const char **o = m->options; *o != NULL; o++)
		jw_str(w, *o);
	jw_end_arr(w);
	jw_end_obj(w);
}

static unsigned depth_of(const char *path)
{
	unsigned n = 0;

	for (; *path != '\0'; path++)
		n += *path == '/' && path[1] != '/' && path[1] != '\0';
	return n;
}

const char *service_notify_path(const struct compose_service *s, char out[96])
{
	const struct compose_mount *m = cover(s, SERVICE_NOTIFY_TARGET);

	/* with the host's /run inside it is there already; making a place for it would make one in the host's */
	if (m != NULL && m->source != NULL && strcmp(m->source, "/run") == 0 && strcmp(m->target, "/run") == 0)
		(void)snprintf(out, 96, NOTIFY_DIR "/%s", s->name); /* names are bounded */
	else
		(void)snprintf(out, 96, SERVICE_NOTIFY_TARGET);
	return out;
}

void service_mounts_write(struct json_writer *w, const struct compose_service *s)
{
	char path[96];
	unsigned deepest = 0;

	jw_key(w, "mounts");
	jw_arr(w);
	for (size_t i = 0; i < countof(usual_mounts); i++)
		write_usual(w, s, &usual_mounts[i]);
	for (size_t i = 0; i < s->mount_count; i++)
		if (depth_of(s->mounts[i].target) > deepest)
			deepest = depth_of(s->mounts[i].target);
	/* what lies deeper comes later, else it would be covered */
	for (unsigned d = 0; d <= deepest; d++)
		for (size_t i = 0; i < s->mount_count; i++)
			if (depth_of(s->mounts[i].target) == d)
				write_own(w, &s->mounts[i]);
	if (s->ready == SVCDEF_READY_NOTIFY && strcmp(service_notify_path(s, path), SERVICE_NOTIFY_TARGET) == 0) {
		(void)snprintf(path, sizeof(path), NOTIFY_DIR "/%s", s->name); /* names are bounded */
		write_own(w, &(struct compose_mount){.source = path, .target = SERVICE_NOTIFY_TARGET,
						     .options = (const char *[]){"bind", NULL}});
	}
	jw_end_arr(w);
}
