/* userctr/human.h - sizes, durations and times as people write and read them; the wording is docker's. */
#ifndef USERCTR_HUMAN_H
#define USERCTR_HUMAN_H

#include <stddef.h>
#include <stdint.h>

#define HUMAN_MAX 48

/* "3 minutes", "About an hour", "Less than a second". Returns out. */
const char *human_duration(int64_t seconds, char out[HUMAN_MAX]);

/* Decimal units, `digits` of them significant: "4.26MB". Returns out. */
const char *human_size(double bytes, int digits, char out[HUMAN_MAX]);

/* Binary units, four digits: "64MiB". Returns out. */
const char *human_bytes(double bytes, char out[HUMAN_MAX]);

/* "64m", "1.5GiB", "1024": binary multiples. Returns 0, or -EINVAL. */
int human_parse_bytes(const char *s, int64_t *ret);

/* "1m30s", "-2h", "300ms" to nanoseconds. Returns 0; -EINVAL no number or overflow; -ENOMSG no unit. */
int human_parse_duration(const char *s, int64_t *ret_ns);

/* "1m30s" of nanoseconds. Returns out. */
const char *human_duration_ns(int64_t ns, char out[HUMAN_MAX]);

/*
 * A moment: unix seconds ("1700000000.5"), RFC 3339 with or without time and zone, or a duration before now.
 *
 * Returns  0, text like "1700000000.500000000" in out; -EINVAL
 */
int human_parse_moment(const char *s, int64_t now_ns, char out[HUMAN_MAX]);

#endif
