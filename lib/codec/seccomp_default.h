/* lib/codec/seccomp_default.h - the system calls a container may make unless it asks for others. Pure.
 *
 * What docker's own default profile means on amd64 (with its 32-bit and x32 calls), resolved for a set of capabilities.
 * One difference: of socket families the first 64 are decided on their low 32 bits, as the kernel reads them, so that
 * AF_VSOCK and AF_ALG stay out whatever the upper half of the register holds.
 */
#ifndef CODEC_SECCOMP_DEFAULT_H
#define CODEC_SECCOMP_DEFAULT_H

#include <stdint.h>

struct json_writer;

/*
 * Write the linux.seccomp object. The same set always gives the same bytes.
 *
 *   caps   the bounding set, bit n = capability n (oci_cap_by_name())
 */
void seccomp_default_write(struct json_writer *w, uint64_t caps);

#endif
