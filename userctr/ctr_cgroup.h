/* userctr/ctr_cgroup.h - what the kernel counts of a container. */
#ifndef USERCTR_CTR_CGROUP_H
#define USERCTR_CTR_CGROUP_H

#include <stddef.h>

struct ctr;
struct err;

/* Open its cgroup's directory. Errors: -ENOENT it has none (not running, or no cgroup v2 here) */
int ctr_cgroup_open(const struct ctr *c, struct err *e);

/* The processes of a running container, ascending; *ret is freed by the caller. */
int ctr_pids(const struct ctr *c, int **ret, size_t *ret_n, struct err *e);

#endif
