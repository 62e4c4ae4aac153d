/* init/state_probe.h - find and mount the state partition: the body of a child of PID 1, which parses no disk itself.
 *
 *   probe ──► PID 1    struct state_report, one message; on success with STATE_FDS detached mounts (SCM_RIGHTS):
 *                      the state file system, then a bind of each directory in state_dirs[]
 */
#ifndef INIT_STATE_PROBE_H
#define INIT_STATE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#define STATE_DIRS 5
#define STATE_FDS  (1 + STATE_DIRS)

struct state_dir {
	const char *path; /* below the state file system, and below / */
	unsigned mode;
};
extern const struct state_dir state_dirs[STATE_DIRS];

/* What to look for. */
struct state_want {
	bool is_memory;	     /* none: a tmpfs */
	char spec[64];	     /* "LABEL=", "UUID=" or a device; "" = the labels known by default */
	char fstype[16];     /* "auto", "ext4", "vfat" */
	char directory[128]; /* of the partition, to use as its root; "" = all of it */
	int64_t wait_ms;     /* for the device to appear */
};

struct state_report {
	int32_t code;	  /* 0, ENODEV when there is no such partition, else errno / E_* */
	int32_t reserved;
	int64_t stamp_s;  /* time of the last shutdown; 0 = unknown */
	char device[64];  /* "" while none was found */
	char fstype[16];
	char msg[416];	  /* what and why; on success a remark or "" */
};

/* Never returns. sock is where the report goes. */
_Noreturn void state_probe(const struct state_want *want, int sock);

#endif
