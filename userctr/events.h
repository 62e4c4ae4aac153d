/* userctr/events.h - what happened, to those who follow it; a ring of the last 256 for --since. */
#ifndef USERCTR_EVENTS_H
#define USERCTR_EVENTS_H

#include <stddef.h>

struct daemon;
struct json;

struct event_attr {
	const char *key, *value; /* borrowed */
};

#define EVENT_TYPE_CONTAINER "container"
#define EVENT_TYPE_IMAGE     "image"
#define EVENT_TYPE_NETWORK   "network"
#define EVENT_TYPE_VOLUME    "volume"
#define EVENT_TYPE_DAEMON    "daemon"

/*
 * Tell every follower and remember it.
 *
 *   action   "start", "exec_create: sh -c x"
 *   id       of the actor
 *   labels   object whose strings become attributes too, or NULL
 */
void event_emit(struct daemon *d, const char *type, const char *action, const char *id, const struct event_attr *attrs,
		size_t n, const struct json *labels);

#endif
