// SPDX-License-Identifier: Apache-2.0
/* How the kernel treats the process: scheduler, I/O priority, processors, memory nodes, personality, clocks. */
#include "sysctr/internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/utsname.h>

/* struct sched_attr; its header cannot be included beside <sched.h>. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

static int set_scheduler(const struct oci_scheduler *s, struct err *e)
{
	struct attr a = {.size = sizeof(a), .policy = s->policy, .flags = s->flags, .nice = s->nice, .priority = (uint32_t)s->priority,
			 .runtime = s->runtime_ns, .deadline = s->deadline_ns, .period = s->period_ns};

	if (s->is_set && syscall(SYS_sched_setattr, 0, &a, 0) < 0)
		return err_set(e, errno, "process.scheduler");
	return 0;
}

int affinity_set(const unsigned char *list, struct err *e)
{
	if (list != NULL && syscall(SYS_sched_setaffinity, 0, OCI_LIST_BYTES, list) < 0)
		return err_set(e, errno, "process.execCPUAffinity");
	return 0;
}

int placement_set(const struct oci_spec *spec, struct err *e)
{
	const struct oci_process *p = &spec->process;
	const struct oci_memory_policy *m = &spec->memory_policy;

	int r = set_scheduler(&p->scheduler, e);
	if (r < 0)
		return r;
	/* ioprio_set(IOPRIO_WHO_PROCESS, ourselves) */
	if (p->io_class != 0 && syscall(SYS_ioprio_set, 1, 0, p->io_class << 13 | p->io_priority) < 0)
		return err_set(e, errno, "process.ioPriority");
	if (spec->personality != OCI_UNSET && personality((unsigned long)spec->personality) < 0)
		return err_set(e, errno, "linux.personality");
	if (!m->is_set)
		return 0;
	bool has_nodes = false;
	for (size_t i = 0; i < OCI_LIST_BYTES; i++)
		has_nodes |= m->nodes[i] != 0;
	if (syscall(SYS_set_mempolicy, m->mode, has_nodes ? m->nodes : NULL, has_nodes ? OCI_LIST_MAX : 0) < 0)
		return err_set(e, errno, "linux.memoryPolicy");
	return 0;
}

/* The new time namespace is for children, and for whoever calls execve(2): Linux 6.1 and later. */
int time_offsets_set(struct stage *s, struct err *e)
{
	struct utsname u;
	int major = 0, minor = 0;
	char text[96];

	if ((s->ns_new & CLONE_NEWTIME) == 0)
		return s->spec->time_offset_count == 0 ? 0 : err_set(e, E_SPEC, "linux.timeOffsets: needs a new time namespace");
	if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2 || major * 100 + minor < 601)
		return err_say(e, EOPNOTSUPP, "linux.namespaces: a time namespace needs Linux 6.1");
	if (unshare(CLONE_NEWTIME) < 0)
		return err_set(e, errno, "make a time namespace");
	for (size_t i = 0; i < s->spec->time_offset_count; i++) {
		const struct oci_time_offset *t = &s->spec->time_offsets[i];
		(void)snprintf(text, sizeof(text), "%s %lld %u\n", t->clock, (long long)t->secs, t->nanosecs);
		owned_fd int fd = openat(s->procfd, "self/timens_offsets", O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, text, strlen(text)) < 0)
			return err_set(e, errno, "linux.timeOffsets.%s", t->clock);
	}
	return 0;
}
