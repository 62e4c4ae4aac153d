/* userctr/event.h - one event as a line of JSON, and whether filters want it. Pure. */
#ifndef USERCTR_EVENT_H
#define USERCTR_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "userctr/events.h"

struct buf;
struct filters;
struct json;

#define EVENT_MAX ((size_t)64 << 10) /* bytes of a line; with more, labels are left out */
#define EVENT_FILTERS                                                                                    \
	"container daemon event image label network plugin scope type volume node service secret config"

/* Append the line with its end. Attributes are sorted; among equal names one of attrs wins over a label. */
void event_print(struct buf *out, const char *type, const char *action, const char *id, const struct event_attr *attrs,
		 size_t n, const struct json *labels, int64_t time_ns);

/* event: a parsed line. */
bool event_matches(const struct filters *f, const struct json *event);

#endif
