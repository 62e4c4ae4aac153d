/* userctr/monitor.h - the process that owns one container (or one exec) and outlives the daemon.
 *
 * The daemon starts
 *
 *   userctr monitor --dir DIR --id ID [--log FILE --log-size BYTES --log-files N] [--tty] [--stdin] [--stdin-once]
 *           [--sysctr-root DIR]
 *           fd 3: one end of a SOCK_SEQPACKET pair, the daemon's first connection
 *   userctr monitor --dir DIR --id ID --exec EXECID [--tty] [--stdin]
 *
 * with DIR = /run/userctr/ID (a container) or /run/userctr/ID/exec/EXECID. The monitor reads DIR/config.json (the whole OCI
 * configuration with its io.slipway.rootfs.* annotations; of an exec: the OCI process object), listens on DIR/monitor.sock
 * (SEQPACKET, more connections after a restart of the daemon), creates the container through sysctr/sysctr.h below
 * the runtime's root, and from then on owns its terminal or pipes, its json-file log and its exit code.
 *
 *   daemon ──► monitor                                       monitor ──► every connection
 *   MON_ATTACH  flags, SCM_RIGHTS: one stream socket         MON_STATE   on connecting: where it stands
 *   MON_START                                                MON_CREATED a = pid, SCM_RIGHTS: pidfd
 *   MON_RESIZE  a = rows, b = columns                        MON_STARTED time = CLOCK_REALTIME ns
 *   MON_QUIT    forget about it (after the exit was noted)   MON_FAILED  a = errno, text: nothing is left behind
 *                                                            MON_EXITED  a = wait status, b = 1 after an OOM kill, time
 *
 * Nothing is read from the container, and an exec that ended is not noticed, before MON_START: who attached earlier misses
 * nothing. Order: MON_CREATED (the daemon connects the network to pid), MON_ATTACH any number of times, MON_START, MON_STARTED or
 * MON_FAILED, MON_EXITED once all output was written. An attached socket may be the HTTP client's own: after its reply
 * head was sent the daemon passes it on and closes its copy, so an attach session survives the daemon too. Output is
 * multiplexed (docker's 8-byte frame head) unless MON_ATTACH_RAW. Read end-of-file on it is end of stdin, not of the
 * session; the monitor half-closes it after the last byte. A session whose reader stalls with MON_ATTACH_BACKLOG bytes
 * outstanding is dropped: it must not stop the container.
 *
 * DIR/exit holds the text "STATUS OOM TIME_NS\n" from before MON_EXITED is sent: what a daemon that was down meanwhile reads.
 */
#ifndef USERCTR_MONITOR_H
#define USERCTR_MONITOR_H

#include <stdint.h>

#define MON_SYSCTR_ROOT	   "/run/userctr/sysctr" /* sysctr_opt.root of user containers */
#define MON_ATTACH_BACKLOG (1u << 20)		  /* bytes a stalled session may have waiting */
#define MON_TEXT_MAX	   508 /* = the message of a struct err */

enum mon_tag {
	MON_ATTACH = 1,
	MON_START = 2,
	MON_RESIZE = 3,
	MON_QUIT = 4,
	MON_STATE = 16,
	MON_CREATED = 17,
	MON_STARTED = 18,
	MON_FAILED = 19,
	MON_EXITED = 20,
};

enum mon_flag {
	MON_ATTACH_STDIN = 1u << 0,
	MON_ATTACH_STDOUT = 1u << 1,
	MON_ATTACH_STDERR = 1u << 2,
	MON_ATTACH_RAW = 1u << 3, /* no frame heads: terminals, and API < 1.42 without one is still framed */
};

enum mon_phase {
	MON_PHASE_NEW = 1,
	MON_PHASE_CREATED = 2,
	MON_PHASE_RUNNING = 3,
	MON_PHASE_EXITED = 4,
};

struct mon_msg {
	uint16_t tag;	/* enum mon_tag */
	uint16_t flags; /* enum mon_flag */
	int32_t a;	/* MON_STATE: pid */
	int32_t b;	/* MON_STATE: enum mon_phase */
	uint32_t reserved;
	int64_t time; /* CLOCK_REALTIME ns */
	char text[MON_TEXT_MAX]; /* MON_FAILED: the message; MON_ATTACH: detach keys as bytes, NUL-ended, "" = none */
};

/* The verb `userctr monitor`. Returns the exit status. */
int monitor_main(int argc, char **argv);

#endif
