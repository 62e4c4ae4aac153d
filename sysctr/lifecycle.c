// SPDX-License-Identifier: Apache-2.0
/* What is done to a container that exists: signals, freezing, limits, removal. */
#include "sysctr/internal.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/oci_spec.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#define KILL_WAIT_MS 10000

static int load_from(int dir, const char *id, struct record *ret, enum sysctr_status *ret_status, struct err *e)
{
	int r = record_read(dir, id, ret, e);

	if (r == 0)
		*ret_status = record_status(dir, ret);
	return r;
}

static int load(const struct sysctr_opt *opt, const char *id, struct record *ret, enum sysctr_status *ret_status, struct err *e)
{
	owned_fd int dir = state_dir(opt, id, e);

	return dir < 0 ? dir : load_from(dir, id, ret, ret_status, e);
}

/* A pidfd that is surely the recorded process, not a later one with its number. */
static int open_process(const struct record *r)
{
	owned_fd int fd = sys_pidfd_open(r->pid, 0);

	if (fd < 0 || !record_is_alive(r))
		return -ESRCH;
	return take_fd(fd);
}

int sysctr_kill(const struct sysctr_opt *opt, const char *id, int sig, bool all, struct err *e)
{
	enum sysctr_status st;
	struct record rec;

	int r = load(opt, id, &rec, &st, e);
	if (r < 0)
		return r;
	if (all && rec.cgroup[0] != '\0') {
		if (sig == SIGKILL && cgroup_kill_all(rec.cgroup) == 0)
			return 0;
		return cgroup_signal_all(rec.cgroup, sig, e);
	}
	owned_fd int fd = open_process(&rec);
	if (fd < 0)
		return err_say(e, ESRCH, "container not running: '%s'", id);
	if (sys_pidfd_send_signal(fd, sig) < 0)
		return err_set(e, errno, "send signal %d to container '%s'", sig, id);
	return 0;
}

static int freeze(const struct sysctr_opt *opt, const char *id, bool frozen, struct err *e)
{
	enum sysctr_status st;
	struct record rec;

	int r = load(opt, id, &rec, &st, e);
	if (r < 0)
		return r;
	if (st != (frozen ? SYSCTR_RUNNING : SYSCTR_PAUSED) && !(frozen && st == SYSCTR_CREATED))
		return err_say(e, EINVAL, "container not %s: '%s'", frozen ? "running" : "paused", id);
	if (rec.cgroup[0] == '\0')
		return err_say(e, EOPNOTSUPP, "container '%s' has no cgroup to freeze", id);
	return cgroup_freeze(rec.cgroup, frozen, e);
}

int sysctr_pause(const struct sysctr_opt *opt, const char *id, struct err *e)
{
	return freeze(opt, id, /* frozen */ true, e);
}

int sysctr_resume(const struct sysctr_opt *opt, const char *id, struct err *e)
{
	return freeze(opt, id, /* frozen */ false, e);
}

int sysctr_update(const struct sysctr_opt *opt, const char *id, const char *json, size_t len, struct err *e)
{
	enum sysctr_status st;
	struct oci_spec *spec;
	struct record rec;

	int r = load(opt, id, &rec, &st, e);
	if (r < 0)
		return r;
	if (st == SYSCTR_STOPPED)
		return err_say(e, EINVAL, "container not running: '%s'", id);
	r = oci_resources_parse(json, len, &spec, e);
	if (r < 0)
		return r;
	owned_fd int dir = rec.cgroup[0] != '\0' ? cgroup_open(rec.cgroup) : -ENOENT;
	r = dir < 0 ? err_say(e, EOPNOTSUPP, "container '%s' has no cgroup", id) : cgroup_set(dir, &spec->resources, e);
	oci_spec_free(spec);
	return r;
}

/* The specification wants a warning, not a failure: the container is gone whatever they say. */
static void run_poststop(const struct sysctr_opt *opt, const char *id, const struct record *rec)
{
	struct told t = {.id = id, .status = "stopped", .bundle = rec->bundle};
	struct oci_spec *spec;
	struct err why = {0};

	owned_fd int dir = rec->has_hooks ? state_dir(opt, id, &why) : -1;
	if (dir < 0 || record_hooks(dir, id, &spec, &why) < 0)
		return;
	/* each is run, also after one that failed */
	for (size_t i = 0; i < spec->hook_counts[OCI_HOOK_POSTSTOP]; i++) {
		struct oci_spec one = *spec;
		one.hooks[OCI_HOOK_POSTSTOP] = &spec->hooks[OCI_HOOK_POSTSTOP][i];
		one.hook_counts[OCI_HOOK_POSTSTOP] = 1;
		if (hooks_run(&one, OCI_HOOK_POSTSTOP, &t, &why) < 0)
			log_warn("sysctr", "container '%s': %s", id, why.msg);
	}
	oci_spec_free(spec);
}

int sysctr_delete(const struct sysctr_opt *opt, const char *id, bool force, struct err *e)
{
	enum sysctr_status st = SYSCTR_STOPPED;
	struct record rec;

	/* held to the end: what is removed by its name below is what was looked at here */
	owned_fd int dir = state_dir(opt, id, e);
	if (dir < 0)
		return dir;
	int r = state_lock(dir);
	if (r < 0)
		return r == -ESRCH ? err_say(e, ESRCH, "container '%s' does not exist", id) : err_set(e, -r, "lock container '%s'", id);
	r = load_from(dir, id, &rec, &st, e);
	if (r < 0)
		return r;
	if (st != SYSCTR_STOPPED && !force)
		return err_say(e, EBUSY, "cannot delete container '%s' that is not stopped", id);
	bool is_removing = false;
	owned_fd int fd = st != SYSCTR_STOPPED && rec.pid > 0 ? open_process(&rec) : -1;
	if (fd >= 0)
		(void)sys_pidfd_send_signal(fd, SIGKILL); /* it may be ending by itself */
	/* what was forked away, and what shares a PID namespace, does not die with the first process; an empty cgroup goes at once */
	if (rec.cgroup[0] != '\0' && (st != SYSCTR_STOPPED || !cgroup_remove_empty(rec.cgroup))) {
		is_removing = true;
		(void)cgroup_kill_all(rec.cgroup);
		if (cgroup_wait_empty(rec.cgroup, KILL_WAIT_MS) < 0)
			return err_say(e, EBUSY, "container '%s': its processes do not end", id);
	}
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (fd >= 0 && poll(&p, 1, KILL_WAIT_MS) == 0)
		return err_say(e, EBUSY, "container '%s': its first process does not end", id);
	if (is_removing && (r = cgroup_remove(rec.cgroup, e)) < 0)
		return r;
	run_poststop(opt, id, &rec);
	state_unreserve(opt, id);
	return 0;
}
