/* init/limits.h - every compile-time maximum of PID 1 in one place. */
#ifndef INIT_LIMITS_H
#define INIT_LIMITS_H

#define SERVICES_MAX	 SVCDEF_COUNT_MAX
#define SOCKETS_MAX	 SVCDEF_SOCKETS_MAX
#define STORED_MAX	 256 /* descriptors kept for services, all together */
#define PASSED_MAX	 (4 + SVCDEF_SOCKETS_EACH_MAX + SVCDEF_FDSTORE_EACH_MAX) /* descriptors of a new process */
#define CONSOLES_MAX	 8
#define BOOT_STEPS_MAX	 16
#define CLIENTS_MAX	 16 /* connections to the control socket; the one idle longest makes room */
#define ORPHANS_MAX	 64 /* ends of unknown processes remembered while services start */
#define PARALLEL_MAX	 32 /* runtimes at work at the same time: each costs memory, and there are few CPUs */
#define REAP_BATCH	 256
#define REAP_TRIES	 8
#define FDS_MAX		 65536 /* RLIMIT_NOFILE of PID 1: four per service and some */
#define REASON_MAX	 128
#define STATUS_MAX	 64
#define CONSOLE_NAME_MAX 16
#define PATH_TEXT_MAX	 160 /* paths that PID 1 makes up itself */
#define LOG_READ_BYTES	 8192

#define LAUNCH_TIMEOUT_MS      60000 /* for sysctr service-run, when the service has no start timeout */
#define PAUSE_FIRST_MS	       100
#define PAUSE_MAX_MS	       30000
#define GOOD_RUN_MS	       10000 /* alive for this long: earlier failures are forgiven */
#define FAILING_STARTS	       3     /* failures in a row that the boot line reports without waiting for more */
#define GRACE_DEFAULT_MS       10000
#define CLEAN_NAG_MS	       10000 /* killed processes that are still there are named this often */
#define LOG_BYTES_DEFAULT      (1024 * 1024)
#define LOG_WINDOW_MS	       100
#define LOG_WINDOW_BYTES       (128 * 1024) /* per service and window; a flood slows its author */
#define CLIENT_IDLE_MS	       30000
#define BOOT_PATIENCE_MS       60000 /* until the consoles are told who is still awaited */
#define SHELL_PAUSE_MS	       1000
#define STATE_TIMEOUT_MS       60000 /* for mounting, journal replay included; waiting for the device comes on top */
#define STATE_WAIT_DEFAULT_MS  10000
#define SHUTDOWN_DEFAULT_S     90
#define SHUTDOWN_KILL_MS       5000
#define SHUTDOWN_UNMOUNT_MS    15000
#define POWER_AGAIN_MS	       1000
#define WATCHDOG_DEFAULT_S     60

#endif
