/* lib/base/clock.h - the two clocks, in one unit each. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_mono_ms(void);   /* CLOCK_MONOTONIC, milliseconds */
int64_t clock_mono_usec(void); /* CLOCK_MONOTONIC, microseconds */
int64_t clock_real_ns(void);   /* CLOCK_REALTIME, nanoseconds since 1970 */

#define CLOCK_RFC3339_SIZE 80 /* "2026-11-24T00:00:00.000000000Z" and NUL; roomy so that no year can cut it */

/* Write a CLOCK_REALTIME instant as RFC 3339 in UTC with exactly nine fraction digits. */
void clock_rfc3339(int64_t real_ns, char out[CLOCK_RFC3339_SIZE]);

#endif
