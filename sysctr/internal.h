/* sysctr/internal.h - what the runtime's files share. See handshake.h for the two sides of a start. */
#ifndef SYSCTR_INTERNAL_H
#define SYSCTR_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sysctr/sysctr.h"

struct err;
struct oci_mount;
struct oci_process;
struct oci_resources;
struct oci_spec;
struct sock_fprog;

#define ID_MAX 1024

/* ---- state.c: <root>/<id>/state.json ---- */

struct record {
	pid_t pid;
	uint64_t pid_start; /* field 22 of /proc/PID/stat: tells a reused pid */
	int64_t created_ns;
	char bundle[PATH_MAX], rootfs[PATH_MAX], cgroup[1024];
	bool shares_pidns; /* its processes do not die with the first one */
};

int id_check(const char *id, struct err *e);
/* Open <root>/<id>; -ESRCH "container 'x' does not exist". */
int state_dir(const struct sysctr_opt *opt, const char *id, struct err *e);
/* Make it; -EEXIST when in use. Returns the descriptor. */
int state_reserve(const struct sysctr_opt *opt, const char *id, struct err *e);
void state_unreserve(const struct sysctr_opt *opt, const char *id);
int record_write(int dir, const char *id, const struct record *r, const struct oci_spec *spec, struct err *e);
int record_read(int dir, const char *id, struct record *ret, struct err *e);
bool record_is_alive(const struct record *r);
enum sysctr_status record_status(int dir, const struct record *r);
uint64_t proc_start_time(pid_t pid);

/* ---- cgroup.c ---- */

/* Make the cgroup (below the cgroup2 mount) and set limits. Returns an O_DIRECTORY descriptor, or -1 with *ret_path "" when
 * the host has no cgroup2 and nothing was asked that needs one. */
int cgroup_make(const char *path, const struct oci_resources *res, char *ret_path, size_t size, int *ret_fd, struct err *e);
int cgroup_set(int dir, const struct oci_resources *res, struct err *e);
int cgroup_open(const char *path); /* descriptor or -errno */
int cgroup_kill_all(const char *path);
int cgroup_wait_empty(const char *path, int timeout_ms);
int cgroup_remove(const char *path, struct err *e);
int cgroup_signal_all(const char *path, int sig, struct err *e);
int cgroup_freeze(const char *path, bool frozen, struct err *e);
int cgroup_allow_devices(int dir, const struct oci_resources *res, struct err *e);

/* ---- seccomp.c: the only includer of libseccomp ---- */

/* Compile linux.seccomp. Returns 0; prog->filter is malloc'ed, NULL for no filter. */
int filter_compile(const struct oci_spec *spec, struct sock_fprog *ret, unsigned *ret_flags, struct err *e);
int filter_load(const struct sock_fprog *prog, unsigned flags, struct err *e);

/* ---- the child's side ---- */

struct stage {
	const struct oci_spec *spec;
	const struct sysctr_config *cfg; /* NULL for exec */
	const struct sysctr_io *io;
	char root_path[PATH_MAX];  /* absolute path of root.path */
	char mountpoint[PATH_MAX]; /* where the root is put in the new mount namespace */
	int sync;		   /* socket to the parent */
	int gate;		   /* O_PATH descriptor of the gate fifo, -1 for run */
	int procfd;		   /* the host's /proc/self/fd, for opening descriptors after the root is gone */
	unsigned ns_new;	   /* CLONE_NEW* that were created */
	struct sock_fprog *seccomp;
	unsigned seccomp_flags;
	bool no_pivot, no_new_keyring;
	/* set on the way */
	int rootfd; /* the mounted root */
	int tty;    /* slave, -1 */
};

/* The first process of a container, from clone to execve(2); never returns. */
void stage_run(struct stage *s) __attribute__((noreturn));

/* From credentials to execve(2), for stage and exec; returns only on failure. */
int finish_process(struct stage *s, struct err *e);

/* mounts.c */
int mounts_root(struct stage *s, struct err *e);
int mounts_all(struct stage *s, struct err *e);
int mounts_paths(struct stage *s, struct err *e); /* masked, read-only */
int mounts_enter(struct stage *s, struct err *e); /* pivot_root, read-only root */

/* devices.c */
int devices_make(struct stage *s, struct err *e);
int console_open(struct stage *s, struct err *e);

/* creds.c */
int creds_set(struct stage *s, struct err *e);

/* ---- messages on the sync socket: SEQPACKET, struct err each way plus a tag ---- */

enum sync_tag {
	SYNC_GO = 1,	 /* parent: id maps are written */
	SYNC_FAILED = 2, /* child: e says what */
	SYNC_PTY = 3,	 /* child: SCM_RIGHTS pty master */
	SYNC_READY = 4,	 /* child: waits on the gate */
	SYNC_CHILD = 5,	 /* exec helper: pid, SCM_RIGHTS pidfd */
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
