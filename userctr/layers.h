/* userctr/layers.h - layers as one tree, mounted nowhere. */
#ifndef USERCTR_LAYERS_H
#define USERCTR_LAYERS_H

struct err;

/*
 * Open layers (absolute directories, topmost first, colon-separated) as one tree.
 *
 *   upper, work   where changes go: no other mount may have these at the time; NULL = read-only
 *
 * Returns  an O_PATH descriptor, caller owns; the mount goes with it
 */
int layers_open(const char *lower, const char *upper, const char *work, struct err *e);

#endif
