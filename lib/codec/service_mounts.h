/* lib/codec/service_mounts.h - the mounts of a service's configuration. Private to lib/codec/service_*.c. */
#ifndef CODEC_SERVICE_MOUNTS_H
#define CODEC_SERVICE_MOUNTS_H

struct compose_service;
struct json_writer;

/* Key and array "mounts": the usual ones, the service's own by depth, its notification socket. */
void service_mounts_write(struct json_writer *w, const struct compose_service *s);

/* Where the service finds its notification socket; out holds 96 bytes. Returns out. */
const char *service_notify_path(const struct compose_service *s, char out[96]);

#endif
