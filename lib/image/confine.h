/* lib/image/confine.h - how a helper gives up what it does not need. Each step can only take away. */
#ifndef IMAGE_CONFINE_H
#define IMAGE_CONFINE_H

#include <stdint.h>

struct err;

/* Mount, network, IPC and host name namespaces of our own, with `dir` as the whole file system. */
int confine_place(const char *dir, struct err *e);

/* Become this user and group, without other groups; capabilities stay until confine_caps(). */
int confine_user(unsigned id, struct err *e);

/* Keep these capabilities (bits) and no others, for good: bounding set, inheritable and ambient ones too, no_new_privs. */
int confine_caps(uint64_t keep, struct err *e);

/* No core dumps, few descriptors, this much memory. */
int confine_limits(uint64_t memory_bytes, struct err *e);

/* Only the system calls that reading a descriptor and writing a tree take. A violation ends the process. */
int confine_syscalls(struct err *e);

/* Likewise for talking to registries, and writing to what is open already or lies in a folder of one's own. */
int confine_network_syscalls(struct err *e);

#endif
