/* lib/codec/sntp.h - a client's side of NTP version 4 (RFC 4330, RFC 5905). Pure. Times are nanoseconds since 1970. */
#ifndef CODEC_SNTP_H
#define CODEC_SNTP_H

#include <stddef.h>
#include <stdint.h>

#define SNTP_LEN 48

struct sntp {
	int64_t received_ns, sent_ns; /* by the server's clock */
	uint8_t stratum;	      /* 1..15; 0: the server refuses, see kiss */
	int64_t root_delay_ns, root_dispersion_ns;
	char kiss[5]; /* "RATE", "DENY"; printable */
};

/* A request. It says nothing but the cookie, a random number that the answer has to repeat. */
void sntp_write(uint64_t cookie, uint8_t out[SNTP_LEN]);

/*
 * Read an answer.
 *
 *   near_ns   a time not further than 68 years from the server's, to tell the eras apart
 *
 * Returns  0
 * Errors   -EBADMSG no answer to this request   -EAGAIN the server does not know the time
 */
int sntp_parse(const void *p, size_t len, uint64_t cookie, int64_t near_ns, struct sntp *ret);

/* The local clock's error and the way's length, from when the request was sent and the answer came. */
int64_t sntp_offset_ns(const struct sntp *s, int64_t sent_ns, int64_t came_ns);
int64_t sntp_delay_ns(const struct sntp *s, int64_t sent_ns, int64_t came_ns);

#endif
