// SPDX-License-Identifier: Apache-2.0
/* From root to the process' user: limits, capabilities, ids, no_new_privs and the seccomp filter, in the only order that
 * works: what needs a privilege first, then the privilege is given up. */
#include "sysctr/internal.h"

#include "lib/base/err.h"
#include "lib/codec/oci_spec.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/seccomp.h>

#define CAP_NUMBERS 64

static int set_rlimits(const struct oci_process *p, struct err *e)
{
	for (size_t i = 0; i < p->rlimit_count; i++) {
		struct rlimit l = {.rlim_cur = p->rlimits[i].soft, .rlim_max = p->rlimits[i].hard};
		if (setrlimit((unsigned)p->rlimits[i].resource, &l) < 0)
			return err_set(e, errno, "process.rlimits[%zu]", i);
	}
	return 0;
}

/* Drop from the bounding set; the kernel's own last capability ends the loop. */
static int set_bounding(uint64_t keep, struct err *e)
{
	for (int c = 0; c < CAP_NUMBERS; c++) {
		if ((keep >> c & 1) != 0)
			continue;
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				return 0;
			return err_set(e, errno, "drop capability %d", c);
		}
	}
	return 0;
}

static int set_caps(const struct oci_process *p, struct err *e)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];

	for (int i = 0; i < 2; i++)
		d[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(p->caps[OCI_CAP_EFFECTIVE] >> 32 * i),
			.permitted = (uint32_t)(p->caps[OCI_CAP_PERMITTED] >> 32 * i),
			.inheritable = (uint32_t)(p->caps[OCI_CAP_INHERITABLE] >> 32 * i),
		};
	if (syscall(SYS_capset, &h, d) < 0)
		return err_set(e, errno, "set capabilities");
	for (int c = 0; c < CAP_NUMBERS && p->caps[OCI_CAP_AMBIENT] >> c != 0; c++)
		if ((p->caps[OCI_CAP_AMBIENT] >> c & 1) != 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) < 0)
			return err_set(e, errno, "raise ambient capability %d", c);
	return 0;
}

static int set_ids(const struct oci_process *p, struct err *e)
{
	/* not through libc, which stops every signal to tell threads that are not there */
	if (syscall(SYS_setgroups, p->group_count, p->groups) < 0 && !(errno == EPERM && p->group_count == 0))
		return err_set(e, errno, "set supplementary groups");
	/* the capabilities have to survive the change of user; set_caps() takes away what must not */
	if (p->uid != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "keep capabilities");
	if (syscall(SYS_setresgid, p->gid, p->gid, p->gid) < 0)
		return err_set(e, errno, "set group %u", p->gid);
	if (syscall(SYS_setresuid, p->uid, p->uid, p->uid) < 0)
		return err_set(e, errno, "set user %u", p->uid);
	return 0;
}

/* With a listener the parent hands it on at once: what is notified from here on waits for the agent. */
static int load_filter(struct stage *s, struct err *e)
{
	int r = filter_load(s->seccomp, s->seccomp_flags, e);

	if (r <= 0 || (s->seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0)
		return r;
	int sent = sync_send(s->sync, SYNC_LISTENER, 0, NULL, r);
	close(r);
	return sent < 0 ? err_set(e, -sent, "hand over the seccomp listener") : 0;
}

int creds_set(struct stage *s, struct err *e)
{
	const struct oci_process *p = &s->spec->process;

	int r = s->limits_are_set ? 0 : set_rlimits(p, e);
	if (r == 0 && p->has_caps)
		r = set_bounding(p->caps[OCI_CAP_BOUNDING], e);
	/* without no_new_privs loading a filter takes CAP_SYS_ADMIN: now or never */
	if (r == 0 && !p->no_new_privileges)
		r = load_filter(s, e);
	if (r == 0)
		r = set_ids(p, e);
	umask(p->umask == OCI_UNSET ? 022 : (mode_t)p->umask);
	if (r == 0 && p->has_caps)
		r = set_caps(p, e);
	if (r == 0 && p->no_new_privileges) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			return err_set(e, errno, "set no_new_privs");
		r = load_filter(s, e);
	}
	return r;
}
