/* lib/codec/ctl.h - frames of PID 1's control socket (SOCK_SEQPACKET: one frame is one message).
 *
 *   client ──► PID 1    struct ctl_head, then `len` bytes of payload by tag
 *   PID 1  ──► client   one or more frames with the request's tag; the last one has CTL_LAST set.
 *                       code 0, or errno with a sentence as payload
 *
 *   tag            request payload     reply payload                          who may
 *   CTL_LIST       -                   struct ctl_svc, one frame per service  anyone
 *   CTL_START      name                -                                      uid 0
 *   CTL_STOP       name                -  (once asked, not once stopped)      uid 0
 *   CTL_RESTART    name                -                                      uid 0
 *   CTL_POWER      u8 enum ctl_power   -                                      uid 0
 *   CTL_TIMES      -                   struct ctl_time, one frame per entry   anyone
 *   CTL_VERSION    -                   text                                   anyone
 *
 * Names are not NUL-ended in frames. Retired numbers are never reused.
 */
#ifndef CODEC_CTL_H
#define CODEC_CTL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/codec/svcdef.h"

struct err;

#define CTL_MAGIC 0x4c54u /* "TL" */
#define CTL_FRAME_MAX 512
#define CTL_SOCKET "/run/slipway/control.sock"

enum ctl_tag {
	CTL_LIST = 1,
	CTL_START = 2,
	CTL_STOP = 3,
	CTL_RESTART = 4,
	CTL_POWER = 5,
	CTL_TIMES = 6,
	CTL_VERSION = 7,
};

enum ctl_power {
	CTL_POWER_OFF = 1,
	CTL_POWER_REBOOT = 2,
	CTL_POWER_HALT = 3,
};

enum ctl_flag {
	CTL_LAST = 1u << 0,
};

struct ctl_head {
	uint16_t magic; /* CTL_MAGIC */
	uint8_t tag;	/* enum ctl_tag */
	uint8_t flags;	/* enum ctl_flag */
	uint16_t len;	/* of the payload */
	uint16_t code;	/* replies: 0 or errno */
};

/* Service states as told to clients; numbers are init's enum svc_state, kept stable here. */
enum ctl_svc_state {
	CTL_SVC_DOWN = 1,
	CTL_SVC_WAITING = 2, /* for dependencies */
	CTL_SVC_STARTING = 3,
	CTL_SVC_RUNNING = 4, /* started, not ready yet */
	CTL_SVC_READY = 5,
	CTL_SVC_DONE = 6, /* one-shot, exited 0 */
	CTL_SVC_BACKOFF = 7,
	CTL_SVC_STOPPING = 8,
	CTL_SVC_FAILED = 9,
};

struct ctl_svc {
	char name[SVCDEF_NAME_MAX];
	uint8_t state; /* enum ctl_svc_state */
	uint8_t reserved[3];
	int32_t pid; /* 0 = none */
	uint32_t starts;
	int32_t last_status; /* wait status of the last end; -1 = never ended */
	uint64_t since_usec; /* CLOCK_MONOTONIC of the last change of state */
	char reason[128];    /* why it is in FAILED or BACKOFF; "" otherwise */
	char status[64];     /* STATUS= of its notifications */
};

/* One line of the boot timeline. */
struct ctl_time {
	char name[SVCDEF_NAME_MAX];
	uint8_t kind; /* 1 boot step, 2 service started, 3 service ready, 4 all ready, 5 kernel (start to PID 1) */
	uint8_t reserved[7];
	uint64_t start_usec; /* since PID 1's start; for kind 5 since the kernel's start */
	uint64_t end_usec;
};

/*
 * Check a received frame.
 *
 *   ret_payload  points into frame
 *
 * Returns  the head's tag
 * Errors   -EPROTO wrong magic, length or tag, or a payload that its tag does not allow
 */
int ctl_parse_request(const void *frame, size_t n, const unsigned char **ret_payload, size_t *ret_len);

/*
 * Check a received reply to a request of this tag.
 *
 *   ret          its head: code 0 or errno, CTL_LAST in flags, len of the payload
 *   ret_payload  points into frame
 *
 * Errors   -EPROTO not a reply to this tag
 */
int ctl_parse_reply(const void *frame, size_t n, enum ctl_tag tag, struct ctl_head *ret,
		    const unsigned char **ret_payload);

/* Fill buf (CTL_FRAME_MAX bytes) with a frame; returns its length. A payload that is too long is cut. */
size_t ctl_frame(void *buf, enum ctl_tag tag, unsigned flags, unsigned code, const void *payload, size_t len);

#endif
