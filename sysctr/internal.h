/* sysctr/internal.h - what the runtime's files share. See handshake.h for the two sides of a start. */
#ifndef SYSCTR_INTERNAL_H
#define SYSCTR_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "lib/codec/oci_spec.h"
#include "sysctr/sysctr.h"

struct buf;
struct err;
struct sock_fprog;
struct stage;

#define ID_MAX	      1024
#define NOTIFY_INSIDE "/run/notify" /* where the container finds its NOTIFY_SOCKET */

/* ---- state.c: <root>/<id>/state.json ---- */

struct record {
	pid_t pid;
	uint64_t pid_start; /* field 22 of /proc/PID/stat: tells a reused pid */
	int64_t created_ns;
	char bundle[PATH_MAX], rootfs[PATH_MAX], cgroup[1024];
	bool shares_pidns; /* its processes do not die with the first one */
	bool has_hooks;	   /* poststart or poststop: see record_hooks() */
};

int id_check(const char *id, struct err *e);
/* Open <root>/<id>; -ESRCH "container 'x' does not exist". */
int state_dir(const struct sysctr_opt *opt, const char *id, struct err *e);
/* Be the only one who makes or removes it, until dir and all its copies are closed. -ESRCH: it was removed meanwhile. */
int state_lock(int dir);
/* Make it, locked; -EEXIST when in use. Returns the descriptor. */
int state_reserve(const struct sysctr_opt *opt, const char *id, struct err *e);
void state_unreserve(const struct sysctr_opt *opt, const char *id);
int record_write(int dir, const char *id, const struct record *r, const struct oci_spec *spec, struct err *e);
int record_read(int dir, const char *id, struct record *ret, struct err *e);
bool record_is_alive(const struct record *r);
enum sysctr_status record_status(int dir, const struct record *r);
uint64_t proc_start_time(pid_t pid);

/* Spec with version, annotations, seccomp agent and hooks as state.json keeps them; caller frees it. */
int record_hooks(int dir, const char *id, struct oci_spec **ret, struct err *e);

/* ---- hooks.c ---- */

/* What hooks and a seccomp agent are told about a container. */
struct told {
	const char *id, *status, *bundle;
	pid_t pid; /* 0: none */
};

/* The state object for them, appended. */
void told_json(struct buf *b, const struct oci_spec *spec, const struct told *t);
/* Run the hooks of a kind one after the other, each with the state on its standard input. The first failure ends it. */
int hooks_run(const struct oci_spec *spec, enum oci_hook_kind kind, const struct told *t, struct err *e);
/* Run a program of the host to its end; what it prints goes into the error. env NULL: ours. timeout_s < 0: none. */
int program_run(const char *path, const char *const *args, const char *const *env, const char *input, size_t len, int64_t timeout_s,
		struct err *e);

/* ---- idmap.c ---- */

int idmap_write(pid_t pid, const struct oci_spec *spec, struct err *e);
/* A user namespace with these maps and nobody in it. Returns its descriptor, caller owns. */
int userns_make(const struct oci_idmap *uids, size_t uid_count, const struct oci_idmap *gids, size_t gid_count, struct err *e);
/* The one that the container is to have: the joined one, or a stand-in with its maps. */
int userns_of_container(struct stage *s, struct err *e);

/* ---- netdev.c ---- */

/* Move linux.netDevices into the network namespace of pid, with their addresses. */
int netdevs_move(const struct oci_spec *spec, pid_t pid, struct err *e);

/* ---- cgroup.c ---- */

const char *cgroup_mountpoint(void); /* of cgroup2; NULL without */
/* The path below the mount that linux.cgroupsPath (or its absence) means. */
int cgroup_path(const char *wanted, const char *id, char *ret, size_t size, struct err *e);

/* Make the cgroup and set limits. *ret_fd is an O_DIRECTORY descriptor, or -1 with ret_path "" when the host has no cgroup2
 * (or the user may make none) and nothing was asked that needs one. */
int cgroup_make(const char *wanted, const char *id, const struct oci_resources *res, char *ret_path, size_t size, int *ret_fd,
		struct err *e);
int cgroup_set(int dir, const struct oci_resources *res, struct err *e);
int cgroup_open(const char *path); /* descriptor or -errno */
int cgroup_kill_all(const char *path);
int cgroup_wait_empty(const char *path, int timeout_ms);
int cgroup_remove(const char *path, struct err *e);
bool cgroup_remove_empty(const char *path); /* true: it is gone */
int cgroup_signal_all(const char *path, int sig, struct err *e);
int cgroup_freeze(const char *path, bool frozen, struct err *e);
bool cgroup_wants_limit(const struct oci_resources *c);
int cgroup_processes(const char *path, struct buf *ret, struct err *e); /* pids of it and below, a line each */
int cgroup_allow_devices(int dir, const struct oci_resources *res, struct err *e);

/* ---- seccomp.c: the only includer of libseccomp ---- */

/* Compile linux.seccomp. Returns 0; prog->filter is malloc'ed, NULL for no filter. */
int filter_compile(const struct oci_spec *spec, struct sock_fprog *ret, unsigned *ret_flags, struct err *e);
/* The same from what was compiled before, when there is (seccomp_cache.c). */
int filter_get(const struct sysctr_opt *opt, const struct oci_spec *spec, struct sock_fprog *ret, unsigned *ret_flags,
	       struct err *e);
/* Returns 0, or the listener's descriptor when flags ask for one. */
int filter_load(const struct sock_fprog *prog, unsigned flags, struct err *e);
/* A compiled filter on disk, for the processes that sysctr_exec() adds. */
int filter_save(int dir, const struct sock_fprog *prog, unsigned flags, struct err *e);
int filter_restore(int dir, struct sock_fprog *ret, unsigned *ret_flags, struct err *e);
/* Give the listener to the agent that linux.seccomp names. Takes fd. */
int listener_send(const struct oci_spec *spec, const struct told *t, int fd, struct err *e);

/* ---- the child's side ---- */

struct stage {
	const struct oci_spec *spec;
	const struct sysctr_config *cfg; /* NULL for exec */
	const struct sysctr_io *io;
	const char *id;
	const char *cgroup;	   /* the container's, below the mount */
	char root_path[PATH_MAX];  /* absolute path of root.path */
	int sync;		   /* socket to the parent */
	int gate;		   /* directory of the gate, -1 for run */
	int procfd;		   /* the host's /proc, for files of this process after the root is gone */
	unsigned ns_new;	   /* CLONE_NEW* that were created */
	bool has_cgroupns, has_userns; /* created or joined */
	int *trees;		   /* detached mounts made by the parent: one per mount (-1: none) and the root; or NULL */
	struct sock_fprog *seccomp;
	unsigned seccomp_flags;
	bool no_pivot, no_new_keyring;
	bool limits_are_set;	   /* resource limits and oom_score_adj: by the parent */
	int listen_fds;		   /* LISTEN_FDS to tell the process, 0 = none */
	const char *listen_names;  /* "LISTEN_FDNAMES=..." or NULL */
	int state_dir;		   /* exec: the container's directory and bundle */
	const char *kept_bundle;
	/* set on the way */
	int rootfd; /* the mounted root */
	int tty;    /* slave, -1 */
	bool proc_is_mounted;
	unsigned long propagation; /* of the root at the end; 0 = as it is */
};

/* A descriptor of the stage: most are left open until close_others(), which closes all of them at once. */
#define STAGE_FDS_MAX 512
static inline void drop_stage_fd(int *fd)
{
	if (*fd >= STAGE_FDS_MAX)
		close(*fd);
}
#define stage_fd __attribute__((cleanup(drop_stage_fd)))

/* The first process of a container, from clone to execve(2); never returns. */
void stage_run(struct stage *s) __attribute__((noreturn));

/* From credentials to execve(2), for stage and exec; returns only on failure. */
int finish_process(struct stage *s, struct err *e);

/* mounts.c */
int mounts_root(struct stage *s, struct err *e);
int mounts_all(struct stage *s, struct err *e);
int mounts_paths(struct stage *s, struct err *e); /* masked, read-only */
int mounts_enter(struct stage *s, struct err *e); /* pivot_root, read-only root */
/* In the parent: make what the child may not, sources that its user cannot reach and idmapped mounts. trees holds
 * mount_count + 1 slots of -1. */
int mounts_prepare(struct stage *s, int *trees, struct err *e);
bool mounts_need_idmap(const struct oci_spec *spec);
int root_tree(struct stage *s, struct err *e);

/* devices.c */
int devices_make(struct stage *s, struct err *e);
int console_open(struct stage *s, struct err *e);

/* creds.c */
int creds_set(struct stage *s, struct err *e);

/* placement.c: how the kernel treats the process. Before privileges are given up. */
int placement_set(const struct oci_spec *spec, struct err *e);
int affinity_set(const unsigned char *list, struct err *e);
int time_offsets_set(struct stage *s, struct err *e);
/* labels.c: AppArmor profile and SELinux label for the coming execve(2). */
int labels_set(struct stage *s, struct err *e);

/* ---- messages on the sync socket: SEQPACKET, struct err each way plus a tag ---- */

enum sync_tag {
	SYNC_GO = 1,	 /* parent: id maps are written */
	SYNC_FAILED = 2, /* child: e says what */
	SYNC_PTY = 3,	 /* child: SCM_RIGHTS pty master */
	SYNC_READY = 4,	 /* child: waits on the gate */
	SYNC_CHILD = 5,	 /* exec helper: pid, SCM_RIGHTS pidfd */
	SYNC_HOOKS = 6,	 /* child: mounts are there; parent: prestart and createRuntime hooks have run (SYNC_GO) */
	SYNC_LISTENER = 7, /* child: SCM_RIGHTS seccomp listener */
};

struct sync_msg {
	int32_t tag; /* enum sync_tag */
	int32_t value;
	int32_t code;
	char text[508];
};

int sync_send(int fd, enum sync_tag tag, int value, const struct err *e, int pass_fd);
/* Returns the tag, 0 at the end, or -errno. SYNC_FAILED becomes the child's code in *e and its -code. */
int sync_recv(int fd, struct sync_msg *ret, int *ret_fd, struct err *e);

#endif
