// SPDX-License-Identifier: Apache-2.0
/* The parent's side: from a configuration to a first process that waits on its gate (create) or has exec'ed (run). */
#include "sysctr/internal.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/base/steps.h"
#include "lib/codec/oci_spec.h"
#include "lib/sys/io.h"
#include "lib/sys/syscalls.h"
#include "lib/sys/unixsock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <linux/filter.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

struct creation {
	const struct sysctr_opt *opt;
	const char *id;
	const struct sysctr_config *cfg;
	bool want_gate;
	struct oci_spec *spec; /* owned */
	struct sock_fprog seccomp; /* filter owned */
	struct stage stage;
	struct record rec;
	int dir, cgroup, sync[2], own_pidns; /* owned */
	int *trees; /* owned, with its descriptors; one per mount and the root */
	unsigned ns_new;
	struct sysctr_child child;
};

static bool has_namespace(const struct oci_spec *spec, int flag)
{
	for (size_t i = 0; i < spec->namespace_count; i++)
		if (spec->namespaces[i].flag == flag)
			return true;
	return false;
}

static int go_parse(void *ctx, struct err *e)
{
	struct creation *c = ctx;

	int r = oci_spec_parse(c->cfg->json, c->cfg->len, &c->spec, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->spec->namespace_count; i++) {
		const struct oci_namespace *n = &c->spec->namespaces[i];
		for (size_t k = 0; k < i; k++)
			if (c->spec->namespaces[k].flag == n->flag)
				return err_set(e, E_SPEC, "linux.namespaces[%zu]: is named twice", i);
		if (n->path == NULL)
			c->ns_new |= (unsigned)n->flag;
	}
	if ((c->ns_new & CLONE_NEWUSER) != 0 && (c->spec->uid_map_count == 0 || c->spec->gid_map_count == 0))
		return err_set(e, E_SPEC, "linux.uidMappings, linux.gidMappings: are needed for a new user namespace");
	if (c->spec->net_device_count > 0 && !has_namespace(c->spec, CLONE_NEWNET))
		return err_set(e, E_SPEC, "linux.netDevices: needs a network namespace");
	c->stage.has_cgroupns = has_namespace(c->spec, CLONE_NEWCGROUP);
	c->stage.has_userns = has_namespace(c->spec, CLONE_NEWUSER);
	const char *root = c->spec->root_path;
	r = root[0] == '/' ? snprintf(c->stage.root_path, PATH_MAX, "%s", root)
			   : snprintf(c->stage.root_path, PATH_MAX, "%s/%s", c->cfg->bundle, root);
	if (r < 0 || r >= PATH_MAX)
		return err_set(e, ENAMETOOLONG, "root.path '%.80s'", root);
	return filter_get(c->opt, c->spec, &c->seccomp, &c->stage.seccomp_flags, e);
}

static int go_reserve(void *ctx, struct err *e)
{
	struct creation *c = ctx;

	c->dir = state_reserve(c->opt, c->id, e);
	if (c->dir < 0)
		return c->dir;
	if (!c->want_gate)
		return 0;
	/* the process opens it for writing once it is the container's user; nobody else gets as far as this directory */
	if (mkfifoat(c->dir, "gate", 0600) < 0 || fchmodat(c->dir, "gate", 0622, 0) < 0) {
		int why = errno;
		state_unreserve(c->opt, c->id); /* a step that fails is not undone by others; the lock is still held */
		return err_set(e, why, "make the gate");
	}
	c->stage.gate = c->dir;
	return 0;
}

static void undo_reserve(void *ctx)
{
	struct creation *c = ctx;

	state_unreserve(c->opt, c->id);
}

static int go_cgroup(void *ctx, struct err *e)
{
	struct creation *c = ctx;

	return cgroup_make(c->spec->cgroups_path, c->id, &c->spec->resources, c->rec.cgroup, sizeof(c->rec.cgroup), &c->cgroup, e);
}

static void undo_cgroup(void *ctx)
{
	struct creation *c = ctx;

	if (c->rec.cgroup[0] == '\0')
		return;
	(void)cgroup_kill_all(c->rec.cgroup);
	(void)cgroup_wait_empty(c->rec.cgroup, 10000);
	(void)cgroup_remove(c->rec.cgroup, NULL); /* a failure's failure: the first error is the one to tell */
}

/* Sources that the container's root cannot reach, and id maps, which only we may set. */
static int go_sources(void *ctx, struct err *e)
{
	struct creation *c = ctx;
	size_t n = c->spec->mount_count + 1;

	if (!(c->stage.has_userns || mounts_need_idmap(c->spec)) || geteuid() != 0)
		return 0;
	c->trees = malloc(n * sizeof(*c->trees));
	if (c->trees == NULL)
		return err_set(e, ENOMEM, "mounts");
	for (size_t i = 0; i < n; i++)
		c->trees[i] = -1;
	c->stage.spec = c->spec;
	c->stage.cfg = c->cfg;
	return mounts_prepare(&c->stage, c->trees, e);
}

static void drop_trees(struct creation *c)
{
	for (size_t i = 0; c->trees != NULL && i < c->spec->mount_count + 1; i++)
		drop_fd(&c->trees[i]);
	free(c->trees);
}

/* A PID namespace to join is the children's, not the caller's: set for the clone only. */
static int join_pidns(struct creation *c, struct err *e)
{
	for (size_t i = 0; i < c->spec->namespace_count; i++) {
		const struct oci_namespace *n = &c->spec->namespaces[i];
		if (n->flag != CLONE_NEWPID || n->path == NULL)
			continue;
		owned_fd int fd = open(n->path, O_RDONLY | O_CLOEXEC);
		c->own_pidns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
		if (fd < 0 || c->own_pidns < 0)
			return err_set(e, errno, "open namespace '%s'", n->path);
		if (setns(fd, CLONE_NEWPID) < 0)
			return err_set(e, errno, "join namespace '%s'", n->path);
	}
	return 0;
}

static int go_clone(void *ctx, struct err *e)
{
	struct creation *c = ctx;
	int pidfd = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, c->sync) < 0)
		return err_set(e, errno, "make a socket pair");
	int r = join_pidns(c, e);
	if (r < 0)
		return r;
	struct clone_args a = {
		/* a time namespace is entered by execve(2): its clocks are set before */
		.flags = (c->ns_new & ~(unsigned)CLONE_NEWTIME) | CLONE_PIDFD | (c->cgroup >= 0 ? CLONE_INTO_CGROUP : 0) | (c->opt->sibling ? CLONE_PARENT : 0),
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = c->opt->sibling ? 0 : SIGCHLD, /* a sibling inherits ours */
		.cgroup = c->cgroup >= 0 ? (uint64_t)c->cgroup : 0,
	};
	c->stage.spec = c->spec;
	c->stage.cfg = c->cfg;
	c->stage.io = &c->cfg->io;
	c->stage.id = c->id;
	c->stage.cgroup = c->rec.cgroup;
	c->stage.limits_are_set = c->stage.has_userns && geteuid() == 0;
	c->stage.listen_fds = c->cfg->listen_fds;
	c->stage.listen_names = c->cfg->listen_names;
	c->stage.sync = c->sync[1];
	c->stage.ns_new = c->ns_new;
	c->stage.seccomp = &c->seccomp;
	c->stage.no_pivot = c->opt->no_pivot;
	c->stage.no_new_keyring = c->opt->no_new_keyring;
	int pid = sys_clone3(&a, sizeof(a));
	if (pid == 0) {
		close(c->sync[0]); /* else the end of the parent would not be seen */
		stage_run(&c->stage);
	}
	int why = errno;
	if (c->own_pidns >= 0)
		(void)setns(c->own_pidns, CLONE_NEWPID); /* back to where this process always was */
	if (pid < 0)
		return err_set(e, why, "make the container's first process");
	close(c->sync[1]);
	c->sync[1] = -1;
	c->child = (struct sysctr_child){.pid = pid, .pidfd = pidfd};
	return 0;
}

static void undo_clone(void *ctx)
{
	struct creation *c = ctx;

	(void)sys_pidfd_send_signal(c->child.pidfd, SIGKILL);
	struct pollfd p = {.fd = c->child.pidfd, .events = POLLIN};
	while (poll(&p, 1, 10000) < 0 && errno == EINTR)
		;
	if (!c->opt->sibling) /* a sibling is our parent's to reap */
		(void)waitpid(c->child.pid, NULL, WNOHANG);
	close(c->child.pidfd);
}

/* Raising a limit, lowering oom_score_adj: root's right outside, nobody's in a user namespace. */
static int set_limits(struct creation *c, struct err *e)
{
	const struct oci_process *p = &c->spec->process;
	char path[64], text[24];

	for (size_t i = 0; i < p->rlimit_count; i++) {
		struct rlimit l = {.rlim_cur = p->rlimits[i].soft, .rlim_max = p->rlimits[i].hard};
		if (prlimit(c->child.pid, p->rlimits[i].resource, &l, NULL) < 0)
			return err_set(e, errno, "process.rlimits[%zu]", i);
	}
	if (p->oom_score_adj == OCI_UNSET)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", c->child.pid);
	(void)snprintf(text, sizeof(text), "%lld", (long long)p->oom_score_adj);
	return file_write_at(AT_FDCWD, path, text, e);
}

static int go_idmap(void *ctx, struct err *e)
{
	struct creation *c = ctx;
	int r = 0;

	if (c->stage.limits_are_set)
		r = set_limits(c, e);
	if (r < 0 || (c->ns_new & CLONE_NEWUSER) == 0)
		return r;
	r = idmap_write(c->child.pid, c->spec, e);
	if (r == 0 && (r = sync_send(c->sync[0], SYNC_GO, 0, NULL, -1)) < 0)
		r = err_set(e, -r, "tell the first process");
	return r;
}

static int take_pty(struct creation *c, int fd, struct err *e)
{
	const struct sysctr_io *io = &c->cfg->io;

	if (io->console_socket >= 0) {
		char name[] = "/dev/ptmx";
		ssize_t r = unixsock_send(io->console_socket, name, sizeof(name), &fd, 1, 0);
		close(fd);
		return r < 0 ? err_set(e, (int)-r, "send the terminal to the console socket") : 0;
	}
	if (io->ret_pty == NULL) {
		close(fd);
		return err_set(e, E_SPEC, "process.terminal: nobody takes the terminal (no console socket)");
	}
	*io->ret_pty = fd;
	return 0;
}

static struct told told_of(const struct creation *c, const char *status)
{
	return (struct told){.id = c->id, .status = status, .bundle = c->cfg->bundle, .pid = c->child.pid};
}

static int run_hooks(struct creation *c, struct err *e)
{
	struct told t = told_of(c, "creating");

	int r = netdevs_move(c->spec, c->child.pid, e);
	if (r == 0)
		r = hooks_run(c->spec, OCI_HOOK_PRESTART, &t, e);
	if (r == 0)
		r = hooks_run(c->spec, OCI_HOOK_CREATE_RUNTIME, &t, e);
	if (r == 0 && (r = sync_send(c->sync[0], SYNC_GO, 0, NULL, -1)) < 0)
		r = err_set(e, -r, "tell the first process");
	return r;
}

static int answer(struct creation *c, int tag, int fd, struct err *e)
{
	struct told t = told_of(c, "creating");

	if (tag == SYNC_PTY && fd >= 0)
		return take_pty(c, fd, e);
	if (tag == SYNC_LISTENER && fd >= 0)
		return listener_send(c->spec, &t, fd, e);
	drop_fd(&fd);
	return tag == SYNC_HOOKS ? run_hooks(c, e) : 0;
}

static int go_await(void *ctx, struct err *e)
{
	struct creation *c = ctx;
	struct sync_msg m;
	int fd;

	for (;;) {
		int r = sync_recv(c->sync[0], &m, &fd, e);
		if (r < 0)
			return r;
		/* the end: the socket went with execve(2), or with the process */
		if (r == 0 && c->want_gate)
			return err_say(e, ECHILD, "the container's first process died while it was set up");
		if (r == 0 || r == SYNC_READY)
			return 0;
		r = answer(c, r, fd, e);
		if (r < 0)
			return r;
	}
}

static int go_record(void *ctx, struct err *e)
{
	struct creation *c = ctx;

	c->rec.pid = c->child.pid;
	c->rec.pid_start = proc_start_time(c->child.pid); /* 0 when it has ended already: stopped, as it is */
	c->rec.created_ns = clock_real_ns();
	c->rec.shares_pidns = (c->ns_new & CLONE_NEWPID) == 0;
	if ((size_t)snprintf(c->rec.bundle, sizeof(c->rec.bundle), "%s", c->cfg->bundle) >= sizeof(c->rec.bundle))
		return err_set(e, ENAMETOOLONG, "bundle");
	memcpy(c->rec.rootfs, c->stage.root_path, sizeof(c->rec.rootfs));
	c->rec.has_hooks = c->spec->hook_counts[OCI_HOOK_POSTSTART] + c->spec->hook_counts[OCI_HOOK_POSTSTOP] > 0;
	int r = filter_save(c->dir, &c->seccomp, c->stage.seccomp_flags, e);
	return r < 0 ? r : record_write(c->dir, c->id, &c->rec, c->spec, e);
}

/* In sysctr_run() there is no start: what follows it is ours. A container whose hook failed does not stay. */
static int go_poststart(void *ctx, struct err *e)
{
	struct creation *c = ctx;
	struct told t = told_of(c, "running");

	return c->want_gate ? 0 : hooks_run(c->spec, OCI_HOOK_POSTSTART, &t, e);
}

static const struct step create_steps[] = {
	{"configuration", go_parse, NULL},
	{"reserve the id", go_reserve, undo_reserve},
	/* limits before the first process may allocate: it is born inside */
	{"cgroup", go_cgroup, undo_cgroup},
	{"mounts", go_sources, NULL},
	{"first process", go_clone, undo_clone},
	{"id maps", go_idmap, NULL},
	{"set up", go_await, NULL},
	{"record", go_record, NULL},
	{"hooks", go_poststart, NULL},
};

static int create(const struct sysctr_opt *opt, const char *id, const struct sysctr_config *cfg, bool want_gate,
		  struct sysctr_child *ret, struct err *e)
{
	struct creation c = {.opt = opt, .id = id, .cfg = cfg, .want_gate = want_gate, .dir = -1, .cgroup = -1,
			     .sync = {-1, -1}, .own_pidns = -1};
	struct err own = {0};

	c.stage.gate = -1;
	int r = steps_run(create_steps, countof(create_steps), &c, e != NULL ? e : &own);
	if (r == 0 && want_gate)
		(void)flock(c.dir, LOCK_UN); /* the process that waits on its gate has the descriptor too */
	drop_trees(&c);
	oci_spec_free(c.spec);
	free(c.seccomp.filter);
	drop_fd(&c.dir);
	drop_fd(&c.cgroup);
	drop_fd(&c.sync[0]);
	drop_fd(&c.sync[1]);
	drop_fd(&c.own_pidns);
	if (r < 0)
		return r == -ENOSYS ? err_wrap(e, r, "a system call is not there, Linux 5.12 is needed") : r;
	*ret = c.child;
	return 0;
}

int sysctr_create(const struct sysctr_opt *opt, const char *id, const struct sysctr_config *cfg, struct sysctr_child *ret,
		  struct err *e)
{
	return create(opt, id, cfg, /* want_gate */ true, ret, e);
}

int sysctr_run(const struct sysctr_opt *opt, const char *id, const struct sysctr_config *cfg, bool replace,
	       struct sysctr_child *ret, struct err *e)
{
	if (replace) {
		int r = sysctr_delete(opt, id, /* force */ true, e);
		if (r < 0 && r != -ESRCH)
			return r;
	}
	return create(opt, id, cfg, /* want_gate */ false, ret, e);
}

static int run_poststart(const struct sysctr_opt *opt, int dir, const char *id, const struct record *rec, struct err *e)
{
	struct told t = {.id = id, .status = "running", .bundle = rec->bundle, .pid = rec->pid};
	struct oci_spec *spec;

	int r = record_hooks(dir, id, &spec, e);
	if (r < 0)
		return r;
	r = hooks_run(spec, OCI_HOOK_POSTSTART, &t, e);
	oci_spec_free(spec);
	if (r < 0)
		(void)sysctr_kill(opt, id, SIGKILL, /* all */ false, NULL); /* it goes on as a stopped container */
	return r;
}

int sysctr_start(const struct sysctr_opt *opt, const char *id, struct err *e)
{
	struct record rec;
	struct err why;

	owned_fd int dir = state_dir(opt, id, e);
	if (dir < 0)
		return dir;
	int r = record_read(dir, id, &rec, e);
	if (r < 0)
		return r;
	if (record_status(dir, &rec) != SYSCTR_CREATED)
		return err_say(e, EINVAL, "cannot start a container that is not in state created: '%s'", id);
	owned_fd int pidfd = sys_pidfd_open(rec.pid, 0);
	/* not blocking: a process that died meanwhile would never open the other end */
	owned_fd int gate = openat(dir, "gate", O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (pidfd < 0 || gate < 0)
		return err_set(e, errno, "open the gate of container '%s'", id);
	struct pollfd p[2] = {{.fd = gate, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return err_set(e, errno, "wait for container '%s'", id);
	(void)unlinkat(dir, "gate", 0); /* gone = started */
	ssize_t n = p[0].revents != 0 ? read_full(gate, &why, sizeof(why)) : 0;
	if (n == (ssize_t)sizeof(why)) {
		why.msg[sizeof(why.msg) - 1] = '\0';
		return err_say(e, why.code, "%s", why.msg);
	}
	if (p[0].revents == 0)
		return err_say(e, ECHILD, "container '%s' died before it was started", id);
	return rec.has_hooks ? run_poststart(opt, dir, id, &rec, e) : 0;
}
