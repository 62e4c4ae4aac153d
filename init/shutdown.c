// SPDX-License-Identifier: Apache-2.0
/* The way down as a table of phases. Each begins something and is over when that is done or its time is up; the total
 * deadline makes every phase that is left as short as it can be. Nothing here blocks: disks are a child's business. */
#include "init/boot.h"
#include "init/console.h"
#include "init/pid1.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/base/steps.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/reboot.h>

static const char *power_name(enum ctl_power power)
{
	switch (power) {
	case CTL_POWER_OFF: return "power off";
	case CTL_POWER_REBOOT: return "reboot";
	case CTL_POWER_HALT: return "halt";
	}
	return "stop";
}

bool shutdown_is_on(const struct pid1 *p)
{
	return p->phase >= 0;
}

/* services: asked to stop in reverse order of their dependencies, by svc_graph() */

static void services_begin(struct pid1 *p)
{
	act_soon(p, WANT_GRAPH);
}

static bool services_done(const struct pid1 *p)
{
	for (unsigned i = 0; i < p->svc_count; i++)
		if (!svc_is_settled(p->svcs[i].state))
			return false;
	return true;
}

static void services_late(struct pid1 *p)
{
	for (unsigned i = 0; i < p->svc_count; i++)
		if (!svc_is_settled(p->svcs[i].state))
			say(p, "service '%s' did not stop in time", p->svcs[i].def->name);
}

/* processes: whatever is left */

static void processes_begin(struct pid1 *p)
{
	static const char *const files[] = {"/sys/fs/cgroup/docker/cgroup.kill", "/sys/fs/cgroup/monitors/cgroup.kill",
					    "/sys/fs/cgroup/system/cgroup.kill"};

	for (size_t i = 0; i < countof(files); i++)
		(void)file_write_at(AT_FDCWD, files[i], "1", NULL); /* not there, or caught by the next line */
	(void)kill(-1, SIGKILL); /* nobody left is fine */
	p->is_childless = false;
	act_soon(p, WANT_REAP);
}

static bool processes_done(const struct pid1 *p)
{
	return p->is_childless;
}

static void processes_late(struct pid1 *p)
{
	say(p, "some processes could not be killed");
}

/* file systems: the boot steps are taken back, in reverse, by a child */

static void files_begin(struct pid1 *p)
{
	pid_t pid = fork();

	if (pid == 0) {
		steps_undo(p->steps, p->steps_done, p);
		sync();
		_exit(0);
	}
	if (pid > 0)
		child_watch(p, &p->unmounter, pid);
	else
		say(p, "unmount: %s", strerror(errno));
}

static bool files_done(const struct pid1 *p)
{
	return p->unmounter.pid == 0;
}

static void files_late(struct pid1 *p)
{
	say(p, "the state partition could not be unmounted in time");
}

/* power: the kernel's turn */

static void power_begin(struct pid1 *p)
{
	int how = RB_AUTOBOOT;

	if (p->power == CTL_POWER_OFF)
		how = RB_POWER_OFF;
	else if (p->power == CTL_POWER_HALT)
		how = RB_HALT_SYSTEM;
	say(p, "%s now", power_name(p->power));
	watchdog_end(p, /* disarm= */ p->power == CTL_POWER_HALT);
	if (reboot(how) < 0) {
		say(p, "%s: %s; trying again", power_name(p->power), strerror(errno));
		timer_arm(&p->loop, &p->phase_due, clock_mono_ms() + POWER_AGAIN_MS);
	}
}


static const struct phase {
	const char *name;
	void (*begin)(struct pid1 *p);
	bool (*is_done)(const struct pid1 *p);
	void (*late)(struct pid1 *p); /* its time was up */
	int64_t limit_ms;	      /* 0: the total deadline is its limit */
} phases[] = {
	{"stop services", services_begin, services_done, services_late, 0},
	{"kill processes", processes_begin, processes_done, processes_late, SHUTDOWN_KILL_MS},
	{"file systems", files_begin, files_done, files_late, SHUTDOWN_UNMOUNT_MS},
	{"power", power_begin, NULL, NULL, 0}, /* the last: nothing comes behind it */
};
#define LAST_PHASE ((int)countof(phases) - 1)

static void on_due(struct timer *t)
{
	(void)t; /* shutdown_advance() runs after every batch and sees that it is not armed any more */
}

static void begin_phase(struct pid1 *p, int i)
{
	p->phase = i;
	log_info("slipway", "shutdown: %s", phases[i].name);
	timer_disarm(&p->loop, &p->phase_due);
	if (phases[i].limit_ms != 0)
		timer_arm(&p->loop, &p->phase_due, clock_mono_ms() + phases[i].limit_ms);
	phases[i].begin(p);
}

static bool is_late(const struct pid1 *p)
{
	if (phases[p->phase].limit_ms != 0)
		return !p->phase_due.armed;
	return !p->total_due.armed;
}

void shutdown_advance(struct pid1 *p)
{
	while (p->phase < LAST_PHASE) {
		const struct phase *now = &phases[p->phase];
		bool is_done = now->is_done(p);
		if (!is_done && !is_late(p))
			return;
		if (!is_done)
			now->late(p);
		begin_phase(p, p->phase + 1);
	}
	/* back from the last phase only when the kernel refused */
	if (p->phase == LAST_PHASE && !p->phase_due.armed)
		power_begin(p);
}

static int64_t total_ms(const struct pid1 *p)
{
	struct cmdline_arg a;
	uint32_t seconds;

	if (!cmdline_last(p->cmdline, p->cmdline_len, "shutdown_timeout", &a) ||
	    !cmdline_parse_number(&a, 3600, &seconds) || seconds < 5)
		seconds = SHUTDOWN_DEFAULT_S;
	return (int64_t)seconds * 1000;
}

void shutdown_ask(struct pid1 *p, enum ctl_power power, const char *who)
{
	/* a second request only changes where the way ends */
	if (p->power != power)
		say(p, "%s asked for by %s", power_name(power), who);
	p->power = power;
	act_soon(p, WANT_POWER);
}

void shutdown_begin(struct pid1 *p)
{
	p->phase_due.fire = on_due;
	p->total_due.fire = on_due;
	timer_arm(&p->loop, &p->total_due, clock_mono_ms() + total_ms(p));
	timer_disarm(&p->loop, &p->patience);
	begin_phase(p, 0);
}
