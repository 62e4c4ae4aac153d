/* userctr/ctr_health.h - health checks: execs at intervals, and what they make of the container's health. */
#ifndef USERCTR_CTR_HEALTH_H
#define USERCTR_CTR_HEALTH_H

#include <stdbool.h>

struct ctr;
struct json_writer;

/* Its process runs: begin, when Config.Healthcheck asks for it. */
void ctr_health_start(struct ctr *c);

/* It ended. The last results are kept for inspect until the next start. */
void ctr_health_stop(struct ctr *c);
void ctr_health_free(struct ctr *c);

/* "starting", "healthy", "unhealthy"; "none" without checks. */
const char *ctr_health_status(const struct ctr *c);

/* The key Health of State, when there are checks. */
void ctr_health_print(const struct ctr *c, struct json_writer *w);

#endif
