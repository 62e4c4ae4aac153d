/* userctr/monitor_session.h - the attached clients of a monitor: output goes to all of them, input comes from any.
 *
 * A stalled client is dropped; it never slows the container. Used by the monitor only.
 */
#ifndef USERCTR_MONITOR_SESSION_H
#define USERCTR_MONITOR_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/loop/loop.h"
#include "userctr/json_log.h"

struct err;

#define DETACH_KEYS_MAX 16
#define STDIN_BACKLOG	65536

/* Where input goes: the container's stdin, shared by all sessions. */
struct session_input {
	struct source s; /* fd: pipe or terminal; -1 = none or closed */
	struct buf pending;
	struct sessions *users; /* borrowed */
	bool once;	 /* close it when a session's input ends */
	bool is_tty;	 /* the end of a session's input is not an end of file for a terminal */
	bool closing;	 /* close when pending is written */
	bool is_watched;
};

struct sessions {
	struct loop *loop; /* borrowed */
	struct list all;
	struct session_input *input; /* borrowed */
};

void sessions_init(struct sessions *ss, struct loop *l, struct session_input *in);

/* Add a stream socket; owned from here on, also on failure. keys: detach sequence, "" for none. */
int sessions_add(struct sessions *ss, int fd, unsigned flags, const char *keys, struct err *e);

/* Output of the container to every session that wants this stream. */
void sessions_output(struct sessions *ss, enum log_stream s, const char *p, size_t n);

/* No more output: each is half-closed once its backlog is written, and closed when the peer is done. */
void sessions_finish(struct sessions *ss);

/* Close them all. */
void sessions_drop(struct sessions *ss);

bool sessions_any(const struct sessions *ss);

/* Start feeding fd (owned by the input from here on). */
void session_input_init(struct session_input *in, struct loop *l, int fd, bool once, bool is_tty);
void session_input_close(struct session_input *in);

#endif
