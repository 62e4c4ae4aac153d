// SPDX-License-Identifier: Apache-2.0
/* The boot as a table, each step timed. docs/boot.md tells what every step does when it cannot do its job. */
#include "init/boot.h"

#include "init/pid1.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/base/steps.h"

static const struct step steps[] = {
	{"mounts", boot_mounts, NULL},
	{"kernel log", boot_log, NULL},
	{"command line", boot_cmdline, NULL},
	{"consoles", boot_consoles, NULL},
	{"clock", boot_clock, NULL},
	{"recovery", boot_recovery, NULL},
	{"state partition", boot_state, NULL},
	{"system image", boot_image, NULL},
	{"bind mounts", boot_binds, boot_binds_undo},
	{"service table", boot_table, NULL},
	{"control socket", boot_control, NULL},
	{"services", boot_services, NULL},
};
static_assert(countof(steps) <= BOOT_STEPS_MAX, "room for every step's time");

uint64_t since_start_usec(const struct pid1 *p)
{
	return (uint64_t)(clock_mono_usec() - p->start_usec);
}

static int run_step(struct pid1 *p, unsigned i, struct err *e)
{
	struct boot_time *t = &p->times[p->time_count++];

	t->name = steps[i].name;
	t->start_usec = since_start_usec(p);
	int r = steps_run(&steps[i], 1, p, e);
	t->end_usec = since_start_usec(p);
	if (r >= 0)
		p->steps_done = i + 1;
	return r;
}

static int run_steps(struct pid1 *p)
{
	struct err e;

	for (unsigned i = 0; i < countof(steps); i++) {
		int r = run_step(p, i, &e);
		if (p->power != 0)
			return -ECANCELED;
		if (r < 0) {
			log_error("slipway", "boot step failed: %s", e.msg);
			emergency_begin(p, e.msg);
			return r;
		}
	}
	return 0;
}

int boot_run(struct pid1 *p)
{
	p->steps = steps;
	p->is_booting = true;
	int r = run_steps(p);
	p->is_booting = false;
	act_soon(p, 0); /* for what was asked for meanwhile */
	return r;
}
