/* userctr/copy_tree.h - copy a directory with owners, modes, times and attributes. Runs in helpers: it blocks. */
#ifndef USERCTR_COPY_TREE_H
#define USERCTR_COPY_TREE_H

struct err;

#define COPY_DEPTH_MAX 256

/* Copy what is in directory `from` into directory `to`, and make `to` itself like `from`. Symbolic links are copied, never
 * followed. Both descriptors are borrowed and must be readable directories. */
int copy_tree(int from, int to, struct err *e);

#endif
