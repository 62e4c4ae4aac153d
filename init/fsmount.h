/* init/fsmount.h - mount without a place: a descriptor that can be attached later, or just closed. */
#ifndef INIT_FSMOUNT_H
#define INIT_FSMOUNT_H

struct err;

struct fsmount_option {
	const char *key, *value; /* value NULL: a flag */
};

/*
 * Make a detached mount.
 *
 *   source   device, or NULL
 *   options  ends with a NULL key; may be NULL
 *   attr     MOUNT_ATTR_*
 *
 * Returns  a descriptor of the mount, caller owns
 * Errors   of the file system, with its own words when it has any
 * Blocks   on the device
 */
int fsmount_new(const char *fstype, const char *source, const struct fsmount_option *options, unsigned attr,
		struct err *e);

/* Attach a detached mount at an existing directory. */
int fsmount_attach(int mount, const char *target, struct err *e);

#endif
