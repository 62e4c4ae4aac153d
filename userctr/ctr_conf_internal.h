/* userctr/ctr_conf_internal.h - what the files behind ctr_conf.h share. */
#ifndef USERCTR_CTR_CONF_INTERNAL_H
#define USERCTR_CTR_CONF_INTERNAL_H

#include "userctr/shape.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_conf;
struct ctr_facts;
struct err;
struct json;
struct json_writer;

extern const struct field config_fields[];
extern const struct field host_fields[];

/* Of a filled document: never NULL, 0 for null. */
const char *conf_str(const struct json *doc, const char *key);
int64_t conf_int(const struct json *doc, const char *key);
bool conf_bool(const struct json *doc, const char *key);
bool conf_is_set(const struct json *doc, const char *key); /* there and not null */

/* ctr_check.c: dockerd's checks, on filled documents. */
int conf_check(const struct json *config, const struct json *host, struct err *e);
/* ctr_check_host.c: the parts of HostConfig. */
int host_check(const struct json *config, const struct json *host, struct err *e);
/* ctr_limits.c */
int limits_check(const struct json *host, bool is_update, struct err *e);

/* ctr_log.c: LogConfig to the fields of struct ctr_conf. */
int conf_log(const struct json *log, struct ctr_conf *c, struct err *e);

/* ctr_security.c: what SecurityOpt says, in its last word. */
struct security {
	bool no_new_privileges;
	bool open_paths;	/* systempaths=unconfined */
	bool want_seccomp;	/* some filter */
	const char *seccomp;	/* borrowed: a profile as JSON; NULL = the default one */
};
int security_read(const struct json *host, struct security *ret, struct err *e);

/* Write linux.seccomp from a profile in docker's format. Errors: -EINVAL */
int seccomp_profile_write(struct json_writer *w, const char *profile, uint64_t caps, struct err *e);

/* ctr_caps.c: the capabilities of a container (CapAdd, CapDrop, Privileged), limited to those that there are (0 = all). */
int caps_read(const struct json *host, uint64_t *ret, struct err *e);
void caps_write(struct json_writer *w, uint64_t caps); /* the OCI object */

/* "container:x": x, else NULL. */
const char *mode_container(const char *mode);

/* ctr_devices.c: the only part that looks at the host: numbers of device nodes. */
int devices_write(struct json_writer *w, const struct json *host, struct err *e);	/* linux.devices; left out when none */
int device_rules_write(struct json_writer *w, const struct json *host, struct err *e); /* resources.devices */
int block_io_write(struct json_writer *w, const struct json *host, struct err *e);	/* resources.blockIO; left out when none */
int device_rule_parse(const char *text, char *ret_type, int64_t *ret_major, int64_t *ret_minor, char ret_access[4]);

/* ctr_resources.c */
int resources_write(struct json_writer *w, const struct ctr_conf *c, bool with_devices, struct err *e);

/* ctr_spec_mounts.c */
int spec_mounts_write(struct json_writer *w, const struct ctr_conf *c, const struct ctr_facts *f, struct err *e);

/* ctr_tmpfs.c: "size=64m,exec" and the defaults as a list of mount options. Errors: -EINVAL */
int tmpfs_options(const char *text, char *ret, size_t size, struct err *e);

#endif
