/* lib/codec/oci_spec.h - config.json of the OCI runtime specification as a struct.
 *
 * Strict: a field of the wrong type or out of range is refused with its path ("process.rlimits[2].soft: ..."). A property
 * that this runtime does not implement is refused by name, never ignored. Strings are borrowed from the parsed text, arrays
 * from the spec's own memory; both live until oci_spec_free(). Absent numbers are the *_UNSET values.
 */
#ifndef CODEC_OCI_SPEC_H
#define CODEC_OCI_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct json;

#define OCI_UNSET INT64_MIN

struct oci_rlimit {
	int resource; /* RLIMIT_* */
	uint64_t soft, hard;
};

enum oci_cap_set {
	OCI_CAP_BOUNDING,
	OCI_CAP_EFFECTIVE,
	OCI_CAP_PERMITTED,
	OCI_CAP_INHERITABLE,
	OCI_CAP_AMBIENT,
	OCI_CAP_SETS,
};

struct oci_scheduler {
	bool is_set;
	unsigned policy; /* SCHED_* */
	int nice, priority;
	uint64_t flags;	/* SCHED_FLAG_* */
	uint64_t runtime_ns, deadline_ns, period_ns;
};

#define OCI_LIST_MAX   1024 /* processors or memory nodes */
#define OCI_LIST_BYTES (OCI_LIST_MAX / 8)

struct oci_process {
	bool terminal;
	unsigned rows, columns;
	uid_t uid;
	gid_t gid;
	int64_t umask; /* OCI_UNSET: 022 */
	gid_t *groups;
	size_t group_count;
	const char **args, **env; /* NULL-ended */
	const char *cwd;
	bool has_caps;
	uint64_t caps[OCI_CAP_SETS];
	struct oci_rlimit *rlimits;
	size_t rlimit_count;
	bool no_new_privileges;
	int64_t oom_score_adj;
	const char *apparmor, *selinux; /* NULL or "": none */
	struct oci_scheduler scheduler;
	int io_class; /* 0: as inherited; 1 realtime, 2 best effort, 3 idle */
	int io_priority;
	const unsigned char *affinity_initial, *affinity_final; /* OCI_LIST_BYTES each, or NULL */
};

struct oci_idmap {
	uint32_t inside, outside, size;
};

struct oci_mount {
	const char *destination, *type, *source; /* type and source may be NULL */
	const char **options;			 /* NULL-ended */
	struct oci_idmap *uid_maps, *gid_maps;	 /* of an idmapped mount; none: the container's */
	size_t uid_map_count, gid_map_count;
};

struct oci_namespace {
	int flag;	  /* CLONE_NEW* */
	const char *path; /* NULL: a new one */
};

struct oci_device {
	const char *path;
	mode_t type; /* S_IFCHR, S_IFBLK, S_IFIFO */
	unsigned major, minor;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

struct oci_device_rule {
	bool allow;
	char type; /* 'a', 'b', 'c' */
	int64_t major, minor; /* OCI_UNSET: any */
	bool can_read, can_write, can_mknod;
};

struct oci_pair {
	const char *key, *value;
};

struct oci_block_device {
	unsigned major, minor;
	uint64_t value; /* weight, bytes/s or operations/s */
};

enum oci_throttle {
	OCI_READ_BPS,
	OCI_WRITE_BPS,
	OCI_READ_IOPS,
	OCI_WRITE_IOPS,
	OCI_THROTTLES,
};

struct oci_huge_limit {
	const char *page_size; /* "2MB" */
	uint64_t limit;
};

struct oci_rdma {
	const char *device;
	int64_t handles, objects; /* OCI_UNSET: unlimited */
};

struct oci_resources {
	int64_t memory_limit, memory_reservation, memory_swap; /* bytes, -1 unlimited */
	bool memory_check; /* refuse a limit below what is used */
	int64_t cpu_shares, cpu_quota, cpu_period, cpu_burst, cpu_idle;
	int64_t io_weight;
	struct oci_block_device *io_weights, *io_throttles[OCI_THROTTLES];
	size_t io_weight_count, io_throttle_counts[OCI_THROTTLES];
	struct oci_huge_limit *huge;
	size_t huge_count;
	struct oci_rdma *rdma;
	size_t rdma_count;
	const char *cpus, *mems;
	int64_t pids_limit;
	struct oci_pair *unified;
	size_t unified_count;
	struct oci_device_rule *devices;
	size_t device_count;
};

enum oci_hook_kind {
	OCI_HOOK_PRESTART,
	OCI_HOOK_CREATE_RUNTIME,
	OCI_HOOK_CREATE_CONTAINER,
	OCI_HOOK_START_CONTAINER,
	OCI_HOOK_POSTSTART,
	OCI_HOOK_POSTSTOP,
	OCI_HOOKS,
};

struct oci_hook {
	const char *path, **args, **env; /* NULL-ended */
	int64_t timeout_s;		 /* OCI_UNSET: none */
};

struct oci_net_device {
	const char *name, *rename; /* rename: NULL = as it is */
};

struct oci_time_offset {
	const char *clock; /* "monotonic", "boottime" */
	int64_t secs;
	uint32_t nanosecs;
};

struct oci_memory_policy {
	bool is_set;
	int mode; /* MPOL_* with its flags */
	unsigned char nodes[OCI_LIST_BYTES];
};

struct oci_spec {
	const char *version;
	struct oci_process process;
	struct oci_hook *hooks[OCI_HOOKS];
	size_t hook_counts[OCI_HOOKS];
	const struct json *hooks_json; /* borrowed; NULL without hooks */
	const char *root_path; /* as written; relative to the bundle */
	bool root_readonly;
	const char *hostname, *domainname;
	struct oci_mount *mounts;
	size_t mount_count;
	struct oci_namespace *namespaces;
	size_t namespace_count;
	struct oci_idmap *uid_maps, *gid_maps;
	size_t uid_map_count, gid_map_count;
	struct oci_device *devices;
	size_t device_count;
	const char *cgroups_path;
	struct oci_resources resources;
	struct oci_pair *sysctl, *annotations;
	size_t sysctl_count, annotation_count;
	const char **masked_paths, **readonly_paths; /* NULL-ended, may be NULL */
	const char *rootfs_propagation, *mount_label;
	int64_t personality; /* OCI_UNSET, or for personality(2) */
	struct oci_net_device *net_devices;
	size_t net_device_count;
	struct oci_time_offset *time_offsets;
	size_t time_offset_count;
	struct oci_memory_policy memory_policy;
	const struct json *seccomp; /* borrowed; checked by the runtime's seccomp.c */
	/* private */
	void *memory;
	struct json_doc *doc;
};

/*
 * Parse a whole configuration.
 *
 * Returns  0; free with oci_spec_free()
 * Errors   -E_SPEC with the field's path   -E_LIMIT   -ENOMEM
 */
int oci_spec_parse(const char *json, size_t len, struct oci_spec **ret, struct err *e);

/* Parse a process object alone, for exec; only spec->process is set. */
int oci_process_parse(const char *json, size_t len, struct oci_spec **ret, struct err *e);

/* Parse a linux.resources object alone, for update; only spec->resources is set. */
int oci_resources_parse(const char *json, size_t len, struct oci_spec **ret, struct err *e);

/* Parse an object that keeps things for later calls: ociVersion, annotations, seccomp, hooks; only these are set. */
int oci_hooks_parse(const char *json, size_t len, struct oci_spec **ret, struct err *e);

/* "0-3,7" as a set of OCI_LIST_BYTES. Returns 0 or -EINVAL. */
int oci_list_parse(const char *text, unsigned char *ret);

/* Name of hooks of a kind, as in the configuration. */
const char *oci_hook_name(enum oci_hook_kind kind);

void oci_spec_free(struct oci_spec *s);

/* Value of an annotation, NULL when absent. */
const char *oci_spec_annotation(const struct oci_spec *s, const char *key);

/* Number of a capability by name ("CAP_CHOWN"), -1 when unknown. */
int oci_cap_by_name(const char *name);
/* The reverse, without "CAP_"; NULL past the last one. */
const char *oci_cap_name(int cap);

#endif
