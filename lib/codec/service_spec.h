/* lib/codec/service_spec.h - a service's definition and its image as an OCI runtime configuration. Pure. */
#ifndef CODEC_SERVICE_SPEC_H
#define CODEC_SERVICE_SPEC_H

#include <stdint.h>

struct buf;
struct compose_service;
struct err;
struct oci_config;
struct svcdef;

#define SERVICE_NOTIFY_TARGET "/run/notify" /* where a service finds its NOTIFY_SOCKET */

/*
 * Append config.json. The same input gives the same bytes.
 *
 *   image   what the image says of itself: entry point, command, environment, user, directory
 *   lower   its layers as directories of the running system, colon-separated, topmost first
 *
 * Errors   -E_SPEC the image names no command, or a user that is no number   -E_LIMIT, -ENOMEM
 */
int service_spec_write(const struct compose_service *s, const struct oci_config *image, const char *lower, struct buf *out,
		       struct err *e);

/* The capabilities that the service gets, bit n = capability n. */
uint64_t service_caps(const struct compose_service *s);

/*
 * What PID 1 must know of it, without its dependencies.
 *
 * Errors   -E_SPEC the bundle's path is too long
 */
int service_record(const struct compose_service *s, const struct oci_config *image, const char *bundle, struct svcdef *ret,
		   struct err *e);

#endif
