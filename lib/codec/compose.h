/* lib/codec/compose.h - service.yml: system services in the Compose specification's format. Pure.
 *
 *   struct compose_file *f;
 *   compose_parse(text, len, "console/service.yml", on_refused, ctx, &f, &e);
 *   for (size_t i = 0; i < f->count; i++) use(&f->services[i]);
 *
 * What a key means here, and which of Compose's are not for system services: docs/services.md. Where Compose is generous
 * the default is the least privilege: no capability, no network, no_new_privs, the default system call filter.
 * A definition that is wrong is refused as a whole, with "file:line: path: expected ..., found ..."; others are kept.
 */
#ifndef CODEC_COMPOSE_H
#define CODEC_COMPOSE_H

#include "lib/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct svcdef_socket;
struct yaml_doc;

#define COMPOSE_UNSET INT64_MIN

struct compose_mount {
	const char *source;   /* absolute path; NULL: a tmpfs */
	const char *target;   /* absolute path */
	const char **options; /* NULL-ended */
	unsigned line;
};

struct compose_dep {
	const char *service;
	uint8_t condition; /* enum svcdef_condition */
	bool is_required;
	unsigned line;
};

struct compose_device {
	const char *path; /* inside */
	char type;	  /* 'c' or 'b' */
	unsigned major, minor;
	const char *access; /* of "rwm" */
};

struct compose_rule {
	char type; /* 'a', 'b', 'c' */
	int64_t major, minor; /* COMPOSE_UNSET: all */
	const char *access;
};

struct compose_rlimit {
	const char *name; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};

struct compose_pair {
	const char *key, *value; /* value NULL: take the key away */
};

struct compose_service {
	const char *name, *image, *hostname, *working_dir, *user; /* NULL: not given */
	unsigned line, image_line;
	const char **command, **entrypoint; /* NULL-ended; NULL: the image's */
	struct compose_pair *env, *sysctls, *labels;
	struct compose_mount *mounts; /* tmpfs ones too, in the order written */
	struct compose_dep *deps;
	struct compose_device *devices;
	struct compose_rule *rules;
	struct compose_rlimit *rlimits;
	uint32_t *groups;
	size_t env_count, sysctl_count, label_count, mount_count, dep_count, device_count, rule_count, rlimit_count,
		group_count;
	uint64_t cap_add, cap_drop; /* bit n = capability n */
	bool is_privileged, is_read_only, has_host_network, has_host_pid, has_host_ipc, has_host_uts, has_host_cgroup;
	bool no_seccomp, may_gain_privileges;
	int64_t memory_limit, memory_reservation, memory_swap, pids_limit, cpu_shares, cpu_quota, oom_score_adj, shm_size;
	const char *cpuset;
	const char *root_size; /* of the writable layer in memory */
	/* for PID 1, see svcdef.h */
	uint8_t restart, ready, stop_signal, shutdown_signal;
	uint16_t restart_max;
	uint32_t restart_window_ms, grace_ms, start_timeout_ms, log_max_bytes;
	uint32_t flags; /* enum svcdef_flag */
	uint32_t watchdog_ms;
	uint8_t fdstore_max;
	struct svcdef_socket *sockets;
	size_t socket_count;
};

struct compose_file {
	struct arena memory;
	struct yaml_doc *doc; /* owned */
	struct compose_service *services;
	size_t count;
};

/* Called for each definition that is refused; name is borrowed. */
typedef void compose_refused_fn(void *ctx, const char *name, const struct err *why);

/*
 * Parse one file.
 *
 * Returns  the number of refused definitions; *ret to be freed with compose_free(), strings are borrowed from it
 * Errors   -E_SPEC, -E_LIMIT, -ENOMEM when nothing in the file can be used
 */
int compose_parse(const char *text, size_t len, const char *file, compose_refused_fn *refused, void *ctx,
		  struct compose_file **ret, struct err *e);
void compose_free(struct compose_file *f);

#endif
