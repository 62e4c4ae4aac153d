// SPDX-License-Identifier: Apache-2.0
/* The service table: read whole into its static place, checked, and made free of cycles. */
#include "init/console.h"
#include "init/pid1.h"
#include "init/svc.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static void svc_init(struct pid1 *p, unsigned i, const struct svcdef *def)
{
	p->svcs[i] = (struct svc){
		.p = p,
		.def = def,
		.state = SVC_DOWN,
		.pidfd = -1,
		.status = -1,
		.report.fd = -1,
		.log.fd = -1,
		.notify.fd = -1,
		.events.fd = -1,
		.log_file = -1,
	};
}

int svc_table_load(struct pid1 *p, const char *path, struct err *e)
{
	char probe;

	owned_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	ssize_t n = read_full(fd, p->table, sizeof(p->table));
	if (n < 0)
		return err_set(e, (int)-n, "read '%s'", path);
	if ((size_t)n == sizeof(p->table) && read(fd, &probe, 1) == 1)
		return err_say(e, E_SPEC, "'%s' is larger than %zu bytes", path, sizeof(p->table));
	int count = svcdef_check(p->table, (size_t)n, e);
	if (count < 0)
		return err_wrap(e, count, "'%s'", path);
	const struct svcdef *defs = (const void *)(p->table + sizeof(struct svcdef_header));
	for (unsigned i = 0; i < (unsigned)count; i++)
		svc_init(p, i, &defs[i]);
	p->svc_count = (unsigned)count;
	svc_break_cycles(p);
	return 0;
}

struct svc *svc_find(struct pid1 *p, const char *name, size_t len)
{
	for (unsigned i = 0; i < p->svc_count; i++)
		if (strlen(p->svcs[i].def->name) == len && memcmp(p->svcs[i].def->name, name, len) == 0)
			return &p->svcs[i];
	return NULL;
}

static bool is_visited(const struct svc *s)
{
	return (s->marks & SVC_MARK_VISITED) != 0;
}

/* Mark, in rounds, every service whose dependencies are all marked: what can be ordered. Returns how many are not. */
static unsigned order(struct pid1 *p)
{
	unsigned left = 0;

	for (unsigned i = 0; i < p->svc_count; i++) {
		left += !is_visited(&p->svcs[i]);
	}
	for (bool again = true; again && left > 0;) {
		again = false;
		for (unsigned i = 0; i < p->svc_count; i++) {
			struct svc *s = &p->svcs[i];
			bool ready = !is_visited(s);
			for (unsigned d = 0; ready && d < s->def->dep_count; d++)
				ready = !svc_dep_counts(s, d) || is_visited(&p->svcs[s->def->deps[d].index]);
			if (!ready)
				continue;
			s->marks |= SVC_MARK_VISITED;
			left--;
			again = true;
		}
	}
	return left;
}

/* The first dependency of s that could not be ordered; s itself was not, so there is one. */
static unsigned stuck_dep(const struct pid1 *p, const struct svc *s)
{
	for (unsigned d = 0; d < s->def->dep_count; d++)
		if (svc_dep_counts(s, d) && !is_visited(&p->svcs[s->def->deps[d].index]))
			return d;
	return 0;
}

/* Follow stuck dependencies from `from` until a service comes twice: it is on a cycle. */
static struct svc *on_cycle(struct pid1 *p, struct svc *from)
{
	struct svc *s = from;

	for (unsigned i = 0; i <= p->svc_count; i++)
		s = &p->svcs[s->def->deps[stuck_dep(p, s)].index];
	return s;
}

/* Name the cycle through s, and ignore one of its edges: one that is only an order if there is such, else s's own. */
static void break_at(struct pid1 *p, struct svc *s)
{
	char text[REASON_MAX * 2];
	struct svc *victim = s;
	size_t at = 0;

	struct svc *it = s;
	do {
		unsigned d = stuck_dep(p, it);
		int n = snprintf(text + at, sizeof(text) - at, "%s -> ", it->def->name);
		if (n > 0 && at + (size_t)n < sizeof(text))
			at += (size_t)n;
		if (it->def->deps[d].required == 0 && victim->def->deps[stuck_dep(p, victim)].required != 0)
			victim = it;
		it = &p->svcs[it->def->deps[d].index];
	} while (it != s);
	text[at] = '\0'; /* drops a name that was cut */
	unsigned d = stuck_dep(p, victim);
	victim->ignored_deps |= (uint8_t)(1u << d);
	say(p, "services wait for each other: %s%s; '%s' will not wait for '%s'", text, s->def->name, victim->def->name,
	    p->svcs[victim->def->deps[d].index].def->name);
}

void svc_break_cycles(struct pid1 *p)
{
	while (order(p) > 0) {
		unsigned i = 0;
		while (is_visited(&p->svcs[i]))
			i++;
		break_at(p, on_cycle(p, &p->svcs[i]));
	}
	for (unsigned i = 0; i < p->svc_count; i++)
		p->svcs[i].marks &= (uint8_t)~SVC_MARK_VISITED;
}
