/* lib/image/load_msg.h - what the unpack helper says, over a SOCK_SEQPACKET pair; one struct per message, cut after its text.
 *
 *   parser (no privilege) ──► keeper (CAP_SYS_ADMIN, reads no archive) ──► daemon
 *
 *     LOAD_MEMBER    ─────────►──────────────────────────────────────────►
 *     LOAD_OPAQUE    ─────────► sets the attribute, says nothing
 *     LOAD_PROGRESS  ─────────►──────────────────────────────────────────►
 *     LOAD_IMAGE     ─────────►──────────────────────────────────────────►  kept until LOAD_DONE
 *     LOAD_LAYER     ─────────►──────────────────────────────────────────►  likewise (import)
 *     LOAD_FAILED    ─────────►──────────────────────────────────────────►  the last one
 *     (exit 0)       ─────────► syncfs, then LOAD_DONE  ─────────────────►  the last one
 *
 * An end without LOAD_DONE or LOAD_FAILED is a helper that died.
 *
 *   userctr fetch (network, no privilege) ──► daemon; its archive goes to the parser
 *
 *     FETCH_RESOLVED   once, then FETCH_LAYER for each, FETCH_READY; the daemon ends the helper when it has that config
 *     FETCH_PROGRESS, FETCH_FETCHED   of layers
 *     FETCH_TEXT       pieces of what was asked for (distribution); FETCH_FAILED or FETCH_DONE is the last one
 */
#ifndef IMAGE_LOAD_MSG_H
#define IMAGE_LOAD_MSG_H

#include "lib/codec/digest.h"

#include <stddef.h>
#include <stdint.h>

#define LOAD_TEXT_MAX 16384

enum load_kind {
	LOAD_PROGRESS = 1, /* a: bytes of the archive */
	LOAD_IMAGE = 2,	   /* one: manifest; text: names, a NUL behind each */
	LOAD_LAYER = 3,	   /* one: diff id, two: blob, a: bytes of the blob, b: enum stream_coding */
	LOAD_OPAQUE = 4,   /* text: directory, relative to the work folder */
	LOAD_FAILED = 5,   /* a: code; text */
	LOAD_DONE = 6,
	LOAD_MEMBER = 7, /* one: blob; a layer is unpacked */

	FETCH_RESOLVED = 16, /* one: digest of what the reference names, two: of the config; a: layers */
	FETCH_LAYER = 17,    /* one: blob, a: bytes, b: 1 = is here */
	FETCH_READY = 18,
	FETCH_PROGRESS = 19, /* a: index of the layer, b: bytes */
	FETCH_FETCHED = 20,  /* a: index */
	FETCH_TEXT = 21,     /* text; one: digest, a: bytes in all */
	FETCH_FAILED = 22,   /* a: code, b: status for the API; text */
	FETCH_DONE = 23,
	FETCH_PUSH = 24,     /* a: index, b: 1 = begins, 2 = is there now, 3 = was there already */
	FETCH_PUSHED = 25,   /* one: manifest, a: its bytes */
};

struct load_msg {
	uint32_t kind;
	uint32_t text_len; /* bytes of text in the message */
	uint64_t a, b;
	struct digest one, two;
	char text[LOAD_TEXT_MAX];
};

#define LOAD_MSG_HEAD offsetof(struct load_msg, text)

/* Send with len bytes of text. Returns 0 or -errno. */
int load_msg_send(int fd, struct load_msg *m, const void *text, size_t len);

/* Receive. Returns 1, 0 at the end, -EPROTO for what is no message, -errno. The text is NUL-ended as well. */
int load_msg_recv(int fd, struct load_msg *m, int flags);

#endif
