/* lib/codec/syslog.h - log messages: as programs send them, as the kernel's /dev/kmsg has them, as they are written. Pure.
 *
 * Reading never fails: what has no form is text of user.notice. Slices point into what was read.
 */
#ifndef CODEC_SYSLOG_H
#define CODEC_SYSLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define SYSLOG_TAG_MAX 48 /* bytes of a tag that are written */
#define SYSLOG_USER_NOTICE 13

struct syslog_text {
	const char *p;
	size_t len;
};

struct syslog_msg {
	uint8_t facility, severity;
	struct syslog_text host; /* RFC 5424 only; absent: len 0 */
	struct syslog_text tag;	 /* "sshd"; absent: len 0 */
	struct syslog_text pid;
	struct syslog_text text; /* of RFC 5424 with its structured data in front, when there is any */
};

/* RFC 5424, RFC 3164, and what programs make of it on a local socket: time and host may lack. */
void syslog_parse(const char *p, size_t len, struct syslog_msg *ret);

/*
 * One record of /dev/kmsg. Text that a program wrote there has its tag taken out; the kernel's own has the tag "kernel".
 *
 *   ret_seq, ret_usec   its number and its time since boot
 *
 * Returns  false: not a record
 */
bool syslog_parse_kmsg(const char *p, size_t len, struct syslog_msg *ret, uint64_t *ret_seq, uint64_t *ret_usec);

/* Append "2026-11-25T13:07:07.123456Z HOST TAG[PID]: TEXT\n". Control characters and what is not UTF-8 become \xNN. */
void syslog_write(struct buf *out, int64_t real_ns, const char *host, const struct syslog_msg *m);

/* Append an RFC 5424 message, without an end of line. */
void syslog_write_5424(struct buf *out, int64_t real_ns, const char *host, const struct syslog_msg *m);

#endif
