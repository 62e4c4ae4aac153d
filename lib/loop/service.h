/* lib/loop/service.h - what every service does the same: end its loop when asked to, and tell that it is ready. */
#ifndef LOOP_SERVICE_H
#define LOOP_SERVICE_H

struct err;
struct loop;
struct source;

/*
 * From here on SIGTERM and SIGINT set l->stop; both are blocked in this process.
 *
 *   s   somewhere that lives as long as the loop
 */
int service_end_by_signal(struct loop *l, struct source *s, struct err *e);

/*
 * READY=1 to the service manager (sd_notify's protocol): NOTIFY_SOCKET, a path or '@' and a name. Without one nothing
 * happens; a failure is logged under the subsystem's name.
 */
void service_tell_ready(const char *subsystem);

#endif
