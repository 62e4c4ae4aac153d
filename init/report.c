// SPDX-License-Identifier: Apache-2.0
/* The end of the boot, told once: every boot service is ready, or has failed. */
#include "init/console.h"
#include "init/pid1.h"
#include "lib/base/clock.h"
#include "lib/base/owned.h"

#include <stdio.h>
#include <string.h>

struct tally {
	unsigned awaited, failed;
	char awaited_names[160], failed_names[160];
};

static void put_name(char *list, size_t size, const char *name)
{
	size_t used = strlen(list);

	/* a list that is full ends in an ellipsis instead of a cut name */
	if (used + strlen(name) + 8 < size)
		(void)snprintf(list + used, size - used, "%s%s", used > 0 ? ", " : "", name);
	else if (used > 0 && strcmp(list + used - 3, "...") != 0)
		(void)snprintf(list + used, size - used, ", ...");
}

/* A service that keeps failing is reported now; if it makes it later, so much the better. */
static bool has_failed(const struct svc *s)
{
	return s->state == SVC_FAILED || (s->state == SVC_BACKOFF && s->failures >= FAILING_STARTS);
}

static void count(const struct pid1 *p, struct tally *t)
{
	*t = (struct tally){0};
	for (unsigned i = 0; i < p->svc_count; i++) {
		const struct svc *s = &p->svcs[i];
		if ((s->def->flags & SVCDEF_BOOT) == 0)
			continue;
		if (has_failed(s)) {
			t->failed++;
			put_name(t->failed_names, sizeof(t->failed_names), s->def->name);
		} else if (s->first_ready_usec == 0 && s->state != SVC_DOWN) {
			t->awaited++;
			put_name(t->awaited_names, sizeof(t->awaited_names), s->def->name);
		}
	}
}

static void name_failures(struct pid1 *p)
{
	for (unsigned i = 0; i < p->svc_count; i++)
		if ((p->svcs[i].def->flags & SVCDEF_BOOT) != 0 && has_failed(&p->svcs[i]))
			say(p, "service '%s' failed: %s", p->svcs[i].def->name, p->svcs[i].reason);
}

void report_progress(struct pid1 *p)
{
	struct tally t;

	if (p->is_ready_said || !p->is_started || shutdown_is_on(p))
		return;
	count(p, &t);
	if (t.awaited > 0)
		return;
	p->is_ready_said = true;
	p->ready_usec = since_start_usec(p);
	timer_disarm(&p->loop, &p->patience);
	name_failures(p);
	unsigned ms = (unsigned)(p->ready_usec / 1000);
	if (t.failed == 0)
		say(p, "ready in %u.%03u s", ms / 1000, ms % 1000);
	else
		say(p, "ready in %u.%03u s, but %u service%s failed: %s", ms / 1000, ms % 1000, t.failed,
		    t.failed == 1 ? "" : "s", t.failed_names);
}

static void on_patience(struct timer *timer)
{
	struct pid1 *p = owner_of(timer, struct pid1, patience);
	struct tally t;

	count(p, &t);
	say(p, "not ready after %d s: waiting for %s", BOOT_PATIENCE_MS / 1000, t.awaited_names);
}

void report_begin(struct pid1 *p)
{
	p->is_started = true;
	p->patience.fire = on_patience;
	timer_arm(&p->loop, &p->patience, clock_mono_ms() + BOOT_PATIENCE_MS);
}
