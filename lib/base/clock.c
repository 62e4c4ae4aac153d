// SPDX-License-Identifier: Apache-2.0
/* Clocks. clock_gettime() cannot fail for these two. */
#include "lib/base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t now_ns(clockid_t id)
{
	struct timespec t = {0};

	(void)clock_gettime(id, &t); /* both clocks exist on every Linux */
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_mono_ms(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_mono_usec(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_real_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

void clock_rfc3339(int64_t real_ns, char out[CLOCK_RFC3339_SIZE])
{
	int64_t sec = real_ns / 1000000000;
	int64_t ns = real_ns % 1000000000;
	struct tm tm;

	if (ns < 0) {
		ns += 1000000000;
		sec--;
	}
	time_t t = (time_t)sec;
	if (gmtime_r(&t, &tm) == NULL)
		tm = (struct tm){.tm_year = 70, .tm_mday = 1};
	(void)snprintf(out, CLOCK_RFC3339_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ",
		       (tm.tm_year + 1900) % 100000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		       tm.tm_sec, (long)ns); /* fits by the field widths */
}
