/* lib/codec/oci_spec_in.h - how the files of oci_spec take fields out of JSON objects; private to them.
 *
 * A struct in knows what is being filled and the path of the object at hand, so that every message names its field.
 * Each in_*() returns 0 when the field is absent (*ret untouched) or taken, -E_SPEC or -ENOMEM otherwise.
 */
#ifndef CODEC_OCI_SPEC_IN_H
#define CODEC_OCI_SPEC_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/codec/json.h"
#include "lib/codec/oci_spec.h"

#define IN_PATH_TEXT 160

struct err;

struct in {
	struct oci_spec *spec;
	struct err *e;
	char at[IN_PATH_TEXT];
};

/* Zeroed memory that lives as long as the spec. NULL with the error set. */
void *in_take(struct in *in, size_t count, size_t size);
int in_failed(const struct in *in); /* after in_take() said NULL */
int in_bad(const struct in *in, const char *key, const char *why);
struct in in_sub(const struct in *in, const char *key); /* one level down */
bool in_absent(const struct json *v);

int in_str(struct in *in, const struct json *o, const char *key, const char **ret);
int in_bool(struct in *in, const struct json *o, const char *key, bool *ret);
int in_int(struct in *in, const struct json *o, const char *key, int64_t min, int64_t max, int64_t *ret);
int in_u32(struct in *in, const struct json *o, const char *key, uint32_t *ret);
int in_u64(struct in *in, const struct json *o, const char *key, uint64_t *ret);
int in_typed(struct in *in, const struct json *o, const char *key, enum json_type type, const struct json **ret);
int in_strings(struct in *in, const struct json *o, const char *key, const char ***ret);
int in_pairs(struct in *in, const struct json *o, const char *key, struct oci_pair **ret, size_t *ret_n);

/* For each element of the array at key: one(in with path "key[i]", element, slot i of a new array). */
typedef int in_one_fn(struct in *in, const struct json *v, void *slot);
int in_array(struct in *in, const struct json *o, const char *key, size_t size, void **ret, size_t *ret_n, in_one_fn *one);

/* A property that is not implemented is refused, not ignored. */
int in_refuse(struct in *in, const struct json *o, const char *const keys[], size_t n);

/* The parts: oci_spec_process.c, oci_spec_linux.c, oci_spec_resources.c. */
int in_process(struct in *in, const struct json *o, struct oci_process *p);
int in_linux(struct in *in, const struct json *o, struct oci_spec *p);
int in_resources(struct in *in, const struct json *o, struct oci_resources *c);
int in_idmap(struct in *in, const struct json *v, void *slot);

#endif
