/* images/syslog/slog.h - the log service's one object, and what its files offer each other.
 *
 *   input.c    /dev/log: datagrams and streams
 *   kmsg.c     the kernel's log
 *   slog.c     one message's way: limit, line, file, remote
 *   rate.c     how many messages of one tag
 *   file.c     /var/log/messages and its predecessors
 *   remote.c   another machine that wants them too
 */
#ifndef IMAGES_SYSLOG_SLOG_H
#define IMAGES_SYSLOG_SLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/codec/syslog.h"
#include "lib/loop/loop.h"

struct err;

#define SUB "syslog"
#define MESSAGE_MAX 8192 /* of one message; more is cut */
#define PENDING_MAX (512 * 1024) /* lines before they are written, within one batch */
#define CLIENTS_MAX 32
#define RATE_SLOTS 256
#define TELL_MS 5000 /* after something was dropped it is said */
#define LISTENERS_MAX 8

/* ---- rate.c: a bucket per tag. Pure. */

struct rate_slot {
	uint64_t hash;
	int64_t since_ms;
	uint32_t seen, dropped;
	char tag[SYSLOG_TAG_MAX + 1];
};

struct rate {
	uint32_t burst; /* messages of a tag within window_ms; 0 = no limit */
	int64_t window_ms;
	struct rate_slot slots[RATE_SLOTS];
};

/*
 * May this message pass?
 *
 *   ret_over   how many of its tag (or of one with which it shares a slot) were not let through in the window that has
 *              just ended; 0: nothing to tell
 *   ret_tag    SYSLOG_TAG_MAX + 1 bytes: whose they were
 */
bool rate_allow(struct rate *r, const struct syslog_text *tag, int64_t now_ms, uint32_t *ret_over, char *ret_tag);

/* Windows that ended with nobody coming since: the next one's dropped count, or 0. */
uint32_t rate_expire(struct rate *r, int64_t now_ms, char *ret_tag);

/* ---- file.c */

struct log_file {
	int dir;	  /* owned */
	const char *path; /* of the directory, for messages */
	int fd;		  /* owned; -1: cannot be opened at present */
	uint64_t size, max_size;
	int64_t born_s, max_age_s;
	unsigned keep; /* files in all */
	uint64_t lost; /* lines since the last that could be written */
	int reason;    /* why: errno */
	bool is_torn;  /* the file does not end with an end of line */
};

int log_file_open(struct log_file *f, const char *dir, struct err *e);
void log_file_write(struct log_file *f, const char *p, size_t len, const char *host);
void log_file_close(struct log_file *f);

/* ---- remote.c */

enum remote_kind {
	REMOTE_NONE = 0,
	REMOTE_UDP = 1,
	REMOTE_TCP = 2,
};

struct remote {
	enum remote_kind kind;
	struct sockaddr_storage addr;
	socklen_t addr_len;
	char name[80];
	struct loop *loop;
	struct source source; /* fd -1: none */
	struct timer again;
	bool is_connected;
	unsigned tries;
	struct buf out; /* TCP: what waits to be sent */
	size_t rest;	/* of the message at its head that was begun; 0: none was */
	uint64_t lost;
	int reason;
};

/* "udp://192.0.2.1:514", "tcp://[2001:db8::1]:601"; the port may lack. Returns 0 or -EINVAL. */
int remote_parse(struct remote *r, const char *text, size_t len);
void remote_begin(struct remote *r, struct loop *l);
void remote_send(struct remote *r, const char *p, size_t len);
void remote_end(struct remote *r);

/* ---- the service */

struct slog;

struct listener {
	struct source source;
	struct slog *s; /* borrowed */
};

struct client {
	struct list node;
	struct source source;
	struct slog *s;
	size_t len;
	char data[MESSAGE_MAX];
};

struct slog {
	struct loop loop;
	struct source signals;
	struct listener sockets[LISTENERS_MAX];
	unsigned socket_count;
	struct list clients;
	unsigned client_count;
	struct source kmsg; /* fd -1: none */
	uint64_t kmsg_next; /* the next record's number */
	int seq_fd;	    /* owned; where it is kept; -1 */
	bool seq_changed;
	struct log_file file;
	struct remote remote;
	struct rate rate;
	struct timer tick;
	struct buf pending; /* lines of this batch */
	struct buf one;	    /* for remote_send() */
	uint64_t too_many;  /* lines that found no room in pending */
	char host[65];
};

/* slog.c */
void slog_take(struct slog *s, const struct syslog_msg *m, int64_t real_ns);
void slog_note(struct slog *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void slog_tell(struct slog *s); /* of what was dropped; by the timer */
void slog_flush(struct slog *s);

/* input.c: sockets that PID 1 passes, or own ones in dir. */
int input_begin(struct slog *s, const char *dir, struct err *e);
void input_end(struct slog *s);

/* kmsg.c; dir: where the number of the record read last is kept */
int kmsg_begin(struct slog *s, const char *path, const char *dir, struct err *e);
void kmsg_save(struct slog *s);

#endif
