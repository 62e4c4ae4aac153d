/* lib/codec/svcdef.h - the compiled service table: what PID 1 must know of a service, in records of one size.
 *
 * Written at build time (and for a user's services at run time) by `slipway service compile` from service.yml files;
 * read by PID 1 without parsing. Numbers are little-endian as the machine's. A table is a header and two arrays.
 *
 *   struct svcdef_header  magic "SLIPSVC2", sizes of the records, counts
 *   struct svcdef         x count
 *   struct svcdef_socket  x socket_count
 *
 * svcdef_check() refuses a record that could make PID 1 misbehave: every string NUL-ended, every index in range.
 */
#ifndef CODEC_SVCDEF_H
#define CODEC_SVCDEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define SVCDEF_MAGIC "SLIPSVC2"
#define SVCDEF_NAME_MAX 32   /* with the NUL */
#define SVCDEF_BUNDLE_MAX 96 /* with the NUL */
#define SVCDEF_DEPS_MAX 8
#define SVCDEF_COUNT_MAX 1024
#define SVCDEF_SOCKETS_MAX 128 /* of all services */
#define SVCDEF_SOCKETS_EACH_MAX 8
#define SVCDEF_FDSTORE_EACH_MAX 128
#define SVCDEF_SOCKET_NAME_MAX 24 /* with the NUL */
#define SVCDEF_SOCKET_PATH_MAX 100 /* with the NUL; less than sun_path */

enum svcdef_restart {
	SVCDEF_RESTART_NO = 1,
	SVCDEF_RESTART_ON_FAILURE = 2,
	SVCDEF_RESTART_ALWAYS = 3,
};

enum svcdef_ready {
	SVCDEF_READY_STARTED = 1, /* once it has exec'ed */
	SVCDEF_READY_NOTIFY = 2,  /* READY=1 on its NOTIFY_SOCKET */
	SVCDEF_READY_EXIT = 3,	  /* one-shot: once it has exited with 0 */
};

/* What a dependency waits for: Compose's three conditions. */
enum svcdef_condition {
	SVCDEF_DEP_STARTED = 1,	  /* service_started */
	SVCDEF_DEP_READY = 2,	  /* service_healthy */
	SVCDEF_DEP_COMPLETED = 3, /* service_completed_successfully */
};

enum svcdef_flag {
	SVCDEF_BOOT = 1u << 0,	       /* part of "ready": the boot line waits for it */
	SVCDEF_CREATE_ONLY = 1u << 1,  /* never started by the graph */
	SVCDEF_MAY_POWER = 1u << 2,    /* its reboot(2) inside a PID namespace is obeyed */
	SVCDEF_CONSOLE = 1u << 3,      /* the emergency console takes over when it cannot be started */
	SVCDEF_ON_DEMAND = 1u << 4,    /* started by the first who comes to one of its sockets; not by the graph */
};

struct svcdef_dep {
	uint16_t index;	    /* into the table */
	uint8_t condition;  /* enum svcdef_condition */
	uint8_t required;   /* 0: order only; a failed dependency does not hold this one back */
};

struct svcdef {
	char name[SVCDEF_NAME_MAX];
	char bundle[SVCDEF_BUNDLE_MAX]; /* directory with config.json */
	uint32_t flags;			/* enum svcdef_flag */
	uint32_t grace_ms;		/* stop_grace_period */
	uint32_t start_timeout_ms;	/* until ready; 0 = none */
	uint16_t restart_max;		/* starts within restart_window_ms before "failed"; 0 = no limit */
	uint8_t restart;		/* enum svcdef_restart */
	uint8_t ready;			/* enum svcdef_ready */
	uint32_t restart_window_ms;
	uint32_t log_max_bytes;		/* before rotation; one old file is kept */
	uint8_t stop_signal;
	uint8_t shutdown_signal;	/* at system shutdown; 0 = stop_signal */
	uint8_t dep_count;
	uint8_t reserved;
	struct svcdef_dep deps[SVCDEF_DEPS_MAX];
	uint32_t watchdog_ms;		/* WATCHDOG=1 is due this often once it is ready; 0 = not watched */
	uint16_t socket_first;		/* into the sockets; they are its LISTEN_FDS, in this order */
	uint8_t socket_count;
	uint8_t fdstore_max;		/* descriptors that PID 1 keeps for it between instances */
};

enum svcdef_socket_type {
	SVCDEF_SOCKET_STREAM = 1,
	SVCDEF_SOCKET_DGRAM = 2,
	SVCDEF_SOCKET_SEQPACKET = 3,
};

enum svcdef_family {
	SVCDEF_UNIX = 1,
	SVCDEF_INET = 2,
	SVCDEF_INET6 = 3,
};

/* A socket that PID 1 listens on for a service, from the boot on: its clients wait instead of failing. */
struct svcdef_socket {
	char name[SVCDEF_SOCKET_NAME_MAX]; /* in LISTEN_FDNAMES */
	uint8_t type;			   /* enum svcdef_socket_type */
	uint8_t family;			   /* enum svcdef_family */
	uint16_t port;			   /* host order; 0 for unix */
	uint16_t mode;			   /* of the socket file */
	uint16_t reserved;
	uint32_t uid, gid;		   /* likewise */
	uint8_t addr[16];		   /* network order; inet uses four bytes */
	char path[SVCDEF_SOCKET_PATH_MAX]; /* of unix */
};

struct svcdef_header {
	char magic[8];
	uint32_t record_size; /* sizeof(struct svcdef) */
	uint32_t count;
	uint32_t socket_size; /* sizeof(struct svcdef_socket) */
	uint32_t socket_count;
};

/* Letters, digits, '_', '-' and '.', not beginning with '.' or '-', shorter than SVCDEF_NAME_MAX. Names become file,
 * cgroup and container names. */
bool svcdef_name_is_valid(const char *name, size_t len);

/*
 * Check a whole table in memory.
 *
 * Returns  the number of services; they start at bytes + sizeof(struct svcdef_header), the sockets behind them
 * Errors   -E_SPEC with the record and field named
 */
int svcdef_check(const void *bytes, size_t len, struct err *e);

#endif
