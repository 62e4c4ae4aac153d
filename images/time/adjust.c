// SPDX-License-Identifier: Apache-2.0
/* The kernel's clock: put right at once, or handed to the kernel's phase-locked loop, which learns the frequency too. Either
 * tells the kernel that the time is right, so that it keeps the hardware clock. */
#include "images/time/timed.h"

#include "lib/base/err.h"

#include <errno.h>
#include <sys/timex.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

int adjust_step(int64_t offset, struct err *e)
{
	struct timex x = {.modes = ADJ_SETOFFSET | ADJ_NANO};

	x.time.tv_sec = offset / NS_PER_S;
	x.time.tv_usec = offset % NS_PER_S; /* nanoseconds */
	if (x.time.tv_usec < 0) {
		x.time.tv_sec--;
		x.time.tv_usec += NS_PER_S;
	}
	return clock_adjtime(CLOCK_REALTIME, &x) < 0 ? err_set(e, errno, "set the clock") : 0;
}

int adjust_slew(int64_t offset, int64_t distance, unsigned poll, struct err *e)
{
	struct timex x = {.modes = ADJ_OFFSET | ADJ_STATUS | ADJ_NANO | ADJ_TIMECONST | ADJ_MAXERROR | ADJ_ESTERROR,
			  .offset = offset, .status = STA_PLL, .constant = (long)poll - 4};

	x.maxerror = distance / 1000;
	x.esterror = (offset < 0 ? -offset : offset) / 1000;
	return clock_adjtime(CLOCK_REALTIME, &x) < 0 ? err_set(e, errno, "adjust the clock") : 0;
}
