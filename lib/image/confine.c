// SPDX-License-Identifier: Apache-2.0
/* Namespaces, capabilities, limits, system calls of the helpers that parse what comes from outside. */
#include "lib/image/confine.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int confine_place(const char *dir, struct err *e)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return err_set(e, errno, "make namespaces");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(e, errno, "make mounts private");
	if (mount(dir, dir, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, dir, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return err_set(e, errno, "bind '%s'", dir);
	if (chdir(dir) < 0 || sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_set(e, errno, "make '%s' the root", dir);
	return 0;
}

int confine_caps(uint64_t keep, struct err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	for (unsigned long cap = 0; cap < 64; cap++)
		if ((keep >> cap & 1) == 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break; /* the kernel has no more */
			return err_set(e, errno, "drop capability %lu", cap);
		}
	if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
					     SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
					     SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED, 0, 0, 0) < 0)
		return err_set(e, errno, "set securebits");
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (uint32_t)(keep >> (32 * i));
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || syscall(SYS_capset, &head, data) < 0)
		return err_set(e, errno, "drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "set no_new_privs");
	return 0;
}

int confine_user(unsigned id, struct err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || syscall(SYS_capget, &head, data) < 0)
		return err_set(e, errno, "keep capabilities");
	if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
		return err_set(e, errno, "become user %u", id);
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted;
	return syscall(SYS_capset, &head, data) < 0 ? err_set(e, errno, "keep capabilities") : 0;
}

int confine_limits(uint64_t memory_bytes, struct err *e)
{
	const struct {
		int what;
		rlim_t value;
	} limits[] = {{RLIMIT_CORE, 0}, {RLIMIT_NOFILE, 64}, {RLIMIT_AS, memory_bytes}, {RLIMIT_NPROC, 0},
		      {RLIMIT_MEMLOCK, 0}, {RLIMIT_MSGQUEUE, 0}};

	for (size_t i = 0; i < countof(limits); i++) {
		struct rlimit l = {limits[i].value, limits[i].value};
		if (setrlimit(limits[i].what, &l) < 0)
			return err_set(e, errno, "set a limit");
	}
	return 0;
}

static int filter(const char *const *allowed, size_t n, struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = ctx == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(allowed[i]), 0);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? err_set(e, -r, "filter system calls") : 0;
}

int confine_network_syscalls(struct err *e)
{
	static const char *const allowed[] = {
		/* memory, time and end */
		"brk", "mmap", "munmap", "mremap", "mprotect", "madvise",
		"exit", "exit_group", "rt_sigreturn", "rt_sigprocmask", "rt_sigaction", "futex",
		"clock_gettime", "gettimeofday", "time", "nanosleep", "clock_nanosleep", "getrandom", "restart_syscall",
		"getpid", "gettid",
		/* descriptors */
		"read", "readv", "pread64", "write", "writev", "lseek", "close", "fcntl", "fstat", "ioctl", "poll", "ppoll", "eventfd2",
		/* the network */
		"socket", "connect", "bind", "getsockname", "getpeername", "setsockopt", "getsockopt", "sendto", "sendmsg",
		"sendmmsg", "recvfrom", "recvmsg", "shutdown",
		/* resolv.conf, hosts; the spool */
		"openat", "open", "unlinkat", "newfstatat", "stat",
	};

	return filter(allowed, countof(allowed), e);
}

int confine_syscalls(struct err *e)
{
	static const char *const allowed[] = {
		/* memory and end */
		"brk", "mmap", "munmap", "mremap", "mprotect", "madvise",
		"exit", "exit_group", "rt_sigreturn", "rt_sigprocmask", "futex",
		"clock_gettime", "getrandom", "restart_syscall",
		/* descriptors */
		"read", "readv", "write", "writev", "pwrite64", "lseek",
		"close", "fcntl", "fstat", "ftruncate", "sendmsg", "sendto",
		"getdents64", "splice", "sync_file_range",
		/* the tree */
		"openat", "openat2", "newfstatat", "statx", "faccessat",
		"faccessat2", "readlinkat", "mkdirat", "mknodat", "symlinkat",
		"linkat", "unlinkat", "renameat", "renameat2", "fchown",
		"fchownat", "fchmod", "fchmodat", "fchmodat2", "utimensat",
		"fsetxattr", "fgetxattr", "flistxattr",
		/* old spellings that C libraries fall back to */
		"open", "stat", "lstat", "access",
	};

	return filter(allowed, countof(allowed), e);
}
