// SPDX-License-Identifier: Apache-2.0
/* One more process in a running container: a helper joins the namespaces by pidfd and clones the process as the caller's
 * child, since a PID namespace is entered by children only. */
#include "sysctr/internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/oci_spec.h"
#include "lib/sys/io.h"
#include "lib/sys/path.h"
#include "lib/sys/syscalls.h"
#include "lib/sys/unixsock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <linux/filter.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

static const struct {
	const char *file;
	int flag;
} kinds[] = {
	{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS}, {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET}, {"ipc", CLONE_NEWIPC},
	{"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
};

/* The namespaces in which pid differs from us: joining one's own is refused (user) or pointless. */
static int differing(pid_t pid, struct err *e)
{
	struct stat theirs, ours;
	char path[64];
	int flags = 0;

	for (size_t i = 0; i < countof(kinds); i++) {
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i].file);
		if (stat(path, &ours) < 0)
			continue; /* a kernel without this kind */
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kinds[i].file);
		if (stat(path, &theirs) < 0)
			return err_set(e, errno, "namespaces of process %d", pid);
		if (theirs.st_ino != ours.st_ino)
			flags |= kinds[i].flag;
	}
	return flags;
}

static void run_inside(struct stage *s, int target, int flags)
{
	struct err e = {0};
	int r = 0;

	(void)setsid(); /* a fresh child is no leader */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		r = err_set(&e, errno, "become non-dumpable");
	/* only now: with nsdelegate nobody may be put into a cgroup from a namespace that its own cgroup is not in */
	if (r == 0 && (flags & CLONE_NEWCGROUP) != 0 && setns(target, CLONE_NEWCGROUP) < 0)
		r = err_set(&e, errno, "join the container's cgroup namespace");
	s->rootfd = -1;
	if (r == 0 && (flags & CLONE_NEWUSER) != 0 && (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0))
		r = err_set(&e, errno, "become root of the user namespace");
	if (r == 0 && chdir("/") < 0)
		r = err_set(&e, errno, "enter '/'");
	if (r == 0)
		r = affinity_set(s->spec->process.affinity_final, &e);
	if (r == 0 && s->spec->process.oom_score_adj != OCI_UNSET) {
		char text[24];
		(void)snprintf(text, sizeof(text), "%lld", (long long)s->spec->process.oom_score_adj);
		r = file_write_at(s->procfd, "self/oom_score_adj", text, &e);
	}
	if (r == 0)
		r = console_open(s, &e);
	if (r == 0)
		r = finish_process(s, &e);
	(void)sync_send(s->sync, SYNC_FAILED, 0, &e, -1); /* the end is seen otherwise */
	_exit(r == -ENOENT ? 127 : 126);
}

/* The helper: joins, clones, reports the new process, ends. */
static void help(struct stage *s, int target, int flags, int cgroup)
{
	struct err e = {0};
	int pidfd = -1, now = flags & ~CLONE_NEWCGROUP;

	s->procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC); /* the host's, for labels */
	if (affinity_set(s->spec->process.affinity_initial, &e) < 0) {
		/* told below */
	} else if (now != 0 && setns(target, now) < 0) {
		(void)err_set(&e, errno, "join the container's namespaces");
	} else {
		struct clone_args a = {
			.flags = CLONE_PARENT | CLONE_PIDFD | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
			.pidfd = (uint64_t)(uintptr_t)&pidfd,
			.cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0,
		};
		int pid = sys_clone3(&a, sizeof(a));
		if (pid == 0)
			run_inside(s, target, flags);
		if (pid > 0)
			_exit(sync_send(s->sync, SYNC_CHILD, pid, NULL, pidfd) < 0);
		(void)err_set(&e, errno, "make the process");
	}
	(void)sync_send(s->sync, SYNC_FAILED, 0, &e, -1); /* the end is seen otherwise */
	_exit(1);
}

/* The agent gets a listener of this process too. */
static int give_listener(const struct stage *s, int fd, pid_t pid, struct err *e)
{
	struct told t = {.id = s->id, .status = "running", .bundle = s->kept_bundle, .pid = pid};
	struct oci_spec *spec;

	int r = record_hooks(s->state_dir, s->id, &spec, e);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = listener_send(spec, &t, fd, e);
	oci_spec_free(spec);
	return r;
}

static int await(const struct stage *s, int sync, struct sysctr_child *ret, struct err *e)
{
	const struct sysctr_io *io = s->io;
	struct sync_msg m;
	int fd;

	for (;;) {
		int r = sync_recv(sync, &m, &fd, e);
		if (r < 0)
			return r;
		if (r == 0)
			return ret->pidfd >= 0 ? 0 : err_say(e, ECHILD, "the process died while it was set up");
		if (r == SYNC_CHILD) {
			ret->pid = m.value;
			ret->pidfd = fd;
		} else if (r == SYNC_PTY && io->console_socket >= 0) {
			char name[] = "/dev/ptmx";
			ssize_t n = unixsock_send(io->console_socket, name, sizeof(name), &fd, 1, 0);
			close(fd);
			if (n < 0)
				return err_set(e, (int)-n, "send the terminal to the console socket");
		} else if (r == SYNC_PTY && io->ret_pty != NULL) {
			*io->ret_pty = fd;
		} else if (r == SYNC_LISTENER && fd >= 0) {
			r = give_listener(s, fd, ret->pid, e);
			if (r < 0)
				return r;
		} else if (fd >= 0) {
			close(fd);
		}
	}
}

static int start_helper(struct stage *s, int target, int flags, int cgroup, struct sysctr_child *ret, struct err *e)
{
	int sync[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) < 0)
		return err_set(e, errno, "make a socket pair");
	owned_fd int ours = sync[0];
	s->sync = sync[1];
	pid_t pid = fork();
	if (pid == 0) {
		close(ours);
		help(s, target, flags, cgroup);
	}
	int why = errno;
	close(sync[1]);
	if (pid < 0)
		return err_set(e, why, "make the helper");
	*ret = (struct sysctr_child){.pidfd = -1};
	int r = await(s, ours, ret, e);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (r < 0 && ret->pidfd >= 0) {
		(void)sys_pidfd_send_signal(ret->pidfd, SIGKILL);
		(void)waitpid(ret->pid, NULL, 0); /* ours: cloned with CLONE_PARENT by our helper */
		close(ret->pidfd);
	}
	return r;
}

static int open_cgroup(const char *base, const char *below, struct err *e)
{
	if (base[0] == '\0')
		return -1;
	owned_fd int dir = cgroup_open(base);
	if (dir < 0)
		return err_set(e, -dir, "open cgroup '%s'", base);
	return below == NULL ? take_fd(dir) : path_open_in(dir, below, O_RDONLY | O_DIRECTORY, 0, e);
}

int sysctr_exec(const struct sysctr_opt *opt, const char *id, const struct sysctr_exec *x, struct sysctr_child *ret, struct err *e)
{
	struct oci_spec *spec;
	struct record rec;

	owned_fd int dir = state_dir(opt, id, e);
	if (dir < 0)
		return dir;
	int r = record_read(dir, id, &rec, e);
	if (r < 0)
		return r;
	enum sysctr_status st = record_status(dir, &rec);
	if (st != SYSCTR_RUNNING && st != SYSCTR_CREATED)
		return err_say(e, EINVAL, "cannot exec in a container that is not running: '%s'", id);
	owned_fd int target = sys_pidfd_open(rec.pid, 0);
	if (target < 0 || !record_is_alive(&rec))
		return err_say(e, EINVAL, "cannot exec in a container that is not running: '%s'", id);
	int flags = differing(rec.pid, e);
	if (flags < 0)
		return flags;
	owned_fd int cgroup = open_cgroup(rec.cgroup, x->cgroup, e);
	if (cgroup < -1)
		return cgroup;
	r = oci_process_parse(x->json, x->len, &spec, e);
	if (r < 0)
		return r;
	struct sock_fprog seccomp;
	unsigned seccomp_flags = 0;
	r = filter_restore(dir, &seccomp, &seccomp_flags, e);
	if (r < 0) {
		oci_spec_free(spec);
		return r;
	}
	struct stage s = {.id = id, .state_dir = dir, .kept_bundle = rec.bundle, .seccomp = &seccomp, .seccomp_flags = seccomp_flags, .spec = spec, .io = &x->io, .gate = -1, .procfd = -1, .rootfd = -1, .tty = -1};
	r = start_helper(&s, target, flags, cgroup, ret, e);
	oci_spec_free(spec);
	free(seccomp.filter);
	return r;
}
