// SPDX-License-Identifier: Apache-2.0
/* The cgroup is how every process of a service is found, double-forked ones too. Its files are opened for each use:
 * the runtime makes and removes the directory, so a descriptor kept would soon be one of the past. */
#include "init/pid1.h"
#include "init/svc.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const char *path_of(const struct svc *s, const char *file, char out[PATH_TEXT_MAX])
{
	(void)snprintf(out, PATH_TEXT_MAX, "/sys/fs/cgroup/system/%s%s%s", s->def->name, *file != '\0' ? "/" : "",
		       file); /* names are bounded by the table's check */
	return out;
}

static ssize_t read_at(int fd, char *out, size_t size)
{
	ssize_t n = pread(fd, out, size - 1, 0);

	out[n > 0 ? n : 0] = '\0';
	return n;
}

void svc_cgroup_kill(struct svc *s)
{
	char path[PATH_TEXT_MAX];

	owned_fd int fd = open(path_of(s, "cgroup.kill", path), O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "1", 1) != 1)
		log_warn("slipway", "service '%s': kill its cgroup: %s", s->def->name, strerror(errno));
}

static void on_events(struct source *src, uint32_t events)
{
	(void)events;
	svc_wish(owner_of(src, struct svc, events), SVC_WISH_EMPTY);
}

static void on_events_gone(struct source *src)
{
	close(src->fd);
	src->fd = -1;
}

static bool says_empty(int fd)
{
	char text[128];

	/* unreadable means removed meanwhile: then nothing can be in it */
	return read_at(fd, text, sizeof(text)) < 0 || strstr(text, "populated 0") != NULL;
}

bool svc_cgroup_is_empty(struct svc *s)
{
	char path[PATH_TEXT_MAX];
	struct err e;

	if (s->events.loop != NULL && !s->events.leaving)
		return says_empty(s->events.fd);
	if (s->events.leaving)
		return false; /* of an instance before; the next round looks again */
	owned_fd int fd = open(path_of(s, "cgroup.events", path), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENODEV;
	/* watched before it is read: a change between the two would be lost otherwise */
	s->events = (struct source){.fd = fd, .name = "cgroup.events", .ready = on_events, .gone = on_events_gone};
	if (loop_add(&s->p->loop, &s->events, EPOLLPRI, &e) < 0) {
		s->events.fd = -1;
		log_warn("slipway", "service '%s': %s", s->def->name, e.msg);
		return says_empty(fd); /* the nag timer looks again */
	}
	return says_empty(take_fd(fd));
}

void svc_cgroup_leave(struct svc *s)
{
	char path[PATH_TEXT_MAX];

	loop_remove(&s->events);
	(void)rmdir(path_of(s, "", path)); /* with sub-cgroups it stays until the next start */
}

bool svc_cgroup_was_oom(const struct svc *s)
{
	char path[PATH_TEXT_MAX], text[256];

	owned_fd int fd = open(path_of(s, "memory.events", path), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read_at(fd, text, sizeof(text)) <= 0)
		return false;
	const char *kills = strstr(text, "oom_kill ");
	return kills != NULL && kills[9] != '0';
}
