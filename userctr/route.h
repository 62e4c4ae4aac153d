/* userctr/route.h - matching of request targets; pure. */
#ifndef USERCTR_ROUTE_H
#define USERCTR_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "userctr/req.h"

/* Does path match the pattern? The part that '*' stands for is returned, inside path. */
bool route_match(const char *pattern, const char *path, const char **ret_var, size_t *ret_len);

/*
 * Take the version off a path: "/v1.41/info" gives "/info" and 41; without one, the newest.
 *
 *   text   receives the version as written, "1.41", when there is one
 *
 * Returns  0, -1 too old, 1 too new
 */
int route_version(const char *path, const char **ret_rest, unsigned *ret_minor, char *text, size_t size);

/* The route tables, each ended by an empty row. */
extern const struct route routes_system[];
extern const struct route routes_container[];
extern const struct route routes_exec[];
extern const struct route routes_network[];
extern const struct route routes_volume[];
extern const struct route routes_image[];
extern const struct route routes_registry[];
extern const struct route routes_commit[];
extern const struct route routes_events[];

#endif
