/* userctr/ctr_mon.h - the daemon's end of a connection to a monitor (monitor.h). */
#ifndef USERCTR_CTR_MON_H
#define USERCTR_CTR_MON_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/loop/loop.h"
#include "userctr/monitor.h"

struct daemon;
struct err;

struct mon {
	struct source s;
	void *ctx;
	/* fd: a descriptor that came along, or -1; the handler's to close */
	void (*said)(struct mon *m, const struct mon_msg *msg, int fd);
	void (*lost)(struct mon *m); /* the monitor has gone; not called after mon_close() */
};

/*
 * Start a monitor whose standard error is DIR/monitor.err.
 *
 *   dir    of the container or exec
 *   argv   its command line
 *
 * Returns  0, *ret to be ended with mon_close()
 */
int mon_start(struct daemon *d, const char *dir, const char *const argv[], struct mon **ret, struct err *e);

/* Connect to the monitor of dir and take its first word. Errors: -ENOENT, -ECONNREFUSED there is none. Blocks: for 2 s at
 * most, when a monitor is stuck. */
int mon_connect(struct daemon *d, const char *dir, struct mon_msg *ret_state, struct mon **ret, struct err *e);

/* Send. The monitor always reads: a message that does not fit means that it is stuck. fd is borrowed; -1 = none. */
int mon_say(struct mon *m, const struct mon_msg *msg, int fd, struct err *e);

/* Take at once what it has said already: a client that saw the end of its stream asks for the exit code, and its request may
 * overtake the monitor's word in the loop. NULL is fine. The caller's object may be gone afterwards. */
void mon_listen(struct mon *m);

void mon_close(struct mon *m);

/* What a monitor said last on its standard error, for the log; "" when nothing. */
void mon_last_words(const char *dir, char *out, size_t size);

#endif
