/* userctr/conn.h - HTTP connections: reading requests, writing replies, deadlines. Handlers see struct req only.
 *
 *            ┌──────────────────────────── keep-alive ───────────────────────────┐
 *            ▼                                                                   │
 *   ──► CONN_HEAD ──► CONN_BODY ──► CONN_BUSY (handler at work) ──► reply ───────┤
 *                        │               ├──► CONN_STREAM ──► end mark ──────────┘
 *                        │               └──► hijacked: the socket is somebody else's
 *                        └──► too much, too slow, malformed: error reply ──► CONN_LINGER ──► closed
 *
 * Input is peeked at and taken from the socket only as far as it was understood, so pipelined requests and the first
 * bytes of a hijacked stream stay where they are.
 */
#ifndef USERCTR_CONN_H
#define USERCTR_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/loop/loop.h"

struct daemon;
struct err;
struct http1;
struct req;
struct sink;

#define CONN_LISTENERS_MAX 8

enum conn_state {
	CONN_HEAD = 1,
	CONN_BODY = 2,
	CONN_BUSY = 3,
	CONN_STREAM = 4,
	CONN_LINGER = 5, /* reply sent, reading what the client still says so that it sees the reply */
};

struct conn {
	struct source s;
	struct list link;
	struct daemon *d;   /* borrowed */
	struct http1 *http; /* owned, unless taken over by a request that outlives us */
	struct req *q;	    /* the request at work */
	enum conn_state state;
	struct buf raw; /* body being collected */
	struct buf out; /* not sent yet, from out_at */
	size_t out_at;
	struct buf extra; /* header lines for the next reply */
	uint32_t events;  /* watched */
	int64_t deadline_ms;
	bool is_chunked;  /* the stream's coding */
	bool is_head;	  /* HEAD: replies without body */
	bool keep_alive;
	bool peer_ended;  /* nothing more will come */
	bool was_full;
	bool body_done;
	bool is_gone;	  /* being removed */
};

struct listener {
	struct source s; /* fd owned */
	struct daemon *d;
};

struct conns {
	struct list all;
	unsigned count;
	struct timer sweep;
	struct timer retry; /* accepting again after a lack of descriptors */
	struct listener listeners[CONN_LISTENERS_MAX];
	unsigned n_listeners;
};

void conns_init(struct conns *cs);

/* Serve a listening socket; owned from here on. */
int conns_listen(struct daemon *d, int fd, struct err *e);

void conns_release(struct conns *cs);

/* ---- between conn.c, reply.c and hijack.c ---- */

void conn_drop(struct conn *c);		/* close now; tells the request */
void conn_flush(struct conn *c);	/* send what can be sent, watch for the rest */
void conn_reply_done(struct conn *c);	/* the reply is complete: next request, or the end */
void conn_watch(struct conn *c);	/* what epoll should report, from the state */
void conn_deadline(struct conn *c);	/* likewise the deadline */
struct req *conn_forget(struct conn *c); /* the connection's part of the end of a request */
size_t conn_backlog(const struct conn *c);

/* A request has ended: release everything. q->conn must have been detached. */
void req_free(struct req *q);

/* reply.c: head of a reply but for its empty line. length < 0: chunked or until the end. */
void reply_head(struct conn *c, struct buf *out, int status, const char *type, int64_t length);

/* route.c: find the handler of the request whose head has arrived. Fills q; on failure replies and returns NULL. */
struct req *route_request(struct conn *c);

/* Parse a collected body and call the handler. */
void route_dispatch(struct req *q, const char *body, size_t len);

/* body.c: streamed bodies. Returns false when no more should be read for now. */
bool sink_put(struct sink *k, const char *p, size_t n);
void sink_end(struct sink *k);		/* the body is complete */
void sink_fail(struct sink *k, int r);	/* it never will be */
bool sink_is_full(const struct sink *k);
void sink_free(struct sink *k);

#endif
