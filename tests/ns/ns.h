/* tests/ns/ns.h - a network namespace of its own for a test program, and helpers for what lies around it. */
#ifndef NS_NS_H
#define NS_NS_H

#include "tests/unit/test.h"

#include "lib/base/err.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

/* Fail with the message of an error. */
#define assert_ok(call)                                                                                              \
	do {                                                                                                         \
		struct err e_ = {0};                                                                                 \
		(void)e_;                                                                                            \
		int r_ = (call);                                                                                     \
		if (r_ < 0)                                                                                          \
			fail_msg("%s: %d: %s", #call, r_, e_.msg);                                                   \
	} while (0)
#define E (&e_)

/* The calling process moves into a new network namespace, with a user namespace where it is not root. False: the machine
 * does not let us; the caller skips. */
static inline int ns_enter(void)
{
	return unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET);
}

/* Another new one; the caller stays where it is. Returns its descriptor. */
static inline int ns_other(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(home >= 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	int other = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(other >= 0);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	close(home);
	return other;
}

#endif
