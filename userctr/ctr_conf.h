/* userctr/ctr_conf.h - what a container was asked to be. Pure: JSON in, JSON out; no system calls.
 *
 *   create body + image config --ctr_conf_make()--> struct ctr_conf: Config and HostConfig as inspect shows them, complete
 *                                                   with every default, checked; kept in the record as they are
 *   struct ctr_conf + facts    --ctr_spec_write()--> config.json of the OCI runtime specification
 *   exec body + struct ctr_conf --exec_spec_write()--> an OCI process object
 *
 * Errors are dockerd's sentences (-EINVAL 400, -ENOENT 404...). A field that is accepted is honoured; one that cannot be is
 * refused by its name. Keys of the body are matched without regard to case.
 */
#ifndef USERCTR_CTR_CONF_H
#define USERCTR_CTR_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct err;
struct image;
struct json;
struct json_doc;

/* Both documents are owned; values inside are borrowed from them. */
struct ctr_conf {
	struct json_doc *config_doc, *host_doc; /* owned */
	const struct json *config;		/* docker's Config, filled */
	const struct json *host;		/* docker's HostConfig, filled */

	/* what others ask for often; borrowed from the documents */
	bool want_tty, want_stdin, stdin_once, auto_remove;
	const char *image;	  /* as typed */
	const char *network_mode; /* "bridge", "host", "none", "container:ID", a network's name */
	const char *restart_name; /* "no", "always", "unless-stopped", "on-failure" */
	int64_t restart_max;
	int stop_signal;	  /* number */
	int64_t stop_timeout_s;	  /* 10 by default; -1 for ever */
	const char *log_driver;	  /* "json-file", "local", "none" */
	int64_t log_max_bytes;	  /* per file */
	unsigned log_max_files;
};

/* A warning for the reply of create; appended as JSON strings to an array that is open. */
struct json_writer;

/*
 * Check and complete a create request.
 *
 *   id        64 hex digits: the default hostname is its first 12
 *   api       minor of the API version
 *   warnings  array being written, may be NULL
 */
int ctr_conf_make(const struct json *body, const struct image *image, const char *id, unsigned api, struct ctr_conf *ret,
		  struct json_writer *warnings, struct err *e);

/* From a record: the two documents as text. */
int ctr_conf_load(const char *config, size_t config_len, const char *host, size_t host_len, struct ctr_conf *ret,
		  struct err *e);
void ctr_conf_release(struct ctr_conf *c);

/* `docker update`: merge a body of limits (and RestartPolicy) into the HostConfig. */
int ctr_conf_update(struct ctr_conf *c, const struct json *body, struct err *e);

/* The OCI linux.resources object of a HostConfig: for ctr_spec_write() and sysctr_update(). */
void ctr_resources_write(struct json_writer *w, const struct ctr_conf *c);

/* A mount point of a container, resolved: what inspect's Mounts shows and the runtime mounts. Strings are owned. */
struct ctr_mount {
	char *type;	   /* "bind", "volume", "tmpfs" */
	char *name;	   /* of a volume; else NULL */
	char *source;	   /* absolute on the host (a volume's _data); "" for tmpfs */
	char *destination; /* absolute in the container */
	char *mode;	   /* options as typed: "ro", "z", "" */
	char *propagation; /* "rprivate" ... */
	char *subpath;	   /* of a volume, or NULL */
	char *tmpfs_opts;  /* mount(8) options of a tmpfs, or NULL */
	bool is_rw, no_copy, is_anonymous, make_source, ro_not_recursive;
	bool not_recursive; /* a bind without what is mounted below its source */
	bool is_hidden;	    /* of HostConfig.Tmpfs: mounted, but not among inspect's Mounts */
	/* of a volume to be made: objects of strings, borrowed from the conf; NULL = none */
	const struct json *volume_options, *volume_labels;
};

/*
 * The mount points that Binds, Mounts, Tmpfs, and the image's Volumes ask for; sources of volumes are still empty (the
 * caller makes the volumes), names of anonymous ones NULL.
 *
 * Returns  0; *ret is an array of *ret_n, freed with ctr_mounts_free()
 */
int ctr_conf_mounts(const struct ctr_conf *c, struct ctr_mount **ret, size_t *ret_n, struct err *e);
void ctr_mounts_free(struct ctr_mount *m, size_t n);

/* What a spec needs beyond what was asked. All borrowed. */
struct ctr_facts {
	const char *id;
	const char *cgroup;	 /* "/docker/<id>" */
	const char *lower, *upper, *work; /* the overlay: io.slipway.rootfs.* annotations */
	const char *hostname_path, *hosts_path, *resolv_path; /* bound over /etc/...; NULL = not */
	const struct ctr_mount *mounts;
	size_t n_mounts;
	const char *netns_path;	 /* network_mode container:ID: /proc/PID/ns/net; NULL = by the mode */
	const char *ipcns_path, *pidns_path; /* --ipc/--pid container:ID */
	const char *init_path;	 /* --init: program bound to /sbin/docker-init */
	const char *shm_path;	 /* bound at /dev/shm for --ipc shareable and container:ID; NULL = a tmpfs of its own */
	uint64_t caps_have;	 /* capabilities that the daemon has, bit n = capability n; 0 = all */
	uint64_t nofile_max;	 /* descriptors that the daemon may allow; 0 = any number */
	/* user of the image or of --user, already looked up in the image's passwd by the caller through the layers */
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t n_groups;
	const char *home;	 /* for HOME; NULL = "/" */
};

/* Errors  -EINVAL -ENOENT: a device or path that was asked for does not fit */
int ctr_spec_write(struct buf *out, const struct ctr_conf *c, const struct ctr_facts *f, struct err *e);

/* The process object of `docker exec`: body is the create request of the exec. */
int exec_spec_write(struct buf *out, const struct ctr_conf *c, const struct ctr_facts *f, const struct json *body,
		    struct err *e);

/*
 * A user as docker writes it ("", "1000", "www:www", "1000:50") looked up in the text of passwd and group. Pure.
 *
 * Errors  -EINVAL "unable to find user x: no matching entries in passwd file"
 */
struct ctr_user {
	uid_t uid;
	gid_t gid;
	gid_t groups[64];
	size_t n_groups;
	char home[256];
};
int ctr_user_find(const char *text, const char *passwd, size_t passwd_len, const char *group, size_t group_len,
		  struct ctr_user *ret, struct err *e);

/* Add the groups of --group-add, numbers or names in the text of group. Errors: -EINVAL "Unable to find group x" */
int ctr_user_add_groups(struct ctr_user *u, const struct ctr_conf *c, const char *group, size_t group_len, struct err *e);

#endif
