/* userctr/child.h - other lives of this program, started by the daemon: monitors and helpers. */
#ifndef USERCTR_CHILD_H
#define USERCTR_CHILD_H

#include <sys/types.h>

struct daemon;
struct err;

#define CHILD_ARGS_MAX 40

/*
 * Start /proc/self/exe with argv ("userctr", verb, ...; NULL-ended). It gets /dev/null as standard input and output, err_fd
 * (or /dev/null) as standard error, and nothing else but fd3.
 *
 *   fd3, err_fd   borrowed; -1 = none
 *   done          called once it has ended, with its wait status; may be NULL
 *
 * Returns  its pid; it is reaped by the loop
 */
pid_t child_start(struct daemon *d, const char *const argv[], int fd3, int err_fd, void (*done)(void *ctx, int status),
		  void *ctx, struct err *e);

#endif
