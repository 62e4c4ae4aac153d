// SPDX-License-Identifier: Apache-2.0
/* slipway boot-times: the boot as a timeline, as PID 1 measured it. */
#include "admin/client.h"
#include "admin/verbs.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX (3 * SVCDEF_COUNT_MAX)
#define BAR_WIDTH   40

struct timeline {
	struct ctl_time *t; /* owned */
	size_t count;
	uint64_t last_usec;
};

static const char *kind_text(unsigned kind)
{
	switch (kind) {
	case 1: return "step";
	case 2: return "started";
	case 3: return "ready";
	case 4: return "all ready";
	case 5: return "kernel";
	}
	return "?";
}

static void take(void *ctx, const void *payload, size_t len)
{
	struct timeline *l = ctx;

	if (len != sizeof(struct ctl_time) || l->count == ENTRIES_MAX)
		return;
	struct ctl_time *t = &l->t[l->count++];
	memcpy(t, payload, sizeof(*t));
	t->name[sizeof(t->name) - 1] = '\0';
	if (t->kind != 5 && t->end_usec > l->last_usec)
		l->last_usec = t->end_usec;
}

static int by_start(const void *a, const void *b)
{
	const struct ctl_time *x = a, *y = b;

	if ((x->kind == 5) != (y->kind == 5))
		return x->kind == 5 ? -1 : 1;
	if ((x->kind == 4) != (y->kind == 4))
		return x->kind == 4 ? 1 : -1;
	if (x->start_usec != y->start_usec)
		return x->start_usec < y->start_usec ? -1 : 1;
	return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->name, y->name);
}

static double seconds(uint64_t usec)
{
	return (double)usec / 1e6;
}

/* The stretch of an entry on a line as long as the boot; at least one mark. */
static void print_bar(const struct ctl_time *t, uint64_t last_usec)
{
	unsigned from, to;

	if (last_usec == 0 || t->kind == 5)
		return;
	from = (unsigned)(t->start_usec * BAR_WIDTH / last_usec);
	to = (unsigned)((t->end_usec * BAR_WIDTH + last_usec - 1) / last_usec);
	if (from >= BAR_WIDTH)
		from = BAR_WIDTH - 1;
	if (to <= from)
		to = from + 1;
	for (unsigned i = 0; i < from; i++)
		putchar(' ');
	for (unsigned i = from; i < to && i < BAR_WIDTH; i++)
		putchar(t->kind == 1 ? '=' : '#');
}

static void print_text(const struct timeline *l)
{
	printf("%9s %9s  %-9s %-20s\n", "START", "TOOK", "WHAT", "NAME");
	for (size_t i = 0; i < l->count; i++) {
		const struct ctl_time *t = &l->t[i];
		if (t->kind == 5)
			printf("%9s %7.3f s  %-9s %-20s", "", seconds(t->end_usec), kind_text(t->kind), "before PID 1");
		else
			printf("%7.3f s %7.3f s  %-9s %-20s ", seconds(t->start_usec), seconds(t->end_usec - t->start_usec),
			       kind_text(t->kind), t->name);
		print_bar(t, l->last_usec);
		putchar('\n');
	}
}

static void print_json(const struct timeline *l)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct ctl_time *t = &l->t[i];
		owned_buf struct buf b = BUF_INIT(1024);
		struct json_writer w;

		jw_init(&w, &b);
		jw_obj(&w);
		jw_kstr(&w, "what", kind_text(t->kind));
		jw_kstr(&w, "name", t->name);
		jw_kuint(&w, "start_usec", t->start_usec);
		jw_kuint(&w, "end_usec", t->end_usec);
		jw_end_obj(&w);
		puts(buf_str(&b));
	}
}

int cmd_boot_times(int argc, char **argv)
{
	static const struct verb self = {.name = "boot-times", .args = "[--format json]"};
	owned_mem void *room = calloc(ENTRIES_MAX, sizeof(struct ctl_time));
	struct timeline l = {.t = room};
	struct err e;

	bool is_json = argc == 3 && strcmp(argv[1], "--format") == 0 && strcmp(argv[2], "json") == 0;
	if (argc != 1 && !is_json)
		return usage("slipway", &self, "unknown arguments");
	owned_fd int fd = client_open(&e);
	if (fd < 0)
		return fail(&e);
	if (room == NULL) {
		err_set(&e, ENOMEM, "read the timeline");
		return fail(&e);
	}
	if (client_ask(fd, CTL_TIMES, NULL, 0, take, &l, NULL, &e) < 0)
		return fail(&e);
	qsort(l.t, l.count, sizeof(l.t[0]), by_start);
	if (is_json)
		print_json(&l);
	else
		print_text(&l);
	return 0;
}
