/* userctr/cli_spec.h - the small languages of run's flags: ports, mounts, devices, limits, environment files. Pure. */
#ifndef USERCTR_CLI_SPEC_H
#define USERCTR_CLI_SPEC_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct cli_value;
struct err;
struct json_writer;

#define SPEC_PORTS_MAX 4096

struct spec_port {
	char ip[64];
	char proto[8];
	unsigned host;	   /* first of the range; 0 = any */
	unsigned host_end;
	unsigned ctr, ctr_end;
};

/* "[ip:][host[-host]:]container[-container][/proto]". Errors: -EINVAL with docker's sentence. */
int spec_port(const char *s, struct spec_port *ret, struct err *e);

/* Write "ExposedPorts" and "PortBindings" members for publish and expose flags, each into an open object. */
int spec_exposed(struct json_writer *w, const struct cli_value *publish, const struct cli_value *expose, struct err *e);
int spec_bindings(struct json_writer *w, const struct cli_value *publish, struct err *e);

/* The next field of comma-divided text with CSV quotes into out. Returns false at the end. */
bool spec_csv(const char **at, char *out, size_t size);

/* --mount to a member of HostConfig.Mounts. */
int spec_mount(struct json_writer *w, const char *s, struct err *e);

/* "/dev/a[:/dev/b][:rwm]", "nofile=1[:2]", "path:number". */
int spec_device(struct json_writer *w, const char *s, struct err *e);
int spec_ulimit(struct json_writer *w, const char *s, struct err *e);
int spec_throttle(struct json_writer *w, const char *s, bool is_weight, bool is_bytes, struct err *e);

/* Split -v at its first colon: is there a source, and is it a path? */
bool spec_volume_has_source(const char *s, bool *ret_is_path);

/* Lines of an environment (or label) file: each wanted line is given to add. */
int spec_env_file(const char *path, bool is_env, int (*add)(void *ctx, const char *line, size_t n), void *ctx,
		  struct err *e);

#endif
