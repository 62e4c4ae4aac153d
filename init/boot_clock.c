// SPDX-License-Identifier: Apache-2.0
/* A machine without a battery wakes up in 1970, where no certificate is valid. The build is later than that. */
#include "init/boot_clock.h"

#include "init/boot.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define YEAR_2100 INT64_C(4102444800) /* a stamp from then or later is broken */

void clock_raise(int64_t floor_s, const char *why)
{
	if (floor_s <= clock_real_ns() / 1000000000 || floor_s >= YEAR_2100)
		return;
	struct timespec t = {.tv_sec = (time_t)floor_s};
	if (clock_settime(CLOCK_REALTIME, &t) < 0)
		log_warn("slipway", "set the clock to %s: %s", why, strerror(errno));
	else
		log_info("slipway", "the clock was behind; set to %s", why);
}

int boot_clock(void *ctx, struct err *e)
{
	static const char *const built[] = {"/init", "/system.erofs"};
	struct stat st;

	(void)ctx;
	(void)e;
	for (size_t i = 0; i < sizeof(built) / sizeof(built[0]); i++)
		if (stat(built[i], &st) == 0)
			clock_raise(st.st_mtim.tv_sec, "the time of the build");
	return 0;
}
