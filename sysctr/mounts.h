/* sysctr/mounts.h - what the files about mounts share; private to them. */
#ifndef SYSCTR_MOUNTS_H
#define SYSCTR_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>

#include "lib/sys/syscalls.h"
#include "sysctr/internal.h"

#define MOUNT_DATA_MAX 4096

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

enum idmap { IDMAP_NONE, IDMAP_ONE, IDMAP_REC };

/* The options of a mount, understood. */
struct want {
	unsigned long flags, propagation; /* MS_* */
	uint64_t set, clear;		  /* MOUNT_ATTR_*, of a bind mount's top */
	uint64_t rec_set, rec_clear;	  /* of it and everything below */
	enum idmap idmap;
	bool want_copy;		   /* tmpcopyup */
	char data[MOUNT_DATA_MAX]; /* what is left: the file system's own options, comma-separated */
};

int mount_options(const struct oci_mount *m, struct want *w, struct err *e);
/* MS_* of a propagation word, 0 when it is none. */
unsigned long mount_propagation(const char *name);
/* Change attributes of the mount that fd is the root of. 0 or -errno. */
int mount_attrs(int fd, uint64_t set, uint64_t clear, bool recursive);
/* Attach a detached mount at a target's descriptor. 0 or -errno. */
int mount_attach(int mnt, int target);

/* A detached, complete copy of a bind mount's source. Returns the descriptor (caller owns). */
int bind_tree(struct stage *s, const struct oci_mount *m, const struct want *w, struct err *e);

/* Copy what is below the directory from into the empty tmpfs to (mounts_copyup.c). */
int copy_up(int from, int to, struct err *e);

#endif
