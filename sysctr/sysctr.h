/* sysctr/sysctr.h - run OCI bundles on this kernel. The only header of this directory others may include.
 *
 *   sysctr_run(opt, id, cfg, &child, &e)   create and start in one go: what PID 1's helper does
 *   sysctr_create(opt, id, cfg, &child, &e)  namespaces, mounts, cgroup; the process waits on its gate
 *   sysctr_start(opt, id, &e)              open the gate: execve(2) of process.args
 *   sysctr_exec(opt, id, proc, &child, &e) one more process inside
 *   sysctr_kill / sysctr_state / sysctr_delete
 *
 * State on disk below opt->root is the truth; there is no handle. What makes or removes a container locks its directory for its
 * own duration and never across calls. Nothing is left behind by a call that failed.
 *
 * Conventions of this header
 *   Returns   0 or a positive result; on failure -errno or -E_*, and *e (when given) says what and where.
 *   Out       ret_* arguments are written only on success; *e only on failure.
 *   Owns      "borrowed": valid for the call.  "caller owns": caller must release it.
 *   Units     are in the name: _ms milliseconds, _bytes, _usec.
 *   Blocks    "no": bounded by local disk and the kernel.  "yes": says on what.
 */
#ifndef SYSCTR_SYSCTR_H
#define SYSCTR_SYSCTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SYSCTR_SPEC_VERSION "1.3.0" /* of the OCI runtime specification */

struct err;
struct buf;

/* How to run, the same for every call of a program. */
struct sysctr_opt {
	const char *root;    /* state directory, e.g. "/run/sysctr"; made (0700) when missing; borrowed */
	bool no_pivot;	     /* MS_MOVE + chroot instead of pivot_root: only for a root on the initramfs */
	bool no_new_keyring; /* keep the caller's session keyring */
	bool sibling;	     /* make the first process a child of the caller's parent (CLONE_PARENT) */
};

/* Descriptors and terminal of a process to be started. */
struct sysctr_io {
	int fds[3];	    /* stdin, stdout, stderr; borrowed; -1 = /dev/null. Ignored when terminal is wanted. The caller's own
			     * 0, 1, 2 in their places must not be close-on-exec */
	int console_socket; /* unix socket that gets the pty master (SCM_RIGHTS), or -1 */
	int *ret_pty;	    /* else: where to store the pty master (caller owns) when process.terminal is set; or NULL */
	int preserve_fds;   /* descriptors 3 .. 3+n-1 are passed on (LISTEN_FDS are added by environment) */
};

/* A started first process. */
struct sysctr_child {
	pid_t pid; /* in the caller's PID namespace */
	int pidfd; /* caller owns, CLOEXEC */
};

/* Where the root file system comes from when it is not a ready directory: overlay layers (see docs/ARCHITECTURE.md).
 * Overrides the io.slipway.rootfs.* annotations of the configuration. */
struct sysctr_rootfs {
	const char *lower; /* colon-separated absolute directories, topmost first; NULL = use root.path as it is */
	const char *upper; /* absolute, or "tmpfs[:size]"; NULL = read-only */
	const char *work;  /* absolute; NULL with a tmpfs upper */
};

/* A configuration: the text of config.json, and where relative paths in it start. */
struct sysctr_config {
	const char *json; /* borrowed, len bytes */
	size_t len;
	const char *bundle; /* absolute directory */
	struct sysctr_rootfs rootfs;
	struct sysctr_io io;
	const char *notify_socket; /* NOTIFY_SOCKET to pass on, or NULL: bound to /run/notify */
	int listen_fds;		   /* LISTEN_FDS to tell the process (they are among io.preserve_fds) */
	const char *listen_names;  /* "LISTEN_FDNAMES=..." to tell it, or NULL */
};

enum sysctr_status {
	SYSCTR_CREATING = 1,
	SYSCTR_CREATED = 2,
	SYSCTR_RUNNING = 3,
	SYSCTR_PAUSED = 4,
	SYSCTR_STOPPED = 5,
};

struct sysctr_state {
	enum sysctr_status status;
	pid_t pid;	    /* 0 when stopped */
	int64_t created_ns; /* CLOCK_REALTIME */
	char bundle[4096];
	char rootfs[4096];
	char cgroup[1024]; /* below the cgroup2 mount, "/system/network"; "" = none */
};

/* A process for sysctr_exec(): the text of an OCI process object. */
struct sysctr_exec {
	const char *json; /* borrowed */
	size_t len;
	const char *cgroup; /* sub-cgroup below the container's, or NULL */
	struct sysctr_io io;
};

/*
 * Create a container whose process waits on its gate until sysctr_start().
 *
 * Returns  0; *ret filled. The process is a child of the caller (of its parent with opt->sibling).
 * Errors   -EEXIST id in use   -E_SPEC the configuration is refused, e names the field   others: e says what
 * Owns     ret->pidfd: caller
 * Blocks   on createRuntime/createContainer hooks up to their timeouts; else no
 */
int sysctr_create(const struct sysctr_opt *opt, const char *id, const struct sysctr_config *cfg,
		  struct sysctr_child *ret, struct err *e);

/*
 * Open the gate of a created container; returns once its process has exec'ed.
 *
 * Errors   -ESRCH no such container   -EINVAL not in state created
 *          -ENOENT, -EACCES ... execve(2) failed; e names the program ("exec '/bin/x': ...")
 */
int sysctr_start(const struct sysctr_opt *opt, const char *id, struct err *e);

/* sysctr_create() and sysctr_start() without the gate: cheaper. A stale container of this id that is stopped or whose
 * processes are left over is removed first when replace is true. */
int sysctr_run(const struct sysctr_opt *opt, const char *id, const struct sysctr_config *cfg, bool replace,
	       struct sysctr_child *ret, struct err *e);

/*
 * Start one more process in a running container.
 *
 * Errors   -ESRCH no such container   -EINVAL not running   exec errors as sysctr_start()
 */
int sysctr_exec(const struct sysctr_opt *opt, const char *id, const struct sysctr_exec *x, struct sysctr_child *ret,
		struct err *e);

/* Send a signal to the first process, or (all) to every process of its cgroup. -ESRCH: none left. */
int sysctr_kill(const struct sysctr_opt *opt, const char *id, int sig, bool all, struct err *e);

/* Freeze or thaw every process (cgroup.freeze); returns when the kernel says it is done, at most 10 s. */
int sysctr_pause(const struct sysctr_opt *opt, const char *id, struct err *e);
int sysctr_resume(const struct sysctr_opt *opt, const char *id, struct err *e);

/* Change limits: the text of an OCI linux.resources object. */
int sysctr_update(const struct sysctr_opt *opt, const char *id, const char *json, size_t len, struct err *e);

/* Append the pids of every process of a container, in the caller's PID namespace, a line each. */
int sysctr_processes(const struct sysctr_opt *opt, const char *id, struct buf *ret, struct err *e);

/* Append what its cgroup counts, as the "data" of runc's events. -EOPNOTSUPP: it has no cgroup. */
int sysctr_stats_json(const struct sysctr_opt *opt, const char *id, struct buf *ret, struct err *e);

/*
 * Compile the system call filter of a configuration into a file of dir: for whoever builds a system image, which starts
 * faster with /usr/lib/slipway/filters in it. A configuration without a filter gives no file.
 *
 *   dir   borrowed; a directory
 */
int sysctr_compile_filter(const char *json, size_t len, int dir, struct err *e);

/* Mount options that the runtime itself understands, NULL-ended; others are the file system's. */
const char *const *sysctr_mount_options(void);

int sysctr_state(const struct sysctr_opt *opt, const char *id, struct sysctr_state *ret, struct err *e);

/* The OCI state object as JSON text, as `sysctr state` prints it. */
int sysctr_state_json(const struct sysctr_opt *opt, const char *id, struct buf *ret, struct err *e);

/*
 * Remove a stopped container: cgroup, state, poststop hooks.
 *
 *   force   kill what runs first, and wait for it (at most 10 s)
 *
 * Errors   -ESRCH no such container   -EBUSY still running and not force
 */
int sysctr_delete(const struct sysctr_opt *opt, const char *id, bool force, struct err *e);

/*
 * The message of `sysctr service-run` on its --fd, see docs/ARCHITECTURE.md. Exactly 512 bytes.
 */
#define SVC_STARTED_MAGIC 0x31435653u /* "SVC1" */
struct svc_started {
	uint32_t magic;
	int32_t code; /* 0, or errno / E_* */
	int32_t pid;
	char msg[500];
};

#endif
