// SPDX-License-Identifier: Apache-2.0
/* The default system call filter as data. */
#include "lib/codec/seccomp_default.h"

#include "lib/base/owned.h"
#include "lib/codec/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <linux/capability.h>

#define CLONE_NAMESPACES UINT64_C(0x7e020000) /* every CLONE_NEW* that clone() takes */

/* process_vm_* and ptrace are safe since Linux 4.8, which is older than anything that runs here. */
static const char always[] =
	"accept accept4 access adjtimex alarm arch_prctl bind brk cachestat capget capset chdir chmod "
	"chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
	"clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range "
	"creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 "
	"epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 "
	"fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 "
	"fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat "
	"fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 "
	"futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd "
	"getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 "
	"getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 "
	"getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday "
	"getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 "
	"inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup "
	"io_submit ioctl ioprio_get ioprio_set ipc kill landlock_add_rule landlock_create_ruleset "
	"landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount listxattr "
	"listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 madvise "
	"map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock "
	"mlock2 mlockall mmap mmap2 modify_ldt mprotect mq_getsetattr mq_notify mq_open mq_timedreceive "
	"mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget "
	"msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat _newselect "
	"open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free "
	"pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease "
	"process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 "
	"read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg "
	"remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq "
	"rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
	"rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max "
	"sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler "
	"sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr "
	"sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop "
	"semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list "
	"set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 "
	"setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 "
	"setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr "
	"setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask "
	"sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount statx symlink "
	"symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete "
	"timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create "
	"timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate "
	"truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat utimensat_time64 "
	"utimes vfork vmsplice wait4 waitid waitpid write writev";

static const struct {
	int cap;
	const char *names;
} gated[] = {
	{CAP_DAC_READ_SEARCH, "open_by_handle_at"},
	{CAP_SYS_ADMIN,
	 "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr "
	 "lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open "
	 "quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare"},
	{CAP_SYS_BOOT, "reboot"},
	{CAP_SYS_CHROOT, "chroot"},
	{CAP_SYS_MODULE, "delete_module init_module finit_module"},
	{CAP_SYS_PACCT, "acct"},
	{CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"},
	{CAP_SYS_RAWIO, "iopl ioperm"},
	{CAP_SYS_TIME, "settimeofday stime clock_settime clock_settime64"},
	{CAP_SYS_TTY_CONFIG, "vhangup"},
	{CAP_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
	{CAP_SYSLOG, "syslog"},
	{CAP_BPF, "bpf"},
	{CAP_PERFMON, "perf_event_open"},
};

/* personality(2): plain, 32-bit-like, without randomisation, both, and the question. */
static const uint64_t personalities[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};

/* Families 0..63 but 38 (AF_ALG) and 40 (AF_VSOCK), as (value, mask) of the low half. */
static const struct {
	uint32_t value, mask;
} families[] = {
	{0, 0xffffffe0}, {32, 0xfffffffc}, {36, 0xfffffffe}, {39, 0xffffffff},
	{41, 0xffffffff}, {42, 0xfffffffe}, {44, 0xfffffffc}, {48, 0xfffffff0},
};

static void write_names(struct json_writer *w, const char *names)
{
	jw_key(w, "names");
	jw_arr(w);
	for (const char *p = names; *p != '\0';) {
		size_t n = strcspn(p, " ");
		jw_strn(w, p, n);
		p += n + (p[n] == ' ');
	}
	jw_end_arr(w);
}

static void write_rule(struct json_writer *w, const char *names)
{
	jw_obj(w);
	write_names(w, names);
	jw_kstr(w, "action", "SCMP_ACT_ALLOW");
	jw_end_obj(w);
}

/* One argument equal to value, or with is_masked: value under the mask equal to two. */
static void write_rule_if(struct json_writer *w, const char *name, bool is_masked, uint64_t value, uint64_t two)
{
	jw_obj(w);
	write_names(w, name);
	jw_kstr(w, "action", "SCMP_ACT_ALLOW");
	jw_key(w, "args");
	jw_arr(w);
	jw_obj(w);
	jw_kint(w, "index", 0);
	jw_kuint(w, "value", value);
	if (is_masked)
		jw_kuint(w, "valueTwo", two);
	jw_kstr(w, "op", is_masked ? "SCMP_CMP_MASKED_EQ" : "SCMP_CMP_EQ");
	jw_end_obj(w);
	jw_end_arr(w);
	jw_end_obj(w);
}

/* Without CAP_SYS_ADMIN: clone() without namespaces; clone3() hides its flags in memory, so programs are told to use clone(). */
static void write_clone(struct json_writer *w)
{
	write_rule_if(w, "clone", /* is_masked: */ true, CLONE_NAMESPACES, 0);
	jw_obj(w);
	write_names(w, "clone3");
	jw_kstr(w, "action", "SCMP_ACT_ERRNO");
	jw_kint(w, "errnoRet", 38); /* ENOSYS */
	jw_end_obj(w);
}

void seccomp_default_write(struct json_writer *w, uint64_t caps)
{
	static const char *const arches[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};

	jw_obj(w);
	jw_kstr(w, "defaultAction", "SCMP_ACT_ERRNO");
	jw_kint(w, "defaultErrnoRet", 1);
	jw_key(w, "architectures");
	jw_arr(w);
	for (size_t i = 0; i < countof(arches); i++)
		jw_str(w, arches[i]);
	jw_end_arr(w);
	jw_key(w, "syscalls");
	jw_arr(w);
	write_rule(w, always);
	for (size_t i = 0; i < countof(families); i++)
		write_rule_if(w, "socket", /* is_masked: */ true, families[i].mask, families[i].value);
	for (size_t i = 0; i < countof(personalities); i++)
		write_rule_if(w, "personality", /* is_masked: */ false, personalities[i], 0);
	if ((caps & UINT64_C(1) << CAP_SYS_ADMIN) == 0)
		write_clone(w);
	for (size_t i = 0; i < countof(gated); i++)
		if ((caps & UINT64_C(1) << gated[i].cap) != 0)
			write_rule(w, gated[i].names);
	jw_end_arr(w);
	jw_end_obj(w);
}
