/* init/boot_clock.h - the clock never goes back behind what is known to be past. */
#ifndef INIT_BOOT_CLOCK_H
#define INIT_BOOT_CLOCK_H

#include <stdint.h>

#define CLOCK_STAMP "var/lib/slipway/clock" /* on the state partition: its modification time counts */

/* Set the clock to at least this time; `why` is for the log ("the last shutdown"). */
void clock_raise(int64_t floor_s, const char *why);

#endif
