/* userctr/image_progress.h - the records of docker's progress streams: one JSON object, CR LF. */
#ifndef USERCTR_IMAGE_PROGRESS_H
#define USERCTR_IMAGE_PROGRESS_H

#include <stdint.h>

struct digest;
struct req;

#define PROGRESS_NO_BAR UINT64_MAX

/* Of a layer, known by the first 12 digits of a digest; now and all draw a bar unless now is PROGRESS_NO_BAR. */
void progress_layer(struct req *q, const struct digest *id, const char *status, uint64_t now, uint64_t all);

/* id: may be NULL. text replaces the one %s of fmt. */
void progress_status(struct req *q, const char *id, const char *fmt, const char *text);

void progress_error(struct req *q, const char *msg);

#endif
