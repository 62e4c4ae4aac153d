// SPDX-License-Identifier: Apache-2.0
/* The hardware watchdog, when slipway.watchdog asks for it: fed from the loop, so that a stuck PID 1 resets the
 * machine. It stays armed through a reboot, so that one that hangs is cut short. */
#include "init/console.h"
#include "init/pid1.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <string.h>
#include <sys/ioctl.h>

#define DEVICE "/dev/watchdog"

static void on_feed(struct timer *t)
{
	struct pid1 *p = owner_of(t, struct pid1, watchdog_feed);

	if (write(p->watchdog, "1", 1) != 1)
		log_warn("slipway", "feed '%s': %s", DEVICE, strerror(errno));
	timer_arm(&p->loop, t, clock_mono_ms() + p->watchdog_ms / 3);
}

void watchdog_begin(struct pid1 *p)
{
	int seconds = WATCHDOG_DEFAULT_S;
	struct cmdline_arg a;
	uint32_t asked;

	if (!cmdline_last(p->cmdline, p->cmdline_len, "watchdog", &a))
		return;
	if (a.has_value && cmdline_parse_number(&a, 3600, &asked) && asked > 0)
		seconds = (int)asked;
	else if (cmdline_parse_flag(&a) != 1)
		return;
	p->watchdog = open(DEVICE, O_WRONLY | O_CLOEXEC);
	if (p->watchdog < 0) {
		say(p, "slipway.watchdog: open '%s': %s", DEVICE, strerror(errno));
		return;
	}
	if (ioctl(p->watchdog, WDIOC_SETTIMEOUT, &seconds) < 0 && ioctl(p->watchdog, WDIOC_GETTIMEOUT, &seconds) < 0)
		seconds = 10; /* a device that tells nothing: feed it often */
	log_info("slipway", "watchdog resets after %d s", seconds);
	p->watchdog_ms = (int64_t)seconds * 1000;
	p->watchdog_feed.fire = on_feed;
	on_feed(&p->watchdog_feed);
}

void watchdog_end(struct pid1 *p, bool disarm)
{
	if (p->watchdog < 0)
		return;
	timer_disarm(&p->loop, &p->watchdog_feed);
	(void)!write(p->watchdog, disarm ? "V" : "1", 1); /* one last meal, or the word that disarms it */
	drop_fd(&p->watchdog);
	p->watchdog = -1;
}
