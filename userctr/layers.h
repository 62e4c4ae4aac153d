/* userctr/layers.h - layers as one tree, mounted nowhere. */
#ifndef USERCTR_LAYERS_H
#define USERCTR_LAYERS_H

struct err;

/*
 * Open layers (absolute directories, topmost first, colon-separated) as one read-only tree.
 *
 * Returns  an O_PATH descriptor, caller owns; the mount goes with it
 */
int layers_open(const char *lower, struct err *e);

#endif
