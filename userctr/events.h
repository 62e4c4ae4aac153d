/* userctr/events.h - what happened, to those who follow it; a ring of the last 256 for --since.
 * The daemon has one set (daemon.events); without one, before events_open(), nothing is told. */
#ifndef USERCTR_EVENTS_H
#define USERCTR_EVENTS_H

#include <stddef.h>
#include <stdint.h>

struct daemon;
struct err;
struct filters;
struct json;
struct req;

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

int events_open(struct daemon *d, struct err *e);
void events_close(struct daemon *d);

/*
 * Answer q with past events and those to come. q is this call's.
 *
 *   since_ns, until_ns   CLOCK_REALTIME; 0 = nothing of the past, without end
 *   f                    taken over
 */
void events_follow(struct req *q, int64_t since_ns, int64_t until_ns, struct filters *f);

#endif
